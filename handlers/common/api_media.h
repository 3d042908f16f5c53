/* A medium as Mastodon's clients know one: the entity MediaAttachment. Every JSON answer that shows one takes
 * it from here. */
#ifndef DEEPLINK_COMMON_API_MEDIA_H
#define DEEPLINK_COMMON_API_MEDIA_H

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"
#include "fcgi/shape.h"

struct api_media_focus {
    double x, y;
};

/* Of one file; what is 0 or NULL is left out. */
struct api_media_size {
    const char *size, *frame_rate; /* "640x360", "30/1" */
    int64_t width, height, bitrate;
    double aspect, duration; /* duration in seconds */
};

struct api_media_meta {
    const struct api_media_size *original, *small; /* NULL: left out */
    const struct api_media_focus *focus;           /* the same */
};

struct api_media {
    int64_t id;
    const char *type;
    const char *url, *preview_url;      /* NULL: there is none yet */
    const char *description, *blurhash; /* NULL: none */
    const struct api_media_meta *meta;
};

extern const struct shape api_media_shape; /* "MediaAttachment" */

/* The entity, with addresses for a reader who may see what it is attached to. In the arena. */
struct api_media api_media_of(struct ctx *ctx, const Pb__MediaView *m);
/* Those of a list, for SHAPE_LIST. */
struct shape_list api_media_list(struct ctx *ctx, Pb__MediaView *const *media, size_t n);

#endif
