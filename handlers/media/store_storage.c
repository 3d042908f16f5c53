/* What has grown old, and sums. */
#include "handlers/media/store_storage.h"

#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "gen/queries.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

enum code media_store_is_public(struct ctx *ctx, const char *key, bool *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_BLOB_IS_PUBLIC, &rows, pg_text(key));

    /* Nothing of an intranet is for those who are not signed in. */
    *ret = c == OK && PQntuples(rows) > 0 && pg_get_bool(rows, 0, 0) && !ctx->env->config->intranet;
    return c;
}

enum code media_store_loose(struct ctx *ctx, int64_t older_s, unsigned limit, struct media_row **ret,
                            size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_LOOSE, &rows, pg_i8(older_s), pg_i8((int64_t)limit));

    if (c == OK)
        media_rows_of(ctx, rows, ret, ret_n);
    return c;
}

enum code media_store_failures(struct ctx *ctx, unsigned limit, struct media_row **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_FAILURES, &rows, pg_i8((int64_t)limit));

    if (c == OK)
        media_rows_of(ctx, rows, ret, ret_n);
    return c;
}

enum code media_store_to_check(struct ctx *ctx, int64_t older_s, unsigned limit, struct media_check_row **ret,
                               size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_TO_CHECK, &rows, pg_i8(older_s), pg_i8((int64_t)limit));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct media_check_row, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct media_check_row){pg_get_int(rows, (int)i, 0), pg_get_int(rows, (int)i, 1),
                                             pg_get_int(rows, (int)i, 2)};
    return OK;
}

enum code media_store_checked(struct ctx *ctx, const struct media_check_row *rows, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);

    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].id;
    return pg_run(ctx, db(ctx), &Q_MEDIA_CHECKED, NULL, pg_ids(ids, n));
}

enum code media_store_old_uploads(struct ctx *ctx, int64_t older_s, unsigned limit, int64_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_OLD_UPLOADS, &rows, pg_i8(older_s), pg_i8((int64_t)limit));

    *ret_n = 0;
    for (int i = 0; c == OK && i < PQntuples(rows); i++) {
        int64_t id = pg_get_int(rows, i, 0);
        c = media_spool_remove(ctx,
                               arena_printf(ctx->arena, "%s/%s", MEDIA_SPOOL_PARTS, id_str(ctx->arena, id)));
        if (c == OK)
            c = pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD_DROP, NULL, pg_i8(id), pg_i8(older_s));
        *ret_n += c == OK;
    }
    return c;
}

enum code media_store_sources(struct ctx *ctx, const int64_t *ids, size_t n, bool *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_KNOWN_SOURCES, &rows, pg_ids(ids, n));

    for (size_t i = 0; c == OK && i < n; i++) {
        ret[i] = false;
        for (int k = 0; k < PQntuples(rows) && !ret[i]; k++)
            ret[i] = pg_get_int(rows, k, 0) == ids[i];
    }
    return c;
}

/* ---- sums ---- */

enum code media_store_sums(struct ctx *ctx, int64_t loose_s, int64_t orphan_s, struct media_sums *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_SUMS, &rows, pg_i8(loose_s), pg_i8(orphan_s));

    if (c != OK)
        return c;
    *ret = (struct media_sums){.media = pg_get_int(rows, 0, 0),
                               .bytes = pg_get_int(rows, 0, 1),
                               .waiting = pg_get_int(rows, 0, 2),
                               .failed = pg_get_int(rows, 0, 3),
                               .blobs = pg_get_int(rows, 0, 4),
                               .blob_bytes = pg_get_int(rows, 0, 5),
                               .loose = pg_get_int(rows, 0, 6),
                               .loose_bytes = pg_get_int(rows, 0, 7),
                               .orphans = pg_get_int(rows, 0, 8),
                               .orphan_bytes = pg_get_int(rows, 0, 9)};
    return OK;
}

enum code media_store_kinds(struct ctx *ctx, Pb__Storage *reply) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_KINDS, &rows);

    if (c != OK)
        return c;
    reply->n_kinds = (size_t)PQntuples(rows);
    reply->kinds = arena_many(ctx->arena, Pb__StorageKind *, reply->n_kinds);
    for (size_t i = 0; i < reply->n_kinds; i++) {
        Pb__StorageKind *k = arena_one(ctx->arena, Pb__StorageKind);
        pb__storage_kind__init(k);
        k->kind = (Pb__MediaKind)pg_get_int(rows, (int)i, 0);
        k->media = pg_get_int(rows, (int)i, 1);
        k->bytes = pg_get_int(rows, (int)i, 2);
        reply->kinds[i] = k;
    }
    return OK;
}

enum code media_store_owners(struct ctx *ctx, unsigned limit, Pb__Storage *reply) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_OWNERS, &rows, pg_i8((int64_t)limit));

    if (c != OK)
        return c;
    reply->n_owners = (size_t)PQntuples(rows);
    reply->owners = arena_many(ctx->arena, Pb__StorageOwner *, reply->n_owners);
    for (size_t i = 0; i < reply->n_owners; i++) {
        Pb__StorageOwner *o = arena_one(ctx->arena, Pb__StorageOwner);
        pb__storage_owner__init(o);
        o->user_id = pg_get_int(rows, (int)i, 0);
        o->media = pg_get_int(rows, (int)i, 1);
        o->bytes = pg_get_int(rows, (int)i, 2);
        reply->owners[i] = o;
    }
    return OK;
}
