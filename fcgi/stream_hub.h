/* The inside of one hub process: an event loop (libev) with libwebsockets, two connections to Redis (one that
 * asks, one that listens), streams, and the topics that they listen to. Only fcgi/stream_*.c include this.
 *
 * A topic is a channel of Redis. That of a member (live:<id>) also has a sequence behind it: each stream
 * knows its place there, reads what is between (XRANGE) when it begins, when it comes back and after Redis
 * was away, and takes what is published from then on. All others only pass on. */
#ifndef DEEPLINK_STREAM_HUB_H
#define DEEPLINK_STREAM_HUB_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/base/buf.h"
#include "fcgi/drivers/redis_async.h"
#include "fcgi/stream.h"
#include "fcgi/stream_msg.h"
#include "fcgi/stream_ticket.h"

struct arena;
struct config;
struct conn;
struct hub;
struct lws;
struct lws_context;
struct lws_vhost;
struct member;
struct topic;

#define HUB_BEAT_S 25     /* between two signs of life on a stream */
#define HUB_QUEUE_MAX 512 /* messages that may wait for a slow reader */
#define HUB_QUEUE_BYTES ((size_t)512 * 1024)
#define HUB_RECENT 16 /* of how many messages a stream knows that it has had them */

/* What a stream listens to. In two lists: its topic's and its stream's. */
struct sub {
    struct topic *topic;
    struct conn *conn;
    const struct stream_kind *kind; /* NULL: the stream's own member, for all its kinds */
    char *parameter;                /* as the client said it; "" */
    bool fresh;                     /* of a post: has not been told its state */
    struct sub *next, **back;       /* of the topic */
    struct sub *next_of_conn;
};

struct topic {
    char *channel;      /* in Redis */
    const char *name;   /* the same without what is the site's */
    struct topic *next; /* in the table's chain */
    struct sub *subs;
    uint64_t asked;        /* the hub's count of SUBSCRIBE when this one was sent */
    bool heard;            /* Redis sends what is published there */
    unsigned calls;        /* replies due that point here */
    struct member *member; /* NULL: no member's */
    int64_t post_id;       /* 0: no post's */
    int64_t version;       /* of the newest state that came by */
};

struct hidden {
    int64_t id, until_ms;
};

/* Whose streams are open here, and whose doing they don't want to see. */
struct member {
    int64_t id;
    enum { RELATIONS_UNKNOWN, RELATIONS_ASKED, RELATIONS_KNOWN } relations;
    bool again; /* they have changed while they were being read */
    unsigned tries;
    struct hidden *hidden; /* by id */
    size_t n_hidden;
};

/* A message that waits to be written. */
struct item {
    struct msg *msg;       /* NULL: dropped meanwhile */
    const struct sub *sub; /* NULL: told as it is, whatever relations say */
    struct msg_place place;
};

/* One stream. */
struct conn {
    struct hub *hub;
    struct lws *wsi; /* NULL: gone; freed when no reply is due any more */
    enum stream_face face;
    unsigned scopes;
    int64_t member_id, session_id, token_id, until_ms;
    char ip[46];
    struct topic *own; /* the member's */
    struct sub *subs;  /* all, the own one too */
    struct msg_place from, place;
    bool live, syncing, again; /* takes what is published; reads what is between; and has to once more */
    bool cut;                  /* its socket is shut: the next write ends it */
    bool beat;                 /* a sign of life is due */
    bool waiting;              /* for Redis to say something about the first message that waits */
    int closing; /* how it ends after what waits is written: a WebSocket's code; 0: it does not */
    unsigned calls;
    struct item *queue; /* a ring */
    unsigned first, n, room;
    size_t queued_bytes;
    uint64_t recent[HUB_RECENT];
    unsigned next_recent;
    ev_io hangup; /* EventSource: libwebsockets does not look whether the client is still there */
    bool pinged;  /* a WebSocket that has not answered yet */
    struct conn *next_beat, **back_beat;
    struct conn *next_waiting, **back_waiting;
};

#define HUB_TABLE 8192 /* chains of topics */
#define HUB_BODIES 64  /* payloads that were looked up lately */

struct hub {
    struct ev_loop *loop;
    const struct config *config;
    const struct stream_app *app;
    const unsigned char *secret;
    char site[STREAM_SITE_MAX]; /* before the names of channels */
    int listen_fd, slot;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    ev_io accept;
    ev_timer tick;
    ev_signal stop;
    struct redis_async *commands, *channels;
    uint64_t asked, acked; /* SUBSCRIBE sent, confirmed */
    struct topic *topics[HUB_TABLE];
    struct conn *beats[HUB_BEAT_S], *waiting;
    unsigned second;
    size_t n_conns, n_topics;
    struct msg *bodies[HUB_BODIES];
    unsigned next_body;
    struct arena *arena; /* of one callback */
    struct buf out;      /* of one write */
    bool draining;
    unsigned drain_turn;
};

/* ---- stream_topic.c */

void hub_topics_up(struct hub *h);   /* the listening connection is there: everything is asked for */
void hub_topics_down(struct hub *h); /* nothing is heard any more */
void hub_commands_up(struct hub *h);
void hub_heard(struct hub *h, const redisReply *message);

/* Joins the topic of that channel; its first listener makes it. NULL: no memory. */
struct sub *topic_join(struct hub *h, struct conn *c, const char *channel, const struct stream_kind *kind,
                       const char *parameter);
void topic_leave(struct hub *h, struct sub *sub);
struct topic *topic_named(struct hub *h, const char *name);

/* The topic of a member, with what it needs to be one. */
struct sub *topic_join_member(struct hub *h, struct conn *c, int64_t member_id);
int64_t topic_post(const char *channel);

/* Whether the member may see the doing of these authors: 1, 0, or -1: not known yet. */
int member_sees(const struct topic *own, const int64_t authors[2], int64_t now_ms);

/* Looks up the payload of a message that is elsewhere. */
void hub_fetch(struct hub *h, struct msg *m);

/* The message of an event, held; one that many get is there once. NULL: no memory. */
struct msg *hub_message(struct hub *h, const struct stream_event *e);

/* Ends the stream when an "end" that came after its ticket is about it. */
void conn_end_if_named(struct conn *c, const char *payload, const struct msg_place *place);

/* Says that this many members have a stream open here, and keeps what is kept of them. */
void hub_presence(struct hub *h, unsigned second);
void member_present(struct hub *h, const struct topic *own);

/* ---- stream_sync.c: the sequence of a member */

void conn_sync(struct conn *c);

/* An event of the member at a place of the sequence: queued for those of its streams that take it, unless it
 * has been there. */
void conn_take(struct conn *c, struct msg *m, const struct msg_place *place);

/* ---- stream_conn.c */

struct conn *conn_new(struct hub *h, struct lws *wsi, const struct stream_ticket *t);
/* Joins what the ticket says. */
void conn_begin(struct conn *c, const struct stream_ticket *t);
void conn_gone(struct conn *c);
/* A reply that pointed here has come. */
void conn_call_done(struct conn *c);

void conn_queue(struct conn *c, struct msg *m, const struct sub *sub, const struct msg_place *place);
/* Queues a small event of the hub's own. */
void conn_tell(struct conn *c, const char *event, const char *payload, const struct msg_place *place);
/* Ends it: what waits is written first, then it is closed by that code. */
void conn_end(struct conn *c, int code);
void conn_kick(struct conn *c);
void hub_wake_waiting(struct hub *h);

/* Joins or leaves a stream by name. NULL: done; else why not, and the status that says so. */
const char *conn_subscribe(struct conn *c, const char *stream, const char *tag, const char *list,
                           int *ret_status);
void conn_unsubscribe(struct conn *c, const char *stream, const char *tag, const char *list);
void conn_command(struct conn *c, const char *p, size_t n);

/* Writes what waits into hub->out: one message on a WebSocket, as many as fit on the others. */
bool conn_render(struct conn *c);
void conn_beat(struct conn *c);

/* ---- stream_lws.c */

bool hub_lws_open(struct hub *h);
void hub_lws_close(struct hub *h);
void hub_accept(struct hub *h);
void conn_want_write(struct conn *c);
/* At once, without a word. */
void conn_cut(struct conn *c);

/* ---- stream_count.c: limits and numbers, in memory that all hubs of the machine share */

void stream_count_init(int hubs); /* in the master */
void stream_count_reset(int slot);
/* Counts a stream; false when the member or the address has too many. */
bool stream_count_add(int slot, const struct config *config, int64_t member_id, const char *ip);
void stream_count_remove(int slot, int64_t member_id, const char *ip);

enum stream_number {
    STREAM_N_EVENTS,    /* came from Redis */
    STREAM_N_DELIVERED, /* written to a stream */
    STREAM_N_SLOW,      /* streams dropped */
    STREAM_N_MISSED,    /* were told that they missed something */
    STREAM_N_REFUSED,   /* tickets or limits */
    STREAM_N_ENDED,     /* closed since session or token ended */
    STREAM_NUMBERS
};
void stream_number(enum stream_number which, uint64_t n);
void stream_open_set(int slot, size_t n);

#endif
