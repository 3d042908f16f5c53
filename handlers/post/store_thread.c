/* Threads: their skeletons out of PostgreSQL, kept in the worker while nobody adds to the thread. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/lru.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

#define TREES_BYTES ((size_t)384 << 10)
#define TREE_ROWS_MAX 128 /* larger ones are read each time */
#define WORDS_MAX 24

/* What is above (else below) a post. Nothing is ever taken away from a thread: deleted posts leave
 * tombstones. */
struct tree {
    char token[WORDS_MAX];       /* of the thread, read before the rows were */
    struct thread_bounds bounds; /* how they were asked for */
    size_t n;
    struct thread_row rows[];
};
static struct lru *trees;

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

static int64_t tree_key(int64_t id, bool above) { return (int64_t)((uint64_t)id << 1 | above); }

/* ---- The token of a thread: another one after every comment */

static const char *token_key(struct ctx *ctx, int64_t root) {
    return arena_printf(ctx->arena, "post:tree:%" PRId64, root);
}

/* NULL when Redis does not say; then nothing is kept. Where there is none it is made. */
static const char *token_of(struct ctx *ctx, int64_t root) {
    const char *argv[] = {"GET", token_key(ctx, root)}, *fresh;
    const redisReply *r = redis_got(ctx, ctx->env->redis, redis_want(ctx, ctx->env->redis, 2, argv));

    if (!post_answered(ctx, r))
        return NULL;
    if (r->type == REDIS_REPLY_STRING)
        return r->str;
    fresh = id_str(ctx->arena, id_next());
    r = redis_do(ctx, ctx->env->redis, "SET %s %s NX GET EX " POST_TTL_S, argv[1], fresh);
    if (!post_answered(ctx, r))
        return NULL;
    return r->type == REDIS_REPLY_STRING ? r->str : fresh;
}

/* ---- Keeping */

static bool same_bounds(const struct thread_bounds *a, const struct thread_bounds *b) {
    return a->on == b->on && a->all == b->all && a->top == b->top && a->width == b->width;
}

static const struct tree *tree_known(int64_t key, const char *token, const struct thread_bounds *bounds) {
    const struct tree *t = trees != NULL && token != NULL ? lru_get(trees, key) : NULL;

    return t != NULL && strcmp(t->token, token) == 0 && same_bounds(&t->bounds, bounds) ? t : NULL;
}

static void tree_keep(int64_t key, const char *token, const struct thread_bounds *bounds,
                      const struct thread_row *rows, size_t n) {
    struct tree *t;

    if (trees == NULL)
        trees = lru_new(TREES_BYTES);
    if (trees == NULL || token == NULL || strlen(token) >= WORDS_MAX || n > TREE_ROWS_MAX ||
        (t = calloc(1, sizeof *t + n * sizeof *rows)) == NULL) /* lint: memory-of-the-arena: outlives it */
        return;
    memcpy(t->token, token, strlen(token) + 1);
    t->bounds = *bounds;
    t->n = n;
    if (n > 0)
        memcpy(t->rows, rows, n * sizeof *rows);
    lru_put(trees, key, t, sizeof *t + n * sizeof *rows, free);
}

/* ---- Reading */

static enum code thread_read(struct ctx *ctx, enum code c, const PGresult *r, struct thread_row **ret,
                             size_t *ret_n) {
    size_t n = c == OK ? (size_t)PQntuples(r) : 0;
    struct thread_row *rows = arena_many(ctx->arena, struct thread_row, n);

    for (size_t i = 0; i < n; i++) {
        rows[i].id = pg_get_int(r, (int)i, 0);
        rows[i].author = pg_get_int(r, (int)i, 1);
        rows[i].parent = PQnfields(r) > 2 ? pg_get_int(r, (int)i, 2) : 0;
    }
    *ret = rows;
    *ret_n = n;
    return c;
}

/* What the worker knows of it; *ret_n is set then. */
static bool thread_kept(struct ctx *ctx, const struct tree *known, struct thread_row **ret, size_t *ret_n) {
    if (known == NULL)
        return false;
    *ret = arena_memdup(ctx->arena, known->rows, known->n * sizeof **ret);
    *ret_n = known->n;
    return true;
}

enum code post_store_ancestors(struct ctx *ctx, const Pb__PostView *post, int most, struct thread_row **ret,
                               size_t *ret_n) {
    const char *token = token_of(ctx, post->root_id);
    struct thread_bounds bounds = {.on = post->id, .all = (size_t)most};
    int64_t key = tree_key(post->id, true);
    PGresult *r = NULL;
    enum code c;

    if (thread_kept(ctx, tree_known(key, token, &bounds), ret, ret_n))
        return OK;
    c = pg_run(ctx, db(ctx), &Q_POST_ANCESTORS, &r, pg_i8(post->id), pg_i4(most));
    if ((c = thread_read(ctx, c, r, ret, ret_n)) == OK)
        tree_keep(key, token, &bounds, *ret, *ret_n);
    return c;
}

/* First pages are kept, which most readers see. */
enum code post_store_descendants(struct ctx *ctx, int64_t root, const struct thread_bounds *bounds,
                                 int64_t after, int levels, struct thread_row **ret, size_t *ret_n) {
    const char *token = after == 0 ? token_of(ctx, root) : NULL;
    int64_t key = tree_key(bounds->on, false);
    PGresult *r = NULL;
    enum code c;

    if (thread_kept(ctx, tree_known(key, token, bounds), ret, ret_n))
        return OK;
    c = pg_run(ctx, db(ctx), &Q_POST_DESCENDANTS, &r, pg_i8(bounds->on), pg_i8((int64_t)bounds->all),
               pg_i4(levels), pg_i8(after), pg_i8((int64_t)bounds->top), pg_i8((int64_t)bounds->width));
    if ((c = thread_read(ctx, c, r, ret, ret_n)) == OK)
        tree_keep(key, token, bounds, *ret, *ret_n);
    return c;
}

static enum code ids_of(struct ctx *ctx, enum code c, const PGresult *r, int64_t **ret, size_t *ret_n) {
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(r, (int)i, 0);
    return OK;
}

enum code post_store_comments_before(struct ctx *ctx, int64_t on, int64_t before, size_t limit, int64_t **ret,
                                     size_t *ret_n) {
    PGresult *r = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_POST_COMMENTS_BEFORE, &r, pg_i8(on), pg_i8(before), pg_i8((int64_t)limit));

    return ids_of(ctx, c, r, ret, ret_n);
}

enum code post_store_answered_after(struct ctx *ctx, int64_t viewer, const int64_t *posts,
                                    const int64_t *last, size_t n, int64_t **ret, size_t *ret_n) {
    PGresult *r = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_POST_ANSWERED_AFTER, &r, pg_ids(posts, n), pg_ids(last, n), pg_i8(viewer));

    return ids_of(ctx, c, r, ret, ret_n);
}

void post_store_thread_ahead(struct ctx *ctx, int64_t viewer, int64_t id) {
    const Pb__PostView *post = post_view_known(id);
    const char *argv[2] = {"GET"};

    if (post == NULL || post->repost_of_id != 0)
        return;
    argv[1] = token_key(ctx, post->root_id);
    redis_ahead(ctx, ctx->env->redis, 2, argv);
    post_store_one_ahead(ctx, viewer, id);
    post_rows_ahead(ctx, viewer, id, POST_ROWS_BELOW);
    if (post->in_reply_to_id != 0)
        post_rows_ahead(ctx, viewer, id, POST_ROWS_ABOVE);
}
