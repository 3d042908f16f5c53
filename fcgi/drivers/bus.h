/* Events: written to the outbox in the transaction that makes the change (by the SQL function events.emit),
 * read in commit order by consumers. This is the built-in bus; the interface leaves room for Kafka and
 * RabbitMQ behind the same consumers.
 *
 * Emitting, in a service's SQL:   SELECT events.emit(topic, key, type, body)   inside the same statement or
 * transaction.
 *
 * Delivery: at least once per consumer, in commit order. A consumer's position is noted after handle() has
 * succeeded, so what was handled comes again only when the process is killed just in between. One process at
 * a time runs a consumer. What is read ends at the oldest transaction of the database server that is still
 * running: a long one holds events up. */
#ifndef DEEPLINK_DRIVERS_BUS_H
#define DEEPLINK_DRIVERS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

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
};

/* Runs consumers of the app in this process until stop(); woken by NOTIFY outbox, polling every 200 ms as a
 * fallback. Removes events that every consumer has handled and that are older than events.settings.keep (3
 * days). `which`: consumer name, or NULL for all. The database role is deeplink_events. */
int bus_work(struct env *env, const char *which, bool (*stop)(void));

/* How far: events not yet handled by the slowest consumer, and the age in ms of the oldest of them. For
 * metrics and doctor. */
enum code bus_lag(struct ctx *ctx, const char *consumer, int64_t *ret_events, int64_t *ret_age_ms);

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
