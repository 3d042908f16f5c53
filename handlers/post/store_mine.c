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
#define WARM_AT_ONCE 16 /* readers: what each of them did may be thousands of rows */

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

/* A reader's hash that is being built: pairs of post and bits, by post, complete from the floor on. */
struct build {
    int64_t viewer;
    const char *argv[2]; /* its key, and the builder's token */
    int64_t floor;
    int64_t (*pairs)[2];
    size_t n;
};

/* Marks those that nobody has built or is building, and gives how many: they stand first then. */
static size_t begin(struct ctx *ctx, struct build *builds, size_t n) {
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        builds[i].argv[0] = arena_printf(ctx->arena, "post:mine:%" PRId64, builds[i].viewer);
        builds[i].argv[1] = arena_printf(ctx->arena, "b%" PRId64, id_next());
        redis_add_script(ctx, ctx->env->redis, &begin_mine, 1, 2, builds[i].argv, NULL);
    }
    for (size_t i = 0; i < n; i++) {
        const redisReply *begun = redis_next_script(ctx, ctx->env->redis);

        if (post_answered(ctx, begun) && begun->type == REDIS_REPLY_INTEGER && begun->integer == 1)
            builds[k++] = builds[i];
    }
    return k;
}

static int by_post(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* Reactions are complete down to this post: older ones of a kind may be missing when that kind filled its
 * share. */
static int64_t floor_of(int64_t (*pairs)[2], size_t n) {
    int64_t floor = 0;

    for (unsigned bit = ACT_LIKED; bit <= ACT_BOOKMARKED; bit <<= 1) {
        int64_t lowest = 0;
        size_t found = 0;

        for (size_t i = 0; i < n; i++) {
            if (pairs[i][1] == bit) {
                lowest = pairs[i][0];
                found++;
            }
        }
        if (found == MINE_BUILD && lowest > floor)
            floor = lowest;
    }
    return floor;
}

/* Sorts them, each post once, at or above the floor; returns how many. */
static size_t settle(int64_t (*pairs)[2], size_t n, int64_t floor) {
    size_t m = 0;

    qsort(pairs, n, sizeof *pairs, by_post);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i][0] < floor)
            continue;
        if (m > 0 && pairs[m - 1][0] == pairs[i][0])
            pairs[m - 1][1] |= pairs[i][1];
        else
            memmove(pairs[m++], pairs[i], sizeof *pairs);
    }
    return m;
}

/* The rows of one reader. */
static void take_rows(struct ctx *ctx, const PGresult *r, struct build *b) {
    b->pairs = arena_calloc(ctx->arena, (size_t)PQntuples(r) + 1, sizeof *b->pairs);
    for (int row = 0; row < PQntuples(r); row++) {
        if (pg_get_int(r, row, 0) != b->viewer)
            continue;
        b->pairs[b->n][0] = pg_get_int(r, row, 1);
        b->pairs[b->n++][1] = pg_get_int(r, row, 2);
    }
    b->floor = floor_of(b->pairs, b->n);
    b->n = settle(b->pairs, b->n, b->floor);
}

static enum code read_all(struct ctx *ctx, struct build *builds, size_t n) {
    int64_t *viewers = arena_many(ctx->arena, int64_t, n);
    PGresult *r;
    enum code c;

    for (size_t i = 0; i < n; i++)
        viewers[i] = builds[i].viewer;
    c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE, &r, pg_ids(viewers, n), pg_i8(MINE_BUILD));
    for (size_t i = 0; c == OK && i < n; i++)
        take_rows(ctx, r, &builds[i]);
    return c;
}

static void add_finish(struct ctx *ctx, const struct build *b) {
    const char **argv = arena_many(ctx->arena, const char *, 2 * b->n + 3);
    int argc = 0;

    argv[argc++] = b->argv[0];
    argv[argc++] = b->argv[1];
    argv[argc++] = arena_printf(ctx->arena, "%" PRId64 ".%s", b->floor, b->argv[1] + 1);
    for (size_t i = 0; i < b->n; i++) {
        argv[argc++] = id_str(ctx->arena, b->pairs[i][0]);
        argv[argc++] = arena_printf(ctx->arena, "%" PRId64, b->pairs[i][1]);
    }
    redis_add_script(ctx, ctx->env->redis, &finish_mine, 1, argc, argv, NULL);
}

static void finish(struct ctx *ctx, const struct build *builds, size_t n) {
    for (size_t i = 0; i < n; i++)
        add_finish(ctx, &builds[i]);
    for (size_t i = 0; i < n; i++)
        post_answered(ctx, redis_next_script(ctx, ctx->env->redis));
}

/* Marked before SQL is read: a reaction in between undoes the mark. Leaves those that were built first. */
static enum code build_all(struct ctx *ctx, struct build *builds, size_t n, size_t *ret_n) {
    enum code c = OK;

    *ret_n = begin(ctx, builds, n);
    if (*ret_n > 0 && (c = read_all(ctx, builds, *ret_n)) == OK)
        finish(ctx, builds, *ret_n);
    return c;
}

enum code post_mine_warm(struct ctx *ctx, const int64_t *viewers, size_t n) {
    struct build builds[WARM_AT_ONCE];
    size_t n_built;
    enum code c = OK;

    for (size_t at = 0; at < n && c == OK; at += WARM_AT_ONCE) {
        size_t k = 0;

        for (; k < WARM_AT_ONCE && at + k < n; k++)
            builds[k] = (struct build){.viewer = viewers[at + k]};
        c = build_all(ctx, builds, k, &n_built);
    }
    return c;
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

enum code post_mine_build(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n) {
    struct build b = {.viewer = viewer};
    size_t n_built;
    enum code c = build_all(ctx, &b, 1, &n_built);

    if (c != OK)
        return c;
    return n_built > 0 ? answer(ctx, &b, reads, n) : ask_all(ctx, viewer, reads, n);
}
