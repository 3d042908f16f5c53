#include "handlers/notification/store.h"

#include <string.h>

#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/stream_wire.h"
#include "gen/queries.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

/* ---- The read model */

enum code notification_store_unread_queue(struct ctx *ctx, const int64_t *users, size_t n) {
    return pg_queue(ctx, db(ctx), &Q_NOTIFICATION_UNREAD, pg_ids(users, n));
}

enum code notification_store_unread_fetch(struct ctx *ctx, int64_t **ret_users, Pb__UnreadCounts **ret,
                                          size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_fetch(ctx, db(ctx), &rows);

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret_users = arena_many(ctx->arena, int64_t, *ret_n);
    *ret = arena_many(ctx->arena, Pb__UnreadCounts, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++) {
        pb__unread_counts__init(&(*ret)[i]);
        (*ret_users)[i] = pg_get_int(rows, i, 0);
        (*ret)[i].notifications = pg_get_int(rows, i, 1);
        (*ret)[i].requests = pg_get_int(rows, i, 2);
        (*ret)[i].last_id = pg_get_int(rows, i, 3);
    }
    return OK;
}

void notification_store_listening(struct ctx *ctx, const int64_t *users, size_t n, bool *ret) {
    for (size_t i = 0; i < n; i++)
        redis_add(ctx->env->redis, "EXISTS " STREAM_MEMBER_KEY "%lld", (long long)users[i]);
    for (size_t i = 0; i < n; i++) {
        const redisReply *r = redis_next(ctx, ctx->env->redis);

        if (r == NULL)
            fail_clear(ctx);
        ret[i] = r != NULL && r->type == REDIS_REPLY_INTEGER && r->integer == 1;
    }
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
