#include "fcgi/drivers/s3_sign.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define REQUEST_MAX ((size_t)64 * 1024)

const char *s3_stamp(struct arena *a, int64_t at_ms) {
    struct civil t = clock_civil(at_ms);

    return arena_printf(a, "%04d%02d%02dT%02d%02d%02dZ", t.year, t.month + 1, t.day, t.hour, t.minute,
                        t.second);
}

const char *s3_query(struct arena *a, const struct s3_pair *pairs, size_t n) {
    struct buf b;

    buf_init(&b, a, REQUEST_MAX);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(&b, '&');
        buf_url(&b, pairs[i].name, strlen(pairs[i].name));
        buf_putc(&b, '=');
        buf_url(&b, pairs[i].value, strlen(pairs[i].value));
    }
    return buf_str(&b);
}

static const char *signed_names(struct arena *a, const struct s3_signed *req) {
    struct buf b;

    buf_init(&b, a, REQUEST_MAX);
    for (size_t i = 0; i < req->n_headers; i++) {
        if (i > 0)
            buf_putc(&b, ';');
        buf_puts(&b, req->headers[i].name);
    }
    return buf_str(&b);
}

/* The day, region and service that a key is narrowed to. */
static const char *scope_of(struct arena *a, const struct s3_keys *keys, const char *stamp) {
    return arena_printf(a, "%.8s/%s/s3/aws4_request", stamp, keys->region);
}

static const char *canonical_hash(struct arena *a, const struct s3_signed *req, const char *query,
                                  const char *payload) {
    unsigned char digest[CRYPTO_HASH_BYTES];
    struct buf b;

    buf_init(&b, a, REQUEST_MAX);
    buf_printf(&b, "%s\n%s\n%s\n", req->method, req->path, query);
    for (size_t i = 0; i < req->n_headers; i++)
        buf_printf(&b, "%s:%s\n", req->headers[i].name, req->headers[i].value);
    buf_printf(&b, "\n%s\n%s", signed_names(a, req), payload);
    crypto_sha256(digest, buf_str(&b), b.n);
    return text_hex(a, digest, sizeof digest);
}

/* The secret itself never signs: a key of the day, the region and the service does. */
static const char *signature(struct arena *a, const struct s3_keys *keys, const char *stamp,
                             const char *canonical) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    const char *first = arena_printf(a, "AWS4%s", keys->secret);
    const char *words = arena_printf(a, ALGORITHM "\n%s\n%s\n%s", stamp, scope_of(a, keys, stamp), canonical);

    crypto_hmac256(mac, first, strlen(first), stamp, 8);
    crypto_hmac256(mac, mac, sizeof mac, keys->region, strlen(keys->region));
    crypto_hmac256(mac, mac, sizeof mac, "s3", 2);
    crypto_hmac256(mac, mac, sizeof mac, "aws4_request", strlen("aws4_request"));
    crypto_hmac256(mac, mac, sizeof mac, words, strlen(words));
    return text_hex(a, mac, sizeof mac);
}

const char *s3_authorization(struct arena *a, const struct s3_keys *keys, const struct s3_signed *req) {
    const char *stamp = s3_stamp(a, req->at_ms);
    const char *query = s3_query(a, req->query, req->n_query);
    const char *hash = canonical_hash(a, req, query, req->payload);

    return arena_printf(a, ALGORITHM " Credential=%s/%s,SignedHeaders=%s,Signature=%s", keys->id,
                        scope_of(a, keys, stamp), signed_names(a, req), signature(a, keys, stamp, hash));
}

const char *s3_presign(struct arena *a, const struct s3_keys *keys, const struct s3_signed *req,
                       int64_t seconds) {
    const char *stamp = s3_stamp(a, req->at_ms);
    struct s3_pair *pairs = arena_many(a, struct s3_pair, 5 + req->n_query);
    const char *query;

    pairs[0] = (struct s3_pair){"X-Amz-Algorithm", ALGORITHM};
    pairs[1] =
        (struct s3_pair){"X-Amz-Credential", arena_printf(a, "%s/%s", keys->id, scope_of(a, keys, stamp))};
    pairs[2] = (struct s3_pair){"X-Amz-Date", stamp};
    pairs[3] = (struct s3_pair){"X-Amz-Expires", arena_printf(a, "%" PRId64, seconds)};
    pairs[4] = (struct s3_pair){"X-Amz-SignedHeaders", signed_names(a, req)};
    if (req->n_query > 0)
        memcpy(pairs + 5, req->query, req->n_query * sizeof *pairs);
    query = s3_query(a, pairs, 5 + req->n_query);
    return arena_printf(a, "%s&X-Amz-Signature=%s", query,
                        signature(a, keys, stamp, canonical_hash(a, req, query, "UNSIGNED-PAYLOAD")));
}
