#include "handlers/notification/store_hooks.h"

#include <string.h>

#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_NOTIFICATION]; }

static struct pg_val bytes(struct packed p) { return pg_bytes(p.p, p.n); }

static int64_t time_or_0(const PGresult *rows, int row, int col) {
    return pg_is_null(rows, row, col) ? 0 : pg_get_time(rows, row, col);
}

static Pb__Webhook *hook_of(struct ctx *ctx, const PGresult *rows, int row) {
    Pb__Webhook *h = arena_one(ctx->arena, Pb__Webhook);

    pb__webhook__init(h);
    h->id = pg_get_int(rows, row, 0);
    h->url = pg_get_str(rows, row, 1);
    h->n_events = pg_get_texts(ctx, rows, row, 2, &h->events);
    h->active = pg_get_bool(rows, row, 3);
    h->version = pg_get_int(rows, row, 4);
    h->created_ms = pg_get_time(rows, row, 5);
    h->failing_ms = time_or_0(rows, row, 6);
    h->disabled_ms = time_or_0(rows, row, 7);
    return h;
}

enum code notification_store_hooks(struct ctx *ctx, int64_t id, Pb__Webhook ***ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOKS, &rows, pg_i8(id));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__Webhook *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = hook_of(ctx, rows, (int)i);
    return OK;
}

/* Whether a change found its row; the audit log hears of it soon. */
static enum code changed(struct ctx *ctx, enum code c, const PGresult *rows, bool *ret_ok) {
    *ret_ok = c == OK && PQntuples(rows) > 0;
    if (*ret_ok)
        bus_wake(ctx, db(ctx));
    return c;
}

enum code notification_store_hook_add(struct ctx *ctx, const Pb__Webhook *h,
                                      const unsigned char salt[HOOK_SALT], int64_t by, struct packed audit) {
    PGresult *rows = NULL;
    bool ok;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_ADD, &rows, pg_i8(h->id), pg_text(h->url),
                         pg_texts((const char *const *)h->events, h->n_events), pg_bytes(salt, HOOK_SALT),
                         pg_i8(by), bytes(audit));

    return changed(ctx, c, rows, &ok);
}

enum code notification_store_hook_change(struct ctx *ctx, const Pb__ChangeWebhookRequest *to,
                                         struct packed audit, bool *ret_ok) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_CHANGE, &rows, pg_i8(to->id), pg_i8(to->if_version),
               pg_text(to->url), pg_texts((const char *const *)to->events, to->n_events), pg_bool(to->active),
               bytes(audit));

    return changed(ctx, c, rows, ret_ok);
}

enum code notification_store_hook_drop(struct ctx *ctx, int64_t id, struct packed audit, bool *ret_ok) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_DROP, &rows, pg_i8(id), bytes(audit));

    return changed(ctx, c, rows, ret_ok);
}

enum code notification_store_hooks_wanting(struct ctx *ctx, const char *const *types, const int64_t *times_ms,
                                           size_t n, struct hook_want **ret, size_t *ret_n) {
    PGresult *rows;
    enum code c =
        pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOKS_WANTING, &rows, pg_texts(types, n), pg_ids(times_ms, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct hook_want, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct hook_want){(size_t)pg_get_int(rows, (int)i, 0) - 1, pg_get_int(rows, (int)i, 1)};
    return OK;
}

enum code notification_store_hook_call_add(struct ctx *ctx, const struct hook_calls *k) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_CALL_ADD, NULL, pg_ids(k->ids, k->n),
                  pg_ids(k->hooks, k->n), pg_i8(k->event_id), pg_text(k->event), pg_texts(k->bodies, k->n));
}

enum code notification_store_hook_take(struct ctx *ctx, int64_t lease, const int64_t *but, size_t n_but,
                                       struct hook_call **ret) {
    PGresult *rows;
    size_t n;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_TAKE, &rows, pg_i8(lease), pg_ids(but, n_but));

    *ret = NULL;
    if (c != OK || PQntuples(rows) == 0)
        return c;
    *ret = arena_one(ctx->arena, struct hook_call);
    **ret = (struct hook_call){.id = pg_get_int(rows, 0, 0),
                               .hook_id = pg_get_int(rows, 0, 1),
                               .url = pg_get_str(rows, 0, 2),
                               .event = pg_get_str(rows, 0, 4),
                               .body = pg_get_str(rows, 0, 5),
                               .attempts = (int)pg_get_int(rows, 0, 6),
                               .created_ms = pg_get_time(rows, 0, 7)};
    (*ret)->salt = pg_get_bytes(rows, 0, 3, &n);
    return n == HOOK_SALT ? OK
                          : fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "webhook: salt");
}

enum code notification_store_hook_done(struct ctx *ctx, int64_t lease, int64_t call, int status) {
    return pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_DONE, NULL, pg_i8(call), pg_i8(lease), pg_i4(status));
}

enum code notification_store_hook_failed(struct ctx *ctx, int64_t lease, int64_t call, int status,
                                         const char *error, int64_t due_ms, struct packed audit,
                                         bool *ret_disabled) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_FAILED, &rows, pg_i8(call), pg_i8(lease), pg_i4(status),
               pg_text(error), due_ms != 0 ? pg_time(due_ms) : pg_null(), bytes(audit));

    return changed(ctx, c, rows, ret_disabled);
}

static Pb__WebhookCall *call_of(struct ctx *ctx, const PGresult *rows, int row) {
    static const char *const states[] = {"waiting", "done", "failed"};
    Pb__WebhookCall *k = arena_one(ctx->arena, Pb__WebhookCall);

    pb__webhook_call__init(k);
    k->id = pg_get_int(rows, row, 0);
    k->event = pg_get_str(rows, row, 1);
    k->state = states[pg_get_int(rows, row, 2) % 3];
    k->attempts = (int32_t)pg_get_int(rows, row, 3);
    k->status = (int32_t)pg_get_int(rows, row, 4);
    k->error = pg_get_str(rows, row, 5);
    k->created_ms = pg_get_time(rows, row, 6);
    k->done_ms = time_or_0(rows, row, 7);
    k->due_ms = pg_get_time(rows, row, 8);
    return k;
}

enum code notification_store_hook_calls(struct ctx *ctx, const Pb__WebhookCallsRequest *of,
                                        Pb__WebhookCall ***ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_NOTIFICATION_HOOK_CALLS, &rows, pg_i8(of->webhook_id),
                         pg_i8(of->before), pg_i4((int)of->limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, Pb__WebhookCall *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = call_of(ctx, rows, (int)i);
    return OK;
}
