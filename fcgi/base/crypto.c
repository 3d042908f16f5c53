#include "fcgi/base/crypto.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"

_Static_assert(CRYPTO_HASH_BYTES == crypto_generichash_BYTES, "size of a hash");
_Static_assert(CRYPTO_KEY_BYTES == crypto_generichash_KEYBYTES, "size of a key");

const struct crypto_cost crypto_cost_default = {
    .opslimit = crypto_pwhash_OPSLIMIT_INTERACTIVE,
    .memlimit = crypto_pwhash_MEMLIMIT_INTERACTIVE,
};

/* Before main(), so that no caller can come before it. Without a source of randomness nothing here is safe to
 * run. */
__attribute__((constructor)) static void start(void) {
    if (sodium_init() < 0) {
        fputs("crypto: libsodium cannot be used\n", stderr);
        abort();
    }
}

void crypto_random(void *out, size_t n) { randombytes_buf(out, n); }

char *crypto_token(struct arena *a, size_t n) {
    unsigned char *bytes = arena_alloc(a, n);
    crypto_random(bytes, n);
    return text_base64url(a, bytes, n);
}

void crypto_digest(unsigned char out[CRYPTO_HASH_BYTES], const void *p, size_t n) {
    crypto_generichash(out, CRYPTO_HASH_BYTES, p, n, NULL, 0);
}

void crypto_sha256(unsigned char out[CRYPTO_HASH_BYTES], const void *p, size_t n) {
    crypto_hash_sha256(out, p, n);
}

void crypto_hmac256(unsigned char out[CRYPTO_HASH_BYTES], const void *key, size_t n_key, const void *p,
                    size_t n) {
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, n_key);
    crypto_auth_hmacsha256_update(&state, p, n);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

void crypto_mac(unsigned char out[CRYPTO_HASH_BYTES], const unsigned char key[CRYPTO_KEY_BYTES],
                const void *p, size_t n) {
    crypto_generichash(out, CRYPTO_HASH_BYTES, p, n, key, CRYPTO_KEY_BYTES);
}

bool crypto_equal(const void *a, const void *b, size_t n) { return sodium_memcmp(a, b, n) == 0; }

bool crypto_equal_str(const char *a, const char *b) {
    if (a == NULL || b == NULL)
        return false;
    size_t n = strlen(a);
    return n == strlen(b) && crypto_equal(a, b, n);
}

char *crypto_password_hash(struct arena *a, const char *password, const struct crypto_cost *cost) {
    char *hash = arena_alloc(a, crypto_pwhash_STRBYTES);
    if (crypto_pwhash_str(hash, password, strlen(password), cost->opslimit, cost->memlimit) != 0)
        return NULL;
    return hash;
}

bool crypto_password_verify(const char *hash, const char *password) {
    return hash != NULL && password != NULL &&
           crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
}

bool crypto_password_needs_rehash(const char *hash, const struct crypto_cost *cost) {
    return hash == NULL || crypto_pwhash_str_needs_rehash(hash, cost->opslimit, cost->memlimit) != 0;
}

void crypto_wipe(void *p, size_t n) { sodium_memzero(p, n); }
