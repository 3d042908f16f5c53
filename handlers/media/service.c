#include "handlers/media/service.h"

#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/media/store.h"

#define IDS_MAX 200
#define LIST_USUAL 20
#define LIST_MAX 80
#define MB (INT64_C(1) << 20)

enum code media_service_get_media(struct ctx *ctx, const Pb__GetMediaRequest *req, Pb__MediaViews *reply) {
    struct media_row *rows;
    enum code c;

    if (req->n_ids > IDS_MAX)
        return fail_field(ctx, "ids", tr_mark("Too many at once."));
    if ((c = media_store_rows(ctx, req->owner_id, req->ids, req->n_ids, &rows, &reply->n_media)) != OK)
        return c;
    return media_store_views(ctx, rows, reply->n_media, &reply->media);
}

enum code media_service_list_media(struct ctx *ctx, const Pb__ListMediaRequest *req, Pb__MediaPage *reply) {
    unsigned limit = limit_of(req->limit, LIST_USUAL, LIST_MAX);
    struct media_row *rows;
    size_t n;
    enum code c = media_store_list(ctx, req->owner_id, req->before, limit + 1, &rows, &n);

    if (c != OK)
        return c;
    reply->n_media = n < limit ? n : limit;
    reply->next = n > limit ? rows[limit - 1].id : 0;
    return media_store_views(ctx, rows, reply->n_media, &reply->media);
}

enum code media_service_get_quota(struct ctx *ctx, const Pb__QuotaRequest *req, Pb__Quota *reply) {
    reply->limit = ctx->env->config->media_quota_mb * MB;
    return media_store_quota(ctx, req->user_id, &reply->used, &reply->files);
}
