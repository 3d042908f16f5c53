/* Fetching from sites that mean harm: nothing of one's own network is reached, by whatever name, and nothing
 * large, slow or endless holds anybody up. The hostile site is on loopback, and one address and port of it is
 * allowed by fetch_allow; all else of loopback stays refused. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/fetch.h"
#include "fcgi/drivers/fetch_names.h"
#include "fcgi/drivers/fetch_place.h"
#include "tests/service/fixture_web.h"
#include "tests/service/servers.h"

static struct web web, other; /* what is allowed, and what is not */
static struct fetches *fetches;
static struct config *config;
static struct env env;
static struct ctx context, *ctx = &context;

static void set_up(void) {
    char allow[64];

    web_start(&web);
    web_start(&other);
    fetches = fetches_open();
    snprintf(allow, sizeof allow, "127.0.0.1:%d", web.port);
    setenv("DEEPLINK_FETCH_ALLOW", allow, 1);
    setenv("DEEPLINK_BASE_URL", "https://social.example.org", 1);
    config = config_read(NULL, stderr);
    ck_assert_ptr_nonnull(config);
    env = (struct env){.config = config};
    context = test_ctx(&env);
}

static void tear_down(void) {
    fetches_close(fetches);
    web_stop(&web);
    web_stop(&other);
    config_free(config);
    test_ctx_end();
}

/* ---- Short ways */

static const char *const html[] = {"text/html", "application/xhtml+xml", NULL};

static struct fetch_request request(const char *url) {
    return (struct fetch_request){.url = url,
                                  .schemes = "http,https",
                                  .accept = "text/html",
                                  .types = html,
                                  .max = 1 << 20,
                                  .timeout_ms = 5000};
}

/* A call and what has come of it. */
struct got {
    struct ctx ctx; /* of its own, as in a flight */
    struct fetch_reply reply;
    enum code code;
    bool is_over;
    int place; /* the how many-th it was to be over */
};
static int n_over;

static void take(void *arg, enum code code, const struct fetch_reply *reply) {
    struct got *g = arg;

    ck_assert(!g->is_over);
    g->code = code;
    g->reply = *reply;
    g->is_over = true;
    g->place = ++n_over;
}

static struct got *start(struct fetch_request req) {
    struct got *g = arena_one(ctx->arena, struct got);

    g->ctx = *ctx;
    g->ctx.error = (struct error){0};
    req.done = take;
    req.arg = g;
    fetch_begin(&g->ctx, fetches, &req);
    return g;
}

static void finish_all(void) {
    while (fetch_step(fetches, 50) > 0)
        continue;
}

static enum code fetch_get(struct ctx *c, const struct fetch_request *req, struct fetch_reply *ret) {
    struct got *g = start(*req);

    finish_all();
    ck_assert(g->is_over);
    c->error = g->ctx.error;
    *ret = g->reply;
    return g->code;
}

static const char *at(const char *name) {
    return arena_printf(ctx->arena, "http://127.0.0.1:%d/%s", web.port, name);
}

static enum code get(const char *url, struct fetch_reply *ret) {
    struct fetch_request req = request(url);

    fail_clear(ctx);
    return fetch_get(ctx, &req, ret);
}

static void expect(const char *url, enum code code) {
    struct fetch_reply r;
    enum code is = get(url, &r);

    ck_assert_msg(is == code, "%s: %s instead of %s (%s)", url, code_name(is), code_name(code),
                  ctx->error.detail);
}

static void page(const char *name, const char *body) {
    web_page(&web, name, "text/html", "", body, strlen(body));
}

static void redirect(const char *name, const char *to) {
    const char *all =
        arena_printf(ctx->arena, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", to);

    web_raw(&web, name, all, strlen(all));
}

/* ---- What is well-behaved */

#define TEXT(s) s, sizeof s - 1

START_TEST(a_page_is_fetched) {
    struct fetch_reply r;

    web_page(&web, "a", "Text/HTML; charset=\"ISO-8859-1\"", "X-Robots-Tag: NoSnippet\r\nX-Robots-Tag: x\r\n",
             "<p>hi", 5);
    ck_ok(ctx, get(at("a#here"), &r));
    ck_assert_str_eq(r.body, "<p>hi");
    ck_assert_str_eq(r.type, "text/html");
    ck_assert_str_eq(r.charset, "ISO-8859-1");
    ck_assert_ptr_nonnull(strstr(r.robots, "nosnippet"));
    ck_assert_str_eq(r.url, at("a"));
    redirect("b", "/a");
    ck_ok(ctx, get(at("b"), &r));
    ck_assert_str_eq(r.url, at("a"));
    page("empty", "");
    ck_ok(ctx, get(at("empty"), &r));
    ck_assert_uint_eq(r.n, 0);
}
END_TEST

START_TEST(what_is_not_there_or_of_another_type_is_said_so) {
    web_page(&web, "zip", "application/zip", "", "PK", 2);
    web_page(&web, "image", "image/png", "", "\x89PNG", 4);
    web_raw(&web, "down", TEXT("HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n"));
    web_raw(&web, "old", TEXT("<html>HTTP/0.9"));
    expect(at("nothing"), NOT_FOUND);
    expect(at("zip"), INVALID);
    expect(at("image"), INVALID);
    expect(at("down"), UNAVAILABLE);
    expect(at("old"), INVALID);
    ck_assert(fetch_may_pass(UNAVAILABLE) && fetch_may_pass(DEADLINE) && !fetch_may_pass(DENIED));
}
END_TEST

START_TEST(a_file_takes_the_body) {
    static const char *const images[] = {"image/", NULL};
    struct fetch_request req = request(at("image"));
    struct fetch_reply r;
    char back[8];
    int fd = memfd_create("body", MFD_CLOEXEC);

    web_page(&web, "image", "image/png", "", "\x89PNG", 4);
    req.types = images;
    req.to_file = true;
    req.fd = fd;
    ck_ok(ctx, fetch_get(ctx, &req, &r));
    ck_assert_ptr_null(r.body);
    ck_assert_uint_eq(r.n, 4);
    ck_assert_int_eq(pread(fd, back, sizeof back, 0), 4);
    ck_assert_mem_eq(back, "\x89PNG", 4);
    close(fd);
}
END_TEST

/* ---- One's own network */

START_TEST(loopback_is_not_reached_by_any_name) {
    static const char *const hosts[] = {
        "127.0.0.1",    "localhost",          "2130706433",      "0177.0.0.1", "0x7f.1",
        "127.1",        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0",    "%31%32%37.0.0.1",
        "127。0。0。1", "１２７.0.0.1",       "127.0.0.1.",      "LOCALHOST."};

    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        const char *url = arena_printf(ctx->arena, "http://%s:%d/a", hosts[i], other.port);
        struct fetch_reply r;
        enum code c = get(url, &r);

        ck_assert_msg(c == DENIED || c == INVALID || c == UNAVAILABLE, "%s: %s", url, code_name(c));
    }
    expect(arena_printf(ctx->arena, "http://[::1]:%d/a", other.port6), DENIED);
    ck_assert_int_eq(web_asked(&other, "*"), 0);
}
END_TEST

START_TEST(no_other_port_and_no_metadata) {
    expect("http://169.254.169.254/latest/meta-data/", DENIED);
    expect("http://[fd00:ec2::254]/", DENIED);
    expect("http://[64:ff9b::7f00:1]/", DENIED); /* NAT64, also with a prefix of one's own */
    expect("http://[64:ff9b::a9fe:a9fe]/", DENIED);
    expect("http://[64:ff9b:1::7f00:1]/", DENIED);
    expect("http://[2002:7f00:1::]/", DENIED); /* 6to4 of 127.0.0.1, 10.0.0.1, 192.168.0.1 */
    expect("http://[2002:a00:1::1]/", DENIED);
    expect("http://[2002:c0a8:1::1]/", DENIED);
    expect("http://[2001::7f00:1]/", DENIED);    /* Teredo */
    expect("http://[::ffff:10.0.0.1]/", DENIED); /* mapped, compatible, translated */
    expect("http://[::127.0.0.1]/", DENIED);
    expect("http://[::ffff:0:7f00:1]/", DENIED);
    expect("http://[::]/", DENIED);
    expect("http://[fe80::1]/", DENIED);
    expect("http://100.100.100.200/", DENIED);
    expect("http://8.8.8.8:22/", DENIED);
    expect("http://8.8.8.8:25/", DENIED);
    expect("http://[2001:4860:4860::8888]:25/", DENIED);
    expect("https://1.1.1.1:6379/", DENIED);
}
END_TEST

START_TEST(only_plain_urls) {
    static const char *const bad[] = {
        "ftp://example.org/",      "file:///etc/passwd",  "http://user@example.org/",
        "http://a:b@example.org/", "gopher://127.0.0.1/", "http://",
        "http://exa mple.org/",    "javascript:alert(1)", "//example.org/",
        "http://exa\tmple.org/",   "http://a_b$c.org/",   ""};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(fetch_url(ctx, bad[i]) == NULL, "%s", bad[i]);
        expect(bad[i], INVALID);
    }
    ck_assert_ptr_null(fetch_url(ctx, arena_printf(ctx->arena, "https://a.org/%02000d", 1)));
    ck_assert_str_eq(fetch_url(ctx, "HTTPS://WWW.Example.ORG:443#x"), "https://www.example.org/");
    ck_assert_str_eq(fetch_url(ctx, "http://bücher.example/ä?q=ö"),
                     "http://xn--bcher-kva.example/%c3%a4?q=%c3%b6");
    ck_assert_str_eq(fetch_host(ctx, "https://www.bücher.example/x"), "xn--bcher-kva.example");
    ck_assert_str_eq(fetch_host(ctx, "mailto:a@b.org"), "");
}
END_TEST

START_TEST(redirects_are_checked_like_anything_else) {
    const char *to[] = {
        arena_printf(ctx->arena, "http://127.0.0.1:%d/secret", other.port),
        arena_printf(ctx->arena, "http://[::1]:%d/secret", other.port6),
        arena_printf(ctx->arena, "http://localhost:%d/secret", other.port),
        arena_printf(ctx->arena, "//2130706433:%d/secret", other.port),
    };

    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        redirect("away", to[i]);
        expect(at("away"), DENIED);
    }
    {
        static const char *const schemes[] = {
            "file:///etc/passwd",         "gopher://127.0.0.1:6379/_FLUSHALL",
            "dict://127.0.0.1:6379/info", "ftp://127.0.0.1/",
            "data:text/html,x",           "javascript:alert(1)",
            "ldap://127.0.0.1/"};
        static const char *const places[] = {"http://8.8.8.8:25/", "http://[::ffff:127.0.0.1]/",
                                             "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/"};

        for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
            redirect("away", schemes[i]);
            expect(at("away"), INVALID);
        }
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            redirect("away", places[i]);
            expect(at("away"), DENIED);
        }
    }
    redirect("away", arena_printf(ctx->arena, "http://user:word@127.0.0.1:%d/", web.port));
    expect(at("away"), INVALID);
    ck_assert_int_eq(web_asked(&other, "*"), 0);
}
END_TEST

START_TEST(redirects_end) {
    redirect("round", "/round");
    expect(at("round"), INVALID);
    ck_assert_int_eq(web_asked(&web, "round"), FETCH_REDIRECTS + 1);
    redirect("to", "/fro");
    redirect("fro", "/to");
    expect(at("to"), INVALID);
    ck_assert_int_eq(web_asked(&web, "to") + web_asked(&web, "fro"), FETCH_REDIRECTS + 1);
}
END_TEST

/* ---- A name server that changes its mind */

static const char *answers[4];
static int asked;

static int lying(const char *host, const char *port, struct addrinfo **ret) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    const char *answer = answers[asked < 3 ? asked : 3];

    (void)host;
    asked++;
    return getaddrinfo(answer, port, &hints, ret);
}

START_TEST(a_name_is_looked_up_once_and_that_is_used) {
    int (*before)(const char *, const char *, struct addrinfo **) = fetch_look_up;
    struct fetch_reply r;
    const char *url = arena_printf(ctx->arena, "http://rebinding.example:%d/a", web.port);

    page("a", "hello");
    redirect("again", arena_printf(ctx->arena, "http://rebinding.example:%d/a", web.port));
    fetch_look_up = lying;
    answers[0] = "127.0.0.1"; /* which is allowed at this port */
    answers[1] = answers[2] = answers[3] = "127.0.0.2";
    asked = 0;
    ck_ok(ctx, get(url, &r));
    ck_assert_int_eq(asked, 1);
    ck_assert_str_eq(r.url, url);
    asked = 0; /* the redirect to the same name asks anew, and is told another address */
    expect(arena_printf(ctx->arena, "http://rebinding.example:%d/again", web.port), DENIED);
    ck_assert_int_eq(asked, 2);
    fetch_look_up = before;
}
END_TEST

/* ---- Too much, too slow */

START_TEST(what_does_not_end_is_cut_or_refused) {
    struct fetch_request req = request(at("endless"));
    struct fetch_reply r;

    req.max = 100000;
    req.cut = true;
    ck_ok(ctx, fetch_get(ctx, &req, &r));
    ck_assert(r.cut);
    ck_assert_uint_eq(r.n, 100000);
    req.cut = false;
    ck_code(ctx, fetch_get(ctx, &req, &r), EXHAUSTED);
    web_raw(&web, "long",
            TEXT("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99999999\r\n\r\nx"));
    req.url = at("long");
    ck_code(ctx, fetch_get(ctx, &req, &r), EXHAUSTED);
}
END_TEST

START_TEST(what_unpacks_to_very_much_takes_no_memory) {
    struct rusage before, after;
    struct fetch_request req = request(at("bomb"));
    struct fetch_reply r;

    getrusage(RUSAGE_SELF, &before);
    ck_code(ctx, fetch_get(ctx, &req, &r), EXHAUSTED);
    req.cut = true;
    ck_ok(ctx, fetch_get(ctx, &req, &r));
    ck_assert_uint_eq(r.n, req.max);
    getrusage(RUSAGE_SELF, &after);
    ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 16 * 1024);
}
END_TEST

START_TEST(what_is_slow_ends_in_time) {
    static const char *const slow[] = {"drip", "drip-headers", "silent"};

    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
        struct fetch_request req = request(at(slow[i]));
        struct fetch_reply r;
        int64_t begun_us = clock_mono_us();

        req.timeout_ms = 600;
        ck_code(ctx, fetch_get(ctx, &req, &r), DEADLINE);
        ck_assert_int_lt(clock_mono_us() - begun_us, 3000000);
    }
}
END_TEST

START_TEST(headers_have_an_end) { expect(at("headers"), EXHAUSTED); }
END_TEST

static int sleepy(const char *host, const char *port, struct addrinfo **ret) {
    (void)host;
    (void)port;
    (void)ret;
    return EAI_AGAIN;
}

START_TEST(a_name_that_nobody_knows_may_come_later) {
    int (*before)(const char *, const char *, struct addrinfo **) = fetch_look_up;

    fetch_look_up = sleepy;
    expect("http://nowhere.example/", UNAVAILABLE);
    fetch_look_up = before;
}
END_TEST

/* ---- Side by side */

static int never(const char *host, const char *port, struct addrinfo **ret) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};

    if (strcmp(host, "silent.example") == 0)
        pause(); /* for good: the thread ends with the process */
    return getaddrinfo("127.0.0.1", port, &hints, ret);
}

static const char *named(const char *host, const char *name) {
    return arena_printf(ctx->arena, "http://%s:%d/%s", host, web.port, name);
}

/* A name server, servers and headers that never come to an end: who comes after them is there before. */
START_TEST(who_is_slow_holds_up_nobody_else) {
    static const char *const slow[] = {"drip", "drip-headers", "silent"};
    int (*before)(const char *, const char *, struct addrinfo **) = fetch_look_up;
    struct got *gots[4], *quick;

    page("a", "hello");
    fetch_look_up = never;
    for (size_t i = 0; i < 3; i++)
        gots[i] = start(request(named(arena_printf(ctx->arena, "s%zu.example", i), slow[i])));
    gots[3] = start(request(named("silent.example", "a")));
    quick = start(request(named("quick.example", "a")));
    while (!quick->is_over)
        ck_assert_uint_gt(fetch_step(fetches, 50), 0);
    ck_assert_int_eq(quick->code, OK);
    ck_assert_int_eq(quick->place, 1);
    finish_all();
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(gots[i]->code, DEADLINE);
    fetch_look_up = before;
}
END_TEST

/* Two that say nothing are all that a host is asked at once: the others come when those are over, in turn,
 * and another host's is there before. */
START_TEST(no_host_is_asked_by_many_at_once) {
    int (*before)(const char *, const char *, struct addrinfo **) = fetch_look_up;
    struct got *gots[6], *other_host;

    page("a", "hello");
    fetch_look_up = never;
    for (int i = 0; i < FETCH_SAME_HOST; i++) {
        struct fetch_request req = request(named("busy.example", "silent"));

        req.timeout_ms = 1500;
        gots[i] = start(req);
    }
    while (web_asked(&web, "silent") < FETCH_SAME_HOST)
        fetch_step(fetches, 10);
    for (int i = FETCH_SAME_HOST; i < 6; i++)
        gots[i] = start(request(named("busy.example", "a")));
    other_host = start(request(named("other.example", "a")));
    finish_all();
    ck_assert_int_eq(other_host->place, 1);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(gots[i]->code, i < FETCH_SAME_HOST ? DEADLINE : OK);
    for (int i = FETCH_SAME_HOST; i < 6; i++)
        for (int k = 0; k < FETCH_SAME_HOST; k++)
            ck_assert_int_gt(gots[i]->place, gots[k]->place);
    fetch_look_up = before;
}
END_TEST

/* Each has the addresses that its own look-up gave, also for one name. */
START_TEST(what_one_learns_of_a_name_the_other_does_not_use) {
    int (*before)(const char *, const char *, struct addrinfo **) = fetch_look_up;
    const char *url = arena_printf(ctx->arena, "http://rebinding.example:%d/a", web.port);
    struct got *first, *second;

    page("a", "hello");
    fetch_look_up = lying;
    answers[0] = "127.0.0.1";
    answers[1] = answers[2] = answers[3] = "127.0.0.2";
    asked = 0;
    first = start(request(url));
    while (asked == 0)
        fetch_step(fetches, 5);
    second = start(request(url));
    finish_all();
    ck_assert_int_eq(first->code, OK);
    ck_assert_int_eq(second->code, DENIED);
    fetch_look_up = before;
}
END_TEST

START_TEST(what_is_stopped_is_said_so) {
    struct got *a = start(request(at("silent"))), *b = start(request(at("drip")));

    fetch_step(fetches, 10);
    fetches_stop(fetches);
    ck_assert(a->is_over && b->is_over);
    ck_assert_int_eq(a->code, CANCELLED);
    ck_assert_int_eq(b->code, CANCELLED);
    ck_assert_uint_eq(fetch_step(fetches, 10), 0);
    (void)start(request(at("silent"))); /* and is given up with all of them */
    fetch_step(fetches, 10);
}
END_TEST

/* ---- TLS */

/* Instead of the sites that are there. */
static void set_up_tls(void) {
    web_stop(&web);
    web_stop(&other);
    web_start_tls(&web, "127.0.0.1");
    web_start_tls(&other, "other.example");
    config->fetch_allow = arena_printf(ctx->arena, "127.0.0.1:%d 127.0.0.1:%d 127.0.0.1:%d", web.port,
                                       web.port_tls, other.port_tls);
}

static const char *secure(const struct web *w, const char *name) {
    return arena_printf(ctx->arena, "https://127.0.0.1:%d/%s", w->port_tls, name);
}

START_TEST(a_certificate_is_for_this_name_and_of_an_authority_that_is_known) {
    struct fetch_reply r;

    set_up_tls();
    page("a", "hello");
    expect(secure(&web, "a"), UNAVAILABLE); /* nobody knows who has signed it */
    ck_assert_int_eq(web_asked(&web, "a"), 0);
    config->fetch_ca = web.ca;
    ck_ok(ctx, get(secure(&web, "a"), &r));
    ck_assert_str_eq(r.body, "hello");
    /* The other site's certificate is as good, and for another name. */
    config->fetch_ca = other.ca;
    expect(secure(&other, "a"), UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(ctx->error.detail, "certificate"));
    ck_assert_int_eq(web_asked(&other, "a"), 0);
}
END_TEST

START_TEST(https_alone_is_https_all_the_way) {
    struct fetch_request req;
    struct fetch_reply r;

    set_up_tls();
    req = request(at("a"));
    page("a", "hello");
    config->fetch_ca = web.ca;
    req.schemes = "https";
    ck_code(ctx, fetch_get(ctx, &req, &r), INVALID);
    ck_assert_int_eq(web_asked(&web, "*"), 0);
    req.url = secure(&web, "a");
    ck_ok(ctx, fetch_get(ctx, &req, &r));
    redirect("down", at("a"));
    req.url = secure(&web, "down");
    ck_code(ctx, fetch_get(ctx, &req, &r), INVALID);
    ck_assert_int_eq(web_asked(&web, "a"), 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {a_page_is_fetched,
                                  what_is_not_there_or_of_another_type_is_said_so,
                                  a_file_takes_the_body,
                                  loopback_is_not_reached_by_any_name,
                                  no_other_port_and_no_metadata,
                                  only_plain_urls,
                                  redirects_are_checked_like_anything_else,
                                  redirects_end,
                                  a_name_is_looked_up_once_and_that_is_used,
                                  what_does_not_end_is_cut_or_refused,
                                  what_unpacks_to_very_much_takes_no_memory,
                                  what_is_slow_ends_in_time,
                                  headers_have_an_end,
                                  a_name_that_nobody_knows_may_come_later,
                                  who_is_slow_holds_up_nobody_else,
                                  no_host_is_asked_by_many_at_once,
                                  what_one_learns_of_a_name_the_other_does_not_use,
                                  what_is_stopped_is_said_so,
                                  a_certificate_is_for_this_name_and_of_an_authority_that_is_known,
                                  https_alone_is_https_all_the_way};
    Suite *s = suite_create("fetch");
    TCase *t = tcase_create("fetch");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(t, tests[i]);
    suite_add_tcase(s, t);
    return run_suite(s);
}
