/* Notifications for programs, as Mastodon's clients ask for them. */
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/notification/api.h"
#include "handlers/notification/api_deliver.h"
#include "handlers/notification/entity.h"
#include "handlers/notification/routes.h"

#define KIND_FIELDS                                                  \
    {.name = "types", .kind = FIELD_LINES, .max = 50},               \
        {.name = "exclude_types", .kind = FIELD_LINES, .max = 50}, { \
        .name = "account_id", .kind = FIELD_ID                       \
    }

static const struct field list_fields[] = {
    API_PAGE_FIELDS, KIND_FIELDS, {.name = "include_filtered", .kind = FIELD_BOOL}, {0}};

static const struct field groups_fields[] = {
    API_PAGE_FIELDS,
    KIND_FIELDS,
    {.name = "include_filtered", .kind = FIELD_BOOL},
    {.name = "grouped_types", .kind = FIELD_LINES, .max = 50},
    {.name = "expand_accounts", .kind = FIELD_CHOICE, .choices = "full|partial_avatars"},
    {0},
};

static const struct field count_fields[] = {
    KIND_FIELDS, {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 100000}, {0}};

static const struct field group_count_fields[] = {
    KIND_FIELDS,
    {.name = "grouped_types", .kind = FIELD_LINES, .max = 50},
    {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 100000},
    {0},
};

static const struct field accounts_fields[] = {
    {.name = "max_id", .kind = FIELD_ID}, {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 1000}, {0}};

static const struct field page_fields[] = {API_PAGE_FIELDS, {0}};

#define RULE(name_) \
    { .name = (name_), .kind = FIELD_CHOICE, .choices = "accept|filter|drop" }
static const struct field policy_fields[] = {
    RULE("for_not_following"),    RULE("for_not_followers"),    RULE("for_new_accounts"),
    RULE("for_private_mentions"), RULE("for_limited_accounts"), {0},
};

static const struct field ids_fields[] = {{.name = "id", .kind = FIELD_IDS, .max = 100}, {0}};

#define ALERT(name_) \
    { .name = "data[alerts][" name_ "]", .kind = FIELD_BOOL, .label = name_ }
#define WISHES                                                                                               \
    ALERT("mention"), ALERT("quote"), ALERT("status"), ALERT("reblog"), ALERT("follow"),                     \
        ALERT("follow_request"), ALERT("favourite"), ALERT("poll"), ALERT("update"), ALERT("quoted_update"), \
        ALERT("admin.sign_up"), ALERT("admin.report"),                                                       \
        {.name = "data[policy]", .kind = FIELD_LINE, .max = 20, .label = "Policy"}, {                        \
        .name = "policy", .kind = FIELD_LINE, .max = 20, .label = "Policy"                                   \
    }

static const struct field push_fields[] = {
    {.name = "subscription[endpoint]",
     .kind = FIELD_SECRET,
     .required = true,
     .max = 2000,
     .label = "Endpoint"},
    {.name = "subscription[keys][p256dh]",
     .kind = FIELD_SECRET,
     .required = true,
     .max = 200,
     .label = "p256dh"},
    {.name = "subscription[keys][auth]", .kind = FIELD_SECRET, .required = true, .max = 100, .label = "auth"},
    {.name = "subscription[standard]", .kind = FIELD_BOOL, .label = "Standard"},
    WISHES,
    {0},
};

static const struct field push_change_fields[] = {WISHES, {0}};

static const int not_found[] = {404, 0};

#define READ .method = METHOD_GET, .face = FACE_JSON, .scope = "read:notifications"
#define WRITE .method = METHOD_POST, .face = FACE_JSON, .scope = "write:notifications"
#define V1 "/api/v1/notifications"
#define V2 "/api/v2/notifications"
#define PUSH .face = FACE_JSON, .pattern = "/api/v1/push/subscription", .scope = "push"

const struct route notification_api_routes[] = {
    {READ, .pattern = V1, .handler = notification_api_list, .fields = list_fields,
     .reply = &notification_shape, .reply_list = true, .paged = true,
     .summary = "what concerns the reader, the latest first"},
    {READ, .pattern = V1 "/unread_count", .handler = notification_api_count, .fields = count_fields,
     .reply = &notification_api_count_shape, .summary = "how many notifications were not read"},
    {READ, .pattern = V1 "/{id}", .handler = notification_api_get, .reply = &notification_shape,
     .summary = "one notification"},
    {WRITE, .pattern = V1 "/clear", .handler = notification_api_clear,
     .summary = "takes all notifications away"},
    {WRITE, .pattern = V1 "/{id}/dismiss", .handler = notification_api_dismiss,
     .summary = "takes one notification away"},

    {READ, .pattern = V2, .handler = notification_api_groups, .fields = groups_fields,
     .reply = &notification_api_groups_shape, .paged = true,
     .summary = "the same in groups, with accounts and posts beside them"},
    {READ, .pattern = V2 "/unread_count", .handler = notification_api_group_count,
     .fields = group_count_fields, .reply = &notification_api_count_shape,
     .summary = "how many groups were not read"},
    {READ, .pattern = V2 "/{group_key}", .handler = notification_api_group,
     .reply = &notification_api_groups_shape, .summary = "one group"},
    {READ, .pattern = V2 "/{group_key}/accounts", .handler = notification_api_group_accounts,
     .fields = accounts_fields, .reply = &api_account_shape, .reply_list = true, .paged = true,
     .summary = "all who are in a group"},
    {WRITE, .pattern = V2 "/{group_key}/dismiss", .handler = notification_api_group_dismiss,
     .summary = "takes a group away"},

    {READ, .pattern = V2 "/policy", .handler = notification_api_policy,
     .reply = &notification_api_policy_shape, .summary = "what happens to notifications of certain senders"},
    {.method = METHOD_PATCH,
     .face = FACE_JSON,
     .scope = "write:notifications",
     .pattern = V2 "/policy",
     .handler = notification_api_policy_set,
     .fields = policy_fields,
     .reply = &notification_api_policy_shape,
     .summary = "changes that"},
    {.method = METHOD_PUT,
     .face = FACE_JSON,
     .scope = "write:notifications",
     .pattern = V2 "/policy",
     .handler = notification_api_policy_set,
     .fields = policy_fields,
     .reply = &notification_api_policy_shape,
     .summary = "the same, as some programs ask for it"},
    {READ, .pattern = V1 "/requests", .handler = notification_api_requests, .fields = page_fields,
     .reply = &notification_api_request_shape, .reply_list = true, .paged = true,
     .summary = "senders of whom something is held back"},
    {READ, .pattern = V1 "/requests/merged", .handler = notification_api_merged,
     .reply = &notification_api_merged_shape, .summary = "whether accepted requests are worked in"},
    {READ, .pattern = V1 "/requests/{id}", .handler = notification_api_request,
     .reply = &notification_api_request_shape, .summary = "one of those senders"},
    {WRITE, .pattern = V1 "/requests/accept", .handler = notification_api_requests_accept,
     .fields = ids_fields, .summary = "lets several be heard"},
    {WRITE, .pattern = V1 "/requests/dismiss", .handler = notification_api_requests_dismiss,
     .fields = ids_fields, .summary = "takes away what is held back of several"},
    {WRITE, .pattern = V1 "/requests/{id}/accept", .handler = notification_api_request_accept,
     .summary = "lets a sender be heard"},
    {WRITE, .pattern = V1 "/requests/{id}/dismiss", .handler = notification_api_request_dismiss,
     .summary = "takes away what is held back of a sender"},

    {.method = METHOD_GET,
     PUSH,
     .handler = notification_api_push,
     .also = not_found,
     .reply = &notification_push_shape,
     .summary = "where this token's notifications are pushed to"},
    {.method = METHOD_POST,
     PUSH,
     .handler = notification_api_push_make,
     .fields = push_fields,
     .reply = &notification_push_shape,
     .summary = "has this token's notifications pushed, in place of what was there"},
    {.method = METHOD_PUT,
     PUSH,
     .handler = notification_api_push_change,
     .also = not_found,
     .fields = push_change_fields,
     .reply = &notification_push_shape,
     .summary = "changes what is pushed"},
    {.method = METHOD_DELETE, PUSH, .handler = notification_api_push_end, .summary = "ends it"},
    {0},
};
