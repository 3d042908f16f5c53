/* Timelines and other lists of statuses, and tags. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/post/api_shared.h"
#include "handlers/post/service.h"

#define LIMIT 20
#define LIMIT_MAX 40

typedef enum code timeline_rpc(struct ctx *ctx, const Pb__PageRequest *req,
                               const Pb__TimelinePage **ret_reply);

static Pb__PageRequest ask_of(const struct request *req) {
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;

    ask.viewer_id = req->ctx.viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.since_id = field_int(req, "since_id");
    ask.min_id = field_int(req, "min_id");
    ask.limit = api_limit(req, LIMIT, LIMIT_MAX);
    return ask;
}

static enum code answer(struct request *req, timeline_rpc *rpc, const Pb__PageRequest *ask) {
    const Pb__TimelinePage *page;
    enum code c = rpc(&req->ctx, ask, &page);

    if (c != OK)
        return c;
    api_link(req, page->next_max_id, page->first_id);
    return api_statuses_reply(req, page->items, page->n_items);
}

/* ---- Home */

/* What stands in the query before it is validated; false when it is not a number. */
static bool number_in(const struct request *req, const char *name, int64_t otherwise, int64_t *ret) {
    const char *text = params_get(&req->query, name);

    *ret = otherwise;
    return text_is_empty(text) || text_parse_int(text, 0, INT64_MAX, ret);
}

void post_api_home_prefetch(struct request *req, int64_t claimed_user) {
    int64_t max_id, limit;

    post_muted_prefetch(&req->ctx, claimed_user);
    if (text_is_empty(params_get(&req->query, "min_id")) && number_in(req, "max_id", 0, &max_id) &&
        number_in(req, "limit", LIMIT, &limit))
        post_home_prefetch(&req->ctx, claimed_user, max_id, limit > LIMIT_MAX ? LIMIT_MAX : (uint32_t)limit);
}

enum code post_api_home(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return answer(req, post_home_timeline, &ask);
}

/* ---- For everybody */

/* All members are here, and no post has media: nothing is remote, and nothing has only media. */
static bool is_of_nothing(const struct request *req) {
    return field_bool(req, "remote") || field_bool(req, "only_media");
}

enum code post_api_public(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return is_of_nothing(req) ? api_reply_none(req) : answer(req, post_local_timeline, &ask);
}

static void take_names(const struct request *req, const char *field, const char ***ret, size_t *ret_n) {
    const struct field_value *v = field_get(req, field);

    *ret = v->texts;
    *ret_n = v->n_texts;
}

enum code post_api_tag_timeline(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    if (is_of_nothing(req))
        return api_reply_none(req);
    ask.tag = req->args[0];
    take_names(req, "any", &ask.any_tags, &ask.n_any_tags);
    take_names(req, "all", &ask.all_tags, &ask.n_all_tags);
    take_names(req, "none", &ask.no_tags, &ask.n_no_tags);
    return answer(req, post_tag_timeline, &ask);
}

enum code post_api_list(struct request *req) {
    return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such list."));
}

/* No links are in fashion here: there are no previews of them. */
enum code post_api_link(struct request *req) { return api_reply_none(req); }

/* ---- The reader's own: pages by the likes' and bookmarks' own ids */

enum code post_api_favourites(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return answer(req, post_likes, &ask);
}

enum code post_api_bookmarks(struct request *req) {
    Pb__PageRequest ask = ask_of(req);

    return answer(req, post_bookmarks, &ask);
}

/* ---- A member's */

enum code post_api_account_statuses(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PageRequest ask = ask_of(req);
    const Pb__UserCard *author;
    enum code c;

    if (!id_parse(req->args[0], &ask.author_id))
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    if ((c = card_get(ctx, ask.author_id, &author)) != OK)
        return c;
    if (field_bool(req, "only_media"))
        return api_reply_none(req);
    ask.in_order = true;
    ask.pinned = field_bool(req, "pinned");
    ask.with_replies = !field_bool(req, "exclude_replies");
    ask.no_reposts = field_bool(req, "exclude_reblogs");
    ask.tag = field_text(req, "tagged");
    if (ask.tag[0] == '#')
        ask.tag++;
    return answer(req, post_author_timeline, &ask);
}

/* ---- Tags */

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
     .words = "always false: tags cannot be followed"},
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
    return (struct tag_view){.name = tag->name, .url = buf_str(&url), .days = {days, tag->n_days}};
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
    if ((c = post_get_tag(&req->ctx, &ask, &tag)) != OK)
        return c;
    v = tag_view_of(&req->ctx, tag);
    return api_reply(req, &post_api_tag_shape, &v);
}

#define TRENDS_MOST 20

enum code post_api_trending_tags(struct request *req) {
    Pb__TagsRequest ask = PB__TAGS_REQUEST__INIT;
    const Pb__TagsReply *reply;
    struct shape_list views;
    enum code c;

    ask.limit = api_limit(req, 10, TRENDS_MOST);
    ask.offset = (uint32_t)field_int(req, "offset");
    ask.days = true;
    if ((c = post_trending_tags(&req->ctx, &ask, &reply)) != OK)
        return c;
    views = post_api_tag_views(&req->ctx, reply->tags, reply->n_tags);
    return api_reply_list(req, &post_api_tag_shape, views.items, views.n);
}

enum code post_api_trending_statuses(struct request *req) {
    Pb__TrendingPostsRequest ask = PB__TRENDING_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.limit = api_limit(req, LIMIT, LIMIT_MAX);
    ask.offset = (uint32_t)field_int(req, "offset");
    if ((c = post_get_trending_posts(&req->ctx, &ask, &reply)) != OK)
        return c;
    return api_statuses_reply(req, reply->items, reply->n_items);
}

/* Tags cannot be followed here, so nobody follows one. */
enum code post_api_followed_tags(struct request *req) { return api_reply_none(req); }
