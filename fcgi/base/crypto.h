/* Secrets: random bytes, tokens, hashes, passwords. All by libsodium. */
#ifndef DEEPLINK_BASE_CRYPTO_H
#define DEEPLINK_BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

#define CRYPTO_HASH_BYTES 32
#define CRYPTO_KEY_BYTES 32

/* n bytes nobody can guess. */
void crypto_random(void *out, size_t n);

/* A token of n random bytes as base64url without padding, in the arena (32 bytes give 43 characters). */
char *crypto_token(struct arena *a, size_t n);

/* BLAKE2b of n bytes, 32 bytes long: what is stored in place of a token. Not for passwords. (crypto_hash is a
 * name of libsodium.) */
void crypto_digest(unsigned char out[CRYPTO_HASH_BYTES], const void *p, size_t n);

/* SHA-256 (FIPS 180-4), for what other programs check, such as PKCE's S256. */
void crypto_sha256(unsigned char out[CRYPTO_HASH_BYTES], const void *p, size_t n);

/* HMAC with SHA-256 (RFC 2104), for what other programs check. A key of any length. */
void crypto_hmac256(unsigned char out[CRYPTO_HASH_BYTES], const void *key, size_t n_key, const void *p,
                    size_t n);

/* Keyed BLAKE2b: proves that who made it had the key. Compare with crypto_equal(). */
void crypto_mac(unsigned char out[CRYPTO_HASH_BYTES], const unsigned char key[CRYPTO_KEY_BYTES],
                const void *p, size_t n);

/* Whether n bytes are the same, in a time that does not tell where they differ. */
bool crypto_equal(const void *a, const void *b, size_t n);

/* The same for strings. The time tells the lengths, no more; NULL equals nothing. */
bool crypto_equal_str(const char *a, const char *b);

/* What a password hash (argon2id, RFC 9106) costs: passes over the memory, and bytes of memory. */
struct crypto_cost {
    unsigned long long opslimit; /* at least 1 */
    size_t memlimit;             /* at least 8192 */
};

/* libsodium's interactive cost: 2 passes over 64 MiB. */
extern const struct crypto_cost crypto_cost_default;

/* A password's hash with its own salt and cost, as one printable string in the arena ("$argon2id$…", < 128
 * bytes). NULL when the cost is out of range or the memory for it is not there. */
char *crypto_password_hash(struct arena *a, const char *password, const struct crypto_cost *cost);

/* Whether the hash was made from the password. False, too, for a hash that cannot be read. */
bool crypto_password_verify(const char *hash, const char *password);

/* Whether the hash was made at another cost and is to be renewed at the next log-in; true when it cannot be
 * read. */
bool crypto_password_needs_rehash(const char *hash, const struct crypto_cost *cost);

/* Overwrites n bytes with zeros, also where a compiler would leave it out. */
void crypto_wipe(void *p, size_t n);

#endif
