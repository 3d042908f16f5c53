/* Profiles: who somebody is, from the read models that all services share, and what they wrote. They stand
 * here since the posts are most of it. */
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
#include "handlers/post/pages.h"
#include "handlers/post/service.h"
#include "handlers/post/view.h"

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
    tpl_post_profile_gone(respond(req, 410, "text/html; charset=utf-8"), page, &v);
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
    page->image = media_at_key(page, card->avatar_large).p;
    page->image_words = card->avatar_words;
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
    tpl_post_profile(form_html(req), page, &v);
    return OK;
}

static void prefetch(struct request *req, int64_t claimed_user, bool with_replies) {
    int64_t id = profile_known_id(req->args[0]);

    if (id == 0)
        return;
    relation_ahead(&req->ctx, claimed_user, id);
    network_counts_ahead(&req->ctx, id);
    post_author_prefetch(&req->ctx, claimed_user, id, with_replies);
}

void post_page_profile_prefetch(struct request *req, int64_t claimed_user) {
    prefetch(req, claimed_user, false);
}

void post_page_replies_prefetch(struct request *req, int64_t claimed_user) {
    prefetch(req, claimed_user, true);
}

enum code post_page_profile(struct request *req) { return show_profile(req, PROFILE_POSTS); }

enum code post_page_replies(struct request *req) { return show_profile(req, PROFILE_REPLIES); }
