#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_status.h"
#include "handlers/common/permission.h"
#include "handlers/common/streams.h"
#include "handlers/post/api.h"
#include "handlers/post/pages.h"
#include "handlers/post/routes.h"

static const struct field page_fields[] = {API_PAGE_FIELDS, {0}};

static const struct field public_fields[] = {
    API_PAGE_FIELDS,
    {.name = "local", .kind = FIELD_BOOL},
    {.name = "remote", .kind = FIELD_BOOL},
    {.name = "only_media", .kind = FIELD_BOOL},
    {0},
};

static const struct field link_fields[] = {
    API_PAGE_FIELDS, {.name = "url", .kind = FIELD_LINE, .max = 2000}, {0}};

static const struct field tag_fields[] = {
    API_PAGE_FIELDS,
    {.name = "local", .kind = FIELD_BOOL},
    {.name = "remote", .kind = FIELD_BOOL},
    {.name = "only_media", .kind = FIELD_BOOL},
    {.name = "any", .kind = FIELD_LINES},
    {.name = "all", .kind = FIELD_LINES},
    {.name = "none", .kind = FIELD_LINES},
    {0},
};

static const struct field author_fields[] = {
    API_PAGE_FIELDS,
    {.name = "pinned", .kind = FIELD_BOOL},
    {.name = "only_media", .kind = FIELD_BOOL},
    {.name = "exclude_replies", .kind = FIELD_BOOL},
    {.name = "exclude_reblogs", .kind = FIELD_BOOL},
    {.name = "tagged", .kind = FIELD_LINE},
    {0},
};

static const struct field many_fields[] = {{.name = "id", .kind = FIELD_IDS}, {0}};

/* The text's length is the site's to say: the service checks it. */
static const struct field create_fields[] = {
    {.name = "status", .kind = FIELD_TEXT, .max = 100000},
    {.name = "spoiler_text", .kind = FIELD_LINE, .max = 200},
    {.name = "sensitive", .kind = FIELD_BOOL},
    {
        .name = "visibility",
        .kind = FIELD_CHOICE,
        .choices = "public|unlisted|private|direct",
    },
    {.name = "in_reply_to_id", .kind = FIELD_ID},
    {.name = "language", .kind = FIELD_LINE, .max = 35},
    {.name = "media_ids", .kind = FIELD_IDS},
    {0},
};

/* And media_attributes, which are no single texts. */
static const struct field edit_fields[] = {
    {.name = "status", .kind = FIELD_TEXT, .max = 100000},
    {.name = "spoiler_text", .kind = FIELD_LINE, .max = 200},
    {.name = "sensitive", .kind = FIELD_BOOL},
    {.name = "language", .kind = FIELD_LINE, .max = 35},
    {.name = "media_ids", .kind = FIELD_IDS},
    {0},
};

static const struct field reblog_fields[] = {
    {.name = "visibility", .kind = FIELD_CHOICE, .choices = "public|unlisted|private"}, {0}};

static const struct field search_fields[] = {
    {.name = "q", .kind = FIELD_LINE, .required = true, .max = 2000},
    {.name = "type", .kind = FIELD_CHOICE, .choices = "accounts|hashtags|statuses"},
    {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 1000},
    {.name = "offset", .kind = FIELD_INT, .min = 0, .max = 1000},
    {.name = "resolve", .kind = FIELD_BOOL},
    {.name = "following", .kind = FIELD_BOOL},
    {.name = "account_id", .kind = FIELD_ID},
    {.name = "max_id", .kind = FIELD_BOUND},
    {.name = "min_id", .kind = FIELD_BOUND},
    {0},
};

static const struct field trends_fields[] = {
    {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 1000},
    {.name = "offset", .kind = FIELD_INT, .min = 0, .max = 1000},
    {0},
};

/* A client that cannot send headers has its token here. */
static const struct field stream_fields[] = {
    {.name = "access_token", .kind = FIELD_SECRET},
    {.name = "stream", .kind = FIELD_LINE, .max = 40},
    {.name = "tag", .kind = FIELD_LINE, .max = 100},
    {.name = "list", .kind = FIELD_LINE, .max = 100},
    {.name = "only_media", .kind = FIELD_BOOL},
    {.name = "last_event_id", .kind = FIELD_LINE, .max = 41},
    {0},
};

/* Who comes back after a hub was restarted comes with all others. */
static const struct rate stream_rate = {"stream", 300, 300, false};

/* As for the pages' forms, and counted with them. */
static const struct rate write_rate = {"post", 60, 600, false};
static const struct rate react_rate = {"react", 600, 600, false};

/* What rows of a kind have in common. */
#define STATUSES .face = FACE_JSON, .reply = &api_status_shape, .reply_list = true, .paged = true
#define ACCOUNTS .face = FACE_JSON, .reply = &api_account_shape, .reply_list = true, .paged = true
#define STREAM                                                                            \
    .method = METHOD_GET, .face = FACE_JSON, .scope = "read:statuses|read:notifications", \
    .token = stream_token, .fields = stream_fields, .rate = &stream_rate
#define REACTION                                                                               \
    .method = METHOD_POST, .face = FACE_JSON, .reply = &api_status_shape, .rate = &react_rate, \
    .prefetch = post_page_target_prefetch

#define FOLLOW_TAG                                                                                    \
    .method = METHOD_POST, .face = FACE_JSON, .scope = "write:follows", .reply = &post_api_tag_shape, \
    .rate = &react_rate

#define TRENDS \
    .method = METHOD_GET, .face = FACE_JSON, .auth = AUTH_ANYBODY, .fields = trends_fields, .reply_list = true

const struct route post_api_routes[] = {
    {.method = METHOD_POST,
     .pattern = "/api/v1/statuses",
     .handler = post_api_create,
     .face = FACE_JSON,
     .scope = "write:statuses",
     .permission = PERMISSION_POST,
     .rate = &write_rate,
     .fields = create_fields,
     .reply = &api_status_shape,
     .summary = "a new post or comment; Idempotency-Key: sent twice, made once"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/statuses",
     .handler = post_api_get_many,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .fields = many_fields,
     .reply = &api_status_shape,
     .reply_list = true,
     .summary = "some posts"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/statuses/{id}",
     .handler = post_api_get,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .reply = &api_status_shape,
     .summary = "one post"},
    {.method = METHOD_PUT,
     .pattern = "/api/v1/statuses/{id}",
     .handler = post_api_edit,
     .face = FACE_JSON,
     .scope = "write:statuses",
     .permission = PERMISSION_POST,
     .rate = &write_rate,
     .fields = edit_fields,
     .reply = &api_status_shape,
     .summary = "changes a post; what is not said stays as it is"},
    {.method = METHOD_DELETE,
     .pattern = "/api/v1/statuses/{id}",
     .handler = post_api_delete,
     .face = FACE_JSON,
     .scope = "write:statuses",
     .reply = &api_status_shape,
     .summary = "deletes a post and gives what was typed"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/statuses/{id}/source",
     .handler = post_api_source,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .reply = &post_api_source_shape,
     .summary = "what the author typed"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/statuses/{id}/history",
     .handler = post_api_history,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .reply = &post_api_edit_shape,
     .reply_list = true,
     .summary = "what a post said, oldest first"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/statuses/{id}/context",
     .handler = post_api_context,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .reply = &post_api_context_shape,
     .summary = "what a post answers, and its comments"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/statuses/{id}/card",
     .handler = post_api_card,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .summary = "a preview of a link: always {}"},
    {.method = METHOD_POST,
     .pattern = "/api/v1/statuses/{id}/translate",
     .handler = post_api_translate,
     .face = FACE_JSON,
     .scope = "read:statuses",
     .summary = "always 404: nothing is translated here"},
    {ACCOUNTS, .method = METHOD_GET, .pattern = "/api/v1/statuses/{id}/favourited_by",
     .handler = post_api_favourited_by, .auth = AUTH_ANYBODY, .scope = "read:accounts", .fields = page_fields,
     .summary = "who liked a post"},
    {ACCOUNTS, .method = METHOD_GET, .pattern = "/api/v1/statuses/{id}/reblogged_by",
     .handler = post_api_reblogged_by, .auth = AUTH_ANYBODY, .scope = "read:accounts", .fields = page_fields,
     .summary = "who reposted a post"},

    {REACTION, .pattern = "/api/v1/statuses/{id}/favourite", .handler = post_api_favourite,
     .permission = PERMISSION_POST, .scope = "write:favourites", .summary = "likes a post"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/unfavourite", .handler = post_api_unfavourite,
     .scope = "write:favourites", .summary = "takes a like back"},
    {.method = METHOD_POST,
     .pattern = "/api/v1/statuses/{id}/reblog",
     .handler = post_api_reblog,
     .face = FACE_JSON,
     .permission = PERMISSION_POST,
     .rate = &write_rate,
     .scope = "write:statuses",
     .fields = reblog_fields,
     .reply = &api_status_shape,
     .summary = "reposts a post"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/unreblog", .handler = post_api_unreblog,
     .scope = "write:statuses", .summary = "takes a repost back"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/bookmark", .handler = post_api_bookmark,
     .scope = "write:bookmarks", .summary = "keeps a post"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/unbookmark", .handler = post_api_unbookmark,
     .scope = "write:bookmarks", .summary = "keeps a post no longer"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/pin", .handler = post_api_pin, .scope = "write:accounts",
     .summary = "pins a post to its author's profile"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/unpin", .handler = post_api_unpin, .scope = "write:accounts",
     .summary = "unpins a post"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/mute", .handler = post_api_mute, .scope = "write:mutes",
     .summary = "mutes the conversation that a post is in"},
    {REACTION, .pattern = "/api/v1/statuses/{id}/unmute", .handler = post_api_unmute, .scope = "write:mutes",
     .summary = "hears of a conversation again"},

    {STREAM, .pattern = "/api/v1/streaming", .handler = post_api_streaming,
     .summary = "a WebSocket: subscribe and unsubscribe by messages, or ?stream="},
    {STREAM, .pattern = "/api/v1/streaming/{stream}", .handler = post_api_stream,
     .summary = "an EventSource: user, public, hashtag?tag=…, list?list=…, direct"},
    {STREAM, .pattern = "/api/v1/streaming/{stream}/{part}", .handler = post_api_stream_of,
     .summary = "the same: user/notification, public/local, public/remote, hashtag/local"},

    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/timelines/home", .handler = post_api_home,
     .prefetch = post_api_home_prefetch, .scope = "read:statuses", .fields = page_fields,
     .summary = "the reader's home timeline"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/timelines/public", .handler = post_api_public,
     .auth = AUTH_ANYBODY, .scope = "read:statuses", .fields = public_fields, .summary = "all public posts"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/timelines/tag/{tag}",
     .handler = post_api_tag_timeline, .auth = AUTH_ANYBODY, .scope = "read:statuses", .fields = tag_fields,
     .summary = "public posts with a tag, or with several"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/timelines/link", .handler = post_api_link,
     .auth = AUTH_ANYBODY, .fields = link_fields, .summary = "posts about a link that is in fashion: none"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/timelines/list/{id}", .handler = post_api_list,
     .scope = "read:lists", .fields = page_fields, .summary = "posts of the members of one's list"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/favourites", .handler = post_api_favourites,
     .scope = "read:favourites", .fields = page_fields, .summary = "what the reader liked, the latest first"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/bookmarks", .handler = post_api_bookmarks,
     .scope = "read:bookmarks", .fields = page_fields, .summary = "what the reader keeps, the latest first"},
    {STATUSES, .method = METHOD_GET, .pattern = "/api/v1/accounts/{id}/statuses",
     .handler = post_api_account_statuses, .auth = AUTH_ANYBODY, .scope = "read:statuses",
     .fields = author_fields, .summary = "a member's posts"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/tags/{tag}",
     .handler = post_api_tag,
     .auth = AUTH_ANYBODY,
     .face = FACE_JSON,
     .reply = &post_api_tag_shape,
     .summary = "a tag and how often it was used lately"},
    {FOLLOW_TAG, .pattern = "/api/v1/tags/{tag}/follow", .handler = post_api_follow_tag,
     .summary = "brings public posts with a tag into the reader's home timeline"},
    {FOLLOW_TAG, .pattern = "/api/v1/tags/{tag}/unfollow", .handler = post_api_unfollow_tag,
     .summary = "does so no longer"},
    {TRENDS, .pattern = "/api/v1/trends/tags", .handler = post_api_trending_tags,
     .reply = &post_api_tag_shape, .summary = "tags of most people's posts in the last week"},
    {TRENDS, .pattern = "/api/v1/trends", .handler = post_api_trending_tags, .reply = &post_api_tag_shape,
     .summary = "the same, as older clients ask"},
    {TRENDS, .pattern = "/api/v1/trends/statuses", .handler = post_api_trending_statuses,
     .reply = &api_status_shape,
     .summary = "public posts of the last days that were liked and reposted most"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/followed_tags",
     .handler = post_api_followed_tags,
     .face = FACE_JSON,
     .scope = "read:follows",
     .fields = page_fields,
     .reply = &post_api_tag_shape,
     .reply_list = true,
     .summary = "tags that the reader follows, the latest first"},
    {.method = METHOD_GET,
     .pattern = "/api/v2/search",
     .handler = post_api_search,
     .face = FACE_JSON,
     .auth = AUTH_ANYBODY,
     .scope = "read:search",
     .fields = search_fields,
     .reply = &post_api_search_shape,
     .summary = "members, posts and tags by words"},
    {.method = METHOD_GET,
     .pattern = "/api/v1/search",
     .handler = post_api_search_v1,
     .face = FACE_JSON,
     .auth = AUTH_ANYBODY,
     .scope = "read:search",
     .fields = search_fields,
     .reply = &post_api_search_v1_shape,
     .summary = "the same, with tags by name"},
    {0},
};
