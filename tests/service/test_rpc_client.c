/* Our client against a stock gRPC server (grpcio), against peers that break the protocol, and against nobody.
 */
#include <check.h>
#undef fail
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/rpc_client.h"
#include "fcgi/rpc_lookup.h"
#include "fcgi/rpc_tls.h"

static struct ctx ctx;
static struct rpc_client *client;
static FILE *to_peer, *from_peer;
static pid_t peer;
static int port, sealed[5]; /* sealed: of TLS, see tests/grpc/peer.py */
static char folder[512];    /* of certificates */
static char got[8][64];     /* the first messages of a call */
static size_t n_got, last_n, enough;

static enum code take(struct ctx *c, const unsigned char *p, size_t n, void *arg) {
    (void)arg;
    if (n_got < 8)
        snprintf(got[n_got], sizeof got[0], "%.*s", (int)(n < 63 ? n : 63), (const char *)p);
    n_got++;
    last_n = n;
    return n_got == enough ? fail(c, ABORTED, "enough") : OK;
}

static struct rpc_exchange x;

static enum code call_for(const char *path, const char *request, bool stream, int ms) {
    n_got = last_n = 0;
    fail_clear(&ctx);
    x = (struct rpc_exchange){.path = path,
                              .p = (const unsigned char *)request,
                              .n = strlen(request),
                              .stream = stream,
                              .deadline_us = clock_mono_us() + (int64_t)ms * 1000,
                              .take = take};
    return rpc_client_exchange(&ctx, client, &x);
}

static enum code call(const char *path, const char *request) { return call_for(path, request, false, 10000); }

/* ---- the stock server ---- */

static void tell(const char *word) {
    char line[16];
    fprintf(to_peer, "%s\n", word);
    fflush(to_peer);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, from_peer));
}

static void start_peer(void) {
    char path[512], line[64];
    int in[2], out[2];
    signal(SIGPIPE, SIG_IGN);
    ck_assert(pipe(in) == 0 && pipe(out) == 0);
    snprintf(folder, sizeof folder, "%s/peer-tls", getenv("TEST_DIR"));
    peer = fork();
    if (peer == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        snprintf(path, sizeof path, "%s/tests/grpc/peer.py", getenv("TEST_ROOT"));
        execl(getenv("TEST_PYTHON"), getenv("TEST_PYTHON"), path, folder, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_peer = fdopen(in[1], "w");
    from_peer = fdopen(out[0], "r");
    ck_assert_msg(fgets(line, sizeof line, from_peer) != NULL, "tests/grpc/peer.py does not start");
    ck_assert_int_eq(
        sscanf(line, "%d %d %d %d %d %d", &port, &sealed[0], &sealed[1], &sealed[2], &sealed[3], &sealed[4]),
        6);
}

static void end_peer(void) {
    kill(peer, SIGKILL);
    waitpid(peer, NULL, 0);
}

static void setup(void) {
    char address[64];
    ctx = (struct ctx){.arena = arena_new((size_t)64 << 20),
                       .request_id = "r-1",
                       .ip = "192.0.2.7",
                       .user_agent = "Ü/1",
                       .viewer_id = 42,
                       .permissions = 5,
                       .session_id = 7,
                       .token_id = 8,
                       .app_id = 9};
    snprintf(address, sizeof address, "grpc://127.0.0.1:%d", port);
    client = rpc_client_new(address, "sesame-sesame-sesame", NULL);
}

static void teardown(void) {
    rpc_client_free(client);
    arena_free(ctx.arena);
}

START_TEST(a_call_is_answered) {
    ck_assert_int_eq(call("/t.T/Echo", "hello"), OK);
    ck_assert_str_eq(got[0], "hello");
    ck_assert_int_eq(call("/t.T/Empty", "hello"), OK);
    ck_assert_uint_eq(n_got, 1);
    for (int i = 0; i < 500; i++)
        ck_assert_int_eq(call("/t.T/Echo", "again"), OK);
}
END_TEST

START_TEST(context_travels) {
    static char text[4096];
    ck_assert_int_eq(call("/t.T/Metadata", ""), OK);
    ck_assert_uint_lt(last_n, sizeof text);
    ck_assert_int_eq(call_for("/t.T/Left", "", false, 5000), OK);
    ck_assert_msg(atoi(got[0]) > 4000 && atoi(got[0]) <= 5000, "%s ms are left", got[0]);
}
END_TEST

static char metadata[4096];
static enum code take_all(struct ctx *c, const unsigned char *p, size_t n, void *arg) {
    (void)c;
    (void)arg;
    snprintf(metadata, sizeof metadata, "%.*s", (int)n, (const char *)p);
    return OK;
}

START_TEST(all_that_rules_use_is_told) {
    static const char *const wanted[] = {"authorization: Bearer sesame-sesame-sesame",
                                         "deeplink-request: r-1",
                                         "deeplink-viewer: 42",
                                         "deeplink-permissions: 5",
                                         "deeplink-session: 7",
                                         "deeplink-token: 8",
                                         "deeplink-app: 9",
                                         "deeplink-ip: 192.0.2.7",
                                         "deeplink-agent: %C3%9C/1",
                                         "deeplink-language: en",
                                         "deeplink-depth: 1"};
    x = (struct rpc_exchange){.path = "/t.T/Metadata",
                              .p = (const unsigned char *)"",
                              .deadline_us = clock_mono_us() + 10000000,
                              .take = take_all};
    ck_assert_int_eq(rpc_client_exchange(&ctx, client, &x), OK);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        ck_assert_msg(strstr(metadata, wanted[i]) != NULL, "%s is not in %s", wanted[i], metadata);
}
END_TEST

START_TEST(every_status_comes_back) {
    static const enum code codes[][2] = {
        {CANCELLED, CANCELLED},     {UNKNOWN, UNKNOWN},           {INVALID, INVALID},
        {DEADLINE, DEADLINE},       {NOT_FOUND, NOT_FOUND},       {EXISTS, EXISTS},
        {DENIED, INTERNAL},         {EXHAUSTED, EXHAUSTED},       {PRECONDITION, PRECONDITION},
        {ABORTED, ABORTED},         {OUT_OF_RANGE, OUT_OF_RANGE}, {UNIMPLEMENTED, UNIMPLEMENTED},
        {INTERNAL, INTERNAL},       {UNAVAILABLE, UNAVAILABLE},   {DATA_LOSS, DATA_LOSS},
        {UNAUTHENTICATED, INTERNAL}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        const char *path = arena_printf(ctx.arena, "/t.T/Code%d", codes[i][0]);
        ck_assert_msg(call(path, "") == codes[i][1], "%s gives %s", path, code_name(ctx.error.code));
        ck_assert_msg(strstr(ctx.error.detail, "50 % of Ü\nis: wrong") != NULL, "%s", ctx.error.detail);
        ck_assert_uint_eq(n_got, 0);
    }
    ck_assert_int_eq(call("/t.T/Missing", ""), UNIMPLEMENTED);
    ck_assert(x.failed);
    ck_assert_int_eq(call("/t.T/Code5", ""), NOT_FOUND);
    ck_assert_str_eq(ctx.error.text, "50 % of Ü\nis: wrong");
    ck_assert(!x.failed);
}
END_TEST

START_TEST(a_deadline_is_kept) {
    int64_t begin = clock_mono_us();
    ck_assert_int_eq(call_for("/t.T/Slow", "", false, 200), DEADLINE);
    ck_assert_msg(clock_mono_us() - begin < 1500000, "it took %lld us", (long long)(clock_mono_us() - begin));
    ck_assert(x.failed && x.reached);
    ck_assert_int_eq(ctx.error.http, 503);
    ck_assert_int_gt(ctx.error.retry_after, 0);
    ck_assert_int_eq(call("/t.T/Echo", "after that"), OK); /* on the same connection */
}
END_TEST

START_TEST(ok_needs_one_whole_message) {
    ck_assert_int_eq(call("/t.T/None", ""), INTERNAL);
    ck_assert(x.failed);
    ck_assert_int_eq(call("/t.T/Two", ""), INTERNAL);
    ck_assert(x.failed);
    ck_assert_int_eq(call("/t.T/Echo", "fine"), OK);
}
END_TEST

START_TEST(messages_have_a_limit) {
    ck_assert_int_eq(call("/t.T/Most", ""), OK);
    ck_assert_uint_eq(last_n, 4 << 20);
    ck_assert_int_eq(call("/t.T/Large", ""), EXHAUSTED);
    ck_assert_int_eq(call("/t.T/Echo", "fine"), OK);
}
END_TEST

START_TEST(a_stream_comes_message_by_message) {
    ck_assert_int_eq(call_for("/t.T/Count", "10000", true, 60000), OK);
    ck_assert_uint_eq(n_got, 10000);
    ck_assert_str_eq(got[7], "7");
    ck_assert_int_eq(call_for("/t.T/None", "", true, 10000), OK);
    ck_assert_uint_eq(n_got, 0);
    ck_assert_int_eq(call_for("/t.T/Fails", "", true, 10000), NOT_FOUND);
    ck_assert_uint_eq(n_got, 1);
}
END_TEST

START_TEST(a_stream_that_stalls_is_left) {
    n_got = 0;
    x = (struct rpc_exchange){.path = "/t.T/Stalls",
                              .p = (const unsigned char *)"",
                              .stream = true,
                              .deadline_us = clock_mono_us() + 60000000,
                              .quiet_us = 300000,
                              .take = take};
    ck_assert_int_eq(rpc_client_exchange(&ctx, client, &x), DEADLINE);
    ck_assert_uint_eq(n_got, 1);
}
END_TEST

START_TEST(who_has_enough_cancels) {
    enough = 3;
    ck_assert_int_eq(call_for("/t.T/Endless", "", true, 10000), ABORTED);
    enough = 0;
    ck_assert_uint_eq(n_got, 3);
    for (int try = 0; try < 200 && (call("/t.T/Ended", ""), atoi(got[0]) == 0); try++)
        usleep(20000);
    ck_assert_int_gt(atoi(got[0]), 0);
}
END_TEST

START_TEST(a_server_that_went_and_came_is_called_anew) {
    ck_assert_int_eq(call("/t.T/Echo", "before"), OK);
    tell("stop"); /* GOAWAY on our kept connection */
    ck_assert_int_eq(call("/t.T/Echo", "while it is away"), UNAVAILABLE);
    ck_assert(x.failed && !x.reached);
    ck_assert_int_gt(ctx.error.retry_after, 0);
    tell("again");
    ck_assert_int_eq(call("/t.T/Echo", "after"), OK);
}
END_TEST

/* ---- peers that break the protocol: a thread that answers with these bytes, whatever it is asked ---- */

struct script {
    const char *name, *bytes;
    size_t n;
    enum code code;
};

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* Headers of stream 1: ":status: 200" (static table 8), with END_HEADERS. */
#define STATUS_200 "\0\0\1\1\4\0\0\0\1\x88"
#define SCRIPT(name, bytes, code) \
    { name, bytes, sizeof bytes - 1, code }

static const struct script scripts[] = {
    SCRIPT("nothing at all", "", UNAVAILABLE),
    SCRIPT("another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", UNAVAILABLE),
    SCRIPT("half a frame", "\0\0\377\4", UNAVAILABLE),
    SCRIPT("a connection that ends before an answer", SETTINGS, UNAVAILABLE),
    SCRIPT("an answer that breaks off", SETTINGS STATUS_200, UNAVAILABLE),
    SCRIPT("half a message, then the end",
           SETTINGS STATUS_200 "\0\0\6\0\1\0\0\0\1"
                               "\0\0\0\0\11x",
           INTERNAL),
    SCRIPT("a message, but no status",
           SETTINGS STATUS_200 "\0\0\6\0\1\0\0\0\1"
                               "\0\0\0\0\1x",
           INTERNAL),
    SCRIPT("a compressed message",
           SETTINGS STATUS_200 "\0\0\6\0\1\0\0\0\1"
                               "\1\0\0\0\1x",
           INTERNAL),
    SCRIPT("a message of 4 GB", SETTINGS STATUS_200 "\0\0\5\0\0\0\0\0\1\0\377\377\377\377", EXHAUSTED),
    SCRIPT("an HTTP error", SETTINGS "\0\0\1\1\5\0\0\0\1\x8d", UNIMPLEMENTED), /* :status: 404, END_STREAM */
    SCRIPT("a refused stream", SETTINGS "\0\0\4\3\0\0\0\0\1\0\0\0\7", UNAVAILABLE),
    SCRIPT("a reset stream", SETTINGS "\0\0\4\3\0\0\0\0\1\0\0\0\2", INTERNAL),
    SCRIPT("a GOAWAY that leaves us out", SETTINGS "\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0", UNAVAILABLE),
};

static int listener;

static void *answer_by_script(void *arg) {
    const struct script *s = arg;
    char bytes[4096];
    int fd = accept(listener, NULL, NULL);
    if (recv(fd, bytes, sizeof bytes, 0) > 0 && send(fd, s->bytes, s->n, MSG_NOSIGNAL) >= 0)
        shutdown(fd, SHUT_WR);
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
    close(fd);
    return NULL;
}

START_TEST(whoever_breaks_the_protocol_is_an_error) {
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof sa;
    pthread_t thread;
    const struct script *s = &scripts[_i];
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(bind(listener, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(listener, 1) == 0);
    getsockname(listener, (struct sockaddr *)&sa, &n);
    rpc_client_free(client);
    client = rpc_client_new(arena_printf(ctx.arena, "grpc://127.0.0.1:%d", ntohs(sa.sin_port)), "", NULL);
    pthread_create(&thread, NULL, answer_by_script, (void *)(uintptr_t)s);
    enum code code = call("/t.T/Echo", "x");
    rpc_client_free(client);
    client = NULL;
    pthread_join(thread, NULL);
    close(listener);
    ck_assert_msg(code == s->code, "%s gives %s: %s", s->name, code_name(code), ctx.error.detail);
    ck_assert_msg(x.failed, "%s", s->name);
}
END_TEST

/* ---- TLS ---- */

static struct rpc_tls_keys *keys;

static void in_folder(char path[600], const char *name) { snprintf(path, 600, "%s/%s", folder, name); }

static void tls_setup(void) {
    char ca[600], cert[600], key[600], why[RPC_TLS_WORDS];
    setup();
    in_folder(ca, "ca.pem");
    in_folder(cert, "user.pem");
    in_folder(key, "user.key");
    keys = rpc_tls_keys_new(ca, cert, key, why);
    ck_assert_msg(keys != NULL, "%s", why);
}

static void tls_teardown(void) {
    teardown();
    rpc_tls_keys_free(keys);
}

static enum code call_sealed(const char *host, int where) {
    char address[80];
    snprintf(address, sizeof address, "grpcs://%s:%d", host, where);
    rpc_client_free(client);
    client = rpc_client_new(address, "", keys);
    return call("/t.T/Echo", "sealed");
}

START_TEST(a_call_by_tls_is_answered) {
    static char large[1 << 20];
    ck_assert_int_eq(call_sealed("localhost", sealed[0]), OK);
    ck_assert_str_eq(got[0], "sealed");
    ck_assert_int_eq(call_sealed("127.0.0.1", sealed[0]), OK);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(call("/t.T/Echo", "again"), OK);
    ck_assert_int_eq(call("/t.T/Most", ""), OK);
    ck_assert_uint_eq(last_n, (size_t)4 << 20);
    memset(large, 'x', sizeof large - 1);
    ck_assert_int_eq(call("/t.T/Echo", large), OK);
    ck_assert_uint_eq(last_n, sizeof large - 1);
    enough = 3;
    ck_assert_int_eq(call_for("/t.T/Count", "1000", true, 10000), ABORTED);
    enough = 0;
    ck_assert_int_eq(call("/t.T/Echo", "after"), OK);
    x.fresh = true;
    ck_assert_int_eq(rpc_client_exchange(&ctx, client, &x), OK);
}
END_TEST

static const struct {
    int where;
    const char *why;
} wrong_peers[] = {{1, "hostname mismatch"},
                   {2, "issuer certificate"},
                   {3, "certificate has expired"},
                   {4, "/t.T/Echo"} /* it may have closed before we read why */};

START_TEST(a_peer_that_is_somebody_else_is_not_called) {
    ck_assert_int_eq(call_sealed("localhost", sealed[wrong_peers[_i].where]), UNAVAILABLE);
    ck_assert_msg(strstr(ctx.error.detail, wrong_peers[_i].why) != NULL, "%s", ctx.error.detail);
    ck_assert(x.failed);
    ck_assert_msg(_i == 3 || !x.reached, "%s", ctx.error.detail); /* the 4th says so when all has gone */
}
END_TEST

START_TEST(a_peer_that_speaks_no_tls_is_not_called) {
    ck_assert_int_eq(call_sealed("localhost", port), UNAVAILABLE);
    ck_assert_msg(strstr(ctx.error.detail, "TLS") != NULL, "%s", ctx.error.detail);
    ck_assert(!x.reached);
}
END_TEST

START_TEST(tls_needs_certificates) {
    char ca[600], cert[600], key[600], why[RPC_TLS_WORDS];
    ck_assert_ptr_null(rpc_client_new("grpcs://localhost:1", "", NULL));
    in_folder(ca, "ca.pem");
    in_folder(cert, "user.pem");
    in_folder(key, "peer.key");
    ck_assert_ptr_null(rpc_tls_keys_new(ca, cert, key, why));
    ck_assert_msg(strstr(why, "grpc_key") != NULL && strstr(why, "peer.key") != NULL, "%s", why);
    ck_assert_ptr_null(rpc_tls_keys_new("/nonexistent", cert, key, why));
    ck_assert_msg(strstr(why, "grpc_ca: /nonexistent") != NULL, "%s", why);
}
END_TEST

/* ---- names ---- */

START_TEST(names_are_looked_up) {
    int64_t soon = clock_mono_us() + 5000000;
    struct rpc_lookup *l = rpc_lookup_new("localhost:80");
    const struct addrinfo *first = rpc_lookup_addresses(l, soon);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_eq(rpc_lookup_addresses(l, 0), first); /* kept: nobody is asked */
    rpc_lookup_forget(l);
    ck_assert_ptr_nonnull(rpc_lookup_addresses(l, 0)); /* no time to ask: what was said last */
    rpc_lookup_free(l);
    l = rpc_lookup_new("[::1]:80");
    ck_assert_str_eq(rpc_lookup_host(l), "::1");
    ck_assert_ptr_nonnull(rpc_lookup_addresses(l, 0));
    rpc_lookup_free(l);
    ck_assert_ptr_null(rpc_lookup_new("localhost"));
}
END_TEST

START_TEST(who_has_no_time_does_not_wait_for_names) {
    for (int i = 0; i < 20; i++) { /* freed while they are being asked for */
        struct rpc_lookup *l = rpc_lookup_new("name.invalid:80");
        int64_t begin = clock_mono_us();
        ck_assert_ptr_null(rpc_lookup_addresses(l, begin + 1000));
        ck_assert_int_lt(clock_mono_us() - begin, 900000);
        rpc_lookup_free(l);
    }
}
END_TEST

/* ---- nobody ---- */

START_TEST(nobody_is_unavailable) {
    rpc_client_free(client);
    client = rpc_client_new("grpc+unix:/nonexistent/socket", "", NULL);
    ck_assert_int_eq(call("/t.T/Echo", ""), UNAVAILABLE);
    ck_assert(x.failed && !x.reached);
    rpc_client_free(client);
    client = rpc_client_new("grpc://name.invalid:1", "", NULL);
    ck_assert_int_eq(call("/t.T/Echo", ""), UNAVAILABLE);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rpc_client");
    TCase *stock = tcase_create("stock"), *broken = tcase_create("broken"), *tls = tcase_create("tls");
    if (getenv("TEST_PYTHON") == NULL || access(getenv("TEST_PYTHON"), X_OK) != 0) {
        fprintf(stderr, "TEST_PYTHON is no program: stack/install.sh test installs grpcio\n");
        return EXIT_FAILURE;
    }
    tcase_set_timeout(stock, 90);
    tcase_add_unchecked_fixture(stock, start_peer, end_peer);
    tcase_add_checked_fixture(stock, setup, teardown);
    tcase_add_test(stock, a_call_is_answered);
    tcase_add_test(stock, context_travels);
    tcase_add_test(stock, all_that_rules_use_is_told);
    tcase_add_test(stock, every_status_comes_back);
    tcase_add_test(stock, a_deadline_is_kept);
    tcase_add_test(stock, ok_needs_one_whole_message);
    tcase_add_test(stock, messages_have_a_limit);
    tcase_add_test(stock, a_stream_comes_message_by_message);
    tcase_add_test(stock, a_stream_that_stalls_is_left);
    tcase_add_test(stock, who_has_enough_cancels);
    tcase_add_test(stock, a_server_that_went_and_came_is_called_anew);
    tcase_add_checked_fixture(broken, setup, teardown);
    tcase_add_loop_test(broken, whoever_breaks_the_protocol_is_an_error, 0,
                        sizeof scripts / sizeof scripts[0]);
    tcase_add_test(broken, nobody_is_unavailable);
    tcase_set_timeout(tls, 90);
    tcase_add_unchecked_fixture(tls, start_peer, end_peer);
    tcase_add_checked_fixture(tls, tls_setup, tls_teardown);
    tcase_add_test(tls, a_call_by_tls_is_answered);
    tcase_add_loop_test(tls, a_peer_that_is_somebody_else_is_not_called, 0,
                        sizeof wrong_peers / sizeof wrong_peers[0]);
    tcase_add_test(tls, a_peer_that_speaks_no_tls_is_not_called);
    tcase_add_test(tls, tls_needs_certificates);
    tcase_add_test(broken, names_are_looked_up);
    tcase_add_test(broken, who_has_no_time_does_not_wait_for_names);
    suite_add_tcase(s, tls);
    suite_add_tcase(s, stock);
    suite_add_tcase(s, broken);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
