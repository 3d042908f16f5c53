#include "handlers/notification/routes.h"

#include "handlers/notification/pages.h"

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
    {0},
};
