/* The rows of media, see store.h for the order in which rows and documents change. */
#include <inttypes.h>

#include "fcgi/drivers/bus.h"
#include "fcgi/i18n.h"
#include "gen/queries.h"
#include "handlers/common/packed.h"
#include "handlers/media/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

struct pg_val media_store_changed(struct ctx *ctx, const Pb__MediaView *view) {
    Pb__MediaChanged e = PB__MEDIA_CHANGED__INIT;

    e.media = (Pb__MediaView *)(uintptr_t)view;
    return packed_val(ctx, &e.base);
}

static struct pg_val uploaded(struct ctx *ctx, const struct media_row *row) {
    Pb__MediaUploaded e = PB__MEDIA_UPLOADED__INIT;

    e.id = row->id;
    e.owner_id = row->owner_id;
    return packed_val(ctx, &e.base);
}

static struct pg_val gone(struct ctx *ctx, const struct media_row *row) {
    Pb__MediaGone e = PB__MEDIA_GONE__INIT;

    e.id = row->id;
    e.owner_id = row->owner_id;
    e.target_kind = row->target_kind;
    e.target_id = row->target_id;
    return packed_val(ctx, &e.base);
}

struct media_row media_row_of(const PGresult *rows, int row) {
    return (struct media_row){.id = pg_get_int(rows, row, 0),
                              .owner_id = pg_get_int(rows, row, 1),
                              .state = (int)pg_get_int(rows, row, 2),
                              .kind = (int)pg_get_int(rows, row, 3),
                              .purpose = pg_get_str(rows, row, 4),
                              .bytes = pg_get_int(rows, row, 5),
                              .source = pg_get_str(rows, row, 6),
                              .target_kind = pg_get_str(rows, row, 7),
                              .target_id = pg_get_int(rows, row, 8),
                              .is_public = pg_get_bool(rows, row, 9),
                              .version = pg_get_int(rows, row, 10),
                              .attempts = (int)pg_get_int(rows, row, 11),
                              .progress = (int)pg_get_int(rows, row, 12)};
}

void media_rows_of(struct ctx *ctx, const PGresult *rows, struct media_row **ret, size_t *ret_n) {
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct media_row, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = media_row_of(rows, (int)i);
}

enum code media_store_rows(struct ctx *ctx, int64_t owner, const int64_t *ids, size_t n,
                           struct media_row **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_ROWS, &rows, pg_i8(owner), pg_ids(ids, n));

    if (c == OK)
        media_rows_of(ctx, rows, ret, ret_n);
    return c;
}

enum code media_store_row(struct ctx *ctx, int64_t owner, int64_t id, struct media_row *ret) {
    struct media_row *found;
    size_t n;
    enum code c = media_store_rows(ctx, owner, &id, 1, &found, &n);

    if (c != OK)
        return c;
    if (n == 0)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such file, or it is not yours."));
    *ret = found[0];
    return OK;
}

enum code media_store_list(struct ctx *ctx, int64_t owner, int64_t before, unsigned limit,
                           struct media_row **ret, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_LIST, &rows, pg_i8(owner),
                         pg_i8(before != 0 ? before : INT64_MAX), pg_i8(limit));

    if (c == OK)
        media_rows_of(ctx, rows, ret, ret_n);
    return c;
}

enum code media_store_of_owner(struct ctx *ctx, int64_t owner, unsigned limit, struct media_row **ret,
                               size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_OF_OWNER, &rows, pg_i8(owner), pg_i8(limit));

    if (c == OK)
        media_rows_of(ctx, rows, ret, ret_n);
    return c;
}

enum code media_store_quota(struct ctx *ctx, int64_t owner, int64_t *ret_bytes, int64_t *ret_files) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_QUOTA, &rows, pg_i8(owner));

    if (c != OK)
        return c;
    *ret_bytes = pg_get_int(rows, 0, 0);
    *ret_files = pg_get_int(rows, 0, 1);
    return OK;
}

enum code media_store_reserve(struct ctx *ctx, const struct media_row *row) {
    return pg_run(ctx, db(ctx), &Q_MEDIA_RESERVE, NULL, pg_i8(row->id), pg_i8(row->owner_id),
                  pg_i8(row->kind), pg_text(row->purpose), pg_i8(row->bytes));
}

/* Makes a change; whether it found its row as it was. The consumers hear of it soon. */
static enum code change(struct ctx *ctx, const struct query *q, const struct pg_val *vals, size_t n,
                        bool *ret_ok) {
    PGresult *rows = NULL;
    enum code c = pg_run_vals(ctx, db(ctx), q, &rows, vals, n);

    *ret_ok = c == OK && PQntuples(rows) > 0;
    if (*ret_ok)
        bus_wake(ctx, db(ctx));
    return c;
}

enum code media_store_begin(struct ctx *ctx, struct media_row *row) {
    const struct pg_val vals[] = {pg_i8(row->id), uploaded(ctx, row)};
    bool ok;
    enum code c = change(ctx, &Q_MEDIA_START, vals, 2, &ok);

    if (c == OK && !ok)
        return fail_detail(ctx, ABORTED, tr_mark("This file was not kept. Please send it again."),
                           "media: %" PRId64 " was swept while it was made", row->id);
    row->version = 1;
    return c;
}

enum code media_store_unmake(struct ctx *ctx, const struct media_row *row, const char *path) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_UNMAKING, &rows, pg_i8(row->id));

    if (c != OK || PQntuples(rows) == 0)
        return c;
    if ((path != NULL && (c = media_spool_give_back(ctx, row->source, path)) != OK) ||
        (c = media_store_doc_remove(ctx, row)) != OK)
        return c;
    return pg_run(ctx, db(ctx), &Q_MEDIA_UNMAKE, NULL, pg_i8(row->id));
}

enum code media_store_change(struct ctx *ctx, const struct media_row *row, const Pb__MediaView *view,
                             bool *ret_ok) {
    const struct pg_val vals[] = {pg_i8(row->id), pg_i8(row->version), media_store_changed(ctx, view)};

    return change(ctx, &Q_MEDIA_CHANGE, vals, 3, ret_ok);
}

enum code media_store_retry(struct ctx *ctx, const struct media_row *row, const Pb__MediaView *view,
                            bool *ret_ok) {
    const struct pg_val vals[] = {pg_i8(row->id), pg_i8(row->version), media_store_changed(ctx, view),
                                  uploaded(ctx, row)};

    return change(ctx, &Q_MEDIA_RETRY, vals, 4, ret_ok);
}

enum code media_store_remove(struct ctx *ctx, const struct media_row *row, bool *ret_ok) {
    const struct pg_val vals[] = {pg_i8(row->id), pg_i8(row->version), gone(ctx, row)};
    enum code c = media_store_doc_remove(ctx, row);

    *ret_ok = false;
    if (c != OK || (c = media_spool_remove(ctx, row->source)) != OK)
        return c;
    return change(ctx, &Q_MEDIA_REMOVE, vals, 3, ret_ok);
}

enum code media_store_erase_on(struct ctx *ctx, int64_t user) {
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_ERASE_ON, NULL, pg_i8(user));

    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}
