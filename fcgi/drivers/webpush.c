#include "fcgi/drivers/webpush.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"

#define TAG 16
#define NONCE 12
#define AES_KEY 16
#define RECORD 4096            /* RFC 8188: the whole message is one record */
#define TOKEN_S (12 * 60 * 60) /* RFC 8292: at most a day */
#define SIGNATURE 64

static enum code broken(struct ctx *ctx, const char *what) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "webpush: %s", what);
}

/* ---- keys of P-256 ---- */

static void free_group(void *p) { EC_GROUP_free(p); }
static void free_key(void *p) { EVP_PKEY_free(p); }

static EC_GROUP *group_of(struct arena *a) {
    EC_GROUP *g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    if (g != NULL)
        arena_defer(a, free_group, g);
    return g;
}

static bool is_on_curve(struct arena *a, const unsigned char point[WEBPUSH_POINT]) {
    EC_GROUP *g = group_of(a);
    EC_POINT *p = g != NULL ? EC_POINT_new(g) : NULL;
    bool ok = p != NULL && EC_POINT_oct2point(g, p, point, WEBPUSH_POINT, NULL) == 1;
    EC_POINT_free(p);
    return ok;
}

/* The public key of a private one; false when the number is 0 or not below the group's order. */
static bool point_of(struct arena *a, const unsigned char secret[WEBPUSH_SCALAR],
                     unsigned char ret[WEBPUSH_POINT]) {
    EC_GROUP *g = group_of(a);
    EC_POINT *p = g != NULL ? EC_POINT_new(g) : NULL;
    BIGNUM *d = BN_bin2bn(secret, WEBPUSH_SCALAR, NULL);
    bool ok =
        p != NULL && d != NULL && !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(g)) < 0 &&
        EC_POINT_mul(g, p, d, NULL, NULL, NULL) == 1 &&
        EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED, ret, WEBPUSH_POINT, NULL) == WEBPUSH_POINT;
    BN_clear_free(d);
    EC_POINT_free(p);
    return ok;
}

/* A key as OpenSSL wants it; without a secret a public one. NULL when it is none. Goes with the arena. */
static EVP_PKEY *pkey_of(struct arena *a, const unsigned char *secret,
                         const unsigned char point[WEBPUSH_POINT]) {
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *d = secret != NULL ? BN_bin2bn(secret, WEBPUSH_SCALAR, NULL) : NULL;
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = NULL;
    if (build != NULL && make != NULL && (secret == NULL) == (d == NULL) &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, WEBPUSH_POINT) == 1 &&
        (d == NULL || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1) &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(make) == 1 &&
        EVP_PKEY_fromdata(make, &key, d != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1)
        arena_defer(a, free_key, key);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(make);
    BN_clear_free(d);
    return key;
}

enum code webpush_key_of(struct ctx *ctx, const unsigned char secret[32], struct webpush_key *ret) {
    /* One hash in 2^32 is no private key: then the next one. */
    for (unsigned char turn = 0; turn < 255; turn++) {
        const char words[] = {'v', 'a', 'p', 'i', 'd', ':', (char)turn};
        crypto_mac(ret->secret, secret, words, sizeof words);
        if (point_of(ctx->arena, ret->secret, ret->point)) {
            ret->public_key = text_base64url(ctx->arena, ret->point, WEBPUSH_POINT);
            return OK;
        }
    }
    return broken(ctx, "no key can be made");
}

/* Base64 of either alphabet, with or without padding, as clients send it. */
static bool read_base64(struct ctx *ctx, const char *text, unsigned char *to, size_t n) {
    char *clean = arena_strdup(ctx->arena, text != NULL ? text : "");
    unsigned char *bytes;
    size_t got;
    for (char *p = clean; *p != '\0'; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    for (size_t end = strlen(clean); end > 0 && clean[end - 1] == '='; end--)
        clean[end - 1] = '\0';
    if (!text_base64url_decode(ctx->arena, clean, &bytes, &got) || got != n)
        return false;
    memcpy(to, bytes, n);
    return true;
}

bool webpush_target_read(struct ctx *ctx, const char *p256dh, const char *auth, struct webpush_target *ret) {
    return read_base64(ctx, p256dh, ret->p256dh, WEBPUSH_POINT) &&
           read_base64(ctx, auth, ret->auth, WEBPUSH_AUTH) && is_on_curve(ctx->arena, ret->p256dh);
}

/* ---- encryption ---- */

static bool shared_secret(struct arena *a, const unsigned char secret[WEBPUSH_SCALAR],
                          const unsigned char point[WEBPUSH_POINT], const unsigned char peer[WEBPUSH_POINT],
                          unsigned char ret[32]) {
    EVP_PKEY *own = pkey_of(a, secret, point), *other = pkey_of(a, NULL, peer);
    EVP_PKEY_CTX *derive = own != NULL ? EVP_PKEY_CTX_new(own, NULL) : NULL;
    size_t n = 32;
    bool ok = derive != NULL && other != NULL && EVP_PKEY_derive_init(derive) == 1 &&
              EVP_PKEY_derive_set_peer(derive, other) == 1 && EVP_PKEY_derive(derive, ret, &n) == 1 &&
              n == 32;
    EVP_PKEY_CTX_free(derive);
    return ok;
}

/* HKDF with SHA-256 (RFC 5869), at most 32 bytes: that is one block. */
static void hkdf(const void *salt, size_t n_salt, const void *ikm, size_t n_ikm, const struct buf *info,
                 unsigned char *ret, size_t n) {
    unsigned char prk[32], block[32], text[512];
    size_t n_text = info->n;
    crypto_hmac256(prk, salt, n_salt, ikm, n_ikm);
    memcpy(text, info->p, n_text); /* at most 200 bytes, all made here */
    text[n_text++] = 1;
    crypto_hmac256(block, prk, sizeof prk, text, n_text);
    memcpy(ret, block, n);
    crypto_wipe(prk, sizeof prk);
    crypto_wipe(block, sizeof block);
}

struct gcm {
    unsigned char key[AES_KEY], nonce[NONCE];
};

static bool encrypt(const struct gcm *g, const unsigned char *plain, size_t n, unsigned char *ret) {
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int some = 0, rest = 0;
    bool ok = c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, g->key, g->nonce) == 1 &&
              EVP_EncryptUpdate(c, ret, &some, plain, (int)n) == 1 &&
              EVP_EncryptFinal_ex(c, ret + some, &rest) == 1 && (size_t)(some + rest) == n &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, ret + n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

static struct buf info_new(struct arena *a, const char *label) {
    struct buf b;
    buf_init(&b, a, 400);
    buf_add(&b, label, strlen(label) + 1);
    return b;
}

/* What both ends know of one message. */
struct secrets {
    const struct webpush_target *to;
    const struct webpush_lot *lot;
    unsigned char point[WEBPUSH_POINT], ecdh[32];
};

/* RFC 8291, section 3.4. */
static void derive(struct arena *a, const struct secrets *s, struct gcm *ret) {
    struct buf info = info_new(a, "WebPush: info");
    struct buf key = info_new(a, "Content-Encoding: aes128gcm"),
               nonce = info_new(a, "Content-Encoding: nonce");
    unsigned char ikm[32];
    buf_add(&info, s->to->p256dh, WEBPUSH_POINT);
    buf_add(&info, s->point, WEBPUSH_POINT);
    hkdf(s->to->auth, WEBPUSH_AUTH, s->ecdh, 32, &info, ikm, 32);
    hkdf(s->lot->salt, WEBPUSH_SALT, ikm, 32, &key, ret->key, AES_KEY);
    hkdf(s->lot->salt, WEBPUSH_SALT, ikm, 32, &nonce, ret->nonce, NONCE);
    crypto_wipe(ikm, sizeof ikm);
}

/* draft-ietf-webpush-encryption-04 and draft-ietf-httpbis-encryption-encoding-03. */
static void derive_legacy(struct arena *a, const struct secrets *s, struct gcm *ret) {
    struct buf info = info_new(a, "Content-Encoding: auth");
    struct buf key = info_new(a, "Content-Encoding: aesgcm"), nonce = info_new(a, "Content-Encoding: nonce");
    struct buf context;
    unsigned char ikm[32];
    buf_init(&context, a, 200);
    buf_add(&context, "P-256\0\0\x41", 8); /* with a 0 behind the name, and a length of 65 in two bytes */
    buf_add(&context, s->to->p256dh, WEBPUSH_POINT);
    buf_add(&context, "\0\x41", 2);
    buf_add(&context, s->point, WEBPUSH_POINT);
    buf_add(&key, context.p, context.n);
    buf_add(&nonce, context.p, context.n);
    hkdf(s->to->auth, WEBPUSH_AUTH, s->ecdh, 32, &info, ikm, 32);
    hkdf(s->lot->salt, WEBPUSH_SALT, ikm, 32, &key, ret->key, AES_KEY);
    hkdf(s->lot->salt, WEBPUSH_SALT, ikm, 32, &nonce, ret->nonce, NONCE);
    crypto_wipe(ikm, sizeof ikm);
}

static void add_header(struct webpush_message *m, const char *name, const char *value) {
    m->headers[m->n_headers++] = (struct http_header){name, value};
}

/* Salt, record size and public key in front of the one record, which ends with a 2: it is the last. */
static bool seal_standard(struct arena *a, const struct secrets *s, const void *payload, size_t n,
                          struct webpush_message *ret) {
    const size_t head = WEBPUSH_SALT + 4 + 1 + WEBPUSH_POINT;
    unsigned char *out = arena_alloc(a, head + n + 1 + TAG), *plain = arena_alloc(a, n + 1);
    struct gcm g;
    derive(a, s, &g);
    memcpy(out, s->lot->salt, WEBPUSH_SALT);
    memcpy(out + WEBPUSH_SALT, (unsigned char[]){0, 0, RECORD >> 8, RECORD & 255, WEBPUSH_POINT}, 5);
    memcpy(out + WEBPUSH_SALT + 5, s->point, WEBPUSH_POINT);
    memcpy(plain, payload, n);
    plain[n] = 2;
    ret->body = out;
    ret->n = head + n + 1 + TAG;
    add_header(ret, "Content-Encoding", "aes128gcm");
    return encrypt(&g, plain, n + 1, out + head);
}

static bool seal_legacy(struct arena *a, const struct secrets *s, const void *payload, size_t n,
                        struct webpush_message *ret) {
    unsigned char *out = arena_alloc(a, 2 + n + TAG), *plain = arena_zalloc(a, 2 + n);
    struct gcm g;
    derive_legacy(a, s, &g);
    memcpy(plain + 2, payload, n); /* no padding: its length, in two bytes, is 0 */
    ret->body = out;
    ret->n = 2 + n + TAG;
    add_header(ret, "Content-Encoding", "aesgcm");
    add_header(ret, "Encryption", arena_printf(a, "salt=%s", text_base64url(a, s->lot->salt, WEBPUSH_SALT)));
    add_header(ret, "Crypto-Key", arena_printf(a, "dh=%s", text_base64url(a, s->point, WEBPUSH_POINT)));
    return encrypt(&g, plain, 2 + n, out);
}

enum code webpush_seal(struct ctx *ctx, const struct webpush_target *to, const struct webpush_lot *lot,
                       const void *payload, size_t n, struct webpush_message *ret) {
    struct secrets s = {.to = to, .lot = lot};
    ret->n_headers = 0;
    if (n > WEBPUSH_PAYLOAD_MAX)
        return fail(ctx, INVALID, "This message is too long to be pushed.");
    if (!point_of(ctx->arena, lot->secret, s.point) ||
        !shared_secret(ctx->arena, lot->secret, s.point, to->p256dh, s.ecdh))
        return broken(ctx, "no shared secret");
    bool ok = (to->legacy ? seal_legacy : seal_standard)(ctx->arena, &s, payload, n, ret);
    crypto_wipe(s.ecdh, sizeof s.ecdh);
    return ok ? OK : broken(ctx, "no encryption");
}

/* ---- the site's signature ---- */

/* r and s, 32 bytes each (RFC 7518, section 3.4), out of OpenSSL's DER. */
static bool raw_signature(const unsigned char *der, size_t n, unsigned char ret[SIGNATURE]) {
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    const BIGNUM *r = NULL, *s = NULL;
    if (sig == NULL)
        return false;
    ECDSA_SIG_get0(sig, &r, &s);
    bool ok = BN_bn2binpad(r, ret, 32) == 32 && BN_bn2binpad(s, ret + 32, 32) == 32;
    ECDSA_SIG_free(sig);
    return ok;
}

static bool sign(EVP_PKEY *key, const char *text, unsigned char ret[SIGNATURE]) {
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char der[128];
    size_t n = sizeof der;
    bool ok = md != NULL && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(md, der, &n, (const unsigned char *)text, strlen(text)) == 1 &&
              raw_signature(der, n, ret);
    EVP_MD_CTX_free(md);
    return ok;
}

/* Scheme, host and port of a URL. */
static const char *origin_of(struct arena *a, const char *url) {
    const char *host = strstr(url, "://");
    size_t n = host == NULL ? strlen(url) : (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
    return arena_strndup(a, url, n);
}

enum code webpush_token(struct ctx *ctx, const struct webpush_key *key, const char *endpoint,
                        const char *subject, int64_t until_s, const char **ret) {
    struct arena *a = ctx->arena;
    static const char head[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
    const char *origin = origin_of(a, endpoint);
    EVP_PKEY *pkey = pkey_of(a, key->secret, key->point);
    unsigned char signature[SIGNATURE];
    struct buf claims;
    buf_init(&claims, a, 8192);
    buf_puts(&claims, "{\"aud\":\"");
    buf_json(&claims, origin, strlen(origin));
    buf_printf(&claims, "\",\"exp\":%lld,\"sub\":\"", (long long)until_s);
    buf_json(&claims, subject, strlen(subject));
    buf_puts(&claims, "\"}");
    const char *text = arena_printf(a, "%s.%s", text_base64url(a, head, sizeof head - 1),
                                    text_base64url(a, claims.p, claims.n));
    if (pkey == NULL || !sign(pkey, text, signature))
        return broken(ctx, "no signature");
    *ret = arena_printf(a, "%s.%s", text, text_base64url(a, signature, SIGNATURE));
    return OK;
}

/* The DER that OpenSSL wants. */
static unsigned char *der_signature(const unsigned char raw[SIGNATURE], size_t *ret_n) {
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
    unsigned char *der = NULL;
    if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
    } else {
        int n = i2d_ECDSA_SIG(sig, &der);
        *ret_n = n > 0 ? (size_t)n : 0;
    }
    ECDSA_SIG_free(sig);
    return der;
}

bool webpush_token_verify(struct ctx *ctx, const char *token, const unsigned char point[WEBPUSH_POINT]) {
    const char *dot = strrchr(token, '.');
    EVP_PKEY *key = pkey_of(ctx->arena, NULL, point);
    unsigned char *raw;
    size_t n, n_der = 0;
    if (dot == NULL || key == NULL || !text_base64url_decode(ctx->arena, dot + 1, &raw, &n) || n != SIGNATURE)
        return false;
    unsigned char *der = der_signature(raw, &n_der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = der != NULL && md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(md, der, n_der, (const unsigned char *)token, (size_t)(dot - token)) == 1;
    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    return ok;
}

/* ---- a whole message ---- */

/* The drafts' apps read the key beside the one of the message. */
static void add_legacy_key(struct arena *a, struct webpush_message *m, const char *public_key) {
    for (size_t i = 0; i < m->n_headers; i++)
        if (strcmp(m->headers[i].name, "Crypto-Key") == 0)
            m->headers[i].value = arena_printf(a, "%s;p256ecdsa=%s", m->headers[i].value, public_key);
}

static enum code add_authorization(struct ctx *ctx, const struct webpush_key *key,
                                   const struct webpush_target *to, const struct webpush_wish *wish,
                                   struct webpush_message *m) {
    const char *token;
    enum code c = webpush_token(ctx, key, to->endpoint, wish->subject, wish->now_ms / 1000 + TOKEN_S, &token);
    if (c != OK)
        return c;
    if (to->legacy)
        add_legacy_key(ctx->arena, m, key->public_key);
    add_header(m, "Authorization",
               to->legacy ? arena_printf(ctx->arena, "WebPush %s", token)
                          : arena_printf(ctx->arena, "vapid t=%s, k=%s", token, key->public_key));
    return OK;
}

enum code webpush_make(struct ctx *ctx, const struct webpush_key *key, const struct webpush_target *to,
                       const void *payload, size_t n, const struct webpush_wish *wish,
                       struct webpush_message *ret) {
    struct webpush_lot lot;
    unsigned char point[WEBPUSH_POINT];
    do
        crypto_random(&lot, sizeof lot);
    while (!point_of(ctx->arena, lot.secret, point));
    enum code c = webpush_seal(ctx, to, &lot, payload, n, ret);
    crypto_wipe(&lot, sizeof lot);
    if (c != OK || (c = add_authorization(ctx, key, to, wish, ret)) != OK)
        return c;
    add_header(ret, "Content-Type", "application/octet-stream");
    add_header(ret, "TTL", arena_printf(ctx->arena, "%d", wish->ttl_s));
    add_header(ret, "Urgency", wish->urgent ? "high" : "normal");
    if (wish->topic != NULL)
        add_header(ret, "Topic", wish->topic);
    return OK;
}
