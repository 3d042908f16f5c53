/* Metrics: shared by processes, written as Prometheus wants them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/buf.h"
#include "fcgi/metrics.h"

static struct buf out;

static const char *written(void) {
    buf_free(&out);
    buf_init(&out, NULL, 1 << 20);
    metrics_write(&out);
    return buf_str(&out);
}

static void says(const char *row) {
    ck_assert_msg(strstr(written(), row) != NULL, "no %s in:\n%s", row, buf_str(&out));
}

static void setup(void) {
    metrics_init();
    buf_init(&out, NULL, 1 << 20);
}

static void teardown(void) { buf_free(&out); }

START_TEST(nothing_before_init) {
    ck_assert_int_eq(metrics_register(METRIC_COUNTER, "a", "", "h"), -1);
    metrics_add(0, 1);
    metrics_add(-1, 1);
    metrics_observe(3, 1);
    ck_assert_str_eq(written(), "");
}
END_TEST

START_TEST(counters_and_gauges) {
    int a = metrics_register(METRIC_COUNTER, "a_total", "x=\"1\"", "Things.");
    int g = metrics_register(METRIC_GAUGE, "g", "", "Level.");
    int b = metrics_register(METRIC_COUNTER, "a_total", "x=\"2\"", "Things.");
    ck_assert_int_eq(metrics_register(METRIC_COUNTER, "a_total", "x=\"1\"", "Things."), a);
    ck_assert_int_ne(a, b);
    metrics_add(a, 2);
    metrics_add(a, 3);
    metrics_set(g, -7);
    says("# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\"} 5\na_total{x=\"2\"} 0\n");
    says("# HELP g Level.\n# TYPE g gauge\ng -7\n");
}
END_TEST

START_TEST(histograms) {
    int h = metrics_register(METRIC_HISTOGRAM, "t_seconds", "f=\"p\"", "Time.");
    metrics_observe(h, 0);
    metrics_observe(h, 100);
    metrics_observe(h, 101);
    metrics_observe(h, 10000000);
    metrics_observe(h, 99999999);
    says(
        "# TYPE t_seconds histogram\nt_seconds_bucket{f=\"p\",le=\"0.0001\"} 2\nt_seconds_bucket{f=\"p\",le=\"0.00025\"} 3\n");
    says("t_seconds_bucket{f=\"p\",le=\"10\"} 4\nt_seconds_bucket{f=\"p\",le=\"+Inf\"} 5\n");
    says("t_seconds_sum{f=\"p\"} 110.000200\nt_seconds_count{f=\"p\"} 5\n");
}
END_TEST

START_TEST(processes_share) {
    int a = metrics_register(METRIC_COUNTER, "a_total", "", "h");
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            int late = metrics_register(METRIC_COUNTER, "late_total", "", "h");
            for (int k = 0; k < 1000; k++) {
                metrics_add(a, 1);
                metrics_add(late, 1);
            }
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    says("a_total 4000\n");
    says("late_total 4000\n");
}
END_TEST

START_TEST(is_full_at_512) {
    char name[32];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "m%d", i);
        ck_assert((metrics_register(METRIC_GAUGE, name, "", "h") >= 0) == (i < 512));
    }
    metrics_set(-1, 1);
}
END_TEST

int main(void) {
    Suite *s = suite_create("metrics");
    TCase *before = tcase_create("before"), *t = tcase_create("metrics");
    tcase_add_test(before, nothing_before_init);
    suite_add_tcase(s, before);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, counters_and_gauges);
    tcase_add_test(t, histograms);
    tcase_add_test(t, processes_share);
    tcase_add_test(t, is_full_at_512);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
