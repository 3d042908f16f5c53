#include "handlers/common/post_item.h"

#include <inttypes.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"

enum code post_item_get(struct request *req, int64_t id, const Pb__PostItem **ret) {
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.ids = &id;
    ask.n_ids = 1;
    if ((c = post_get_posts(&req->ctx, &ask, &reply)) != OK)
        return c;
    if (reply->n_items == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such post, or it is not for you."));
    *ret = reply->items[0];
    return OK;
}

const Pb__PostView *post_item_shown(const Pb__PostItem *item) {
    return item->original != NULL ? item->original : item->post;
}

const Pb__UserCard *post_item_author(const Pb__PostItem *item) {
    return item->original != NULL ? item->original_author : item->author;
}

const char *post_item_path(struct ctx *ctx, const Pb__PostItem *item) {
    const Pb__UserCard *author = post_item_author(item);

    if (author == NULL)
        return "/";
    return arena_printf(ctx->arena, "/@%s/%" PRId64, author->handle, post_item_shown(item)->id);
}
