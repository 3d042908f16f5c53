#include "handlers/common/api_media.h"

#include <stddef.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "handlers/common/media.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

static const struct shape focus_shape = {
    .name = "MediaFocus",
    .size = sizeof(struct api_media_focus),
    .words = "what must stay in the picture when it is cut, from -1 (left, bottom) to 1 (right, top)",
    .fields = (const struct shape_field[]){
        FIELD(api_media_focus, x, SHAPE_REAL), FIELD(api_media_focus, y, SHAPE_REAL), {0}}};

static const struct shape picture_shape = {
    .name = "MediaSize",
    .size = sizeof(struct api_media_size),
    .fields = (const struct shape_field[]){
        FIELD(api_media_size, width, SHAPE_INT, .optional = true),
        FIELD(api_media_size, height, SHAPE_INT, .optional = true),
        FIELD(api_media_size, size, SHAPE_STR, .optional = true),
        FIELD(api_media_size, aspect, SHAPE_REAL, .optional = true),
        FIELD(api_media_size, frame_rate, SHAPE_STR, .optional = true,
              .words = "of a video: frames / seconds"),
        FIELD(api_media_size, duration, SHAPE_REAL, .optional = true, .words = "in seconds"),
        FIELD(api_media_size, bitrate, SHAPE_INT, .optional = true, .words = "in bits a second"),
        {0}}};

static const struct shape meta_shape = {
    .name = "MediaMeta",
    .size = sizeof(struct api_media_meta),
    .fields = (const struct shape_field[]){
        FIELD(api_media_meta, original, SHAPE_OBJECT, .of = &picture_shape, .optional = true),
        FIELD(api_media_meta, small, SHAPE_OBJECT, .of = &picture_shape, .optional = true),
        FIELD(api_media_meta, focus, SHAPE_OBJECT, .of = &focus_shape, .optional = true),
        {0}}};

const struct shape api_media_shape = {
    .name = "MediaAttachment",
    .size = sizeof(struct api_media),
    .words = "a picture, video, sound or document",
    .fields = (const struct shape_field[]){
        FIELD(api_media, id, SHAPE_ID),
        FIELD(api_media, type, SHAPE_STR, .choices = "image|gifv|video|audio|unknown",
              .words = "unknown: a document"),
        FIELD(api_media, url, SHAPE_URL, .nullable = true, .words = "null while it is being prepared"),
        FIELD(api_media, preview_url, SHAPE_URL, .nullable = true),
        {.name = "remote_url", .kind = SHAPE_NULL},
        {.name = "preview_remote_url", .kind = SHAPE_NULL},
        {.name = "text_url", .kind = SHAPE_NULL},
        FIELD(api_media, meta, SHAPE_OBJECT, .of = &meta_shape),
        FIELD(api_media, description, SHAPE_STR, .nullable = true),
        FIELD(api_media, blurhash, SHAPE_STR, .nullable = true),
        {0}}};

/* What stands for a medium, and what for its preview, by kind: the first file that it has. */
static const struct {
    const char *type, *whole[2], *preview[3];
} kinds[] = {
    [PB__MEDIA_KIND__MEDIA_UNKNOWN] = {"unknown", {NULL}, {NULL}},
    [PB__MEDIA_KIND__MEDIA_IMAGE] = {"image", {"large", "fallback"}, {"small", "large"}},
    [PB__MEDIA_KIND__MEDIA_GIFV] = {"gifv", {"video"}, {"small", "poster"}},
    [PB__MEDIA_KIND__MEDIA_VIDEO] = {"video", {"video"}, {"small", "poster"}},
    [PB__MEDIA_KIND__MEDIA_AUDIO] = {"audio", {"audio"}, {"cover", "waveform"}},
    [PB__MEDIA_KIND__MEDIA_DOCUMENT] = {"unknown", {"document"}, {"small", "page"}},
};

static const Pb__MediaFile *first_of(const Pb__MediaView *m, const char *const *names, size_t n) {
    const Pb__MediaFile *found = NULL;

    for (size_t i = 0; i < n && names[i] != NULL && found == NULL; i++)
        found = media_file(m, names[i]);
    return found;
}

static const char *or_null(const char *s) { return text_is_empty(s) ? NULL : s; }

static struct api_media_size *size_of(struct ctx *ctx, const Pb__MediaFile *f) {
    struct api_media_size *s = arena_one(ctx->arena, struct api_media_size);

    s->width = f->width;
    s->height = f->height;
    if (f->width > 0 && f->height > 0) {
        s->size = arena_printf(ctx->arena, "%ux%u", f->width, f->height);
        s->aspect = (double)f->width / f->height;
    }
    return s;
}

/* With what only a recording has. */
static const struct api_media_size *whole_of(struct ctx *ctx, const Pb__MediaView *m,
                                             const Pb__MediaFile *f) {
    struct api_media_size *s = size_of(ctx, f);

    s->frame_rate = or_null(m->frame_rate);
    s->duration = (double)m->duration_ms / 1000;
    if (m->duration_ms > 0)
        s->bitrate = f->bytes * 8000 / m->duration_ms;
    return s;
}

static const struct api_media_meta *meta_of(struct ctx *ctx, const Pb__MediaView *m,
                                            const Pb__MediaFile *whole, const Pb__MediaFile *preview) {
    struct api_media_meta *meta = arena_one(ctx->arena, struct api_media_meta);
    struct api_media_focus *focus = arena_one(ctx->arena, struct api_media_focus);

    *focus = (struct api_media_focus){m->focus_x, m->focus_y};
    if (m->kind == PB__MEDIA_KIND__MEDIA_IMAGE || m->focus_x != 0 || m->focus_y != 0)
        meta->focus = focus;
    if (whole != NULL)
        meta->original = whole_of(ctx, m, whole);
    if (preview != NULL)
        meta->small = size_of(ctx, preview);
    return meta;
}

struct api_media api_media_of(struct ctx *ctx, const Pb__MediaView *m) {
    size_t kind = (size_t)m->kind < sizeof kinds / sizeof *kinds ? (size_t)m->kind : 0;
    const Pb__MediaFile *whole = first_of(m, kinds[kind].whole, 2);
    const Pb__MediaFile *preview = first_of(m, kinds[kind].preview, 3);

    return (struct api_media){.id = m->id,
                              .type = kinds[kind].type,
                              .url = whole != NULL ? media_url(ctx, m, whole) : NULL,
                              .preview_url = preview != NULL ? media_url(ctx, m, preview) : NULL,
                              .description = or_null(m->description),
                              .blurhash = or_null(m->blurhash),
                              .meta = meta_of(ctx, m, whole, preview)};
}

struct shape_list api_media_list(struct ctx *ctx, Pb__MediaView *const *media, size_t n) {
    struct api_media *items = arena_many(ctx->arena, struct api_media, n);

    for (size_t i = 0; i < n; i++)
        items[i] = api_media_of(ctx, media[i]);
    return (struct shape_list){items, n};
}
