/* Tags that members follow. */
#include "fcgi/base/id.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/kept.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

static const char *key_of(struct ctx *ctx, int64_t viewer) {
    return arena_printf(ctx->arena, "post:tags:%lld", (long long)viewer);
}

/* ---- All of a member */

static enum code read_sql(struct ctx *ctx, int64_t viewer, const char ***ret, size_t *ret_n) {
    struct post_range all = {.limit = TAGS_FOLLOWED_MAX};
    Pb__TagInfo **tags;
    int64_t *ids;
    enum code c = post_store_tags_followed(ctx, viewer, &all, &tags, &ids, ret_n);

    if (c != OK)
        return c;
    *ret = arena_many(ctx->arena, const char *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = tags[i]->name;
    return OK;
}

enum code post_store_tags_of(struct ctx *ctx, int64_t viewer, const char ***ret, size_t *ret_n) {
    const char *key = key_of(ctx, viewer), *token, *text = kept_get(ctx, key, &token);
    enum code c;

    if (text != NULL) {
        *ret_n = kept_words(ctx, text, ret);
        return OK;
    }
    if ((c = read_sql(ctx, viewer, ret, ret_n)) == OK && token != NULL)
        kept_put_words(ctx, key, token, *ret, *ret_n);
    return c;
}

/* ---- Changing */

enum code post_store_tags_forget(struct ctx *ctx, const int64_t *viewers, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, n + 1);

    if (n == 0)
        return OK;
    argv[0] = "DEL";
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = key_of(ctx, viewers[i]);
    redis_add_argv(ctx->env->redis, (int)n + 1, argv, NULL);
    return redis_next(ctx, ctx->env->redis) != NULL ? post_store_home_forget(ctx, viewers, n) : UNAVAILABLE;
}

/* What was kept goes at once, so that the member sees the change; where Redis is away now, the event is the
 * one who does it. */
enum code post_store_follow_tag(struct ctx *ctx, int64_t viewer, const char *folded, bool on, bool *ret_ok) {
    PGresult *r = NULL;
    enum code c = on ? pg_run(ctx, db(ctx), &Q_POST_TAG_FOLLOW, &r, pg_i8(viewer), pg_text(folded),
                              pg_i8(id_next()), pg_i8(TAGS_FOLLOWED_MAX))
                     : pg_run(ctx, db(ctx), &Q_POST_TAG_UNFOLLOW, &r, pg_i8(viewer), pg_text(folded));

    if (c != OK)
        return c;
    *ret_ok = !on || pg_get_bool(r, 0, 0);
    bus_wake(ctx, db(ctx));
    if (post_store_tags_forget(ctx, &viewer, 1) != OK)
        fail_clear(ctx);
    return OK;
}

/* ---- Lists */

enum code post_store_tags_followed(struct ctx *ctx, int64_t viewer, const struct post_range *range,
                                   Pb__TagInfo ***ret, int64_t **ret_ids, size_t *ret_n) {
    PGresult *r;
    enum code c =
        pg_run(ctx, db(ctx), &Q_POST_TAGS_FOLLOWED, &r, pg_i8(viewer),
               pg_i8(range->max > 0 ? range->max : INT64_MAX), pg_i8(range->up ? range->min : range->since),
               pg_i8((int64_t)range->limit), pg_bool(range->up));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__TagInfo *, *ret_n);
    *ret_ids = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        (*ret)[i] = arena_one(ctx->arena, Pb__TagInfo);
        pb__tag_info__init((*ret)[i]);
        (*ret)[i]->name = pg_get_str(r, (int)i, 0);
        (*ret)[i]->following = true;
        (*ret_ids)[i] = pg_get_int(r, (int)i, 1);
    }
    return OK;
}

enum code post_store_tag_followers(struct ctx *ctx, const char *const *tags, size_t n, size_t limit,
                                   struct tag_follower *after, struct tag_follower **ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_TAG_FOLLOWERS, &r, pg_texts(tags, n), pg_text(after->tag),
                         pg_i8(after->user), pg_i8((int64_t)limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, struct tag_follower, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct tag_follower){pg_get_str(r, (int)i, 0), pg_get_int(r, (int)i, 1)};
    if (*ret_n > 0)
        *after = (*ret)[*ret_n - 1];
    return OK;
}
