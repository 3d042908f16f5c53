/* The hub's side of HTTP and WebSocket, by libwebsockets on the hub's own loop. Connections are accepted
 * here, from the socket that the master holds for all hubs, and handed to the library. */
#include <ev.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "fcgi/metrics.h"
#include "fcgi/stream_hub.h"

#define HEADERS_MAX 4096
#define SEND_BUFFER (64 * 1024) /* of a socket: what a slow reader may have in the kernel */
#define COMMAND_MAX 1024
#define REPLY_MAX 16384
#define FDS_SPARE 64
#define OUT_MAX ((size_t)4 << 20)

/* What libwebsockets keeps for each connection: a stream, when it has become one. */
struct session {
    struct conn *conn;
};

static struct hub *hub_of(struct lws *wsi) { return lws_context_user(lws_get_context(wsi)); }

/* ---- Answers that are no streams */

/* Room for a header that begins behind what the library needs for itself. */
static unsigned char *room(void) {
    static unsigned char bytes[LWS_PRE + REPLY_MAX];

    return bytes + LWS_PRE;
}

static bool reply(struct lws *wsi, unsigned status, const char *type, const char *retry_after,
                  const struct buf *body) {
    unsigned char *start = room(), *p = start, *end = start + REPLY_MAX;

    if (lws_add_http_common_headers(wsi, status, type, body->n, &p, end) != 0 ||
        (retry_after != NULL && lws_add_http_header_by_name(wsi, (const unsigned char *)"retry-after:",
                                                            (const unsigned char *)retry_after,
                                                            (int)strlen(retry_after), &p, end) != 0) ||
        lws_finalize_http_header(wsi, &p, end) != 0 || (size_t)(end - p) < body->n)
        return false;
    memcpy(p, body->p, body->n);
    p += body->n;
    return lws_write(wsi, start, (size_t)(p - start), LWS_WRITE_HTTP_HEADERS) >= 0;
}

static bool refuse(struct lws *wsi, unsigned status, const char *words) {
    struct hub *h = hub_of(wsi);
    struct buf body;

    stream_number(STREAM_N_REFUSED, 1);
    buf_init(&body, h->arena, 1024);
    buf_printf(&body, "{\"error\":\"%s\"}", words);
    return reply(wsi, status, "application/json", status == 429 || status == 503 ? "30" : NULL, &body);
}

static bool health(struct lws *wsi) {
    struct buf body;

    buf_init(&body, hub_of(wsi)->arena, 16);
    buf_puts(&body, "OK");
    return reply(wsi, 200, "text/plain", NULL, &body);
}

static bool numbers(struct lws *wsi) {
    struct buf body;

    buf_init(&body, hub_of(wsi)->arena, REPLY_MAX);
    metrics_write(&body);
    return reply(wsi, 200, "text/plain; version=0.0.4; charset=utf-8", NULL, &body);
}

/* ---- Streams begin */

/* A ticket for this kind of connection, and a place for its stream. 0: there is; else the status that says
 * why not. */
static unsigned admit(struct lws *wsi, bool socket, struct stream_ticket *ret) {
    struct hub *h = hub_of(wsi);
    char room_of_it[STREAM_TICKET_MAX * 4 / 3 + 128];
    const char *text;

    if (h->draining || h->n_conns >= (size_t)h->config->stream_max)
        return 503;
    if ((text = lws_get_urlarg_by_name(wsi, "t=", room_of_it, sizeof room_of_it)) == NULL ||
        !stream_ticket_read(h->arena, h->secret, text, clock_now_ms(), ret) ||
        socket != (ret->face == STREAM_SOCKET))
        return 401;
    return stream_count_add(h->slot, h->config, ret->member_id, ret->ip) ? 0 : 429;
}

static const char *words_of(unsigned status) {
    return status == 401   ? "The access token is invalid"
           : status == 429 ? "Too many streams are open"
                           : "No more streams can be opened now";
}

static struct conn *open_stream(struct lws *wsi, struct session *s, const struct stream_ticket *t) {
    struct hub *h = hub_of(wsi);

    s->conn = conn_new(h, wsi, t);
    if (s->conn == NULL) {
        stream_count_remove(h->slot, t->member_id, t->ip);
        return NULL;
    }
    conn_begin(s->conn, t);
    return s->conn;
}

/* A client of EventSource says nothing: when there is something to read it has gone. */
static void on_hangup(struct ev_loop *loop, ev_io *io, int what) {
    struct conn *c = io->data;

    (void)what;
    ev_io_stop(loop, io);
    conn_cut(c);
}

static void watch_hangup(struct lws *wsi, struct conn *c) {
    ev_io_init(&c->hangup, on_hangup, lws_get_socket_fd(wsi), EV_READ);
    c->hangup.data = c;
    ev_io_start(c->hub->loop, &c->hangup);
}

/* The header of an EventSource; what follows is written as it comes. */
static int begin_events(struct lws *wsi, struct session *s, const struct stream_ticket *t) {
    unsigned char *start = room(), *p = start, *end = start + REPLY_MAX;

    if (lws_add_http_common_headers(wsi, 200, "text/event-stream", LWS_ILLEGAL_HTTP_CONTENT_LEN, &p, end) !=
            0 ||
        lws_finalize_write_http_header(wsi, start, &p, end) != 0)
        return -1;
    lws_http_headers_detach(wsi);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    if (open_stream(wsi, s, t) == NULL)
        return -1;
    watch_hangup(wsi, s->conn);
    return 0;
}

static int on_http(struct lws *wsi, struct session *s, const char *path) {
    struct hub *h = hub_of(wsi);
    struct stream_ticket t;
    unsigned status;
    bool sent;

    arena_reset(h->arena);
    if (strcmp(path, "/stream") == 0) {
        if ((status = admit(wsi, false, &t)) == 0)
            return begin_events(wsi, s, &t);
        sent = refuse(wsi, status, words_of(status));
    } else {
        sent = strcmp(path, "/health") == 0    ? health(wsi)
               : strcmp(path, "/metrics") == 0 ? numbers(wsi)
                                               : refuse(wsi, 404, "Not found");
    }
    return !sent || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Before the WebSocket is one: what is refused here is refused by HTTP. The ticket is kept until it is. */
static int on_upgrade(struct lws *wsi) {
    struct hub *h = hub_of(wsi);
    struct stream_ticket t;
    unsigned status;

    arena_reset(h->arena);
    if ((status = admit(wsi, true, &t)) == 0) {
        stream_count_remove(h->slot, t.member_id, t.ip);
        return 0;
    }
    return refuse(wsi, status, words_of(status)) ? 1 : -1;
}

static int on_socket(struct lws *wsi, struct session *s) {
    struct hub *h = hub_of(wsi);
    struct stream_ticket t;

    arena_reset(h->arena);
    return admit(wsi, true, &t) == 0 && open_stream(wsi, s, &t) != NULL ? 0 : -1;
}

/* ---- Streams go on */

static int write_out(struct lws *wsi, struct buf *out, enum lws_write_protocol how) {
    static unsigned char *bytes;
    static size_t size;

    if (size < out->n) {
        unsigned char *more = realloc(bytes, LWS_PRE + out->n); /* lint: memory-of-the-arena: the hub's own */

        if (more == NULL)
            return -1;
        bytes = more;
        size = out->n;
    }
    memcpy(bytes + LWS_PRE, out->p, out->n);
    return lws_write(wsi, bytes + LWS_PRE, out->n, how) < (int)out->n ? -1 : 0;
}

static int end(struct conn *c) {
    if (c->face == STREAM_SOCKET)
        lws_close_reason(c->wsi, (enum lws_close_status)c->closing, NULL, 0);
    return -1;
}

static int ping(struct conn *c) {
    unsigned char *nothing = room();

    c->beat = false;
    c->pinged = true;
    conn_want_write(c);
    return lws_write(c->wsi, nothing, 0, LWS_WRITE_PING) < 0 ? -1 : 0;
}

static int on_writable(struct conn *c) {
    if (c == NULL)
        return 0;
    if (c->cut)
        return -1;
    if (c->face == STREAM_SOCKET && c->beat)
        return ping(c);
    if (conn_render(c) &&
        write_out(c->wsi, &c->hub->out, c->face == STREAM_SOCKET ? LWS_WRITE_TEXT : LWS_WRITE_HTTP) != 0)
        return -1;
    return c->closing != 0 && (c->n == 0 || c->waiting) ? end(c) : 0;
}

/* A message in pieces, or a longer one, is none of Mastodon's. */
static int on_message(struct lws *wsi, struct conn *c, const char *p, size_t n) {
    if (c == NULL)
        return -1;
    if (!lws_is_first_fragment(wsi) || !lws_is_final_fragment(wsi) || lws_frame_is_binary(wsi)) {
        lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, NULL, 0);
        return -1;
    }
    conn_command(c, p, n);
    return 0;
}

static int gone(struct session *s) {
    struct conn *c = s != NULL ? s->conn : NULL;

    if (c == NULL)
        return 0;
    s->conn = NULL;
    ev_io_stop(c->hub->loop, &c->hangup);
    conn_gone(c);
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n) {
    struct session *s = user;

    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return on_http(wsi, s, in);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return on_socket(wsi, s);
    case LWS_CALLBACK_ESTABLISHED:
        conn_want_write(s->conn);
        return 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(s != NULL ? s->conn : NULL);
    case LWS_CALLBACK_RECEIVE:
        return on_message(wsi, s->conn, in, n);
    case LWS_CALLBACK_RECEIVE_PONG:
        if (s != NULL && s->conn != NULL)
            s->conn->pinged = false;
        return 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_WSI_DESTROY:
        return gone(s);
    default:
        return 0;
    }
}

void conn_want_write(struct conn *c) {
    if (c != NULL && c->wsi != NULL)
        lws_callback_on_writable(c->wsi);
}

void conn_cut(struct conn *c) {
    if (c->wsi == NULL)
        return;
    c->closing = c->closing != 0 ? c->closing : 1013;
    c->cut = true;
    shutdown(lws_get_socket_fd(c->wsi), SHUT_RDWR);
    conn_want_write(c);
}

/* ---- Opening */

void hub_accept(struct hub *h) {
    int size = SEND_BUFFER, fd;

    while ((fd = accept4(h->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        if (lws_adopt_socket_vhost(h->vhost, fd) == NULL)
            log_warn(NULL, "a connection was not taken", "streams=%zu", h->n_conns);
    }
}

static void say(int level, const char *line) {
    if ((level & LLL_ERR) != 0)
        log_warn(NULL, "libwebsockets", "words=%.*s", (int)strcspn(line, "\n"), line);
}

static const struct lws_protocols protocols[] = {
    {.name = "",
     .callback = callback,
     .per_session_data_size = sizeof(struct session),
     .rx_buffer_size = COMMAND_MAX},
    {0},
};

bool hub_lws_open(struct hub *h) {
    void *loops[] = {h->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .user = h,
        .foreign_loops = loops,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .max_http_header_data = HEADERS_MAX,
        .max_http_header_pool = 256,
        .timeout_secs = 10,
        .fd_limit_per_thread = (unsigned)h->config->stream_max + FDS_SPARE,
        .vhost_name = "streams",
    };

    lws_set_log_level(LLL_ERR, say);
    buf_init(&h->out, NULL, OUT_MAX);
    if ((h->lws = lws_create_context(&info)) == NULL)
        return false;
    h->vhost = lws_create_vhost(h->lws, &info);
    return h->vhost != NULL;
}

void hub_lws_close(struct hub *h) {
    if (h->lws != NULL)
        lws_context_destroy(h->lws);
    buf_free(&h->out);
}
