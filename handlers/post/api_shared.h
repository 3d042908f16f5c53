/* What the post service's JSON endpoints share. */
#ifndef DEEPLINK_POST_API_SHARED_H
#define DEEPLINK_POST_API_SHARED_H

#include "deeplink/v1/post.pb-c.h"
#include "handlers/common/api.h"
#include "handlers/common/api_status.h"
#include "handlers/post/api.h"
#include "handlers/post/asks.h"

/* The post in the address as the reader sees it; NOT_FOUND when there is none for this reader. */
enum code post_api_item(struct request *req, const Pb__PostItem **ret);

/* Names wrong fields as clients do: text is status, warning is spoiler_text, audience is visibility. What
 * speaks against a change by the state of things is 422 to clients. Returns c. */
enum code post_api_refusal(struct request *req, enum code c);

/* What an edit says of media (api_media.c): media_ids, and media_attributes, a list of id, description and
 * focus. An empty list of ids takes all away; what is not said stays. */
enum code post_api_media_edit(struct request *req, Pb__EditPostRequest *ask);

/* Tags as views of post_api_tag_shape, in the arena. */
struct shape_list post_api_tag_views(struct ctx *ctx, Pb__TagInfo *const *tags, size_t n);

#endif
