/* One post as a reader sees it, for pages of any service. */
#ifndef DEEPLINK_COMMON_POST_ITEM_H
#define DEEPLINK_COMMON_POST_ITEM_H

#include "deeplink/v1/post.pb-c.h"
#include "fcgi/request.h"

/* The post of that id as the reader sees it; NOT_FOUND when there is none for this reader. */
enum code post_item_get(struct request *req, int64_t id, const Pb__PostItem **ret);

/* What an item shows: the original of a repost, and who wrote it (NULL: nobody any more). */
const Pb__PostView *post_item_shown(const Pb__PostItem *item);
const Pb__UserCard *post_item_author(const Pb__PostItem *item);

/* The thread page of an item; "/" when its author is gone. */
const char *post_item_path(struct ctx *ctx, const Pb__PostItem *item);

#endif
