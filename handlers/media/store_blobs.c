/* Rows of blobs, for the operator's commands. */
#include <string.h>

#include "gen/queries.h"
#include "handlers/media/store_storage.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

enum code media_store_blobs(struct ctx *ctx, const char *after, unsigned limit, struct media_blob **ret,
                            size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_BLOBS_AFTER, &rows, pg_text(after), pg_i8((int64_t)limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct media_blob, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct media_blob){pg_get_str(rows, (int)i, 0), pg_get_int(rows, (int)i, 1),
                                        pg_get_bool(rows, (int)i, 2)};
    return OK;
}

enum code media_store_known(struct ctx *ctx, const char *const *keys, size_t n, bool *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_KNOWN_BLOBS, &rows, pg_texts(keys, n));

    for (size_t i = 0; c == OK && i < n; i++) {
        ret[i] = false;
        for (int k = 0; k < PQntuples(rows) && !ret[i]; k++)
            ret[i] = strcmp(keys[i], pg_get_str(rows, k, 0)) == 0;
    }
    return c;
}

enum code media_store_unsettle(struct ctx *ctx, const char *key) {
    return pg_run(ctx, db(ctx), &Q_MEDIA_UNSETTLE, NULL, pg_text(key));
}

enum code media_store_remake(struct ctx *ctx, const char *key, bool do_it, int64_t *ret_n,
                             int64_t *ret_lost) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_USERS_OF_BLOB, &rows, pg_text(key));

    *ret_n = *ret_lost = 0;
    for (int i = 0; c == OK && i < PQntuples(rows); i++) {
        int64_t n = 0, last;
        bool can = pg_get_bool(rows, i, 1);
        *(can ? ret_n : ret_lost) += 1;
        if (can && do_it)
            c = media_store_rederive(ctx, pg_get_int(rows, i, 0), 0, 0, 1, &n, &last);
    }
    return c;
}

enum code media_store_rederive(struct ctx *ctx, int64_t id, int kind, int64_t after, unsigned limit,
                               int64_t *ret_n, int64_t *ret_last) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_REDERIVE, &rows, pg_i8(id), pg_i8(kind), pg_i8(after),
                         pg_i8((int64_t)limit));

    *ret_n = c == OK ? PQntuples(rows) : 0;
    *ret_last = after;
    for (int i = 0; i < *ret_n; i++)
        if (pg_get_int(rows, i, 0) > *ret_last)
            *ret_last = pg_get_int(rows, i, 0);
    return c;
}
