/* Members found: the directory, and the search by words. */
#include "gen/queries.h"
#include "handlers/services.h"
#include "handlers/user/store_rows.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_USER]; }

enum code user_store_directory(struct ctx *ctx, bool by_activity, const char *tsquery, int64_t before,
                               size_t offset, size_t limit, Pb__UserCard ***ret, size_t *ret_n,
                               int64_t *ret_next) {
    PGresult *r;
    struct pg_val from = pg_i8_or_null(before), more = pg_i8((int64_t)limit + 1),
                  skip = pg_i8((int64_t)offset);
    enum code c;

    if (tsquery == NULL)
        c = pg_run(ctx, db(ctx), by_activity ? &Q_USER_DIRECTORY_ACTIVE : &Q_USER_DIRECTORY_NEW, &r, from,
                   more, skip);
    else
        c = pg_run(ctx, db(ctx), by_activity ? &Q_USER_DIRECTORY_FIND_ACTIVE : &Q_USER_DIRECTORY_FIND_NEW, &r,
                   from, more, pg_text(tsquery), skip);
    if (c != OK)
        return c;
    *ret = user_store_cards_of(ctx, r, ret_n);
    *ret_next = 0;
    if (*ret_n > limit) { /* one more was asked for, to learn whether there is another page */
        *ret_n = limit;
        *ret_next = pg_get_int(r, (int)limit - 1, CARD_COLUMNS);
    }
    return OK;
}

enum code user_store_search(struct ctx *ctx, const struct member_search *s, Pb__UserCard ***ret,
                            size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_SEARCH, &r, pg_text(s->tsquery), pg_ids(s->known, s->n_known),
                         pg_bool(s->known_only), pg_text(s->handle), pg_i8((int64_t)s->limit),
                         pg_i8((int64_t)s->offset));

    if (c == OK)
        *ret = user_store_cards_of(ctx, r, ret_n);
    return c;
}
