/* Handing events to a consumer: batches, one by one when one fails, and what is done with those that fail.
 * Every engine does it so. */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define DUE_US INT64_C(1000000) /* between two looks for what is to be tried again */
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define DOWN_MAX_MS 5000 /* a server that is down is looked for more often */
#define CRASHES_MAX 3

size_t bus_batch_of(const struct runner *r) { return r->def->batch > 0 ? r->def->batch : 1; }

static void settle(const struct env *env) {
    for (size_t i = 0; i < SERVICE_MAX; i++)
        if (env->pg[i] != NULL)
            pg_settle(env->pg[i]);
    if (env->redis != NULL)
        redis_settle(env->redis);
    if (env->app->settle != NULL)
        env->app->settle();
}

static enum code call(struct bus *b, const struct runner *r, struct ctx *ctx, const struct event *events,
                      size_t n) {
    if (setjmp(b->full) != 0)
        return INTERNAL;
    return r->def->handle(ctx, events, n);
}

enum code bus_hand_out(struct bus *b, const struct runner *r, const struct event *events, size_t n,
                       char error[BUS_ERROR_MAX]) {
    arena_reset(b->handler);
    struct ctx ctx = {.arena = b->handler, .env = b->env, .ip = "", .user_agent = ""};
    ctx.request_id = arena_printf(b->handler, "%s-%lld", r->def->name, (long long)events[0].id);
    b->n_handed += n;
    enum code code = call(b, r, &ctx, events, n);
    if (code != OK)
        snprintf(error, BUS_ERROR_MAX, "%s: %s", code_name(code),
                 ctx.error.detail != NULL ? ctx.error.detail
                 : ctx.error.text != NULL ? ctx.error.text
                                          : "no reason given, or out of memory");
    settle(b->env);
    return code;
}

void bus_rest(struct runner *r, const char *why) {
    if (r->down_ms == 0)
        log_warn(NULL, "a consumer waits for a server", "consumer=%s why=%s", r->def->name, why);
    r->down_ms = r->down_ms == 0 ? BACKOFF_MIN_MS / 4 : r->down_ms * 2;
    if (r->down_ms > DOWN_MAX_MS)
        r->down_ms = DOWN_MAX_MS;
    r->rest_us = clock_mono_us() + (int64_t)r->down_ms * 1000;
}

bool bus_rests(const struct runner *r) { return clock_mono_us() < r->rest_us; }

/* Milliseconds until the next attempt after so many; 0 when there is none. */
static int64_t retry_ms(const struct runner *r, int attempts) {
    int max = r->def->max_attempts > 0 ? r->def->max_attempts : 8;
    if (attempts >= max)
        return 0;
    int64_t ms = BACKOFF_MIN_MS;
    for (int i = 1; i < attempts && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

static void log_attempt(struct ctx *ctx, const struct runner *r, const struct event *e, int64_t retry,
                        const char *error) {
    if (retry > 0)
        log_warn(ctx, "an event failed", "consumer=%s event=%lld type=%s attempt=%d retry_ms=%lld error=%s",
                 r->def->name, (long long)e->id, e->type, e->attempt, (long long)retry, error);
    else
        log_error(ctx, "an event is a dead letter", "consumer=%s event=%lld type=%s attempts=%d error=%s",
                  r->def->name, (long long)e->id, e->type, e->attempt, error);
}

bool bus_put_aside(struct bus *b, struct ctx *ctx, const struct runner *r, const struct event *e,
                   int64_t retry, const char *error) {
    log_attempt(ctx, r, e, retry, error);
    return pg_run(ctx, b->db, &Q_EVENTS_FAILED, NULL, pg_text(r->def->name), pg_i8(e->id), pg_text(e->topic),
                  pg_i8(e->key), pg_text(e->type), pg_bytes(e->body, e->n), pg_time(e->time_ms),
                  pg_i4(e->attempt), pg_text(error), pg_i8(retry)) == OK;
}

struct event bus_event_at(const PGresult *rows, int row, int col) {
    struct event e = {.id = pg_get_int(rows, row, col),
                      .topic = pg_get_str(rows, row, col + 1),
                      .key = pg_get_int(rows, row, col + 2),
                      .type = pg_get_str(rows, row, col + 3),
                      .time_ms = pg_get_time(rows, row, col + 5),
                      .attempt = 1};
    e.body = pg_get_bytes(rows, row, col + 4, &e.n);
    return e;
}

/* One by one, so that only what is bad fails. The position is noted after each. */
static bool deliver_each(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch, int attempt) {
    char error[BUS_ERROR_MAX];
    for (size_t i = 0; i < batch->n; i++) {
        struct event *e = &batch->events[i];
        if (b->stop())
            return false;
        e->attempt = attempt;
        enum code code = bus_hand_out(b, r, e, 1, error);
        if (code == UNAVAILABLE) {
            bus_rest(r, error);
            return false;
        }
        if (code != OK && !bus_put_aside(b, ctx, r, e, retry_ms(r, attempt), error))
            return false;
        if (!bus_advance(b, ctx, r, batch->places[i]))
            return false;
    }
    return true;
}

/* After a start that got nowhere, one of the next events may be one that kills the process: each try is noted
 * before it is made, and after a few the event is a dead letter. The first of the batch is delivered. */
static bool deliver_careful(struct bus *b, struct ctx *ctx, struct runner *r, const struct batch *batch) {
    struct batch one = {batch->events, batch->places, 1};
    if (r->tries >= CRASHES_MAX) {
        batch->events[0].attempt = r->tries;
        return bus_put_aside(b, ctx, r, &batch->events[0], 0, "the process ended while handling it") &&
               bus_advance(b, ctx, r, batch->places[0]);
    }
    if (pg_run(ctx, b->db, &Q_EVENTS_TRY, NULL, pg_text(r->name)) != OK)
        return false;
    r->tries++;
    if (deliver_each(b, ctx, r, &one, 1))
        return true;
    r->tries = 0; /* the process lives: whatever failed, it was not that */
    pg_run(ctx, b->db, &Q_EVENTS_STOPPED, NULL, pg_text(r->name));
    return false;
}

static bool deliver_batch(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch,
                          struct place end) {
    char error[BUS_ERROR_MAX];
    enum code code = bus_hand_out(b, r, batch->events, batch->n, error);
    if (code == OK)
        return bus_move(r, end);
    if (code == UNAVAILABLE) {
        bus_rest(r, error);
        return false;
    }
    if (batch->n > 1)
        return deliver_each(b, ctx, r, batch, 2);
    return bus_put_aside(b, ctx, r, batch->events, retry_ms(r, 1), error) && bus_move(r, end);
}

bool bus_deliver_again(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch) {
    return deliver_each(b, ctx, r, batch, 2);
}

bool bus_deliver(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch, struct place end) {
    while (r->careful > 0 && batch->n > 0 && !b->stop()) {
        if (!deliver_careful(b, ctx, r, batch))
            return false;
        *batch = (struct batch){batch->events + 1, batch->places + 1, batch->n - 1};
    }
    return batch->n == 0 ? bus_move(r, end) : !b->stop() && deliver_batch(b, ctx, r, batch, end);
}

static void deliver_due(struct bus *b, struct ctx *ctx, struct runner *r) {
    PGresult *rows;
    char error[BUS_ERROR_MAX];
    if (pg_run(ctx, b->db, &Q_EVENTS_DUE, &rows, pg_text(r->def->name)) != OK)
        return;
    for (int i = 0; i < PQntuples(rows) && !b->stop(); i++) {
        int64_t id = pg_get_int(rows, i, 0);
        struct event e = bus_event_at(rows, i, 1);
        e.attempt = (int)pg_get_int(rows, i, 7) + 1;
        enum code code = bus_hand_out(b, r, &e, 1, error);
        if (code == UNAVAILABLE) {
            bus_rest(r, error);
            return;
        }
        int64_t retry = retry_ms(r, e.attempt);
        if (code != OK)
            log_attempt(ctx, r, &e, retry, error);
        code = code == OK ? pg_run(ctx, b->db, &Q_EVENTS_FAILED_DONE, NULL, pg_i8(id))
                          : pg_run(ctx, b->db, &Q_EVENTS_FAILED_AGAIN, NULL, pg_i8(id), pg_i4(e.attempt),
                                   pg_text(error), pg_i8(retry));
        if (code != OK)
            return;
    }
}

void bus_look_due(struct bus *b, struct ctx *ctx) {
    PGresult *rows;
    if (clock_mono_us() < b->due_us || pg_run(ctx, b->db, &Q_EVENTS_WHO_IS_DUE, &rows) != OK)
        return;
    b->due_us = clock_mono_us() + DUE_US;
    for (int i = 0; i < PQntuples(rows); i++)
        for (size_t k = 0; k < b->n; k++)
            b->runners[k]->is_due |= strcmp(b->runners[k]->def->name, pg_get_str(rows, i, 0)) == 0;
}

void bus_deliver_due(struct bus *b, struct ctx *ctx, struct runner *r) {
    if (!r->is_due)
        return;
    r->is_due = false;
    deliver_due(b, ctx, r);
}
