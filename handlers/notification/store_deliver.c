/* What waits to go out. */
#include <stdlib.h>

#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/notification/store_deliver.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

enum code notification_store_outgoing_add(struct ctx *ctx, const struct outgoing *o, size_t n) {
    enum { ID, TARGET, MEMBER, ACTOR, DUE, HELD, CREATED, COLUMNS };
    const char **channels = arena_many(ctx->arena, const char *, n),
               **kinds = arena_many(ctx->arena, const char *, n);
    int64_t *numbers[COLUMNS];

    if (n == 0)
        return OK;
    for (int column = 0; column < COLUMNS; column++)
        numbers[column] = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++) {
        channels[i] = o[i].channel;
        kinds[i] = o[i].kind;
        numbers[ID][i] = o[i].notification_id;
        numbers[TARGET][i] = o[i].target_id;
        numbers[MEMBER][i] = o[i].user_id;
        numbers[ACTOR][i] = o[i].actor_id;
        numbers[DUE][i] = o[i].due_ms;
        numbers[HELD][i] = o[i].held;
        numbers[CREATED][i] = o[i].created_ms;
    }
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_ADD, NULL, pg_ids(numbers[ID], n),
                  pg_texts(channels, n), pg_ids(numbers[TARGET], n), pg_ids(numbers[MEMBER], n),
                  pg_texts(kinds, n), pg_ids(numbers[ACTOR], n), pg_ids(numbers[DUE], n),
                  pg_ids(numbers[HELD], n), pg_ids(numbers[CREATED], n));
}

enum code notification_store_mail_times(struct ctx *ctx, const struct prefs *p, struct mail_times *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_MAIL_TIMES, &rows, pg_i8(p->user_id),
                         pg_i4(p->hour_cap), pg_i4(p->day_cap));

    if (c != OK)
        return c;
    ret->last_ms = pg_is_null(rows, 0, 0) ? 0 : pg_get_time(rows, 0, 0);
    ret->hour_ms = pg_is_null(rows, 0, 1) ? 0 : pg_get_time(rows, 0, 1);
    ret->day_ms = pg_is_null(rows, 0, 2) ? 0 : pg_get_time(rows, 0, 2);
    return OK;
}

static struct outgoing outgoing_of(const PGresult *rows, int row) {
    return (struct outgoing){.notification_id = pg_get_int(rows, row, 0),
                             .channel = pg_get_str(rows, row, 1),
                             .target_id = pg_get_int(rows, row, 2),
                             .user_id = pg_get_int(rows, row, 3),
                             .kind = pg_get_str(rows, row, 4),
                             .actor_id = pg_get_int(rows, row, 5),
                             .attempts = (int)pg_get_int(rows, row, 6),
                             .tried_ms = pg_get_time(rows, row, 7),
                             .created_ms = pg_get_time(rows, row, 8),
                             .held = pg_get_bool(rows, row, 9)};
}

static int newest_first(const void *a, const void *b) {
    int64_t x = ((const struct outgoing *)a)->notification_id,
            y = ((const struct outgoing *)b)->notification_id;

    return x < y ? 1 : x > y ? -1 : 0;
}

static enum code taken(struct ctx *ctx, enum code c, const PGresult *rows, struct outgoing **ret,
                       size_t *ret_n) {
    *ret_n = 0;
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct outgoing, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = outgoing_of(rows, (int)i);
    qsort(*ret, *ret_n, sizeof **ret, newest_first);
    return OK;
}

enum code notification_store_take_mail(struct ctx *ctx, int64_t lease, struct outgoing **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_TAKE_MAIL, &rows, pg_i8(lease));

    return taken(ctx, c, rows, ret, ret_n);
}

enum code notification_store_take_push(struct ctx *ctx, int64_t lease, const int64_t *but, size_t n_but,
                                       struct outgoing **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_TAKE_PUSH, &rows, pg_i8(lease), pg_ids(but, n_but));

    return taken(ctx, c, rows, ret, ret_n);
}

enum code notification_store_news(struct ctx *ctx, int64_t user_id, const int64_t *ids, size_t n,
                                  struct news **ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_NEWS, &rows, pg_i8(user_id), pg_ids(ids, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct news, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct news){.id = pg_get_int(rows, (int)i, 0),
                                  .post_id = pg_get_int(rows, (int)i, 1),
                                  .detail = pg_get_str(rows, (int)i, 2)};
    return OK;
}

enum code notification_store_end(struct ctx *ctx, int64_t lease, const int64_t *ids, size_t n,
                                 enum outgoing_end end, const char *why) {
    static const struct {
        int state;
        const char *counted;
    } ends[] = {[OUTGOING_SENT] = {2, "sent"},
                [OUTGOING_UNKNOWN] = {2, "unknown"},
                [OUTGOING_DROPPED] = {3, "dropped"},
                [OUTGOING_FAILED] = {3, "failed"}};

    if (n == 0)
        return OK;
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_END, NULL, pg_i8(lease), pg_ids(ids, n),
                  pg_i4(ends[end].state), pg_text(why), pg_text(ends[end].counted));
}

enum code notification_store_later(struct ctx *ctx, int64_t lease, int64_t due_ms, bool held,
                                   const char *why) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_LATER, NULL, pg_i8(lease), pg_time(due_ms),
                  pg_bool(held), pg_text(why));
}

static enum code hand(struct ctx *ctx, int64_t lease, const int64_t *ids, size_t n,
                      const struct outgoing *first, int64_t mail_id, bool *ret_ok) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_HAND, &rows, pg_i8(lease), pg_ids(ids, n));

    *ret_ok = c == OK && (size_t)PQntuples(rows) == n;
    if (!*ret_ok || mail_id == 0)
        return c;
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_MAIL_ADD, NULL, pg_i8(mail_id), pg_i8(first->user_id),
                  pg_text(first->channel));
}

enum code notification_store_hand(struct ctx *ctx, int64_t lease, const int64_t *ids, size_t n,
                                  const struct outgoing *first, int64_t mail_id, bool *ret_ok) {
    enum code c = pg_begin(ctx, db(ctx));

    *ret_ok = false;
    if (c == OK && (c = hand(ctx, lease, ids, n, first, mail_id, ret_ok)) == OK && *ret_ok)
        return pg_commit(ctx, db(ctx));
    pg_rollback(ctx, db(ctx));
    return c;
}

enum code notification_store_mail_undo(struct ctx *ctx, int64_t mail_id) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_MAIL_UNDO, NULL, pg_i8(mail_id));
}

enum code notification_store_lost(struct ctx *ctx, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_LOST, &rows);

    if (c == OK)
        *ret_n = (size_t)pg_get_int(rows, 0, 0);
    return c;
}

enum code notification_store_sendings(struct ctx *ctx, struct sendings **ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_SENDINGS, &rows);

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct sendings, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        (*ret)[i] = (struct sendings){.way = pg_get_str(rows, i, 0),
                                      .waiting = pg_get_int(rows, i, 1),
                                      .age_ms = pg_get_int(rows, i, 2),
                                      .sent = pg_get_int(rows, i, 3),
                                      .failed = pg_get_int(rows, i, 4),
                                      .dropped = pg_get_int(rows, i, 5),
                                      .unknown = pg_get_int(rows, i, 6)};
    return OK;
}

enum code notification_store_delivery_sweep(struct ctx *ctx, int days) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_OUTGOING_SWEEP, NULL, pg_i4(days));
}

enum code notification_store_delivery_erase(struct ctx *ctx, int64_t user_id) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_DELIVERY_ERASE, NULL, pg_i8(user_id));
}
