/* Where a file is had from, for /m/KEY. */
#ifndef DEEPLINK_MEDIA_SERVICE_FILE_H
#define DEEPLINK_MEDIA_SERVICE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct media_place {
    const char *url;  /* a client is sent there; NULL: nginx has the file … */
    const char *path; /* … below the internal location /-/media/ */
    const char *type; /* media type */
    bool is_public;
    int64_t seconds; /* so long this may be remembered */
};

/* left_s: the address was signed, and is good for so long; 0: it was not, so everybody must be allowed to
 * have the file. NOT_FOUND when there is none, or not for everybody: that is nobody's business. */
enum code media_file_place(struct ctx *ctx, const char *key, int64_t left_s, struct media_place *ret);

/* A playlist's text, with an address of its own for each of its pieces (service_playlist.c): signed, and good
 * as long as the playlist's own, which ends at expires_s; 0: that of what everybody may have. */
enum code media_file_playlist(struct ctx *ctx, const char *key, int64_t expires_s, const char **ret);

#endif
