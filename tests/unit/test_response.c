/* Answers: headers, cookies, ETags, redirects, and the FastCGI records they leave in. */
#include <check.h>
#undef fail
#include <fastcgi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "fcgi/response.h"

static struct arena *arena;
static struct request req;
static char *gateway[4];

static void ask(enum method method) {
    req = (struct request){.method = method,
                           .path = "/",
                           .query_string = "",
                           .content_type = "",
                           .body = "",
                           .gateway = gateway};
    req.ctx.arena = arena;
    req.ctx.request_id = "id-1";
    req.ctx.ip = req.ctx.user_agent = "";
    params_init(&req.query, arena);
    params_init(&req.form, arena);
    params_init(&req.cookies, arena);
    response_init(&req);
}

static void setup(void) {
    log_open("/dev/null", LOG_ERROR, "test");
    arena = arena_new((size_t)64 << 20);
    memset(gateway, 0, sizeof gateway);
    ask(METHOD_GET);
}

static void teardown(void) { arena_free(arena); }

static const char *head(void) {
    static struct buf out;
    buf_init(&out, arena, 1 << 16);
    response_head(&req, &out);
    return buf_str(&out);
}

static void says(const char *line) {
    char whole[1024];
    snprintf(whole, sizeof whole, "%s\r\n", line);
    const char *h = head(), *at = strstr(h, whole);
    ck_assert_msg(at != NULL && (at == h || at[-1] == '\n'), "no %s in:\n%s", line, h);
    ck_assert_msg(strstr(at + 1, whole) == NULL, "%s twice in:\n%s", line, h);
}

static void says_not(const char *name) {
    ck_assert_msg(strstr(head(), name) == NULL, "%s in:\n%s", name, head());
}

#define CSP_OF(origins)                                                                              \
    "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; connect-src 'self'; " \
    "manifest-src 'self'; media-src 'self'" origins "; img-src 'self' data:" origins                 \
    "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

START_TEST(standard_headers) {
    buf_puts(respond(&req, 200, NULL), "hello");
    says("Status: 200 OK");
    says("Content-Type: text/html; charset=utf-8");
    says("Content-Length: 5");
    says("Content-Security-Policy: " CSP_OF(""));
    says("X-Content-Type-Options: nosniff");
    says("Referrer-Policy: same-origin");
    says("Cross-Origin-Opener-Policy: same-origin");
    says("Cross-Origin-Resource-Policy: same-origin");
    says("X-Request-Id: id-1");
    says("Cache-Control: private, no-store");
    ck_assert_str_eq(head() + strlen(head()) - 4, "\r\n\r\n");
}
END_TEST

START_TEST(media_may_come_from_where_they_are_kept) {
    struct config config = {.media = "s3://bucket/prefix?endpoint=https://s3.example.org:9000&region=x",
                            .media_cdn = "https://cdn.example.org/files; script-src *"};
    struct env env = {.config = &config};

    req.ctx.env = &env;
    respond(&req, 200, NULL);
    says("Content-Security-Policy: " CSP_OF(" https://s3.example.org:9000 https://cdn.example.org"));
    config = (struct config){.media = "folder:/var/lib/deeplink/media", .media_cdn = ""};
    says("Content-Security-Policy: " CSP_OF(""));
    req.ctx.env = NULL;
}
END_TEST

START_TEST(handlers_replace_headers) {
    respond(&req, 200, "application/json");
    respond_header(&req, "Cache-Control", "private");
    respond_header(&req, "cache-control", "public, max-age=5");
    respond_header(&req, "Link", "<a>; rel=next");
    respond_header(&req, "Link", "<b>; rel=prev");
    says("Content-Type: application/json");
    says("Cache-Control: public, max-age=5");
    says("Vary: Cookie, Accept, Accept-Language");
    says("Link: <a>; rel=next");
    says("Link: <b>; rel=prev");
    respond_header(&req, "Vary", "Accept");
    says("Vary: Accept");
}
END_TEST

START_TEST(nothing_is_smuggled_in) {
    respond_header(&req, "X-A", "a\r\nSet-Cookie: evil=1");
    respond_header(&req, "X-B", "a\nb");
    respond_header(&req, "X C", "a");
    respond_header(&req, "X-D:", "a");
    respond_header(&req, "", "a");
    respond_header(&req, "X-E", NULL);
    respond_cookie(&req, "c", "a; Domain=evil", 0);
    respond_cookie(&req, "c", "a\r\nX: y", 0);
    says_not("evil");
    says_not("X-A");
    says_not("X-B");
    ck_assert_ptr_null(req.res.headers);
    req.res.form_action_widened = true;
    req.res.form_action = "https://ok.example";
    ck_assert_ptr_nonnull(strstr(head(), "form-action 'self' https://ok.example; base-uri"));
    req.res.form_action = "x; script-src *";
    says_not("script-src *");
}
END_TEST

START_TEST(bodiless_statuses) {
    respond(&req, 204, NULL);
    says_not("Content-Length");
    says_not("Content-Type:");
    ck_assert(!response_has_body(&req));
    respond(&req, 304, NULL);
    ck_assert(!response_has_body(&req));
    ask(METHOD_HEAD);
    buf_puts(respond(&req, 200, NULL), "hello");
    says("Content-Length: 5");
    ck_assert(!response_has_body(&req));
}
END_TEST

START_TEST(says_when_to_retry) {
    respond(&req, 503, NULL);
    says("Retry-After: 5");
    req.ctx.error.retry_after = 17;
    says("Retry-After: 17");
    respond(&req, 429, NULL);
    says("Status: 429 Too Many Requests");
    says("Retry-After: 17");
    respond(&req, 404, NULL);
    says_not("Retry-After");
}
END_TEST

static void goes(const char *to, const char *location) {
    char line[256];
    ask(METHOD_POST);
    ck_assert_int_eq(respond_redirect(&req, to), OK);
    ck_assert_int_eq(req.res.status, 303);
    snprintf(line, sizeof line, "Location: %s", location);
    says(line);
}

START_TEST(redirects_stay_here) {
    goes("/home", "/home");
    goes("/a?b=c&d=%20#e", "/a?b=c&d=%20#e");
    goes("/tags/ü x", "/tags/%C3%BC%20x");
    goes("//evil.example", "/");
    goes("/\\evil.example", "/");
    goes("https://evil.example", "/");
    goes("javascript:alert(1)", "/");
    goes("/x\r\nSet-Cookie: a=b", "/");
    goes("", "/");
    goes(NULL, "/");
}
END_TEST

START_TEST(cookies) {
    respond_cookie(&req, "sid", "1.abc", 60);
    ck_assert_str_eq(req.res.headers->name, "Set-Cookie");
    const char *v = req.res.headers->value;
    ck_assert_ptr_eq(strstr(v, "sid=1.abc;"), v);
    ck_assert_ptr_nonnull(strstr(v, "HttpOnly"));
    ck_assert_ptr_nonnull(strstr(v, "SameSite=Lax"));
    ck_assert_ptr_nonnull(strstr(v, "Max-Age=60"));
    ck_assert_ptr_null(strstr(v, "Secure"));
    ask(METHOD_GET);
    req.https = true;
    respond_cookie(&req, "sid", "1.abc", 0);
    v = req.res.headers->value;
    ck_assert_ptr_eq(strstr(v, "__Host-sid=1.abc;"), v);
    ck_assert_ptr_nonnull(strstr(v, "Secure"));
    ck_assert_ptr_nonnull(strstr(v, "Path=/"));
    ck_assert_ptr_null(strstr(v, "Max-Age"));
    params_add(&req.cookies, "sid", "plain", 5);
    ck_assert_ptr_null(request_cookie(&req, "sid"));
    params_add(&req.cookies, "__Host-sid", "bound", 5);
    ck_assert_str_eq(request_cookie(&req, "sid"), "bound");
    req.https = false;
    ck_assert_str_eq(request_cookie(&req, "sid"), "plain");
}
END_TEST

static const char *etag_of(const char *body, enum method method, char *asked) {
    gateway[0] = asked;
    ask(method);
    buf_puts(respond(&req, 200, NULL), body);
    respond_etag(&req);
    return req.res.headers != NULL ? req.res.headers->value : NULL;
}

START_TEST(etags) {
    char asked[256];
    const char *tag = etag_of("hello", METHOD_GET, NULL);
    ck_assert_int_eq(req.res.status, 200);
    ck_assert_ptr_eq(strstr(tag, "W/\""), tag);
    ck_assert_str_ne(etag_of("hellp", METHOD_GET, NULL), tag);
    ck_assert_str_ne(etag_of("", METHOD_GET, NULL), tag);
    ck_assert_str_ne(etag_of("hello of more than sixteen bytes", METHOD_GET, NULL),
                     etag_of("Hello of more than sixteen bytes", METHOD_GET, NULL));
    snprintf(asked, sizeof asked, "HTTP_IF_NONE_MATCH=\"other\", %s", tag);
    etag_of("hello", METHOD_GET, asked);
    ck_assert_int_eq(req.res.status, 304);
    says("Status: 304 Not Modified");
    etag_of("hello", METHOD_HEAD, asked);
    ck_assert_int_eq(req.res.status, 304);
    etag_of("changed", METHOD_GET, asked);
    ck_assert_int_eq(req.res.status, 200);
    snprintf(asked, sizeof asked, "HTTP_IF_NONE_MATCH=%s", tag + 2);
    etag_of("hello", METHOD_GET, asked);
    ck_assert_int_eq(req.res.status, 304);
    etag_of("hello", METHOD_GET, (char[]){"HTTP_IF_NONE_MATCH=*"});
    ck_assert_int_eq(req.res.status, 304);
    ck_assert_ptr_null(etag_of("hello", METHOD_POST, asked));
}
END_TEST

START_TEST(headers_are_found) {
    gateway[0] = (char[]){"HTTP_X_A=1"};
    gateway[1] = (char[]){"HTTP_X_AB=2"};
    gateway[2] = (char[]){"X_C=3"};
    ck_assert_str_eq(request_header(&req, "X-A"), "1");
    ck_assert_str_eq(request_header(&req, "x-ab"), "2");
    ck_assert_ptr_null(request_header(&req, "X"));
    ck_assert_ptr_null(request_header(&req, "X-C"));
    ck_assert_ptr_null(request_header(&req, "X-ABC"));
    ck_assert_ptr_null(request_header(&req, "Content-Type"));
    req.content_type = "text/x";
    ck_assert_str_eq(request_header(&req, "Content-Type"), "text/x");
}
END_TEST

/* Reads records until END_REQUEST; the content of STDOUT in *out. Returns how many bytes of it. */
static size_t receive(int fd, int id, char *out, size_t room) {
    size_t n = 0;
    for (;;) {
        FCGI_Header h;
        ck_assert_int_eq(recv(fd, &h, sizeof h, MSG_WAITALL), sizeof h);
        size_t length = (size_t)h.contentLengthB1 << 8 | h.contentLengthB0;
        ck_assert_int_eq(h.version, FCGI_VERSION_1);
        ck_assert_int_eq(h.requestIdB1 << 8 | h.requestIdB0, id);
        ck_assert_int_eq(h.paddingLength, 0);
        ck_assert_uint_le(n + length, room);
        if (h.type == FCGI_END_REQUEST) {
            FCGI_EndRequestBody end;
            ck_assert_uint_eq(length, sizeof end);
            ck_assert_int_eq(recv(fd, &end, sizeof end, MSG_WAITALL), sizeof end);
            ck_assert_int_eq(end.protocolStatus, FCGI_REQUEST_COMPLETE);
            return n;
        }
        ck_assert_int_eq(h.type, FCGI_STDOUT);
        if (length > 0)
            ck_assert_int_eq(recv(fd, out + n, length, MSG_WAITALL), (ssize_t)length);
        n += length;
    }
}

static void sends(size_t n) {
    int fds[2];
    char *got = malloc(RESPONSE_MAX + 65536);
    ask(METHOD_GET);
    struct buf *b = respond(&req, 200, "text/plain");
    for (size_t i = 0; i < n; i++)
        buf_putc(b, (char)('a' + i % 23));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(response_send(&req, fds[0], 0x102) ? 0 : 1);
    close(fds[0]);
    size_t got_n = receive(fds[1], 0x102, got, RESPONSE_MAX + 65536);
    size_t head_n = strlen(head());
    ck_assert_uint_eq(got_n, head_n + n);
    ck_assert(memcmp(got, head(), head_n) == 0);
    ck_assert(n == 0 || memcmp(got + head_n, b->p, n) == 0);
    int status;
    waitpid(pid, &status, 0);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    close(fds[1]);
    free(got);
}

START_TEST(records) {
    size_t head_n = strlen(head());
    static const size_t sizes[] = {0, 1, 20000, 65528, 131056, 200000, RESPONSE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        sends(sizes[i]);
    for (size_t around = 65528 - head_n - 20; around < 65528 - head_n + 60; around += 7)
        sends(around);
}
END_TEST

START_TEST(a_lost_gateway_is_no_crash) {
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    close(fds[1]);
    buf_puts(respond(&req, 200, NULL), "x");
    ck_assert(!response_send(&req, fds[0], 1));
    close(fds[0]);
}
END_TEST

START_TEST(restart_keeps_cookies) {
    respond_cookie(&req, "a", "1", 0);
    respond_header(&req, "Cache-Control", "public");
    respond_header(&req, "Allow", "GET");
    buf_puts(respond(&req, 200, "x/y"), "half");
    response_restart(&req);
    ck_assert(!req.res.done);
    ck_assert_uint_eq(req.res.body.n, 0);
    ck_assert_str_eq(req.res.headers->name, "Set-Cookie");
    ck_assert_str_eq(req.res.headers->next->name, "Allow");
    ck_assert_ptr_null(req.res.headers->next->next);
}
END_TEST

START_TEST(paths) {
    static const char *const rows[][2] = {
        {"/", "/"},           {"/a", "/a"},        {"/a/", "/a"},        {"//a//b//", "/a/b"},
        {"/%61%2Fb", "/a/b"}, {"/%c3%bc", "/ü"},   {"/a+b", "/a+b"},     {"/%2541", "/%41"},
        {"/...", "/..."},     {"/.a", "/.a"},      {"/a.", "/a."},       {"/..a", "/..a"},
        {"/%", NULL},         {"/%4", NULL},       {"/%zz", NULL},       {"/%00", NULL},
        {"/a%0ab", NULL},     {"/..", NULL},       {"/a/../b", NULL},    {"/a/..", NULL},
        {"/./a", NULL},       {"/%2e%2e/a", NULL}, {"/a/%2e", NULL},     {"/a%2f..", NULL},
        {"/%ff", NULL},       {"/%c0%af", NULL},   {"", NULL},           {"a", NULL},
        {"http://x/", NULL},  {"*", NULL},         {"/%ed%a0%80", NULL}, {"/\x7f", NULL},
        {"/a/%2E%2e/", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *path = request_normal_path(arena, rows[i][0], strlen(rows[i][0]));
        if (rows[i][1] == NULL)
            ck_assert_msg(path == NULL, "%s gave %s", rows[i][0], path);
        else
            ck_assert_str_eq(path, rows[i][1]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("response");
    TCase *t = tcase_create("response");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, standard_headers);
    tcase_add_test(t, media_may_come_from_where_they_are_kept);
    tcase_add_test(t, handlers_replace_headers);
    tcase_add_test(t, nothing_is_smuggled_in);
    tcase_add_test(t, bodiless_statuses);
    tcase_add_test(t, says_when_to_retry);
    tcase_add_test(t, redirects_stay_here);
    tcase_add_test(t, cookies);
    tcase_add_test(t, etags);
    tcase_add_test(t, headers_are_found);
    tcase_add_test(t, records);
    tcase_add_test(t, a_lost_gateway_is_no_crash);
    tcase_add_test(t, restart_keeps_cookies);
    tcase_add_test(t, paths);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
