/* Muted conversations, and one's own repost of a post. */
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/post/rules.h"
#include "handlers/post/service.h"

void post_muted_prefetch(struct ctx *ctx, int64_t viewer) { post_store_muted_prefetch(ctx, viewer); }

enum code post_service_muted_threads(struct ctx *ctx, const Pb__MutedThreadsRequest *req,
                                     Pb__MutedThreadsReply *reply) {
    if (req->viewer_id == 0)
        return OK;
    return post_store_muted(ctx, req->viewer_id, &reply->root_ids, &reply->n_root_ids);
}

enum code post_service_mute_thread(struct ctx *ctx, const Pb__MuteThreadRequest *req, Pb__PostReply *reply) {
    struct post_read read;
    int64_t *muted;
    size_t n;
    enum code c;

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK ||
        (c = post_store_muted(ctx, req->viewer_id, &muted, &n)) != OK)
        return c;
    if (req->on && n >= MUTED_MAX)
        return fail(ctx, PRECONDITION,
                    tr_mark("You have muted 1,000 conversations, which is the most. Unmute one first."));
    if ((c = post_store_mute(ctx, req->viewer_id, read.post->root_id, req->on)) != OK)
        return c;
    return post_item_of(ctx, &read, &reply->item);
}

enum code post_service_get_repost(struct ctx *ctx, const Pb__PostRequest *req, Pb__PostReply *reply) {
    struct post_read read;
    int64_t id;
    enum code c;

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK ||
        (c = post_store_own_repost(ctx, req->viewer_id, read.post->id, &id)) != OK ||
        (c = post_look_up(ctx, req->viewer_id, id, false, &read)) != OK)
        return c;
    return post_item_of(ctx, &read, &reply->item);
}
