/* Inside the bus: the consumers that a process runs, how far each is (bus_places.c), how events are handed to
 * them (bus_deliver.c), and what carries the events there: the engines, rows of a table in bus.c. */
#ifndef DEEPLINK_DRIVERS_BUS_RUN_H
#define DEEPLINK_DRIVERS_BUS_RUN_H

#include <libpq-fe.h>
#include <setjmp.h>

#include "fcgi/drivers/bus.h"

#define BUS_ARENA_MAX ((size_t)64 * 1024 * 1024)
#define BUS_TOGETHER 1000 /* events that are read at once */
#define BUS_RELAY "relay" /* the name of the relay's place */

struct query;

/* A place among the events: the transaction and the number in the outbox; and with a broker, what is to be
 * read next of the partition (-1: not known). */
struct place {
    int64_t xid, id, offset;
};

/* A consumer as this process runs it: the whole of it, or one partition's part. */
struct runner {
    const struct consumer *def;
    const char *name;  /* of its place: the consumer's, with a broker consumer/topic/partition */
    const char *topic; /* with a broker: the topic and partition; NULL: the outbox */
    int partition;
    size_t n_topics;
    bool locked;    /* this process's session has its lock */
    bool mine;      /* and knows where it is */
    bool ready;     /* takes part in this round */
    bool worked;    /* and got on in it */
    size_t careful; /* the last run got nowhere: so many events one at a time, each try noted before */
    int tries;      /* noted tries of the event after `at` */
    struct place at, saved;             /* handled up to here; noted in the database */
    bool is_due;                        /* something that failed before is to be tried again */
    int64_t saved_us, lock_us, rest_us; /* when was, or is next; rest: not before */
    int down_ms;
};

struct bus {
    struct env *env;
    const struct bus_engine *engine;
    void *self; /* the engine's own */
    struct pg *db;
    unsigned epoch;
    struct arena *arena;   /* of the round */
    struct arena *handler; /* of one call of handle() */
    const struct consumer **consumers;
    size_t n_consumers;
    struct runner **runners; /* whose places are noted together; the engine's own */
    size_t n;
    int wake_fd; /* readable when the engine has something; -1: only the database wakes */
    int64_t expire_us, due_us;
    int64_t noted_us; /* when all places were noted, or the round began */
    size_t n_handed;  /* events that consumers were handed in this round */
    bool (*stop)(void);
    jmp_buf full; /* the handler's arena was not enough */
};

/* What carries events from the outbox to the consumers. */
struct bus_engine {
    const char *scheme;     /* what the setting `bus` begins with */
    const char *tls_scheme; /* and with TLS; NULL: there is none */
    bool relayed;           /* the outbox is published by the relay, whose place counts */
    /* Makes b->self, b->runners, b->n, b->wake_fd. False: not possible, and no restart mends that. */
    bool (*open)(struct bus *b);
    /* Every consumer once. *ret_worked: something was done. Returns whether to go on at once. */
    bool (*round)(struct bus *b, struct ctx *ctx, bool *ret_worked);
    /* Ends in good order: what was handled is noted. */
    void (*close)(struct bus *b, struct ctx *ctx);
    /* The same questions for every engine; see bus.h. */
    const struct query *lag;
    enum code (*ping)(struct ctx *ctx, struct buf *words);
    enum code (*rewind)(struct ctx *ctx, struct pg *db, const struct consumer *c, struct place to,
                        const struct bus_from *from, int64_t *ret_n);
    /* What is wrong with the settings; NULL: nothing. May be NULL. */
    const char *(*problem)(const struct config *config, char *words, size_t n);
};

extern const struct bus_engine bus_builtin, bus_kafka;

/* The engine of a setting; NULL: there is none. */
const struct bus_engine *bus_engine_of(const char *setting);

/* Whether the database is reached by the session in which this round began. If not, nothing that was read
 * before may be noted as a place: the database may have crashed, and given numbers of transactions that it
 * lost to others. What is on its way then comes again, from the places that the database knows. */
bool bus_same_session(struct bus *b, struct ctx *ctx);

/* ---- bus_places.c */

/* A runner of a consumer that reads from the outbox; `name` must live as long as it. */
void bus_runner_init(struct runner *r, const struct consumer *def, const char *name);

/* Whether the topic is one of its consumer's. */
bool bus_wants(const struct runner *r, const char *topic);

/* By their order among the events. */
int bus_place_cmp(struct place a, struct place b);

/* Whether this process's session has r's lock; else tries to get it, at most once a second. */
bool bus_lock(struct bus *b, struct ctx *ctx, struct runner *r);

/* The same, and r->at is where the consumer is. */
bool bus_take(struct bus *b, struct ctx *ctx, struct runner *r);

/* Ends in good order: notes how far r is, and lets everybody else run it. */
void bus_release(struct bus *b, struct ctx *ctx, struct runner *r);

/* The consumer has handled everything up to there; noted at the end of the round. Always true. */
bool bus_move(struct runner *r, struct place to);

/* The same, noted now. false when it was not: the database is down, or somebody else has moved the consumer.
 */
bool bus_advance(struct bus *b, struct ctx *ctx, struct runner *r, struct place to);

/* Notes where all are that have got on in this round. */
void bus_save_all(struct bus *b, struct ctx *ctx);

void bus_log_failure(struct ctx *ctx, const struct runner *r, const char *what);

/* ---- bus_deliver.c */

/* Events that were read, and where each stands. */
struct batch {
    struct event *events;
    struct place *places;
    size_t n;
};

/* How many events the consumer takes at once. */
size_t bus_batch_of(const struct runner *r);

/* An event out of a row: id, topic, key, type, body, created_at from column `col` on. */
struct event bus_event_at(const PGresult *rows, int row, int col);

/* Hands a batch to the consumer; what fails is set aside. True when all of it, up to `end`, is settled; else
 * r->at says how far. A runner that is careful gets its events one by one. */
bool bus_deliver(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch, struct place end);

/* One call of handle() in a context of its own. `error` gets the reason of a failure. */
#define BUS_ERROR_MAX 500
enum code bus_hand_out(struct bus *b, const struct runner *r, const struct event *events, size_t n,
                       char error[BUS_ERROR_MAX]);

/* One by one, after a batch with these has failed. */
bool bus_deliver_again(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch);

/* Looks, at most once a second and for all runners at once, who has something that failed before and whose
 * time has come. */
void bus_look_due(struct bus *b, struct ctx *ctx);

/* Hands it out, if there is any. */
void bus_deliver_due(struct bus *b, struct ctx *ctx, struct runner *r);

/* Keeps an event aside as a dead letter (retry_ms 0) or for later. False: the database is down. */
bool bus_put_aside(struct bus *b, struct ctx *ctx, const struct runner *r, const struct event *e,
                   int64_t retry_ms, const char *error);

/* What a failed server leaves a runner to do: wait, twice as long each time; whether it still does. */
void bus_rest(struct runner *r, const char *why);
bool bus_rests(const struct runner *r);

/* ---- reading the outbox (bus_outbox.c) */

/* What is read at once. */
struct news {
    struct place from, end; /* everything in between was read */
    struct batch all;       /* of all topics */
    bool more;              /* events are waiting behind the end */
};

/* Reads what is new behind `from`, at most up to `to`, into ctx's arena. topics NULL: of all. */
bool bus_read_news(struct bus *b, struct ctx *ctx, struct place from, struct place to,
                   const char *const *topics, size_t n_topics, size_t limit, struct news *ret);

#endif
