/* Bringing one file into a bucket, in one piece or in many. */
#ifndef DEEPLINK_DRIVERS_BLOB_S3_PUT_H
#define DEEPLINK_DRIVERS_BLOB_S3_PUT_H

#include <stdint.h>

#include "fcgi/ctx.h"

struct s3;

struct blob_s3_put {
    const char *object;
    const char *hash; /* hex SHA-256 of the file */
    const char *type;
    const char *disposition; /* inline or attachment, told to whoever gets it */
    int fd;
    int64_t bytes;
};

/* Above 16 MB in pieces; they are dropped when one of them fails. */
enum code blob_s3_put(struct ctx *ctx, struct s3 *s3, const struct blob_s3_put *put);

/* Drops the pieces of an upload; OK also when there are none. */
enum code blob_s3_abort(struct ctx *ctx, struct s3 *s3, const char *object, const char *upload_id);

#endif
