#include "handlers/common/marked.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/lru.h"
#include "fcgi/drivers/redis.h"

#define KNOWN_BYTES ((size_t)768 << 10) /* of each kind */
#define PAIRS_MAX 400                   /* more of one hash are not kept */

struct pair {
    int64_t id;
    struct marked_value value;
};

/* What the worker knows of one hash. */
struct known {
    char mark[48];
    size_t n;
    struct pair pairs[]; /* by id, each once */
};

static const struct known *known_of(const struct marked *kind, int64_t owner) {
    return kind->known != NULL ? lru_get(kind->known, owner) : NULL;
}

static const struct marked_value *known_value(const struct known *k, int64_t id) {
    size_t from = 0, to = k != NULL ? k->n : 0;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (k->pairs[middle].id == id)
            return &k->pairs[middle].value;
        if (k->pairs[middle].id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

/* ---- Asking */

/* HMGET of the mark and of the ids that the worker does not know, which are noted in `asked`. */
static const char **command(struct ctx *ctx, const struct marked *kind, int64_t owner, const int64_t *ids,
                            size_t n, bool *asked, int *ret_argc) {
    const char **argv = arena_alloc(ctx->arena, (n + 3) * sizeof *argv);
    const struct known *k = known_of(kind, owner);
    int argc = 3;

    argv[0] = "HMGET";
    argv[1] = arena_printf(ctx->arena, "%s:%lld", kind->name, (long long)owner);
    argv[2] = "_";
    for (size_t i = 0; i < n; i++) {
        asked[i] = ids[i] != 0 && known_value(k, ids[i]) == NULL;
        if (asked[i])
            argv[argc++] = id_str(ctx->arena, ids[i]);
    }
    *ret_argc = argc;
    return argv;
}

void marked_ask(struct ctx *ctx, struct marked *kind, int64_t owner, const int64_t *ids, size_t n,
                struct marked_ask *ret) {
    bool *asked = arena_alloc(ctx->arena, n);
    int argc;
    const char **argv = command(ctx, kind, owner, ids, n, asked, &argc);

    *ret = (struct marked_ask){kind, owner, ids, n, asked, redis_want(ctx, ctx->env->redis, argc, argv)};
}

void marked_ahead(struct ctx *ctx, struct marked *kind, int64_t owner, const int64_t *ids, size_t n) {
    int argc;
    const char **argv = command(ctx, kind, owner, ids, n, arena_alloc(ctx->arena, n), &argc);

    redis_ahead(ctx, ctx->env->redis, argc, argv);
}

/* ---- Learning */

static struct marked_value value_read(const redisReply *r) {
    char *rest;
    struct marked_value v = {0};

    if (r->type != REDIS_REPLY_STRING)
        return v;
    v.bits = (uint32_t)strtoul(r->str, &rest, 10);
    if (*rest == ':')
        v.until_s = (uint32_t)(strtoll(rest + 1, NULL, 10) / 1000);
    return v;
}

static int by_id(const void *a, const void *b) {
    const struct pair *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static size_t sort_once(struct pair *pairs, size_t n) {
    size_t m = 0;

    qsort(pairs, n, sizeof *pairs, by_id);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || pairs[m - 1].id != pairs[i].id)
            memmove(&pairs[m++], &pairs[i], sizeof *pairs);
    return m;
}

/* Keeps what was read under a mark, beside what `before` has of the same mark (NULL: nothing). */
static void learn(struct marked *kind, int64_t owner, const char *mark, const struct known *before,
                  const struct pair *pairs, size_t n) {
    size_t old = before != NULL && before->n + n <= PAIRS_MAX ? before->n : 0;
    struct known *k;

    if (kind->known == NULL)
        kind->known = lru_new(KNOWN_BYTES);
    if (kind->known == NULL || n > PAIRS_MAX || strlen(mark) >= sizeof k->mark)
        return;
    k = calloc(1, sizeof *k + (old + n) * sizeof k->pairs[0]); /* lint: memory-of-the-arena: outlives it */
    if (k == NULL)
        return;
    memcpy(k->mark, mark, strlen(mark) + 1);
    if (old > 0)
        memcpy(k->pairs, before->pairs, old * sizeof k->pairs[0]);
    if (n > 0)
        memcpy(k->pairs + old, pairs, n * sizeof k->pairs[0]);
    k->n = sort_once(k->pairs, old + n);
    lru_put(kind->known, owner, k, sizeof *k + k->n * sizeof k->pairs[0], free);
}

/* ---- Answering */

static const redisReply *reply_of(struct ctx *ctx, const struct redis_want *want) {
    const redisReply *r = redis_got(ctx, ctx->env->redis, want);

    if (r == NULL)
        fail_clear(ctx);
    return r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
                   r->element[0]->type == REDIS_REPLY_STRING
               ? r
               : NULL;
}

/* Values out of the reply and, for what was not asked, out of what the worker knows under the same mark.
 * false: it does not any more. */
static bool fill(struct ctx *ctx, const struct marked_ask *ask, const redisReply *r,
                 struct marked_value *values) {
    const struct known *k = known_of(ask->kind, ask->owner);
    struct pair *fresh = arena_alloc(ctx->arena, r->elements * sizeof *fresh);
    size_t n = 0;

    if (k != NULL && strcmp(k->mark, r->element[0]->str) != 0)
        k = NULL;
    for (size_t i = 0; i < ask->n; i++) {
        const struct marked_value *v = ask->asked[i] ? NULL : known_value(k, ask->ids[i]);

        if (ask->asked[i] && n + 1 < r->elements) {
            values[i] = value_read(r->element[n + 1]);
            fresh[n++] = (struct pair){ask->ids[i], values[i]};
        } else if (v != NULL) {
            values[i] = *v;
        } else if (ask->ids[i] != 0) {
            return false;
        } else {
            values[i] = (struct marked_value){0};
        }
    }
    if (k == NULL || n > 0)
        learn(ask->kind, ask->owner, r->element[0]->str, k, fresh, n);
    return true;
}

const char *marked_answer(struct ctx *ctx, const struct marked_ask *ask, struct marked_value *values) {
    const redisReply *r = reply_of(ctx, ask->want);
    struct marked_ask again;

    if (r != NULL && fill(ctx, ask, r, values))
        return r->element[0]->str;
    if (r == NULL)
        return NULL;
    if (ask->kind->known != NULL)
        lru_remove(ask->kind->known, ask->owner); /* so that all is asked */
    marked_ask(ctx, ask->kind, ask->owner, ask->ids, ask->n, &again);
    r = reply_of(ctx, again.want);
    return r != NULL && fill(ctx, &again, r, values) ? r->element[0]->str : NULL;
}
