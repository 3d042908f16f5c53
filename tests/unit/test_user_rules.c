/* What the user service demands of handles and passwords, and how it reads devices and words. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/i18n.h"
#include "handlers/common/device.h"
#include "handlers/user/rules.h"

static struct arena *a;

static void setup(void) { a = arena_new(1 << 22); }
static void teardown(void) { arena_free(a); }

START_TEST(test_handles) {
    static const char *const good[] = {"a", "Ada", "ada_99", "a23456789012345678901234567890"};
    static const char *const bad[] = {
        "",      "1ada",  "_ada",     "a b", "ada!", "ädä",    "a234567890123456789012345678901",
        "admin", "ADMIN", "Settings", "api", "root", "support"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(rules_handle_problem(good[i]) == NULL, "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(rules_handle_problem(bad[i]) != NULL, "%s", bad[i]);
}
END_TEST

static const char *problem(const char *password) {
    return rules_password_problem(a, password, "ada_lovelace", "countess@example.org", 8, 0);
}

START_TEST(test_passwords) {
    static const char *const bad[] = {"short",
                                      "Password1",
                                      "QWERTYUIOP",
                                      "aaaaaaaaaaaa",
                                      "12345678",
                                      "hgfedcba",
                                      "ADA_lovelace",
                                      "countess",
                                      "Countess@Example.org",
                                      "\xc3\x28\xc3\x28\xc3\x28\xc3\x28\xc3"};
    static const char *const good[] = {"tangerine sky", "ада лавлейс", "🦊🐻🐼🐨🐯🦁🐮🐷",
                                       "        x", "abcdefgz"};
    char *long_one = arena_alloc(a, 1002);

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(problem(bad[i]) != NULL, "%s", bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(problem(good[i]) == NULL, "%s: %s", good[i], problem(good[i]));
    for (int i = 0; i < 1001; i++)
        long_one[i] = (char)('a' + i % 7 * 3);
    long_one[1001] = '\0';
    ck_assert_ptr_nonnull(problem(long_one));
    long_one[1000] = '\0';
    ck_assert_ptr_null(problem(long_one));
    ck_assert_ptr_nonnull(strstr(rules_password_problem(a, "short", "", "", 12, 0), "12"));
}
END_TEST

START_TEST(test_devices) {
    static const char *const agents[][2] = {
        {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
         "Edge on Windows"},
        {"Mozilla/5.0 (Macintosh; Mac OS X 10_15) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
         "Safari on macOS"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
         "Safari on iPhone"},
        {"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
         "Chrome on Android"},
        {"curl/7.88.1", "curl"},
        {"", "Unknown device"},
        {"\xff\xfe<script>", "Unknown device"},
    };

    for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
        ck_assert_str_eq(rules_device(a, agents[i][0]), agents[i][1]);
    ck_assert_str_eq(rules_device(a, NULL), "Unknown device");
    ck_assert(rules_device_is_phone("Safari on iPhone"));
    ck_assert_str_eq(device_words(a, 0, "Firefox on Linux"), "Firefox on Linux");
    ck_assert_str_eq(device_words(a, i18n_find("de"), "Firefox on Linux"), "Firefox unter Linux");
    ck_assert_str_eq(device_words(a, i18n_find("de"), "curl"), "curl");
    ck_assert_str_eq(device_words(a, i18n_find("de"), "Unknown device"), "Unbekanntes Gerät");
    ck_assert(!rules_device_is_phone("Firefox on Linux"));
}
END_TEST

START_TEST(test_words) {
    const char **words;
    char *endless = arena_alloc(a, 4000);
    size_t n = rules_words(a, "Ada_99 ADA Žofie, “naïve”\u3000日本 --", &words);

    ck_assert_uint_ge(n, 5);
    ck_assert_str_eq(words[0], "ada");
    ck_assert_str_eq(words[1], "99");
    ck_assert_str_eq(words[2], "žofie");
    ck_assert_str_eq(words[3], "naïve");
    memset(endless, 'x', 3999);
    endless[3999] = '\0';
    n = rules_words(a, endless, &words);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_le(strlen(words[i]), 60);
    ck_assert_uint_eq(rules_words(a, "", &words), 0);
    ck_assert_uint_eq(rules_words(a, "\xff", &words), 0);
}
END_TEST

START_TEST(test_queries) {
    ck_assert_str_eq(rules_tsquery(a, "Ada LOVE"), "'ada':* & 'love':*");
    ck_assert_str_eq(rules_tsquery(a, "o'neil \\ :* ! (x)"), "'o':* & 'neil':* & 'x':*");
    ck_assert_ptr_null(rules_tsquery(a, " … '\\"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("user_rules");
    TCase *t = tcase_create("rules");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_handles);
    tcase_add_test(t, test_passwords);
    tcase_add_test(t, test_devices);
    tcase_add_test(t, test_words);
    tcase_add_test(t, test_queries);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
