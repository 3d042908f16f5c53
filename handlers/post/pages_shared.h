/* What the post service's pages share. */
#ifndef DEEPLINK_POST_PAGES_SHARED_H
#define DEEPLINK_POST_PAGES_SHARED_H

#include "fcgi/router.h"
#include "handlers/common/compose.h"
#include "handlers/common/forms.h"
#include "handlers/common/post_cards.h"
#include "handlers/common/post_item.h"
#include "handlers/common/side.h"
#include "handlers/post/asks.h"
#include "handlers/post/view.h"

/* The post in the address as the reader sees it; NOT_FOUND when there is none for this reader. */
enum code post_page_item(struct request *req, const Pb__PostItem **ret);

/* path with the post's place on it, unless it names one already. */
const char *post_page_at(struct ctx *ctx, const char *path, int64_t id);

/* The shapes of the posts' own addresses, with what cannot stand in a path encoded. */
const char *post_page_tag_path(struct ctx *ctx, const char *before, const char *tag, const char *behind);

/* The tag in the address, as it is written there, and its posts. */
enum code post_page_read_tag(struct request *req, const char **ret_name, const Pb__TimelinePage **ret);

/* Whether the address asks for what is newer than the newest post: then it goes on there. */
static inline bool post_page_past_newest(const struct request *req, const Pb__TimelinePage *timeline) {
    return timeline->n_items == 0 && field_int(req, "min_id") != 0;
}

/* Beside pages that are kept for strangers nothing may stand that changes when they don't. */
static inline const struct side *post_page_side(struct request *req) {
    return req->ctx.viewer_id != 0 ? side_get(req) : NULL;
}

/* Answers an HTML fragment or feed that may be asked for again: an ETag, and caching as said ("private,
 * no-cache"). */
void post_page_revalidated(struct request *req, const char *caching);

#endif
