/* Bringing the store of blobs to what the rows say.
 *
 * A blob's row is there before the store has it and until the store has lost it, and whoever needs it has a
 * row of media.files that refers to it. So a blob is removed like this, in one transaction:
 *
 *   its row is locked        whoever wants to refer to it from now on waits, and fails or begins anew
 *   media.files is read      anew: it shows whoever came before the lock
 *   the store loses it       first the name that everybody sees
 *   the row goes             what stops before that is done again
 *
 * An upload of the same content in the middle of it finds no row after the wait, makes one, and brings the
 * content to the store once more. */
#include <string.h>

#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "gen/queries.h"
#include "handlers/media/store_storage.h"
#include "handlers/services.h"

#define BATCH 20 /* the rows are locked while the store works */

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

/* What is to be done: as it stands in media.unsettled. */
struct tasks {
    int64_t *ids;
    const char **keys;
    size_t n;
};

static enum code take_tasks(struct ctx *ctx, struct tasks *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_UNSETTLED, &rows, pg_i8(BATCH));

    if (c != OK)
        return c;
    ret->n = (size_t)PQntuples(rows);
    ret->ids = arena_many(ctx->arena, int64_t, ret->n);
    ret->keys = arena_many(ctx->arena, const char *, ret->n);
    for (size_t i = 0; i < ret->n; i++) {
        ret->ids[i] = pg_get_int(rows, (int)i, 0);
        ret->keys[i] = pg_get_str(rows, (int)i, 1);
    }
    return OK;
}

static bool has(const PGresult *rows, const char *key) {
    for (int i = 0; i < PQntuples(rows); i++)
        if (strcmp(pg_get_str(rows, i, 0), key) == 0)
            return true;
    return false;
}

static enum code remove_blob(struct ctx *ctx, const char *key, int64_t bytes, struct media_settled *ret) {
    enum code c = blob_remove(ctx, media_blobs(), key);

    if (c == OK)
        c = pg_run(ctx, db(ctx), &Q_MEDIA_BLOB_REMOVE, NULL, pg_text(key));
    if (c == OK) {
        ret->removed++;
        ret->bytes += bytes;
    }
    return c;
}

static enum code show_blob(struct ctx *ctx, const char *key, bool on, bool *ret_later) {
    enum code c = blob_publish(ctx, media_blobs(), key, on);

    *ret_later = c == NOT_FOUND; /* it is on its way */
    if (*ret_later) {
        fail_clear(ctx);
        return OK;
    }
    return c != OK ? c : pg_run(ctx, db(ctx), &Q_MEDIA_BLOB_SHOW, NULL, pg_text(key), pg_bool(on));
}

/* Row `i` of media_blobs_wanted. */
static enum code settle_blob(struct ctx *ctx, const PGresult *rows, int i, struct media_settled *ret,
                             bool *ret_later) {
    const char *key = pg_get_str(rows, i, 0);
    bool shown = pg_get_bool(rows, i, 2), needed = pg_get_bool(rows, i, 3);
    bool show = pg_get_bool(rows, i, 4) && !ctx->env->config->intranet;

    *ret_later = false;
    if (!needed)
        return remove_blob(ctx, key, pg_get_int(rows, i, 1), ret);
    /* What is not for everybody is always taken back: who showed it may not have come to saying so. */
    return shown && show ? OK : show_blob(ctx, key, show, ret_later);
}

/* Notes for each task whether it is done or must wait. */
static void sort_out(const struct tasks *t, const char *key, bool later, bool *waits) {
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->keys[i], key) == 0)
            waits[i] = later;
}

static enum code settle_locked(struct ctx *ctx, const struct tasks *t, bool *waits,
                               struct media_settled *ret) {
    PGresult *locked = NULL, *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_BLOBS_LOCK, &locked, pg_texts(t->keys, t->n));

    if (c == OK)
        c = pg_run(ctx, db(ctx), &Q_MEDIA_BLOBS_WANTED, &rows, pg_texts(t->keys, t->n));
    for (int i = 0; c == OK && i < PQntuples(rows); i++) {
        const char *key = pg_get_str(rows, i, 0);
        bool later = true;
        if (has(locked, key))
            c = settle_blob(ctx, rows, i, ret, &later);
        sort_out(t, key, later, waits);
    }
    return c;
}

static enum code note(struct ctx *ctx, const struct query *q, const struct tasks *t, const bool *waits,
                      bool which) {
    int64_t *ids = arena_many(ctx->arena, int64_t, t->n);
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        if (waits[i] == which)
            ids[n++] = t->ids[i];
    return n > 0 ? pg_run(ctx, db(ctx), q, NULL, pg_ids(ids, n)) : OK;
}

static enum code settle(struct ctx *ctx, struct media_settled *ret) {
    struct tasks t = {0};
    enum code c = take_tasks(ctx, &t);
    bool *waits;

    if (c != OK || t.n == 0)
        return c;
    ret->looked_at = (int64_t)t.n;
    waits = arena_many(ctx->arena, bool, t.n);
    if ((c = settle_locked(ctx, &t, waits, ret)) != OK)
        return c;
    c = note(ctx, &Q_MEDIA_SETTLED, &t, waits, false);
    return c == OK ? note(ctx, &Q_MEDIA_SETTLE_LATER, &t, waits, true) : c;
}

enum code media_store_settle(struct ctx *ctx, struct media_settled *ret) {
    enum code c = pg_begin(ctx, db(ctx));

    *ret = (struct media_settled){0};
    if (c != OK)
        return c;
    if ((c = settle(ctx, ret)) == OK)
        return pg_commit(ctx, db(ctx));
    pg_rollback(ctx, db(ctx));
    return c;
}

enum code media_store_orphans(struct ctx *ctx, int64_t older_s, unsigned limit, int64_t *ret_n) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_MEDIA_UNSETTLE_ORPHANS, &rows, pg_i8(older_s), pg_i8((int64_t)limit));

    *ret_n = c == OK ? pg_get_int(rows, 0, 0) : 0;
    return c;
}

enum code media_store_strays(struct ctx *ctx, const char *const *keys, const int64_t *bytes, size_t n,
                             bool dry, int64_t *ret_n, int64_t *ret_bytes) {
    PGresult *rows = NULL;
    bool *known = arena_many(ctx->arena, bool, n);
    enum code c = n > 0 ? media_store_known(ctx, keys, n, known) : OK;

    for (size_t i = 0; c == OK && i < n; i++) {
        if (known[i])
            continue;
        if (!dry)
            c = pg_run(ctx, db(ctx), &Q_MEDIA_ADOPT, &rows, pg_texts(&keys[i], 1), pg_ids(&bytes[i], 1));
        *ret_n += 1;
        *ret_bytes += bytes[i];
    }
    return c;
}
