#include "fcgi/drivers/bus.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/pg.h"
#include "tests/service/servers.h"

#define LOG_MAX 60000

/* What the workers, processes of their own, tell the test, and the test them. */
static struct shared {
    atomic_int n;    /* deliveries begun */
    atomic_int done; /* and ended */
    atomic_int calls;
    atomic_int inside, overlaps;
    atomic_bool unavailable;   /* answer UNAVAILABLE */
    atomic_bool fail_bad;      /* fail events of type "bad" */
    atomic_bool die_on_deadly; /* end the process at events of type "deadly" */
    atomic_int linger_ms;      /* how long a call takes */
    struct {
        int64_t id, key;
        int attempt;
        int call;
        char type[16];
    } log[LOG_MAX];
} * shared;

static struct ctx ctx;
static struct config config;
static struct env env;

static void nap(int ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL); }

static enum code handle(struct ctx *c, const struct event *events, size_t n) {
    int call = ++shared->calls;
    enum code code = OK;
    if (++shared->inside > 1)
        shared->overlaps++;
    for (size_t i = 0; i < n; i++) {
        int at = shared->n++;
        ck_assert_int_lt(at, LOG_MAX);
        shared->log[at].id = events[i].id;
        shared->log[at].key = events[i].key;
        shared->log[at].attempt = events[i].attempt;
        shared->log[at].call = call;
        snprintf(shared->log[at].type, sizeof(shared->log[at].type), "%s", events[i].type);
        if (shared->die_on_deadly && strcmp(events[i].type, "deadly") == 0)
            _exit(9);
        if (shared->fail_bad && strcmp(events[i].type, "greedy") == 0)
            while (true)
                arena_alloc(c->arena, 1 << 20);
        if (shared->fail_bad && strcmp(events[i].type, "bad") == 0)
            code = fail_detail(c, INTERNAL, "no", "a bad event: %.*s", (int)events[i].n,
                               (const char *)events[i].body);
    }
    nap(shared->linger_ms);
    shared->inside--;
    if (shared->unavailable)
        return fail(c, UNAVAILABLE, "down");
    if (code == OK)
        shared->done += (int)n;
    return code;
}

static const char *const topics[] = {"test.v1", "other.v1", NULL};
static const struct consumer consumers[] = {
    {.name = "test_consumer", .topics = topics, .batch = 10, .max_attempts = 3, .handle = handle},
    {0},
};
static const struct consumer fast_consumers[] = {
    {.name = "test_fast", .topics = topics, .batch = 200, .handle = handle},
    {0},
};
static const struct service service = {.name = "test", .consumers = consumers};
static const struct service fast_service = {.name = "fast", .consumers = fast_consumers};
static const struct service *const services[] = {&service, NULL};
static const struct service *const fast_services[] = {&fast_service, NULL};
static const struct app app = {.services = services}, fast_app = {.services = fast_services};

static void set_up(void) {
    memset(shared, 0, sizeof(*shared));
    as_admin("TRUNCATE events.outbox, events.consumer, events.failed");
    const char *secrets = getenv("TEST_PG_SECRETS");
    config = (struct config){.postgresql = pg_of_tests(),
                             .postgresql_secrets = secrets != NULL ? secrets : "",
                             .server_timeout_ms = 5000};
    env = (struct env){.config = &config, .app = &app};
    ctx = test_ctx(&env);
}

static void tear_down(void) { test_ctx_end(); }

static volatile sig_atomic_t stopping;
static void on_term(int sig) {
    (void)sig;
    stopping = 1;
}
static bool stop(void) { return stopping != 0; }

static pid_t start(const struct app *what) {
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGTERM, on_term);
        env.app = what;
        _exit(bus_work(&env, NULL, stop));
    }
    return pid;
}

static int end(pid_t pid, int sig) {
    int status;
    kill(pid, sig);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void emit(int n, const char *topic, const char *type) {
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT count(events.emit('%s', i %% 7, '%s', convert_to('body ' || i, 'UTF8'))) "
             "FROM generate_series(1, %d) AS i",
             topic, type, n);
    as_admin(sql);
}

/* Until *value is n, at most ms. */
static bool wait_for(atomic_int *value, int n, int ms) {
    for (int64_t until = clock_mono_us() + ms * 1000LL; *value < n && clock_mono_us() < until;)
        nap(2);
    return *value >= n;
}

static bool wait_sql(const char *sql, const char *want, int ms) {
    for (int64_t until = clock_mono_us() + ms * 1000LL; clock_mono_us() < until; nap(50))
        if (strcmp(as_admin(sql), want) == 0)
            return true;
    return false;
}

START_TEST(every_event_once_in_order) {
    emit(25, "test.v1", "good");
    emit(5, "nobody.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 25, 5000));
    emit(5, "other.v1", "good");
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 35, 5000));
    nap(300);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 35);
    for (int i = 1; i < 35; i++)
        ck_assert(shared->log[i].id > shared->log[i - 1].id);
    ck_assert_int_eq(shared->log[3].attempt, 1);
    pid = start(&app); /* a second start repeats nothing */
    nap(500);
    end(pid, SIGTERM);
    ck_assert_int_eq(shared->n, 35);
    ck_assert_str_eq(as_admin("SELECT starts || ' ' || tries FROM events.consumer"), "0 0");
}
END_TEST

START_TEST(commits_out_of_order_lose_nothing) {
    PGconn *slow = PQconnectdb(pg_admin_of_tests());
    PQclear(PQexec(slow, "BEGIN"));
    PQclear(PQexec(slow, "SELECT events.emit('test.v1', 1, 'early', '')"));
    pid_t pid = start(&app);
    emit(3, "test.v1", "late"); /* committed first, numbered later */
    nap(600);
    ck_assert_int_eq(shared->n, 0); /* what is behind a running transaction waits for it */
    PQclear(PQexec(slow, "COMMIT"));
    ck_assert(wait_for(&shared->done, 4, 3000));
    ck_assert_str_eq(shared->log[0].type, "early");
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    PQfinish(slow);
}
END_TEST

START_TEST(a_bad_event_holds_nobody_up) {
    shared->fail_bad = true;
    emit(4, "test.v1", "good");
    emit(1, "test.v1", "bad");
    emit(4, "test.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 8, 900)); /* while the bad one waits for its second try */
    emit(10, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 18, 900));
    ck_assert(wait_sql("SELECT count(*) FROM events.failed WHERE next_at IS NULL", "1", 8000));
    int attempts = 0;
    for (int i = 0; i < shared->n; i++)
        if (strcmp(shared->log[i].type, "bad") == 0)
            ck_assert_int_eq(shared->log[i].attempt, ++attempts);
    ck_assert_int_eq(attempts, 3);

    struct dead_letter *dead;
    size_t n;
    ck_ok(&ctx, bus_dead_list(&ctx, 10, &dead, &n));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(dead[0].consumer, "test_consumer");
    ck_assert_str_eq(dead[0].type, "bad");
    ck_assert_str_eq(dead[0].topic, "test.v1");
    ck_assert_int_eq(dead[0].attempts, 3);
    ck_assert_str_eq(dead[0].error, "INTERNAL: a bad event: body 1");
    int64_t replayed;
    ck_ok(&ctx, bus_dead_replay(&ctx, "another", 0, &replayed));
    ck_assert_int_eq(replayed, 0);
    ck_ok(&ctx, bus_dead_replay(&ctx, "test_consumer", dead[0].id, &replayed)); /* still bad: dead at once */
    ck_assert_int_eq(replayed, 1);
    ck_assert(wait_sql("SELECT attempts FROM events.failed WHERE next_at IS NULL", "4", 5000));
    shared->fail_bad = false;
    ck_ok(&ctx, bus_dead_replay(&ctx, NULL, 0, &replayed));
    ck_assert_int_eq(replayed, 1);
    ck_assert(wait_sql("SELECT count(*) FROM events.failed", "0", 5000));
    ck_assert_int_eq(shared->done, 19);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(a_greedy_event_is_a_bad_event) {
    shared->fail_bad = true;
    emit(3, "test.v1", "good");
    emit(1, "test.v1", "greedy");
    emit(3, "test.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 6, 5000));
    ck_assert(wait_sql("SELECT count(*) FROM events.failed", "1", 2000));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(a_server_that_is_down_is_waited_for) {
    shared->unavailable = true;
    emit(15, "test.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->calls, 3, 5000));
    ck_assert_str_eq(as_admin("SELECT count(*) FROM events.failed"), "0");
    shared->unavailable = false;
    ck_assert(wait_for(&shared->done, 15, 8000));
    ck_assert_int_eq(shared->log[shared->n - 1].attempt, 1); /* it never counts as an attempt */
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(killed_between_handling_and_noting) {
    shared->linger_ms = 400;
    emit(10, "test.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->n, 10, 5000));
    end(pid, SIGKILL);
    shared->inside = 0;
    shared->linger_ms = 0;
    pid = start(&app);
    ck_assert(wait_for(&shared->done, 10, 5000));
    ck_assert_int_eq(shared->n, 20); /* handled again: handlers can take it */
    emit(1, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 11, 5000));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(an_event_that_kills_is_found) {
    shared->die_on_deadly = true;
    emit(2, "test.v1", "good");
    emit(1, "test.v1", "deadly");
    emit(12, "test.v1", "good");
    int deaths = 0;
    for (; deaths < 10; deaths++) {
        pid_t pid = start(&app);
        int status = 0;
        while (shared->done < 14 && waitpid(pid, &status, WNOHANG) == 0)
            nap(5);
        if (shared->done >= 14) {
            ck_assert_int_eq(end(pid, SIGTERM), 0);
            break;
        }
        ck_assert_int_eq(WEXITSTATUS(status), 9);
        shared->inside = 0;
    }
    ck_assert_int_gt(deaths, 1);
    ck_assert_int_lt(deaths, 6);
    ck_assert_str_eq(as_admin("SELECT type || ' ' || (next_at IS NULL) FROM events.failed"), "deadly true");
}
END_TEST

START_TEST(two_workers_never_do_the_same_at_once) {
    shared->linger_ms = 5;
    pid_t one = start(&app), two = start(&app);
    for (int i = 0; i < 20; i++)
        emit(20, "test.v1", "good");
    ck_assert(wait_for(&shared->n, 100, 5000));
    end(one, SIGKILL);
    shared->inside = 0;
    ck_assert(wait_for(&shared->done, 395, 8000)); /* the other takes over; a batch may have been cut short */
    nap(300);
    ck_assert_int_eq(shared->overlaps, 0);
    ck_assert_int_eq(end(two, SIGTERM), 0);
    bool seen[4000] = {0};
    int64_t first = shared->log[0].id;
    for (int i = 0; i < shared->n; i++)
        seen[shared->log[i].id - first] = true;
    for (int i = 0; i < 400; i++)
        ck_assert(seen[i]);
}
END_TEST

START_TEST(the_database_goes_and_comes) {
    pid_t pid = start(&app);
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 5, 5000));
    for (int i = 0; i < 3; i++) {
        as_admin(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deeplink_events'");
        emit(5, "test.v1", "good");
        nap(300);
    }
    ck_assert(wait_for(&shared->done, 20, 8000));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* With nobody to look by himself for an hour, only the wake can bring the event on. */
START_TEST(a_wake_is_heard) {
    bus_poll_ms = 3600 * 1000;
    pid_t pid = start(&app);
    bus_poll_ms = 200;
    emit(1, "test.v1", "good");
    struct pg *db = pg_open(pg_admin_of_tests(), NULL, NULL, NULL, 2000);
    ck_ok(&ctx, pg_connect(&ctx, db));
    for (int i = 0; i < 5; i++) {
        emit(1, "test.v1", "good");
        nap(100); /* one wake in 20 ms is sent, the rest are left to the reader's short looks */
        bus_wake(&ctx, db);
        ck_assert(wait_for(&shared->done, 2 + i, 20000));
    }
    pg_close(db);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(what_all_have_handled_goes_in_time) {
    char left[32];
    emit(10, "nobody.v1", "good");
    as_admin("UPDATE events.outbox SET created_at = now() - interval '5 days'");
    emit(2500, "test.v1", "good");
    as_admin("UPDATE events.outbox SET created_at = now() - interval '4 days' WHERE key <> 0");
    snprintf(left, sizeof(left), "%s",
             as_admin("SELECT count(*) FROM events.outbox WHERE topic = 'test.v1' AND key = 0"));
    as_admin("INSERT INTO events.consumer VALUES ('gone', '0', 0, 0, 0, now() - interval '40 days')");
    pid_t pid = start(&fast_app); /* removes when it begins, before anything is handled … */
    ck_assert(wait_for(&shared->done, 2500, 8000));
    end(pid, SIGTERM);
    pid = start(&fast_app); /* … and now */
    ck_assert(wait_sql("SELECT count(*) FROM events.outbox", left, 5000));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(lag_is_told) {
    int64_t events, age;
    ck_ok(&ctx, bus_lag(&ctx, "test_consumer", &events, &age));
    ck_assert_int_eq(events, 0);
    emit(12, "test.v1", "good");
    emit(3, "nobody.v1", "good");
    nap(20);
    ck_ok(&ctx, bus_lag(&ctx, NULL, &events, &age));
    ck_assert_int_eq(events, 12);
    ck_assert(age >= 20 && age < 60000);
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 12, 5000));
    end(pid, SIGTERM);
    ck_ok(&ctx, bus_lag(&ctx, "test_consumer", &events, &age));
    ck_assert_int_eq(events, 0);
    ck_assert_int_eq(age, 0);
    ck_code(&ctx, bus_lag(&ctx, "nobody", &events, &age), NOT_FOUND);
}
END_TEST

START_TEST(thousands_a_second) {
    for (int i = 0; i < 20; i++)
        emit(1000, "test.v1", "good");
    int64_t begun = clock_mono_us();
    pid_t pid = start(&fast_app);
    ck_assert(wait_for(&shared->done, 20000, 20000));
    double seconds = (double)(clock_mono_us() - begun) / 1e6;
    struct timespec cpu;
    clockid_t clock;
    clock_getcpuclockid(pid, &clock);
    clock_gettime(clock, &cpu);
    printf("%.0f events/s, %.1f us of the worker's CPU each\n", 20000 / seconds,
           ((double)cpu.tv_sec * 1e9 + (double)cpu.tv_nsec) / 1e3 / 20000);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_le(shared->calls, 101);
    ck_assert(seconds < 8); /* 5,000/s on a quiet machine; this one is shared */
}
END_TEST

int main(void) {
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Suite *s = suite_create("bus");
    TCase *t = tcase_create("bus");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, every_event_once_in_order);
    tcase_add_test(t, commits_out_of_order_lose_nothing);
    tcase_add_test(t, a_bad_event_holds_nobody_up);
    tcase_add_test(t, a_greedy_event_is_a_bad_event);
    tcase_add_test(t, a_server_that_is_down_is_waited_for);
    tcase_add_test(t, killed_between_handling_and_noting);
    tcase_add_test(t, an_event_that_kills_is_found);
    tcase_add_test(t, two_workers_never_do_the_same_at_once);
    tcase_add_test(t, the_database_goes_and_comes);
    tcase_add_test(t, a_wake_is_heard);
    tcase_add_test(t, what_all_have_handled_goes_in_time);
    tcase_add_test(t, lag_is_told);
    tcase_add_test(t, thousands_a_second);
    suite_add_tcase(s, t);
    return run_suite(s);
}
