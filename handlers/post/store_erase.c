/* What is left of a member whose account is gone: read in batches, and undone by the statements that undo it
 * for anybody, so that counters, events and what hangs on them are right. */
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

static enum code pick(struct ctx *ctx, const struct query *query, int64_t user, size_t limit,
                      PGresult **ret) {
    return pg_run(ctx, db(ctx), query, ret, pg_i8(user), pg_i8((int64_t)limit));
}

static enum code erase_post(struct ctx *ctx, int64_t user, const PGresult *r, int row) {
    Pb__PostView v = PB__POST_VIEW__INIT;
    struct post_change change;
    struct post_gone gone;
    enum code c;

    if (!pg_is_null(r, row, 3)) {
        v.id = pg_get_int(r, row, 3);
        v.author_id = pg_get_int(r, row, 4);
        return post_store_unrepost(ctx, user, &v, &change);
    }
    v.id = pg_get_int(r, row, 0);
    v.author_id = user;
    v.in_reply_to_id = pg_get_int(r, row, 1);
    v.n_tags = pg_get_texts(ctx, r, row, 2, &v.tags);
    if ((c = post_store_delete(ctx, &v, &gone)) == NOT_FOUND) {
        fail_clear(ctx); /* somebody else deleted it just now */
        return OK;
    }
    return c;
}

static enum code erase_posts(struct ctx *ctx, int64_t user, size_t limit, size_t *ret_n) {
    PGresult *r;
    enum code c = pick(ctx, &Q_POST_ERASE_POSTS, user, limit, &r);

    *ret_n = c == OK ? (size_t)PQntuples(r) : 0;
    for (size_t i = 0; i < *ret_n && c == OK; i++)
        c = erase_post(ctx, user, r, (int)i);
    return c;
}

typedef enum code reaction_store(struct ctx *ctx, int64_t viewer, const Pb__PostView *post, bool on,
                                 struct post_change *ret);

static enum code erase_reactions(struct ctx *ctx, const struct query *query, reaction_store *store,
                                 int64_t user, size_t limit, size_t *ret_n) {
    PGresult *r;
    enum code c = pick(ctx, query, user, limit, &r);

    *ret_n = c == OK ? (size_t)PQntuples(r) : 0;
    for (size_t i = 0; i < *ret_n && c == OK; i++) {
        Pb__PostView v = PB__POST_VIEW__INIT;
        struct post_change change;

        v.id = pg_get_int(r, (int)i, 0);
        v.author_id = pg_get_int(r, (int)i, 1);
        c = store(ctx, user, &v, false, &change);
    }
    return c;
}

enum code post_store_erase(struct ctx *ctx, int64_t user, size_t limit, size_t *ret_n) {
    enum code c = erase_posts(ctx, user, limit, ret_n);

    if (c == OK && *ret_n == 0)
        c = erase_reactions(ctx, &Q_POST_ERASE_LIKES, post_store_like, user, limit, ret_n);
    if (c == OK && *ret_n == 0)
        c = erase_reactions(ctx, &Q_POST_ERASE_BOOKMARKS, post_store_bookmark, user, limit, ret_n);
    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}

enum code post_store_erase_rest(struct ctx *ctx, int64_t user) {
    enum code c = pg_run(ctx, db(ctx), &Q_POST_ERASE_REST, NULL, pg_i8(user));
    long long id = user;

    if (c != OK)
        return c;
    return redis_do(ctx, ctx->env->redis,
                    "DEL post:home:%lld post:mark:%lld post:mine:%lld post:author:%lld post:tags:%lld", id,
                    id, id, id, id) != NULL
               ? OK
               : ctx->error.code;
}

enum code post_store_erase_on(struct ctx *ctx, int64_t user) {
    enum code c = pg_run(ctx, db(ctx), &Q_POST_ERASE_ON, NULL, pg_i8(user));

    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}
