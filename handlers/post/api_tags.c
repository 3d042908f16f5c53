/* Tags: one, those in fashion, those that the reader follows. */
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "handlers/post/api_shared.h"

#define TRENDS_MOST 20
#define FOLLOWED 100
#define FOLLOWED_MOST 200

struct day_view {
    const char *day, *uses, *accounts;
};
static const struct shape_field day_fields[] = {
    {.name = "day",
     .kind = SHAPE_STR,
     .at = offsetof(struct day_view, day),
     .words = "Unix time of its midnight"},
    {.name = "uses", .kind = SHAPE_STR, .at = offsetof(struct day_view, uses)},
    {.name = "accounts", .kind = SHAPE_STR, .at = offsetof(struct day_view, accounts)},
    {0},
};
static const struct shape day_shape = {"TagDay", sizeof(struct day_view), day_fields,
                                       "How often a tag was used on one day."};

struct tag_view {
    const char *name, *url;
    struct shape_list days;
    bool following;
};
static const struct shape_field tag_fields[] = {
    {.name = "name", .kind = SHAPE_STR, .at = offsetof(struct tag_view, name)},
    {.name = "url", .kind = SHAPE_URL, .at = offsetof(struct tag_view, url)},
    {.name = "history", .kind = SHAPE_LIST, .at = offsetof(struct tag_view, days), .of = &day_shape},
    {.name = "following",
     .kind = SHAPE_BOOL,
     .at = offsetof(struct tag_view, following),
     .words = "its public posts come into the reader's home timeline"},
    {0},
};
const struct shape post_api_tag_shape = {"Tag", sizeof(struct tag_view), tag_fields,
                                         "A tag and its last week."};

static const char *number(struct ctx *ctx, int64_t n) {
    return arena_printf(ctx->arena, "%lld", (long long)n);
}

static struct tag_view tag_view_of(struct ctx *ctx, const Pb__TagInfo *tag) {
    struct day_view *days = arena_many(ctx->arena, struct day_view, tag->n_days);
    struct buf url;

    for (size_t i = 0; i < tag->n_days; i++)
        days[i] = (struct day_view){number(ctx, tag->days[i]->day_ms / 1000),
                                    number(ctx, tag->days[i]->posts), number(ctx, tag->days[i]->people)};
    buf_init(&url, ctx->arena, 4096);
    buf_printf(&url, "%s/tags/", ctx->env->config->base_url);
    buf_url(&url, tag->name, strlen(tag->name));
    return (struct tag_view){
        .name = tag->name, .url = buf_str(&url), .days = {days, tag->n_days}, .following = tag->following};
}

struct shape_list post_api_tag_views(struct ctx *ctx, Pb__TagInfo *const *tags, size_t n) {
    struct tag_view *views = arena_many(ctx->arena, struct tag_view, n);

    for (size_t i = 0; i < n; i++)
        views[i] = tag_view_of(ctx, tags[i]);
    return (struct shape_list){views, n};
}

enum code post_api_tag(struct request *req) {
    Pb__TagRequest ask = PB__TAG_REQUEST__INIT;
    const Pb__TagInfo *tag;
    struct tag_view v;
    enum code c;

    ask.name = req->args[0];
    ask.viewer_id = req->ctx.viewer_id;
    if ((c = post_get_tag(&req->ctx, &ask, &tag)) != OK)
        return c;
    v = tag_view_of(&req->ctx, tag);
    return api_reply(req, &post_api_tag_shape, &v);
}

static enum code change(struct request *req, bool on) {
    Pb__FollowTagRequest ask = PB__FOLLOW_TAG_REQUEST__INIT;
    const Pb__TagInfo *tag;
    struct tag_view v;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.name = req->args[0];
    ask.on = on;
    if ((c = post_follow_tag(&req->ctx, &ask, &tag)) != OK)
        return post_api_refusal(req, c);
    v = tag_view_of(&req->ctx, tag);
    return api_reply(req, &post_api_tag_shape, &v);
}

enum code post_api_follow_tag(struct request *req) { return change(req, true); }

enum code post_api_unfollow_tag(struct request *req) { return change(req, false); }

enum code post_api_followed_tags(struct request *req) {
    Pb__FollowedTagsRequest ask = PB__FOLLOWED_TAGS_REQUEST__INIT;
    const Pb__TagsReply *page;
    struct shape_list views;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.since_id = field_int(req, "since_id");
    ask.min_id = field_int(req, "min_id");
    ask.limit = api_limit(req, FOLLOWED, FOLLOWED_MOST);
    ask.days = true;
    if ((c = post_list_followed_tags(&req->ctx, &ask, &page)) != OK)
        return c;
    api_link(req, page->next_max_id, page->prev_min_id);
    views = post_api_tag_views(&req->ctx, page->tags, page->n_tags);
    return api_reply_list(req, &post_api_tag_shape, views.items, views.n);
}

enum code post_api_trending_tags(struct request *req) {
    Pb__TagsRequest ask = PB__TAGS_REQUEST__INIT;
    const Pb__TagsReply *reply;
    struct shape_list views;
    enum code c;

    ask.limit = api_limit(req, 10, TRENDS_MOST);
    ask.offset = (uint32_t)field_int(req, "offset");
    ask.viewer_id = req->ctx.viewer_id;
    ask.days = true;
    if ((c = post_trending_tags(&req->ctx, &ask, &reply)) != OK)
        return c;
    views = post_api_tag_views(&req->ctx, reply->tags, reply->n_tags);
    return api_reply_list(req, &post_api_tag_shape, views.items, views.n);
}
