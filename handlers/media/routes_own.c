/* The media service's addresses in our own API. */
#include "handlers/common/api_own.h"
#include "handlers/common/media_types.h"
#include "handlers/media/api_own.h"
#include "handlers/media/routes.h"

#define UPLOADS API_OWN "/uploads"
#define ONE UPLOADS "/{id}"
#define SIZE_MAX_BYTES (INT64_C(1) << 50)

static const struct field begin_fields[] = {
    {.name = "size", .kind = FIELD_INT, .required = true, .min = 1, .max = SIZE_MAX_BYTES, .label = "Size"},
    {.name = "mime", .kind = FIELD_LINE, .max = 100, .label = "Media type"},
    {.name = "sha256", .kind = FIELD_LINE, .max = 64, .label = "SHA-256 of the file, in hex"},
    {.name = "file_name", .kind = FIELD_LINE, .max = 255, .label = "File name"},
    {.name = "purpose", .kind = FIELD_CHOICE, .choices = "post|avatar|banner", .label = "What it is for"},
    {0},
};
static const struct field complete_fields[] = {
    {.name = "description", .kind = FIELD_TEXT, .max = MEDIA_WORDS_MAX, .label = "Description"},
    {.name = "focus", .kind = FIELD_LINE, .max = 60, .label = "Focus, as in 0.5,-0.2"},
    {0},
};
static const struct field page_fields[] = {API_OWN_PAGE_FIELDS, {0}};

static const struct rate piece_rate = {"upload-piece", 6000, 1800, false};

static const int full[] = {507, 0};
static const int pieces[] = {409, 413, 0};
static const int ends[] = {202, 409, 507, 0};
static const int again[] = {202, 409, 0};

#define WRITE .face = FACE_JSON, .scope = "write:media"

const struct route media_own_routes[] = {
    {WRITE, .method = METHOD_POST, .pattern = UPLOADS, .handler = media_api_upload_begin,
     .fields = begin_fields, .rate = &media_upload_rate, .reply = &media_upload_shape, .status = 201,
     .also = full, .summary = "begins an upload in pieces"},
    {WRITE, .method = METHOD_GET, .pattern = ONE, .handler = media_api_upload_get,
     .reply = &media_upload_shape, .summary = "how far it is; Upload-Offset says so too"},
    {WRITE, .method = METHOD_PATCH, .pattern = ONE, .handler = media_api_upload_add, .upload = true,
     .rate = &piece_rate, .reply = &media_upload_shape, .also = pieces,
     .summary = "adds a piece, at the offset that Upload-Offset or Content-Range says"},
    {WRITE, .method = METHOD_POST, .pattern = ONE "/complete", .handler = media_api_upload_complete,
     .fields = complete_fields, .rate = &media_upload_rate, .reply = &media_own_shape, .also = ends,
     .summary = "makes a medium of it, of the same id; safe to repeat"},
    {WRITE, .method = METHOD_DELETE, .pattern = ONE, .handler = media_api_upload_end, .status = 204,
     .summary = "ends an upload"},
    {WRITE, .method = METHOD_GET, .pattern = API_OWN "/me/media", .handler = media_api_own_list,
     .fields = page_fields, .reply = &media_own_shape, .reply_list = true, .paged = true,
     .summary = "what the reader has uploaded, the latest first"},
    {WRITE, .method = METHOD_GET, .pattern = API_OWN "/me/quota", .handler = media_api_own_quota,
     .reply = &media_quota_shape, .summary = "how much room the reader's files take, and may take"},
    {WRITE, .method = METHOD_POST, .pattern = API_OWN "/media/{id}/retry", .handler = media_api_own_retry,
     .rate = &media_upload_rate, .reply = &media_own_shape, .also = again,
     .summary = "has a file prepared anew that could not be"},
    {0},
};
