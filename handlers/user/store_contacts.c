/* What the notification service asks before it writes to somebody. */
#include "gen/queries.h"
#include "handlers/services.h"
#include "handlers/user/store.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_USER]; }

static Pb__Contact *contact_of(struct ctx *ctx, const PGresult *rows, int row) {
    Pb__Contact *k = arena_one(ctx->arena, Pb__Contact);

    pb__contact__init(k);
    k->user_id = pg_get_int(rows, row, 0);
    k->handle = pg_get_str(rows, row, 1);
    k->name = pg_get_str(rows, row, 2);
    k->email = pg_get_str(rows, row, 3);
    k->language = pg_get_str(rows, row, 4);
    return k;
}

enum code user_store_contacts(struct ctx *ctx, const int64_t *ids, size_t n, Pb__ContactsReply *ret) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_CONTACTS, &rows, pg_ids(ids, n));

    if (c != OK)
        return c;
    ret->n_contacts = (size_t)PQntuples(rows);
    ret->contacts = arena_many(ctx->arena, Pb__Contact *, ret->n_contacts);
    for (size_t i = 0; i < ret->n_contacts; i++)
        ret->contacts[i] = contact_of(ctx, rows, (int)i);
    return OK;
}

enum code user_store_tokens_alive(struct ctx *ctx, int64_t user_id, const int64_t *ids, size_t n,
                                  int64_t **ret, size_t *ret_n) {
    PGresult *rows;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKENS_ALIVE, &rows, pg_i8(user_id), pg_ids(ids, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(rows, (int)i, 0);
    return OK;
}
