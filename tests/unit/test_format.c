/* Times and counts in the words of a language. */
#include <check.h>
#include <stdlib.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/format.h"
#include "fcgi/i18n.h"

#define MOMENT INT64_C(1795327403123) /* 2026-11-22T06:03:23.123Z */
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)

static struct arena *a;
static int de;

static void setup(void) {
    a = arena_new(1 << 20);
    de = i18n_find("de");
    ck_assert_int_gt(de, 0);
}
static void teardown(void) { arena_free(a); }

START_TEST(test_moments) {
    ck_assert_str_eq(format_moment(a, 0, MOMENT), "22 Nov 2026, 06:03");
    ck_assert_str_eq(format_moment(a, de, MOMENT), "22. Nov. 2026, 06:03");
    ck_assert_str_eq(format_day(a, 0, MOMENT), "22 Nov 2026");
    ck_assert_str_eq(format_day(a, de, MOMENT), "22. Nov. 2026");
    ck_assert_str_eq(format_day(a, de, MOMENT + 120 * DAY), "22. März 2027");
    ck_assert_str_eq(format_moment(a, 99, 0), "1 Jan 1970, 00:00"); /* no such language: English */
}
END_TEST

/* How long ago, in English and German. */
static const struct {
    int64_t ago;
    const char *en, *de;
} ages[] = {
    {0, "now", "jetzt"},
    {-5000, "now", "jetzt"},
    {59999, "now", "jetzt"},
    {60000, "1m", "1 Min."},
    {HOUR - 1, "59m", "59 Min."},
    {3 * HOUR, "3h", "3 Std."},
    {DAY, "1d", "1 Tg."},
    {7 * DAY - 1, "6d", "6 Tg."},
    {7 * DAY, "15 Nov", "15. Nov."},
    {731 * DAY, "21 Nov 2024", "21. Nov. 2024"},
    {-2 * DAY, "24 Nov", "24. Nov."},
};

START_TEST(test_ages) {
    ck_assert_str_eq(format_ago(a, 0, MOMENT - ages[_i].ago, MOMENT), ages[_i].en);
    ck_assert_str_eq(format_ago(a, de, MOMENT - ages[_i].ago, MOMENT), ages[_i].de);
}
END_TEST

static const struct {
    int64_t n;
    const char *en, *de;
} counts[] = {
    {0, "0", "0"},
    {999, "999", "999"},
    {1000, "1.0k", "1,0 Tsd."},
    {1299, "1.2k", "1,2 Tsd."},
    {9999, "9.9k", "9,9 Tsd."},
    {12345, "12k", "12 Tsd."},
    {999999, "999k", "999 Tsd."},
    {3456789, "3.4M", "3,4 Mio."},
    {45678901, "45M", "45 Mio."},
};

START_TEST(test_counts) {
    ck_assert_str_eq(format_count(a, 0, counts[_i].n), counts[_i].en);
    ck_assert_str_eq(format_count(a, de, counts[_i].n), counts[_i].de);
}
END_TEST

int main(void) {
    Suite *s = suite_create("format");
    TCase *t = tcase_create("format");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_moments);
    tcase_add_loop_test(t, test_ages, 0, sizeof ages / sizeof *ages);
    tcase_add_loop_test(t, test_counts, 0, sizeof counts / sizeof *counts);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
