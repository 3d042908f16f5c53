#include "handlers/notification/routes.h"

#include "handlers/common/permission.h"
#include "handlers/notification/pages_deliver.h"

#define GET .method = METHOD_GET
#define POST .method = METHOD_POST
#define ADMIN .permission = PERMISSION_SETTINGS

static const struct field prefs_fields[] = {
    {.name = "quiet", .kind = FIELD_BOOL, .label = "Keep quiet hours"},
    {.name = "quiet_from", .kind = FIELD_LINE, .required = true, .max = 5, .label = "From"},
    {.name = "quiet_to", .kind = FIELD_LINE, .required = true, .max = 5, .label = "Until"},
    {.name = "time_zone", .kind = FIELD_LINE, .required = true, .max = 60, .label = "Your time zone"},
    {.name = "hour_cap",
     .kind = FIELD_INT,
     .required = true,
     .min = 1,
     .max = 1000,
     .label = "At most an hour"},
    {.name = "day_cap", .kind = FIELD_INT, .required = true, .min = 1, .max = 1000, .label = "At most a day"},
    {.name = "digest_hour",
     .kind = FIELD_INT,
     .required = true,
     .min = 0,
     .max = 23,
     .label = "Daily summary at"},
    {0},
};

static const struct field hook_fields[] = {
    {.name = "url", .kind = FIELD_LINE, .required = true, .max = 2000, .label = "Address"},
    {.name = "events", .kind = FIELD_LINES, .max = 40, .label = "When"},
    {.name = "active", .kind = FIELD_BOOL, .label = "Switched on"},
    {0},
};

static const struct field hook_page_fields[] = {{.name = "before", .kind = FIELD_ID, .label = "Page"}, {0}};

/* Asked by mail programs from many addresses; a token can't be guessed. */
static const struct rate unsubscribe_rate = {"unsubscribe", 120, 3600, true};

const struct route notification_routes[] = {
    {GET, .pattern = "/settings/notifications", .handler = notification_page_prefs,
     .summary = "how one wants to be told of what"},
    {POST, .pattern = "/settings/notifications", .handler = notification_page_prefs_send,
     .fields = prefs_fields, .invalid = notification_page_prefs, .summary = "saves how one wants to be told"},
    {GET, .pattern = "/unsubscribe/{token}", .handler = notification_page_unsubscribe, .auth = AUTH_ANYBODY,
     .summary = "a button to get no more of the mails that the link came with"},
    {POST, .pattern = "/unsubscribe/{token}", .handler = notification_page_unsubscribe_send,
     .auth = AUTH_ANYBODY, .csrf_exempt = true, .rate = &unsubscribe_rate,
     .summary = "ends those mails, by one click (RFC 8058)"},
    {GET, .pattern = "/admin/webhooks", .handler = notification_page_hooks, ADMIN, .summary = "all webhooks"},
    {POST, .pattern = "/admin/webhooks", .handler = notification_page_hooks_send, ADMIN,
     .fields = hook_fields, .invalid = notification_page_hooks, .summary = "makes a webhook"},
    {GET, .pattern = "/admin/webhooks/{id}", .handler = notification_page_hook, ADMIN,
     .fields = hook_page_fields, .summary = "a webhook and its latest calls"},
    {POST, .pattern = "/admin/webhooks/{id}", .handler = notification_page_hook_send, ADMIN,
     .fields = hook_fields, .invalid = notification_page_hook, .summary = "changes a webhook"},
    {POST, .pattern = "/admin/webhooks/{id}/ping", .handler = notification_page_hook_ping, ADMIN,
     .summary = "queues a call to try it"},
    {POST, .pattern = "/admin/webhooks/{id}/delete", .handler = notification_page_hook_drop, ADMIN,
     .summary = "removes a webhook"},
    {0},
};
