#include "handlers/media/store_work.h"

#include "fcgi/base/arena.h"
#include "fcgi/drivers/bus.h"
#include "gen/queries.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

static enum code one(struct ctx *ctx, const struct query *q, const struct pg_val *vals, size_t n,
                     struct media_row *ret, bool *ret_found) {
    PGresult *rows = NULL;
    enum code c = pg_run_vals(ctx, db(ctx), q, &rows, vals, n);
    *ret_found = c == OK && PQntuples(rows) > 0;
    if (*ret_found)
        *ret = media_row_of(rows, 0);
    return c;
}

enum code media_work_listen(struct ctx *ctx) { return pg_run(ctx, db(ctx), &Q_MEDIA_WORK_LISTEN, NULL); }

enum code media_work_take(struct ctx *ctx, int64_t lease, struct media_row *ret, bool *ret_found) {
    const struct pg_val vals[] = {pg_i8(lease), pg_i8(MEDIA_LEASE_S)};
    return one(ctx, &Q_MEDIA_WORK_TAKE, vals, 2, ret, ret_found);
}

enum code media_work_row(struct ctx *ctx, int64_t id, int64_t lease, struct media_row *ret, bool *ret_ours) {
    const struct pg_val vals[] = {pg_i8(id), pg_i8(lease)};
    return one(ctx, &Q_MEDIA_WORK_ROW, vals, 2, ret, ret_ours);
}

enum code media_work_beat(struct ctx *ctx, int64_t id, int64_t lease, int seconds, int progress,
                          bool *ret_ours) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_WORK_BEAT, &rows, pg_i8(id), pg_i8(lease), pg_i8(seconds),
                         pg_i8(progress));
    *ret_ours = c == OK && PQntuples(rows) > 0;
    return c;
}

enum code media_work_back(struct ctx *ctx, int64_t id, int64_t lease, int seconds, bool counts,
                          const char *why) {
    return pg_run(ctx, db(ctx), &Q_MEDIA_WORK_BACK, NULL, pg_i8(id), pg_i8(lease), pg_i8(seconds),
                  pg_bool(counts), pg_text(why));
}

enum code media_work_original(struct ctx *ctx, int64_t id, const char **ret_key) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_WORK_ORIGINAL, &rows, pg_i8(id));
    *ret_key = c == OK && PQntuples(rows) > 0 ? pg_get_str(rows, 0, 0) : "";
    return c;
}

enum code media_work_blobs(struct ctx *ctx, int64_t id, int64_t lease, const struct media_blob *blobs,
                           size_t n, bool *ret_ours) {
    const char **names = arena_many(ctx->arena, const char *, n),
               **keys = arena_many(ctx->arena, const char *, n);
    int64_t *bytes = arena_many(ctx->arena, int64_t, n);
    PGresult *rows = NULL;
    for (size_t i = 0; i < n; i++) {
        names[i] = blobs[i].name;
        keys[i] = blobs[i].key;
        bytes[i] = blobs[i].bytes;
    }
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_WORK_BLOBS, &rows, pg_i8(id), pg_i8(lease),
                         pg_texts(names, n), pg_texts(keys, n), pg_ids(bytes, n));
    *ret_ours = c == OK && (size_t)PQntuples(rows) == n;
    return c;
}

/* Both ends of an attempt: the row and its event, and what that means for its files. */
static enum code end(struct ctx *ctx, const struct query *q, const struct pg_val *vals, size_t n, int64_t id,
                     const struct query *const *files, bool *ret_ok) {
    PGresult *rows = NULL;
    enum code c = pg_begin(ctx, db(ctx));
    *ret_ok = false;
    if (c != OK)
        return c;
    if ((c = pg_run_vals(ctx, db(ctx), q, &rows, vals, n)) == OK && PQntuples(rows) > 0) {
        for (; *files != NULL && c == OK; files++)
            c = pg_run(ctx, db(ctx), *files, NULL, pg_i8(id));
        *ret_ok = c == OK && (c = pg_commit(ctx, db(ctx))) == OK;
    }
    if (*ret_ok)
        bus_wake(ctx, db(ctx));
    else
        pg_rollback(ctx, db(ctx));
    return c;
}

enum code media_work_done(struct ctx *ctx, const struct media_row *row, int64_t lease,
                          const Pb__MediaView *view, bool *ret_ok) {
    static const struct query *const files[] = {&Q_MEDIA_WORK_OLD_FILES, &Q_MEDIA_WORK_NEW_FILES, NULL};
    const struct pg_val vals[] = {pg_i8(row->id), pg_i8(lease), pg_i8(row->version), pg_i8(view->kind),
                                  media_store_changed(ctx, view)};
    return end(ctx, &Q_MEDIA_WORK_DONE, vals, 5, row->id, files, ret_ok);
}

enum code media_work_failed(struct ctx *ctx, const struct media_row *row, int64_t lease, const char *why,
                            const Pb__MediaView *view, bool *ret_ok) {
    static const struct query *const files[] = {&Q_MEDIA_WORK_DROP_FILES, NULL};
    const struct pg_val vals[] = {pg_i8(row->id), pg_i8(lease), pg_i8(row->version), pg_text(why),
                                  media_store_changed(ctx, view)};
    return end(ctx, &Q_MEDIA_WORK_FAILED, vals, 5, row->id, files, ret_ok);
}

enum code media_work_kept(struct ctx *ctx, int64_t id, int64_t lease, const char *why) {
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_WORK_KEPT, NULL, pg_i8(id), pg_i8(lease), pg_text(why));
    return c == OK ? pg_run(ctx, db(ctx), &Q_MEDIA_WORK_DROP_FILES, NULL, pg_i8(id)) : c;
}
