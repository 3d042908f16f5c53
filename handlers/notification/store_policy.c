/* What members want to hear of whom, and what is held back. */
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/notification/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

static struct sender_policy policy_at(const PGresult *rows, int row) {
    return (struct sender_policy){.not_following = (int)pg_get_int(rows, row, 1),
                                  .not_followers = (int)pg_get_int(rows, row, 2),
                                  .new_accounts = (int)pg_get_int(rows, row, 3),
                                  .private_mentions = (int)pg_get_int(rows, row, 4),
                                  .limited_accounts = (int)pg_get_int(rows, row, 5)};
}

enum code notification_store_policies_queue(struct ctx *ctx, const int64_t *users, size_t n) {
    return pg_queue_read(ctx, db(ctx), &Q_NOTIFICATION_POLICIES, pg_ids(users, n));
}

enum code notification_store_policies_fetch(struct ctx *ctx, const int64_t *users, size_t n,
                                            struct sender_policy *ret) {
    PGresult *rows;
    enum code c = pg_fetch(ctx, db(ctx), &rows);

    if (c != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        ret[i] = SENDER_POLICY_DEFAULT;
        for (int r = 0; r < PQntuples(rows); r++)
            if (pg_get_int(rows, r, 0) == users[i])
                ret[i] = policy_at(rows, r);
    }
    return OK;
}

enum code notification_store_policies(struct ctx *ctx, const int64_t *users, size_t n,
                                      struct sender_policy *ret) {
    enum code c = notification_store_policies_queue(ctx, users, n);

    return c == OK ? notification_store_policies_fetch(ctx, users, n, ret) : c;
}

enum code notification_store_accepted(struct ctx *ctx, const int64_t *users, const int64_t *from, size_t n,
                                      bool *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_ACCEPTED, &rows, pg_ids(users, n), pg_ids(from, n));

    if (c != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        ret[i] = false;
        for (int r = 0; r < PQntuples(rows); r++)
            ret[i] = ret[i] || (pg_get_int(rows, r, 0) == users[i] && pg_get_int(rows, r, 1) == from[i]);
    }
    return OK;
}

enum code notification_store_policy_set(struct ctx *ctx, int64_t user, const struct sender_policy *policy) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_POLICY_SET, NULL, pg_i8(user), pg_i4(policy->not_following),
                  pg_i4(policy->not_followers), pg_i4(policy->new_accounts), pg_i4(policy->private_mentions),
                  pg_i4(policy->limited_accounts));
}

enum code notification_store_pending(struct ctx *ctx, int64_t user, int64_t *ret_requests,
                                     int64_t *ret_notifications) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_PENDING, &rows, pg_i8(user));

    if (c != OK)
        return c;
    *ret_requests = pg_get_int(rows, 0, 0);
    *ret_notifications = pg_get_int(rows, 0, 1);
    return OK;
}

static Pb__HeldRequest *held_at(struct ctx *ctx, const PGresult *rows, int row) {
    Pb__HeldRequest *v = arena_one(ctx->arena, Pb__HeldRequest);

    pb__held_request__init(v);
    v->id = pg_get_int(rows, row, 0);
    v->from_id = pg_get_int(rows, row, 1);
    v->post_id = pg_get_int(rows, row, 2);
    v->created_ms = pg_get_time(rows, row, 3);
    v->updated_ms = pg_get_time(rows, row, 4);
    v->count = pg_get_int(rows, row, 5);
    return v;
}

enum code notification_store_held(struct ctx *ctx, const struct held_query *q, Pb__HeldRequest ***ret,
                                  size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), q->up ? &Q_NOTIFICATION_REQUESTS_UP : &Q_NOTIFICATION_REQUESTS, &rows,
                         pg_i8(q->user), pg_i8(q->below ? q->below : INT64_MAX), pg_i8(q->above),
                         pg_i8(q->limit), pg_i8(q->id));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__HeldRequest *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[q->up ? *ret_n - 1 - i : i] = held_at(ctx, rows, (int)i);
    return OK;
}

enum code notification_store_answer(struct ctx *ctx, int64_t user, const int64_t *ids, size_t n, bool accept,
                                    size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), accept ? &Q_NOTIFICATION_ACCEPT : &Q_NOTIFICATION_REFUSE, &rows,
                         pg_i8(user), pg_ids(ids, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    notification_store_forget(ctx, &user, 1);
    return OK;
}
