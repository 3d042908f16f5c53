/* What members note for themselves: about others, and whom they do not want to be suggested. */
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/connection/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_CONNECTION]; }

enum code connection_store_dismiss(struct ctx *ctx, int64_t viewer, int64_t dismissed) {
    return pg_run(ctx, db(ctx), &Q_CONNECTION_DISMISS, NULL, pg_i8(viewer), pg_i8(dismissed));
}

enum code connection_store_familiar(struct ctx *ctx, int64_t viewer, const int64_t *targets, size_t n,
                                    unsigned most, struct familiar_row **ret_rows, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_CONNECTION_FAMILIAR, &rows, pg_i8(viewer), pg_ids(targets, n), pg_i8(most));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret_rows = arena_many(ctx->arena, struct familiar_row, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret_rows)[i] = (struct familiar_row){pg_get_int(rows, (int)i, 0), pg_get_int(rows, (int)i, 1)};
    return OK;
}

enum code connection_store_notes(struct ctx *ctx, int64_t viewer, const int64_t *targets, size_t n,
                                 struct note_row **ret_rows, size_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_CONNECTION_NOTES, &rows, pg_i8(viewer), pg_ids(targets, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(rows);
    *ret_rows = arena_many(ctx->arena, struct note_row, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret_rows)[i] = (struct note_row){pg_get_int(rows, (int)i, 0), pg_get_str(rows, (int)i, 1)};
    return OK;
}

enum code connection_store_note_set(struct ctx *ctx, int64_t viewer, int64_t target, const char *text) {
    if (*text == '\0')
        return pg_run(ctx, db(ctx), &Q_CONNECTION_NOTE_UNSET, NULL, pg_i8(viewer), pg_i8(target));
    return pg_run(ctx, db(ctx), &Q_CONNECTION_NOTE_SET, NULL, pg_i8(viewer), pg_i8(target), pg_text(text));
}
