#include "handlers/notification/routes.h"

#include "handlers/common/permission.h"
#include "handlers/notification/pages.h"
#include "handlers/notification/pages_deliver.h"

static const struct field list_fields[] = {
    {.name = "show", .kind = FIELD_CHOICE, .choices = "talk|reactions|follows|site", .label = "What to show"},
    {.name = "max_id", .kind = FIELD_ID, .label = "Page"},
    {0},
};

static const struct field page_fields[] = {{.name = "max_id", .kind = FIELD_ID, .label = "Page"}, {0}};

static const struct field return_fields[] = {{.name = "return_to", .kind = FIELD_PATH, .label = "Way back"},
                                             {0}};

static const struct field read_fields[] = {
    {.name = "last_id", .kind = FIELD_ID, .required = true, .label = "The latest notification"},
    {.name = "return_to", .kind = FIELD_PATH, .label = "Way back"},
    {0},
};

#define RULE(name_, label_) \
    { .name = (name_), .kind = FIELD_CHOICE, .choices = "accept|filter|drop", .label = (label_) }
static const struct field policy_fields[] = {
    RULE("not_following", "Members you don't follow"),
    RULE("not_followers", "Members who don't follow you"),
    RULE("new_accounts", "New accounts"),
    RULE("private_mentions", "Direct posts out of the blue"),
    {0},
};

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

#define ADMIN .permission = PERMISSION_SETTINGS
#define GET .method = METHOD_GET
#define POST .method = METHOD_POST

const struct route notification_routes[] = {
    {GET, .pattern = "/notifications", .handler = notification_page_list, .fields = list_fields,
     .prefetch = notification_page_prefetch, .summary = "what concerns the reader, the latest first"},
    {POST, .pattern = "/notifications/read", .handler = notification_page_read, .fields = read_fields,
     .summary = "marks notifications as read, up to one"},
    {POST, .pattern = "/notifications/groups/{key}/dismiss", .handler = notification_page_dismiss,
     .fields = return_fields, .summary = "takes a notification away"},
    {GET, .pattern = "/notifications/requests", .handler = notification_page_requests, .fields = page_fields,
     .summary = "senders of whom something is held back"},
    {POST, .pattern = "/notifications/requests/{id}/accept", .handler = notification_page_accept,
     .fields = return_fields, .summary = "lets a sender be heard"},
    {POST, .pattern = "/notifications/requests/{id}/dismiss", .handler = notification_page_refuse,
     .fields = return_fields, .summary = "takes away what is held back of a sender"},
    {GET, .pattern = "/notifications/policy", .handler = notification_page_policy,
     .summary = "whose doings reach the reader"},
    {POST, .pattern = "/notifications/policy", .handler = notification_page_policy_set,
     .fields = policy_fields, .summary = "changes that"},

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
