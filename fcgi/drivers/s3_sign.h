/* Signatures of Amazon's S3, version 4, for one request in a header or for an address that is good for a
 * while (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html). No I/O. */
#ifndef DEEPLINK_DRIVERS_S3_SIGN_H
#define DEEPLINK_DRIVERS_S3_SIGN_H

#include <stddef.h>
#include <stdint.h>

struct arena;

struct s3_pair {
    const char *name, *value;
};

struct s3_keys {
    const char *id, *secret, *region;
};

struct s3_signed {
    const char *method;
    const char *path;            /* escaped, from the first '/' on */
    const struct s3_pair *query; /* as they are, in the order of their names */
    size_t n_query;
    const struct s3_pair *headers; /* lower-case names, in their order; host is among them */
    size_t n_headers;
    const char *payload; /* hex SHA-256 of the body, as in x-amz-content-sha256 */
    int64_t at_ms;
};

#define S3_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* "20130524T000000Z", for x-amz-date. */
const char *s3_stamp(struct arena *a, int64_t at_ms);

/* "a=b&c=d", escaped. */
const char *s3_query(struct arena *a, const struct s3_pair *pairs, size_t n);

/* The value of Authorization. */
const char *s3_authorization(struct arena *a, const struct s3_keys *keys, const struct s3_signed *req);

/* The query of an address that is good for so many seconds (at most a week). `query` may only have names that
 * come after "X-Amz-…"; `headers` is host alone; payload is not looked at. */
const char *s3_presign(struct arena *a, const struct s3_keys *keys, const struct s3_signed *req,
                       int64_t seconds);

#endif
