/* What the tests of the bus share: consumers that tell what they were handed, workers in processes of their
 * own, and which bus they run on. */
#ifndef DEEPLINK_TESTS_SERVICE_BUS_H
#define DEEPLINK_TESTS_SERVICE_BUS_H

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/pg.h"
#include "tests/service/servers.h"

#define LOG_MAX 60000
#define KEYS 7
#define WORKERS 4

/* What the workers, processes of their own, tell the test, and the test them. */
static struct shared {
    atomic_int n;    /* deliveries begun */
    atomic_int done; /* and ended */
    atomic_int calls;
    atomic_int inside[WORKERS][KEYS]; /* who handles events of a key */
    atomic_int overlaps;              /* two at once did */
    atomic_bool unavailable;          /* answer UNAVAILABLE */
    atomic_bool fail_bad;             /* fail events of type "bad" */
    atomic_bool die_on_deadly;        /* end the process at events of type "deadly" */
    atomic_bool act;                  /* write a row for each event, once */
    atomic_int die_after;             /* end the process after so many more rows are written, 0: not */
    atomic_int linger_ms;             /* how long a call takes */
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
static char bus_setting[200];
static int slot; /* which worker this process is */

static inline bool on_kafka(void) { return config.bus != NULL && strncmp(config.bus, "kafka", 5) == 0; }

static inline void nap(int ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL); }

/* A consumer's own write: the row is there once, whatever comes again. */
static inline void act_on(const struct event *e) {
    static PGconn *conn;
    char sql[300];
    if (conn == NULL)
        conn = PQconnectdb(pg_admin_of_tests());
    snprintf(sql, sizeof sql,
             "INSERT INTO acts (event_id, key) SELECT %lld, %lld WHERE events.once('test_consumer', %lld)",
             (long long)e->id, (long long)e->key, (long long)e->id);
    PGresult *r = PQexec(conn, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(r);
    if (shared->die_after > 0 && --shared->die_after == 0)
        kill(getpid(), SIGKILL); /* between its write and its place */
}

static inline void enter(const struct event *events, size_t n, int by) {
    for (size_t i = 0; i < n; i++) {
        int key = (int)((uint64_t)events[i].key % KEYS);
        shared->inside[slot][key] += by;
        for (int w = 0; w < WORKERS && by > 0; w++)
            if (w != slot && shared->inside[w][key] > 0)
                shared->overlaps++;
    }
}

static inline void note(const struct event *e, int call) {
    int at = shared->n++;
    ck_assert_int_lt(at, LOG_MAX);
    shared->log[at].id = e->id;
    shared->log[at].key = e->key;
    shared->log[at].attempt = e->attempt;
    shared->log[at].call = call;
    snprintf(shared->log[at].type, sizeof(shared->log[at].type), "%s", e->type);
}

static inline enum code handle(struct ctx *c, const struct event *events, size_t n) {
    int call = ++shared->calls;
    enum code code = OK;
    enter(events, n, 1);
    for (size_t i = 0; i < n; i++) {
        note(&events[i], call);
        if (shared->die_on_deadly && strcmp(events[i].type, "deadly") == 0)
            _exit(9);
        if (shared->fail_bad && strcmp(events[i].type, "greedy") == 0) {
            enter(events, n, -1);
            while (true)
                arena_alloc(c->arena, 1 << 20);
        }
        if (shared->fail_bad && strcmp(events[i].type, "bad") == 0)
            code = fail_detail(c, INTERNAL, "no", "a bad event: %.*s", (int)events[i].n,
                               (const char *)events[i].body);
        if (shared->act)
            act_on(&events[i]);
    }
    nap(shared->linger_ms);
    enter(events, n, -1);
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
static const struct service service = {.name = "test", .consumers = consumers};
static const struct service *const services[] = {&service, NULL};
static const struct app app = {.services = services};

/* Each test on Kafka has topics of its own. A consumer that was killed is missed after a second and a half.
 */
static inline void set_up_on(bool kafka) {
    static int test;
    memset(shared, 0, sizeof(*shared));
    as_admin("TRUNCATE events.outbox, events.consumer, events.failed, events.published, events.acted");
    as_admin("DROP TABLE IF EXISTS acts; CREATE TABLE acts (n bigserial, event_id bigint, key bigint)");
    const char *secrets = getenv("TEST_PG_SECRETS");
    snprintf(bus_setting, sizeof bus_setting, "%s/t%d.%d", kafka ? server_of("TEST_KAFKA") : "builtin",
             (int)getpid(), ++test);
    config = (struct config){.postgresql = pg_of_tests(),
                             .postgresql_secrets = secrets != NULL ? secrets : "",
                             .base_url = "https://events.example",
                             .bus = kafka ? bus_setting : "builtin",
                             .bus_options = "session.timeout.ms=1500 heartbeat.interval.ms=300",
                             .bus_partitions = 3,
                             .server_timeout_ms = 5000};
    env = (struct env){.config = &config, .app = &app};
    ctx = test_ctx(&env);
}

static inline void tear_down(void) { test_ctx_end(); }

static volatile sig_atomic_t stopping;
static inline void on_term(int sig) {
    (void)sig;
    stopping = 1;
}
static inline bool stop(void) { return stopping != 0; }

static inline pid_t start_as(int which, const struct app *what) {
    pid_t pid = fork();
    if (pid == 0) {
        slot = which;
        signal(SIGTERM, on_term);
        env.app = what;
        _exit(bus_work(&env, NULL, stop));
    }
    return pid;
}

static inline pid_t start(const struct app *what) { return start_as(0, what); }

static inline int end(pid_t pid, int sig) {
    int status;
    kill(pid, sig);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* Killed, it leaves nobody inside. */
static inline void kill_worker(int which, pid_t pid) {
    end(pid, SIGKILL);
    for (int key = 0; key < KEYS; key++)
        shared->inside[which][key] = 0;
}

static inline void emit(int n, const char *topic, const char *type) {
    char sql[256];
    snprintf(sql, sizeof(sql),
             "SELECT count(events.emit('%s', i %% %d, '%s', convert_to('body ' || i, 'UTF8'))) "
             "FROM generate_series(1, %d) AS i",
             topic, KEYS, type, n);
    as_admin(sql);
}

/* How long a test waits for what must come, on a machine that is busy with others. */
#define PATIENCE_MS 60000

/* Until *value is n, at most ms. */
static inline bool wait_for(atomic_int *value, int n, int ms) {
    for (int64_t until = clock_mono_us() + ms * 1000LL; *value < n && clock_mono_us() < until;)
        nap(2);
    return *value >= n;
}

static inline bool wait_sql(const char *sql, const char *want, int ms) {
    for (int64_t until = clock_mono_us() + ms * 1000LL; clock_mono_us() < until; nap(50))
        if (strcmp(as_admin(sql), want) == 0)
            return true;
    return false;
}

/* Each of n events acted once, and those of a key in the order in which they happened. */
static inline void check_acts(int n) {
    char want[20];
    snprintf(want, sizeof want, "%d", n);
    ck_assert_str_eq(as_admin("SELECT count(*) FROM acts"), want);
    ck_assert_str_eq(as_admin("SELECT count(DISTINCT event_id) FROM acts"), want);
    ck_assert_str_eq(
        as_admin("SELECT count(*) FROM (SELECT event_id, lag(event_id) OVER (PARTITION BY key ORDER BY n) "
                 "AS before FROM acts) AS a WHERE before > event_id"),
        "0");
}

static inline bool wait_acts(int n, int ms) {
    char want[20];
    snprintf(want, sizeof want, "%d", n);
    return wait_sql("SELECT count(*) FROM acts", want, ms);
}

static inline void share_memory(void) {
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

#endif
