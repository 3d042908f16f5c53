#include "fcgi/request.h"

#include <ctype.h>
#include <errno.h>
#include <fcgiapp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/cookie.h"
#include "fcgi/env.h"
#include "fcgi/health.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "fcgi/pool.h"
#include "fcgi/response.h"
#include "fcgi/router.h"

#define ACCEPT_TIMEOUT_S 10
#define ARENA_SPARE ((size_t)48 << 20) /* beside the body: what one request may need for itself */
#define REQUEST_ID_MAX 64

/* What a worker keeps between requests. */
struct worker {
    struct env *env;
    const struct router *router;
    struct arena *arena;
    FCGX_Request fcgi;
    struct request req;
    jmp_buf exhausted;
    bool answered;   /* the answer at hand has left */
    bool input_read; /* to its very end: closing then loses nothing */
    uint64_t id_state;
    char request_id[REQUEST_ID_MAX + 1];
};

/* What the gateway says of a request; NULL: nothing. */
struct said {
    const char *REQUEST_METHOD, *REQUEST_URI, *QUERY_STRING, *CONTENT_TYPE, *CONTENT_LENGTH, *REMOTE_ADDR,
        *HTTPS, *BODY_FILE, *REQUEST_ID, *HTTP_COOKIE, *HTTP_USER_AGENT, *HTTP_ACCEPT_LANGUAGE;
};

#define SAYS(name) \
    { #name "=", sizeof #name, offsetof(struct said, name) }
static const struct {
    const char *text;
    size_t n, at;
} sayings[] = {
    SAYS(REQUEST_METHOD), SAYS(REQUEST_URI), SAYS(QUERY_STRING),    SAYS(CONTENT_TYPE),
    SAYS(CONTENT_LENGTH), SAYS(REMOTE_ADDR), SAYS(HTTPS),           SAYS(BODY_FILE),
    SAYS(REQUEST_ID),     SAYS(HTTP_COOKIE), SAYS(HTTP_USER_AGENT), SAYS(HTTP_ACCEPT_LANGUAGE),
};

static struct said hear(char *const *gateway) {
    struct said said = {0};
    for (; gateway != NULL && *gateway != NULL; gateway++)
        for (size_t i = 0; i < sizeof sayings / sizeof sayings[0]; i++)
            if (**gateway == sayings[i].text[0] && strncmp(*gateway, sayings[i].text, sayings[i].n) == 0) {
                *(const char **)((char *)&said + sayings[i].at) = *gateway + sayings[i].n;
                break;
            }
    return said;
}

static const char *or_empty(const char *s) { return s != NULL ? s : ""; }

/* Whether "HTTP_IF_NONE_MATCH=…" is the header "If-None-Match"; the value in *ret_value. */
static bool is_header(const char *said, const char *name, const char **ret_value) {
    for (said += 5; *name != '\0'; said++, name++)
        if (*said != (*name == '-' ? '_' : toupper((unsigned char)*name)))
            return false;
    *ret_value = said + 1;
    return *said == '=';
}

const char *request_header(const struct request *req, const char *name) {
    const char *value;
    if (strcasecmp(name, "Content-Type") == 0)
        return req->content_type[0] != '\0' ? req->content_type : NULL;
    for (char *const *p = req->gateway; p != NULL && *p != NULL; p++)
        if (strncmp(*p, "HTTP_", 5) == 0 && is_header(*p, name, &value))
            return value;
    return NULL;
}

/* ---- parsing ---- */

static enum code malformed(struct request *req, const char *text) {
    return fail_http(&req->ctx, 400, INVALID, text);
}

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Whether a path has a segment "." or "..". */
static bool has_dots(const char *path) {
    for (const char *p = path; *p != '\0'; p++) {
        size_t n = strcspn(p, "/");
        if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
            return true;
        p += n;
        if (*p == '\0')
            break;
    }
    return false;
}

const char *request_normal_path(struct arena *a, const char *raw, size_t n) {
    char *path = arena_alloc(a, n + 1);
    size_t k = 0;
    if (n == 0 || raw[0] != '/')
        return NULL;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)raw[i];
        if (c == '%') {
            int high = i + 2 < n ? hex(raw[i + 1]) : -1, low = high >= 0 ? hex(raw[i + 2]) : -1;
            if (low < 0)
                return NULL;
            c = high << 4 | low;
            i += 2;
        }
        if (c < ' ' || c == 0x7f)
            return NULL;
        if (c == '/' && k > 0 && path[k - 1] == '/')
            continue;
        path[k++] = (char)c;
    }
    if (k > 1 && path[k - 1] == '/')
        k--;
    path[k] = '\0';
    return text_utf8_valid(path, k) && !has_dots(path) ? path : NULL;
}

static enum code parse_method(struct request *req, const char *name) {
    for (unsigned m = METHOD_GET; m <= METHOD_DELETE; m <<= 1)
        if (name != NULL && strcmp(name, method_name(m)) == 0) {
            req->method = m;
            return OK;
        }
    if (name == NULL || *name == '\0')
        return malformed(req, tr_mark("The request has no method."));
    return fail_http(&req->ctx, 501, UNIMPLEMENTED, tr_mark("This kind of request is not known here."));
}

static enum code parse_address(struct request *req, const struct said *said) {
    const char *uri = said->REQUEST_URI;
    if (uri == NULL || *uri == '\0')
        return malformed(req, tr_mark("The request has no address."));
    const char *question = strchr(uri, '?');
    const char *path =
        request_normal_path(req->ctx.arena, uri, question != NULL ? (size_t)(question - uri) : strlen(uri));
    if (path == NULL)
        return malformed(req, tr_mark("The address of the request is not valid."));
    req->path = path;
    req->query_string = said->QUERY_STRING != NULL ? said->QUERY_STRING
                        : question != NULL         ? question + 1
                                                   : "";
    return form_parse(&req->query, req->query_string, strlen(req->query_string), &form_limits_query,
                      &req->ctx.error);
}

/* Its own: cookies are set by whoever shares the domain, so broken ones count as none instead of shutting a
 * reader out. */
static void parse_cookies(struct request *req, const char *header) {
    struct error ignored = {0};
    if (header != NULL && cookie_parse(&req->cookies, header, strlen(header), &cookie_limits, &ignored) != OK)
        params_init(&req->cookies, req->ctx.arena);
}

static bool is_form(const char *type) {
    return form_type_is(type, "application/x-www-form-urlencoded") ||
           form_type_is(type, "multipart/form-data") || form_type_is(type, "application/json");
}

/* Reads to the very end: afterwards closing loses nothing. */
static enum code end_body(struct worker *w) {
    char extra;
    w->input_read = FCGX_GetStr(&extra, 1, w->fcgi.in) == 0 && FCGX_GetError(w->fcgi.in) == 0;
    return w->input_read ? OK : malformed(&w->req, tr_mark("The request is longer than it says."));
}

/* A request that has waited for a worker for long may have been given up: then nobody hears the answer, and
 * the file of its body is gone, or is another's by now. */
static enum code still_waited_for(struct worker *w) {
    struct pollfd p = {.fd = w->fcgi.ipcFd, .events = POLLRDHUP};
    return poll(&p, 1, 0) <= 0 || (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0
               ? OK
               : fail(&w->req.ctx, ABORTED, tr_mark("The request ended too early."));
}

static enum code read_body(struct worker *w, const struct said *said) {
    struct request *req = &w->req;
    const char *length = said->CONTENT_LENGTH;
    int64_t n = 0;
    if (said->BODY_FILE != NULL && said->BODY_FILE[0] != '\0') {
        enum code c = upload_take(req, said->BODY_FILE, length);
        enum code d = end_body(w), e = still_waited_for(w);
        return e != OK ? e : c != OK ? c : d;
    }
    if (length != NULL && *length != '\0' && !text_parse_int(length, 0, INT64_MAX, &n))
        return malformed(req, tr_mark("The length of the request is not valid."));
    if (n > req->ctx.env->config->max_body_bytes)
        return fail_http(&req->ctx, 413, INVALID, tr_mark("That is too much at once."));
    char *p = n > 0 ? arena_alloc(w->arena, (size_t)n + 1) : NULL;
    if (n > 0 && FCGX_GetStr(p, (int)n, w->fcgi.in) != n)
        return malformed(req, tr_mark("The request ended too early."));
    enum code c = end_body(w);
    if (c != OK || n == 0)
        return c;
    p[n] = '\0';
    req->body = p;
    req->body_n = (size_t)n;
    if (!is_form(req->content_type)) {
        req->upload.raw = true; /* for the route to say whether it takes that */
        return OK;
    }
    return form_parse_body(&req->form, req->content_type, req->body, req->body_n, &req->ctx.error);
}

static bool is_request_id(const char *s) {
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '-' || s[n] == '_')
        n++;
    return n > 0 && n <= REQUEST_ID_MAX && s[n] == '\0';
}

/* The gateway's, so that its log and ours tell the same story; else one of our own. */
static void name_request(struct worker *w, const char *said) {
    if (said != NULL && is_request_id(said)) {
        memcpy(w->request_id, said, strlen(said) + 1);
        return;
    }
    uint64_t z = w->id_state += 0x9e3779b97f4a7c15ull; /* splitmix64: no two alike in one process */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    for (int i = 0; i < 16; i++)
        w->request_id[i] = "0123456789abcdef"[z >> (60 - 4 * i) & 15];
    w->request_id[16] = '\0';
}

/* A request that says nothing yet, but which an error page can be made for. */
static void blank(struct worker *w) {
    struct request *req = &w->req;
    memset(req, 0, sizeof *req);
    req->ctx.arena = w->arena;
    req->ctx.env = w->env;
    req->ctx.request_id = w->request_id;
    req->ctx.ip = req->ctx.user_agent = "";
    req->method = METHOD_GET;
    req->path = "/";
    req->query_string = req->content_type = "";
    req->body = "";
    params_init(&req->query, w->arena);
    params_init(&req->form, w->arena);
    params_init(&req->cookies, w->arena);
    response_init(req);
}

/* Whom an answer is for when nothing more of the request can be read: programs get errors of their own. */
static const char *path_begins(const char *uri) {
    static const char *const begins[] = {"/api/deeplink/", "/api/"};

    for (size_t i = 0; uri != NULL && i < sizeof begins / sizeof *begins; i++)
        if (text_starts(uri, begins[i]))
            return begins[i];
    return "/";
}

static enum code parse(struct worker *w, int64_t begin_us) {
    struct request *req = &w->req;
    struct said said = hear(w->fcgi.envp);
    name_request(w, said.REQUEST_ID);
    blank(w);
    req->gateway = w->fcgi.envp;
    req->path = path_begins(said.REQUEST_URI);
    req->content_type = or_empty(said.CONTENT_TYPE);
    req->ctx.ip = or_empty(said.REMOTE_ADDR);
    req->ctx.user_agent = or_empty(said.HTTP_USER_AGENT);
    req->ctx.lang = i18n_negotiate(said.HTTP_ACCEPT_LANGUAGE);
    req->ctx.deadline_us = begin_us + (int64_t)w->env->config->request_timeout_ms * 1000;
    req->https = (said.HTTPS != NULL && strcmp(said.HTTPS, "on") == 0) ||
                 text_starts(w->env->config->base_url, "https://");
    parse_cookies(req, said.HTTP_COOKIE);
    enum code c = parse_method(req, said.REQUEST_METHOD);
    enum code d = c == OK ? parse_address(req, &said) : c;
    enum code e = read_body(w, &said); /* also of what is refused, so that the connection ends cleanly */
    return d != OK ? d : e;
}

/* ---- answering ---- */

static void on_exhausted(void *arg) {
    struct worker *w = arg;
    longjmp(w->exhausted, 1);
}

static void send_answer(struct worker *w) {
    w->answered = true; /* whatever happens: never a second one */
    bool sent = response_send(&w->req, w->fcgi.ipcFd, w->fcgi.requestId);
    if (sent && w->input_read) {
        close(w->fcgi.ipcFd);
        w->fcgi.ipcFd = -1;
    }
}

/* The request needs more memory than one may have: what it held is gone, and the answer is made on an empty
 * arena. */
static void answer_exhausted(struct worker *w) {
    log_error(&w->req.ctx, "a request needs too much memory", "path=%s", w->req.path);
    env_settle(w->env); /* nothing may still be read into it */
    arena_reset(w->arena);
    if (w->answered)
        return;
    enum method method = w->req.method;
    blank(w);
    w->req.method = method;
    fail_http(&w->req.ctx, 503, EXHAUSTED,
              tr_mark("This needs more memory than there is. Please try again later."));
    if (setjmp(w->exhausted) == 0)
        router_show_error(w->router, &w->req, EXHAUSTED);
    else
        blank(w), respond(&w->req, 503, "text/plain; charset=utf-8");
    send_answer(w);
}

/* After the answer has left: what the drivers still hold, and the app's own ending. */
static void finish(struct worker *w, int64_t begin_us) {
    struct request *req = &w->req;
    int64_t us = clock_mono_us() - begin_us;
    health_count(req, us);
    if (log_wants(LOG_INFO))
        log_access(&req->ctx, method_name(req->method), req->path, req->res.status, req->res.body.n, us);
    env_settle(w->env);
    if (w->env->app->finish != NULL) {
        w->env->app->finish(req);
        env_settle(w->env);
    }
}

static void answer(struct worker *w) {
    int64_t begin_us = clock_mono_us();
    w->answered = w->input_read = false;
    if (setjmp(w->exhausted) == 0) {
        arena_reset(w->arena);
        enum code c = parse(w, begin_us);
        if (c == OK)
            router_dispatch(w->router, &w->req);
        else
            router_show_error(w->router, &w->req, c);
        send_answer(w);
    } else {
        answer_exhausted(w);
    }
    if (setjmp(w->exhausted) == 0)
        finish(w, begin_us);
    else
        log_error(NULL, "the end of a request needs too much memory", "request=%s", w->request_id);
}

/* libfcgi reads the records; accepting, writing and closing are done here, since its own ways wait for the
 * gateway more than once a request. keepConnection stops it from closing what it has not opened. */
static void serve_connection(struct worker *w, int fd) {
    w->fcgi.ipcFd = fd;
    w->fcgi.keepConnection = 1;
    if (FCGX_Accept_r(&w->fcgi) != 0) {
        log_debug(NULL, "a connection brought no request", "fd=%d", fd);
        return;
    }
    answer(w);
    FCGX_Free(&w->fcgi, w->fcgi.ipcFd >= 0);
    arena_reset(w->arena);
}

/* ---- listening ---- */

static int listen_unix(const char *path, int backlog) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct stat st;
    if (strlen(path) >= sizeof sa.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&sa, sizeof sa) ==
        0) { /* somebody is there: do not take it away from him */
        close(fd);
        errno = EADDRINUSE;
        return -1;
    }
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    mode_t before = umask(0117);
    bool ok = bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(fd, backlog) == 0;
    umask(before);
    if (ok)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int listen_tcp(const char *address, int backlog) {
    char host[256];
    const char *colon = strrchr(address, ':');
    struct addrinfo *found,
        hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int fd = -1, yes = 1;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        errno = EINVAL;
        return -1;
    }
    size_t bracket = address[0] == '['; /* [::1]:9000 */
    snprintf(host, sizeof host, "%.*s", (int)((size_t)(colon - address) - 2 * bracket), address + bracket);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
                        bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, backlog) != 0)) {
            int error = errno;
            close(fd);
            fd = -1;
            errno = error;
        }
    }
    freeaddrinfo(found);
    return fd;
}

int request_listen(const char *address, int backlog) {
    int fd = text_starts(address, "unix:") ? listen_unix(address + 5, backlog) : listen_tcp(address, backlog);
    /* With a time-out, a signal ends accept() even where its handler restarts other calls (signal(7)). */
    struct timeval t = {.tv_sec = ACCEPT_TIMEOUT_S};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    return fd;
}

/* Whether to go on after accept() failed. */
static bool after_failed_accept(void) {
    switch (errno) {
    case EINTR:
    case EAGAIN:
    case ECONNABORTED:
    case EPROTO:
        return true;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        log_error(NULL, "cannot accept", "error=%s", strerror(errno));
        usleep(100000);
        return true;
    default:
        log_error(NULL, "cannot accept any more", "error=%s", strerror(errno));
        return false;
    }
}

static struct worker *worker_new(struct env *env) {
    struct worker *w = calloc(1, sizeof *w);
    if (w == NULL || FCGX_Init() != 0) {
        free(w);
        return NULL;
    }
    FCGX_InitRequest(&w->fcgi, -1, 0);
    w->env = env;
    w->router = env->router;
    w->arena = arena_new(ARENA_SPARE + 2 * (size_t)env->config->max_body_bytes);
    arena_on_exhausted(w->arena, on_exhausted, w);
    crypto_random(&w->id_state, sizeof w->id_state);
    return w;
}

uint64_t request_loop(int fd, struct env *env, bool (*stop)(void)) {
    struct worker *w = worker_new(env);
    uint64_t n = 0;
    if (w == NULL) {
        log_error(NULL, "no memory for a worker", "fd=%d", fd);
        return 0;
    }
    pool_busy(false);
    while (!stop()) {
        int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            if (!after_failed_accept())
                break;
            continue;
        }
        pool_busy(true);
        serve_connection(w, connection);
        n++;
        env_tick(env);
        pool_busy(false);
    }
    arena_free(w->arena);
    free(w);
    return n;
}
