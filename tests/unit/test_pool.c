/* The pool: started, healed, replaced, stopped. Children tell what they do in shared memory. */
#include <check.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/log.h"
#include "fcgi/pool.h"

#define SLOTS 3
#define PATIENCE_MS 8000

static struct told {
    _Atomic int starts[SLOTS];
    _Atomic int pids[SLOTS];
    _Atomic int master, reloads, ended;
    _Atomic int mode; /* what a child does, one of below */
    _Atomic int waits[SLOTS], refused, let_go;
} * told;

enum { GOOD, CRASHES, STUCK, DEAF, REFUSES, ENDS, WAITS };

static void nap(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* A request that waits, until it is let go. */
static void wait_once(int slot) {
    pool_busy(true);
    told->waits[slot] = pool_may_wait(1);
    if (!told->waits[slot])
        told->refused++;
    else
        ck_assert(pool_may_wait(1)); /* it has its place already */
    while (told->waits[slot] && !told->let_go)
        nap(5);
    pool_busy(false);
    told->waits[slot] = 0;
}

static int child(int slot, void *arg) {
    (void)arg;
    told->starts[slot]++;
    told->pids[slot] = getpid();
    switch (told->mode) {
    case CRASHES:
        raise(SIGKILL);
        break;
    case REFUSES:
        pool_refuse("a query does not prepare");
        return POOL_EXIT_REFUSED;
    case STUCK:
        pool_busy(true);
        for (;;)
            nap(1000);
    case DEAF:
        pool_busy(false);
        for (;;)
            nap(1000);
    case ENDS:
        return 0;
    }
    while (!pool_stopping()) {
        if (told->mode == WAITS)
            wait_once(slot);
        pool_busy(false);
        nap(20);
    }
    told->ended++;
    return 0;
}

static void reload(void *arg) {
    (void)arg;
    told->reloads++;
}

static pid_t master;

static void begin(int mode, int grace_s, int timeout_ms) {
    told->mode = mode;
    master = fork();
    if (master == 0) {
        log_open("/dev/null", LOG_ERROR, "test");
        told->master = getpid();
        _exit(pool_run(SLOTS, grace_s, timeout_ms, child, reload, NULL));
    }
}

static int finish(void) {
    int status = -1;
    kill(master, SIGTERM);
    ck_assert_int_eq(waitpid(master, &status, 0), master);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void setup(void) {
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(told, MAP_FAILED);
}

static void teardown(void) {
    if (master > 0)
        kill(master, SIGKILL);
    munmap(told, sizeof *told);
}

static int starts(void) {
    int n = 0;
    for (int i = 0; i < SLOTS; i++)
        n += told->starts[i];
    return n;
}

static bool all_started(void) { return told->starts[0] > 0 && told->starts[1] > 0 && told->starts[2] > 0; }

#define UNTIL(condition)                                                          \
    for (int waited = 0; !(condition); waited += 10) {                            \
        ck_assert_msg(waited < PATIENCE_MS, "waited in vain for %s", #condition); \
        nap(10);                                                                  \
    }

START_TEST(starts_and_stops) {
    begin(GOOD, 5, 0);
    UNTIL(all_started());
    ck_assert_int_eq(finish(), 0);
    ck_assert_int_eq(told->ended, SLOTS);
    ck_assert_int_eq(starts(), SLOTS);
}
END_TEST

START_TEST(heals) {
    begin(GOOD, 5, 0);
    UNTIL(all_started());
    kill(told->pids[1], SIGKILL);
    UNTIL(told->starts[1] == 2);
    ck_assert_int_eq(starts(), SLOTS + 1);
    ck_assert_int_eq(finish(), 0);
}
END_TEST

/* 100, 200, 400, 800 ms: a crash at once must not become a busy loop. */
START_TEST(backs_off) {
    begin(CRASHES, 5, 0);
    nap(1200);
    ck_assert_int_ge(told->starts[0], 3);
    ck_assert_int_le(told->starts[0], 5);
    ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(kills_the_stuck) {
    begin(STUCK, 5, 300);
    UNTIL(told->starts[0] >= 2);
    ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(kills_the_deaf) {
    begin(DEAF, 1, 0);
    UNTIL(all_started());
    ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(replaces_one_by_one) {
    begin(GOOD, 5, 0);
    UNTIL(all_started());
    kill(master, SIGHUP);
    UNTIL(starts() == 2 * SLOTS);
    ck_assert_int_eq(told->reloads, 1);
    ck_assert_int_eq(told->starts[0], 2);
    ck_assert_int_eq(told->starts[2], 2);
    ck_assert_int_eq(told->ended, SLOTS);
    ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(refusal_ends_the_pool) {
    int status;
    begin(REFUSES, 5, 0);
    ck_assert_int_eq(waitpid(master, &status, 0), master);
    ck_assert_int_eq(WEXITSTATUS(status), POOL_EXIT_REFUSED);
    master = 0;
}
END_TEST

START_TEST(refusal_after_a_reload_does_not) {
    begin(GOOD, 5, 0);
    UNTIL(all_started());
    nap(600); /* the master looks twice a second */
    told->mode = REFUSES;
    kill(master, SIGHUP);
    UNTIL(starts() > SLOTS);
    nap(300);
    ck_assert_int_eq(told->ended, 1); /* the others go on as before */
    ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(children_go_with_the_master) {
    begin(GOOD, 5, 0);
    UNTIL(all_started());
    kill(master, SIGKILL);
    waitpid(master, NULL, 0);
    master = 0;
    UNTIL(told->ended == SLOTS);
}
END_TEST

START_TEST(ended_children_come_back) {
    begin(ENDS, 5, 0);
    UNTIL(told->starts[0] >= 2);
    ck_assert_int_eq(finish(), 0);
}
END_TEST

static int waiting(void) { return told->waits[0] + told->waits[1] + told->waits[2]; }

static int who_waits(void) { return told->waits[0] ? 0 : told->waits[1] ? 1 : 2; }

START_TEST(one_of_them_may_wait) {
    begin(WAITS, 5, 0);
    UNTIL(told->refused >= 6);
    ck_assert_int_eq(waiting(), 1);
    int first = who_waits();
    told->let_go = true; /* its place is taken by whoever asks next */
    UNTIL(!told->waits[first]);
    told->let_go = false;
    UNTIL(waiting() == 1);
    int refused = told->refused, killed = who_waits();
    kill(told->pids[killed], SIGKILL); /* and so is that of one that is gone */
    told->waits[killed] = 0;
    UNTIL(waiting() == 1);
    UNTIL(told->refused > refused + 6);
    ck_assert_int_eq(waiting(), 1);
    told->let_go = true;
    ck_assert_int_eq(finish(), 0);
}
END_TEST

START_TEST(counts_nothing_outside) {
    struct pool_counts c = pool_count();
    ck_assert_int_eq(c.idle + c.busy + c.starting + c.stopping, 0);
    pool_busy(true);
    ck_assert(!pool_stopping());
    ck_assert(pool_may_wait(1));
}
END_TEST

int main(void) {
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pool");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 30);
    tcase_add_test(t, starts_and_stops);
    tcase_add_test(t, heals);
    tcase_add_test(t, backs_off);
    tcase_add_test(t, kills_the_stuck);
    tcase_add_test(t, kills_the_deaf);
    tcase_add_test(t, replaces_one_by_one);
    tcase_add_test(t, refusal_ends_the_pool);
    tcase_add_test(t, refusal_after_a_reload_does_not);
    tcase_add_test(t, children_go_with_the_master);
    tcase_add_test(t, ended_children_come_back);
    tcase_add_test(t, one_of_them_may_wait);
    tcase_add_test(t, counts_nothing_outside);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
