/* Reading what members were told, and how far they have read. */
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

static Pb__NotificationItem *item_at(struct ctx *ctx, const PGresult *rows, int row) {
    Pb__NotificationItem *v = arena_one(ctx->arena, Pb__NotificationItem);

    pb__notification_item__init(v);
    v->id = pg_get_int(rows, row, 0);
    v->kind = notification_kind(pg_get_int(rows, row, 1))->name;
    v->actor_id = pg_get_int(rows, row, 2);
    v->post_id = pg_get_int(rows, row, 3);
    v->group_key = pg_get_str(rows, row, 4);
    v->created_ms = pg_get_time(rows, row, 5);
    v->detail = pg_get_str(rows, row, 6);
    v->held = pg_get_bool(rows, row, 7);
    v->count = pg_get_int(rows, row, 8);
    v->oldest_id = pg_get_int(rows, row, 9);
    if (!pg_is_null(rows, row, 10)) {
        v->n_sample_ids = pg_get_ids(ctx, rows, row, 10, &v->sample_ids);
        return v;
    }
    v->n_sample_ids = 1;
    v->sample_ids = &v->actor_id;
    return v;
}

enum code notification_store_list(struct ctx *ctx, const struct notification_query *q,
                                  Pb__NotificationItem ***ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), q->up ? &Q_NOTIFICATION_LIST_UP : &Q_NOTIFICATION_LIST, &rows,
                         pg_i8(q->user), pg_i8(q->below ? q->below : INT64_MAX), pg_i8(q->above),
                         pg_i8(q->limit), pg_ids(q->kinds, q->n_kinds), pg_i8(q->actor), pg_i8(q->held),
                         pg_ids(q->grouped, q->n_grouped));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__NotificationItem *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[q->up ? *ret_n - 1 - i : i] = item_at(ctx, rows, (int)i);
    return OK;
}

static enum code one(struct ctx *ctx, enum code c, const PGresult *rows, Pb__NotificationItem **ret) {
    if (c == OK)
        *ret = PQntuples(rows) > 0 ? item_at(ctx, rows, 0) : NULL;
    return c;
}

enum code notification_store_by_id(struct ctx *ctx, int64_t user, int64_t id, Pb__NotificationItem **ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_BY_ID, &rows, pg_i8(user), pg_i8(id));

    return one(ctx, c, rows, ret);
}

enum code notification_store_group(struct ctx *ctx, int64_t user, const char *key,
                                   Pb__NotificationItem **ret) {
    int64_t *kinds = arena_many(ctx->arena, int64_t, KIND_END);
    PGresult *rows = NULL;
    size_t n = notification_grouped_kinds(kinds);
    enum code c =
        pg_run(ctx, db(ctx), &Q_NOTIFICATION_GROUP, &rows, pg_i8(user), pg_text(key), pg_ids(kinds, n));

    return one(ctx, c, rows, ret);
}

enum code notification_store_group_actors(struct ctx *ctx, int64_t user, const char *key, int64_t below,
                                          unsigned limit, int64_t **ret_notifications, int64_t **ret_actors,
                                          size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_GROUP_ACTORS, &rows, pg_i8(user), pg_text(key),
                         pg_i8(below ? below : INT64_MAX), pg_i8(limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret_notifications = arena_many(ctx->arena, int64_t, *ret_n);
    *ret_actors = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        (*ret_notifications)[i] = pg_get_int(rows, (int)i, 0);
        (*ret_actors)[i] = pg_get_int(rows, (int)i, 1);
    }
    return OK;
}

enum code notification_store_count(struct ctx *ctx, const struct notification_query *q, int64_t *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_COUNT, &rows, pg_i8(q->user), pg_i8(q->limit),
                         pg_ids(q->kinds, q->n_kinds), pg_i8(q->actor), pg_ids(q->grouped, q->n_grouped));

    if (c == OK)
        *ret = pg_get_int(rows, 0, 0);
    return c;
}

/* ---- How far */

static void reader_at(const PGresult *rows, Pb__ReadMarker *ret) {
    ret->timeline = "notifications";
    ret->last_read_id = pg_get_int(rows, 0, 0);
    ret->version = pg_get_int(rows, 0, 1);
    ret->updated_ms = pg_get_time(rows, 0, 2);
}

enum code notification_store_reader(struct ctx *ctx, int64_t user, Pb__ReadMarker *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_READER, &rows, pg_i8(user));

    if (c == OK && PQntuples(rows) > 0)
        reader_at(rows, ret);
    return c;
}

enum code notification_store_read(struct ctx *ctx, int64_t user, int64_t id, int64_t version,
                                  Pb__ReadMarker *ret, bool *ret_ok) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_READ, &rows, pg_i8(user), pg_i8(id), pg_i8(version));

    if (c != OK)
        return c;
    *ret_ok = PQntuples(rows) > 0;
    if (!*ret_ok)
        return OK;
    reader_at(rows, ret);
    notification_store_forget(ctx, &user, 1);
    return OK;
}

enum code notification_store_read_on(struct ctx *ctx, int64_t user, int64_t id, Pb__ReadMarker *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_READ_ON, &rows, pg_i8(user), pg_i8(id));

    if (c != OK)
        return c;
    reader_at(rows, ret);
    notification_store_forget(ctx, &user, 1);
    return OK;
}

/* ---- Away with it */

static enum code dismissed(struct ctx *ctx, enum code c, const PGresult *rows, int64_t user, size_t *ret_n) {
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    notification_store_forget(ctx, &user, 1);
    return OK;
}

enum code notification_store_dismiss(struct ctx *ctx, int64_t user, int64_t id, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_DISMISS, &rows, pg_i8(user), pg_i8(id));

    return dismissed(ctx, c, rows, user, ret_n);
}

enum code notification_store_dismiss_group(struct ctx *ctx, int64_t user, const char *key) {
    PGresult *rows = NULL;
    size_t n;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_DISMISS_GROUP, &rows, pg_i8(user), pg_text(key));

    return dismissed(ctx, c, rows, user, &n);
}

enum code notification_store_clear(struct ctx *ctx, int64_t user) {
    PGresult *rows = NULL;
    size_t n;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_CLEAR, &rows, pg_i8(user));

    return dismissed(ctx, c, rows, user, &n);
}
