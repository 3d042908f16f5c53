/* Events: written to the outbox in the transaction that makes the change, carried to consumers by the engine
 * that the setting `bus` names:
 *   builtin           each consumer reads the outbox itself, in commit order
 *   kafka://host:port,host:port/prefix, or kafkas://… with TLS
 *                     the relay, one process at a time, publishes the outbox in commit order; each consumer
 *                     is a consumer group
 * The interface leaves room for further ones behind the same consumers (bus_run.h).
 *
 * Emitting, in a service's SQL:   SELECT events.emit(topic, key, type, body)   inside the same statement or
 * transaction.
 *
 * Delivery: at least once per consumer, in commit order (with a broker: in that order for each key). A
 * consumer's place is noted after handle() has succeeded, and whatever comes again behind it is not handed
 * out; so what was handled comes again only when the process is killed just in between. What cannot simply be
 * done again asks events.once(consumer, event id) in its own transaction. One process at a time runs a
 * consumer (with a broker: one partition of it). What is read ends at the oldest transaction of the database
 * server that is still running: a long one holds events up. */
#ifndef DEEPLINK_DRIVERS_BUS_H
#define DEEPLINK_DRIVERS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fcgi/ctx.h"

struct buf;

/* CloudEvents 1.0 attributes and a protobuf body. */
struct event {
    int64_t id;        /* ce_id: outbox id */
    const char *topic; /* "post.v1" */
    const char *type;  /* "post.created" */
    int64_t key;       /* aggregate id: events of one key stay in order */
    int64_t time_ms;
    const void *body;
    size_t n;
    int attempt; /* 1 for the first delivery */
};

/* A consumer is a row of its service's table. handle() gets up to `batch` events in commit order and must be
 * safe to repeat. It returns OK when all are done. On failure its events are delivered again one by one, and
 * those that fail once more are set aside and tried again with backoff (1 s, doubling, to 1 min), until they
 * have been delivered `max_attempts` times and are dead letters. The others go on meanwhile, later events of
 * the same key too. UNAVAILABLE never counts as an attempt: the consumer waits (0.25 s, doubling, to 5 s) and
 * gets the same events again. An event that ends the process each time is found and set aside as well. */
struct consumer {
    const char *name;          /* "timeline": unique; its position is kept under it */
    unsigned service;          /* index of the service whose role and rules it uses */
    const char *const *topics; /* ends with NULL */
    size_t batch;
    int max_attempts; /* 0: 8 */
    enum code (*handle)(struct ctx *ctx, const struct event *events, size_t n);
    /* Nobody waits for it: it is handed its events, some 50 ms' worth, when there are none for the others.
     * With a broker it is like the others. */
    bool late;
};

/* Runs consumers of the app in this process until stop(); woken by NOTIFY outbox, polling every 200 ms as a
 * fallback. Removes events that every consumer has handled (with a broker: that are published) and that are
 * older than events.settings.keep (3 days). `which`: consumer name, or NULL for all. The database role is
 * deeplink_events. */
int bus_work(struct env *env, const char *which, bool (*stop)(void));

/* When set, called between two rounds of bus_work(): for what a worker does besides. */
extern void (*bus_between)(struct env *env);

/* Prints what is wrong with the settings of the bus; returns how many problems. */
int bus_check(const struct config *config, FILE *err);

/* Whether the bus can carry events now, and some words on it. UNAVAILABLE, and why, when not. */
enum code bus_ping(struct ctx *ctx, struct buf *words);

/* How a consumer stands. */
struct bus_state {
    int64_t events, age_ms; /* not yet handled; age of the oldest of them */
    int64_t retried, dead;  /* failed: tried again, given up */
};

/* NOT_FOUND: no such consumer. */
enum code bus_state(struct ctx *ctx, const char *consumer, struct bus_state *ret);

/* How far: events not yet handled by the slowest consumer, and the age in ms of the oldest of them. For
 * metrics and doctor. */
enum code bus_lag(struct ctx *ctx, const char *consumer, int64_t *ret_events, int64_t *ret_age_ms);

/* The same for what the relay has not published yet; zeros where there is no relay. *ret_has: whether there
 * is one. */
enum code bus_lag_relay(struct ctx *ctx, bool *ret_has, int64_t *ret_events, int64_t *ret_age_ms);

/* The last events in the outbox with ids above `after`, oldest first, of a topic (NULL: of all). */
enum code bus_tail(struct ctx *ctx, const char *topic, int64_t after, size_t limit, struct event **ret,
                   size_t *ret_n);

/* From where on a consumer is to handle events again: all that are kept (all zero), those since a moment,
 * those from one on, or with a broker those of one partition from an offset on. */
struct bus_from {
    int64_t time_ms;
    int64_t event_id;
    bool has_offset;
    const char *topic;
    int partition;
    int64_t offset;
};

/* Sets a consumer back (or forward), whether it runs or not. NOT_FOUND: no such consumer, or it has never
 * run, or no such event. *ret_n: how many places were set. */
enum code bus_rewind(struct ctx *ctx, const char *consumer, const struct bus_from *from, int64_t *ret_n);

/* Dead letters. */
struct dead_letter {
    int64_t id;
    const char *consumer, *topic, *type, *error;
    int64_t key, time_ms;
    int attempts;
};
enum code bus_dead_list(struct ctx *ctx, size_t limit, struct dead_letter **ret, size_t *ret_n);
enum code bus_dead_replay(struct ctx *ctx, const char *consumer, int64_t id,
                          int64_t *ret_n); /* id 0: all of the consumer (NULL: of all) */

/* Wakes the consumers soon after a commit; cheap, best effort. Queued on the pg connection as its own
 * statement. */
void bus_wake(struct ctx *ctx, struct pg *db);

/* The longest sleep between two looks at the outbox, in ms. Tests lengthen it, to see that being woken is
 * enough. */
extern int bus_poll_ms;

#endif
