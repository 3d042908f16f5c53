#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/post/store.h"
#include "handlers/services.h"

enum code post_store_search(struct ctx *ctx, const struct post_search *s, int64_t **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_SEARCH, &rows, pg_text(s->words),
                         pg_i8(s->below != 0 ? s->below : INT64_MAX), pg_i8(s->above),
                         pg_i8_or_null(s->author), pg_i8((int64_t)s->limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(rows, (int)i, 0);
    return OK;
}
