/* Profiles, the directory, and the page about the site. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/edge.h"
#include "handlers/common/forms.h"
#include "handlers/common/kept.h"
#include "handlers/common/members.h"
#include "handlers/common/models.h"
#include "handlers/common/page.h"
#include "handlers/common/page_cache.h"
#include "handlers/common/post_cards.h"
#include "handlers/user/pages.h"
#include "handlers/user/service.h"
#include "handlers/user/view.h"

#define DIRECTORY_LIMIT 40

/* ---- Profile
 * ------------------------------------------------------------------------------------------------------- */

/* Numbers that other services keep. Without one of them the page shows less, and is not kept. */
static enum code fill_network(struct ctx *ctx, struct profile_view *v, Pb__Profile *p) {
    struct network_counts counts;
    enum code c = network_counts_get(ctx, p->card->id, &counts);

    if (c != OK)
        v->counts_hidden = true;
    p->followers = counts.followers;
    p->following = counts.following;
    return c;
}

static void take_posts_count(struct profile_view *v, Pb__Profile *p, const Pb__PostCounts *counts) {
    v->posts_uncounted = false;
    p->posts = counts->posts;
}

/* Unless the timeline said it already. */
static enum code fill_posts_count(struct ctx *ctx, struct profile_view *v, Pb__Profile *p) {
    Pb__PostCountsRequest ask = PB__POST_COUNTS_REQUEST__INIT;
    const Pb__PostCountsReply *reply;
    int64_t id = p->card->id;
    enum code c;

    if (!v->posts_uncounted)
        return OK;
    ask.user_ids = &id;
    ask.n_user_ids = 1;
    if ((c = post_get_post_counts(ctx, &ask, &reply)) != OK)
        return c;
    if (reply->n_counts > 0)
        take_posts_count(v, p, reply->counts[0]);
    else
        v->posts_uncounted = false;
    return OK;
}

static enum code fill_counts(struct request *req, struct profile_view *v, Pb__Profile *p) {
    struct ctx *ctx = &req->ctx;
    enum code c = fill_network(ctx, v, p);

    if (c != OK && !fail_spared(ctx, c))
        return c;
    if (c != OK)
        page_cache_only_as(req, "");
    if ((c = fill_posts_count(ctx, v, p)) != OK && !fail_spared(ctx, c))
        return c;
    if (c != OK)
        page_cache_only_as(req, "");
    return OK;
}

static enum code fill_relationship(struct ctx *ctx, struct profile_view *v) {
    struct relation relation;
    enum code c = relation_get(ctx, ctx->viewer_id, v->profile->card->id, &relation);

    v->edges = relation.edges;
    v->mute_until_ms = relation.mute_until_ms;
    return c;
}

/* Those pinned stand before all others, and on the first page alone. */
static size_t count_pinned(struct request *req, const Pb__TimelinePage *posts) {
    size_t n = 0;

    while (post_cards_first(req) && n < posts->n_items && posts->items[n]->post->pinned_ms != 0)
        n++;
    return n;
}

static enum code fill_posts(struct request *req, const struct page *page, struct profile_view *v,
                            Pb__Profile *p) {
    Pb__PageRequest ask = post_cards_ask(req);
    const Pb__TimelinePage *posts;
    const char *fragment = NULL;
    struct post_card *pinned;
    Pb__TimelinePage rest;
    enum code c;

    if ((v->edges & EDGE_SEVERED) != 0)
        return OK;
    ask.author_id = p->card->id;
    ask.with_replies = v->tab == PROFILE_REPLIES;
    if ((c = post_author_timeline(&req->ctx, &ask, &posts)) != OK)
        return c;
    if (posts->author != NULL)
        take_posts_count(v, p, posts->author);
    v->n_pinned = count_pinned(req, posts);
    v->pinned = pinned = post_cards(req, page, posts->items, v->n_pinned);
    for (size_t i = 0; i < v->n_pinned; i++)
        pinned[i].pinned = true;
    rest = *posts;
    rest.items += v->n_pinned;
    rest.n_items -= v->n_pinned;
    if (v->tab == PROFILE_POSTS)
        fragment = arena_printf(req->ctx.arena, "/fragment/user/%" PRId64, p->card->id);
    v->list = post_cards_list(req, page, &rest, req->path, fragment);
    return OK;
}

static enum code show_gone(struct request *req, const Pb__UserCard *card) {
    struct gone_view v = {.suspended = card->state == PB__ACCOUNT_STATE__STATE_SUSPENDED};
    struct page *page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Not here any more")));

    page->noindex = true;
    tpl_user_gone(respond(req, 410, "text/html; charset=utf-8"), page, &v);
    return OK;
}

static struct page *profile_page(struct request *req, const struct profile_view *v) {
    const Pb__UserCard *card = v->profile->card;
    struct arena *a = req->ctx.arena;
    struct page *page = page_new(req, card->id == req->ctx.viewer_id ? PLACE_ME : PLACE_NONE,
                                 arena_printf(a, "%s (@%s)", card->name, card->handle));

    page->description = text_is_empty(card->headline) ? NULL : card->headline;
    page->canonical = arena_printf(a, "/@%s", card->handle);
    page_cache_only_as(req, v->tab == PROFILE_REPLIES ? arena_printf(a, "/@%s/replies", card->handle)
                                                      : page->canonical);
    page->feed = arena_printf(a, "/@%s/feed.atom", card->handle);
    page->og_type = "profile";
    page->noindex = card->noindex || v->tab == PROFILE_REPLIES;
    return page;
}

static enum code show_profile(struct request *req, enum profile_tab tab) {
    struct ctx *ctx = &req->ctx;
    struct profile_view v = {.tab = tab, .posts_uncounted = true};
    const Pb__Profile *profile;
    struct page *page;
    Pb__Profile *own;
    enum code c;

    page_cache_begin(req);
    if ((c = profile_get(ctx, req->args[0], &profile)) != OK)
        return c;
    if (profile->card->state == PB__ACCOUNT_STATE__STATE_SUSPENDED ||
        profile->card->state == PB__ACCOUNT_STATE__STATE_DELETED)
        return show_gone(req, profile->card);
    if (profile->card->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    page_cache_on(ctx, 'u', profile->card->id);
    page_cache_on(ctx, 'a', profile->card->id);
    own = arena_memdup(ctx->arena, profile, sizeof *profile);
    v.profile = own;
    v.bio = (struct safe_html){own->bio_html, strlen(own->bio_html)};
    v.counts_hidden = own->card->hide_network && own->card->id != ctx->viewer_id;
    if ((c = fill_relationship(ctx, &v)) != OK)
        return c;
    if ((v.edges & EDGE_BLOCKED_BY) != 0)
        return fail(ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    page = profile_page(req, &v);
    if ((c = fill_posts(req, page, &v, own)) != OK || (c = fill_counts(req, &v, own)) != OK)
        return c;
    tpl_user_profile(form_html(req), page, &v);
    return OK;
}

static void prefetch(struct request *req, int64_t claimed_user, bool with_replies) {
    int64_t id = profile_known_id(req->args[0]);

    if (id == 0)
        return;
    relation_ahead(&req->ctx, claimed_user, id);
    network_counts_ahead(&req->ctx, id);
    if (post_cards_author_ahead != NULL)
        post_cards_author_ahead(&req->ctx, claimed_user, id, with_replies);
}

void user_page_profile_prefetch(struct request *req, int64_t claimed_user) {
    prefetch(req, claimed_user, false);
}

void user_page_replies_prefetch(struct request *req, int64_t claimed_user) {
    prefetch(req, claimed_user, true);
}

enum code user_page_profile(struct request *req) { return show_profile(req, PROFILE_POSTS); }

enum code user_page_replies(struct request *req) { return show_profile(req, PROFILE_REPLIES); }

/* ---- Pictures
 * -------------------------------------------------------------------------------------------------------- */

static enum code show_picture(struct request *req, void (*template)(struct buf *, const struct page *,
                                                                    const struct picture_view *)) {
    struct picture_view v;
    enum code c = card_by_handle(&req->ctx, req->args[0], &v.user);

    if (c != OK)
        return c;
    if (v.user->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    respond_header(req, "Cache-Control", "public, max-age=3600");
    template(respond(req, 200, "image/svg+xml"), page_new(req, PLACE_NONE, NULL), &v);
    respond_etag(req);
    return OK;
}

enum code user_page_avatar(struct request *req) { return show_picture(req, tpl_user_avatar); }

enum code user_page_banner(struct request *req) { return show_picture(req, tpl_user_banner); }

/* ---- Directory and about
 * ----------------------------------------------------------------------------------------------- */

static const char *directory_url(struct request *req, const struct directory_view *v, int64_t before) {
    struct buf url;

    buf_init(&url, req->ctx.arena, 2048);
    buf_printf(&url, "/directory?order=%s&q=", v->order);
    buf_url(&url, v->q, strlen(v->q));
    if (before != 0)
        buf_printf(&url, "&before=%" PRId64, before);
    return buf_str(&url);
}

enum code user_page_directory(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__DirectoryRequest ask = PB__DIRECTORY_REQUEST__INIT;
    const Pb__UsersPage *found;
    struct directory_view v = {.q = field_text(req, "q"), .order = field_text(req, "order")};
    struct member_row *rows;
    int64_t *ids;
    enum code c;

    if (text_is_empty(v.order))
        v.order = "active";
    ask.query = v.q;
    ask.order = v.order;
    ask.before = field_int(req, "before");
    ask.limit = DIRECTORY_LIMIT;
    if ((c = user_list_directory(ctx, &ask, &found)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, found->n_users);
    for (size_t i = 0; i < found->n_users; i++)
        ids[i] = found->users[i]->id;
    if ((c = member_rows(ctx, ids, found->n_users, &rows, &v.members.n)) != OK)
        return c;
    v.members.rows = rows;
    if (found->next != 0)
        v.members.pager.older = directory_url(req, &v, found->next);
    if (ask.before != 0)
        v.members.pager.newer = directory_url(req, &v, 0);
    tpl_user_directory(form_html(req), page_new(req, PLACE_NETWORK, tr(ctx->lang, tr_mark("People"))), &v);
    return OK;
}

enum code user_page_about(struct request *req) {
    struct user_site site;
    struct about_view v = {0};
    enum code c = user_service_site(&req->ctx, &site);

    if (c != OK)
        return c;
    v.members = site.members;
    v.staff = site.staff;
    v.n_staff = site.n_staff;
    v.rules = user_view_rules;
    v.n_rules = USER_RULES;
    tpl_user_about(form_html(req), page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("About"))), &v);
    return OK;
}
