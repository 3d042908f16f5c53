#include "handlers/post/pages.h"

#include <inttypes.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "handlers/post/pages_shared.h"

enum code post_page_item_of(struct request *req, int64_t id, const Pb__PostItem **ret) {
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

enum code post_page_item(struct request *req, const Pb__PostItem **ret) {
    int64_t id;
    enum code c = post_ask_target(req, &id);

    return c != OK ? c : post_page_item_of(req, id, ret);
}

const Pb__PostView *post_page_shown(const Pb__PostItem *item) {
    return item->original != NULL ? item->original : item->post;
}

const Pb__UserCard *post_page_author(const Pb__PostItem *item) {
    return item->original != NULL ? item->original_author : item->author;
}

const char *post_page_path(struct ctx *ctx, const Pb__PostItem *item) {
    const Pb__UserCard *author = post_page_author(item);

    if (author == NULL)
        return "/";
    return arena_printf(ctx->arena, "/@%s/%" PRId64, author->handle, post_page_shown(item)->id);
}

const char *post_page_at(struct ctx *ctx, const char *path, int64_t id) {
    return strchr(path, '#') != NULL ? path : arena_printf(ctx->arena, "%s#p%" PRId64, path, id);
}

static const char *const audiences[] = {
    [PB__AUDIENCE__AUDIENCE_PUBLIC] = "public",
    [PB__AUDIENCE__AUDIENCE_UNLISTED] = "unlisted",
    [PB__AUDIENCE__AUDIENCE_FOLLOWERS] = "followers",
    [PB__AUDIENCE__AUDIENCE_DIRECT] = "direct",
};

const char *post_page_audience_name(Pb__Audience audience) { return audiences[audience]; }

Pb__Audience post_page_audience(const char *name) {
    int i = PB__AUDIENCE__AUDIENCE_PUBLIC;

    while (i < PB__AUDIENCE__AUDIENCE_DIRECT && strcmp(audiences[i], name) != 0)
        i++;
    return (Pb__Audience)i;
}

/* A comment among those mentioned reaches nobody whom it does not mention: all others of the conversation
 * stand in it at first. */
static const char *everybody_in(struct request *req, const Pb__PostItem *item) {
    const Pb__PostView *post = post_page_shown(item);
    const Pb__UserCard *author = post_page_author(item);
    struct buf text;

    buf_init(&text, req->ctx.arena, 4096);
    if (author != NULL && author->id != req->ctx.viewer_id)
        buf_printf(&text, "@%s ", author->handle);
    for (size_t i = 0; i < post->n_mentions; i++)
        if (post->mentions[i]->user_id != req->ctx.viewer_id && post->mentions[i]->user_id != post->author_id)
            buf_printf(&text, "@%s ", post->mentions[i]->handle);
    return buf_overflowed(&text) ? NULL : buf_str(&text);
}

struct composer post_page_composer(struct request *req, const Pb__PostItem *answered) {
    struct composer composer = {.max_length = req->ctx.env->config->post_max_chars,
                                .audience = side_audience(req)};
    const Pb__PostView *post;
    const Pb__UserCard *author;

    if (answered == NULL)
        return composer;
    post = post_page_shown(answered);
    author = post_page_author(answered);
    composer.in_reply_to = post->id;
    if (author != NULL && author->id != req->ctx.viewer_id)
        composer.reply_to = author;
    /* Not more can see a comment than what it is about, unless its author says so. */
    if (post->audience > post_page_audience(composer.audience))
        composer.audience = post_page_audience_name(post->audience);
    if (post->audience == PB__AUDIENCE__AUDIENCE_DIRECT)
        composer.text = everybody_in(req, answered);
    return composer;
}

const char *post_page_tag_path(struct ctx *ctx, const char *before, const char *tag, const char *behind) {
    struct buf path;

    buf_init(&path, ctx->arena, 4096);
    buf_puts(&path, before);
    buf_url(&path, tag, strlen(tag));
    buf_puts(&path, behind);
    return buf_str(&path);
}

void post_page_revalidated(struct request *req, const char *caching) {
    respond_header(req, "Cache-Control", caching);
    respond_header(req, "X-Robots-Tag", "noindex");
    respond_etag(req);
}
