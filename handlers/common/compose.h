/* The forms in which posts are written and edited. The post service shows them; so does the media service
 * after it has taken in files for one without a script. */
#ifndef DEEPLINK_COMMON_COMPOSE_H
#define DEEPLINK_COMMON_COMPOSE_H

#include "deeplink/v1/post.pb-c.h"
#include "handlers/common/compose_media.h"
#include "handlers/common/views.h"

/* "public", "unlisted", "followers", "direct", and back; what is neither counts as direct, the narrowest. */
const char *compose_audience_name(Pb__Audience audience);
Pb__Audience compose_audience(const char *name);

/* The composer for a post of its own, or for a comment below an item. */
struct composer compose_new(struct request *req, const Pb__PostItem *answered);

/* The composer on a page of its own. The route declares in_reply_to. */
enum code compose_page(struct request *req);

/* The same with what was typed, those files, and what was wrong, if anything; the route declares return_to as
 * well, and the fields of the form. */
enum code compose_page_again(struct request *req, const struct compose_media *media);

/* The form that edits a post of the reader's; again: with what was typed, as above. */
enum code compose_edit_page(struct request *req, int64_t id);
enum code compose_edit_page_again(struct request *req, int64_t id, const struct compose_media *media);

#endif
