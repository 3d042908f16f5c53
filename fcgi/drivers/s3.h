/* One bucket of S3, or of what speaks it: requests by libcurl, signed, repeated when the store stumbles. */
#ifndef DEEPLINK_DRIVERS_S3_H
#define DEEPLINK_DRIVERS_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"
#include "fcgi/drivers/s3_sign.h"

struct config;
struct s3;

/* setting: s3://bucket/prefix?endpoint=https://host:port&region=name[&plain=yes]. Addresses are
 * ENDPOINT/bucket/…. http:// is only for this machine and private networks, unless plain=yes says that it is
 * meant. NULL, and *ret_problem says why, when it is none. The caller closes it. */
struct s3 *s3_open(const struct config *config, const char *setting, const char **ret_problem);
void s3_close(struct s3 *s);

/* "bucket/prefix/", as it stands in paths; "prefix/", as it stands in names of objects. */
const char *s3_bucket(const struct s3 *s);
const char *s3_prefix(const struct s3 *s);

#define S3_BODY_MAX ((size_t)4 * 1024 * 1024)
#define S3_HEADERS_MAX 4

struct s3_call {
    const char *method;
    const char *object;          /* below the bucket; "": the bucket itself */
    const struct s3_pair *query; /* in the order of their names */
    size_t n_query;
    struct s3_pair headers[S3_HEADERS_MAX]; /* further ones, lower-case names */
    const char *body;                       /* what is sent … */
    size_t n;
    int from; /* … or a piece of an open file; -1: none */
    int64_t from_at, from_bytes;
    const char *payload; /* hex SHA-256 of what is sent; NULL: of `body` */
    int to;              /* where a good answer's body goes; -1: into `answer` */
};

struct s3_answer {
    int status;
    int64_t length; /* Content-Length; -1: not said */
    const char *etag;
    const char *body; /* at most S3_BODY_MAX; ends with NUL; also an error's */
};

/* OK for a status below 300. NOT_FOUND, EXHAUSTED, UNAVAILABLE (no answer, 5xx again and again, or refused:
 * the keys or the bucket are wrong), else INTERNAL. */
enum code s3_run(struct ctx *ctx, struct s3 *s, const struct s3_call *call, struct s3_answer *ret);

/* An address of an object, good for so many seconds. */
const char *s3_address(struct ctx *ctx, const struct s3 *s, const char *object, int64_t seconds);

/* What stands in <name>…</name> of an answer from *at on; *at goes behind it. NULL: there is none further.
 * In the arena. */
const char *s3_tag(struct ctx *ctx, const char **at, const char *name);

#endif
