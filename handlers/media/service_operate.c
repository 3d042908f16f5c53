#include "handlers/media/service_operate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handlers/media/store_storage.h"
#include "handlers/services.h"

#define BATCH 100

enum code media_operate_here(struct ctx *ctx) {
    return ctx->env->pg[SVC_MEDIA] != NULL && media_blobs() != NULL
               ? OK
               : fail(ctx, UNAVAILABLE,
                      "The media service lives elsewhere (service_media). Run this with its configuration.");
}

enum code media_operate_from(struct ctx *ctx, const char *setting) {
    const char *problem = NULL;

    if (setting == NULL || media_store_use(ctx, setting, &problem))
        return OK;
    return fail(ctx, INVALID, arena_printf(ctx->arena, "--from %s: %s", setting, problem));
}

/* A place for one blob at a time. */
static const char *scratch(struct ctx *ctx) {
    const char *path = media_spool_path(ctx, arena_printf(ctx->arena, "operator-%ld", (long)getpid()));

    unlink(path);
    return path;
}

static void tell(const struct media_walk *w, const char *key, const char *words) {
    if (w->tell != NULL)
        w->tell(key, words);
}

/* Fetches a blob and checks that its content is what its key says. NOT_FOUND, DATA_LOSS. */
static enum code fetch(struct ctx *ctx, const char *key, const char *path) {
    const char *found = "";
    enum code c = blob_get(ctx, media_blobs(), key, path);

    if (c == OK)
        c = blob_key_of(ctx, path, strchr(key, '.') + 1, &found);
    if (c != OK || strcmp(found, key) == 0)
        return c;
    return fail_detail(ctx, DATA_LOSS, "This file is damaged.", "media: %s has the content of %s", key,
                       found);
}

/* ---- verify ---- */

/* One that is missing or damaged. What nothing can be made of stays as it is: half a picture may be worth
 * something to somebody. */
static enum code mend(struct ctx *ctx, struct media_walk *w, const char *key, bool missing, bool repair) {
    int64_t n, lost;
    enum code c = media_store_remake(ctx, key, false, &n, &lost);

    if (c != OK || n + lost == 0)
        return c; /* nobody needs it, or a worker is at it */
    w->missing += missing;
    w->damaged += !missing;
    w->remade += n;
    w->lost += lost;
    tell(w, key,
         lost > 0  ? missing ? "missing, and it was an original" : "damaged, and it is an original"
         : missing ? "missing"
                   : "damaged");
    if (!repair || lost > 0)
        return OK;
    if ((c = blob_remove(ctx, media_blobs(), key)) != OK || (c = media_store_unsettle(ctx, key)) != OK)
        return c;
    return media_store_remake(ctx, key, true, &n, &lost);
}

static enum code check_shown(struct ctx *ctx, struct media_walk *w, const struct media_blob *b, bool repair) {
    struct blob_info info;
    bool wanted = false;
    enum code c = blob_stat(ctx, media_blobs(), b->key, &info);

    if (c == OK)
        c = media_store_is_public(ctx, b->key, &wanted);
    if (c != OK || info.is_public == wanted || blob_url(ctx, media_blobs(), b->key, false, 60) != NULL)
        return c; /* of a bucket, the row alone tells */
    w->shown_wrong++;
    tell(w, b->key, wanted ? "not shown to everybody" : "shown to everybody");
    return repair ? media_store_unsettle(ctx, b->key) : OK;
}

static enum code verify_one(struct ctx *ctx, struct media_walk *w, const struct media_blob *b, bool repair) {
    const char *path = scratch(ctx);
    enum code c = fetch(ctx, b->key, path);

    unlink(path);
    if (c == OK)
        return check_shown(ctx, w, b, repair);
    if (c != NOT_FOUND && c != DATA_LOSS)
        return c;
    fail_clear(ctx);
    return mend(ctx, w, b->key, c == NOT_FOUND, repair);
}

/* ---- move ---- */

static enum code copy_one(struct ctx *ctx, struct media_walk *w, const struct media_blob *b,
                          struct blob_store *to) {
    const char *path = scratch(ctx);
    struct blob_info info;
    enum code c = blob_stat(ctx, to, b->key, &info);

    if (c == OK && info.bytes == b->bytes)
        return b->is_public ? blob_publish(ctx, to, b->key, true) : OK;
    if (c != OK && c != NOT_FOUND)
        return c;
    fail_clear(ctx);
    c = fetch(ctx, b->key, path);
    if (c == NOT_FOUND || c == DATA_LOSS) {
        fail_clear(ctx);
        unlink(path);
        w->missing += c == NOT_FOUND;
        w->damaged += c == DATA_LOSS;
        tell(w, b->key, c == NOT_FOUND ? "missing" : "damaged");
        return OK;
    }
    if (c == OK)
        c = blob_put(ctx, to, b->key, path, blob_type(b->key));
    if (c == OK && b->is_public)
        c = blob_publish(ctx, to, b->key, true);
    unlink(path);
    w->copied += c == OK;
    w->copied_bytes += c == OK ? b->bytes : 0;
    return c;
}

/* ---- all of them ---- */

static enum code walk(struct ctx *ctx, struct media_walk *w, struct blob_store *to, bool repair) {
    struct media_blob *blobs;
    size_t n;
    enum code c = media_store_blobs(ctx, w->after, BATCH, &blobs, &n);

    for (size_t i = 0; i < n && c == OK; i++) {
        c = to != NULL ? copy_one(ctx, w, &blobs[i], to) : verify_one(ctx, w, &blobs[i], repair);
        if (c != OK)
            break;
        w->blobs++;
        w->bytes += blobs[i].bytes;
        snprintf(w->after, sizeof w->after, "%s", blobs[i].key);
    }
    w->done = c == OK && n < BATCH;
    return c;
}

enum code media_verify_some(struct ctx *ctx, struct media_walk *w, bool repair) {
    return walk(ctx, w, NULL, repair);
}

enum code media_move_some(struct ctx *ctx, struct media_walk *w, struct blob_store *to) {
    return walk(ctx, w, to, false);
}

enum code media_rederive_some(struct ctx *ctx, int64_t id, int kind, int64_t *at, int64_t *ret_n) {
    return media_store_rederive(ctx, id, kind, *at, BATCH, ret_n, at);
}
