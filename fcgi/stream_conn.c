/* Streams: what waits for each, and how it is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/log.h"
#include "fcgi/stream_command.h"
#include "fcgi/stream_hub.h"

#define RENDER_MAX ((size_t)16 * 1024) /* written at once, when it is several messages */
#define LIFE_MS (INT64_C(6) * 3600000) /* then a stream comes back, and is checked again */
#define SUBS_MAX 40                    /* of one WebSocket */
#define RETRY_MIN_MS 1000
#define RETRY_JITTER_MS 3000

/* ---- Beginning and end */

static void beat_join(struct conn *c) {
    static unsigned turn;
    struct conn **list = &c->hub->beats[turn++ % HUB_BEAT_S];

    c->next_beat = *list;
    c->back_beat = list;
    if (*list != NULL)
        (*list)->back_beat = &c->next_beat;
    *list = c;
}

static void beat_leave(struct conn *c) {
    *c->back_beat = c->next_beat;
    if (c->next_beat != NULL)
        c->next_beat->back_beat = c->back_beat;
}

struct conn *conn_new(struct hub *h, struct lws *wsi, const struct stream_ticket *t) {
    struct conn *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->hub = h;
    c->wsi = wsi;
    c->face = t->face;
    c->scopes = t->scopes;
    c->member_id = t->member_id;
    c->session_id = t->session_id;
    c->token_id = t->token_id;
    c->until_ms = clock_now_ms() + LIFE_MS;
    if (t->until_ms != 0 && t->until_ms < c->until_ms)
        c->until_ms = t->until_ms;
    snprintf(c->ip, sizeof c->ip, "%s", t->ip);
    msg_place_read(t->from, &c->from);
    if (!msg_place_read(t->last, &c->place))
        c->place = c->from;
    beat_join(c);
    h->n_conns++;
    return c;
}

static void join_posts(struct conn *c, const struct stream_ticket *t) {
    for (size_t i = 0; i < t->n_posts; i++) {
        char channel[64];

        snprintf(channel, sizeof channel, STREAM_CHANNEL_KEY "post:%" PRId64, t->posts[i]);
        topic_join(c->hub, c, channel, c->hub->app->page, "");
    }
}

/* How soon a client of EventSource comes back, another time for each. */
static void say_hello(struct conn *c) {
    char words[64];
    uint16_t lot;

    if (c->face == STREAM_SOCKET)
        return;
    crypto_random(&lot, sizeof lot);
    snprintf(words, sizeof words, "%d", RETRY_MIN_MS + lot % RETRY_JITTER_MS);
    conn_tell(c, "", words, &(struct msg_place){0});
}

void conn_begin(struct conn *c, const struct stream_ticket *t) {
    struct sub *own = topic_join_member(c->hub, c, t->member_id);
    int status;

    if (own == NULL) {
        conn_cut(c);
        return;
    }
    c->own = own->topic;
    say_hello(c);
    join_posts(c, t);
    if (t->face == STREAM_PAGE)
        topic_join(c->hub, c, c->own->name, c->hub->app->page, "");
    else if (*t->stream != '\0')
        conn_subscribe(c, t->stream, t->parameter, t->parameter, &status);
    conn_sync(c);
}

static void queue_clear(struct conn *c) {
    for (; c->n > 0; c->n--, c->first = (c->first + 1) % c->room)
        msg_drop(c->queue[c->first].msg);
    c->queued_bytes = 0;
}

static void waiting_leave(struct conn *c) {
    if (!c->waiting)
        return;
    c->waiting = false;
    *c->back_waiting = c->next_waiting;
    if (c->next_waiting != NULL)
        c->next_waiting->back_waiting = c->back_waiting;
}

static void waiting_join(struct conn *c) {
    struct hub *h = c->hub;

    if (c->waiting)
        return;
    c->waiting = true;
    c->next_waiting = h->waiting;
    c->back_waiting = &h->waiting;
    if (h->waiting != NULL)
        h->waiting->back_waiting = &c->next_waiting;
    h->waiting = c;
}

void conn_call_done(struct conn *c) {
    if (--c->calls == 0 && c->wsi == NULL)
        free(c);
}

void conn_gone(struct conn *c) {
    struct hub *h = c->hub;

    stream_count_remove(h->slot, c->member_id, c->ip);
    waiting_leave(c);
    beat_leave(c);
    queue_clear(c);
    free(c->queue);
    c->queue = NULL;
    while (c->subs != NULL)
        topic_leave(h, c->subs);
    c->own = NULL;
    c->wsi = NULL;
    h->n_conns--;
    c->calls++;
    conn_call_done(c);
}

/* Who is not let in any more gets nothing more. */
void conn_end(struct conn *c, int code) {
    if (c->closing != 0 || c->wsi == NULL)
        return;
    if (code == 1008)
        queue_clear(c);
    if (code == 1008 && c->face == STREAM_PAGE)
        conn_tell(c, "end", "{}", &(struct msg_place){0});
    c->closing = code;
    conn_want_write(c);
}

/* ---- The queue */

static bool queue_grow(struct conn *c) {
    unsigned room = c->room == 0 ? 4 : c->room * 2;
    struct item *more = malloc(room * sizeof *more); /* lint: memory-of-the-arena: the stream's */

    if (more == NULL)
        return false;
    for (unsigned i = 0; i < c->n; i++)
        more[i] = c->queue[(c->first + i) % c->room];
    free(c->queue);
    c->queue = more;
    c->first = 0;
    c->room = room;
    return true;
}

/* Whether this stream has had what has this key lately; notes that it has it now. */
static bool is_repeated(struct conn *c, const struct msg *m, const struct sub *s) {
    uint64_t mark = (uint64_t)m->event.key * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)(uintptr_t)s;

    for (const char *p = m->event.name; *p != '\0'; p++)
        mark = (mark ^ (unsigned char)*p) * UINT64_C(1099511628211);
    for (int i = 0; i < HUB_RECENT; i++)
        if (c->recent[i] == mark)
            return true;
    c->recent[c->next_recent++ % HUB_RECENT] = mark;
    return false;
}

void conn_queue(struct conn *c, struct msg *m, const struct sub *s, const struct msg_place *place) {
    if (c->wsi == NULL || c->closing != 0 ||
        (s != NULL && m->event.key != 0 && s->topic->post_id == 0 && is_repeated(c, m, s)))
        return;
    if (c->n >= HUB_QUEUE_MAX || c->queued_bytes > HUB_QUEUE_BYTES || (c->n == c->room && !queue_grow(c))) {
        stream_number(STREAM_N_SLOW, 1);
        conn_cut(c);
        return;
    }
    c->queue[(c->first + c->n++) % c->room] = (struct item){msg_hold(m), s, *place};
    c->queued_bytes += m->n;
    conn_kick(c);
}

void conn_tell(struct conn *c, const char *event, const char *payload, const struct msg_place *place) {
    struct stream_event e = {.payload = payload, .n = strlen(payload)};
    struct msg *m;

    snprintf(e.name, sizeof e.name, "%s", event);
    if ((m = msg_new(&e)) == NULL)
        return;
    conn_queue(c, m, NULL, place);
    msg_drop(m);
}

void conn_kick(struct conn *c) {
    if (c->n == 1 && !c->waiting)
        conn_want_write(c);
}

void hub_wake_waiting(struct hub *h) {
    while (h->waiting != NULL) {
        struct conn *c = h->waiting;

        waiting_leave(c);
        conn_want_write(c);
    }
}

/* ---- Writing */

static bool is_brief(const struct item *item) {
    return item->sub != NULL && stream_word_among(item->sub->kind->brief, item->msg->event.name);
}

/* Whether the first message that waits may be written: 1, 0: never, -1: not yet. */
static int judge(struct conn *c, const struct item *item) {
    int sees;

    if (item->msg == NULL)
        return 0;
    if (item->sub == NULL)
        return 1;
    sees = member_sees(c->own, item->msg->event.authors, clock_now_ms());
    if (sees != 1 || is_brief(item))
        return sees;
    if (item->msg->body == MSG_ELSEWHERE)
        hub_fetch(c->hub, item->msg);
    return item->msg->body == MSG_HERE ? 1 : item->msg->body == MSG_LOST ? 0 : -1;
}

/* {"error": …}, which is how a client of the WebSocket is told so. */
static void write_one(struct conn *c, const struct item *item) {
    struct buf *out = &c->hub->out;

    if (c->face == STREAM_SOCKET) {
        if (item->sub != NULL)
            msg_write_socket(out, item->msg, item->sub->kind->name, item->sub->parameter);
        else if (item->msg->event.name[0] == '\0')
            buf_add(out, item->msg->payload, item->msg->n);
    } else if (item->msg->event.name[0] == '\0') {
        buf_printf(out, ":)\nretry: %s\n", item->msg->payload);
    } else {
        msg_write_events(out, item->msg, is_brief(item), &item->place);
    }
}

static void pop(struct conn *c) {
    struct item *item = &c->queue[c->first];

    if (item->msg != NULL)
        c->queued_bytes -= item->msg->n < c->queued_bytes ? item->msg->n : c->queued_bytes;
    msg_drop(item->msg);
    c->first = (c->first + 1) % c->room;
    c->n--;
}

/* A sign of life; our own pages also hear how far they are. */
static void write_beat(struct conn *c) {
    c->beat = false;
    if (c->face == STREAM_SOCKET)
        return;
    buf_puts(&c->hub->out, ":thump\n");
    if (c->face == STREAM_PAGE && c->live && c->n == 0)
        buf_printf(&c->hub->out, "id: %" PRIu64 "-%" PRIu64 "\n\n", c->place.ms, c->place.n);
}

bool conn_render(struct conn *c) {
    struct buf *out = &c->hub->out;

    out->n = 0;
    if (c->beat)
        write_beat(c);
    while (c->n > 0 && out->n < RENDER_MAX) {
        struct item *item = &c->queue[c->first];
        int may = judge(c, item);

        if (may < 0) {
            waiting_join(c);
            break;
        }
        if (may > 0) {
            write_one(c, item);
            stream_number(STREAM_N_DELIVERED, 1);
        }
        pop(c);
        if (c->face == STREAM_SOCKET && out->n > 0)
            break;
    }
    if (c->n == 0 && c->again && !c->syncing)
        conn_sync(c);
    if (c->n == 0) {
        free(c->queue);
        c->queue = NULL;
        c->room = c->first = 0;
    } else if (!c->waiting) {
        conn_want_write(c);
    }
    return out->n > 0;
}

void conn_beat(struct conn *c) {
    if (c->until_ms <= clock_now_ms()) {
        conn_end(c, 1012);
        return;
    }
    if (c->face == STREAM_SOCKET && c->pinged) {
        conn_cut(c); /* it has not answered for a whole round */
        return;
    }
    c->beat = true;
    conn_want_write(c);
}

/* ---- Streams by name */

const struct stream_kind *stream_kind_named(const struct stream_app *app, const char *name) {
    for (const struct stream_kind *k = app->kinds; k->name != NULL; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

const char *stream_channel(struct arena *a, const struct stream_kind *kind, int64_t member,
                           const char *parameter) {
    const char *folded;

    if (kind->parameter == NULL)
        return arena_printf(a, STREAM_CHANNEL_KEY "%s", kind->channel);
    if (kind->refused != NULL)
        return arena_printf(a, STREAM_CHANNEL_KEY "%s%" PRId64 ":%s", kind->channel, member, parameter);
    folded = text_fold(a, parameter);
    return folded != NULL ? arena_printf(a, STREAM_CHANNEL_KEY "%s%s", kind->channel, folded) : NULL;
}

static const char *parameter_of(const struct stream_kind *kind, const char *tag, const char *list) {
    return kind->parameter == NULL ? "" : strcmp(kind->parameter, "tag") == 0 ? tag : list;
}

static struct sub *sub_named(const struct conn *c, const struct stream_kind *kind, const char *parameter) {
    for (struct sub *s = c->subs; s != NULL; s = s->next_of_conn)
        if (s->kind == kind && strcmp(s->parameter, parameter) == 0)
            return s;
    return NULL;
}

static const char *why_not(const struct conn *c, const struct stream_kind *kind, const char *parameter,
                           int *ret_status) {
    *ret_status = 400;
    if (kind == NULL)
        return "Unknown stream type";
    if (kind->parameter != NULL && *parameter == '\0')
        return strcmp(kind->parameter, "tag") == 0 ? "Missing tag name parameter"
                                                   : "Missing list name parameter";
    *ret_status = 401;
    if ((c->scopes & kind->scopes) != kind->scopes)
        return "Access token does not have the required scopes";
    return NULL;
}

static void tell_error(struct conn *c, const char *words, int status) {
    char text[200];

    snprintf(text, sizeof text, "{\"error\":\"%s\",\"status\":%d}", words, status);
    conn_tell(c, "", text, &(struct msg_place){0});
}

/* A stream that was joined and may be another's: then nothing comes on it, and the client is told so. */
struct whose_call {
    struct conn *conn;
    const struct stream_kind *kind;
    char parameter[STREAM_NAME_LEN + 1];
};

/* The field that says that relations are whole, and that of the parameter. */
static bool is_anothers(const redisReply *reply) {
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
           reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_NIL;
}

static void on_whose(void *arg, const redisReply *reply) {
    struct whose_call *call = arg;
    struct conn *c = call->conn;
    struct sub *s = c->wsi != NULL && is_anothers(reply) ? sub_named(c, call->kind, call->parameter) : NULL;

    if (s != NULL) {
        topic_leave(c->hub, s);
        if (c->face == STREAM_SOCKET)
            tell_error(c, call->kind->refused, 401);
    }
    free(call);
    conn_call_done(c);
}

static void ask_whose(struct conn *c, const struct stream_kind *kind, const char *parameter) {
    struct whose_call *call = malloc(sizeof *call); /* lint: memory-of-the-arena: until the reply */
    struct arena *a = c->hub->arena;
    const char *argv[] = {"HMGET", arena_printf(a, "%s%" PRId64, c->hub->app->relations, c->member_id), "_",
                          arena_printf(a, "%s%s", kind->channel, parameter)};

    if (call == NULL)
        return;
    *call = (struct whose_call){.conn = c, .kind = kind};
    snprintf(call->parameter, sizeof call->parameter, "%s", parameter);
    if (redis_async_do(c->hub->commands, on_whose, call, 4, argv))
        c->calls++;
    else
        free(call);
}

const char *conn_subscribe(struct conn *c, const char *stream, const char *tag, const char *list,
                           int *ret_status) {
    const struct stream_kind *kind = stream_kind_named(c->hub->app, stream);
    const char *parameter = kind != NULL ? parameter_of(kind, tag, list) : "", *channel;
    const char *why = why_not(c, kind, parameter, ret_status);
    unsigned n = 0;

    if (why != NULL || sub_named(c, kind, parameter) != NULL)
        return why;
    for (const struct sub *s = c->subs; s != NULL; s = s->next_of_conn)
        n++;
    *ret_status = 429;
    if (n > SUBS_MAX)
        return "Too many streams on one connection";
    *ret_status = 400;
    channel =
        kind->channel != NULL ? stream_channel(c->hub->arena, kind, c->member_id, parameter) : c->own->name;
    if (channel == NULL)
        return "This cannot be a name";
    *ret_status = 503;
    if (topic_join(c->hub, c, channel, kind, parameter) == NULL)
        return "No memory is left";
    if (kind->refused != NULL)
        ask_whose(c, kind, parameter);
    return NULL;
}

void conn_unsubscribe(struct conn *c, const char *stream, const char *tag, const char *list) {
    const struct stream_kind *kind = stream_kind_named(c->hub->app, stream);
    struct sub *s = kind != NULL ? sub_named(c, kind, parameter_of(kind, tag, list)) : NULL;

    if (s != NULL)
        topic_leave(c->hub, s);
}

void conn_command(struct conn *c, const char *p, size_t n) {
    struct stream_command command;
    const char *wrong;
    int status = 400;

    arena_reset(c->hub->arena);
    wrong = stream_command_read(c->hub->arena, p, n, &command);
    if (wrong == NULL && command.subscribe)
        wrong = conn_subscribe(c, command.stream, command.tag, command.list, &status);
    else if (wrong == NULL)
        conn_unsubscribe(c, command.stream, command.tag, command.list);
    if (wrong != NULL)
        tell_error(c, wrong, status);
}
