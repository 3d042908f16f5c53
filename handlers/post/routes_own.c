/* Posts in our own API, /api/deeplink/v1: what Mastodon's has no words for. */
#include "handlers/common/api_own.h"
#include "handlers/post/api_own.h"
#include "handlers/post/routes.h"

#define LIST .method = METHOD_GET, .face = FACE_JSON, .auth = AUTH_ANYBODY, .reply_list = true

static const struct field page_fields[] = {API_OWN_PAGE_FIELDS, {0}};

const struct route post_own_routes[] = {
    {LIST, .pattern = API_OWN "/posts/{id}/comments", .handler = post_api_own_comments,
     .scope = "read:statuses", .fields = page_fields, .reply = &post_comment_shape, .paged = true,
     .summary = "a post's comments as a tree: direct ones in pages, oldest first, with what is below each"},
    {LIST, .pattern = API_OWN "/posts/{id}/history", .handler = post_api_own_history,
     .scope = "read:statuses", .reply = &post_revision_shape,
     .summary = "a post's versions, the oldest first"},
    {LIST, .pattern = API_OWN "/tags/trending", .handler = post_api_own_trending, .reply = &post_trend_shape,
     .summary = "tags in use lately"},
    {0},
};
