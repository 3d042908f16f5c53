/* Our own API: the reader's own media and room. */
#include <stddef.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_media.h"
#include "handlers/common/api_own.h"
#include "handlers/media/api_own.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

struct medium {
    int64_t id, bytes, progress, pages, created_at, version, attached_id;
    const char *state, *error, *file_name, *attached_to;
    const struct api_media *attachment;
};

const struct shape media_own_shape = {
    .name = "Media",
    .size = sizeof(struct medium),
    .words = "what a member has uploaded",
    .fields = (const struct shape_field[]){
        FIELD(medium, id, SHAPE_ID),
        FIELD(medium, state, SHAPE_STR, .choices = "waiting|ready|failed"),
        FIELD(medium, progress, SHAPE_INT, .words = "of 100"),
        FIELD(medium, error, SHAPE_STR, .nullable = true, .words = "why it failed"),
        FIELD(medium, file_name, SHAPE_STR),
        FIELD(medium, bytes, SHAPE_INT, .words = "as uploaded"),
        FIELD(medium, pages, SHAPE_INT, .nullable = true, .words = "of a document"),
        FIELD(medium, attached_to, SHAPE_STR, .nullable = true, .choices = "post|avatar|banner"),
        FIELD(medium, attached_id, SHAPE_ID, .nullable = true),
        FIELD(medium, created_at, SHAPE_TIME),
        FIELD(medium, version, SHAPE_INT),
        FIELD(medium, attachment, SHAPE_OBJECT, .of = &api_media_shape),
        {0}}};

struct quota {
    int64_t used, limit, files;
};

const struct shape media_quota_shape = {
    .name = "MediaQuota",
    .size = sizeof(struct quota),
    .words = "the room that a member has for files",
    .fields = (const struct shape_field[]){
        FIELD(quota, used, SHAPE_INT, .words = "bytes"),
        FIELD(quota, limit, SHAPE_INT, .nullable = true, .words = "bytes; null: there is no limit"),
        FIELD(quota, files, SHAPE_INT),
        {0}}};

static struct medium medium_of(struct ctx *ctx, const Pb__MediaView *m) {
    static const char *const states[] = {"waiting", "ready", "failed"};
    struct api_media *attachment = arena_one(ctx->arena, struct api_media);

    *attachment = api_media_of(ctx, m);
    return (struct medium){.id = m->id,
                           .bytes = m->bytes,
                           .progress = m->progress,
                           .pages = m->pages,
                           .created_at = m->created_ms,
                           .version = m->version,
                           .attached_id = m->target_id,
                           .attached_to = m->target_id != 0 ? m->target_kind : NULL,
                           .state = states[(unsigned)m->state % 3],
                           .error = *m->error != '\0' ? tr(ctx->lang, m->error) : NULL,
                           .file_name = m->file_name,
                           .attachment = attachment};
}

enum code media_api_own_reply(struct request *req, const Pb__MediaView *m) {
    struct medium view = medium_of(&req->ctx, m);
    enum code c = api_own_reply(req, &media_own_shape, &view);

    if (c == OK && req->res.status == 200 && m->state == PB__MEDIA_STATE__MEDIA_WAITING)
        req->res.status = 202;
    return c;
}

enum code media_api_own_list(struct request *req) {
    Pb__ListMediaRequest ask = PB__LIST_MEDIA_REQUEST__INIT;
    const Pb__MediaPage *page;
    struct medium *views;
    int64_t never; /* the list leads backwards alone */
    enum code c;

    ask.owner_id = req->ctx.viewer_id;
    ask.limit = api_own_limit(req);
    if ((c = api_own_cursor_id(req, &ask.before, &never)) != OK ||
        (c = media_list_media(&req->ctx, &ask, &page)) != OK)
        return c;
    views = arena_many(req->ctx.arena, struct medium, page->n_media);
    for (size_t i = 0; i < page->n_media; i++)
        views[i] = medium_of(&req->ctx, page->media[i]);
    return api_own_list(req, &(struct api_own_page){.shape = &media_own_shape,
                                                    .items = views,
                                                    .n = page->n_media,
                                                    .next = api_own_at(&req->ctx, page->next)});
}

enum code media_api_own_quota(struct request *req) {
    Pb__QuotaRequest ask = PB__QUOTA_REQUEST__INIT;
    const Pb__Quota *q;
    struct quota view;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = media_get_quota(&req->ctx, &ask, &q)) != OK)
        return c;
    view = (struct quota){q->used, q->limit, q->files};
    return api_own_reply(req, &media_quota_shape, &view);
}

enum code media_api_own_retry(struct request *req) {
    Pb__MediaRequest ask = PB__MEDIA_REQUEST__INIT;
    const Pb__MediaReply *again;
    enum code c;

    ask.owner_id = req->ctx.viewer_id;
    if ((c = api_own_id(req, tr_mark("There is no such file, or it is not yours."), &ask.id)) != OK ||
        (c = media_retry_media(&req->ctx, &ask, &again)) != OK)
        return c;
    return media_api_own_reply(req, again->media);
}
