/* Who wants Web Push, and where to. */
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/notification/store_deliver.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

static Pb__PushSubscription *push_of(struct ctx *ctx, const PGresult *rows, int row) {
    Pb__PushSubscription *p = arena_one(ctx->arena, Pb__PushSubscription);

    pb__push_subscription__init(p);
    p->id = pg_get_int(rows, row, 0);
    p->user_id = pg_get_int(rows, row, 1);
    p->token_id = pg_get_int(rows, row, 2);
    p->session_id = pg_get_int(rows, row, 3);
    p->endpoint = pg_get_str(rows, row, 4);
    p->p256dh = pg_get_str(rows, row, 5);
    p->auth = pg_get_str(rows, row, 6);
    p->standard = pg_get_bool(rows, row, 7);
    p->n_alerts = pg_get_texts(ctx, rows, row, 8, &p->alerts);
    p->policy = pg_get_str(rows, row, 9);
    return p;
}

static enum code one(struct ctx *ctx, enum code c, const PGresult *rows, Pb__PushSubscription **ret) {
    if (c == OK)
        *ret = PQntuples(rows) > 0 ? push_of(ctx, rows, 0) : NULL;
    return c;
}

enum code notification_store_push(struct ctx *ctx, const Pb__PushRequest *who, Pb__PushSubscription **ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_PUSH, &rows, pg_i8(who->user_id),
                         pg_i8_or_null(who->token_id), pg_i8_or_null(who->session_id));

    return one(ctx, c, rows, ret);
}

enum code notification_store_pushes_queue(struct ctx *ctx, const int64_t *users, size_t n, int64_t push_id) {
    return pg_queue_read(ctx, db(ctx), &Q_NOTIFICATION_PUSHES, pg_ids(users, n), pg_i8(push_id));
}

enum code notification_store_pushes_fetch(struct ctx *ctx, Pb__PushSubscription ***ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_fetch(ctx, db(ctx), &rows);

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__PushSubscription *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = push_of(ctx, rows, (int)i);
    return OK;
}

enum code notification_store_push_add(struct ctx *ctx, const Pb__PushSubscription *p) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_PUSH_ADD, NULL, pg_i8(p->id), pg_i8(p->user_id),
                  pg_i8_or_null(p->token_id), pg_i8_or_null(p->session_id), pg_text(p->endpoint),
                  pg_text(p->p256dh), pg_text(p->auth), pg_bool(p->standard),
                  pg_texts(p->alerts, p->n_alerts), pg_text(p->policy));
}

enum code notification_store_push_change(struct ctx *ctx, const Pb__PushSubscription *p,
                                         Pb__PushSubscription **ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_PUSH_CHANGE, &rows, pg_i8(p->user_id),
                         pg_i8(p->token_id), pg_texts(p->alerts, p->n_alerts), pg_text(p->policy));

    return one(ctx, c, rows, ret);
}

enum code notification_store_push_end(struct ctx *ctx, const Pb__PushRequest *who) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_PUSH_END, NULL, pg_i8(who->user_id),
                  pg_i8_or_null(who->token_id), pg_i8_or_null(who->session_id));
}

enum code notification_store_pushes_gone(struct ctx *ctx, const int64_t *ids, size_t n) {
    return n == 0 ? OK : pg_run(ctx, db(ctx), &Q_NOTIFICATION_PUSH_GONE, NULL, pg_ids(ids, n));
}
