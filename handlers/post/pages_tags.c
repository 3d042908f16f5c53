/* Pages of tags: those in use, one tag's posts, following it. */
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/entities.h"
#include "handlers/common/page_cache.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"
#include "handlers/post/rules.h"

#define TAGS 40

/* All that the reader follows: there can't be so many that they need pages. */
static enum code followed(struct request *req, struct tags_view *v) {
    Pb__FollowedTagsRequest ask = PB__FOLLOWED_TAGS_REQUEST__INIT;
    const Pb__TagsReply *reply;
    enum code c;

    if (req->ctx.viewer_id == 0)
        return OK;
    ask.viewer_id = req->ctx.viewer_id;
    if ((c = post_list_followed_tags(&req->ctx, &ask, &reply)) != OK)
        return c;
    v->followed = reply->tags;
    v->n_followed = reply->n_tags;
    return OK;
}

enum code post_page_tags(struct request *req) {
    Pb__TagsRequest ask = PB__TAGS_REQUEST__INIT;
    const Pb__TagsReply *reply;
    struct tags_view v = {0};
    enum code c;

    ask.limit = TAGS;
    if ((c = post_trending_tags(&req->ctx, &ask, &reply)) != OK || (c = followed(req, &v)) != OK)
        return c;
    v.tags = reply->tags;
    v.n = reply->n_tags;
    tpl_post_tags(form_html(req), page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Tags"))), &v);
    return OK;
}

/* The tag in the address, as written and folded; NOT_FOUND when no post could have it. */
static enum code tag_of(struct request *req, const char **ret_name, const char **ret_folded) {
    const char *name = text_clean_line(req->ctx.arena, req->args[0], strlen(req->args[0]));

    const char *folded = name != NULL && entity_is_tag(name) ? text_fold(req->ctx.arena, name) : NULL;

    if (folded == NULL)
        return fail(&req->ctx, NOT_FOUND,
                    tr_mark("A tag has letters, digits and _ alone, and at least one letter."));
    *ret_name = name;
    *ret_folded = folded;
    return OK;
}

/* How often it is used, where that is known, and whether the reader follows it. */
static enum code look_at_tag(struct ctx *ctx, const char *folded, struct tag_view *v) {
    Pb__TagsRequest ask = PB__TAGS_REQUEST__INIT;
    Pb__TagRequest one = PB__TAG_REQUEST__INIT;
    const Pb__TagsReply *reply;
    const Pb__TagInfo *tag;
    enum code c;

    ask.query = one.name = folded;
    ask.limit = 10;
    one.viewer_id = ctx->viewer_id;
    if ((c = post_trending_tags(ctx, &ask, &reply)) != OK)
        return c;
    for (size_t i = 0; i < reply->n_tags; i++) {
        if (!same(text_fold(ctx->arena, reply->tags[i]->name), folded))
            continue;
        v->posts = reply->tags[i]->posts;
        v->people = reply->tags[i]->people;
    }
    if (ctx->viewer_id != 0 && (c = post_get_tag(ctx, &one, &tag)) == OK)
        v->followed = tag->following;
    return c;
}

enum code post_page_read_tag(struct request *req, const char **ret_name, const Pb__TimelinePage **ret) {
    Pb__PageRequest ask = post_cards_ask(req);
    const char *folded = "";
    enum code c;

    if ((c = tag_of(req, ret_name, &folded)) != OK)
        return c;
    page_cache_begin(req);
    page_cache_only_as(req, arena_printf(req->ctx.arena, "/tags/%s", folded));
    page_cache_on_name(&req->ctx, post_tag_dependency(&req->ctx, folded));
    ask.tag = *ret_name;
    return post_tag_timeline(&req->ctx, &ask, ret);
}

enum code post_page_tag(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const Pb__TimelinePage *timeline;
    struct tag_view v = {0};
    struct page *page;
    const char *path;
    enum code c;

    if ((c = post_page_read_tag(req, &v.name, &timeline)) != OK)
        return c;
    path = post_page_tag_path(ctx, "/tags/", v.name, "");
    if (post_page_past_newest(req, timeline))
        return respond_redirect(req, path);
    if ((c = look_at_tag(ctx, text_fold(ctx->arena, v.name), &v)) != OK)
        return c;
    page = page_new(req, PLACE_NONE, arena_printf(ctx->arena, "#%s", v.name));
    page->canonical = path;
    page->feed = post_page_tag_path(ctx, "/tags/", v.name, "/feed.atom");
    v.list =
        post_cards_list(req, page, timeline, path, post_page_tag_path(ctx, "/fragment/tag/", v.name, ""));
    page->noindex = v.list.n == 0;
    v.side = post_page_side(req);
    /* A tag without posts is no page to be kept or found. */
    tpl_post_tag(respond(req, v.list.n == 0 && post_cards_first(req) ? 404 : 200, NULL), page, &v);
    return OK;
}

/* ---- Following one */

static enum code change(struct request *req, bool on, const char *notice) {
    Pb__FollowTagRequest ask = PB__FOLLOW_TAG_REQUEST__INIT;
    const Pb__TagInfo *tag;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.name = req->args[0];
    ask.on = on;
    if ((c = post_follow_tag(&req->ctx, &ask, &tag)) != OK)
        return c;
    return form_go_back(req, post_page_tag_path(&req->ctx, "/tags/", tag->name, ""), notice);
}

enum code post_page_follow_tag(struct request *req) { return change(req, true, "tag-followed"); }

enum code post_page_unfollow_tag(struct request *req) { return change(req, false, "tag-unfollowed"); }
