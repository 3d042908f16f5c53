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
#include "fcgi/drivers/bus_run.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define ARENA_MAX ((size_t)64 * 1024 * 1024)
#define GATHER_MS 10   /* after work, time for the next batch to come together */
#define TOGETHER 1000  /* events that are read at once for all consumers */
#define QUIET_MIN_MS 4 /* the first sleep after work; each that nobody ends is twice as long */
#define WAKE_US \
    INT64_C(50000) /* at most one NOTIFY a process in this time; the reader's short polls cover the rest */
#define LOCK_US INT64_C(1000000) /* between two tries to become a consumer */
#define DUE_US INT64_C(1000000)  /* between two looks for what is to be tried again */
#define LONG_US INT64_C(50000)   /* a round that takes longer notes how far consumers are in between */
#define EXPIRE_US INT64_C(60000000)
#define EXPIRE_BATCHES 10
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 60000
#define DOWN_MAX_MS 5000 /* a server that is down is looked for more often */
#define CRASHES_MAX 3
#define ERROR_MAX 500

static size_t batch_of(const struct runner *r) { return r->def->batch > 0 ? r->def->batch : 1; }

static struct ctx context(struct env *env, struct arena *arena, const char *id) {
    return (struct ctx){.arena = arena, .env = env, .request_id = id, .ip = "", .user_agent = ""};
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

/* What is read at once. */
struct news {
    struct place from, end; /* everything in between was read */
    struct batch all;       /* of all topics */
    bool more;              /* events are waiting behind the end */
};

/* Reads events between two places, up to the head: the last transaction before which nothing runs any more.
 */
static bool read_events(struct bus *b, struct ctx *ctx, const struct news *news, const char *const *topics,
                        size_t n_topics, size_t limit, struct batch *ret, struct place *ret_head) {
    PGresult *rows;
    if (pg_run(ctx, b->db, &Q_EVENTS_READ, &rows, pg_i8(news->from.xid), pg_i8(news->from.id),
               pg_i8(news->end.xid), pg_i8(news->end.id), pg_texts(topics, n_topics),
               pg_i8((int64_t)limit)) != OK) {
        bus_log_failure(ctx, &b->runners[0], "events cannot be read");
        return false;
    }
    *ret_head = (struct place){pg_get_int(rows, 0, 0) - 1, INT64_MAX};
    ret->n = pg_is_null(rows, 0, 1) ? 0 : (size_t)PQntuples(rows);
    ret->events = arena_many(b->arena, struct event, ret->n);
    ret->places = arena_many(b->arena, struct place, ret->n);
    for (size_t i = 0; i < ret->n; i++) {
        ret->events[i] = event_at(rows, (int)i, 2);
        ret->places[i] = (struct place){pg_get_int(rows, (int)i, 1), ret->events[i].id};
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
        if (!bus_advance(b, ctx, r, batch->places[i]))
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
               bus_advance(b, ctx, r, batch->places[0]);
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
        return bus_move(r, end);
    if (code == UNAVAILABLE) {
        rest(r, error);
        return false;
    }
    if (batch->n > 1)
        return deliver_each(b, ctx, r, batch, 2);
    return put_aside(b, ctx, r, batch->events, retry_ms(r, 1), error) && bus_move(r, end);
}

/* ---- New events, read once for all consumers that are equally far */

/* Where those are that are farthest. Whoever is not there yet reads alone until it is. */
static struct place front_of(const struct bus *b) {
    struct place front = {0, 0};
    for (size_t i = 0; i < b->n; i++)
        if (b->runners[i].ready && bus_place_cmp(b->runners[i].at, front) > 0)
            front = b->runners[i].at;
    return front;
}

static size_t topics_of(const struct bus *b, const char **ret) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        for (size_t k = 0; k < b->runners[i].n_topics; k++) {
            const char *topic = b->runners[i].def->topics[k];
            bool is_new = true;
            for (size_t j = 0; j < n; j++)
                is_new = is_new && strcmp(ret[j], topic) != 0;
            if (is_new)
                ret[n++] = topic;
        }
    return n;
}

/* Reads what is new behind `from`, at most up to a place. */
static bool read_news(struct bus *b, struct ctx *ctx, struct place from, struct place to,
                      const char *const *topics, size_t n_topics, size_t limit, struct news *ret) {
    struct place head;
    *ret = (struct news){.from = from, .end = to};
    if (!read_events(b, ctx, ret, topics, n_topics, limit, &ret->all, &head))
        return false;
    ret->more = ret->all.n == limit;
    if (ret->more)
        ret->end = ret->all.places[limit - 1];
    else if (bus_place_cmp(head, to) < 0)
        ret->end = bus_place_cmp(head, from) > 0 ? head : from;
    return true;
}

static bool wants(const struct runner *r, const struct event *e) {
    for (size_t i = 0; i < r->n_topics; i++)
        if (strcmp(r->def->topics[i], e->topic) == 0)
            return true;
    return false;
}

static struct batch share_of(struct bus *b, const struct runner *r, const struct batch *all) {
    struct batch mine = {.events = arena_many(b->arena, struct event, all->n),
                         .places = arena_many(b->arena, struct place, all->n)};
    for (size_t i = 0; i < all->n; i++)
        if (wants(r, &all->events[i])) {
            mine.events[mine.n] = all->events[i];
            mine.places[mine.n++] = all->places[i];
        }
    return mine;
}

/* Delivers the consumer's share of what was read, batch by batch. Returns whether it has got to the end. */
static bool take_news(struct bus *b, struct ctx *ctx, struct runner *r, const struct news *news) {
    struct batch mine = share_of(b, r, &news->all);
    size_t limit = batch_of(r);
    if (mine.n == 0)
        r->at = news->end;
    for (size_t at = 0; at < mine.n; at += limit) {
        bool last = mine.n - at <= limit;
        struct batch some = {mine.events + at, mine.places + at, last ? mine.n - at : limit};
        if (b->stop() || !deliver_batch(b, ctx, r, &some, last ? news->end : some.places[limit - 1]))
            return false;
        if (clock_mono_us() - b->noted_us > LONG_US)
            bus_save_all(b, ctx);
    }
    return true;
}

/* Whoever is behind the others, or handles its events one by one, reads its own, no farther than they do: so
 * it comes into step with them. Returns whether more may be waiting right now. */
static bool take_alone(struct bus *b, struct ctx *ctx, struct runner *r, struct place to) {
    struct news news;
    size_t limit = r->careful > 0 ? 1 : TOGETHER;
    if (bus_place_cmp(r->at, to) >= 0 ||
        !read_news(b, ctx, r->at, to, r->def->topics, r->n_topics, limit, &news))
        return false;
    if (r->careful > 0 && news.all.n > 0)
        return deliver_careful(b, ctx, r, &news.all);
    return take_news(b, ctx, r, &news) && news.more;
}

/* New events for all that are ready. Returns whether more may be waiting right now. */
static bool take_new(struct bus *b, struct ctx *ctx) {
    const struct place any = {INT64_MAX, INT64_MAX}, front = front_of(b);
    const char **topics;
    struct news news;
    size_t n_topics = 0;
    bool more = false;
    for (size_t i = 0; i < b->n; i++)
        n_topics += b->runners[i].n_topics;
    topics = arena_many(b->arena, const char *, n_topics);
    n_topics = topics_of(b, topics);
    if (!read_news(b, ctx, front, any, topics, n_topics, TOGETHER, &news))
        return false;
    for (size_t i = 0; i < b->n && !b->stop(); i++) {
        struct runner *r = &b->runners[i];
        fail_clear(ctx);
        if (r->ready && (r->careful > 0 || bus_place_cmp(r->at, front) < 0))
            more |= take_alone(b, ctx, r, news.end);
        else if (r->ready)
            more |= take_news(b, ctx, r, &news) && news.more;
    }
    return more;
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
    r->careful = pg_get_int(row, 0, 2) > 1 || r->tries > 0 ? TOGETHER : 0;
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

/* Whether the consumer takes new events now. Those whose time has come again are handled here. */
static bool is_ready(struct bus *b, struct ctx *ctx, struct runner *r) {
    fail_clear(ctx);
    if (!r->mine)
        try_lock(b, ctx, r);
    int64_t now = clock_mono_us();
    if (!r->mine || now < r->rest_us)
        return false;
    if (now >= r->due_us) {
        r->due_us = now + DUE_US;
        take_due(b, ctx, r);
    }
    return clock_mono_us() >= r->rest_us;
}

/* Every consumer once. Returns whether to go on at once. */
static bool run_round(struct bus *b, bool *ret_worked) {
    arena_reset(b->arena);
    struct ctx ctx = context(b->env, b->arena, "events");
    bool any = false, more = false;
    *ret_worked = false;
    if (!session(b, &ctx))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        struct runner *r = &b->runners[i];
        r->worked = false;
        r->ready = !b->stop() && is_ready(b, &ctx, r);
        any |= r->ready;
    }
    b->noted_us = clock_mono_us();
    if (any)
        more = take_new(b, &ctx);
    for (size_t i = 0; i < b->n; i++)
        *ret_worked |= b->runners[i].worked;
    fail_clear(&ctx);
    bus_save_all(b, &ctx);
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
    int quiet_ms = bus_poll_ms; /* as long as nobody wakes it */
    bool worked;
    while (!b->stop()) {
        if (run_round(b, &worked))
            continue;
        if (worked) {
            quiet_ms = QUIET_MIN_MS;
            gather();
        } else if (sleep_until_woken(b, quiet_ms)) {
            quiet_ms = QUIET_MIN_MS;
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
        if (r->mine && bus_place_cmp(r->at, r->saved) != 0)
            bus_advance(b, &ctx, r, r->at);
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
