/* Notifications in our own API, /api/deeplink/v1. */
#include "handlers/common/api_own.h"
#include "handlers/notification/api.h"
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
    {0},
};
