/* What a bus carries: events from the outbox to a consumer that writes a row for each, or to one that does
 * nothing; and how long each takes at a steady rate.
 *
 *     bus SETTING EVENTS RATE SECONDS [BROKER]   prints one row of a table; the database is that of TEST_PG;
 *                                                BROKER: its process, whose CPU time counts too
 *
 * bench/bus.sh starts the servers and runs it for each bus. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/log.h"

#define TIMES_MAX 200000
#define PER_COMMIT 50 /* events of one transaction, as a page with many changes has them */
#define PATIENCE_US INT64_C(120000000)

static struct shared {
    atomic_int done;
    atomic_bool writes;
    int times_ms[TIMES_MAX];
} * shared;

static PGconn *conn; /* of this process */

static void must(bool is, const char *what) {
    if (is)
        return;
    fprintf(stderr, "bench: %s: %s\n", what, conn != NULL ? PQerrorMessage(conn) : "");
    exit(1);
}

static void run_sql(const char *sql) {
    PGresult *r = PQexec(conn, sql);
    must(PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK, sql);
    PQclear(r);
}

static void connect_here(void) {
    conn = PQconnectdb(getenv("TEST_PG_ADMIN"));
    must(PQstatus(conn) == CONNECTION_OK, "no database");
    run_sql("SET client_min_messages = error");
}

/* ---- The consumer */

static void write_rows(struct ctx *ctx, const struct event *events, size_t n) {
    struct buf ids;
    buf_init(&ids, ctx->arena, 1 << 20);
    buf_putc(&ids, '{');
    for (size_t i = 0; i < n; i++)
        buf_printf(&ids, "%s%lld", i > 0 ? "," : "", (long long)events[i].id);
    buf_putc(&ids, '}');
    const char *values[] = {buf_str(&ids)};
    if (conn == NULL)
        connect_here();
    PGresult *r =
        PQexecParams(conn, "INSERT INTO bench_acts SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING", 1,
                     NULL, values, NULL, NULL, 0);
    must(PQresultStatus(r) == PGRES_COMMAND_OK, "insert");
    PQclear(r);
}

static enum code handle(struct ctx *ctx, const struct event *events, size_t n) {
    if (shared->writes)
        write_rows(ctx, events, n);
    int64_t now = clock_now_ms();
    for (size_t i = 0; i < n; i++) {
        int at = shared->done++;
        if (at < TIMES_MAX)
            shared->times_ms[at] = (int)(now - events[i].time_ms);
    }
    return OK;
}

static const char *const topics[] = {"bench.v1", NULL};
static const struct consumer consumers[] = {
    {.name = "bench", .topics = topics, .batch = 100, .handle = handle}, {0}};
static const struct service service = {.name = "bench", .consumers = consumers};
static const struct service *const services[] = {&service, NULL};
static const struct app app = {.services = services};

static volatile sig_atomic_t stopping;
static void on_term(int sig) {
    (void)sig;
    stopping = 1;
}
static bool stop(void) { return stopping != 0; }

static pid_t start(struct config *config) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    struct env env = {.config = config, .app = &app};
    conn = NULL; /* the parent's */
    signal(SIGTERM, on_term);
    log_open(NULL, LOG_ERROR, "bench");
    _exit(bus_work(&env, NULL, stop));
}

/* CPU time of a process in microseconds; 0 for none. */
static double cpu_us(pid_t pid) {
    struct timespec cpu = {0, 0};
    clockid_t clock;
    if (pid > 0 && clock_getcpuclockid(pid, &clock) == 0)
        clock_gettime(clock, &cpu);
    return (double)cpu.tv_sec * 1e6 + (double)cpu.tv_nsec / 1e3;
}

/* Ends the worker; its CPU time. */
static double end(pid_t pid) {
    double us = cpu_us(pid);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return us;
}

/* ---- Measuring */

static void fresh(bool writes) {
    run_sql("TRUNCATE events.outbox, events.consumer, events.failed, events.published, bench_acts");
    shared->done = 0;
    shared->writes = writes;
}

static void emit(int n) {
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(events.emit('bench.v1', (random() * 1e9)::bigint << 22, 'bench.happened', "
             "repeat('x', 60)::bytea)) FROM generate_series(1, %d)",
             n);
    run_sql(sql);
}

static void wait_for(int n) {
    int64_t until = clock_mono_us() + PATIENCE_US;
    while (shared->done < n && clock_mono_us() < until)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    must(shared->done >= n, "events did not come");
}

static pid_t broker; /* 0: none */

/* A worker that is there already gets `n` events at once. Events a second, and its and the broker's CPU time
 * for each. */
static double drain(struct config *config, int n, bool writes, double *ret_cpu_us) {
    fresh(writes);
    double before = cpu_us(broker);
    pid_t pid = start(config);
    emit(1);
    wait_for(1);
    run_sql("BEGIN");
    for (int i = 1; i < n; i += 1000)
        emit(n - i < 1000 ? n - i : 1000);
    int64_t begun = clock_mono_us();
    run_sql("COMMIT");
    wait_for(n);
    double seconds = (double)(clock_mono_us() - begun) / 1e6;
    *ret_cpu_us = (end(pid) + cpu_us(broker) - before) / n;
    return n / seconds;
}

static int by_size(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Events at a steady rate: how long after its commit each was written, half of them and all but 1 %. */
static void steady(struct config *config, int rate, int seconds, int *ret_p50, int *ret_p99) {
    int n = rate * seconds, every_us = 1000000 * PER_COMMIT / rate;
    fresh(true);
    pid_t pid = start(config);
    emit(1);
    wait_for(1);
    int64_t next = clock_mono_us();
    for (int i = 0; i < n; i += PER_COMMIT, next += every_us) {
        int64_t pause = next - clock_mono_us();
        if (pause > 0)
            nanosleep(&(struct timespec){pause / 1000000, pause % 1000000 * 1000}, NULL);
        emit(PER_COMMIT);
        run_sql("SELECT pg_notify('outbox', '')"); /* as bus_wake() does after a commit */
    }
    wait_for(n + 1);
    end(pid);
    if (n > TIMES_MAX)
        n = TIMES_MAX;
    qsort(shared->times_ms + 1, (size_t)n - 1, sizeof(int), by_size);
    *ret_p50 = shared->times_ms[n / 2];
    *ret_p99 = shared->times_ms[n - n / 100];
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: bus SETTING EVENTS RATE SECONDS [BROKER]\n");
        return 2;
    }
    broker = argc > 5 ? atoi(argv[5]) : 0;
    int n = atoi(argv[2]), p50, p99;
    double cpu_null, cpu_writing;
    struct config config = {.postgresql = getenv("TEST_PG"),
                            .postgresql_secrets = getenv("TEST_PG_SECRETS"),
                            .base_url = "http://bench.example",
                            .bus = argv[1],
                            .bus_partitions = 12,
                            .server_timeout_ms = 5000};
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    log_open(NULL, LOG_ERROR, "bench");
    connect_here();
    run_sql("CREATE TABLE IF NOT EXISTS bench_acts (event_id bigint PRIMARY KEY)");
    double null = drain(&config, n, false, &cpu_null);
    double writing = drain(&config, n, true, &cpu_writing);
    steady(&config, atoi(argv[3]), atoi(argv[4]), &p50, &p99);
    printf("| %-8.*s | %9.0f | %8.1f | %9.0f | %8.1f | %4d | %4d |\n", (int)strcspn(argv[1], ":"), argv[1],
           null, cpu_null, writing, cpu_writing, p50, p99);
    return 0;
}
