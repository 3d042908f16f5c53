/* Random bytes, hashes and passwords. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"

static struct arena *arena;

static void setup(void) { arena = arena_new(1024 * 1024); }
static void teardown(void) { arena_free(arena); }

START_TEST(random_differs) {
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};
    crypto_random(a, sizeof(a));
    crypto_random(b, sizeof(b));
    ck_assert(!crypto_equal(a, b, sizeof(a)));
    const char *one = crypto_token(arena, 32);
    const char *two = crypto_token(arena, 32);
    ck_assert_uint_eq(strlen(one), 43);
    ck_assert_str_ne(one, two);
    unsigned char *p;
    size_t n;
    ck_assert(text_base64url_decode(arena, one, &p, &n));
    ck_assert_uint_eq(n, 32);
    ck_assert_str_eq(crypto_token(arena, 0), "");
}
END_TEST

START_TEST(hashes_are_the_known_ones) {
    unsigned char out[CRYPTO_HASH_BYTES];
    crypto_digest(out, "abc", 3); /* BLAKE2b-256 */
    ck_assert_str_eq(text_hex(arena, out, 32),
                     "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    crypto_digest(out, NULL, 0);
    ck_assert_str_eq(text_hex(arena, out, 32),
                     "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    crypto_sha256(out, "abc", 3);
    ck_assert_str_eq(text_hex(arena, out, 32),
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(macs_need_the_key) {
    unsigned char key[CRYPTO_KEY_BYTES] = {1};
    unsigned char a[CRYPTO_HASH_BYTES];
    unsigned char b[CRYPTO_HASH_BYTES];
    crypto_mac(a, key, "abc", 3);
    crypto_mac(b, key, "abc", 3);
    ck_assert(crypto_equal(a, b, sizeof(a)));
    crypto_mac(b, key, "abd", 3);
    ck_assert(!crypto_equal(a, b, sizeof(a)));
    key[0] = 2;
    crypto_mac(b, key, "abc", 3);
    ck_assert(!crypto_equal(a, b, sizeof(a)));
}
END_TEST

START_TEST(equality) {
    ck_assert(crypto_equal_str("abc", "abc") && crypto_equal_str("", ""));
    ck_assert(!crypto_equal_str("abc", "abd") && !crypto_equal_str("abc", "ab"));
    ck_assert(!crypto_equal_str(NULL, NULL) && !crypto_equal_str("", NULL) && !crypto_equal_str(NULL, ""));
    char secret[4] = "key";
    crypto_wipe(secret, sizeof(secret));
    ck_assert_int_eq(memcmp(secret, "\0\0\0\0", 4), 0);
}
END_TEST

START_TEST(passwords) {
    const struct crypto_cost cheap = {.opslimit = 1, .memlimit = 8192};
    const struct crypto_cost dearer = {.opslimit = 2, .memlimit = 8192};
    const char *hash = crypto_password_hash(arena, "correct horse", &cheap);
    ck_assert(text_starts(hash, "$argon2id$"));
    ck_assert_uint_lt(strlen(hash), 128);
    ck_assert_str_ne(hash, crypto_password_hash(arena, "correct horse", &cheap));
    ck_assert(crypto_password_verify(hash, "correct horse"));
    ck_assert(!crypto_password_verify(hash, "correct horsE"));
    ck_assert(!crypto_password_verify(hash, ""));
    ck_assert(!crypto_password_verify(hash, NULL));
    ck_assert(!crypto_password_verify(NULL, "x"));
    ck_assert(!crypto_password_verify("", "x"));
    ck_assert(!crypto_password_verify("$argon2id$nonsense", "x"));
    ck_assert(!crypto_password_needs_rehash(hash, &cheap));
    ck_assert(crypto_password_needs_rehash(hash, &dearer));
    ck_assert(crypto_password_needs_rehash("nonsense", &cheap));
    ck_assert(crypto_password_needs_rehash(NULL, &cheap));
    ck_assert_ptr_null(
        crypto_password_hash(arena, "x", &(struct crypto_cost){.opslimit = 0, .memlimit = 8192}));
    ck_assert_ptr_null(crypto_password_hash(arena, "x", &(struct crypto_cost){.opslimit = 1, .memlimit = 1}));
    ck_assert(crypto_password_verify(crypto_password_hash(arena, "", &cheap), ""));
    ck_assert_uint_ge(crypto_cost_default.memlimit, 64 * 1024 * 1024);
}
END_TEST

int main(void) {
    Suite *s = suite_create("crypto");
    TCase *t = tcase_create("crypto");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, random_differs);
    tcase_add_test(t, hashes_are_the_known_ones);
    tcase_add_test(t, macs_need_the_key);
    tcase_add_test(t, equality);
    tcase_add_test(t, passwords);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
