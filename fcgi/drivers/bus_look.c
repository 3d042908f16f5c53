/* The bus from outside: what waits, and what was given up. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
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

static enum code lag_of(struct ctx *ctx, struct pg *db, const struct consumer *c, int64_t *ret_events,
                        int64_t *ret_age_ms) {
    PGresult *row;
    size_t n = 0;
    while (c->topics[n] != NULL)
        n++;
    enum code code = pg_run(ctx, db, &Q_EVENTS_LAG, &row, pg_text(c->name), pg_texts(c->topics, n));
    if (code != OK)
        return code;
    int64_t events = pg_get_int(row, 0, 0), age = pg_get_int(row, 0, 1);
    *ret_events = events > *ret_events ? events : *ret_events;
    *ret_age_ms = age > *ret_age_ms ? age : *ret_age_ms;
    return OK;
}

enum code bus_lag(struct ctx *ctx, const char *consumer, int64_t *ret_events, int64_t *ret_age_ms) {
    struct pg *db = events_db(ctx->env);
    *ret_events = *ret_age_ms = 0;
    if (db == NULL)
        return no_memory(ctx);
    bool found = false;
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            if (consumer != NULL && strcmp(consumer, c->name) != 0)
                continue;
            found = true;
            enum code code = lag_of(ctx, db, c, ret_events, ret_age_ms);
            if (code != OK)
                return code;
        }
    return found || consumer == NULL ? OK : fail(ctx, NOT_FOUND, "There is no such consumer.");
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
