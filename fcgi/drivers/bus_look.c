/* The bus from outside: what waits, and what was given up. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/buf.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"

/* The connection for events, one a process, opened when first asked for. */
static struct pg *events_db(const struct env *env) {
    static struct pg *db;
    if (db == NULL) {
        char *secret = pg_secret(env->config->postgresql_secrets, "deeplink_events");
        db = pg_open(env->config->postgresql, "deeplink_events", secret, queries_events,
                     env->config->server_timeout_ms);
        free(secret);
    }
    return db;
}

static enum code no_memory(struct ctx *ctx) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "events: no memory");
}

static const struct bus_engine *engine(const struct ctx *ctx) { return bus_engine_of(ctx->env->config->bus); }

enum code bus_ping(struct ctx *ctx, struct buf *words) {
    return engine(ctx) == NULL ? fail(ctx, UNAVAILABLE, "There is no such bus.")
                               : engine(ctx)->ping(ctx, words);
}

static enum code state_of(struct ctx *ctx, struct pg *db, const struct consumer *c, struct bus_state *ret) {
    PGresult *row;
    size_t n = 0;
    while (c->topics[n] != NULL)
        n++;
    enum code code = pg_run(ctx, db, engine(ctx)->lag, &row, pg_text(c->name), pg_texts(c->topics, n));
    if (code == OK)
        *ret = (struct bus_state){pg_get_int(row, 0, 0), pg_get_int(row, 0, 1), pg_get_int(row, 0, 2),
                                  pg_get_int(row, 0, 3)};
    return code;
}

static const struct consumer *consumer_named(const struct app *app, const char *name) {
    for (const struct service *const *s = app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++)
            if (strcmp(name, c->name) == 0)
                return c;
    return NULL;
}

static enum code no_consumer(struct ctx *ctx) { return fail(ctx, NOT_FOUND, "There is no such consumer."); }

enum code bus_state(struct ctx *ctx, const char *consumer, struct bus_state *ret) {
    struct pg *db = events_db(ctx->env);
    const struct consumer *c = consumer_named(ctx->env->app, consumer);
    if (db == NULL)
        return no_memory(ctx);
    return c == NULL ? no_consumer(ctx) : state_of(ctx, db, c, ret);
}

enum code bus_lag(struct ctx *ctx, const char *consumer, int64_t *ret_events, int64_t *ret_age_ms) {
    struct bus_state state;
    enum code code = OK;
    *ret_events = *ret_age_ms = 0;
    if (consumer != NULL && consumer_named(ctx->env->app, consumer) == NULL)
        return no_consumer(ctx);
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            if (consumer != NULL && strcmp(consumer, c->name) != 0)
                continue;
            if ((code = bus_state(ctx, c->name, &state)) != OK)
                return code;
            *ret_events = state.events > *ret_events ? state.events : *ret_events;
            *ret_age_ms = state.age_ms > *ret_age_ms ? state.age_ms : *ret_age_ms;
        }
    return OK;
}

enum code bus_lag_relay(struct ctx *ctx, bool *ret_has, int64_t *ret_events, int64_t *ret_age_ms) {
    struct pg *db = events_db(ctx->env);
    PGresult *row;
    *ret_events = *ret_age_ms = 0;
    *ret_has = engine(ctx)->relayed;
    if (db == NULL)
        return no_memory(ctx);
    enum code code = *ret_has ? pg_run(ctx, db, &Q_EVENTS_LAG_RELAY, &row) : OK;
    if (code == OK && *ret_has) {
        *ret_events = pg_get_int(row, 0, 0);
        *ret_age_ms = pg_get_int(row, 0, 1);
    }
    return code;
}

enum code bus_tail(struct ctx *ctx, const char *topic, int64_t after, size_t limit, struct event **ret,
                   size_t *ret_n) {
    struct pg *db = events_db(ctx->env);
    PGresult *rows;
    if (db == NULL)
        return no_memory(ctx);
    enum code code =
        pg_run(ctx, db, &Q_EVENTS_TAIL, &rows, pg_text(topic), pg_i8(after), pg_i8((int64_t)limit));
    if (code != OK)
        return code;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct event, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        (*ret)[i] = bus_event_at(rows, i, 0);
    return OK;
}

/* The place in the outbox just before what `from` names; and for an event, when that was. */
static enum code place_before(struct ctx *ctx, struct pg *db, struct bus_from *from, struct place *ret) {
    PGresult *row;
    enum code code = OK;
    *ret = (struct place){0, 0, -1};
    if (from->has_offset || (from->time_ms == 0 && from->event_id == 0))
        return OK;
    code = from->event_id != 0 ? pg_run(ctx, db, &Q_EVENTS_BEFORE_EVENT, &row, pg_i8(from->event_id))
                               : pg_run(ctx, db, &Q_EVENTS_BEFORE_TIME, &row, pg_time(from->time_ms));
    if (code == NOT_FOUND)
        return fail(ctx, NOT_FOUND, "There is no such event in the outbox (any more).");
    if (code != OK)
        return code;
    *ret = (struct place){pg_get_int(row, 0, 0), pg_get_int(row, 0, 1), -1};
    if (from->event_id != 0)
        from->time_ms = pg_get_time(row, 0, 2);
    return OK;
}

/* What the relay published since then is published again: for brokers that have lost it. */
static enum code rewind_relay(struct ctx *ctx, struct pg *db, struct place to, int64_t *ret_n) {
    PGresult *rows;
    enum code code =
        pg_run(ctx, db, &Q_EVENTS_REWIND, &rows, pg_text(BUS_RELAY), pg_i8(to.xid), pg_i8(to.id));
    if (code == OK)
        *ret_n = PQntuples(rows);
    return code;
}

enum code bus_rewind(struct ctx *ctx, const char *consumer, const struct bus_from *from, int64_t *ret_n) {
    struct pg *db = events_db(ctx->env);
    const struct consumer *c = consumer_named(ctx->env->app, consumer);
    struct bus_from where = *from;
    struct place to;
    *ret_n = 0;
    if (db == NULL)
        return no_memory(ctx);
    bool relay = engine(ctx)->relayed && strcmp(consumer, BUS_RELAY) == 0 && !from->has_offset;
    if (c == NULL && !relay)
        return no_consumer(ctx);
    enum code code = place_before(ctx, db, &where, &to);
    if (code == OK)
        code = relay ? rewind_relay(ctx, db, to, ret_n) : engine(ctx)->rewind(ctx, db, c, to, &where, ret_n);
    if (code == OK && *ret_n == 0)
        return fail(ctx, NOT_FOUND, "This consumer has never run, or not there.");
    return code;
}

enum code bus_dead_list(struct ctx *ctx, size_t limit, struct dead_letter **ret, size_t *ret_n) {
    struct pg *db = events_db(ctx->env);
    PGresult *rows;
    if (db == NULL)
        return no_memory(ctx);
    enum code code = pg_run(ctx, db, &Q_EVENTS_DEAD, &rows, pg_i8((int64_t)limit));
    if (code != OK)
        return code;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct dead_letter, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        (*ret)[i] = (struct dead_letter){.id = pg_get_int(rows, i, 0),
                                         .consumer = pg_get_str(rows, i, 1),
                                         .topic = pg_get_str(rows, i, 2),
                                         .type = pg_get_str(rows, i, 3),
                                         .error = pg_get_str(rows, i, 4),
                                         .key = pg_get_int(rows, i, 5),
                                         .time_ms = pg_get_time(rows, i, 6),
                                         .attempts = (int)pg_get_int(rows, i, 7)};
    return OK;
}

enum code bus_dead_replay(struct ctx *ctx, const char *consumer, int64_t id, int64_t *ret_n) {
    struct pg *db = events_db(ctx->env);
    PGresult *done;
    if (db == NULL)
        return no_memory(ctx);
    enum code code = pg_run(ctx, db, &Q_EVENTS_REPLAY, &done, pg_text(consumer), pg_i8(id));
    if (code == OK)
        *ret_n = pg_affected(done);
    return code;
}
