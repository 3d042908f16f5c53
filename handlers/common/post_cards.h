/* Posts as cards: what pages of any service show of PostItem lists, as articles that the worker has rendered
 * before. */
#ifndef DEEPLINK_COMMON_POST_CARDS_H
#define DEEPLINK_COMMON_POST_CARDS_H

#include "handlers/common/views.h"

/* A card for each item, in their order; a page that is kept for nginx depends on every post and member shown
 * (page_cache_on). The array lives in the arena; `pinned` is left for the caller. */
struct post_card *post_cards(struct request *req, const struct page *page, Pb__PostItem *const *items,
                             size_t n);

/* One of them. */
struct post_card *post_cards_one(struct request *req, const struct page *page, const Pb__PostItem *item);

/* The keyset of a page of posts, out of the fields max_id and min_id, which the route must declare: 0 where
 * not said. */
#define POST_PAGE_FIELDS                                     \
    {.name = "max_id", .kind = FIELD_ID, .label = "Page"}, { \
        .name = "min_id", .kind = FIELD_ID, .label = "Page"  \
    }
#define POST_PAGE_LIMIT 20

/* A request for the page that the address asks for: viewer, keyset, limit. */
Pb__PageRequest post_cards_ask(const struct request *req);

/* Whether it is the newest posts that are asked for. */
bool post_cards_first(const struct request *req);

/* A timeline: its cards, and links to the pages around it. path is the page's, encoded as in a link, with or
 * without a query of its own; fragment is where the bare HTML of a page is, NULL when there is none. */
struct post_list post_cards_list(struct request *req, const struct page *page,
                                 const Pb__TimelinePage *timeline, const char *path, const char *fragment);

#endif
