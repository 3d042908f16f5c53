/* The request loop over a real socket: what the gateway may send, broken or not, and that a worker survives
 * all of it. */
#include <check.h>
#undef fail
#include <fastcgi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "fcgi/router.h"

#define ANSWER_MAX ((size_t)1 << 20)

static char folder[64], address[128];
static pid_t server;
static char *answer;

/* ---- the app under test ---- */

static enum code show(struct request *req) {
    struct buf *b = respond(req, 200, "text/plain");
    buf_printf(b, "%s|%s|%s|%s|%s|%s", method_name(req->method), req->path, req->query_string, req->ctx.ip,
               req->ctx.request_id, req->https ? "https" : "http");
    for (size_t i = 0; i < req->form.n; i++)
        buf_printf(b, "|%s=%s", req->form.items[i].name, req->form.items[i].value);
    const char *cookie = request_cookie(req, "c");
    buf_printf(b, "|%s", cookie != NULL ? cookie : "-");
    return OK;
}

static enum code hungry(struct request *req) {
    respond_header(req, "X-Half", "1");
    for (;;)
        arena_alloc(req->ctx.arena, (size_t)1 << 20);
    return OK;
}

static enum code endless(struct request *req) {
    struct buf *b = respond(req, 200, "text/plain");
    for (size_t i = 0; i <= RESPONSE_MAX / 8; i++)
        buf_puts(b, "12345678");
    return OK;
}

static const struct route routes[] = {
    {.method = METHOD_GET, .pattern = "/show/{x}", .handler = show, .auth = AUTH_ANYBODY},
    {.method = METHOD_POST, .pattern = "/show/{x}", .handler = show, .auth = AUTH_ANYBODY},
    {.method = METHOD_GET, .pattern = "/hungry", .handler = hungry, .auth = AUTH_ANYBODY},
    {.method = METHOD_GET, .pattern = "/endless", .handler = endless, .auth = AUTH_ANYBODY},
    {.pattern = NULL},
};

static enum code let_in(struct request *req) {
    (void)req;
    return OK;
}

static const struct service service = {.name = "test", .routes = routes};
static const struct service *const services[] = {&service, NULL};
static const struct app app = {.services = services, .guard = let_in};

static volatile sig_atomic_t stopped;

static void on_stop(int signo) {
    (void)signo;
    stopped = 1;
}

static bool stop(void) { return stopped != 0; }

static int serve(int fd) {
    struct config *config = config_read(NULL, stderr);
    config->max_body_bytes = 100000;
    struct router *router = router_new(&app);
    struct env env = {.config = config, .app = &app, .router = router};
    request_loop(fd, &env, stop);
    router_free(router);
    config_free(config);
    return 0;
}

static void setup(void) {
    snprintf(folder, sizeof folder, "/tmp/deeplink-request-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/s", folder);
    answer = malloc(ANSWER_MAX);
    int fd = request_listen(address, 16);
    ck_assert_int_ge(fd, 0);
    struct sigaction sa = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigaction(SIGTERM, &sa, NULL); /* before the fork: it may be asked to stop at once */
    server = fork();
    if (server == 0) {
        log_open("/dev/null", LOG_DEBUG, "test");
        exit(serve(fd)); /* with exit handlers: leaks are looked for */
    }
    close(fd);
}

static void teardown(void) {
    int status = -1;
    kill(server, SIGTERM);
    ck_assert_int_eq(waitpid(server, &status, 0), server);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the worker ended with %d", status);
    unlink(address + 5);
    rmdir(folder);
    free(answer);
}

/* ---- a gateway ---- */

static int dial(void) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct timeval t = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    memcpy(sa.sun_path, address + 5, strlen(address + 5) + 1);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

static void put(int fd, const void *p, size_t n) {
    for (size_t at = 0; at < n;) {
        ssize_t sent = send(fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* the worker may hang up early */
        at += (size_t)sent;
    }
}

static void record(int fd, int type, const void *p, size_t n) {
    FCGI_Header h = {.version = FCGI_VERSION_1,
                     .type = (unsigned char)type,
                     .requestIdB0 = 1,
                     .contentLengthB1 = (unsigned char)(n >> 8),
                     .contentLengthB0 = (unsigned char)n};
    put(fd, &h, sizeof h);
    put(fd, p, n);
}

static void begin(int fd) {
    static const FCGI_BeginRequestBody body = {.roleB0 = FCGI_RESPONDER};
    record(fd, FCGI_BEGIN_REQUEST, &body, sizeof body);
}

/* "NAME=value" lines as FCGI_PARAMS. */
static void params(int fd, const char *const *pairs) {
    char p[8192];
    size_t n = 0;
    for (; *pairs != NULL; pairs++) {
        size_t name = strcspn(*pairs, "="), value = strlen(*pairs) - name - 1;
        p[n++] = (char)name;
        p[n++] = (char)(0x80 | value >> 24);
        p[n++] = (char)(value >> 16);
        p[n++] = (char)(value >> 8);
        p[n++] = (char)value;
        memcpy(p + n, *pairs, name);
        memcpy(p + n + name, *pairs + name + 1, value);
        n += name + value;
    }
    if (n > 0)
        record(fd, FCGI_PARAMS, p, n);
    record(fd, FCGI_PARAMS, NULL, 0);
}

static void body(int fd, const char *p, size_t n) {
    for (size_t at = 0; at < n; at += 60000)
        record(fd, FCGI_STDIN, p + at, n - at < 60000 ? n - at : 60000);
    record(fd, FCGI_STDIN, NULL, 0);
}

/* The answer's header block and body in `answer`; its status, 0 when there was none. */
static int receive(int fd) {
    size_t n = 0;
    int status = 0;
    FCGI_Header h;
    while (recv(fd, &h, sizeof h, MSG_WAITALL) == sizeof h) {
        size_t length = (size_t)h.contentLengthB1 << 8 | h.contentLengthB0;
        ck_assert_uint_lt(n + length, ANSWER_MAX);
        if (length > 0)
            ck_assert_int_eq(recv(fd, answer + n, length, MSG_WAITALL), (ssize_t)length);
        if (h.type == FCGI_END_REQUEST)
            break;
        n += length;
    }
    answer[n] = '\0';
    close(fd);
    sscanf(answer, "Status: %d", &status);
    return status;
}

static int ask(const char *const *pairs, const char *p, size_t n) {
    int fd = dial();
    begin(fd);
    params(fd, pairs);
    body(fd, p, n);
    return receive(fd);
}

#define ASK(...) ask((const char *[]){__VA_ARGS__, NULL}, "", 0)
#define POST(p, n, ...) \
    ask((const char *[]){"REQUEST_METHOD=POST", "REQUEST_URI=/show/1", __VA_ARGS__, NULL}, p, n)

static const char *text(void) {
    const char *at = strstr(answer, "\r\n\r\n");
    return at != NULL ? at + 4 : "";
}

static void is_well(void) {
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/show/1", "REQUEST_ID=abc"), 200);
    ck_assert_str_eq(text(), "GET|/show/1|||abc|http|-");
}

/* ---- tests ---- */

START_TEST(answers) {
    is_well();
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/show/%C3%BC/?a=b%20c", "QUERY_STRING=a=b%20c",
                         "REMOTE_ADDR=10.0.0.1", "HTTPS=on", "REQUEST_ID=x-1",
                         "HTTP_COOKIE=c=plain; __Host-c=bound"),
                     200);
    ck_assert_str_eq(text(), "GET|/show/ü|a=b%20c|10.0.0.1|x-1|https|bound");
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/show/1?q=2", "HTTP_COOKIE=broken\x01; c=1"),
                     200);
    ck_assert_ptr_nonnull(strstr(text(), "|q=2|"));
    ck_assert_int_eq(ASK("REQUEST_METHOD=HEAD", "REQUEST_URI=/show/1"), 200);
    ck_assert_str_eq(text(), "");
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/livez"), 200);
    ck_assert_str_eq(text(), "ok\n");
}
END_TEST

START_TEST(makes_request_ids) {
    char first[32];
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/show/1", "REQUEST_ID=not\" fit"), 200);
    ck_assert_ptr_null(strstr(answer, "fit"));
    snprintf(first, sizeof first, "%.16s", strstr(answer, "X-Request-Id: ") + 14);
    ck_assert_int_eq(strspn(first, "0123456789abcdef"), 16);
    ASK("REQUEST_METHOD=GET", "REQUEST_URI=/show/1");
    ck_assert_ptr_null(strstr(answer, first));
}
END_TEST

START_TEST(reads_bodies) {
    static const char multipart[] = "--b\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv\r\n--b--\r\n";
    ck_assert_int_eq(
        POST("k=v+1&l=%26", 11, "CONTENT_LENGTH=11", "CONTENT_TYPE=application/x-www-form-urlencoded"), 200);
    ck_assert_ptr_nonnull(strstr(text(), "|k=v 1|l=&|"));
    ck_assert_int_eq(POST("{\"k\":\"v\"}", 9, "CONTENT_LENGTH=9", "CONTENT_TYPE=application/json"), 200);
    ck_assert_ptr_nonnull(strstr(text(), "|k=v|"));
    ck_assert_int_eq(POST(multipart, sizeof multipart - 1, "CONTENT_LENGTH=59",
                          "CONTENT_TYPE=multipart/form-data; boundary=b"),
                     200);
    ck_assert_ptr_nonnull(strstr(text(), "|k=v|"));
    ck_assert_int_eq(POST("", 0, "CONTENT_LENGTH=", "CONTENT_TYPE="), 200);
    is_well();
}
END_TEST

START_TEST(refuses_bodies) {
    static char big[150000];
    memset(big, 'x', sizeof big);
    memcpy(big, "k=", 2);
    ck_assert_int_eq(
        POST(big, 90000, "CONTENT_LENGTH=90000", "CONTENT_TYPE=application/x-www-form-urlencoded"), 200);
    ck_assert_int_eq(
        POST(big, 150000, "CONTENT_LENGTH=150000", "CONTENT_TYPE=application/x-www-form-urlencoded"), 413);
    ck_assert_int_eq(POST("k=v", 3, "CONTENT_LENGTH=2", "CONTENT_TYPE=application/x-www-form-urlencoded"),
                     400);
    ck_assert_int_eq(POST("k=v", 3, "CONTENT_LENGTH=4", "CONTENT_TYPE=application/x-www-form-urlencoded"),
                     400);
    ck_assert_int_eq(POST("k=v", 3, "CONTENT_LENGTH=-3", "CONTENT_TYPE=application/x-www-form-urlencoded"),
                     400);
    ck_assert_int_eq(POST("k=v", 3, "CONTENT_LENGTH=99999999999999999999",
                          "CONTENT_TYPE=application/x-www-form-urlencoded"),
                     400);
    ck_assert_int_eq(POST("k=v", 3, "CONTENT_LENGTH=3", "CONTENT_TYPE=text/csv"), 415);
    ck_assert_int_eq(POST("{", 1, "CONTENT_LENGTH=1", "CONTENT_TYPE=application/json"), 400);
    ck_assert_int_eq(POST("k=%zz", 5, "CONTENT_LENGTH=5", "CONTENT_TYPE=application/x-www-form-urlencoded"),
                     400);
    is_well();
}
END_TEST

START_TEST(refuses_requests) {
    ck_assert_int_eq(ask((const char *[]){NULL}, "", 0), 400);
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET"), 400);
    ck_assert_int_eq(ASK("REQUEST_URI=/show/1"), 400);
    ck_assert_int_eq(ASK("REQUEST_METHOD=", "REQUEST_URI=/show/1"), 400);
    ck_assert_int_eq(ASK("REQUEST_METHOD=BREW", "REQUEST_URI=/show/1"), 501);
    ck_assert_int_eq(ASK("REQUEST_METHOD=PUT", "REQUEST_URI=/show/1"), 405);
    ck_assert_ptr_nonnull(strstr(answer, "\r\nAllow: GET, HEAD, POST\r\n"));
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/%2e%2e/etc"), 400);
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=show"), 400);
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/show/1?a=%ff"), 400);
    ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/nothing/here"), 404);
    is_well();
}
END_TEST

START_TEST(survives_hunger) {
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/hungry"), 503);
        ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: "));
        ck_assert_ptr_null(strstr(answer, "X-Half"));
        ck_assert_int_eq(ASK("REQUEST_METHOD=GET", "REQUEST_URI=/endless"), 500);
        is_well();
    }
}
END_TEST

/* Whatever a gateway does wrong costs its own connection and nothing else. */
START_TEST(survives_broken_gateways) {
    static const FCGI_BeginRequestBody odd_role = {.roleB0 = 77};
    int fd = dial();
    close(fd); /* nothing at all */
    fd = dial();
    put(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    ck_assert_int_eq(receive(fd), 0);
    fd = dial();
    record(fd, FCGI_BEGIN_REQUEST, &odd_role, sizeof odd_role);
    shutdown(fd, SHUT_WR);
    ck_assert_int_eq(receive(fd), 0);
    fd = dial();
    begin(fd);
    record(fd, FCGI_PARAMS, "\xff\xff\xff\xff\xff\xff\xff\xff", 8); /* a name and a value of 2 GiB each */
    shutdown(fd, SHUT_WR);
    ck_assert_int_eq(receive(fd), 0);
    fd = dial();
    begin(fd);
    close(fd); /* half a request */
    fd = dial();
    begin(fd);
    params(fd, (const char *[]){"REQUEST_METHOD=GET", "REQUEST_URI=/show/1", NULL});
    close(fd); /* gone before the answer */
    is_well();
}
END_TEST

START_TEST(stops_when_asked) {
    is_well();
    int fd = dial(); /* a request at hand is answered still */
    begin(fd);
    struct timespec t = {0, 100000000};
    nanosleep(&t, NULL);
    kill(server, SIGTERM);
    nanosleep(&t, NULL);
    params(fd, (const char *[]){"REQUEST_METHOD=GET", "REQUEST_URI=/show/1", NULL});
    body(fd, "", 0);
    ck_assert_int_eq(receive(fd), 200);
}
END_TEST

START_TEST(listens_once) {
    struct stat st;
    ck_assert_int_eq(stat(address + 5, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0660);
    ck_assert_int_eq(request_listen(address, 16), -1); /* somebody is there */
    ck_assert_int_eq(request_listen("unix:/nonexistent/s", 16), -1);
    ck_assert_int_eq(request_listen("nowhere", 16), -1);
    int fd = request_listen("127.0.0.1:0", 16);
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

START_TEST(takes_over_what_is_stale) {
    char stale[128];
    snprintf(stale, sizeof stale, "unix:%s/old", folder);
    int fd = request_listen(stale, 16);
    ck_assert_int_ge(fd, 0);
    close(fd); /* the file stays, as after a crash */
    fd = request_listen(stale, 16);
    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(stale + 5);
}
END_TEST

int main(void) {
    Suite *s = suite_create("request");
    TCase *t = tcase_create("request");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, answers);
    tcase_add_test(t, makes_request_ids);
    tcase_add_test(t, reads_bodies);
    tcase_add_test(t, refuses_bodies);
    tcase_add_test(t, refuses_requests);
    tcase_add_test(t, survives_hunger);
    tcase_add_test(t, survives_broken_gateways);
    tcase_add_test(t, stops_when_asked);
    tcase_add_test(t, listens_once);
    tcase_add_test(t, takes_over_what_is_stale);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
