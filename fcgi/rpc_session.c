#include "fcgi/rpc_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/rpc.h"
#include "fcgi/rpc_http2.h"
#include "fcgi/rpc_wire.h"

#define STREAMS_MAX 256                     /* at once in one session */
#define META_MAX ((size_t)16 << 10)         /* bytes of one call's fields */
#define WINDOW (1 << 20)                    /* of a session, for requests */
#define HELD_MAX ((size_t)16 << 20)         /* of requests of one session that are not whole yet */
#define HELD_BY_ALL ((size_t)64 << 20)      /* … of all sessions of a process */
#define UNSENT_MAX ((size_t)8 << 20)        /* replies that a session has not taken: then it waits */
#define AHEAD ((size_t)64 << 10)            /* of a stream: made before it is asked for */
#define PATIENCE_US (INT64_C(60) * 1000000) /* for a call that says no time */
#define STREAM_US (INT64_C(600) * 1000000)  /* … that gives a stream */

/* ---- streams ---- */

void rpc_stream_queue(struct rpc_stream *stream) {
    struct rpc_session *s = stream->session;
    if (stream->queued)
        return;
    stream->queued = true;
    stream->queue_next = NULL;
    *s->queue_end = stream;
    s->queue_end = &stream->queue_next;
}

void rpc_stream_unqueue(struct rpc_stream *stream) {
    struct rpc_session *s = stream->session;
    struct rpc_stream **at = &s->queue;
    if (!stream->queued)
        return;
    while (*at != stream)
        at = &(*at)->queue_next;
    *at = stream->queue_next;
    if (*at == NULL)
        s->queue_end = at;
    stream->queued = false;
}

static struct rpc_stream *stream_new(struct rpc_session *s, int32_t id) {
    struct rpc_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL)
        return NULL;
    stream->session = s;
    stream->id = id;
    stream->meta.lang = 0;
    stream->deadline_us = clock_mono_us() + PATIENCE_US;
    buf_init(&stream->in, NULL, RPC_HEAD + RPC_MESSAGE_MAX);
    buf_init(&stream->out, NULL, 2 * (RPC_HEAD + RPC_MESSAGE_MAX));
    stream->next = s->streams;
    s->streams = stream;
    s->n_streams++;
    return stream;
}

static void release_input(struct rpc_stream *stream) {
    stream->session->in_bytes -= stream->in.n;
    stream->session->host->in_bytes -= stream->in.n;
    buf_free(&stream->in);
    stream->in_at = 0;
}

static void stream_free(struct rpc_stream *stream) {
    struct rpc_session *s = stream->session;
    struct rpc_stream **at = &s->streams;
    rpc_stream_unqueue(stream);
    while (*at != stream)
        at = &(*at)->next;
    *at = stream->next;
    s->n_streams--;
    release_input(stream);
    s->out_bytes -= stream->out.n - stream->out_at;
    buf_free(&stream->out);
    if (stream->request != NULL)
        protobuf_c_message_free_unpacked(stream->request, NULL);
    free(stream->message);
    free(stream->detail);
    free(stream);
}

static struct rpc_stream *stream_of(struct rpc_session *s, int32_t id) {
    return id > 0 ? nghttp2_session_get_stream_user_data(s->http2, id) : NULL;
}

/* ---- answering ---- */

static size_t trailers(const struct rpc_stream *stream, char digits[4], nghttp2_nv *f) {
    size_t n = 0;
    snprintf(digits, 4, "%d", (int)stream->status % 100);
    f[n++] = rpc_field("grpc-status", digits);
    if (stream->message != NULL && stream->message[0] != '\0')
        f[n++] = rpc_field("grpc-message", stream->message);
    if (stream->detail != NULL)
        f[n++] = rpc_field("grpc-status-details-bin", stream->detail);
    return n;
}

static ssize_t on_body(nghttp2_session *http2, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                       nghttp2_data_source *source, void *arg) {
    struct rpc_stream *stream = source->ptr;
    size_t left = stream->out.n - stream->out_at, n = left < room ? left : room;
    nghttp2_nv f[3];
    char digits[4];
    (void)arg;
    if (n > 0)
        memcpy(to, stream->out.p + stream->out_at, n);
    stream->out_at += n;
    stream->session->out_bytes -= n;
    if (stream->out_at == stream->out.n)
        stream->out_at = stream->out.n = 0;
    if (!stream->done && (stream->marks & RPC_STREAM) != 0 && left - n < AHEAD)
        rpc_stream_queue(stream);
    if (stream->out.n > 0)
        return (ssize_t)n;
    if (stream->done) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        return nghttp2_submit_trailer(http2, id, f, trailers(stream, digits, f)) == 0
                   ? (ssize_t)n
                   : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (n > 0)
        return (ssize_t)n;
    stream->waiting = true;
    return NGHTTP2_ERR_DEFERRED;
}

/* The headers go, or nghttp2 is told that there is more. */
static void push(struct rpc_stream *stream) {
    nghttp2_session *http2 = stream->session->http2;
    nghttp2_nv f[] = {rpc_field(":status", "200"), rpc_field("content-type", "application/grpc")};
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = on_body};
    if (!stream->responded) {
        stream->responded = true;
        nghttp2_submit_response(http2, stream->id, f, sizeof f / sizeof f[0], &body);
    } else if (stream->waiting) {
        stream->waiting = false;
        nghttp2_session_resume_data(http2, stream->id);
    }
}

bool rpc_stream_send(struct rpc_stream *stream, const void *p, size_t n) {
    unsigned char head[RPC_HEAD];
    if (n > RPC_MESSAGE_MAX || !buf_reserve(&stream->out, RPC_HEAD + n))
        return false;
    rpc_head_write(head, n);
    buf_add(&stream->out, head, sizeof head);
    buf_add(&stream->out, p, n);
    stream->session->out_bytes += sizeof head + n;
    push(stream);
    return true;
}

/* Headers and trailers in one: nothing was said before. */
static void answer_by_trailers(struct rpc_stream *stream, const char *http) {
    nghttp2_nv f[6] = {rpc_field(":status", http), rpc_field("content-type", "application/grpc"),
                       rpc_field("grpc-accept-encoding", "identity")};
    char digits[4];
    size_t n = 3 + trailers(stream, digits, f + 3);
    stream->responded = true;
    nghttp2_submit_response(stream->session->http2, stream->id, f, n, NULL);
}

void rpc_stream_end(struct rpc_stream *stream, const struct error *e) {
    struct arena *a = stream->session->host->arena;
    if (stream->done)
        return;
    stream->done = true;
    stream->status = e->code;
    if (e->code != OK) {
        stream->message = strdup(rpc_percent_encode(a, e->text != NULL ? e->text : ""));
        stream->detail = strdup(rpc_error_pack(a, e, stream->peer == RPC_SERVICE));
    }
    release_input(stream);
    if (stream->responded || e->code == OK)
        push(stream);
    else
        answer_by_trailers(stream, "200");
}

/* An answer of the transport itself: nothing of ours can make it other. */
static void refuse(struct rpc_stream *stream, enum code code, const char *words) {
    if (stream->done)
        return;
    stream->done = true;
    stream->status = code;
    stream->message = strdup(words);
    release_input(stream);
    rpc_stream_unqueue(stream);
    if (stream->responded)
        push(stream);
    else
        answer_by_trailers(stream, "200");
}

/* What is no gRPC is answered as HTTP. */
static void refuse_http(struct rpc_stream *stream, const char *status) {
    nghttp2_nv f[] = {rpc_field(":status", status)};
    stream->done = stream->responded = true;
    nghttp2_submit_response(stream->session->http2, stream->id, f, 1, NULL);
}

/* ---- metadata ---- */

static bool is(const uint8_t *name, size_t n, const char *wanted) {
    return strlen(wanted) == n && memcmp(name, wanted, n) == 0;
}

static int64_t number(const char *s, int64_t max) {
    int64_t v;
    return text_parse_int(s, 0, max, &v) ? v : 0;
}

static void copy(char *to, size_t room, const char *v) {
    size_t n = strnlen(v, room - 1);
    memcpy(to, v, n);
    to[n] = '\0';
}

static void take_key(struct rpc_stream *stream, const char *value) {
    const struct config *c = stream->session->host->env->config;
    if (strncasecmp(value, "Bearer ", 7) != 0)
        return;
    stream->meta.service_key = c->grpc_secret[0] != '\0' && crypto_equal_str(value + 7, c->grpc_secret);
    stream->meta.outside_key =
        c->grpc_outside_secret[0] != '\0' && crypto_equal_str(value + 7, c->grpc_outside_secret);
    if (c->grpc_tokens && strlen(value + 7) < sizeof stream->meta.bearer)
        copy(stream->meta.bearer, sizeof stream->meta.bearer, value + 7);
}

static void take_own(struct rpc_meta *m, const char *name, const char *v) {
    if (strcmp(name, RPC_META_REQUEST) == 0)
        copy(m->request_id, sizeof m->request_id, v);
    else if (strcmp(name, RPC_META_VIEWER) == 0)
        m->viewer = number(v, INT64_MAX);
    else if (strcmp(name, RPC_META_PERMISSIONS) == 0)
        m->permissions = strtoull(v, NULL, 10);
    else if (strcmp(name, RPC_META_SESSION) == 0)
        m->session = number(v, INT64_MAX);
    else if (strcmp(name, RPC_META_TOKEN) == 0)
        m->token = number(v, INT64_MAX);
    else if (strcmp(name, RPC_META_APP) == 0)
        m->app = number(v, INT64_MAX);
    else if (strcmp(name, RPC_META_IP) == 0)
        copy(m->ip, sizeof m->ip, v);
    else if (strcmp(name, RPC_META_AGENT) == 0)
        copy(m->agent, sizeof m->agent, v);
    else if (strcmp(name, RPC_META_LANGUAGE) == 0)
        m->lang = i18n_find(v) > 0 ? i18n_find(v) : 0;
    else if (strcmp(name, RPC_META_DEPTH) == 0)
        m->depth = (unsigned)number(v, 100);
    else if (strcmp(name, RPC_META_OUTSIDE) == 0)
        m->outside = true;
}

static void take_field(struct rpc_stream *stream, const char *name, const char *v) {
    struct rpc_meta *m = &stream->meta;
    if (strcmp(name, ":method") == 0)
        m->post = strcmp(v, "POST") == 0;
    else if (strcmp(name, ":path") == 0)
        copy(m->path, sizeof m->path, v);
    else if (strcmp(name, "content-type") == 0)
        m->grpc = text_starts(v, "application/grpc") && (v[16] == '\0' || v[16] == '+' || v[16] == ';');
    else if (strcmp(name, "grpc-timeout") == 0)
        m->bad_timeout = !rpc_timeout_parse(v, &m->timeout_us);
    else if (strcmp(name, "grpc-encoding") == 0)
        m->compressed = strcmp(v, "identity") != 0;
    else if (strcmp(name, "authorization") == 0)
        take_key(stream, v);
    else if (text_starts(name, "deeplink-"))
        take_own(m, name, v);
}

static int on_header(nghttp2_session *http2, const nghttp2_frame *frame, const uint8_t *name, size_t n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *arg) {
    struct rpc_stream *stream = stream_of(arg, frame->hd.stream_id);
    char key[32], text[2048];
    (void)flags;
    if (stream == NULL || frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    stream->meta.bytes += n + value_n + 32;
    if (stream->meta.bytes > META_MAX) {
        nghttp2_submit_rst_stream(http2, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_ENHANCE_YOUR_CALM);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (n >= sizeof key || value_n >= sizeof text) /* of what is ours, nothing is as long */
        return 0;
    snprintf(key, sizeof key, "%.*s", (int)n, (const char *)name);
    snprintf(text, sizeof text, "%.*s", (int)value_n, (const char *)value);
    if (is(name, n, key))
        take_field(stream, key, text);
    return 0;
}

/* ---- what is called, and by whom ---- */

static void find_method(struct rpc_stream *stream) {
    const struct app *app = stream->session->host->env->app;
    const char *path = stream->meta.path, *slash = path[0] == '/' ? strchr(path + 1, '/') : NULL;
    const struct rpc_builtin *const builtins[] = {rpc_health, rpc_reflection};
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        for (const struct rpc_builtin *b = builtins[i]; b->path != NULL; b++)
            if (strcmp(b->path, path) == 0)
                stream->builtin = b;
    if (slash == NULL || stream->builtin != NULL)
        return;
    for (const struct service *const *s = app->services; *s != NULL; s++) {
        const ProtobufCServiceDescriptor *d = (*s)->descriptor;
        if (!rpc_is_here(*s) || strlen(d->name) != (size_t)(slash - path - 1) ||
            memcmp(d->name, path + 1, strlen(d->name)) != 0)
            continue;
        const ProtobufCMethodDescriptor *m = protobuf_c_service_descriptor_get_method_by_name(d, slash + 1);
        if (m == NULL)
            return;
        stream->service = *s;
        stream->method = (unsigned)(m - d->methods);
        stream->marks = (*s)->marks != NULL ? (*s)->marks[stream->method] : 0;
        stream->door = (*s)->doors != NULL ? &(*s)->doors[stream->method] : NULL;
    }
}

/* A gateway's word that somebody comes from outside counts more than any key. Without a secret, a process of
 * our own user is one of us, since nobody else may open the socket, or one with a certificate. */
static enum rpc_peer peer_of(const struct rpc_stream *stream) {
    const struct config *c = stream->session->host->env->config;
    const struct rpc_meta *m = &stream->meta;
    bool service = c->grpc_secret[0] != '\0' ? m->service_key : stream->session->trusted;
    if (service && !m->outside)
        return RPC_SERVICE;
    if (m->outside_key)
        return RPC_OUTSIDE;
    return m->bearer[0] != '\0' ? RPC_MEMBER : RPC_NOBODY;
}

static enum rpc_peer least_of(const struct rpc_stream *stream) {
    if (stream->builtin != NULL)
        return stream->builtin->least;
    return stream->door != NULL && stream->door->least != RPC_NOBODY ? stream->door->least : RPC_SERVICE;
}

/* Who shows a token is looked at when the call is run, since that takes asking. */
static void refuse_peer(struct rpc_stream *stream, enum rpc_peer least) {
    if (stream->peer == RPC_NOBODY)
        refuse(stream, UNAUTHENTICATED, "Show a valid key: authorization: Bearer ...");
    else if (least == RPC_MEMBER)
        refuse(stream, DENIED, "This takes the token of a member.");
    else
        refuse(stream, DENIED, "This is not for callers from outside.");
}

static void set_deadline(struct rpc_stream *stream) {
    int64_t now = clock_mono_us(), us = stream->meta.timeout_us;
    if (us > 0)
        stream->deadline_us = now + us;
    else if ((stream->marks & RPC_STREAM) != 0)
        stream->deadline_us = now + STREAM_US;
    else if (stream->builtin != NULL && stream->builtin->kind != RPC_ONE)
        stream->deadline_us = 0;
}

/* The head of a call is whole: what can be refused is refused now, before its message is kept. */
static void begin(struct rpc_stream *stream) {
    const struct rpc_meta *m = &stream->meta;
    if (!m->post || !m->grpc) {
        refuse_http(stream, m->post ? "415" : "405");
        return;
    }
    find_method(stream);
    stream->peer = peer_of(stream);
    if (stream->peer != RPC_SERVICE)
        stream->meta.depth = 0;
    enum rpc_peer least = least_of(stream);
    if (stream->peer == RPC_NOBODY && least > RPC_NOBODY)
        refuse_peer(stream, least);
    else if (stream->builtin == NULL && stream->service == NULL)
        refuse(stream, UNIMPLEMENTED, "There is no such method here.");
    else if (stream->peer < least)
        refuse_peer(stream, least);
    else if (stream->peer == RPC_OUTSIDE && least > RPC_NOBODY &&
             stream->session->host->env->config->intranet)
        refuse(stream, DENIED, "This site shows nothing to strangers: use the token of a member.");
    else if (m->compressed)
        refuse(stream, UNIMPLEMENTED, "Messages are taken uncompressed only: grpc-encoding: identity.");
    else if (m->bad_timeout)
        refuse(stream, INVALID, "grpc-timeout: up to eight digits and one of n u m S M H.");
    else if (stream->peer != RPC_MEMBER)
        stream->session->known = true;
    set_deadline(stream);
}

/* ---- what nghttp2 tells ---- */

static int on_begin(nghttp2_session *http2, const nghttp2_frame *frame, void *arg) {
    struct rpc_session *s = arg;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct rpc_stream *stream = stream_new(s, frame->hd.stream_id);
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(http2, frame->hd.stream_id, stream);
    return 0;
}

static bool has_message(const struct rpc_stream *stream) {
    const unsigned char *p;
    size_t n;
    return stream->in.n > stream->in_at &&
           rpc_message_find((const unsigned char *)stream->in.p + stream->in_at, stream->in.n - stream->in_at,
                            &p, &n) != RPC_PART;
}

/* A call that takes one message is run when that is whole and nothing can follow; one that takes many, with
 * each. */
static void consider(struct rpc_stream *stream) {
    bool many = stream->builtin != NULL && stream->builtin->kind != RPC_ONE;
    if (!stream->done && (stream->in_ended || (many && has_message(stream))))
        rpc_stream_queue(stream);
}

static int on_data(nghttp2_session *http2, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg) {
    struct rpc_session *s = arg;
    struct rpc_stream *stream = stream_of(s, id);
    (void)http2;
    (void)flags;
    if (stream == NULL || stream->done)
        return 0;
    /* Half of the room is for services, whatever comes from outside. */
    size_t by_all = stream->peer == RPC_SERVICE ? HELD_BY_ALL : HELD_BY_ALL / 2;
    if (s->in_bytes + n > HELD_MAX || s->host->in_bytes + n > by_all) {
        refuse(stream, EXHAUSTED, "Too many requests are on their way at once.");
        return 0;
    }
    if (!buf_reserve(&stream->in, n)) {
        refuse(stream, EXHAUSTED, "A message may have at most 4 MiB.");
        return 0;
    }
    buf_add(&stream->in, p, n);
    s->in_bytes += n;
    s->host->in_bytes += n;
    return 0;
}

static int on_frame(nghttp2_session *http2, const nghttp2_frame *frame, void *arg) {
    struct rpc_stream *stream = stream_of(arg, frame->hd.stream_id);
    (void)http2;
    if (stream == NULL || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        begin(stream);
    stream->in_ended = stream->in_ended || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    consider(stream);
    return 0;
}

/* An answer that ends before its request: the rest of that is not wanted. */
static int on_sent(nghttp2_session *http2, const nghttp2_frame *frame, void *arg) {
    struct rpc_stream *stream = stream_of(arg, frame->hd.stream_id);
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (stream != NULL && ends && !stream->in_ended)
        nghttp2_submit_rst_stream(http2, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    return 0;
}

static int on_close(nghttp2_session *http2, int32_t id, uint32_t error, void *arg) {
    struct rpc_stream *stream = stream_of(arg, id);
    (void)error;
    if (stream == NULL)
        return 0;
    nghttp2_session_set_stream_user_data(http2, id, NULL);
    stream_free(stream);
    return 0;
}

/* ---- sessions ---- */

static nghttp2_session *http2_new(struct rpc_session *s) {
    nghttp2_session_callbacks *calls;
    nghttp2_option *option;
    nghttp2_session *http2 = NULL;
    if (nghttp2_session_callbacks_new(&calls) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(calls, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    if (nghttp2_option_new(&option) == 0) {
        nghttp2_option_set_max_outbound_ack(option, 100);
        nghttp2_option_set_max_settings(option, 32);
        nghttp2_option_set_stream_reset_rate_limit(option, 400, 100);
        nghttp2_option_set_max_continuations(option, 4);
        if (nghttp2_session_server_new2(&http2, calls, s, option) != 0)
            http2 = NULL;
        nghttp2_option_del(option);
    }
    nghttp2_session_callbacks_del(calls);
    return http2;
}

struct rpc_session *rpc_session_new(struct rpc_host *h, bool trusted) {
    struct rpc_session *s = calloc(1, sizeof *s);
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
                                         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, META_MAX},
                                         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW / 4}};
    if (s == NULL)
        return NULL;
    s->host = h;
    s->trusted = trusted;
    s->queue_end = &s->queue;
    s->http2 = http2_new(s);
    if (s->http2 == NULL ||
        nghttp2_submit_settings(s->http2, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof settings[0]) != 0 ||
        nghttp2_session_set_local_window_size(s->http2, NGHTTP2_FLAG_NONE, 0, WINDOW) != 0) {
        rpc_session_free(s);
        return NULL;
    }
    return s;
}

void rpc_session_free(struct rpc_session *s) {
    if (s == NULL)
        return;
    nghttp2_session_del(s->http2);
    while (s->streams != NULL)
        stream_free(s->streams);
    free(s);
}

void rpc_session_leave(struct rpc_session *s) {
    if (!s->leaving)
        nghttp2_submit_goaway(s->http2, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(s->http2),
                              NGHTTP2_NO_ERROR, NULL, 0);
    s->leaving = true;
}

bool rpc_session_is_over(const struct rpc_session *s) {
    return (nghttp2_session_want_read(s->http2) == 0 && nghttp2_session_want_write(s->http2) == 0) ||
           (s->leaving && s->streams == NULL && nghttp2_session_want_write(s->http2) == 0);
}

void rpc_session_tick(struct rpc_session *s, int64_t now_us) {
    for (struct rpc_stream *stream = s->streams; stream != NULL; stream = stream->next) {
        bool watches = stream->builtin != NULL && stream->builtin->kind == RPC_WATCH;
        if (stream->deadline_us != 0 && now_us > stream->deadline_us) {
            if (stream->done) /* it does not take its answer */
                nghttp2_submit_rst_stream(s->http2, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_CANCEL);
            refuse(stream, DEADLINE, "The time for this call is up.");
            stream->deadline_us = now_us + PATIENCE_US;
        } else if (watches && stream->responded && !stream->done) {
            rpc_stream_queue(stream);
        }
    }
}

/* A peer that does not take its answers is not worked for. */
struct rpc_stream *rpc_session_next(const struct rpc_session *s, bool outer) {
    if (s->out_bytes > UNSENT_MAX)
        return NULL;
    for (struct rpc_stream *stream = s->queue; stream != NULL; stream = stream->queue_next)
        if (outer || stream->service == NULL || stream->meta.depth >= RPC_DEPTH_MAX)
            return stream;
    return NULL;
}
