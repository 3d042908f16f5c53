/* Web Push without anybody's gateway but the browser's own push service: messages that only the subscriber
 * can read (RFC 8291 over RFC 8188, "aes128gcm"; and the draft before it, "aesgcm", which older apps ask
 * for), signed by the site's key (VAPID, RFC 8292). By OpenSSL's libcrypto. Makes messages; http_begin()
 * sends them. */
#ifndef DEEPLINK_DRIVERS_WEBPUSH_H
#define DEEPLINK_DRIVERS_WEBPUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"
#include "fcgi/drivers/http.h"

#define WEBPUSH_POINT 65 /* a public key: an uncompressed point of P-256 */
#define WEBPUSH_SCALAR 32
#define WEBPUSH_AUTH 16
#define WEBPUSH_SALT 16
#define WEBPUSH_PAYLOAD_MAX 3000 /* push services take 4,096 bytes (RFC 8030, section 7.2), encrypted */
#define WEBPUSH_HEADERS 8

struct webpush_key {
    unsigned char secret[WEBPUSH_SCALAR], point[WEBPUSH_POINT];
    const char *public_key; /* the point in base64url: what browsers call applicationServerKey */
};

/* The site's key pair, made of its secret (32 bytes), so that it is as old as that, in every process the
 * same, and nowhere else. In the arena. INTERNAL when OpenSSL can not. */
enum code webpush_key_of(struct ctx *ctx, const unsigned char secret[32], struct webpush_key *ret);

/* Whom to reach: as the browser or app said it. */
struct webpush_target {
    const char *endpoint;
    unsigned char p256dh[WEBPUSH_POINT], auth[WEBPUSH_AUTH];
    bool legacy; /* "aesgcm" */
};

/* Reads keys in base64url or base64, padded or not. False: they are none, or the point is not on the curve.
 */
bool webpush_target_read(struct ctx *ctx, const char *p256dh, const char *auth, struct webpush_target *ret);

struct webpush_wish {
    const char *subject; /* whom push services may write to: "mailto:…" or "https://…" */
    const char *topic;   /* at most 32 of base64url: a later one of the same takes its place; NULL: none */
    bool urgent;
    int ttl_s; /* how long the push service keeps it for a device that is off */
    int64_t now_ms;
};

struct webpush_message {
    const void *body;
    size_t n;
    struct http_header headers[WEBPUSH_HEADERS];
    size_t n_headers;
};

/* Everything of one message, in the arena. INVALID when the payload is too long. */
enum code webpush_make(struct ctx *ctx, const struct webpush_key *key, const struct webpush_target *to,
                       const void *payload, size_t n, const struct webpush_wish *wish,
                       struct webpush_message *ret);

/* The pieces, for tests with the RFCs' own numbers: what else is drawn by lot. */
struct webpush_lot {
    unsigned char secret[WEBPUSH_SCALAR], salt[WEBPUSH_SALT]; /* of the key pair for this one message */
};
enum code webpush_seal(struct ctx *ctx, const struct webpush_target *to, const struct webpush_lot *lot,
                       const void *payload, size_t n, struct webpush_message *ret);

/* A JSON Web Token by ES256 for a push service (RFC 8292, section 2): its origin, the time until which it is
 * good, and whom to write to. */
enum code webpush_token(struct ctx *ctx, const struct webpush_key *key, const char *endpoint,
                        const char *subject, int64_t until_s, const char **ret);

/* Whether a token was signed by the key whose point this is. */
bool webpush_token_verify(struct ctx *ctx, const char *token, const unsigned char point[WEBPUSH_POINT]);

#endif
