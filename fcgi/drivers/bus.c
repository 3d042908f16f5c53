/* The bus in a process that works: the database session whose locks say who runs what, rounds and sleep, and
 * the table of engines. */
#include "fcgi/drivers/bus.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "gen/queries.h"

/* After work, time for the next batch to come together: large batches cost less an event. Where there was
 * much, the machine is busy, and that counts; where there was little, somebody waits for the next one. */
#define GATHER_US 500 /* for each event that a consumer was handed */
#define GATHER_MAX_US 4000
#define QUIET_MIN_MS 1 /* the first sleep after work; each that nobody ends is twice as long */
#define WAKE_US \
    INT64_C(50000) /* at most one NOTIFY a process in this time; the reader's short polls cover the rest */
#define EXPIRE_US INT64_C(60000000)
#define EXPIRE_BATCHES 10

int bus_poll_ms = 200;
void (*bus_between)(struct env *env);

/* ---- The engines */

static const struct bus_engine *const engines[] = {&bus_builtin, &bus_kafka};

const struct bus_engine *bus_engine_of(const char *setting) {
    if (setting == NULL) /* as in a test that makes its configuration itself */
        return &bus_builtin;
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (text_starts(setting, engines[i]->scheme) ||
            (engines[i]->tls_scheme != NULL && text_starts(setting, engines[i]->tls_scheme)))
            return engines[i];
    return NULL;
}

int bus_check(const struct config *config, FILE *err) {
    char words[300];
    const struct bus_engine *engine = bus_engine_of(config->bus);
    const char *problem = engine == NULL            ? "it must be builtin or begin with kafka:// or kafkas://"
                          : engine->problem != NULL ? engine->problem(config, words, sizeof words)
                                                    : NULL;
    if (problem != NULL)
        fprintf(err, "bus: %s: %s\n", config->bus, problem);
    return problem != NULL;
}

/* ---- The session in the database */

/* Whoever was set back starts anew from the place that the database knows. */
static void start_anew(struct bus *b) {
    for (size_t i = 0; i < b->n; i++)
        b->runners[i]->mine = false;
}

/* Connected, and with the session that this process's locks and LISTEN belong to. */
static bool session(struct bus *b, struct ctx *ctx) {
    if (pg_connect(ctx, b->db) != OK)
        return false;
    if (b->epoch == pg_epoch(b->db))
        return true;
    start_anew(b);
    for (size_t i = 0; i < b->n; i++) {
        b->runners[i]->locked = false;
        b->runners[i]->lock_us = 0;
    }
    if (pg_run(ctx, b->db, &Q_EVENTS_UNHURRIED, NULL) != OK ||
        pg_run(ctx, b->db, &Q_EVENTS_LISTEN, NULL) != OK)
        return false;
    b->epoch = pg_epoch(b->db);
    return true;
}

bool bus_same_session(struct bus *b, struct ctx *ctx) {
    return pg_connect(ctx, b->db) == OK && pg_epoch(b->db) == b->epoch;
}

static void expire_by(struct bus *b, struct ctx *ctx, const struct query *q, bool relayed) {
    PGresult *done;
    struct pg_val only = pg_bool(relayed);
    for (int i = 0; i < EXPIRE_BATCHES; i++)
        if (pg_run_vals(ctx, b->db, q, &done, &only, q == &Q_EVENTS_EXPIRE) != OK || pg_affected(done) < 1000)
            return;
}

static void expire(struct bus *b, struct ctx *ctx) {
    int64_t now = clock_mono_us();
    if (now < b->expire_us)
        return;
    b->expire_us = now + EXPIRE_US;
    expire_by(b, ctx, &Q_EVENTS_EXPIRE, b->engine->relayed);
    expire_by(b, ctx, &Q_EVENTS_FORGET, false);
}

/* ---- Rounds */

static struct ctx context(struct bus *b) {
    arena_reset(b->arena);
    return (struct ctx){.arena = b->arena, .env = b->env, .request_id = "events", .ip = "", .user_agent = ""};
}

/* Every consumer once. Returns whether to go on at once. */
static bool run_round(struct bus *b, bool *ret_worked) {
    struct ctx ctx = context(b);
    *ret_worked = false;
    b->n_handed = 0;
    if (!session(b, &ctx))
        return false;
    bus_look_due(b, &ctx);
    fail_clear(&ctx);
    bool more = b->engine->round(b, &ctx, ret_worked);
    fail_clear(&ctx);
    expire(b, &ctx);
    return more;
}

/* What the database has sent. A consumer that was set back is told so. */
static bool drop_notifies(struct bus *b, PGconn *conn) {
    bool moved, any = pg_heard(conn, "moved", &moved);
    if (moved)
        start_anew(b);
    return any;
}

static bool drop_wake(struct bus *b) {
    uint64_t times;
    return b->wake_fd >= 0 && read(b->wake_fd, &times, sizeof times) > 0;
}

/* Sleeps until woken, at most ms. Returns whether it was woken. */
static bool sleep_until_woken(struct bus *b, int ms) {
    struct ctx ctx = context(b);
    PGconn *conn = pg_raw(&ctx, b->db);
    struct pollfd fds[] = {{conn != NULL ? PQsocket(conn) : -1, POLLIN, 0}, {b->wake_fd, POLLIN, 0}};
    if ((conn != NULL && drop_notifies(b, conn)) || drop_wake(b))
        return true; /* it came while something else was asked */
    if (poll(fds, 2, conn != NULL ? ms : bus_poll_ms) > 0 && conn != NULL && fds[0].revents != 0)
        PQconsumeInput(conn);
    bool woken = drop_wake(b);
    return (conn != NULL && drop_notifies(b, conn)) || woken;
}

static void gather(size_t n_handed) {
    size_t us = n_handed < GATHER_MAX_US / GATHER_US ? n_handed * GATHER_US : GATHER_MAX_US;
    nanosleep(&(struct timespec){0, (long)us * 1000}, NULL);
}

static void run(struct bus *b) {
    int quiet_ms = bus_poll_ms; /* as long as nobody wakes it */
    bool worked;
    while (!b->stop()) {
        if (bus_between != NULL)
            bus_between(b->env);
        if (run_round(b, &worked))
            continue;
        if (worked) {
            quiet_ms = QUIET_MIN_MS;
            gather(b->n_handed);
        } else if (sleep_until_woken(b, quiet_ms)) {
            quiet_ms = QUIET_MIN_MS;
        } else if (quiet_ms < bus_poll_ms) {
            quiet_ms = quiet_ms < bus_poll_ms / 2 ? quiet_ms * 2 : bus_poll_ms;
            if (quiet_ms == bus_poll_ms)
                malloc_trim(0); /* what the work before took is not needed soon */
        }
    }
}

/* ---- Beginning and end */

/* Those of all services that are late, or that are not. */
static void add_some(struct bus *b, const char *which, bool late) {
    for (const struct service *const *s = b->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++)
            if (c->late == late && (which == NULL || strcmp(which, c->name) == 0))
                b->consumers[b->n_consumers++] = c;
}

/* Those that are late come last. */
static bool add_consumers(struct bus *b, const char *which) {
    size_t n = 0;
    for (const struct service *const *s = b->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++)
            n++;
    b->consumers = calloc(n + 1, sizeof(*b->consumers));
    if (b->consumers == NULL)
        return false;
    add_some(b, which, false);
    add_some(b, which, true);
    if (b->n_consumers == 0)
        log_error(NULL, "no such consumer", "consumer=%s", which != NULL ? which : "");
    return b->n_consumers > 0;
}

static void arena_full(void *arg) { longjmp(((struct bus *)arg)->full, 1); }

static bool open_all(struct bus *b) {
    const struct config *c = b->env->config;
    char *secret = pg_secret(c->postgresql_secrets, "deeplink_events");
    b->db = pg_open(c->postgresql, "deeplink_events", secret, queries_events, c->server_timeout_ms);
    free(secret);
    b->arena = arena_new(BUS_ARENA_MAX);
    b->handler = arena_new(BUS_ARENA_MAX);
    arena_on_exhausted(b->handler, arena_full, b);
    return b->db != NULL && b->engine->open(b);
}

int bus_work(struct env *env, const char *which, bool (*stop)(void)) {
    struct bus b = {.env = env, .engine = bus_engine_of(env->config->bus), .wake_fd = -1, .stop = stop};
    if (b.engine == NULL || !add_consumers(&b, which) || !open_all(&b))
        return 1;
    run(&b);
    struct ctx ctx = context(&b);
    b.engine->close(&b, &ctx);
    arena_free(b.arena);
    arena_free(b.handler);
    pg_close(b.db);
    free(b.consumers);
    return 0;
}

void bus_wake(struct ctx *ctx, struct pg *db) {
    static int64_t last_us;
    (void)ctx;
    int64_t now = clock_mono_us();
    if (now - last_us < WAKE_US)
        return;
    if (pg_send_ignored(db, &Q_WAKE_CONSUMERS))
        last_us = now;
}
