/* The rows and files of uploads in pieces. The file spool/parts/ID grows piece by piece, under a lock (flock)
 * that goes with the process; the row says how much of it is acknowledged. What the file has beyond that is
 * cut off by the next piece. The medium that it becomes has the upload's id: so whoever is killed while
 * making it leaves a row of version 0 and the file, here or as the source, and the next attempt goes on from
 * there. */
#ifndef DEEPLINK_MEDIA_STORE_UPLOADS_H
#define DEEPLINK_MEDIA_STORE_UPLOADS_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/base/crypto.h"
#include "fcgi/ctx.h"

struct media_upload {
    int64_t id, owner_id;
    int64_t bytes, here; /* in all; so many have come */
    const char *sha256;  /* as announced, 64 hex digits; "": it was not */
    const char *file_name, *purpose;
    int64_t changed_ms; /* media_loose_hours after that it is gone */
};

/* What a member has begun. */
enum code media_store_upload_open(struct ctx *ctx, int64_t owner, int64_t *ret_bytes, int64_t *ret_n);
enum code media_store_upload_begin(struct ctx *ctx, const struct media_upload *u);
enum code media_store_upload(struct ctx *ctx, int64_t owner, int64_t id, struct media_upload *ret);
/* Moves u->here on (or back), if it is still what the row says. ABORTED (409): it is not, and u says what is.
 */
enum code media_store_upload_here(struct ctx *ctx, struct media_upload *u, int64_t here);
/* ABORTED (409): a piece is to begin at another offset. */
enum code media_upload_elsewhere(struct ctx *ctx);
/* Row and file are gone; OK also when there were none. */
enum code media_store_upload_end(struct ctx *ctx, int64_t owner, int64_t id);
enum code media_store_upload_erase(struct ctx *ctx, int64_t owner);

/* Its file's name in the spool. */
const char *media_part_name(struct ctx *ctx, int64_t id);
/* Opens a file of the spool for one at a time; the caller closes it. *ret_fd -1: there is none (and it is not
 * to be made). ABORTED: somebody else has it. */
enum code media_part_lock(struct ctx *ctx, const char *name, bool make, int *ret_fd);
int64_t media_part_size(int fd);
/* Cuts it at `at` and adds a whole file there; on the disk when it returns. */
enum code media_part_add(struct ctx *ctx, int fd, int64_t at, const char *path, int64_t bytes);
enum code media_part_sha256(struct ctx *ctx, int fd, int64_t bytes, unsigned char ret[CRYPTO_HASH_BYTES]);
#endif
