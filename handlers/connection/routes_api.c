#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/common/permission.h"
#include "handlers/connection/api.h"
#include "handlers/connection/policy.h"
#include "handlers/connection/routes.h"

static const struct field page_fields[] = {API_PAGE_FIELDS, {0}};

static const struct field limit_fields[] = {{.name = "limit", .kind = FIELD_INT, .min = 1, .max = 1000}, {0}};

static const struct field relationships_fields[] = {
    {.name = "id", .kind = FIELD_IDS, .max = 80},
    {.name = "with_suspended", .kind = FIELD_BOOL},
    {0},
};

static const struct field ids_fields[] = {{.name = "id", .kind = FIELD_IDS, .max = 80}, {0}};

/* What is not sent stays as it is. */
static const struct field follow_fields[] = {
    {.name = "reblogs", .kind = FIELD_BOOL},
    {.name = "notify", .kind = FIELD_BOOL},
    {.name = "languages", .kind = FIELD_LINES, .max = 35},
    {0},
};

static const struct field mute_fields[] = {
    {.name = "notifications", .kind = FIELD_BOOL},
    {.name = "duration", .kind = FIELD_INT, .min = 0, .max = 315360000},
    {0},
};

static const struct field note_fields[] = {{.name = "comment", .kind = FIELD_TEXT, .max = 2000}, {0}};

static const struct field list_page_fields[] = {API_PAGE_FIELDS_FROM(0), {0}};

#define LIST_FIELDS                                                              \
    {.name = "replies_policy", .kind = FIELD_CHOICE, .choices = POLICY_NAMES}, { \
        .name = "exclusive", .kind = FIELD_BOOL                                  \
    }
static const struct field list_create_fields[] = {
    {.name = "title", .kind = FIELD_LINE, .required = true}, LIST_FIELDS, {0}};
static const struct field list_change_fields[] = {{.name = "title", .kind = FIELD_LINE}, LIST_FIELDS, {0}};

static const struct field members_fields[] = {
    {.name = "account_ids", .kind = FIELD_IDS, .required = true, .max = 500}, {0}};

static const struct rate list_rate = {"list", 300, 600, false};

/* As for the pages' buttons, and counted with them. */
static const struct rate follow_rate = {"follow", 120, 600, false};

/* Instead of a member that is suspended. */
static const int gone[] = {410, 0};

#define GET .method = METHOD_GET, .face = FACE_JSON
#define POST .method = METHOD_POST, .face = FACE_JSON
#define ACCOUNTS GET, .reply = &api_account_shape, .reply_list = true
#define EMPTY_LIST GET, .handler = connection_api_none, .reply = &api_nothing_shape, .reply_list = true
#define LISTS GET, .scope = "read:lists"
#define LIST_CHANGE .face = FACE_JSON, .scope = "write:lists", .rate = &list_rate
#define CHANGE POST, .reply = &api_relationship_shape

const struct route connection_api_routes[] = {
    {GET, .pattern = "/api/v1/accounts/relationships", .handler = connection_api_relationships,
     .scope = "read:follows", .fields = relationships_fields, .reply = &api_relationship_shape,
     .reply_list = true, .summary = "what stands between oneself and members"},
    {GET, .pattern = "/api/v1/accounts/familiar_followers", .handler = connection_api_familiar,
     .scope = "read:follows", .fields = ids_fields, .reply = &api_familiar_shape, .reply_list = true,
     .summary = "followers of members whom one follows"},
    {ACCOUNTS, .also = gone, .pattern = "/api/v1/accounts/{id}/followers",
     .handler = connection_api_followers, .auth = AUTH_ANYBODY, .scope = "read:accounts",
     .fields = page_fields, .paged = true, .summary = "who follows a member"},
    {ACCOUNTS, .also = gone, .pattern = "/api/v1/accounts/{id}/following",
     .handler = connection_api_following, .auth = AUTH_ANYBODY, .scope = "read:accounts",
     .fields = page_fields, .paged = true, .summary = "whom a member follows"},

    {CHANGE, .pattern = "/api/v1/accounts/{id}/follow", .handler = connection_api_follow,
     .permission = PERMISSION_POST, .scope = "write:follows", .rate = &follow_rate, .fields = follow_fields,
     .summary = "follows, or asks to where follows need approval"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/unfollow", .handler = connection_api_unfollow,
     .scope = "write:follows", .summary = "follows no longer"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/remove_from_followers",
     .handler = connection_api_remove_follower, .scope = "write:follows", .summary = "ends another's follow"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/block", .handler = connection_api_block,
     .scope = "write:blocks", .summary = "blocks a member"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/unblock", .handler = connection_api_unblock,
     .scope = "write:blocks", .summary = "blocks a member no longer"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/mute", .handler = connection_api_mute, .scope = "write:mutes",
     .fields = mute_fields, .summary = "mutes a member, for so many seconds or for ever"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/unmute", .handler = connection_api_unmute,
     .scope = "write:mutes", .summary = "mutes a member no longer"},
    {CHANGE, .pattern = "/api/v1/accounts/{id}/note", .handler = connection_api_note,
     .scope = "write:accounts", .fields = note_fields, .summary = "notes something for oneself"},

    {ACCOUNTS, .pattern = "/api/v1/follow_requests", .handler = connection_api_requests,
     .scope = "read:follows", .fields = page_fields, .paged = true, .summary = "who asks to follow"},
    {CHANGE, .pattern = "/api/v1/follow_requests/{id}/authorize", .handler = connection_api_authorize,
     .scope = "write:follows", .summary = "lets a member follow"},
    {CHANGE, .pattern = "/api/v1/follow_requests/{id}/reject", .handler = connection_api_reject,
     .scope = "write:follows", .summary = "refuses a request to follow"},

    {ACCOUNTS, .pattern = "/api/v1/blocks", .handler = connection_api_blocks, .scope = "read:blocks",
     .fields = page_fields, .paged = true, .summary = "whom one blocks"},
    {GET, .pattern = "/api/v1/mutes", .handler = connection_api_mutes, .scope = "read:mutes",
     .fields = page_fields, .reply = &api_muted_shape, .reply_list = true, .paged = true,
     .summary = "whom one mutes"},
    {EMPTY_LIST, .pattern = "/api/v1/domain_blocks", .scope = "read:blocks",
     .summary = "domains that one blocks: none, since all members are of this one"},
    {EMPTY_LIST, .pattern = "/api/v1/endorsements", .scope = "read:accounts",
     .summary = "members shown on one's profile: none"},

    {LISTS, .pattern = "/api/v1/lists", .handler = connection_api_own_lists, .reply = &api_list_shape,
     .reply_list = true, .summary = "one's lists of members"},
    {LISTS, .pattern = "/api/v1/lists/{id}", .handler = connection_api_list, .reply = &api_list_shape,
     .summary = "one of them"},
    {LISTS, .pattern = "/api/v1/lists/{id}/accounts", .handler = connection_api_list_accounts,
     .fields = list_page_fields, .reply = &api_account_shape, .reply_list = true, .paged = true,
     .summary = "who is on a list; limit=0: everybody"},
    {LISTS, .also = gone, .pattern = "/api/v1/accounts/{id}/lists", .handler = connection_api_lists_with,
     .reply = &api_list_shape, .reply_list = true, .summary = "one's lists that hold a member"},
    {LIST_CHANGE, .method = METHOD_POST, .pattern = "/api/v1/lists", .handler = connection_api_list_create,
     .fields = list_create_fields, .reply = &api_list_shape, .summary = "a new list"},
    {LIST_CHANGE, .method = METHOD_PUT, .pattern = "/api/v1/lists/{id}",
     .handler = connection_api_list_change, .fields = list_change_fields, .reply = &api_list_shape,
     .summary = "changes a list; what is not said stays as it is"},
    {LIST_CHANGE, .method = METHOD_DELETE, .pattern = "/api/v1/lists/{id}",
     .handler = connection_api_list_delete, .summary = "deletes a list"},
    {LIST_CHANGE, .method = METHOD_POST, .pattern = "/api/v1/lists/{id}/accounts",
     .handler = connection_api_list_add, .fields = members_fields,
     .summary = "puts members on a list, all of them or nobody: 404 where one does not follow them"},
    {LIST_CHANGE, .method = METHOD_DELETE, .pattern = "/api/v1/lists/{id}/accounts",
     .handler = connection_api_list_remove, .fields = members_fields, .summary = "takes members off a list"},

    {GET, .pattern = "/api/v2/suggestions", .handler = connection_api_suggestions, .scope = "read",
     .fields = limit_fields, .reply = &api_suggestion_shape, .reply_list = true,
     .summary = "whom one may want to follow, and why"},
    {ACCOUNTS, .pattern = "/api/v1/suggestions", .handler = connection_api_suggestions_v1, .scope = "read",
     .fields = limit_fields, .summary = "whom one may want to follow"},
    {.method = METHOD_DELETE,
     .face = FACE_JSON,
     .pattern = "/api/v1/suggestions/{id}",
     .handler = connection_api_dismiss,
     .scope = "write:accounts",
     .summary = "does not suggest a member again"},
    {0},
};
