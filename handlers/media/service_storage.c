/* What the store of files holds, and the sweep of what nothing needs any more.
 *
 * A step of the sweep does a batch of each kind, so that none of them waits for another: media that were used
 * for nothing, media whose post is gone, uploads that stand still, leftovers in the spool, blobs that no
 * medium needs. When there is nothing of that any more, it walks through the store, page by page, for what no
 * row knows of. */
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/common/limit.h"
#include "handlers/common/permission.h"
#include "handlers/media/store_storage.h"

#define BATCH 100
#define BATCH_MAX 1000
#define OWNERS 20
#define FAILURES 20
#define HOUR_S INT64_C(3600)
#define ORPHAN_S HOUR_S            /* a worker may still be about to need its blobs */
#define STRAY_MS INT64_C(86400000) /* what the store has had so long belongs to nobody who is at work */
#define CHECK_S (INT64_C(7) * 24 * HOUR_S)
#define WALK "store:" /* in front of a key: the second part of the sweep */

static int64_t loose_s(const struct ctx *ctx) { return ctx->env->config->media_loose_hours * HOUR_S; }

/* ---- what there is ---- */

enum code media_service_get_storage(struct ctx *ctx, const Pb__StorageRequest *req, Pb__Storage *reply) {
    struct media_sums sums;
    struct media_row *rows;
    enum code c;

    (void)req;
    if (ctx->viewer_id != 0 && (ctx->permissions & PERMISSION_SETTINGS) == 0)
        return fail(ctx, DENIED, tr_mark("Your role does not allow this."));
    if ((c = media_store_sums(ctx, loose_s(ctx), ORPHAN_S, &sums)) != OK ||
        (c = media_store_kinds(ctx, reply)) != OK || (c = media_store_owners(ctx, OWNERS, reply)) != OK ||
        (c = media_store_failures(ctx, FAILURES, &rows, &reply->n_failures)) != OK)
        return c;
    reply->media = sums.media;
    reply->bytes = sums.bytes;
    reply->waiting = sums.waiting;
    reply->failed = sums.failed;
    reply->blobs = sums.blobs;
    reply->blob_bytes = sums.blob_bytes;
    reply->loose = sums.loose + sums.orphans;
    reply->loose_bytes = sums.loose_bytes + sums.orphan_bytes;
    reply->store = blob_kind(media_blobs());
    return media_store_views(ctx, rows, reply->n_failures, &reply->failures);
}

/* ---- the sweep, by rows ---- */

/* One that changes at this moment is somebody's again. */
static enum code remove_media(struct ctx *ctx, const struct media_row *rows, size_t n,
                              Pb__SweepMediaReply *reply) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++) {
        bool ok = false;
        c = media_store_remove(ctx, &rows[i], &ok);
        reply->media += ok;
        reply->bytes += ok ? rows[i].bytes : 0;
    }
    return c;
}

static enum code sweep_loose(struct ctx *ctx, unsigned limit, Pb__SweepMediaReply *reply) {
    struct media_row *rows;
    size_t n;
    enum code c = media_store_loose(ctx, loose_s(ctx), limit, &rows, &n);

    return c == OK ? remove_media(ctx, rows, n, reply) : c;
}

/* Lets go what is attached to posts that are gone; it is loose then, and has its hours. Normally the post
 * says so itself, and this finds nothing. A post service that is not there is asked another time. */
static enum code let_go(struct ctx *ctx, const struct media_check_row *rows, size_t n,
                        const Pb__ActsReply *acts) {
    Pb__DetachTargetsRequest req = PB__DETACH_TARGETS_REQUEST__INIT;
    int64_t *posts = arena_many(ctx->arena, int64_t, n);

    for (size_t i = 0; i < n; i++)
        if ((acts->acts[i] & ACT_POST_THERE) == 0)
            posts[req.n_target_ids++] = rows[i].post_id;
    req.target_kind = "post";
    req.target_ids = posts;
    return req.n_target_ids > 0 ? media_detach_targets(ctx, &req, NULL) : OK;
}

static enum code sweep_gone_posts(struct ctx *ctx, unsigned limit) {
    Pb__ActsRequest req = PB__ACTS_REQUEST__INIT;
    const Pb__ActsReply *acts;
    struct media_check_row *rows;
    size_t n;
    enum code c = media_store_to_check(ctx, CHECK_S, limit, &rows, &n);

    if (c != OK || n == 0)
        return c;
    req.n_user_ids = req.n_post_ids = req.n_told_ids = n;
    req.user_ids = req.told_ids = arena_many(ctx->arena, int64_t, n);
    req.post_ids = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++) {
        req.user_ids[i] = rows[i].owner_id;
        req.post_ids[i] = rows[i].post_id;
    }
    if (fail_spared(ctx, c = post_get_acts(ctx, &req, &acts)))
        return OK;
    if (c != OK || acts->n_acts != n)
        return c;
    c = let_go(ctx, rows, n, acts);
    return c == OK ? media_store_checked(ctx, rows, n) : c;
}

static enum code sweep_rows(struct ctx *ctx, unsigned limit, Pb__SweepMediaReply *reply, bool *ret_more) {
    struct media_settled settled;
    int64_t orphans, uploads, n;
    enum code c;

    if ((c = sweep_gone_posts(ctx, limit)) != OK || (c = sweep_loose(ctx, limit, reply)) != OK ||
        (c = media_store_old_uploads(ctx, loose_s(ctx), limit, &uploads)) != OK ||
        (c = media_spool_sweep(ctx, loose_s(ctx), false, &reply->files, &reply->bytes)) != OK ||
        (c = media_store_orphans(ctx, ORPHAN_S, limit, &orphans)) != OK ||
        (c = blob_tidy(ctx, media_blobs(), clock_now_ms() - STRAY_MS, &n)) != OK ||
        (c = media_store_settle(ctx, &settled)) != OK)
        return c;
    reply->files += uploads + n;
    reply->blobs += settled.removed;
    reply->bytes += settled.bytes;
    *ret_more = reply->media > 0 || uploads > 0 || orphans > 0 || settled.looked_at > 0;
    return OK;
}

/* What the next sweep would remove, of all kinds but what only the walk finds. */
static enum code count_rows(struct ctx *ctx, Pb__SweepMediaReply *reply) {
    struct media_sums sums;
    enum code c = media_store_sums(ctx, loose_s(ctx), ORPHAN_S, &sums);

    if (c != OK)
        return c;
    reply->media = sums.loose;
    reply->blobs = sums.orphans;
    reply->bytes = sums.loose_bytes + sums.orphan_bytes;
    return media_spool_sweep(ctx, loose_s(ctx), true, &reply->files, &reply->bytes);
}

/* ---- the sweep, through the store ---- */

static enum code walk(struct ctx *ctx, const char *after, unsigned limit, bool dry,
                      Pb__SweepMediaReply *reply) {
    int64_t before_ms = clock_now_ms() - STRAY_MS;
    struct blob_page page;
    struct media_settled settled = {0};
    size_t n = 0;
    enum code c = blob_list(ctx, media_blobs(), after, limit, &page);

    if (c != OK)
        return c;
    const char *last = page.n > 0 ? page.keys[page.n - 1] : after;
    for (size_t i = 0; i < page.n; i++) {
        if (page.changed_ms[i] >= before_ms)
            continue;
        page.keys[n] = page.keys[i];
        page.bytes[n++] = page.bytes[i];
    }
    c = media_store_strays(ctx, page.keys, page.bytes, n, dry, &reply->blobs, &reply->bytes);
    for (bool more = !dry && reply->blobs > 0; c == OK && more; more = settled.looked_at > 0)
        c = media_store_settle(ctx, &settled);
    reply->done = !page.more;
    reply->next = arena_printf(ctx->arena, WALK "%s", last);
    return c;
}

enum code media_service_sweep_media(struct ctx *ctx, const Pb__SweepMediaRequest *req,
                                    Pb__SweepMediaReply *reply) {
    unsigned limit = limit_of(req->limit, BATCH, BATCH_MAX);
    bool more = false;
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK)
        return c;
    if (text_starts(req->after, WALK))
        return walk(ctx, req->after + sizeof WALK - 1, limit, req->dry_run, reply);
    c = req->dry_run ? count_rows(ctx, reply) : sweep_rows(ctx, limit, reply, &more);
    reply->next = more ? "" : WALK;
    return c;
}
