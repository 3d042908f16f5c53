/* What the program `deeplink-derive` makes of an upload, and how it tells: the files lie in its folder under
 * the names below, and result.json says which of them are there. It runs locked in and may have been taken
 * over by what it read, so whoever reads the result believes nothing but what is checked here. */
#ifndef DEEPLINK_MEDIA_DERIVE_H
#define DEEPLINK_MEDIA_DERIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/image.h"

#define DERIVE_RESULT "result.json"
#define DERIVE_FILES_MAX 16
#define DERIVE_HOURS_MAX 4
#define DERIVE_FRAME_MAX 4096 /* a video's longer side */

/* Why nothing was made of it. */
enum derive_fault {
    DERIVE_FINE,
    DERIVE_TYPE,     /* a type that is not taken */
    DERIVE_BROKEN,   /* damaged, cut off, or not what it says */
    DERIVE_LARGE,    /* too many pixels */
    DERIVE_FRAME,    /* a video of too many */
    DERIVE_LONG,     /* too many hours */
    DERIVE_CODEC,    /* nothing here reads what is in it */
    DERIVE_TIME,     /* it took too long (said by the parent) */
    DERIVE_MEMORY,   /* more memory than it may take */
    DERIVE_INTERNAL, /* our side: to be tried again */
    DERIVE_FAULTS
};
/* Public words, to be translated. */
const char *derive_words(enum derive_fault fault);

/* Types of what is uploaded, and how each is taken. */
enum derive_how { HOW_PICTURE, HOW_BITMAP, HOW_FILM, HOW_SOUND, HOW_PDF, HOW_FILE };
struct derive_type {
    const char *name;      /* as libmagic says */
    const char *extension; /* of its key */
    enum derive_how how;
    enum image_format format; /* HOW_PICTURE */
    const char *demuxer;      /* ffmpeg's: HOW_BITMAP, HOW_FILM, HOW_SOUND */
};
/* NULL: not taken. */
const struct derive_type *derive_type_find(const char *name);

/* One of the files that may be made. */
struct derive_slot {
    const char *file; /* its name in the folder */
    const char *name; /* MediaFile.name, or a piece of one */
    const char *type;
    const char *extension; /* of its key */
};
const struct derive_slot *derive_slot_find(const char *file);

struct derive_made {
    const struct derive_slot *slot;
    int width, height; /* as shown; 0: has none */
    int64_t bytes;     /* as measured by who reads the result */
};

struct derive_result {
    enum derive_fault fault;
    const char *detail; /* for the operator */
    const struct derive_type *type;
    Pb__MediaKind kind;
    const char *blurhash; /* "": none */
    int64_t duration_ms;
    const char *frame_rate; /* "30000/1001"; "": none, or not known */
    int pages;
    struct derive_made made[DERIVE_FILES_MAX];
    size_t n;
};

/* Notes that a file is there. */
void derive_made(struct derive_result *r, const char *file, int width, int height);

/* Writes result.json into the working directory; false when that fails. */
bool derive_write(struct arena *a, const struct derive_result *r);

/* Reads and checks the result in a folder: every number within bounds, every file of the list above, a
 * regular file with the signature of its type. INTERNAL, and why in ctx: it is none. In the arena. */
enum code derive_read(struct ctx *ctx, const char *folder, struct derive_result *ret);

#endif
