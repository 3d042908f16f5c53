/* Reactions whose request may have been killed before it told Redis: a look at all of them, which is little
 * work where nothing is missing, and what is missing out of SQL. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/act.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

/* ---- Looking */

/* Questions that are on their way: MGET of post:stat of all posts, and of each reaction what post:mine has.
 */
struct asked {
    const struct redis_want *stats, **mine;
};

static struct asked ask(struct ctx *ctx, const struct post_reacted *r, size_t n) {
    struct asked a = {.mine = arena_many(ctx->arena, const struct redis_want *, n)};
    const char **argv = arena_many(ctx->arena, const char *, n + 1);

    argv[0] = "MGET";
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = post_stat_key(ctx, r[i].id);
    a.stats = redis_want(ctx, ctx->env->redis, (int)n + 1, argv);
    for (size_t i = 0; i < n; i++) {
        const char *mine[] = {"HMGET", arena_printf(ctx->arena, "post:mine:%" PRId64, r[i].viewer), "_",
                              id_str(ctx->arena, r[i].id)};

        a.mine[i] = redis_want(ctx, ctx->env->redis, 4, mine);
    }
    return a;
}

static const redisReply *array(struct ctx *ctx, const struct redis_want *want, size_t n) {
    const redisReply *r = redis_got(ctx, ctx->env->redis, want);

    return r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == n ? r : NULL;
}

/* The version of the last reaction of a kind in "bits:likes:reposts:bookmarks"; 0 where there is none. */
static int64_t version_in(const char *value, uint32_t bit) {
    for (uint32_t at = ACT_LIKED; value != NULL && at <= bit; at <<= 1)
        if ((value = strchr(value, ':')) != NULL)
            value++;
    return value != NULL ? strtoll(value, NULL, 10) : 0;
}

/* What the reader did: the hash's mark and its value. Where there is no hash, or it does not reach down to
 * the post, SQL is asked; a hash that is being built may be built from what was before. */
static bool is_mine_there(const redisReply *mark, const redisReply *value, const struct post_reacted *r) {
    if (mark->type != REDIS_REPLY_STRING)
        return true;
    if (*mark->str == 'b')
        return false;
    return r->id < strtoll(mark->str, NULL, 10) ||
           (value->type == REDIS_REPLY_STRING && version_in(value->str, r->bit) >= r->counters.version);
}

/* *ret: those that Redis does not have. */
static enum code look(struct ctx *ctx, const struct post_reacted *r, size_t n, struct post_reacted **ret,
                      size_t *ret_n) {
    struct asked asked = ask(ctx, r, n);
    const redisReply *stats = array(ctx, asked.stats, n), *mine;

    *ret = arena_many(ctx->arena, struct post_reacted, n);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (stats == NULL || (mine = array(ctx, asked.mine[i], 2)) == NULL)
            return ctx_failed(ctx) ? ctx->error.code
                                   : fail_detail(ctx, INTERNAL, "Something went wrong on our side.",
                                                 "redis did not tell of post %" PRId64, r[i].id);
        if (post_known_of(r[i].id, stats->element[i]).counters.version < r[i].counters.version ||
            !is_mine_there(mine->element[0], mine->element[1], &r[i]))
            (*ret)[(*ret_n)++] = r[i];
    }
    return OK;
}

/* ---- Repairing */

/* A row of post_reactions_now. */
static struct post_reacted as_now(const PGresult *r, int row, const struct post_reacted *pairs) {
    struct post_reacted now = pairs[pg_get_int(r, row, 0) - 1];

    now.counters = (struct post_counters){pg_get_int(r, row, 1), pg_get_int(r, row, 2), pg_get_int(r, row, 3),
                                          pg_get_int(r, row, 4)};
    now.on = (pg_get_int(r, row, 5) & now.bit) != 0;
    return now;
}

static enum code republish(struct ctx *ctx, const struct post_reacted *missing, size_t n) {
    int64_t *users = arena_many(ctx->arena, int64_t, n), *posts = arena_many(ctx->arena, int64_t, n);
    struct post_reacted *now = arena_many(ctx->arena, struct post_reacted, n);
    PGresult *r;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        users[i] = missing[i].viewer;
        posts[i] = missing[i].id;
    }
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_REACTIONS_NOW, &r, pg_ids(users, n),
                    pg_ids(posts, n))) != OK)
        return c;
    for (int row = 0; row < PQntuples(r); row++)
        now[row] = as_now(r, row, missing);
    post_store_publish_reactions(ctx, now, (size_t)PQntuples(r));
    return post_store_published(ctx);
}

enum code post_store_repair_reactions(struct ctx *ctx, const struct post_reacted *reactions, size_t n) {
    struct post_reacted *missing;
    size_t n_missing;
    enum code c;

    if (n == 0)
        return OK;
    c = look(ctx, reactions, n, &missing, &n_missing);
    return c == OK && n_missing > 0 ? republish(ctx, missing, n_missing) : c;
}
