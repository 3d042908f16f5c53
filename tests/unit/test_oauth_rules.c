/* What scopes cover, which addresses apps may be sent back to, and PKCE. */
#include <check.h>
#undef fail
#include <string.h>

#include "fcgi/base/arena.h"
#include "handlers/common/scopes.h"
#include "handlers/user/rules_oauth.h"

static struct arena *a;

static void setup(void) { a = arena_new(1 << 20); }
static void teardown(void) { arena_free(a); }

START_TEST(test_what_a_scope_covers) {
    ck_assert(scopes_allow("read", "read:statuses"));
    ck_assert(scopes_allow("write read", "read"));
    ck_assert(scopes_allow("read:statuses", "read:statuses"));
    ck_assert(scopes_allow("profile", "profile|read:accounts"));
    ck_assert(scopes_allow("admin:read", "admin:read:accounts"));
    ck_assert(scopes_allow("follow", "write:mutes"));
    ck_assert(scopes_allow("", NULL));
    ck_assert(!scopes_allow("read:statuses", "read"));
    ck_assert(!scopes_allow("read:status", "read:statuses"));
    ck_assert(!scopes_allow("rea", "read"));
    ck_assert(!scopes_allow("read", "write:statuses"));
    ck_assert(!scopes_allow("read write", "admin:read"));
    ck_assert(!scopes_allow("follow", "read:statuses"));
    ck_assert(!scopes_allow("", "read"));
}
END_TEST

START_TEST(test_words_are_cleaned) {
    ck_assert_str_eq(scopes_clean(a, " read\nwrite  read ", ""), "read write");
    ck_assert_str_eq(scopes_clean(a, "read+write", ""), "read write");
    ck_assert_str_eq(scopes_clean(a, "", "read"), "read");
    ck_assert_ptr_null(scopes_clean(a, "read everything", "read"));
    ck_assert(scopes_within("read:statuses write", "read write"));
    ck_assert(!scopes_within("read", "read:statuses"));
    ck_assert(scopes_need_staff("read admin:write"));
    ck_assert(!scopes_need_staff("read write follow push profile"));
}
END_TEST

static const char *const good[] = {"https://app.example/back",
                                   "http://localhost:1234/",
                                   "ivory://back",
                                   "com.tapbots.Ivory.123:/request_token",
                                   "tuba://auth_code",
                                   "oauth2redirect://x",
                                   "urn:ietf:wg:oauth:2.0:oob"};
static const char *const bad[] = {"",
                                  "/back",
                                  "//app.example/",
                                  "https://app.example/#x",
                                  "https://",
                                  "https://user@app.example/",
                                  "javascript:alert(1)",
                                  "JavaScript:alert(1)",
                                  "data:text/html,x",
                                  "file:///etc/passwd",
                                  "urn:other",
                                  "https://app.example/ x",
                                  "https://app.example/\"x",
                                  "app.example"};

START_TEST(test_addresses) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(rules_redirect_uri(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!rules_redirect_uri(bad[i]), "%s", bad[i]);
    ck_assert_str_eq(rules_redirect_source(a, "https://app.example:8/back?x=1"), "https://app.example:8");
    ck_assert_str_eq(rules_redirect_source(a, "ivory://back"), "ivory:");
    ck_assert_ptr_null(rules_redirect_source(a, RULES_OOB));
    ck_assert(rules_redirect_same("http://127.0.0.1/cb", "http://127.0.0.1:5/cb"));
    ck_assert(rules_redirect_same("http://[::1]:1/cb", "http://[::1]:5/cb"));
    ck_assert(!rules_redirect_same("http://127.0.0.1/cb", "http://127.0.0.1:5/other"));
    ck_assert(!rules_redirect_same("http://127.0.0.1/", "http://127.0.0.1.evil.example/"));
    ck_assert(!rules_redirect_same("https://app.example/cb", "https://app.example:5/cb"));
}
END_TEST

/* RFC 7636 appendix B. */
START_TEST(test_proofs) {
    const char *challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
               *verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    ck_assert(rules_challenge(challenge));
    ck_assert(!rules_challenge("short"));
    ck_assert(rules_verifier_fits(a, verifier, challenge));
    ck_assert(!rules_verifier_fits(a, challenge, challenge));
    ck_assert(!rules_verifier_fits(a, "", challenge));
}
END_TEST

int main(void) {
    Suite *s = suite_create("oauth rules");
    TCase *t = tcase_create("oauth rules");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_what_a_scope_covers);
    tcase_add_test(t, test_words_are_cleaned);
    tcase_add_test(t, test_addresses);
    tcase_add_test(t, test_proofs);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
