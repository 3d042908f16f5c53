/* What media are attached to: rows that are changed together, or not at all. */
#include <string.h>

#include "gen/queries.h"
#include "handlers/media/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

/* The member's own of that id among the rows; one of id 0 when there is none. */
static struct media_row find(const PGresult *rows, int64_t owner, int64_t id) {
    for (int i = 0; i < PQntuples(rows); i++)
        if (pg_get_int(rows, i, 0) == id && pg_get_int(rows, i, 1) == owner)
            return media_row_of(rows, i);
    return (struct media_row){0};
}

static enum code attach(struct ctx *ctx, const Pb__AttachMediaRequest *req, media_check *check) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_LOCK, &rows, pg_ids(req->ids, req->n_ids),
                         pg_text(req->target_kind), pg_i8(req->target_id));

    for (size_t i = 0; i < req->n_ids && c == OK; i++) {
        struct media_row row = find(rows, req->owner_id, req->ids[i]);

        c = check(ctx, req, &row);
    }
    if (c == OK)
        c = pg_run(ctx, db(ctx), &Q_MEDIA_LET_GO, &rows, pg_text(req->target_kind),
                   pg_ids(&req->target_id, 1), pg_ids(req->ids, req->n_ids));
    return c == OK ? pg_run(ctx, db(ctx), &Q_MEDIA_ATTACH, NULL, pg_ids(req->ids, req->n_ids),
                            pg_text(req->target_kind), pg_i8(req->target_id), pg_bool(req->public_))
                   : c;
}

enum code media_store_attach(struct ctx *ctx, const Pb__AttachMediaRequest *req, media_check *check) {
    enum code c = pg_begin(ctx, db(ctx));

    if (c != OK)
        return c;
    if ((c = attach(ctx, req, check)) == OK)
        return pg_commit(ctx, db(ctx));
    pg_rollback(ctx, db(ctx));
    return c;
}

enum code media_store_detach(struct ctx *ctx, const char *kind, const int64_t *targets, size_t n) {
    PGresult *rows = NULL;

    return pg_run(ctx, db(ctx), &Q_MEDIA_LET_GO, &rows, pg_text(kind), pg_ids(targets, n), pg_ids(NULL, 0));
}
