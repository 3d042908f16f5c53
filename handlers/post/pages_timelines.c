/* Home, local, bookmarks, likes; and the same as bare fragments for endless scrolling. */
#include <inttypes.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/entities.h"
#include "handlers/common/members.h"
#include "handlers/common/models.h"
#include "handlers/common/page_cache.h"
#include "handlers/common/session.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"
#include "handlers/post/rules.h"
#include "handlers/post/service.h"

#define LANDING_POSTS 6
#define PEOPLE 8

typedef enum code timeline_rpc(struct ctx *ctx, const Pb__PageRequest *req,
                               const Pb__TimelinePage **ret_reply);

/* ---- Home
 * -------------------------------------------------------------------------------------------------------- */

static void prefetch_home(struct request *req, int64_t claimed_user) {
    const char *max = params_get(&req->query, "max_id"), *min = params_get(&req->query, "min_id");
    int64_t max_id = 0;

    if (min == NULL && (max == NULL || id_parse(max, &max_id)))
        post_home_prefetch(&req->ctx, claimed_user, max_id, POST_PAGE_LIMIT);
}

void post_page_fragment_home_prefetch(struct request *req, int64_t claimed_user) {
    prefetch_home(req, claimed_user);
}

void post_page_front_prefetch(struct request *req, int64_t claimed_user) {
    side_prefetch(req, claimed_user);
    prefetch_home(req, claimed_user);
}

/* Whom to begin with, and whether there is anybody yet. */
static enum code welcome(struct request *req, struct home_view *v) {
    struct ctx *ctx = &req->ctx;
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *edges;
    struct network_counts counts;
    struct member_row *rows;
    int64_t *ids;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.limit = PEOPLE;
    if ((c = connection_suggest_follows(ctx, &ask, &edges)) != OK ||
        (c = network_counts_get(ctx, ctx->viewer_id, &counts)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, edges->n_items);
    for (size_t i = 0; i < edges->n_items; i++)
        ids[i] = edges->items[i]->user_id;
    c = member_rows(ctx, ids, edges->n_items, &rows, &v->n_people);
    v->people = rows;
    v->follows_nobody = counts.following == 0;
    return c;
}

static enum code home(struct request *req) {
    struct home_view v = {.first_page = post_cards_first(req)};
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *timeline;
    struct page *page;
    enum code c;

    if ((c = post_home_timeline(&req->ctx, &ask, &timeline)) != OK)
        return c;
    if (post_page_past_newest(req, timeline))
        return respond_redirect(req, "/");
    page = page_new(req, PLACE_HOME, tr(req->ctx.lang, tr_mark("Home")));
    v.list = post_cards_list(req, page, timeline, "/", "/fragment/home");
    v.side = side_get(req);
    v.composer = compose_new(req, NULL);
    v.composer.return_to = "/";
    if (v.list.n == 0 && v.first_page && (c = welcome(req, &v)) != OK)
        return c;
    tpl_post_home(form_html(req), page, &v);
    return OK;
}

static enum code landing(struct request *req) {
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;
    const Pb__TimelinePage *timeline;
    struct landing_view v = {0};
    struct page *page;
    enum code c;

    page_cache_begin(req);
    page_cache_on_name(&req->ctx, "local");
    page = page_new(req, PLACE_NONE, NULL);
    if (!req->ctx.env->config->intranet) {
        ask.limit = LANDING_POSTS;
        if ((c = post_local_timeline(&req->ctx, &ask, &timeline)) != OK)
            return c;
        v.latest.posts = post_cards(req, page, timeline->items, timeline->n_items);
        v.latest.n = timeline->n_items;
    }
    tpl_post_landing(form_html(req), page, &v);
    return OK;
}

enum code post_page_front(struct request *req) {
    if (req->ctx.viewer_id != 0)
        return home(req);
    if (request_cookie(req, SESSION_COOKIE) != NULL && !redis_is_up(req->ctx.env->redis))
        return fail_retry(&req->ctx, UNAVAILABLE, 5,
                          tr_mark("We can't check who you are right now. Try again in a moment."));
    return landing(req);
}

/* ---- Local
 * ------------------------------------------------------------------------------------------------------- */

enum code post_page_local(struct request *req) {
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *timeline;
    struct local_view v = {0};
    struct page *page;
    enum code c;

    page_cache_begin(req);
    page_cache_on_name(&req->ctx, "local");
    if ((c = post_local_timeline(&req->ctx, &ask, &timeline)) != OK)
        return c;
    if (post_page_past_newest(req, timeline))
        return respond_redirect(req, "/local");
    page = page_new(req, PLACE_LOCAL, tr(req->ctx.lang, tr_mark("Local")));
    v.list = post_cards_list(req, page, timeline, "/local", "/fragment/local");
    v.side = post_page_side(req);
    tpl_post_local(form_html(req), page, &v);
    return OK;
}

/* ---- The reader's own
 * --------------------------------------------------------------------------------------------- */

static enum code kept(struct request *req, timeline_rpc *rpc, struct page *page,
                      void (*template)(struct buf *, const struct page *, const struct kept_view *)) {
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *timeline;
    struct kept_view v = {0};
    enum code c;

    if ((c = rpc(&req->ctx, &ask, &timeline)) != OK)
        return c;
    if (post_page_past_newest(req, timeline))
        return respond_redirect(req, req->path);
    v.list = post_cards_list(req, page, timeline, req->path, NULL);
    v.side = side_get(req);
    template(form_html(req), page, &v);
    return OK;
}

enum code post_page_bookmarks(struct request *req) {
    return kept(req, post_bookmarks, page_new(req, PLACE_BOOKMARKS, tr(req->ctx.lang, tr_mark("Bookmarks"))),
                tpl_post_bookmarks);
}

enum code post_page_likes(struct request *req) {
    return kept(req, post_likes, page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Likes"))),
                tpl_post_likes);
}

/* ---- A list of the reader's */

static enum code read_list(struct request *req, const Pb__List **ret, const Pb__TimelinePage **ret_timeline) {
    Pb__ListRequest ask = PB__LIST_REQUEST__INIT;
    Pb__PageRequest page = post_cards_ask(req);
    enum code c;

    if (!id_parse(req->args[0], &page.list_id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such list."));
    ask.viewer_id = req->ctx.viewer_id;
    ask.list_id = page.list_id;
    if ((c = connection_get_list(&req->ctx, &ask, ret)) != OK)
        return c;
    return post_list_timeline(&req->ctx, &page, ret_timeline);
}

static const char *list_path(struct request *req, const char *before, const Pb__List *list) {
    return arena_printf(req->ctx.arena, "%s%" PRId64, before, list->id);
}

enum code post_page_list(struct request *req) {
    const Pb__TimelinePage *timeline;
    struct list_page_view v = {0};
    struct page *page;
    enum code c = read_list(req, &v.members, &timeline);

    if (c != OK)
        return c;
    if (post_page_past_newest(req, timeline))
        return respond_redirect(req, req->path);
    page = page_new(req, PLACE_LISTS, v.members->title);
    v.list = post_cards_list(req, page, timeline, req->path, list_path(req, "/fragment/list/", v.members));
    v.side = side_get(req);
    tpl_post_list_page(form_html(req), page, &v);
    return OK;
}

/* ---- Fragments
 * --------------------------------------------------------------------------------------------------- */

static enum code fragment(struct request *req, const Pb__TimelinePage *timeline, const char *path,
                          const char *own_path) {
    struct page *page = page_new(req, PLACE_NONE, NULL);
    struct post_list list = post_cards_list(req, page, timeline, path, own_path);

    tpl_posts_fragment(form_html(req), page, &list);
    post_page_revalidated(req, "private, no-cache");
    return OK;
}

enum code post_page_fragment_home(struct request *req) {
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *timeline;
    enum code c = post_home_timeline(&req->ctx, &ask, &timeline);

    return c != OK ? c : fragment(req, timeline, "/", "/fragment/home");
}

enum code post_page_fragment_local(struct request *req) {
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *timeline;
    enum code c = post_local_timeline(&req->ctx, &ask, &timeline);

    return c != OK ? c : fragment(req, timeline, "/local", "/fragment/local");
}

enum code post_page_fragment_tag(struct request *req) {
    const Pb__TimelinePage *timeline;
    const char *name;
    enum code c = post_page_read_tag(req, &name, &timeline);

    if (c != OK)
        return c;
    return fragment(req, timeline, post_page_tag_path(&req->ctx, "/tags/", name, ""),
                    post_page_tag_path(&req->ctx, "/fragment/tag/", name, ""));
}

enum code post_page_fragment_user(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *timeline;
    const Pb__UserCard *user;
    const char *path, *own;
    enum code c;

    if (!id_parse(req->args[0], &ask.author_id))
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    ask.with_replies = field_bool(req, "replies");
    if ((c = card_get(ctx, ask.author_id, &user)) != OK ||
        (c = post_author_timeline(ctx, &ask, &timeline)) != OK)
        return c;
    path = arena_printf(ctx->arena, ask.with_replies ? "/@%s/replies" : "/@%s", user->handle);
    own = arena_printf(ctx->arena,
                       ask.with_replies ? "/fragment/user/%" PRId64 "?replies=1" : "/fragment/user/%" PRId64,
                       user->id);
    return fragment(req, timeline, path, own);
}

enum code post_page_fragment_list(struct request *req) {
    const Pb__TimelinePage *timeline;
    const Pb__List *list;
    enum code c = read_list(req, &list, &timeline);

    if (c != OK)
        return c;
    return fragment(req, timeline, list_path(req, "/lists/", list), list_path(req, "/fragment/list/", list));
}
