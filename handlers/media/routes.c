#include "handlers/media/routes.h"

#include "handlers/common/compose_media.h"
#include "handlers/common/permission.h"
#include "handlers/media/pages.h"

static const struct field file_fields[] = {
    {.name = "e", .kind = FIELD_ID, .label = "Expiry"},
    {.name = "s", .kind = FIELD_LINE, .max = 40, .label = "Signature"},
    {0},
};

/* All that a form in which something is written may hold: it comes back with what was typed. */
static const struct field upload_fields[] = {
    {.name = "file", .kind = FIELD_FILE, .label = "File"},
    {.name = "purpose", .kind = FIELD_CHOICE, .choices = "post|avatar|banner", .label = "Purpose"},
    {.name = "add", .kind = FIELD_BOOL, .label = "Add"},
    {.name = "up", .kind = FIELD_ID, .label = "File"},
    {.name = "down", .kind = FIELD_ID, .label = "File"},
    {.name = "remove", .kind = FIELD_ID, .label = "File"},
    {.name = "retry", .kind = FIELD_ID, .label = "File"},
    {.name = "post", .kind = FIELD_ID, .label = "The post"},
    {.name = "key", .kind = FIELD_LINE, .max = 40, .label = "Key"},
    {.name = "text", .kind = FIELD_TEXT, .max = 100000, .label = "The text"},
    {.name = "warning", .kind = FIELD_LINE, .max = 200, .label = "The content warning"},
    {.name = "sensitive", .kind = FIELD_BOOL, .label = "Sensitive"},
    {.name = "audience",
     .kind = FIELD_CHOICE,
     .choices = "public|unlisted|followers|direct",
     .label = "Who can see it"},
    {.name = "in_reply_to", .kind = FIELD_ID, .label = "The post answered"},
    {.name = "return_to", .kind = FIELD_PATH, .label = "Way back"},
    COMPOSE_MEDIA_FIELDS,
    {0},
};

static const struct field mine_fields[] = {
    {.name = "before", .kind = FIELD_ID, .label = "Before"},
    {0},
};

static const struct field return_fields[] = {
    {.name = "return_to", .kind = FIELD_PATH, .label = "Way back"},
    {0},
};

const struct route media_routes[] = {
    {.method = METHOD_GET,
     .pattern = "/m/{key}",
     .handler = media_page_file,
     .auth = AUTH_ANYBODY,
     .face = FACE_FEED, /* a file: no form, so no cookie for one */
     .fields = file_fields,
     .summary = "a file of what was uploaded, by a signed address where it is not for everybody"},
    {.method = METHOD_POST,
     .pattern = "/media",
     .handler = media_page_upload,
     .upload = true,
     .rate = &media_upload_rate,
     .fields = upload_fields,
     .invalid = media_page_upload_again,
     .summary = "takes files for a post, a picture or a banner by a form"},
    {.method = METHOD_GET,
     .pattern = "/media/{id}",
     .handler = media_page_piece,
     .summary = "one of the reader's own files, as a piece of the form that it is in"},
    {.method = METHOD_GET,
     .pattern = "/admin/storage",
     .handler = media_page_storage,
     .permission = PERMISSION_SETTINGS,
     .summary = "what is stored, by kind and member, and what has failed"},
    {.method = METHOD_POST,
     .pattern = "/admin/media/{id}/retry",
     .handler = media_page_storage_retry,
     .permission = PERMISSION_SETTINGS,
     .fields = return_fields,
     .summary = "has a worker try again"},
    {.method = METHOD_GET,
     .pattern = "/settings/media",
     .handler = media_page_mine,
     .fields = mine_fields,
     .summary = "what one has uploaded, and how much room is left"},
    {.method = METHOD_POST,
     .pattern = "/settings/media/{id}/delete",
     .handler = media_page_mine_delete,
     .fields = return_fields,
     .summary = "deletes an upload that is used for nothing"},
    {.method = METHOD_POST,
     .pattern = "/settings/media/{id}/retry",
     .handler = media_page_mine_retry,
     .fields = return_fields,
     .summary = "has a worker try again"},
    {0},
};
