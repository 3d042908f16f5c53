#include "handlers/media/derive.h"

#include <string.h>

#include "fcgi/i18n.h"

static const char *const words[DERIVE_FAULTS] = {
    [DERIVE_FINE] = "",
    [DERIVE_TYPE] = tr_mark("Files of this type are not taken here."),
    [DERIVE_BROKEN] = tr_mark("The file is damaged or not complete. Upload it again, or save it anew first."),
    [DERIVE_LARGE] = tr_mark("The picture is too large: at most 40 megapixels and 16,384 pixels a side."),
    [DERIVE_FRAME] = tr_mark("The video's picture is too large: at most 4,096 pixels a side."),
    [DERIVE_LONG] = tr_mark("The recording is too long: at most 4 hours."),
    [DERIVE_CODEC] = tr_mark("What is in the file can't be read here. Save it in another format."),
    [DERIVE_TIME] = tr_mark("It took too long to prepare the file. Try again, or make it smaller first."),
    [DERIVE_MEMORY] =
        tr_mark("It takes too much memory to prepare the file. Try again, or make it smaller first."),
    [DERIVE_INTERNAL] = tr_mark("Something went wrong on our side while the file was prepared. Try again."),
};

const char *derive_words(enum derive_fault fault) { return words[fault]; }

#define OPEN_XML "application/vnd.openxmlformats-officedocument."
#define OPEN_DOCUMENT "application/vnd.oasis.opendocument."

static const struct derive_type types[] = {
    {"image/jpeg", "jpg", HOW_PICTURE, IMAGE_JPEG, NULL},
    {"image/png", "png", HOW_PICTURE, IMAGE_PNG, NULL},
    {"image/webp", "webp", HOW_PICTURE, IMAGE_WEBP, NULL},
    {"image/gif", "gif", HOW_PICTURE, IMAGE_GIF, NULL},
    {"image/tiff", "tiff", HOW_PICTURE, IMAGE_TIFF, NULL},
    {"image/heic", "heic", HOW_PICTURE, IMAGE_HEIF, NULL},
    {"image/heif", "heif", HOW_PICTURE, IMAGE_HEIF, NULL},
    {"image/avif", "avif", HOW_PICTURE, IMAGE_HEIF, NULL},
    {"image/bmp", "bmp", HOW_BITMAP, 0, "bmp_pipe"},
    {"image/x-ms-bmp", "bmp", HOW_BITMAP, 0, "bmp_pipe"},
    {"video/mp4", "mp4", HOW_FILM, 0, "mov"},
    {"video/x-m4v", "mp4", HOW_FILM, 0, "mov"},
    {"video/quicktime", "mov", HOW_FILM, 0, "mov"},
    {"video/3gpp", "mp4", HOW_FILM, 0, "mov"},
    {"video/webm", "webm", HOW_FILM, 0, "matroska"},
    {"video/x-matroska", "mkv", HOW_FILM, 0, "matroska"},
    {"video/ogg", "ogv", HOW_FILM, 0, "ogg"},
    {"audio/mpeg", "mp3", HOW_SOUND, 0, "mp3"},
    {"audio/mp4", "m4a", HOW_SOUND, 0, "mov"},
    {"audio/x-m4a", "m4a", HOW_SOUND, 0, "mov"},
    {"audio/aac", "aac", HOW_SOUND, 0, "aac"},
    {"audio/x-hx-aac-adts", "aac", HOW_SOUND, 0, "aac"},
    {"audio/ogg", "ogg", HOW_SOUND, 0, "ogg"},
    {"application/ogg", "ogg", HOW_SOUND, 0, "ogg"},
    {"audio/flac", "flac", HOW_SOUND, 0, "flac"},
    {"audio/x-flac", "flac", HOW_SOUND, 0, "flac"},
    {"audio/wav", "wav", HOW_SOUND, 0, "wav"},
    {"audio/x-wav", "wav", HOW_SOUND, 0, "wav"},
    {"application/pdf", "pdf", HOW_PDF, 0, NULL},
    {OPEN_XML "wordprocessingml.document", "docx", HOW_FILE, 0, NULL},
    {OPEN_XML "spreadsheetml.sheet", "xlsx", HOW_FILE, 0, NULL},
    {OPEN_XML "presentationml.presentation", "pptx", HOW_FILE, 0, NULL},
    {OPEN_DOCUMENT "text", "odt", HOW_FILE, 0, NULL},
    {OPEN_DOCUMENT "spreadsheet", "ods", HOW_FILE, 0, NULL},
    {OPEN_DOCUMENT "presentation", "odp", HOW_FILE, 0, NULL},
    {"application/msword", "doc", HOW_FILE, 0, NULL},
    {"application/vnd.ms-excel", "xls", HOW_FILE, 0, NULL},
    {"application/vnd.ms-powerpoint", "ppt", HOW_FILE, 0, NULL},
    {"application/vnd.ms-office", "doc", HOW_FILE, 0, NULL},
    {"application/CDFV2", "doc", HOW_FILE, 0, NULL},
    {"application/x-ole-storage", "doc", HOW_FILE, 0, NULL},
    {"text/rtf", "rtf", HOW_FILE, 0, NULL},
    {"application/rtf", "rtf", HOW_FILE, 0, NULL},
    {"application/zip", "zip", HOW_FILE, 0, NULL},
    {"application/epub+zip", "epub", HOW_FILE, 0, NULL},
    {"text/csv", "csv", HOW_FILE, 0, NULL},
    {"text/plain", "txt", HOW_FILE, 0, NULL},
};

const struct derive_type *derive_type_find(const char *name) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

#define PLAYLIST "application/vnd.apple.mpegurl"

static const struct derive_slot slots[] = {
    {"large.webp", "large", "image/webp", "webp"},
    {"small.webp", "small", "image/webp", "webp"},
    {"fallback.jpg", "fallback", "image/jpeg", "jpg"},
    {"avatar.webp", "avatar", "image/webp", "webp"},
    {"avatar_large.webp", "avatar_large", "image/webp", "webp"},
    {"banner.webp", "banner", "image/webp", "webp"},
    {"video.mp4", "video", "video/mp4", "mp4"},
    {"poster.webp", "poster", "image/webp", "webp"},
    /* What a playlist names by its key comes before it: pieces, their playlists, the one of both. */
    {"hls-0001.mp4", "hls/0001", "video/mp4", "mp4"},
    {"hls-0002.mp4", "hls/0002", "video/mp4", "mp4"},
    {"hls-high.m3u8", "hls/high", PLAYLIST, "m3u8"},
    {"hls-low.m3u8", "hls/low", PLAYLIST, "m3u8"},
    {"hls.m3u8", "hls", PLAYLIST, "m3u8"},
    {"audio.m4a", "audio", "audio/mp4", "m4a"},
    {"audio.mp3", "audio", "audio/mpeg", "mp3"},
    {"cover.webp", "cover", "image/webp", "webp"},
    {"waveform.webp", "waveform", "image/webp", "webp"},
    {"page.webp", "page", "image/webp", "webp"},
};

const struct derive_slot *derive_slot_find(const char *file) {
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
        if (strcmp(slots[i].file, file) == 0)
            return &slots[i];
    return NULL;
}

void derive_made(struct derive_result *r, const char *file, int width, int height) {
    if (r->n < DERIVE_FILES_MAX)
        r->made[r->n++] =
            (struct derive_made){.slot = derive_slot_find(file), .width = width, .height = height};
}
