/* By which ways, and when: kinds, quiet hours, caps, bursts, digests. */
#include <check.h>
#undef fail
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "handlers/notification/rules_prefs.h"
#include "handlers/notification/rules_words.h"

#define MINUTE WAIT_MINUTE_MS
#define HOUR WAIT_HOUR_MS
#define DAY WAIT_DAY_MS
#define MIDNIGHT (INT64_C(20000) * DAY) /* of some day, in UTC */

static struct prefs p;
static const struct mail_pace pace = {MINUTE, 30 * MINUTE};
static const struct mail_pace now = {0, 30 * MINUTE};

static void setup(void) { prefs_defaults(7, &p); }

static int64_t mail(const struct mail_times *times, int64_t at) {
    return prefs_mail_due(&p, times, &pace, at);
}

START_TEST(ways) {
    static const char *const loud[] = {"mention", "comment", "follow_request", "moderation"};
    static const char *const daily[] = {"repost", "follow", "follow_accepted"};
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(prefs_ways(&p, loud[i]), WAY_IN_APP | WAY_EMAIL | WAY_PUSH);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(prefs_ways(&p, daily[i]) & (WAY_EMAIL | WAY_DIGEST), WAY_DIGEST);
    ck_assert_uint_eq(prefs_ways(&p, "like"), WAY_IN_APP);
    ck_assert_uint_eq(prefs_ways(&p, "post"), WAY_IN_APP | WAY_PUSH);
    ck_assert_uint_eq(prefs_ways(&p, "something new"), WAY_IN_APP);
    p.ways[PREFS_MENTION] = 15; /* what is mailed at once is not repeated in the digest */
    ck_assert_uint_eq(prefs_ways(&p, "mention"), WAY_IN_APP | WAY_EMAIL | WAY_PUSH);
    p.ways[PREFS_SIGN_IN] = 15; /* the user service writes about it in any case */
    ck_assert_uint_eq(prefs_ways(&p, "sign_in"), WAY_IN_APP | WAY_PUSH);
    p.ways[PREFS_LIKE] = 0;
    ck_assert_uint_eq(prefs_ways(&p, "like"), 0);
}
END_TEST

START_TEST(quiet_hours) {
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT), 0); /* off */
    p.quiet = true;                                     /* 22 to 7 */
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT), MIDNIGHT + 7 * HOUR);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 7 * HOUR - 1), MIDNIGHT + 7 * HOUR);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 7 * HOUR), 0);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 22 * HOUR - 1), 0);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 22 * HOUR), MIDNIGHT + DAY + 7 * HOUR);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 23 * HOUR + 59 * MINUTE + 59999),
                     MIDNIGHT + DAY + 7 * HOUR);
    p.zone_s = 2 * 3600; /* there it is two hours later */
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 19 * HOUR + 59 * MINUTE), 0);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 20 * HOUR), MIDNIGHT + DAY + 5 * HOUR);
    p.zone_s = -9 * 3600 - 1800; /* and there nine and a half earlier */
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 8 * HOUR), MIDNIGHT + 16 * HOUR + 30 * MINUTE);
    p.zone_s = 0;
    p.quiet_from = 9 * 60;
    p.quiet_to = 17 * 60; /* within one day */
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 8 * HOUR), 0);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 9 * HOUR), MIDNIGHT + 17 * HOUR);
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 17 * HOUR), 0);
    p.quiet_to = p.quiet_from; /* none at all */
    ck_assert_int_eq(prefs_quiet_end(&p, MIDNIGHT + 9 * HOUR), 0);
}
END_TEST

START_TEST(pushes) {
    ck_assert_int_eq(prefs_push_due(&p, "mention", MIDNIGHT), MIDNIGHT);
    p.quiet = true;
    ck_assert_int_eq(prefs_push_due(&p, "mention", MIDNIGHT), MIDNIGHT + 7 * HOUR);
    ck_assert_int_eq(prefs_push_due(&p, "sign_in", MIDNIGHT), MIDNIGHT); /* may disturb */
    ck_assert_int_eq(prefs_push_due(&p, "mention", MIDNIGHT + 12 * HOUR), MIDNIGHT + 12 * HOUR);
}
END_TEST

START_TEST(mails) {
    const int64_t noon = MIDNIGHT + 12 * HOUR;
    struct mail_times times = {0};
    ck_assert_int_eq(mail(&times, noon), noon + MINUTE); /* the first of a burst: soon */
    times.last_ms = noon - 10 * MINUTE;                  /* the next: when the window is over */
    ck_assert_int_eq(mail(&times, noon), noon + 20 * MINUTE);
    times.last_ms = noon - 2 * HOUR;
    ck_assert_int_eq(mail(&times, noon), noon + MINUTE);
    times.hour_ms = noon - 50 * MINUTE; /* the cap of an hour is reached: when the oldest is an hour old */
    ck_assert_int_eq(mail(&times, noon), noon + 10 * MINUTE);
    times.day_ms = noon - 20 * HOUR; /* the day's goes beyond it */
    ck_assert_int_eq(mail(&times, noon), noon + 4 * HOUR);
    times.hour_ms = times.day_ms = 0;
    ck_assert_int_eq(prefs_mail_due(&p, &times, &now, noon), noon); /* at sending there is no further delay */
}
END_TEST

/* The matrix: each of burst, caps and quiet hours may put a mail off, and none of them lets it go before
 * another does. */
START_TEST(matrix) {
    for (int bits = 0; bits < 16; bits++)
        for (int64_t at = MIDNIGHT; at < MIDNIGHT + DAY; at += 37 * MINUTE) {
            struct mail_times times = {(bits & 1) != 0 ? at - 5 * MINUTE : 0,
                                       (bits & 2) != 0 ? at - 30 * MINUTE : 0,
                                       (bits & 4) != 0 ? at - 23 * HOUR : 0};
            p.quiet = (bits & 8) != 0;
            int64_t due = mail(&times, at);
            ck_assert_int_ge(due, at + MINUTE);
            ck_assert_int_ge(due, times.last_ms != 0 ? times.last_ms + 30 * MINUTE : 0);
            ck_assert_int_ge(due, times.hour_ms != 0 ? times.hour_ms + HOUR : 0);
            ck_assert_int_ge(due, times.day_ms != 0 ? times.day_ms + DAY : 0);
            ck_assert_int_eq(prefs_quiet_end(&p, due), 0);
            ck_assert_int_le(due, at + HOUR + 9 * HOUR);
            ck_assert_int_eq(prefs_mail_due(&p, &times, &now, due), due); /* and then it goes */
        }
}
END_TEST

START_TEST(digests) {
    ck_assert_int_eq(prefs_digest_due(&p, MIDNIGHT), MIDNIGHT + 8 * HOUR);
    ck_assert_int_eq(prefs_digest_due(&p, MIDNIGHT + 8 * HOUR - 1), MIDNIGHT + 8 * HOUR);
    ck_assert_int_eq(prefs_digest_due(&p, MIDNIGHT + 8 * HOUR), MIDNIGHT + DAY + 8 * HOUR); /* not twice */
    ck_assert_int_eq(prefs_digest_due(&p, MIDNIGHT + 9 * HOUR), MIDNIGHT + DAY + 8 * HOUR);
    p.digest_hour = 0;
    p.zone_s = 3600;
    ck_assert_int_eq(prefs_digest_due(&p, MIDNIGHT + 12 * HOUR), MIDNIGHT + 23 * HOUR);
}
END_TEST

START_TEST(alerts) {
    ck_assert_str_eq(prefs_alert_of("like"), "favourite");
    ck_assert_str_eq(prefs_alert_of("comment"), "mention");
    ck_assert_str_eq(prefs_alert_of("post"), "status");
    ck_assert_ptr_null(prefs_alert_of("sign_in"));
    ck_assert_ptr_null(prefs_alert_of("nonsense"));
    ck_assert(prefs_is_alert("admin.report"));
    ck_assert(!prefs_is_alert("nonsense"));
    for (int i = 0; i < PREFS_KINDS; i++)
        ck_assert_int_eq(prefs_kind_of(prefs_kind_name(i)), i);
}
END_TEST

START_TEST(times_of_day) {
    static const char *const bad[] = {"", "7:00", "07:0", "24:00", "12:60", "ab:cd", "07:00 ", "-1:00"};
    struct arena *a = arena_new(65536);
    int minutes;
    ck_assert(words_minutes("00:00", &minutes));
    ck_assert_int_eq(minutes, 0);
    ck_assert(words_minutes("23:59", &minutes));
    ck_assert_int_eq(minutes, 1439);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!words_minutes(bad[i], &minutes), "%s", bad[i]);
    ck_assert_str_eq(words_clock(a, 425), "07:05");
    arena_free(a);
}
END_TEST

int main(void) {
    Suite *s = suite_create("preferences");
    TCase *t = tcase_create("preferences");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, ways);
    tcase_add_test(t, quiet_hours);
    tcase_add_test(t, pushes);
    tcase_add_test(t, mails);
    tcase_add_test(t, matrix);
    tcase_add_test(t, digests);
    tcase_add_test(t, alerts);
    tcase_add_test(t, times_of_day);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
