#include "fcgi/drivers/bus.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define GATHER_MS 4 /* after work, time for the next batch to come together */
#define WAKE_US \
    INT64_C(20000) /* at most one NOTIFY a process in this time; the reader's short polls cover the rest */
#define LOCK_US INT64_C(1000000) /* between two tries to become a consumer */
#define DUE_US INT64_C(1000000)  /* between two looks for what is to be tried again */
#define SAVE_US INT64_C(5000000) /* between two notes of how far an idle consumer is */
#define TOUCH_US INT64_C(3600000000)
#define EXPIRE_US INT64_C(60000000)
#define EXPIRE_BATCHES 10
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define DOWN_MAX_MS 5000 /* a server that is down is looked for more often */
#define CRASHES_MAX 3
#define ERROR_MAX 500

struct place {
    int64_t xid, id;
};

/* A consumer as this process runs it. */
struct runner {
    const struct consumer *def;
    size_t n_topics;
    bool mine;      /* this process has its lock */
    size_t careful; /* the last run got nowhere: so many events one at a time, each try noted before */
    int tries;      /* noted tries of the event after `at` */
    struct place at, saved;                     /* handled up to here; noted in the database */
    int64_t saved_us, lock_us, due_us, rest_us; /* when was, or is next; rest: not before */
    int down_ms;
};

struct bus {
    struct env *env;
    struct pg *db;
    unsigned epoch;
    struct arena *arena;   /* of the round */
    struct arena *handler; /* of one call of handle() */
    struct runner *runners;
    size_t n;
    int64_t expire_us;
    bool (*stop)(void);
    jmp_buf full; /* the handler's arena was not enough */
};

static int place_cmp(struct place a, struct place b) {
    if (a.xid != b.xid)
        return a.xid < b.xid ? -1 : 1;
    return a.id < b.id ? -1 : a.id > b.id;
}

static size_t batch_of(const struct runner *r) { return r->def->batch > 0 ? r->def->batch : 1; }

static struct ctx context(struct env *env, struct arena *arena, const char *id) {
    return (struct ctx){.arena = arena, .env = env, .request_id = id, .ip = "", .user_agent = ""};
}

/* The connection for events, one a process, opened when first asked for. */
static struct pg *events_db(const struct env *env) {
    static struct pg *db;
    if (db == NULL) {
        char *secret = pg_secret(env->config->postgresql_secrets, "deeplink_events");
        db = pg_open(env->config->postgresql, "deeplink_events", secret, queries_events,
                     env->config->server_timeout_ms);
        free(secret);
    }
    return db;
}

static enum code no_memory(struct ctx *ctx) {
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "events: no memory");
}

static void log_failure(struct ctx *ctx, const struct runner *r, const char *what) {
    if (ctx->error.code != UNAVAILABLE) /* the driver says so once */
        log_error(ctx, what, "consumer=%s code=%s detail=%s", r->def->name, code_name(ctx->error.code),
                  ctx->error.detail != NULL ? ctx->error.detail : "");
}

/* Delivering. */

static void arena_full(void *arg) { longjmp(((struct bus *)arg)->full, 1); }

static void settle(const struct env *env) {
    for (size_t i = 0; i < SERVICE_MAX; i++)
        if (env->pg[i] != NULL)
            pg_settle(env->pg[i]);
    if (env->redis != NULL)
        redis_settle(env->redis);
    if (env->app->settle != NULL)
        env->app->settle();
}

static enum code call(struct bus *b, const struct runner *r, struct ctx *ctx, const struct event *events,
                      size_t n) {
    if (setjmp(b->full) != 0)
        return INTERNAL;
    return r->def->handle(ctx, events, n);
}

/* One call of handle() in a context of its own. `error` gets the reason of a failure. */
static enum code deliver(struct bus *b, const struct runner *r, const struct event *events, size_t n,
                         char error[ERROR_MAX]) {
    arena_reset(b->handler);
    struct ctx ctx = context(b->env, b->handler, "");
    ctx.request_id = arena_printf(b->handler, "%s-%lld", r->def->name, (long long)events[0].id);
    enum code code = call(b, r, &ctx, events, n);
    if (code != OK)
        snprintf(error, ERROR_MAX, "%s: %s", code_name(code),
                 ctx.error.detail != NULL ? ctx.error.detail
                 : ctx.error.text != NULL ? ctx.error.text
                                          : "no reason given, or out of memory");
    settle(b->env);
    return code;
}

/* What a failed server leaves a consumer to do: wait, twice as long each time. */
static void rest(struct runner *r, const char *why) {
    if (r->down_ms == 0)
        log_warn(NULL, "a consumer waits for a server", "consumer=%s why=%s", r->def->name, why);
    r->down_ms = r->down_ms == 0 ? BACKOFF_MIN_MS / 4 : r->down_ms * 2;
    if (r->down_ms > DOWN_MAX_MS)
        r->down_ms = DOWN_MAX_MS;
    r->rest_us = clock_mono_us() + (int64_t)r->down_ms * 1000;
}

/* Milliseconds until the next attempt after so many; 0 when there is none. */
static int64_t retry_ms(const struct runner *r, int attempts) {
    int max = r->def->max_attempts > 0 ? r->def->max_attempts : 8;
    if (attempts >= max)
        return 0;
    int64_t ms = BACKOFF_MIN_MS;
    for (int i = 1; i < attempts && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

static void log_attempt(struct ctx *ctx, const struct runner *r, const struct event *e, int64_t retry,
                        const char *error) {
    if (retry > 0)
        log_warn(ctx, "an event failed", "consumer=%s event=%lld type=%s attempt=%d retry_ms=%lld error=%s",
                 r->def->name, (long long)e->id, e->type, e->attempt, (long long)retry, error);
    else
        log_error(ctx, "an event is a dead letter", "consumer=%s event=%lld type=%s attempts=%d error=%s",
                  r->def->name, (long long)e->id, e->type, e->attempt, error);
}

/* Keeps a failed event aside, so that those after it need not wait. */
static bool put_aside(struct bus *b, struct ctx *ctx, const struct runner *r, const struct event *e,
                      int64_t retry, const char *error) {
    log_attempt(ctx, r, e, retry, error);
    return pg_run(ctx, b->db, &Q_EVENTS_FAILED, NULL, pg_text(r->def->name), pg_i8(e->id), pg_text(e->topic),
                  pg_i8(e->key), pg_text(e->type), pg_bytes(e->body, e->n), pg_time(e->time_ms),
                  pg_i4(e->attempt), pg_text(error), pg_i8(retry)) == OK;
}

/* Notes how far the consumer is. */
static bool advance(struct bus *b, struct ctx *ctx, struct runner *r, struct place to) {
    PGresult *done;
    if (pg_run(ctx, b->db, &Q_EVENTS_ADVANCE, &done, pg_text(r->def->name), pg_i8(to.xid), pg_i8(to.id),
               pg_i8(r->saved.xid), pg_i8(r->saved.id)) != OK) {
        log_failure(ctx, r, "a consumer's position was not noted");
        return false;
    }
    if (pg_affected(done) != 1) {
        log_warn(ctx, "a consumer was moved by somebody else", "consumer=%s", r->def->name);
        r->mine = false;
        return false;
    }
    r->at = r->saved = to;
    r->saved_us = clock_mono_us();
    r->careful -= r->careful > 0;
    r->tries = 0;
    r->down_ms = 0;
    return true;
}

/* Events that were read, and where each stands. */
struct batch {
    struct event *events;
    struct place *places;
    size_t n;
};

static struct event event_at(const PGresult *rows, int row, int col) {
    struct event e = {.id = pg_get_int(rows, row, col),
                      .topic = pg_get_str(rows, row, col + 1),
                      .key = pg_get_int(rows, row, col + 2),
                      .type = pg_get_str(rows, row, col + 3),
                      .time_ms = pg_get_time(rows, row, col + 5),
                      .attempt = 1};
    e.body = pg_get_bytes(rows, row, col + 4, &e.n);
    return e;
}

static bool read_batch(struct bus *b, struct ctx *ctx, const struct runner *r, struct place head,
                       size_t limit, struct batch *ret) {
    PGresult *rows;
    if (pg_run(ctx, b->db, &Q_EVENTS_READ, &rows, pg_i8(r->at.xid), pg_i8(r->at.id), pg_i8(head.xid),
               pg_i8(head.id), pg_texts(r->def->topics, r->n_topics), pg_i8((int64_t)limit)) != OK) {
        log_failure(ctx, r, "events cannot be read");
        return false;
    }
    ret->n = (size_t)PQntuples(rows);
    ret->events = arena_many(b->arena, struct event, ret->n);
    ret->places = arena_many(b->arena, struct place, ret->n);
    for (size_t i = 0; i < ret->n; i++) {
        ret->events[i] = event_at(rows, (int)i, 1);
        ret->places[i] = (struct place){pg_get_int(rows, (int)i, 0), ret->events[i].id};
    }
    return true;
}

/* One by one, so that only what is bad fails. The position is noted after each. */
static bool deliver_each(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch, int attempt) {
    char error[ERROR_MAX];
    for (size_t i = 0; i < batch->n && !b->stop(); i++) {
        struct event *e = &batch->events[i];
        e->attempt = attempt;
        enum code code = deliver(b, r, e, 1, error);
        if (code == UNAVAILABLE) {
            rest(r, error);
            return false;
        }
        if (code != OK && !put_aside(b, ctx, r, e, retry_ms(r, attempt), error))
            return false;
        if (!advance(b, ctx, r, batch->places[i]))
            return false;
    }
    return true;
}

/* After a start that got nowhere, one of the next events may be one that kills the process: each try is noted
 * before it is made, and after a few the event is a dead letter. */
static bool deliver_careful(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch) {
    if (r->tries >= CRASHES_MAX) {
        batch->events[0].attempt = r->tries;
        return put_aside(b, ctx, r, &batch->events[0], 0, "the process ended while handling it") &&
               advance(b, ctx, r, batch->places[0]);
    }
    if (pg_run(ctx, b->db, &Q_EVENTS_TRY, NULL, pg_text(r->def->name)) != OK)
        return false;
    r->tries++;
    if (deliver_each(b, ctx, r, batch, 1))
        return true;
    r->tries = 0; /* the process lives: whatever failed, it was not that */
    pg_run(ctx, b->db, &Q_EVENTS_STOPPED, NULL, pg_text(r->def->name));
    return false;
}

static bool deliver_batch(struct bus *b, struct ctx *ctx, struct runner *r, struct batch *batch,
                          struct place end) {
    char error[ERROR_MAX];
    enum code code = deliver(b, r, batch->events, batch->n, error);
    if (code == OK)
        return advance(b, ctx, r, end);
    if (code == UNAVAILABLE) {
        rest(r, error);
        return false;
    }
    if (batch->n > 1)
        return deliver_each(b, ctx, r, batch, 2);
    return put_aside(b, ctx, r, batch->events, retry_ms(r, 1), error) && advance(b, ctx, r, end);
}

/* Notes now and then how far a consumer is that has nothing to do, for the removal of old events. */
static void save_idle(struct bus *b, struct ctx *ctx, struct runner *r) {
    int64_t since = clock_mono_us() - r->saved_us;
    if ((place_cmp(r->at, r->saved) != 0 && since > SAVE_US) || since > TOUCH_US)
        advance(b, ctx, r, r->at);
}

/* A batch of new events. Returns whether more may be waiting right now. */
static bool take_new(struct bus *b, struct ctx *ctx, struct runner *r, struct place head, bool *ret_worked) {
    struct batch batch;
    size_t limit = r->careful > 0 ? 1 : batch_of(r);
    if (place_cmp(r->at, head) >= 0 || !read_batch(b, ctx, r, head, limit, &batch))
        return false;
    if (batch.n == 0) {
        r->at = head;
        save_idle(b, ctx, r);
        return false;
    }
    *ret_worked = true;
    if (r->careful > 0)
        return deliver_careful(b, ctx, r, &batch);
    return deliver_batch(b, ctx, r, &batch, batch.n < limit ? head : batch.places[batch.n - 1]) &&
           batch.n == limit;
}

/* Events that failed before and whose time has come. */
static void take_due(struct bus *b, struct ctx *ctx, struct runner *r) {
    PGresult *rows;
    char error[ERROR_MAX];
    if (pg_run(ctx, b->db, &Q_EVENTS_DUE, &rows, pg_text(r->def->name)) != OK)
        return;
    for (int i = 0; i < PQntuples(rows) && !b->stop(); i++) {
        int64_t id = pg_get_int(rows, i, 0);
        struct event e = event_at(rows, i, 1);
        e.attempt = (int)pg_get_int(rows, i, 7) + 1;
        enum code code = deliver(b, r, &e, 1, error);
        if (code == UNAVAILABLE) {
            rest(r, error);
            return;
        }
        int64_t retry = retry_ms(r, e.attempt);
        if (code != OK)
            log_attempt(ctx, r, &e, retry, error);
        code = code == OK ? pg_run(ctx, b->db, &Q_EVENTS_FAILED_DONE, NULL, pg_i8(id))
                          : pg_run(ctx, b->db, &Q_EVENTS_FAILED_AGAIN, NULL, pg_i8(id), pg_i4(e.attempt),
                                   pg_text(error), pg_i8(retry));
        if (code != OK)
            return;
    }
}

/* Becoming a consumer. */

static void try_lock(struct bus *b, struct ctx *ctx, struct runner *r) {
    PGresult *row;
    int64_t now = clock_mono_us();
    if (now < r->lock_us)
        return;
    r->lock_us = now + LOCK_US;
    if (pg_run(ctx, b->db, &Q_EVENTS_LOCK, &row, pg_text(r->def->name)) != OK || !pg_get_bool(row, 0, 0) ||
        pg_run(ctx, b->db, &Q_EVENTS_START, &row, pg_text(r->def->name)) != OK)
        return;
    r->at = r->saved = (struct place){pg_get_int(row, 0, 0), pg_get_int(row, 0, 1)};
    r->tries = (int)pg_get_int(row, 0, 3);
    r->careful = pg_get_int(row, 0, 2) > 1 || r->tries > 0 ? batch_of(r) : 0;
    r->saved_us = now;
    r->due_us = r->rest_us = 0;
    r->mine = true;
    log_info(ctx, "consumer started", "consumer=%s xid=%lld id=%lld", r->def->name, (long long)r->at.xid,
             (long long)r->at.id);
}

/* Connected, and with the session that this process's locks and LISTEN belong to. */
static bool session(struct bus *b, struct ctx *ctx) {
    if (pg_connect(ctx, b->db) != OK)
        return false;
    if (b->epoch == pg_epoch(b->db))
        return true;
    for (size_t i = 0; i < b->n; i++) {
        b->runners[i].mine = false;
        b->runners[i].lock_us = 0;
    }
    if (pg_run(ctx, b->db, &Q_EVENTS_LISTEN, NULL) != OK)
        return false;
    b->epoch = pg_epoch(b->db);
    return true;
}

static void expire(struct bus *b, struct ctx *ctx) {
    PGresult *done;
    int64_t now = clock_mono_us();
    if (now < b->expire_us)
        return;
    b->expire_us = now + EXPIRE_US;
    for (int i = 0; i < EXPIRE_BATCHES && pg_run(ctx, b->db, &Q_EVENTS_EXPIRE, &done) == OK; i++)
        if (pg_affected(done) < 1000)
            return;
}

static void run_one(struct bus *b, struct ctx *ctx, struct runner *r, const struct place *head,
                    bool *ret_more, bool *ret_worked) {
    if (!r->mine)
        try_lock(b, ctx, r);
    int64_t now = clock_mono_us();
    if (!r->mine || now < r->rest_us)
        return;
    if (now >= r->due_us) {
        r->due_us = now + DUE_US;
        take_due(b, ctx, r);
    }
    if (head != NULL && clock_mono_us() >= r->rest_us)
        *ret_more |= take_new(b, ctx, r, *head, ret_worked);
}

/* Every consumer once. Returns whether to go on at once. */
static bool run_round(struct bus *b, bool *ret_worked) {
    arena_reset(b->arena);
    struct ctx ctx = context(b->env, b->arena, "events");
    PGresult *row;
    bool more = false;
    *ret_worked = false;
    if (!session(b, &ctx) || pg_run(&ctx, b->db, &Q_EVENTS_HEAD, &row) != OK)
        return false;
    struct place head = {0, 0};
    if (PQntuples(row) > 0)
        head = (struct place){pg_get_int(row, 0, 0), pg_get_int(row, 0, 1)};
    for (size_t i = 0; i < b->n && !b->stop(); i++) {
        fail_clear(&ctx);
        run_one(b, &ctx, &b->runners[i], PQntuples(row) > 0 ? &head : NULL, &more, ret_worked);
    }
    fail_clear(&ctx);
    expire(b, &ctx);
    return more;
}

static bool drop_notifies(PGconn *conn) {
    bool any = false;
    for (PGnotify *n; (n = PQnotifies(conn)) != NULL; PQfreemem(n))
        any = true;
    return any;
}

int bus_poll_ms = 200;

/* Sleeps until woken, at most ms. Returns whether it was woken. */
static bool sleep_until_woken(struct bus *b, int ms) {
    arena_reset(b->arena);
    struct ctx ctx = context(b->env, b->arena, "events");
    PGconn *conn = pg_raw(&ctx, b->db);
    struct pollfd p = {conn != NULL ? PQsocket(conn) : -1, POLLIN, 0};
    if (conn != NULL && drop_notifies(conn))
        return true; /* it came while something else was asked */
    if (poll(&p, conn != NULL, conn != NULL ? ms : bus_poll_ms) > 0)
        PQconsumeInput(conn);
    return conn != NULL && drop_notifies(conn);
}

static void gather(void) { nanosleep(&(struct timespec){0, GATHER_MS * 1000000L}, NULL); }

static void run(struct bus *b) {
    int quiet_ms = bus_poll_ms;
    bool worked;
    while (!b->stop()) {
        if (run_round(b, &worked))
            continue;
        if (worked) {
            quiet_ms = GATHER_MS;
            gather();
        } else if (sleep_until_woken(b, quiet_ms)) {
            quiet_ms = GATHER_MS;
        } else {
            quiet_ms = quiet_ms < bus_poll_ms / 2 ? quiet_ms * 2 : bus_poll_ms;
        }
    }
}

/* A clean end: what was handled is noted, and the next start is no suspicious one. */
static void end(struct bus *b) {
    arena_reset(b->arena);
    struct ctx ctx = context(b->env, b->arena, "events");
    for (size_t i = 0; i < b->n; i++) {
        struct runner *r = &b->runners[i];
        if (r->mine && place_cmp(r->at, r->saved) != 0)
            advance(b, &ctx, r, r->at);
        if (r->mine)
            pg_run(&ctx, b->db, &Q_EVENTS_STOPPED, NULL, pg_text(r->def->name));
    }
    pg_close(b->db);
}

static size_t add_consumers(const struct app *app, const char *which, struct runner *to) {
    size_t n = 0;
    for (const struct service *const *s = app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            if (which != NULL && strcmp(which, c->name) != 0)
                continue;
            if (to != NULL) {
                to[n].def = c;
                while (c->topics[to[n].n_topics] != NULL)
                    to[n].n_topics++;
            }
            n++;
        }
    return n;
}

int bus_work(struct env *env, const char *which, bool (*stop)(void)) {
    struct bus b = {.env = env, .stop = stop};
    b.n = add_consumers(env->app, which, NULL);
    if (b.n == 0) {
        log_error(NULL, "no such consumer", "consumer=%s", which != NULL ? which : "");
        return 1;
    }
    char *secret = pg_secret(env->config->postgresql_secrets, "deeplink_events");
    b.db = pg_open(env->config->postgresql, "deeplink_events", secret, queries_events,
                   env->config->server_timeout_ms);
    free(secret);
    b.runners = calloc(b.n, sizeof(*b.runners));
    b.arena = arena_new(ARENA_MAX);
    b.handler = arena_new(ARENA_MAX);
    if (b.db == NULL || b.runners == NULL)
        return 1;
    arena_on_exhausted(b.handler, arena_full, &b);
    add_consumers(env->app, which, b.runners);
    run(&b);
    end(&b);
    arena_free(b.arena);
    arena_free(b.handler);
    free(b.runners);
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

/* Looking from outside. */

static enum code lag_of(struct ctx *ctx, struct pg *db, const struct consumer *c, int64_t *ret_events,
                        int64_t *ret_age_ms) {
    PGresult *row;
    size_t n = 0;
    while (c->topics[n] != NULL)
        n++;
    enum code code = pg_run(ctx, db, &Q_EVENTS_LAG, &row, pg_text(c->name), pg_texts(c->topics, n));
    if (code != OK)
        return code;
    int64_t events = pg_get_int(row, 0, 0), age = pg_get_int(row, 0, 1);
    *ret_events = events > *ret_events ? events : *ret_events;
    *ret_age_ms = age > *ret_age_ms ? age : *ret_age_ms;
    return OK;
}

enum code bus_lag(struct ctx *ctx, const char *consumer, int64_t *ret_events, int64_t *ret_age_ms) {
    struct pg *db = events_db(ctx->env);
    *ret_events = *ret_age_ms = 0;
    if (db == NULL)
        return no_memory(ctx);
    bool found = false;
    for (const struct service *const *s = ctx->env->app->services; *s != NULL; s++)
        for (const struct consumer *c = (*s)->consumers; c != NULL && c->name != NULL; c++) {
            if (consumer != NULL && strcmp(consumer, c->name) != 0)
                continue;
            found = true;
            enum code code = lag_of(ctx, db, c, ret_events, ret_age_ms);
            if (code != OK)
                return code;
        }
    return found || consumer == NULL ? OK : fail(ctx, NOT_FOUND, "There is no such consumer.");
}

enum code bus_dead_list(struct ctx *ctx, size_t limit, struct dead_letter **ret, size_t *ret_n) {
    struct pg *db = events_db(ctx->env);
    PGresult *rows;
    if (db == NULL)
        return no_memory(ctx);
    enum code code = pg_run(ctx, db, &Q_EVENTS_DEAD, &rows, pg_i8((int64_t)limit));
    if (code != OK)
        return code;
    *ret_n = (size_t)PQntuples(rows);
    *ret = arena_many(ctx->arena, struct dead_letter, *ret_n);
    for (int i = 0; i < PQntuples(rows); i++)
        (*ret)[i] = (struct dead_letter){.id = pg_get_int(rows, i, 0),
                                         .consumer = pg_get_str(rows, i, 1),
                                         .topic = pg_get_str(rows, i, 2),
                                         .type = pg_get_str(rows, i, 3),
                                         .error = pg_get_str(rows, i, 4),
                                         .key = pg_get_int(rows, i, 5),
                                         .time_ms = pg_get_time(rows, i, 6),
                                         .attempts = (int)pg_get_int(rows, i, 7)};
    return OK;
}

enum code bus_dead_replay(struct ctx *ctx, const char *consumer, int64_t id, int64_t *ret_n) {
    struct pg *db = events_db(ctx->env);
    PGresult *done;
    if (db == NULL)
        return no_memory(ctx);
    enum code code = pg_run(ctx, db, &Q_EVENTS_REPLAY, &done, pg_text(consumer), pg_i8(id));
    if (code == OK)
        *ret_n = pg_affected(done);
    return code;
}
