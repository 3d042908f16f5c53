/* Notifications in our own API, /api/deeplink/v1. */
#include "handlers/common/api_own.h"
#include "handlers/common/permission.h"
#include "handlers/notification/api.h"
#include "handlers/notification/api_deliver.h"
#include "handlers/notification/routes.h"

#define MINE API_OWN "/me/notifications"

static const struct field list_fields[] = {
    API_OWN_PAGE_FIELDS,
    {.name = "kind",
     .kind = FIELD_CHOICE,
     .choices =
         "mention|comment|like|repost|follow|follow_request|follow_accepted|edit|sign_in|moderation|post"},
    {0},
};

static const struct field read_fields[] = {{.name = "last_id", .kind = FIELD_ID, .required = true}, {0}};

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
    TYPE("post"),
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

#define READ .method = METHOD_GET, .face = FACE_JSON
#define POST .method = METHOD_POST, .face = FACE_JSON
#define PUT .method = METHOD_PUT, .face = FACE_JSON
#define DELETE .method = METHOD_DELETE, .face = FACE_JSON
#define LIST .reply_list = true, .paged = true
#define READ_ADMIN .permission = PERMISSION_SETTINGS, .scope = "admin:read"
#define WRITE_ADMIN .permission = PERMISSION_SETTINGS, .scope = "admin:write"
#define GET .method = METHOD_GET, .face = FACE_JSON, .scope = "read:notifications"

const struct route notification_own_routes[] = {
    {GET, .pattern = MINE, .handler = notification_api_own_list, .fields = list_fields,
     .reply = &notification_api_own_shape, .reply_list = true, .paged = true,
     .summary = "what concerns the reader, of all kinds, the latest first"},
    {GET, .pattern = MINE "/unread", .handler = notification_api_own_bell,
     .reply = &notification_api_bell_shape, .summary = "how much of it was not read"},
    {.method = METHOD_POST,
     .face = FACE_JSON,
     .scope = "write:notifications",
     .pattern = MINE "/read",
     .handler = notification_api_own_read,
     .fields = read_fields,
     .status = 204,
     .summary = "says how far they were read; never back"},
    {.method = METHOD_DELETE,
     .face = FACE_JSON,
     .scope = "write:notifications",
     .pattern = MINE "/{id}",
     .handler = notification_api_own_dismiss,
     .status = 204,
     .summary = "takes one notification away"},

    {READ, .pattern = API_OWN "/me/notification-preferences", .handler = notification_api_prefs,
     .scope = "read:notifications", .reply = &notification_prefs_shape,
     .summary = "how one wants to be told of what"},
    {PUT, .pattern = API_OWN "/me/notification-preferences", .handler = notification_api_prefs_change,
     .if_match = true, .scope = "write:notifications", .fields = prefs_fields,
     .reply = &notification_prefs_shape, .summary = "changes what is sent of it"},
    {READ, .pattern = API_OWN "/me/push", .handler = notification_api_push_here, .scope = "push",
     .reply = &notification_push_here_shape, .summary = "whether this session's browser is told by push"},
    {POST, .pattern = API_OWN "/me/push", .handler = notification_api_push_here_make, .scope = "push",
     .fields = push_here_fields, .reply = &notification_push_here_shape,
     .summary = "has this session's browser told by push"},
    {DELETE, .pattern = API_OWN "/me/push", .handler = notification_api_push_here_end, .scope = "push",
     .status = 204, .summary = "ends it"},

    {READ, .pattern = API_OWN "/admin/webhooks", .handler = notification_api_hooks, READ_ADMIN,
     .reply = &notification_hook_shape, .reply_list = true, .summary = "all webhooks"},
    {POST, .pattern = API_OWN "/admin/webhooks", .handler = notification_api_hook_make, WRITE_ADMIN,
     .fields = hook_fields, .reply = &notification_hook_made_shape, .status = 201, .also = full,
     .summary = "makes a webhook; its secret is in this answer alone"},
    {READ, .pattern = API_OWN "/admin/webhooks/{id}", .handler = notification_api_hook, READ_ADMIN,
     .reply = &notification_hook_shape, .summary = "one webhook"},
    {PUT, .pattern = API_OWN "/admin/webhooks/{id}", .handler = notification_api_hook_change,
     .if_match = true, WRITE_ADMIN, .fields = hook_change_fields, .reply = &notification_hook_shape,
     .summary = "changes what is sent of a webhook"},
    {DELETE, .pattern = API_OWN "/admin/webhooks/{id}", .handler = notification_api_hook_drop, WRITE_ADMIN,
     .status = 204, .summary = "removes a webhook"},
    {POST, .pattern = API_OWN "/admin/webhooks/{id}/ping", .handler = notification_api_hook_ping, WRITE_ADMIN,
     .status = 204, .also = conflict, .summary = "queues a call to try it"},
    {READ, .pattern = API_OWN "/admin/webhooks/{id}/calls", .handler = notification_api_hook_calls,
     READ_ADMIN, .fields = page_fields, .reply = &notification_hook_call_shape, LIST,
     .summary = "its calls, the latest first"},
    {0},
};
