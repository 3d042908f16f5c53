/* What leaves the site, for programs: Web Push in Mastodon's words, the rest in our own API. */
#include "handlers/common/api_own.h"
#include "handlers/common/permission.h"
#include "handlers/notification/api_deliver.h"
#include "handlers/notification/routes.h"

#define GET .method = METHOD_GET, .face = FACE_JSON
#define POST .method = METHOD_POST, .face = FACE_JSON
#define PUT .method = METHOD_PUT, .face = FACE_JSON
#define DELETE .method = METHOD_DELETE, .face = FACE_JSON
#define LIST .reply_list = true, .paged = true
#define READ_ADMIN .permission = PERMISSION_SETTINGS, .scope = "admin:read"
#define WRITE_ADMIN .permission = PERMISSION_SETTINGS, .scope = "admin:write"

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

static const struct field push_here_fields[] = {
    {.name = "endpoint", .kind = FIELD_SECRET, .required = true, .max = 2000, .label = "Endpoint"},
    {.name = "keys[p256dh]", .kind = FIELD_SECRET, .required = true, .max = 200, .label = "p256dh"},
    {.name = "keys[auth]", .kind = FIELD_SECRET, .required = true, .max = 100, .label = "auth"},
    {0},
};

#define TYPE(name_) \
    { .name = "types[" name_ "]", .kind = FIELD_LINES, .max = 10, .label = name_ }

static const struct field prefs_fields[] = {
    TYPE("mention"),
    TYPE("comment"),
    TYPE("like"),
    TYPE("repost"),
    TYPE("follow"),
    TYPE("follow_request"),
    TYPE("follow_accepted"),
    TYPE("edit"),
    TYPE("sign_in"),
    TYPE("moderation"),
    {.name = "quiet_hours[on]", .kind = FIELD_BOOL, .label = "Keep quiet hours"},
    {.name = "quiet_hours[from]", .kind = FIELD_LINE, .max = 5, .label = "From"},
    {.name = "quiet_hours[to]", .kind = FIELD_LINE, .max = 5, .label = "Until"},
    {.name = "time_zone", .kind = FIELD_LINE, .max = 60, .label = "Your time zone"},
    {.name = "caps[hour]", .kind = FIELD_INT, .min = 1, .max = 1000, .label = "At most an hour"},
    {.name = "caps[day]", .kind = FIELD_INT, .min = 1, .max = 1000, .label = "At most a day"},
    {.name = "digest_hour", .kind = FIELD_INT, .min = 0, .max = 23, .label = "Daily summary at"},
    {0},
};

static const struct field hook_fields[] = {
    {.name = "url", .kind = FIELD_LINE, .required = true, .max = 2000, .label = "Address"},
    {.name = "events", .kind = FIELD_LINES, .max = 40, .label = "When"},
    {0},
};

static const struct field hook_change_fields[] = {
    {.name = "url", .kind = FIELD_LINE, .max = 2000, .label = "Address"},
    {.name = "events", .kind = FIELD_LINES, .max = 40, .label = "When"},
    {.name = "active", .kind = FIELD_BOOL, .label = "Switched on"},
    {0},
};

static const struct field page_fields[] = {API_OWN_PAGE_FIELDS, {0}};

static const int conflict[] = {409, 0};
static const int full[] = {429, 0};

#define PUSH .pattern = "/api/v1/push/subscription", .scope = "push"

const struct route notification_api_routes[] = {
    {GET, PUSH, .handler = notification_api_push, .reply = &notification_push_shape,
     .summary = "where this token's notifications are pushed to"},
    {POST, PUSH, .handler = notification_api_push_make, .fields = push_fields,
     .reply = &notification_push_shape,
     .summary = "has this token's notifications pushed, in place of what was there"},
    {PUT, PUSH, .handler = notification_api_push_change, .fields = push_change_fields,
     .reply = &notification_push_shape, .summary = "changes what is pushed"},
    {DELETE, PUSH, .handler = notification_api_push_end, .summary = "ends it"},
    {0},
};

const struct route notification_own_routes[] = {
    {GET, .pattern = API_OWN "/me/notification-preferences", .handler = notification_api_prefs,
     .scope = "read:notifications", .reply = &notification_prefs_shape,
     .summary = "how one wants to be told of what"},
    {PUT, .pattern = API_OWN "/me/notification-preferences", .handler = notification_api_prefs_change,
     .if_match = true, .scope = "write:notifications", .fields = prefs_fields,
     .reply = &notification_prefs_shape, .summary = "changes what is sent of it"},
    {GET, .pattern = API_OWN "/me/push", .handler = notification_api_push_here, .scope = "push",
     .reply = &notification_push_here_shape, .summary = "whether this session's browser is told by push"},
    {POST, .pattern = API_OWN "/me/push", .handler = notification_api_push_here_make, .scope = "push",
     .fields = push_here_fields, .reply = &notification_push_here_shape,
     .summary = "has this session's browser told by push"},
    {DELETE, .pattern = API_OWN "/me/push", .handler = notification_api_push_here_end, .scope = "push",
     .status = 204, .summary = "ends it"},

    {GET, .pattern = API_OWN "/admin/webhooks", .handler = notification_api_hooks, READ_ADMIN,
     .reply = &notification_hook_shape, .reply_list = true, .summary = "all webhooks"},
    {POST, .pattern = API_OWN "/admin/webhooks", .handler = notification_api_hook_make, WRITE_ADMIN,
     .fields = hook_fields, .reply = &notification_hook_made_shape, .status = 201, .also = full,
     .summary = "makes a webhook; its secret is in this answer alone"},
    {GET, .pattern = API_OWN "/admin/webhooks/{id}", .handler = notification_api_hook, READ_ADMIN,
     .reply = &notification_hook_shape, .summary = "one webhook"},
    {PUT, .pattern = API_OWN "/admin/webhooks/{id}", .handler = notification_api_hook_change,
     .if_match = true, WRITE_ADMIN, .fields = hook_change_fields, .reply = &notification_hook_shape,
     .summary = "changes what is sent of a webhook"},
    {DELETE, .pattern = API_OWN "/admin/webhooks/{id}", .handler = notification_api_hook_drop, WRITE_ADMIN,
     .status = 204, .summary = "removes a webhook"},
    {POST, .pattern = API_OWN "/admin/webhooks/{id}/ping", .handler = notification_api_hook_ping, WRITE_ADMIN,
     .status = 204, .also = conflict, .summary = "queues a call to try it"},
    {GET, .pattern = API_OWN "/admin/webhooks/{id}/calls", .handler = notification_api_hook_calls, READ_ADMIN,
     .fields = page_fields, .reply = &notification_hook_call_shape, LIST,
     .summary = "its calls, the latest first"},
    {0},
};
