/* What readers did to posts: a hash in Redis, built from SQL when it is missing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/act.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

#define MINE_BUILD                                                                           \
    2000 /* reactions of each kind that a build reads; what is older is asked for one by one \
          */
#define BUILD_S "30"

/* ---- Asking SQL */

static uint32_t bits_in(const PGresult *r, int64_t id) {
    uint32_t bits = 0;

    for (int row = 0; row < PQntuples(r); row++)
        if (pg_get_int(r, row, 0) == id)
            bits |= (uint32_t)pg_get_int(r, row, 1);
    return bits;
}

enum code post_mine_ask(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n,
                        const bool *wanted) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    size_t k = 0;
    PGresult *r;
    enum code c;

    for (size_t i = 0; i < n; i++)
        if (wanted[i])
            ids[k++] = post_target(&reads[i].row);
    if (k == 0)
        return OK;
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE_OF, &r, pg_i8(viewer), pg_ids(ids, k))) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (wanted[i])
            reads[i].mine = bits_in(r, post_target(&reads[i].row));
    return OK;
}

void post_mine_ahead(struct ctx *ctx, int64_t viewer, const struct post_row *row) {
    int64_t id = post_target(row);

    pg_ahead(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE_OF, pg_i8(viewer), pg_ids(&id, 1));
}

/* ---- Building */

/* KEYS: post:mine. ARGV: the builder's token → 1 when it may build. */
static struct redis_script begin_mine = {
    .src = "if redis.call('HSETNX', KEYS[1], '_', ARGV[1]) == 0 then return 0 end\n"
           "redis.call('EXPIRE', KEYS[1], " BUILD_S ")\n"
           "return 1",
};

/* KEYS: post:mine. ARGV: token, mark, field, value … */
static struct redis_script finish_mine = {
    .src = "if redis.call('HGET', KEYS[1], '_') ~= ARGV[1] then return 0 end\n"
           "for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end\n"
           "redis.call('HSET', KEYS[1], '_', ARGV[2])\n"
           "redis.call('EXPIRE', KEYS[1], " POST_TTL_S ")\n"
           "return 1",
};

/* Reactions are complete down to this post: older ones of a kind may be missing when that kind filled its
 * share. */
static int64_t floor_of(const PGresult *r) {
    int64_t floor = 0;

    for (unsigned bit = ACT_LIKED; bit <= ACT_BOOKMARKED; bit <<= 1) {
        int64_t lowest = 0;
        size_t n = 0;

        for (int row = 0; row < PQntuples(r); row++) {
            if (pg_get_int(r, row, 1) == bit) {
                lowest = pg_get_int(r, row, 0);
                n++;
            }
        }
        if (n == MINE_BUILD && lowest > floor)
            floor = lowest;
    }
    return floor;
}

static int by_post(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* Pairs of post and bits, each post once, at or above the floor; returns how many. */
static size_t pairs_of(const PGresult *r, int64_t floor, int64_t (*pairs)[2]) {
    size_t n = 0, m = 0;

    for (int row = 0; row < PQntuples(r); row++) {
        pairs[n][0] = pg_get_int(r, row, 0);
        pairs[n][1] = pg_get_int(r, row, 1);
        n += pairs[n][0] >= floor;
    }
    qsort(pairs, n, sizeof *pairs, by_post);
    for (size_t i = 0; i < n; i++) {
        if (m > 0 && pairs[m - 1][0] == pairs[i][0])
            pairs[m - 1][1] |= pairs[i][1];
        else
            memmove(pairs[m++], pairs[i], sizeof *pairs);
    }
    return m;
}

/* What a reader did, as it is kept: pairs of post and bits, by post, complete from the floor on. */
struct build {
    int64_t viewer, floor;
    int64_t (*pairs)[2];
    size_t n;
};

static void store(struct ctx *ctx, const struct build *b, const char *key, const char *token) {
    const char **argv = arena_many(ctx->arena, const char *, 2 * b->n + 3);
    int argc = 0;

    argv[argc++] = key;
    argv[argc++] = token;
    argv[argc++] = arena_printf(ctx->arena, "%" PRId64 ".%s", b->floor, token + 1);
    for (size_t i = 0; i < b->n; i++) {
        argv[argc++] = id_str(ctx->arena, b->pairs[i][0]);
        argv[argc++] = arena_printf(ctx->arena, "%" PRId64, b->pairs[i][1]);
    }
    redis_add_script(ctx, ctx->env->redis, &finish_mine, 1, argc, argv, NULL);
    post_answered(ctx, redis_next_script(ctx, ctx->env->redis));
}

/* Those below the floor are asked for. */
static enum code answer(struct ctx *ctx, const struct build *b, struct post_read *reads, size_t n) {
    bool *wanted = arena_many(ctx->arena, bool, n);

    for (size_t i = 0; i < n; i++) {
        const int64_t want[2] = {post_target(&reads[i].row), 0};
        const int64_t(*found)[2] = bsearch(want, b->pairs, b->n, sizeof *b->pairs, by_post);

        wanted[i] = want[0] < b->floor;
        reads[i].mine = found != NULL ? (uint32_t)(*found)[1] : 0;
    }
    return post_mine_ask(ctx, b->viewer, reads, n, wanted);
}

static enum code ask_all(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n) {
    bool *wanted = arena_many(ctx->arena, bool, n);

    memset(wanted, true, n * sizeof *wanted);
    return post_mine_ask(ctx, viewer, reads, n, wanted);
}

/* Marked before SQL is read: a reaction in between undoes the mark. */
enum code post_mine_build(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n) {
    struct build b = {.viewer = viewer};
    const char *argv[2];
    const redisReply *begun;
    PGresult *r;
    enum code c;

    argv[0] = arena_printf(ctx->arena, "post:mine:%" PRId64, viewer);
    argv[1] = arena_printf(ctx->arena, "b%" PRId64, id_next());
    redis_add_script(ctx, ctx->env->redis, &begin_mine, 1, 2, argv, NULL);
    begun = redis_next_script(ctx, ctx->env->redis);
    if (!post_answered(ctx, begun) || begun->type != REDIS_REPLY_INTEGER || begun->integer != 1)
        return ask_all(ctx, viewer, reads, n);
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE, &r, pg_i8(viewer), pg_i8(MINE_BUILD))) != OK)
        return c;
    b.floor = floor_of(r);
    b.pairs = arena_calloc(ctx->arena, (size_t)PQntuples(r) + 1, sizeof *b.pairs);
    b.n = pairs_of(r, b.floor, b.pairs);
    store(ctx, &b, argv[0], argv[1]);
    return answer(ctx, &b, reads, n);
}
