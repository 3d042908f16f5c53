/* Which kinds of files are taken, and how large. */
#ifndef DEEPLINK_COMMON_MEDIA_TYPES_H
#define DEEPLINK_COMMON_MEDIA_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"

#define MEDIA_WORDS_MAX 1500 /* code points of a description */
#define MEDIA_ATTACH_MAX 4   /* files of one post */

struct media_type {
    const char *said;      /* what libmagic calls it */
    const char *type;      /* the media type */
    const char *extension; /* of blobs, 1 to 8 letters and digits */
    Pb__MediaKind kind;
    bool portrait; /* may be an avatar or a banner */
};

/* The row of a media type; NULL: none is taken. */
const struct media_type *media_type_named(const char *type);
/* The row by libmagic's word for it; NULL: none is taken. */
const struct media_type *media_type_said(const char *said);

/* All media types that posts take, each once; *ret_n is how many. */
const char *const *media_types_all(struct ctx *ctx, size_t *ret_n);

/* The most bytes that a file of a kind may have. */
int64_t media_type_limit(struct ctx *ctx, Pb__MediaKind kind);
/* The most of all kinds. */
int64_t media_type_limit_all(struct ctx *ctx);

#endif
