#include "handlers/notification/store.h"

#include <string.h>

#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "gen/queries.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

/* ---- The read model */

enum code notification_store_unread(struct ctx *ctx, int64_t user, Pb__UnreadCounts *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_UNREAD, &rows, pg_i8(user));

    if (c != OK)
        return c;
    ret->notifications = pg_get_int(rows, 0, 0);
    ret->requests = pg_get_int(rows, 0, 1);
    ret->last_id = pg_get_int(rows, 0, 2);
    return OK;
}

void notification_store_forget(struct ctx *ctx, const int64_t *users, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, n + 1);

    if (n == 0)
        return;
    argv[0] = "DEL";
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = arena_printf(ctx->arena, "notify:unread:%lld", (long long)users[i]);
    redis_add_argv(ctx->env->redis, (int)n + 1, argv, NULL);
    if (redis_next(ctx, ctx->env->redis) == NULL) {
        log_warn(ctx, "unread counts not dropped", "members=%zu", n);
        fail_clear(ctx);
    }
}

/* ---- Erasing */

static int64_t *users_of(struct ctx *ctx, const PGresult *rows) {
    int64_t *users = arena_many(ctx->arena, int64_t, (size_t)PQntuples(rows));

    for (int i = 0; i < PQntuples(rows); i++)
        users[i] = pg_get_int(rows, i, 0);
    return users;
}

enum code notification_store_erase(struct ctx *ctx, int64_t user, unsigned limit, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_ERASE, &rows, pg_i8(user), pg_i8(limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    notification_store_forget(ctx, users_of(ctx, rows), *ret_n);
    return OK;
}

enum code notification_store_erase_rest(struct ctx *ctx, int64_t user) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_ERASE_REQUESTS, &rows, pg_i8(user));

    if (c != OK)
        return c;
    notification_store_forget(ctx, users_of(ctx, rows), (size_t)PQntuples(rows));
    notification_store_forget(ctx, &user, 1);
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_ERASE_REST, NULL, pg_i8(user));
}

enum code notification_store_erase_on(struct ctx *ctx, int64_t user) {
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_ERASE_ON, NULL, pg_i8(user));

    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}
