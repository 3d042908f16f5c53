/* The words of a subcommand. */
#include <check.h>
#include <stdlib.h>

#include "fcgi/command.h"

#define WORDS(...)                \
    char *argv[] = {__VA_ARGS__}; \
    int argc = sizeof argv / sizeof argv[0]

#define W(text) \
    (char[]) { text }

START_TEST(options) {
    WORDS(W("ann"), W("--email"), W("a@b"), W("--role=admin"), W("--empty="), W("--quiet"), W("--"),
          W("--late"), W("x"));
    ck_assert_str_eq(command_option(argc, argv, "email"), "a@b");
    ck_assert_str_eq(command_option(argc, argv, "role"), "admin");
    ck_assert_str_eq(command_option(argc, argv, "empty"), "");
    ck_assert_ptr_null(command_option(argc, argv, "ema"));
    ck_assert_ptr_null(command_option(argc, argv, "emails"));
    ck_assert_ptr_null(command_option(argc, argv, "late"));
    ck_assert(command_flag(argc, argv, "quiet"));
    ck_assert(!command_flag(argc, argv, "qui"));
    ck_assert(!command_flag(argc, argv, "late"));
    ck_assert(!command_flag(0, argv, "quiet"));
    ck_assert_ptr_null(command_option(0, argv, "email"));
}
END_TEST

START_TEST(last_option_without_value) {
    WORDS(W("--email"));
    ck_assert_ptr_null(command_option(argc, argv, "email"));
    ck_assert(command_flag(argc, argv, "email"));
}
END_TEST

START_TEST(words) {
    WORDS(W("--email"), W("a@b"), W("ann"), W("--role=admin"), W("--quiet"), W("bob"), W("-"), W("--"),
          W("--carl"));
    ck_assert_str_eq(command_word(argc, argv, "role,email", 0), "ann");
    ck_assert_str_eq(command_word(argc, argv, "role,email", 1), "bob");
    ck_assert_str_eq(command_word(argc, argv, "role,email", 2), "-");
    ck_assert_str_eq(command_word(argc, argv, "role,email", 3), "--carl");
    ck_assert_ptr_null(command_word(argc, argv, "role,email", 4));
    ck_assert_str_eq(command_word(argc, argv, "role,emai", 0), "a@b");
    ck_assert_str_eq(command_word(argc, argv, NULL, 0), "a@b");
    ck_assert_str_eq(command_word(argc, argv, "", 0), "a@b");
}
END_TEST

int main(void) {
    Suite *s = suite_create("command");
    TCase *t = tcase_create("command");
    tcase_add_test(t, options);
    tcase_add_test(t, last_option_without_value);
    tcase_add_test(t, words);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
