#include "handlers/connection/routes.h"

#include "handlers/common/permission.h"
#include "handlers/connection/pages.h"

static const struct field list_fields[] = {{.name = "before", .kind = FIELD_ID, .label = "Page"}, {0}};

static const struct field return_fields[] = {{.name = "return_to", .kind = FIELD_PATH, .label = "Way back"}, {0}};

static const struct field mute_fields[] = {
    {.name = "duration", .kind = FIELD_CHOICE, .choices = "0|3600|86400|604800|2592000", .label = "For how long"},
    {.name = "return_to", .kind = FIELD_PATH, .label = "Way back"},
    {0},
};

/* Follows cost others attention: slower than other writes. */
static const struct rate follow_rate = {"follow", 120, 600, false};

const struct route connection_routes[] = {
    {.method = METHOD_GET, .pattern = "/@{handle}/followers", .handler = connection_page_followers, .auth = AUTH_ANYBODY,
     .fields = list_fields, .summary = "who follows a member"},
    {.method = METHOD_GET, .pattern = "/@{handle}/following", .handler = connection_page_following, .auth = AUTH_ANYBODY,
     .fields = list_fields, .summary = "whom a member follows"},
    {.method = METHOD_GET, .pattern = "/network", .handler = connection_page_network, .fields = list_fields,
     .summary = "requests to follow and people to follow"},
    {.method = METHOD_POST, .pattern = "/members/{id}/follow", .handler = connection_page_follow, .permission = PERMISSION_POST,
     .rate = &follow_rate, .fields = return_fields, .summary = "follows, or asks to where follows need approval"},
    {.method = METHOD_POST, .pattern = "/members/{id}/unfollow", .handler = connection_page_unfollow,
     .fields = return_fields, .summary = "unfollows, or takes a request back"},
    {.method = METHOD_POST, .pattern = "/members/{id}/remove-follower", .handler = connection_page_remove_follower,
     .fields = return_fields, .summary = "makes a member stop following"},
    {.method = METHOD_GET, .pattern = "/members/{id}/block", .handler = connection_page_block_ask, .fields = return_fields,
     .summary = "asks whether to block"},
    {.method = METHOD_POST, .pattern = "/members/{id}/block", .handler = connection_page_block, .fields = return_fields,
     .summary = "blocks, both ways"},
    {.method = METHOD_POST, .pattern = "/members/{id}/unblock", .handler = connection_page_unblock,
     .fields = return_fields, .summary = "takes a block back"},
    {.method = METHOD_GET, .pattern = "/members/{id}/mute", .handler = connection_page_mute_ask, .fields = return_fields,
     .summary = "asks for how long to mute"},
    {.method = METHOD_POST, .pattern = "/members/{id}/mute", .handler = connection_page_mute, .fields = mute_fields,
     .summary = "mutes, for a time or for good"},
    {.method = METHOD_POST, .pattern = "/members/{id}/unmute", .handler = connection_page_unmute, .fields = return_fields,
     .summary = "takes a mute back"},
    {.method = METHOD_POST, .pattern = "/requests/{id}/accept", .handler = connection_page_accept, .fields = return_fields,
     .summary = "lets a member follow"},
    {.method = METHOD_POST, .pattern = "/requests/{id}/reject", .handler = connection_page_reject, .fields = return_fields,
     .summary = "declines a request, silently"},
    {.method = METHOD_GET, .pattern = "/settings/blocks", .handler = connection_page_blocks, .fields = list_fields,
     .summary = "whom the reader blocks"},
    {.method = METHOD_GET, .pattern = "/settings/mutes", .handler = connection_page_mutes, .fields = list_fields,
     .summary = "whom the reader mutes"},
    {0},
};
