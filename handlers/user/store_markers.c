/* What a member's programs keep here: how posts begin, how far the member has read. */
#include "gen/queries.h"
#include "handlers/services.h"
#include "handlers/user/store.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_USER]; }

enum code user_store_defaults(struct ctx *ctx, int64_t id, bool *ret_sensitive, const char **ret_language) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_DEFAULTS, &r, pg_i8(id));

    if (c != OK)
        return c;
    *ret_sensitive = PQntuples(r) > 0 && pg_get_bool(r, 0, 0);
    *ret_language = PQntuples(r) > 0 ? pg_get_str(r, 0, 1) : "";
    return OK;
}

enum code user_store_defaults_set(struct ctx *ctx, const Pb__UpdateDefaultsRequest *d, bool *ret_ok) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_DEFAULTS_SET, &r, pg_i8(d->user_id), pg_text(d->audience),
                         pg_bool(d->sensitive), pg_text(d->language));

    if (c == OK)
        *ret_ok = PQntuples(r) > 0;
    return c;
}

static Pb__ReadMarker *marker_of(struct ctx *ctx, const PGresult *r, int row) {
    Pb__ReadMarker *m = arena_one(ctx->arena, Pb__ReadMarker);

    pb__read_marker__init(m);
    m->timeline = pg_get_str(r, row, 0);
    m->last_read_id = pg_get_int(r, row, 1);
    m->version = pg_get_int(r, row, 2);
    m->updated_ms = pg_get_time(r, row, 3);
    return m;
}

enum code user_store_markers(struct ctx *ctx, int64_t id, const char *const *timelines, size_t n,
                             Pb__ReadMarker ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_MARKERS, &r, pg_i8(id), pg_texts(timelines, n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__ReadMarker *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = marker_of(ctx, r, (int)i);
    return OK;
}

static enum code set_each(struct ctx *ctx, int64_t id, Pb__ReadMarker *const *markers, size_t n,
                          Pb__ReadMarker **ret, bool *ret_ok) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK && *ret_ok; i++) {
        PGresult *r;

        c = pg_run(ctx, db(ctx), &Q_USER_MARKER_SET, &r, pg_i8(id), pg_text(markers[i]->timeline),
                   pg_i8(markers[i]->last_read_id), pg_i8(markers[i]->version));
        if (c == OK && PQntuples(r) > 0)
            ret[i] = marker_of(ctx, r, 0);
        else
            *ret_ok = false;
    }
    return c;
}

enum code user_store_markers_set(struct ctx *ctx, int64_t id, Pb__ReadMarker *const *markers, size_t n,
                                 Pb__ReadMarker **ret, bool *ret_ok) {
    enum code c = pg_begin(ctx, db(ctx));

    *ret_ok = true;
    if (c == OK && (c = set_each(ctx, id, markers, n, ret, ret_ok)) == OK && *ret_ok)
        return pg_commit(ctx, db(ctx));
    pg_rollback(ctx, db(ctx));
    return c;
}
