/* The bus, as consumers see it: the same suite on the built-in one and on Kafka.
 *
 * harness: kafka
 */
#include "tests/service/bus.h"

static const struct consumer fast_consumers[] = {
    {.name = "test_fast", .topics = topics, .batch = 200, .handle = handle},
    {0},
};
static const struct service fast_service = {.name = "fast", .consumers = fast_consumers};
static const struct service *const fast_services[] = {&fast_service, NULL};
static const struct app fast_app = {.services = fast_services};

static void set_up_builtin(void) { set_up_on(false); }
static void set_up_kafka(void) { set_up_on(true); }

/* Events of one key and type (here: topic) come in their order, everywhere in the log. */
static void check_order(void) {
    for (int i = 0; i < shared->n; i++)
        for (int k = i + 1; k < shared->n; k++)
            if (shared->log[k].key == shared->log[i].key &&
                strcmp(shared->log[k].type, shared->log[i].type) == 0) {
                ck_assert_int_gt(shared->log[k].id, shared->log[i].id);
                break;
            }
}

/* The first entry of that type in the log. */
static int place_of(const char *type, int64_t key) {
    for (int i = 0; i < shared->n; i++)
        if (strcmp(shared->log[i].type, type) == 0 && shared->log[i].key == key)
            return i;
    return -1;
}

/* How often an event stands in the log. */
static int times_of(int64_t id) {
    int n = 0;
    for (int i = 0; i < shared->n; i++)
        n += shared->log[i].id == id;
    return n;
}

START_TEST(every_event_once_in_order) {
    emit(25, "test.v1", "good");
    emit(5, "nobody.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 25, PATIENCE_MS));
    emit(5, "other.v1", "other");
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 35, PATIENCE_MS));
    nap(300);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 35);
    check_order();
    ck_assert_int_eq(shared->log[3].attempt, 1);
    pid = start(&app); /* a second start repeats nothing, and goes on */
    emit(1, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 36, PATIENCE_MS));
    end(pid, SIGTERM);
    ck_assert_int_eq(shared->n, 36);
    ck_assert_str_eq(as_admin("SELECT DISTINCT starts || ' ' || tries FROM events.consumer"), "0 0");
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
    ck_assert(wait_for(&shared->done, 4, PATIENCE_MS));
    ck_assert_int_lt(place_of("early", 1), place_of("late", 1));
    ck_assert_int_ge(place_of("early", 1), 0);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    PQfinish(slow);
}
END_TEST

/* Those of a batch that failed are delivered again. */
static bool is_first_delivery(int at) {
    for (int i = 0; i < at; i++)
        if (shared->log[i].id == shared->log[at].id)
            return false;
    return true;
}

START_TEST(a_bad_event_holds_nobody_up) {
    shared->fail_bad = true;
    emit(4, "test.v1", "good");
    emit(1, "test.v1", "bad");
    emit(4, "test.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->done, 8, PATIENCE_MS));
    emit(10, "test.v1", "good"); /* while the bad one is tried again and again, for 3 s */
    ck_assert(wait_for(&shared->done, 18, PATIENCE_MS));
    ck_assert(wait_sql("SELECT count(*) FROM events.failed WHERE next_at IS NULL", "1", PATIENCE_MS));
    int attempts = 0, others = 0;
    for (int i = 0; i < shared->n; i++) {
        if (strcmp(shared->log[i].type, "bad") == 0)
            ck_assert_int_eq(shared->log[i].attempt, ++attempts);
        else if (attempts < 3)
            others += is_first_delivery(i);
    }
    ck_assert_int_eq(attempts, 3);
    ck_assert_int_eq(others, 18); /* all before the last try */

    struct dead_letter *dead;
    size_t n;
    ck_ok(&ctx, bus_dead_list(&ctx, 10, &dead, &n));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(dead[0].consumer, "test_consumer");
    ck_assert_str_eq(dead[0].type, "bad");
    ck_assert_str_eq(dead[0].topic, "test.v1");
    ck_assert_int_eq(dead[0].attempts, 3);
    ck_assert_str_eq(dead[0].error, "INTERNAL: a bad event: body 1");
    struct bus_state state;
    ck_ok(&ctx, bus_state(&ctx, "test_consumer", &state));
    ck_assert_int_eq(state.dead, 1);
    ck_assert_int_eq(state.retried, 0);
    int64_t replayed;
    ck_ok(&ctx, bus_dead_replay(&ctx, "another", 0, &replayed));
    ck_assert_int_eq(replayed, 0);
    ck_ok(&ctx, bus_dead_replay(&ctx, "test_consumer", dead[0].id, &replayed)); /* still bad: dead at once */
    ck_assert_int_eq(replayed, 1);
    ck_assert(wait_sql("SELECT attempts FROM events.failed WHERE next_at IS NULL", "4", PATIENCE_MS));
    shared->fail_bad = false;
    ck_ok(&ctx, bus_dead_replay(&ctx, NULL, 0, &replayed));
    ck_assert_int_eq(replayed, 1);
    ck_assert(wait_sql("SELECT count(*) FROM events.failed", "0", PATIENCE_MS));
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
    ck_assert(wait_for(&shared->done, 6, PATIENCE_MS));
    ck_assert(wait_sql("SELECT count(*) FROM events.failed", "1", PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

START_TEST(a_server_that_is_down_is_waited_for) {
    shared->unavailable = true;
    emit(15, "test.v1", "good");
    pid_t pid = start(&app);
    ck_assert(wait_for(&shared->calls, 3, PATIENCE_MS));
    ck_assert_str_eq(as_admin("SELECT count(*) FROM events.failed"), "0");
    shared->unavailable = false;
    ck_assert(wait_for(&shared->done, 15, PATIENCE_MS));
    for (int i = 0; i < shared->n; i++)
        ck_assert_int_eq(shared->log[i].attempt, 1); /* it never counts as an attempt */
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* A worker is killed between its write and noting its place, again and again. */
START_TEST(killed_between_writing_and_noting) {
    shared->act = true;
    emit(60, "test.v1", "good");
    for (int deaths = 0; deaths < 3; deaths++) {
        shared->die_after = 7 + deaths;
        pid_t pid = start(&app);
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    }
    pid_t pid = start(&app);
    ck_assert(wait_acts(60, PATIENCE_MS));
    emit(10, "test.v1", "good");
    ck_assert(wait_acts(70, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_gt(shared->n, 70); /* some came again, and did nothing */
    check_acts(70);
}
END_TEST

/* Whoever writes is killed before its commit, or right after it, before it could wake anybody. */
START_TEST(a_writer_is_killed) {
    pid_t pid = start(&app);
    for (int commits = 0; commits < 2; commits++) {
        pid_t writer = fork();
        if (writer == 0) {
            PGconn *conn = PQconnectdb(pg_admin_of_tests());
            PQclear(PQexec(conn, "BEGIN"));
            PQclear(PQexec(conn, commits ? "SELECT events.emit('test.v1', 2, 'kept', '')"
                                         : "SELECT events.emit('test.v1', 1, 'lost', '')"));
            if (commits)
                PQclear(PQexec(conn, "COMMIT"));
            kill(getpid(), SIGKILL);
        }
        ck_assert_int_eq(waitpid(writer, NULL, 0), writer);
    }
    ck_assert(wait_for(&shared->done, 1, PATIENCE_MS));
    emit(1, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 2, PATIENCE_MS));
    ck_assert_int_eq(place_of("lost", 1), -1);
    ck_assert_int_eq(place_of("kept", 2), 0);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* Handled once more from the start, from an event, from a moment on: each comes again, and acts no more. */
START_TEST(a_consumer_is_set_back) {
    int64_t n;
    shared->act = true;
    pid_t pid = start(&app);
    emit(20, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 20, PATIENCE_MS));
    nap(1100); /* what follows happens another second */
    emit(10, "test.v1", "late");
    ck_assert(wait_for(&shared->done, 30, PATIENCE_MS));
    ck_ok(&ctx, bus_rewind(&ctx, "test_consumer", &(struct bus_from){0}, &n));
    ck_assert_int_ge(n, 1);
    ck_assert(wait_for(&shared->done, 60, PATIENCE_MS));

    int64_t fifth_last = atoll(as_admin("SELECT id FROM events.outbox ORDER BY id DESC OFFSET 4 LIMIT 1"));
    ck_ok(&ctx, bus_rewind(&ctx, "test_consumer", &(struct bus_from){.event_id = fifth_last}, &n));
    ck_assert(wait_for(&shared->done, 65, PATIENCE_MS));
    int64_t moment = atoll(as_admin(
        "SELECT floor(extract(epoch FROM min(created_at)) * 1000)::bigint FROM events.outbox WHERE type = 'late'"));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_ok(&ctx, bus_rewind(&ctx, "test_consumer", &(struct bus_from){.time_ms = moment}, &n));
    pid = start(&app); /* also when it did not run */
    ck_assert(wait_for(&shared->done, 75, PATIENCE_MS));
    nap(300);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 75);
    check_acts(30);
    ck_code(&ctx, bus_rewind(&ctx, "nobody", &(struct bus_from){0}, &n), NOT_FOUND);
    ck_code(&ctx, bus_rewind(&ctx, "test_consumer", &(struct bus_from){.event_id = 1 << 30}, &n), NOT_FOUND);
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
        bool found = false;
        while (!found && waitpid(pid, &status, WNOHANG) == 0)
            found =
                wait_sql("SELECT count(*) FROM events.failed", "1", 10) && wait_for(&shared->done, 14, 10);
        if (found) {
            ck_assert_int_eq(end(pid, SIGTERM), 0);
            break;
        }
        ck_assert_int_eq(WEXITSTATUS(status), 9);
    }
    ck_assert_int_gt(deaths, 1);
    ck_assert_int_lt(deaths, 6);
    ck_assert_str_eq(as_admin("SELECT type || ' ' || (next_at IS NULL) FROM events.failed"), "deadly true");
}
END_TEST

/* Workers come, are killed, and leave, while events go on: what one had, another takes over, and never do two
 * handle events of one key at once. */
START_TEST(workers_come_and_go) {
    int emitted = 0;
    shared->act = true;
    shared->linger_ms = 3;
    pid_t pids[3] = {start_as(0, &app), start_as(1, &app), 0};
    for (int i = 0; i < 40; i++, emitted += 20) {
        emit(20, "test.v1", "good");
        if (i == 10)
            pids[2] = start_as(2, &app);
        if (i == 20)
            kill_worker(0, pids[0]);
        if (i == 30)
            ck_assert_int_eq(end(pids[1], SIGTERM), 0);
        nap(50);
    }
    ck_assert(wait_acts(emitted, PATIENCE_MS));
    ck_assert_int_eq(end(pids[2], SIGTERM), 0);
    ck_assert_int_eq(shared->overlaps, 0);
    check_acts(emitted);
}
END_TEST

START_TEST(the_database_goes_and_comes) {
    pid_t pid = start(&app);
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->done, 5, PATIENCE_MS));
    for (int i = 0; i < 3; i++) {
        as_admin(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deeplink_events'");
        emit(5, "test.v1", "good");
        nap(300);
    }
    ck_assert(wait_for(&shared->done, 20, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
}
END_TEST

/* The database may have been restarted while events were handled, and have lost what they were read from. So
 * their place is not noted by another session than the one that read them: they come again. */
START_TEST(read_in_a_session_that_is_gone) {
    shared->linger_ms = 1500; /* a lost connection is made again a second after the last at the soonest */
    pid_t pid = start(&app);
    emit(5, "test.v1", "good");
    ck_assert(wait_for(&shared->calls, 1, PATIENCE_MS));
    shared->linger_ms = 0;
    as_admin("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
             "WHERE application_name = 'deeplink_events' AND datname = current_database()");
    int first = shared->n;
    ck_assert(wait_for(&shared->done, 5 + first, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    for (int i = 0; i < first; i++)
        ck_assert_int_eq(times_of(shared->log[i].id), 2);
}
END_TEST

/* Who they are stands in the log as their call. */
static enum code handle_as(const struct event *events, size_t n, int who) {
    for (size_t i = 0; i < n; i++)
        note(&events[i], who);
    shared->done += (int)n;
    return OK;
}
static enum code handle_late(struct ctx *c, const struct event *events, size_t n) {
    (void)c;
    return handle_as(events, n, 2);
}
static enum code handle_soon(struct ctx *c, const struct event *events, size_t n) {
    (void)c;
    return handle_as(events, n, 1);
}

START_TEST(who_repairs_comes_after_the_others) {
    static const struct consumer both[] = {
        {.name = "test_late", .topics = topics, .batch = 10, .handle = handle_late, .late = true},
        {.name = "test_soon", .topics = topics, .batch = 10, .handle = handle_soon},
        {0},
    };
    static const struct service of_both = {.name = "both", .consumers = both};
    static const struct service *const all[] = {&of_both, NULL};
    static const struct app app_of_both = {.services = all};
    emit(10, "test.v1", "good");
    pid_t pid = start(&app_of_both);
    ck_assert(wait_for(&shared->done, 20, PATIENCE_MS));
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_eq(shared->n, 20);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(shared->log[i].call, i < 10 ? 1 : 2);
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
        ck_assert(wait_for(&shared->done, 2 + i, PATIENCE_MS));
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
    ck_assert(wait_for(&shared->done, 2500, PATIENCE_MS));
    end(pid, SIGTERM);
    pid = start(&fast_app); /* … and now */
    ck_assert(wait_sql("SELECT count(*) FROM events.outbox", left, PATIENCE_MS));
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
    ck_assert(wait_for(&shared->done, 12, PATIENCE_MS));
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
    ck_assert(wait_for(&shared->done, 20000, PATIENCE_MS));
    double seconds = (double)(clock_mono_us() - begun) / 1e6;
    struct timespec cpu;
    clockid_t clock;
    clock_getcpuclockid(pid, &clock);
    clock_gettime(clock, &cpu);
    printf("%s: %.0f events/s, %.1f us of the worker's CPU each\n", config.bus, 20000 / seconds,
           ((double)cpu.tv_sec * 1e9 + (double)cpu.tv_nsec) / 1e3 / 20000);
    ck_assert_int_eq(end(pid, SIGTERM), 0);
    ck_assert_int_le(shared->calls, on_kafka() ? 2000 : 101);
    ck_assert(seconds < (on_kafka() ? 15 : 8)); /* this machine is shared */
}
END_TEST

static TCase *all_on(const char *bus, void (*set_up)(void)) {
    TCase *t = tcase_create(bus);
    tcase_set_timeout(t, 240);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, every_event_once_in_order);
    tcase_add_test(t, commits_out_of_order_lose_nothing);
    tcase_add_test(t, a_bad_event_holds_nobody_up);
    tcase_add_test(t, a_greedy_event_is_a_bad_event);
    tcase_add_test(t, a_server_that_is_down_is_waited_for);
    tcase_add_test(t, killed_between_writing_and_noting);
    tcase_add_test(t, a_writer_is_killed);
    tcase_add_test(t, a_consumer_is_set_back);
    tcase_add_test(t, an_event_that_kills_is_found);
    tcase_add_test(t, workers_come_and_go);
    tcase_add_test(t, the_database_goes_and_comes);
    tcase_add_test(t, read_in_a_session_that_is_gone);
    tcase_add_test(t, a_wake_is_heard);
    tcase_add_test(t, what_all_have_handled_goes_in_time);
    tcase_add_test(t, lag_is_told);
    tcase_add_test(t, thousands_a_second);
    return t;
}

int main(void) {
    Suite *s = suite_create("bus");
    share_memory();
    TCase *builtin = all_on("builtin", set_up_builtin);
    tcase_add_test(builtin, who_repairs_comes_after_the_others); /* a broker has an order of its own */
    suite_add_tcase(s, builtin);
    suite_add_tcase(s, all_on("kafka", set_up_kafka));
    return run_suite(s);
}
