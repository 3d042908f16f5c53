/* Conversations that members have muted. */
#include <stdlib.h>

#include "fcgi/base/id.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/kept.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

static const char *key_of(struct ctx *ctx, int64_t viewer) {
    return arena_printf(ctx->arena, "post:muted:%lld", (long long)viewer);
}

void post_store_muted_prefetch(struct ctx *ctx, int64_t viewer) { kept_ahead(ctx, key_of(ctx, viewer)); }

static size_t parse(struct ctx *ctx, const char *text, int64_t **ret) {
    const char **words;
    size_t n = kept_words(ctx, text, &words);

    *ret = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = strtoll(words[i], NULL, 10);
    return n;
}

static enum code read_sql(struct ctx *ctx, int64_t viewer, int64_t **ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_MUTED_THREADS, &r, pg_i8(viewer));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(r, (int)i, 0);
    return OK;
}

static void keep(struct ctx *ctx, const char *key, const char *token, const int64_t *ids, size_t n) {
    const char **words = arena_many(ctx->arena, const char *, n);

    for (size_t i = 0; i < n; i++)
        words[i] = id_str(ctx->arena, ids[i]);
    kept_put_words(ctx, key, token, words, n);
}

enum code post_store_muted(struct ctx *ctx, int64_t viewer, int64_t **ret, size_t *ret_n) {
    const char *key = key_of(ctx, viewer), *token, *text = kept_get(ctx, key, &token);
    enum code c;

    if (text != NULL) {
        *ret_n = parse(ctx, text, ret);
        return OK;
    }
    if ((c = read_sql(ctx, viewer, ret, ret_n)) == OK && token != NULL)
        keep(ctx, key, token, *ret, *ret_n);
    return c;
}

enum code post_store_mute(struct ctx *ctx, int64_t viewer, int64_t root, bool on) {
    enum code c =
        on ? pg_run(ctx, db(ctx), &Q_POST_MUTE_THREAD, NULL, pg_i8(viewer), pg_i8(root), pg_i8(id_next()))
           : pg_run(ctx, db(ctx), &Q_POST_UNMUTE_THREAD, NULL, pg_i8(viewer), pg_i8(root));

    if (c != OK)
        return c;
    redis_add(ctx->env->redis, "DEL post:muted:%lld", (long long)viewer);
    if (redis_next(ctx, ctx->env->redis) == NULL)
        fail_clear(ctx);
    return OK;
}
