/* The media service's JSON addresses in Mastodon's words. */
#include "handlers/common/api_media.h"
#include "handlers/common/media_types.h"
#include "handlers/media/api.h"
#include "handlers/media/routes.h"

#define WORDS \
    { .name = "description", .kind = FIELD_TEXT, .max = MEDIA_WORDS_MAX, .label = "Description" }
#define FOCUS \
    { .name = "focus", .kind = FIELD_LINE, .max = 60, .label = "Focus, as in 0.5,-0.2" }
#define THUMBNAIL \
    { .name = "thumbnail", .kind = FIELD_FILE, .label = "Preview; none is taken" }

static const struct field upload_fields[] = {
    {.name = "file", .kind = FIELD_FILE, .required = true, .label = "File"}, WORDS, FOCUS, THUMBNAIL, {0}};
static const struct field update_fields[] = {WORDS, FOCUS, THUMBNAIL, {0}};

const struct rate media_upload_rate = {"upload", 200, 1800, false};

static const int waiting[] = {202, 0};
static const int preparing[] = {206, 422, 0};
static const int preparing_still[] = {206, 409, 0};

#define MEDIA .face = FACE_JSON, .scope = "write:media", .reply = &api_media_shape
#define ONE "/api/v1/media/{id}"

const struct route media_api_routes[] = {
    {MEDIA, .method = METHOD_POST, .pattern = "/api/v2/media", .handler = media_api_upload, .upload = true,
     .fields = upload_fields, .rate = &media_upload_rate, .also = waiting,
     .summary = "uploads a file to be attached to a post; 202: it is being prepared"},
    {MEDIA, .method = METHOD_POST, .pattern = "/api/v1/media", .handler = media_api_upload_wait,
     .upload = true, .fields = upload_fields, .rate = &media_upload_rate,
     .summary = "the same, waiting a little for it to be prepared"},
    {MEDIA, .method = METHOD_GET, .pattern = ONE, .handler = media_api_get, .also = preparing,
     .summary = "a file of one's own; 206: it is being prepared, 422: that failed"},
    {MEDIA, .method = METHOD_PUT, .pattern = ONE, .handler = media_api_update, .upload = true,
     .fields = update_fields, .also = preparing_still,
     .summary = "says what it shows, and where its focus is"},
    {.face = FACE_JSON,
     .scope = "write:media",
     .method = METHOD_DELETE,
     .pattern = ONE,
     .handler = media_api_delete,
     .also = (const int[]){409, 422, 0},
     .summary = "removes a file that is attached to nothing"},
    {0},
};
