/* Work side by side in turns of a timer, with an other side that answers when the test says so. */
#include "fcgi/base/clock.h"
#include "fcgi/lane.h"

#include <check.h> /* below: its `fail` is a macro */
#include <stdlib.h>
#undef fail

#define LOOK_MS 20

static struct env env;
static struct arena *arena;
static struct ctx ctx;
static enum code taken;          /* what take() comes to */
static int64_t due[2 * FLIGHTS]; /* for whom there is something, in order */
static size_t n_due, n_taken;
static struct flight *under_way[2 * FLIGHTS]; /* what the other side has */
static size_t n_under_way, n_looks, n_steps;
static bool answers; /* it says something to all at the next step */

static bool is_busy(const struct lane *lane, int64_t whose) {
    int64_t busy[FLIGHTS];
    size_t n = lane_busy(lane, busy);

    for (size_t i = 0; i < n; i++)
        if (busy[i] == whose)
            return true;
    return false;
}

static enum code take(struct flight *f, bool *ret_due) {
    n_looks++;
    if (taken != OK)
        return fail_detail(&f->ctx, taken, "No.", "%s", arena_strdup(f->ctx.arena, "why"));
    *ret_due = n_taken < n_due && !is_busy(f->lane, due[n_taken]);
    if (!*ret_due)
        return OK;
    f->whose = due[n_taken++];
    if (f->whose < 0) /* needs nobody */
        flight_over(f);
    else
        under_way[n_under_way++] = f;
    return OK;
}

static void step(int wait_ms) {
    ck_assert_int_gt(wait_ms, 0);
    n_steps++;
    if (!answers)
        return;
    while (n_under_way > 0)
        flight_over(under_way[--n_under_way]);
}

static struct lane lane;

static void setup(void) {
    lane = (struct lane){.take = take, .step = step, .look_ms = LOOK_MS};
    arena = arena_new((size_t)1 << 20);
    ctx = (struct ctx){.arena = arena, .env = &env, .request_id = "test"};
    taken = OK;
    n_due = n_taken = n_under_way = n_looks = n_steps = 0;
    answers = false;
}

static void teardown(void) {
    for (size_t i = 0; i < FLIGHTS; i++)
        if (lane.flights[i].ctx.arena != NULL)
            arena_free(lane.flights[i].ctx.arena);
    arena_free(arena);
}

static void is_due(int64_t whose) { due[n_due++] = whose; }

static int64_t turn(void) {
    int64_t wait_ms = -1;

    ck_assert_int_eq(lane_run(&lane, &ctx, &wait_ms), OK);
    return wait_ms;
}

/* Until nothing is due or under way. */
static void turns(void) {
    int64_t wait_ms = 0;

    while (wait_ms == 0)
        wait_ms = turn();
    ck_assert_int_eq(wait_ms, LOOK_MS);
}

START_TEST(waits_where_nothing_is_due) {
    ck_assert_int_eq(turn(), LOOK_MS);
    ck_assert_uint_eq(n_looks, 1);
    ck_assert_int_eq(turn(), LOOK_MS); /* asked for, it looks */
    ck_assert_uint_eq(n_looks, 2);
}
END_TEST

START_TEST(as_many_as_there_are_flights) {
    int64_t busy[FLIGHTS], begun_us = clock_mono_us();

    for (int i = 1; i <= FLIGHTS + 2; i++)
        is_due(i);
    ck_assert_int_eq(turn(), 0);
    ck_assert_int_ge(clock_mono_us() - begun_us, 40000); /* it holds its turn, and no longer */
    ck_assert_int_lt(clock_mono_us() - begun_us, 10000000);
    ck_assert_uint_eq(n_taken, FLIGHTS);
    ck_assert_uint_eq(lane_busy(&lane, busy), FLIGHTS);
    ck_assert_int_eq(busy[FLIGHTS - 1], FLIGHTS);
    answers = true;
    turns();
    ck_assert_uint_eq(n_taken, FLIGHTS + 2);
    ck_assert_uint_eq(lane_busy(&lane, busy), 0);
}
END_TEST

START_TEST(each_has_memory_of_its_own) {
    is_due(1);
    is_due(2);
    turn();
    ck_assert_ptr_ne(under_way[0]->ctx.arena, under_way[1]->ctx.arena);
    ck_assert_ptr_ne(under_way[0]->ctx.arena, arena);
    arena_reset(arena); /* as after a timer's run */
    ck_assert_str_eq(under_way[1]->ctx.request_id, "test");
}
END_TEST

START_TEST(one_at_a_time_for_each) {
    is_due(1);
    is_due(1);
    ck_assert_int_eq(turn(), 0);
    ck_assert_uint_eq(n_taken, 1);
    answers = true;
    turns();
    ck_assert_uint_eq(n_taken, 2);
}
END_TEST

START_TEST(looks_now_and_then_beside_slow_work) {
    is_due(1);
    turn();
    ck_assert_uint_ge(n_looks, 2); /* what was taken, and that there is no more */
    ck_assert_uint_lt(n_looks, n_steps);
}
END_TEST

START_TEST(what_is_over_at_once_frees_its_flight) {
    for (int i = 1; i <= FLIGHTS + 1; i++)
        is_due(-i);
    ck_assert_int_eq(turn(), LOOK_MS);
    ck_assert_uint_eq(n_taken, FLIGHTS + 1);
}
END_TEST

START_TEST(a_failure_waits_for_what_is_under_way) {
    int64_t wait_ms;

    is_due(1);
    turn();
    taken = UNAVAILABLE;
    answers = true;
    lane.looked_us = 0;
    ck_assert_int_eq(lane_run(&lane, &ctx, &wait_ms), UNAVAILABLE);
    ck_assert_str_eq(ctx.error.detail, "why");
    ck_assert_uint_eq(n_under_way, 0);
}
END_TEST

START_TEST(finishes_what_is_under_way) {
    lane_finish(&lane);
    ck_assert_uint_eq(n_steps, 0);
    is_due(1);
    turn();
    answers = true;
    lane_finish(&lane);
    ck_assert_uint_eq(n_under_way, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("lane");
    TCase *t = tcase_create("lane");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, waits_where_nothing_is_due);
    tcase_add_test(t, as_many_as_there_are_flights);
    tcase_add_test(t, each_has_memory_of_its_own);
    tcase_add_test(t, one_at_a_time_for_each);
    tcase_add_test(t, looks_now_and_then_beside_slow_work);
    tcase_add_test(t, what_is_over_at_once_frees_its_flight);
    tcase_add_test(t, a_failure_waits_for_what_is_under_way);
    tcase_add_test(t, finishes_what_is_under_way);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
