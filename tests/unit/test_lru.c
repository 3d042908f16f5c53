/* The bounded cache, also against a plain list that says what must be in it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/lru.h"

static int freed;

static void count_free(void *value) {
    freed++;
    free(value);
}

static char *value_of(int v) {
    char *p = malloc(1);
    *p = (char)v;
    return p;
}

/* What the cache needs for an entry beside the value. */
static size_t entry_size(void) {
    struct lru *l = lru_new(1000);
    lru_put(l, 1, NULL, 0, NULL);
    size_t n = lru_stats(l).bytes;
    lru_free(l);
    return n;
}

static void setup(void) { freed = 0; }

START_TEST(keeps_and_replaces) {
    struct lru *l = lru_new(10000);
    ck_assert_ptr_null(lru_get(l, 1));
    ck_assert(lru_put(l, 1, value_of('a'), 1, count_free));
    ck_assert(lru_put(l, -1, value_of('b'), 1, count_free));
    ck_assert_int_eq(*(char *)lru_get(l, 1), 'a');
    ck_assert_int_eq(*(char *)lru_get(l, -1), 'b');
    ck_assert(lru_put(l, 1, value_of('c'), 1, count_free));
    ck_assert_int_eq(freed, 1);
    ck_assert_int_eq(*(char *)lru_get(l, 1), 'c');
    lru_remove(l, 1);
    lru_remove(l, 1);
    ck_assert_int_eq(freed, 2);
    ck_assert_ptr_null(lru_get(l, 1));
    struct lru_stats stats = lru_stats(l);
    ck_assert_uint_eq(stats.hits, 3);
    ck_assert_uint_eq(stats.misses, 2);
    ck_assert_uint_eq(stats.entries, 1);
    ck_assert_uint_eq(stats.evictions, 0);
    lru_clear(l);
    ck_assert_int_eq(freed, 3);
    ck_assert_uint_eq(lru_stats(l).bytes, 0);
    ck_assert(lru_put(l, 5, value_of('d'), 1, count_free));
    lru_free(l);
    ck_assert_int_eq(freed, 4);
    lru_free(NULL);
}
END_TEST

START_TEST(evicts_the_oldest) {
    size_t entry = entry_size();
    struct lru *l = lru_new(3 * (entry + 10));
    for (int i = 1; i <= 3; i++)
        ck_assert(lru_put(l, i, value_of(i), 10, count_free));
    lru_get(l, 1);
    ck_assert(lru_put(l, 4, value_of(4), 10, count_free));
    ck_assert_ptr_null(lru_get(l, 2));
    ck_assert_ptr_nonnull(lru_get(l, 1));
    ck_assert_ptr_nonnull(lru_get(l, 3));
    ck_assert_uint_eq(lru_stats(l).evictions, 1);
    ck_assert(lru_put(l, 5, value_of(5), 2 * entry + 30, count_free)); /* needs the room of all */
    ck_assert_uint_eq(lru_stats(l).entries, 1);
    ck_assert_int_eq(freed, 4);
    ck_assert(!lru_put(l, 5, value_of(6), 2 * entry + 31, count_free));
    ck_assert_ptr_null(lru_get(l, 5));
    ck_assert_int_eq(freed, 6);
    ck_assert(!lru_put(l, 6, value_of(6), SIZE_MAX, count_free));
    ck_assert_int_eq(freed, 7);
    lru_free(l);
}
END_TEST

#define KEYS 200

/* Random work; a clock a key says when it was touched last, so the oldest is known. */
START_TEST(agrees_with_a_model) {
    size_t entry = entry_size();
    size_t room = 90;
    struct lru *l = lru_new(room * (entry + 1));
    long touched[KEYS] = {0};
    size_t n = 0;
    srand(7);
    for (long now = 1; now <= 50000; now++) {
        int key = rand() % KEYS;
        if (rand() % 10 == 0) {
            n -= touched[key] != 0;
            touched[key] = 0;
            lru_remove(l, key);
        } else if (rand() % 2 == 0) {
            ck_assert_int_eq(lru_get(l, key) != NULL, touched[key] != 0);
            touched[key] = touched[key] != 0 ? now : 0;
        } else {
            n += touched[key] == 0;
            touched[key] = now;
            ck_assert(lru_put(l, key, value_of(key), 1, count_free));
        }
        if (n > room) {
            int oldest = -1;
            for (int k = 0; k < KEYS; k++)
                if (touched[k] != 0 && (oldest < 0 || touched[k] < touched[oldest]))
                    oldest = k;
            touched[oldest] = 0;
            n--;
        }
        ck_assert_uint_eq(lru_stats(l).entries, n);
    }
    for (int k = 0; k < KEYS; k++)
        ck_assert_int_eq(lru_get(l, k) != NULL, touched[k] != 0);
    lru_free(l);
}
END_TEST

START_TEST(grows_to_many) {
    struct lru *l = lru_new(100 * 1000 * 1000);
    for (int64_t i = 0; i < 100000; i++)
        ck_assert(lru_put(l, i << 22, (void *)"x", 1, NULL));
    ck_assert_uint_eq(lru_stats(l).entries, 100000);
    for (int64_t i = 0; i < 100000; i++)
        ck_assert_ptr_nonnull(lru_get(l, i << 22));
    lru_free(l);
}
END_TEST

int main(void) {
    Suite *s = suite_create("lru");
    TCase *t = tcase_create("lru");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, keeps_and_replaces);
    tcase_add_test(t, evicts_the_oldest);
    tcase_add_test(t, agrees_with_a_model);
    tcase_add_test(t, grows_to_many);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
