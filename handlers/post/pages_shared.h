/* What the post service's pages share. */
#ifndef DEEPLINK_POST_PAGES_SHARED_H
#define DEEPLINK_POST_PAGES_SHARED_H

#include "fcgi/router.h"
#include "handlers/common/forms.h"
#include "handlers/common/post_cards.h"
#include "handlers/common/side.h"
#include "handlers/post/asks.h"
#include "handlers/post/view.h"

/* The post in the address as the reader sees it; NOT_FOUND when there is none for this reader. */
enum code post_page_item(struct request *req, const Pb__PostItem **ret);

/* The same for an id from elsewhere. */
enum code post_page_item_of(struct request *req, int64_t id, const Pb__PostItem **ret);

/* What an item shows: the original of a repost, and who wrote it (NULL: nobody any more). */
const Pb__PostView *post_page_shown(const Pb__PostItem *item);
const Pb__UserCard *post_page_author(const Pb__PostItem *item);

/* The thread page of an item; "/" when its author is gone. */
const char *post_page_path(struct ctx *ctx, const Pb__PostItem *item);

/* path with the post's place on it, unless it names one already. */
const char *post_page_at(struct ctx *ctx, const char *path, int64_t id);

/* "public", "unlisted", "followers", "direct", and back; what is neither counts as direct, the narrowest. */
const char *post_page_audience_name(Pb__Audience audience);
Pb__Audience post_page_audience(const char *name);

/* The composer for a post of its own, or for a comment below an item. */
struct composer post_page_composer(struct request *req, const Pb__PostItem *answered);

/* The shapes of the posts' own addresses, with what cannot stand in a path encoded. */
const char *post_page_tag_path(struct ctx *ctx, const char *before, const char *tag, const char *behind);

/* Answers an HTML fragment or feed that may be asked for again: an ETag, and caching as said ("private,
 * no-cache"). */
void post_page_revalidated(struct request *req, const char *caching);

#endif
