/* Media and what they are attached to. Targets are named by other services: post, avatar, banner. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/media/rules.h"
#include "handlers/media/store.h"

#define TARGETS_MAX 1000

static bool is_elsewhere(const Pb__AttachMediaRequest *req, const struct media_row *row) {
    return row->target_id != 0 &&
           (row->target_id != req->target_id || strcmp(row->target_kind, req->target_kind) != 0);
}

static enum code check(struct ctx *ctx, const Pb__AttachMediaRequest *req, const struct media_row *row) {
    bool is_there =
        row->target_id != 0 && !is_elsewhere(req, row); /* what is attached stays, whatever it is */

    if (row->id == 0)
        return fail(ctx, NOT_FOUND, tr_mark("One of these files is not there, or it is not yours."));
    if (is_elsewhere(req, row))
        return fail_field(ctx, "media_ids", tr_mark("One of these files is used elsewhere already."));
    if (strcmp(row->purpose, req->target_kind) != 0)
        return fail_field(ctx, "media_ids", tr_mark("One of these files was uploaded for something else."));
    if (row->state == PB__MEDIA_STATE__MEDIA_FAILED && !is_there)
        return fail_field(ctx, "media_ids",
                          tr_mark("One of these files could not be prepared. Remove it, or try again."));
    if (row->state != PB__MEDIA_STATE__MEDIA_READY && req->ready && !is_there)
        return fail_field(
            ctx, "media_ids",
            tr_mark("Cannot attach files that have not finished processing. Try again in a moment!"));
    return OK;
}

static enum code check_request(struct ctx *ctx, const Pb__AttachMediaRequest *req) {
    if (req->target_id == 0 || media_purpose(ctx, req->target_kind) == NULL ||
        media_check_owner(ctx, req->owner_id, req->target_kind) != OK)
        return ctx_failed(ctx) ? INVALID : fail(ctx, INVALID, tr_mark("This is no place for files."));
    if (req->n_ids > MEDIA_TARGET_MAX)
        return fail_field(ctx, "media_ids", tr_mark("These are too many files."));
    for (size_t i = 0; i < req->n_ids; i++)
        for (size_t j = 0; j < i; j++)
            if (req->ids[i] == req->ids[j])
                return fail_field(ctx, "media_ids", tr_mark("One of these files is named twice."));
    return OK;
}

enum code media_service_attach_media(struct ctx *ctx, const Pb__AttachMediaRequest *req,
                                     Pb__MediaViews *reply) {
    struct media_row *rows;
    size_t n;
    enum code c;

    if ((c = check_request(ctx, req)) != OK || (c = media_store_attach(ctx, req, check)) != OK ||
        (c = media_store_rows(ctx, req->owner_id, req->ids, req->n_ids, &rows, &n)) != OK)
        return c;
    reply->n_media = n;
    return media_store_views(ctx, rows, n, &reply->media);
}

enum code media_service_detach_targets(struct ctx *ctx, const Pb__DetachTargetsRequest *req,
                                       Pb__Empty *reply) {
    (void)reply;
    if (req->n_target_ids > TARGETS_MAX)
        return fail_field(ctx, "target_ids", tr_mark("Too many at once."));
    return req->n_target_ids == 0
               ? OK
               : media_store_detach(ctx, req->target_kind, req->target_ids, req->n_target_ids);
}
