#include "handlers/common/post_cards.h"

#include <inttypes.h>
#include <stdlib.h>

#include "fcgi/base/lru.h"
#include "gen/templates.h"
#include "handlers/common/page_cache.h"

#define ARTICLES_BYTES ((size_t)3 << 19)

/* All that an article is made from; comparable by bytes. */
struct origin {
    int64_t post, version, row;
    int64_t author_version;
    int64_t reposter, reposter_version; /* 0: none */
    int64_t reply_to, reply_to_version;
    uint32_t mine, rights, lang, media;
};

/* What post_article made of a card, kept in the worker. Most readers of a language see the same. */
struct article {
    struct origin origin;
    int64_t until_ms;
    size_t n;
    char html[];
};

static struct lru *articles;
static struct arena *
    current; /* of the request that puts something in: what falls out may still be pointed to until its end */

static void article_free(void *article) {
    free(article); /* lint: memory-of-the-arena: it outlives requests */
}

static void article_drop(void *article) { arena_defer(current, article_free, article); }

static uint32_t rights_of(const struct post_card *card) {
    const bool bits[] = {card->pinned,   card->own,        card->may_act, card->may_repost,
                         card->may_edit, card->may_delete, card->may_pin};
    uint32_t rights = 0;

    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        rights |= (uint32_t)bits[i] << i;
    return rights;
}

static struct origin origin_of(const struct page *page, const struct post_card *card) {
    struct origin o = {.post = card->post->id,
                       .version = card->post->version,
                       .row = card->row_id,
                       .author_version = card->author->version,
                       .mine = card->mine,
                       .rights = rights_of(card),
                       .lang = (uint32_t)page->lang,
                       .media = media_stamp(card->post)};

    if (card->reposter != NULL) {
        o.reposter = card->reposter->id;
        o.reposter_version = card->reposter->version;
    }
    if (card->reply_to != NULL) {
        o.reply_to = card->reply_to->id;
        o.reply_to_version = card->reply_to->version;
    }
    return o;
}

/* A place in the cache for each way in which a post is shown. */
static int64_t article_key(const struct origin *o) {
    uint64_t how = (uint64_t)o->mine << 32 ^ (uint64_t)o->rights << 40 ^ (uint64_t)o->lang << 56;

    return (int64_t)((uint64_t)o->row ^ how * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)(o->reply_to != 0));
}

static struct safe_html article_make(const struct page *page, const struct post_card *card,
                                     const struct origin *origin) {
    struct article *kept = NULL;
    struct buf out;

    buf_init(&out, page->arena, RESPONSE_MAX);
    tpl_post_article(&out, page, card);
    if (articles == NULL)
        articles = lru_new(ARTICLES_BYTES);
    if (articles != NULL && origin != NULL && !buf_overflowed(&out))
        kept = malloc(sizeof *kept + out.n); /* lint: memory-of-the-arena: it outlives the request */
    if (kept != NULL) {
        *kept = (struct article){*origin, post_article_until(page, card), out.n};
        memcpy(kept->html, out.p, out.n);
        current = page->arena;
        lru_put(articles, article_key(origin), kept, sizeof *kept + kept->n, article_drop);
    }
    return (struct safe_html){buf_str(&out), out.n};
}

struct safe_html post_article_html(const struct page *page, const struct post_card *card) {
    const struct article *kept;
    struct origin origin;

    if (card->author == NULL)
        return article_make(page, card, NULL); /* nobody's version to go by */
    origin = origin_of(page, card);
    kept = articles != NULL ? lru_get(articles, article_key(&origin)) : NULL;
    if (kept != NULL && kept->until_ms > page->now_ms && memcmp(&kept->origin, &origin, sizeof origin) == 0)
        return (struct safe_html){kept->html, kept->n};
    return article_make(page, card, &origin);
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
