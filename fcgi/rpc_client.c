#include "fcgi/rpc_client.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/rpc_http2.h"
#include "fcgi/rpc_lookup.h"
#include "fcgi/rpc_tls.h"
#include "fcgi/rpc_wire.h"

#define MESSAGE_WORDS 2048
#define DETAIL_WORDS 8192
#define WINDOW (1 << 20)
#define RETRY_AFTER_S 2
#define PLAIN "grpc://"
#define SEALED "grpcs://"
#define WRONG "Something went wrong on our side."
#define DOWN "A part of this site is not answering. Please try again in a moment."

/* What has come of the call at hand. It stands here and not on the stack: a handler that runs out of memory
 * in the middle of a call leaves by longjmp. */
struct reply {
    int32_t stream;
    bool closed;
    bool begun;      /* the peer has answered something */
    bool has_status; /* grpc-status has come */
    bool too_large;
    uint32_t reset; /* why the stream was closed */
    int http;       /* 0: not yet */
    enum code status;
    char message[MESSAGE_WORDS], detail[DETAIL_WORDS];
    struct buf body;
    size_t at; /* of body: taken */
};

struct rpc_client {
    char *address;
    char *bearer;      /* NULL: none */
    const char *path;  /* a socket's; NULL: host:port */
    const char *place; /* host:port; NULL: a socket */
    struct rpc_lookup *lookup;
    bool borrows;                    /* the lookup is another client's */
    const struct rpc_tls_keys *keys; /* NULL: plain */
    struct rpc_pipe pipe;
    struct reply reply;
    bool busy;    /* a call never came to its end: the connection is of no use */
    bool going;   /* the peer takes no further calls on this connection */
    int32_t last; /* the last of ours that it has taken */
    struct {      /* the request being sent */
        const unsigned char *p;
        size_t n, at;
        unsigned char head[RPC_HEAD];
    } body;
};

/* ---- what nghttp2 tells ---- */

static bool is(const uint8_t *name, size_t n, const char *wanted) {
    return strlen(wanted) == n && memcmp(name, wanted, n) == 0;
}

static void keep(char *to, size_t room, const uint8_t *value, size_t n) {
    snprintf(to, room, "%.*s", (int)(n < room ? n : room - 1), (const char *)value);
}

static struct reply *reply_of(struct rpc_client *c, int32_t stream) {
    return c->busy && c->reply.stream == stream ? &c->reply : NULL;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *arg) {
    struct reply *r = reply_of(arg, frame->hd.stream_id);
    char digits[16];
    (void)s;
    (void)flags;
    if (r == NULL)
        return 0;
    r->begun = true;
    if (is(name, n, ":status")) {
        keep(digits, sizeof digits, value, value_n);
        r->http = (int)strtol(digits, NULL, 10);
    } else if (is(name, n, "grpc-status")) {
        keep(digits, sizeof digits, value, value_n);
        r->status = rpc_code_parse(digits);
        r->has_status = true;
    } else if (is(name, n, "grpc-message")) {
        keep(r->message, sizeof r->message, value, value_n);
    } else if (is(name, n, "grpc-status-details-bin")) {
        keep(r->detail, sizeof r->detail, value, value_n);
    }
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *p, size_t n, void *arg) {
    struct reply *r = reply_of(arg, stream);
    (void)s;
    (void)flags;
    if (r == NULL || r->http != 200)
        return 0; /* the page of some proxy */
    buf_add(&r->body, p, n);
    r->too_large = r->too_large || buf_overflowed(&r->body);
    return 0;
}

static int on_close(nghttp2_session *s, int32_t stream, uint32_t error, void *arg) {
    struct reply *r = reply_of(arg, stream);
    (void)s;
    if (r != NULL) {
        r->closed = true;
        r->reset = error;
    }
    return 0;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg) {
    struct rpc_client *c = arg;
    (void)s;
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        c->going = true;
        c->last = frame->goaway.last_stream_id;
    }
    return 0;
}

static ssize_t on_body(nghttp2_session *s, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
                       nghttp2_data_source *source, void *arg) {
    struct rpc_client *c = arg;
    size_t n = 0;
    (void)s;
    (void)source;
    if (reply_of(c, stream) == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    for (; n < room && c->body.at < RPC_HEAD; n++)
        to[n] = c->body.head[c->body.at++];
    size_t left = RPC_HEAD + c->body.n - c->body.at, k = left < room - n ? left : room - n;
    if (c->body.at >= RPC_HEAD && k > 0)
        memcpy(to + n, c->body.p + (c->body.at - RPC_HEAD), k);
    c->body.at += k;
    if (c->body.at == RPC_HEAD + c->body.n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)(n + k);
}

/* ---- connecting ---- */

static bool session_open(struct rpc_client *c) {
    nghttp2_session_callbacks *calls;
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW}};
    if (nghttp2_session_callbacks_new(&calls) != 0)
        return false;
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    bool ok = nghttp2_session_client_new(&c->pipe.session, calls, c) == 0;
    nghttp2_session_callbacks_del(calls);
    return ok &&
           nghttp2_submit_settings(c->pipe.session, NGHTTP2_FLAG_NONE, settings,
                                   sizeof settings / sizeof settings[0]) == 0 &&
           nghttp2_session_set_local_window_size(c->pipe.session, NGHTTP2_FLAG_NONE, 0, WINDOW) == 0;
}

/* Milliseconds until then, for poll(). */
static int left_ms(int64_t until_us) {
    int64_t us = until_us - clock_mono_us();
    return us <= 0 ? 0 : us > 600000000 ? 600000 : (int)((us + 999) / 1000);
}

static int connect_to(const struct sockaddr *to, socklen_t n, int64_t deadline_us) {
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    socklen_t len = sizeof error;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (fd < 0)
        return -1;
    /* EAGAIN: a unix socket whose queue is full; whoever listens is there, but has too much to do. */
    if (connect(fd, to, n) == 0)
        return fd;
    if (errno == EINPROGRESS && poll(&p, 1, left_ms(deadline_us)) == 1 &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0)
        return fd;
    if (error != 0)
        errno = error;
    close(fd);
    return -1;
}

static int connect_unix(const char *path, int64_t deadline_us) {
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    memcpy(sa.sun_path, path, strlen(path) + 1); /* its length was looked at by rpc_address_valid() */
    return connect_to((struct sockaddr *)&sa, sizeof sa, deadline_us);
}

static int connect_tcp(struct rpc_lookup *lookup, int64_t deadline_us) {
    const struct addrinfo *a = rpc_lookup_addresses(lookup, deadline_us);
    int fd = -1, yes = 1;
    for (; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a->ai_addr, a->ai_addrlen, deadline_us);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    else
        rpc_lookup_forget(lookup);
    return fd;
}

/* The handshake itself is made with the first bytes that go. */
static bool tls_open(struct rpc_client *c) {
    if (c->keys != NULL)
        c->pipe.tls = rpc_tls_connect(c->keys, rpc_lookup_host(c->lookup));
    return c->keys == NULL || c->pipe.tls != NULL;
}

static bool client_open(struct rpc_client *c, int64_t deadline_us) {
    c->going = false;
    c->last = INT32_MAX;
    c->pipe.fd = c->path != NULL ? connect_unix(c->path, deadline_us) : connect_tcp(c->lookup, deadline_us);
    if (c->pipe.fd >= 0 && tls_open(c) && session_open(c))
        return true;
    int error = errno;
    rpc_pipe_close(&c->pipe);
    errno = error;
    return false;
}

/* A kept connection may have ended since: what the peer said meanwhile is read first. */
static bool still_good(struct rpc_client *c) {
    enum rpc_moved m = RPC_MOVED;
    if (c->pipe.fd < 0 || c->busy)
        return false;
    while (m == RPC_MOVED && !c->going)
        m = rpc_pipe_receive(&c->pipe);
    return m == RPC_BLOCKED && !c->going && nghttp2_session_check_request_allowed(c->pipe.session);
}

/* ---- the request ---- */

struct words {
    char timeout[RPC_TIMEOUT_MAX], viewer[24], permissions[24], session[24], token[24], app[24], depth[16];
};

/* What is 0 is not said. */
static size_t number_field(const char *name, int64_t v, char digits[24], nghttp2_nv *f, size_t n) {
    if (v == 0)
        return n;
    snprintf(digits, 24, "%" PRId64, v);
    f[n] = rpc_field(name, digits);
    return n + 1;
}

static size_t fields_of(struct ctx *ctx, const struct rpc_client *c, const struct rpc_exchange *x,
                        struct words *w, nghttp2_nv *f) {
    size_t n = 0;
    rpc_timeout_write(x->deadline_us - clock_mono_us(), w->timeout);
    snprintf(w->depth, sizeof w->depth, "%u", ctx->depth + 1);
    f[n++] = rpc_field(":method", "POST");
    f[n++] = rpc_field(":scheme", c->keys != NULL ? "https" : "http");
    f[n++] = rpc_field(":path", x->path);
    f[n++] = rpc_field(":authority", c->path != NULL ? "localhost" : c->place);
    f[n++] = rpc_field("te", "trailers");
    f[n++] = rpc_field("content-type", "application/grpc");
    f[n++] = rpc_field("grpc-timeout", w->timeout);
    if (c->bearer != NULL)
        f[n++] = rpc_field("authorization", c->bearer);
    f[n++] = rpc_field(RPC_META_DEPTH, w->depth);
    f[n++] = rpc_field(RPC_META_REQUEST, ctx->request_id);
    f[n++] = rpc_field(RPC_META_LANGUAGE, i18n_code(ctx->lang));
    if (ctx->ip[0] != '\0')
        f[n++] = rpc_field(RPC_META_IP, ctx->ip);
    if (ctx->user_agent[0] != '\0')
        f[n++] = rpc_field(RPC_META_AGENT, rpc_percent_encode(ctx->arena, ctx->user_agent));
    n = number_field(RPC_META_TOKEN, ctx->token_id, w->token, f, n);
    n = number_field(RPC_META_APP, ctx->app_id, w->app, f, n);
    if (ctx->viewer_id == 0)
        return n;
    snprintf(w->permissions, sizeof w->permissions, "%" PRIu64, ctx->permissions);
    f[n++] = rpc_field(RPC_META_PERMISSIONS, w->permissions);
    n = number_field(RPC_META_VIEWER, ctx->viewer_id, w->viewer, f, n);
    return number_field(RPC_META_SESSION, ctx->session_id, w->session, f, n);
}

static bool submit(struct ctx *ctx, struct rpc_client *c, const struct rpc_exchange *x) {
    struct words w;
    nghttp2_nv f[20];
    nghttp2_data_provider body = {.read_callback = on_body};
    size_t n = fields_of(ctx, c, x, &w, f);
    struct buf kept = c->reply.body;
    kept.n = 0;
    kept.overflowed = false;
    c->reply.stream = 0;
    c->reply.closed = c->reply.begun = c->reply.has_status = c->reply.too_large = false;
    c->reply.http = 0;
    c->reply.status = OK;
    c->reply.message[0] = c->reply.detail[0] = '\0';
    c->reply.body = kept;
    c->reply.at = 0;
    c->body.p = x->p;
    c->body.n = x->n;
    c->body.at = 0;
    rpc_head_write(c->body.head, x->n);
    c->busy = true;
    int32_t id = nghttp2_submit_request(c->pipe.session, NULL, f, n, &body, NULL);
    c->reply.stream = id;
    return id > 0;
}

/* ---- the reply ---- */

/* Hands on the messages that are whole. */
static enum code take_messages(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x) {
    struct reply *r = &c->reply;
    const unsigned char *p;
    size_t n;
    enum code code = OK;
    while (code == OK) {
        enum rpc_framing f =
            rpc_message_find((const unsigned char *)r->body.p + r->at, r->body.n - r->at, &p, &n);
        if (f == RPC_PART)
            break;
        if (f != RPC_WHOLE || (!x->stream && x->taken > 0)) {
            x->failed = true;
            return fail_detail(ctx, f == RPC_TOO_LARGE ? EXHAUSTED : INTERNAL, WRONG,
                               "%s: a message that is %s", x->path,
                               f == RPC_TOO_LARGE    ? "too large"
                               : f == RPC_COMPRESSED ? "compressed"
                                                     : "one too many");
        }
        r->at += RPC_HEAD + n;
        x->taken++;
        code = x->take(ctx, p, n, x->arg);
    }
    if (r->at > 0) { /* what is left moves to the front */
        memmove(r->body.p, r->body.p + r->at, r->body.n - r->at);
        r->body.n -= r->at;
        r->at = 0;
    }
    return code;
}

static enum code lost(struct ctx *ctx, struct rpc_exchange *x, const char *why) {
    bool first = !ctx_failed(ctx);
    x->failed = true;
    fail_detail(ctx, UNAVAILABLE, DOWN, "%s: %s", x->path, why);
    if (first)
        ctx->error.retry_after = RETRY_AFTER_S;
    return UNAVAILABLE;
}

/* A status without an error of ours: another server's, or one that did not know us. */
static enum code foreign(struct ctx *ctx, struct rpc_exchange *x, const struct reply *r, enum code code) {
    char *words = rpc_percent_decode(ctx->arena, r->message);
    bool answer = r->has_status && (code == NOT_FOUND || code == INVALID || code == EXISTS ||
                                    code == PRECONDITION || code == ABORTED || code == OUT_OF_RANGE);
    if (answer)
        return fail_detail(ctx, code, words[0] != '\0' ? words : WRONG, "%s: %s", x->path, words);
    if (code == UNAVAILABLE)
        return lost(ctx, x, words);
    x->failed = true;
    if (code == UNAUTHENTICATED || code == DENIED) /* it is this process that was not let in, not a reader */
        code = INTERNAL;
    return fail_detail(ctx, code, WRONG, "%s: %s: %s", x->path, code_name(code), words);
}

/* The stream is closed: what was it? */
static enum code conclude(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x) {
    struct reply *r = &c->reply;
    x->reached = r->begun || (r->reset != NGHTTP2_REFUSED_STREAM && r->stream <= c->last);
    if (r->has_status && r->status == OK) {
        if (r->body.n == 0 && (x->stream || x->taken == 1))
            return OK;
        x->failed = true;
        return fail_detail(ctx, INTERNAL, WRONG, "%s: said OK with %zu messages and %zu bytes more", x->path,
                           x->taken, r->body.n);
    }
    if (r->has_status && r->detail[0] != '\0') {
        bool had = ctx_failed(ctx);
        if (rpc_error_unpack(ctx, r->detail))
            return had ? r->status : ctx->error.code;
    }
    if (r->has_status)
        return foreign(ctx, x, r, r->status);
    if (r->http != 0 && r->http != 200)
        return foreign(ctx, x, r, rpc_code_of_http(r->http));
    if (r->reset == NGHTTP2_NO_ERROR)
        return foreign(ctx, x, r, r->http == 200 ? INTERNAL : UNAVAILABLE);
    return foreign(ctx, x, r, x->reached ? rpc_code_of_reset(r->reset) : UNAVAILABLE);
}

/* Ends the call from this side; the connection stays good for the next one. */
static void cancel(struct rpc_client *c) {
    if (c->reply.closed || c->pipe.fd < 0)
        return;
    nghttp2_submit_rst_stream(c->pipe.session, NGHTTP2_FLAG_NONE, c->reply.stream, NGHTTP2_CANCEL);
    if (rpc_pipe_send(&c->pipe) == RPC_DEAD)
        rpc_pipe_close(&c->pipe);
}

static enum code too_late(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x) {
    cancel(c);
    x->failed = true;
    bool first = !ctx_failed(ctx);
    fail_detail(ctx, DEADLINE, "This took too long.", "%s: no answer in time", x->path);
    if (first) { /* to a reader it is all the same why a part of the site does not answer */
        ctx->error.http = 503;
        ctx->error.retry_after = RETRY_AFTER_S;
    }
    return DEADLINE;
}

static enum code converse(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x) {
    struct pollfd p = {.fd = c->pipe.fd};
    int64_t quiet_since = clock_mono_us();
    enum rpc_moved in = RPC_MOVED;
    while (!c->reply.closed) {
        enum rpc_moved out = rpc_pipe_send(&c->pipe);
        int64_t until = x->deadline_us;
        if (x->quiet_us > 0 && quiet_since + x->quiet_us < until)
            until = quiet_since + x->quiet_us;
        if (c->reply.closed || out == RPC_DEAD || in == RPC_DEAD)
            break;
        x->reached = x->reached || rpc_pipe_is_open(&c->pipe);
        p.events = (short)(POLLIN | (out == RPC_BLOCKED ? POLLOUT : 0));
        int ready = poll(&p, 1, left_ms(until));
        if (ready < 0 && errno != EINTR)
            break;
        if (ready == 0 || clock_mono_us() >= until)
            return too_late(ctx, c, x);
        in = (p.revents & ~POLLOUT) != 0 ? rpc_pipe_receive(&c->pipe) : RPC_MOVED;
        size_t before = x->taken;
        enum code code = take_messages(ctx, c, x);
        quiet_since = x->taken > before ? clock_mono_us() : quiet_since;
        if (code == OK && c->reply.too_large)
            code = fail_detail(ctx, EXHAUSTED, WRONG, "%s: a message that is too large", x->path);
        if (code != OK) {
            cancel(c);
            return code;
        }
    }
    if (c->reply.closed)
        return conclude(ctx, c, x);
    x->reached = x->reached && c->reply.stream <= c->last;
    const char *why = c->pipe.tls != NULL ? arena_strdup(ctx->arena, rpc_tls_why(c->pipe.tls)) : "";
    rpc_pipe_close(&c->pipe);
    return lost(ctx, x, why[0] != '\0' ? why : "the connection was lost");
}

static enum code exchange(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x) {
    x->reached = x->failed = false;
    x->taken = 0;
    if (x->n > RPC_MESSAGE_MAX)
        return fail_detail(ctx, EXHAUSTED, WRONG, "%s: a request of %zu bytes", x->path, x->n);
    if (!still_good(c)) {
        rpc_pipe_close(&c->pipe);
        c->busy = false;
        if (!client_open(c, x->deadline_us))
            return lost(ctx, x, strerror(errno));
    }
    if (!submit(ctx, c, x)) {
        rpc_pipe_close(&c->pipe);
        return lost(ctx, x, "no memory for a call");
    }
    enum code code = converse(ctx, c, x);
    c->busy = false;
    return code;
}

/* ---- a client ---- */

bool rpc_address_is_tls(const char *address) { return text_starts(address, SEALED); }

/* host:port of an address; NULL: it is no such. */
static const char *place_of(const char *address) {
    if (text_starts(address, SEALED))
        return address + strlen(SEALED);
    return text_starts(address, PLAIN) ? address + strlen(PLAIN) : NULL;
}

bool rpc_address_valid(const char *address) {
    int64_t port;
    if (text_starts(address, "grpc+unix:/"))
        return strlen(address) - strlen("grpc+unix:") <= 100;
    const char *host = place_of(address), *colon = host != NULL ? strrchr(host, ':') : NULL;
    return colon != NULL && colon > host && colon - host < 250 && strchr(host, '/') == NULL &&
           text_parse_int(colon + 1, 1, 65535, &port);
}

static struct rpc_client *client_new(const char *address, const char *secret, const struct rpc_tls_keys *keys,
                                     struct rpc_lookup *lookup) {
    struct rpc_client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->address = strdup(address);
    if (secret[0] != '\0' && asprintf(&c->bearer, "Bearer %s", secret) < 0)
        c->bearer = NULL;
    c->place = place_of(c->address);
    if (c->place == NULL)
        c->path = c->address + strlen("grpc+unix:");
    c->borrows = lookup != NULL;
    c->lookup = lookup != NULL || c->place == NULL ? lookup : rpc_lookup_new(c->place);
    c->keys = rpc_address_is_tls(address) ? keys : NULL;
    c->pipe.fd = -1;
    buf_init(&c->reply.body, NULL, RPC_HEAD + RPC_MESSAGE_MAX + ((size_t)128 << 10));
    if (c->place != NULL && c->lookup == NULL) {
        rpc_client_free(c);
        return NULL;
    }
    return c;
}

struct rpc_client *rpc_client_new(const char *address, const char *secret, const struct rpc_tls_keys *keys) {
    if (!rpc_address_valid(address) || (rpc_address_is_tls(address) && keys == NULL))
        return NULL;
    return client_new(address, secret, keys, NULL);
}

void rpc_client_free(struct rpc_client *c) {
    if (c == NULL)
        return;
    rpc_pipe_close(&c->pipe);
    buf_free(&c->reply.body);
    if (!c->borrows)
        rpc_lookup_free(c->lookup);
    free(c->address);
    free(c->bearer);
    free(c);
}

/* ---- its calls ---- */

static struct rpc_client *like(const struct rpc_client *c) {
    return client_new(c->address, c->bearer != NULL ? c->bearer + strlen("Bearer ") : "", c->keys, c->lookup);
}

static void client_free(void *c) { rpc_client_free(c); }

enum code rpc_client_exchange(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x) {
    if (x->fresh) {
        c = like(c);
        if (c == NULL)
            return lost(ctx, x, "no memory for a connection");
        arena_defer(ctx->arena, client_free, c);
    }
    enum code code = exchange(ctx, c, x);
    if (x->fresh)
        rpc_pipe_close(&c->pipe);
    return code;
}
