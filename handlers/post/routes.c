#include "handlers/post/routes.h"

#include "handlers/common/permission.h"
#include "handlers/common/post_cards.h"
#include "handlers/post/pages.h"

static const struct field page_fields[] = {POST_PAGE_FIELDS, {0}};

static const struct field user_page_fields[] = {
    POST_PAGE_FIELDS,
    {.name = "replies", .kind = FIELD_BOOL, .label = "With comments"},
    {0},
};

static const struct field thread_fields[] = {
    {.name = "comments", .kind = FIELD_INT, .min = 1, .max = 500, .label = "Comments"},
    {0},
};

static const struct field who_fields[] = {{.name = "before", .kind = FIELD_ID, .label = "Page"}, {0}};

static const struct field compose_fields[] = {{.name = "in_reply_to", .kind = FIELD_ID, .label = "The post answered"}, {0}};

/* The text's length is the site's to say: the service checks it. */
static const struct field create_fields[] = {
    {.name = "text", .kind = FIELD_TEXT, .required = true, .max = 100000, .label = "The text"},
    {.name = "warning", .kind = FIELD_LINE, .max = 200, .label = "The content warning"},
    {.name = "sensitive", .kind = FIELD_BOOL, .label = "Sensitive"},
    {.name = "audience", .kind = FIELD_CHOICE, .choices = "public|unlisted|followers|direct", .label = "Who can see it"},
    {.name = "in_reply_to", .kind = FIELD_ID, .label = "The post answered"},
    {.name = "return_to", .kind = FIELD_PATH, .label = "Way back"},
    {0},
};

static const struct field edit_fields[] = {
    {.name = "text", .kind = FIELD_TEXT, .required = true, .max = 100000, .label = "The text"},
    {.name = "warning", .kind = FIELD_LINE, .max = 200, .label = "The content warning"},
    {.name = "sensitive", .kind = FIELD_BOOL, .label = "Sensitive"},
    {0},
};

static const struct field return_fields[] = {{.name = "return_to", .kind = FIELD_PATH, .label = "Way back"}, {0}};

/* Others read what is written, so it is slower than what only counts. */
static const struct rate write_rate = {"post", 60, 600, false};
static const struct rate react_rate = {"react", 600, 600, false};

const struct route post_routes[] = {
    {.method = METHOD_GET, .pattern = "/", .handler = post_page_front, .auth = AUTH_ANYBODY, .cacheable = true,
     .fields = page_fields, .prefetch = post_page_front_prefetch,
     .summary = "a member's home timeline; for strangers, what this site is"},
    {.method = METHOD_GET, .pattern = "/local", .handler = post_page_local, .auth = AUTH_ANYBODY, .cacheable = true,
     .fields = page_fields, .summary = "all public posts"},
    {.method = METHOD_GET, .pattern = "/tags", .handler = post_page_tags, .auth = AUTH_ANYBODY,
     .summary = "tags in use lately"},
    {.method = METHOD_GET, .pattern = "/tags/{tag}", .handler = post_page_tag, .auth = AUTH_ANYBODY, .cacheable = true,
     .fields = page_fields, .summary = "public posts with a tag"},
    {.method = METHOD_GET, .pattern = "/tags/{tag}/feed.atom", .handler = post_page_tag_feed, .auth = AUTH_ANYBODY,
     .face = FACE_FEED, .summary = "Atom feed of a tag"},
    {.method = METHOD_GET, .pattern = "/bookmarks", .handler = post_page_bookmarks, .fields = page_fields,
     .summary = "what the reader keeps"},
    {.method = METHOD_GET, .pattern = "/likes", .handler = post_page_likes, .fields = page_fields,
     .summary = "what the reader liked"},
    {.method = METHOD_GET, .pattern = "/@{handle}/{id}", .handler = post_page_thread, .auth = AUTH_ANYBODY,
     .cacheable = true, .fields = thread_fields, .summary = "a post with what it answers and its comments"},
    {.method = METHOD_GET, .pattern = "/@{handle}/feed.atom", .handler = post_page_user_feed, .auth = AUTH_ANYBODY,
     .face = FACE_FEED, .summary = "Atom feed of a member's posts"},

    {.method = METHOD_GET, .pattern = "/compose", .handler = post_page_compose, .permission = PERMISSION_POST,
     .fields = compose_fields, .summary = "the composer on a page of its own"},
    {.method = METHOD_POST, .pattern = "/posts", .handler = post_page_create, .permission = PERMISSION_POST,
     .rate = &write_rate, .fields = create_fields, .invalid = post_page_create_again, .summary = "a new post or comment"},
    {.method = METHOD_GET, .pattern = "/posts/{id}/edit", .handler = post_page_edit_form,
     .summary = "one's own post in a form"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/edit", .handler = post_page_edit, .permission = PERMISSION_POST,
     .rate = &write_rate, .fields = edit_fields, .invalid = post_page_edit_again, .summary = "changes a post"},
    {.method = METHOD_GET, .pattern = "/posts/{id}/delete", .handler = post_page_delete_ask, .fields = return_fields,
     .summary = "asks whether to delete a post"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/delete", .handler = post_page_delete, .fields = return_fields,
     .summary = "deletes a post"},
    {.method = METHOD_GET, .pattern = "/posts/{id}/history", .handler = post_page_history, .auth = AUTH_ANYBODY,
     .summary = "earlier versions of a post"},
    {.method = METHOD_GET, .pattern = "/posts/{id}/likes", .handler = post_page_who_liked, .auth = AUTH_ANYBODY,
     .fields = who_fields, .summary = "who liked a post"},
    {.method = METHOD_GET, .pattern = "/posts/{id}/reposts", .handler = post_page_who_reposted, .auth = AUTH_ANYBODY,
     .fields = who_fields, .summary = "who reposted a post"},

    {.method = METHOD_POST, .pattern = "/posts/{id}/like", .handler = post_page_like, .permission = PERMISSION_POST,
     .rate = &react_rate, .fields = return_fields, .summary = "likes a post"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/unlike", .handler = post_page_unlike, .rate = &react_rate,
     .fields = return_fields, .summary = "takes a like back"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/repost", .handler = post_page_repost, .permission = PERMISSION_POST,
     .rate = &write_rate, .fields = return_fields, .summary = "reposts a post"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/unrepost", .handler = post_page_unrepost, .rate = &react_rate,
     .fields = return_fields, .summary = "takes a repost back"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/bookmark", .handler = post_page_bookmark, .rate = &react_rate,
     .fields = return_fields, .summary = "keeps a post"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/unbookmark", .handler = post_page_unbookmark, .rate = &react_rate,
     .fields = return_fields, .summary = "keeps a post no longer"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/pin", .handler = post_page_pin, .rate = &react_rate,
     .fields = return_fields, .summary = "pins a post to its author's profile"},
    {.method = METHOD_POST, .pattern = "/posts/{id}/unpin", .handler = post_page_unpin, .rate = &react_rate,
     .fields = return_fields, .summary = "unpins a post"},

    {.method = METHOD_GET, .pattern = "/fragment/home", .handler = post_page_fragment_home, .fields = page_fields,
     .prefetch = post_page_fragment_home_prefetch, .summary = "posts of the home timeline as bare HTML"},
    {.method = METHOD_GET, .pattern = "/fragment/local", .handler = post_page_fragment_local, .auth = AUTH_ANYBODY,
     .fields = page_fields, .summary = "all public posts as bare HTML"},
    {.method = METHOD_GET, .pattern = "/fragment/tag/{tag}", .handler = post_page_fragment_tag, .auth = AUTH_ANYBODY,
     .fields = page_fields, .summary = "posts with a tag as bare HTML"},
    {.method = METHOD_GET, .pattern = "/fragment/user/{id}", .handler = post_page_fragment_user, .auth = AUTH_ANYBODY,
     .fields = user_page_fields, .summary = "a member's posts as bare HTML"},
    {0},
};
