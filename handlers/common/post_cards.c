#include "handlers/common/post_cards.h"

#include <inttypes.h>
#include <stdlib.h>

#include "fcgi/base/lru.h"
#include "gen/templates.h"
#include "handlers/common/page_cache.h"

#define BODIES_BYTES ((size_t)2 << 20)

/* What post_body made of a card, kept in the worker. */
struct body {
    int64_t post, version, author_version, until_ms;
    int lang;
    size_t n;
    char html[];
};

static struct lru *bodies;
static struct arena *
    current; /* of the request that puts something in: what falls out may still be pointed to until its end */

static void body_free(void *body) { free(body); /* lint: memory-of-the-arena: it outlives requests */ }

static void body_drop(void *body) { arena_defer(current, body_free, body); }

/* One place in the cache for each post and language. Ids fill the upper bits with time, so neighbours stay
 * apart. */
static int64_t body_key(const struct page *page, const struct post_card *card) {
    return (int64_t)((uint64_t)card->post->id ^ ((uint64_t)page->lang << 56));
}

static const struct body *body_kept(const struct page *page, const struct post_card *card) {
    const struct body *b = bodies != NULL ? lru_get(bodies, body_key(page, card)) : NULL;

    if (b == NULL || b->post != card->post->id || b->lang != page->lang ||
        b->version != card->post->version || b->author_version != card->author->version ||
        b->until_ms <= page->now_ms)
        return NULL;
    return b;
}

static const struct body *body_make(struct request *req, const struct page *page,
                                    const struct post_card *card) {
    struct buf out;
    struct body *b;

    buf_init(&out, req->ctx.arena, RESPONSE_MAX);
    tpl_post_body(&out, page, card);
    if (buf_overflowed(&out))
        return NULL;
    b = malloc(sizeof *b + out.n); /* lint: memory-of-the-arena: it outlives the request */
    if (b == NULL)
        return NULL;
    *b = (struct body){
        card->post->id, card->post->version, card->author->version, post_body_until(page, card), page->lang,
        out.n};
    memcpy(b->html, out.p, out.n);
    if (bodies == NULL)
        bodies = lru_new(BODIES_BYTES);
    current = req->ctx.arena;
    if (bodies != NULL)
        lru_put(bodies, body_key(page, card), b, sizeof *b + b->n, body_drop);
    else
        body_drop(b);
    return b;
}

static void set_body(struct request *req, const struct page *page, struct post_card *card) {
    const struct body *b;

    if (card->author == NULL)
        return; /* nobody's version to go by */
    b = body_kept(page, card);
    if (b == NULL)
        b = body_make(req, page, card);
    if (b != NULL)
        card->body = (struct safe_html){b->html, b->n};
}

static void depend(struct ctx *ctx, const Pb__PostItem *item, const struct post_card *card) {
    page_cache_on(ctx, 'p', item->post->id);
    if (card->post != item->post)
        page_cache_on(ctx, 'p', card->post->id);
    if (card->author != NULL)
        page_cache_on(ctx, 'u', card->author->id);
    if (card->reposter != NULL)
        page_cache_on(ctx, 'u', card->reposter->id);
    if (card->reply_to != NULL)
        page_cache_on(ctx, 'u', card->reply_to->id);
}

struct post_card *post_cards(struct request *req, const struct page *page, Pb__PostItem *const *items,
                             size_t n) {
    struct post_card *cards = arena_many(req->ctx.arena, struct post_card, n);

    for (size_t i = 0; i < n; i++) {
        post_card_fill(page, items[i], &cards[i]);
        set_body(req, page, &cards[i]);
        depend(&req->ctx, items[i], &cards[i]);
    }
    return cards;
}

struct post_card *post_cards_one(struct request *req, const struct page *page, const Pb__PostItem *item) {
    Pb__PostItem *items[] = {(Pb__PostItem *)(uintptr_t)item};

    return post_cards(req, page, items, 1);
}

Pb__PageRequest post_cards_ask(const struct request *req) {
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;

    ask.viewer_id = req->ctx.viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.min_id = field_int(req, "min_id");
    ask.limit = POST_PAGE_LIMIT;
    return ask;
}

bool post_cards_first(const struct request *req) {
    return field_int(req, "max_id") == 0 && field_int(req, "min_id") == 0;
}

static const char *with_id(struct request *req, const char *path, const char *name, int64_t id) {
    return arena_printf(req->ctx.arena, "%s%c%s=%" PRId64, path, strchr(path, '?') != NULL ? '&' : '?', name,
                        id);
}

struct post_list post_cards_list(struct request *req, const struct page *page,
                                 const Pb__TimelinePage *timeline, const char *path, const char *fragment) {
    struct post_list list = {.posts = post_cards(req, page, timeline->items, timeline->n_items),
                             .n = timeline->n_items};

    if (timeline->next_max_id != 0) {
        list.pager.older = with_id(req, path, "max_id", timeline->next_max_id);
        if (fragment != NULL)
            list.pager.fragment = with_id(req, fragment, "max_id", timeline->next_max_id);
    }
    if (timeline->prev_min_id != 0 && !post_cards_first(req))
        list.pager.newer = with_id(req, path, "min_id", timeline->prev_min_id);
    return list;
}
