#include "handlers/common/media_types.h"

#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/config.h"

#define MB (INT64_C(1) << 20)

#define OOXML "application/vnd.openxmlformats-officedocument."
#define ODF "application/vnd.oasis.opendocument."
#define IMAGE PB__MEDIA_KIND__MEDIA_IMAGE
#define VIDEO PB__MEDIA_KIND__MEDIA_VIDEO
#define AUDIO PB__MEDIA_KIND__MEDIA_AUDIO
#define DOCUMENT PB__MEDIA_KIND__MEDIA_DOCUMENT

/* Archives are not among them: nobody sees what is in one before it is opened. Nor is whatever a browser
 * might run: HTML, SVG, XML, scripts. */
static const struct media_type types[] = {
    {"image/jpeg", "image/jpeg", "jpg", IMAGE, true},
    {"image/png", "image/png", "png", IMAGE, true},
    {"image/webp", "image/webp", "webp", IMAGE, true},
    {"image/gif", "image/gif", "gif", IMAGE, true},
    {"image/avif", "image/avif", "avif", IMAGE, true},
    {"image/heic", "image/heic", "heic", IMAGE, true},
    {"image/heif", "image/heif", "heif", IMAGE, true},
    {"image/tiff", "image/tiff", "tiff", IMAGE, false},
    {"image/bmp", "image/bmp", "bmp", IMAGE, false},
    {"image/x-ms-bmp", "image/bmp", "bmp", IMAGE, false},
    {"video/mp4", "video/mp4", "mp4", VIDEO, false},
    {"video/x-m4v", "video/mp4", "mp4", VIDEO, false},
    {"video/3gpp", "video/3gpp", "3gp", VIDEO, false},
    {"video/quicktime", "video/quicktime", "mov", VIDEO, false},
    {"video/webm", "video/webm", "webm", VIDEO, false},
    {"video/x-matroska", "video/x-matroska", "mkv", VIDEO, false},
    {"audio/mpeg", "audio/mpeg", "mp3", AUDIO, false},
    {"audio/ogg", "audio/ogg", "ogg", AUDIO, false},
    {"application/ogg", "audio/ogg", "ogg", AUDIO, false},
    {"video/ogg", "video/ogg", "ogv", VIDEO, false},
    {"audio/flac", "audio/flac", "flac", AUDIO, false},
    {"audio/x-flac", "audio/flac", "flac", AUDIO, false},
    {"audio/x-wav", "audio/wav", "wav", AUDIO, false},
    {"audio/wav", "audio/wav", "wav", AUDIO, false},
    {"audio/x-m4a", "audio/mp4", "m4a", AUDIO, false},
    {"audio/mp4", "audio/mp4", "m4a", AUDIO, false},
    {"audio/aac", "audio/aac", "aac", AUDIO, false},
    {"audio/x-hx-aac-adts", "audio/aac", "aac", AUDIO, false},
    {"application/pdf", "application/pdf", "pdf", DOCUMENT, false},
    {OOXML "wordprocessingml.document", OOXML "wordprocessingml.document", "docx", DOCUMENT, false},
    {OOXML "spreadsheetml.sheet", OOXML "spreadsheetml.sheet", "xlsx", DOCUMENT, false},
    {OOXML "presentationml.presentation", OOXML "presentationml.presentation", "pptx", DOCUMENT, false},
    {ODF "text", ODF "text", "odt", DOCUMENT, false},
    {ODF "spreadsheet", ODF "spreadsheet", "ods", DOCUMENT, false},
    {ODF "presentation", ODF "presentation", "odp", DOCUMENT, false},
    {"application/msword", "application/msword", "doc", DOCUMENT, false},
    {"application/vnd.ms-excel", "application/vnd.ms-excel", "xls", DOCUMENT, false},
    {"application/vnd.ms-powerpoint", "application/vnd.ms-powerpoint", "ppt", DOCUMENT, false},
    {"text/plain", "text/plain", "txt", DOCUMENT, false},
    {"text/csv", "text/csv", "csv", DOCUMENT, false},
    {"application/csv", "text/csv", "csv", DOCUMENT, false},
};
#define N_TYPES (sizeof types / sizeof *types)

const struct media_type *media_type_named(const char *type) {
    for (size_t i = 0; i < N_TYPES; i++)
        if (strcmp(types[i].type, type) == 0)
            return &types[i];
    return NULL;
}

const char *const *media_types_all(struct ctx *ctx, size_t *ret_n) {
    const char **all = arena_many(ctx->arena, const char *, N_TYPES);
    size_t n = 0;

    for (size_t i = 0; i < N_TYPES; i++)
        if (media_type_named(types[i].type) == &types[i])
            all[n++] = types[i].type;
    *ret_n = n;
    return all;
}

int64_t media_type_limit(struct ctx *ctx, Pb__MediaKind kind) {
    const struct config *config = ctx->env->config;

    switch (kind) {
    case IMAGE:
        return config->media_image_mb * MB;
    case VIDEO:
    case PB__MEDIA_KIND__MEDIA_GIFV:
        return config->media_video_mb * MB;
    case AUDIO:
        return config->media_audio_mb * MB;
    case DOCUMENT:
        return config->media_document_mb * MB;
    default:
        return 0;
    }
}

int64_t media_type_limit_all(struct ctx *ctx) {
    int64_t most = 0;

    for (Pb__MediaKind kind = IMAGE; kind <= DOCUMENT; kind++)
        if (media_type_limit(ctx, kind) > most)
            most = media_type_limit(ctx, kind);
    return most;
}

const struct media_type *media_type_said(const char *said) {
    for (size_t i = 0; i < N_TYPES; i++)
        if (strcmp(types[i].said, said) == 0)
            return &types[i];
    return NULL;
}
