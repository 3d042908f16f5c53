#include "fcgi/timer.h"

#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/env.h"
#include "fcgi/log.h"

#define ARENA_MAX ((size_t)64 << 20)
#define WAIT_MS 1000
#define FAILED_MAX_MS 60000
#define SLEEP_MAX_MS 250 /* so that a request to stop is heard */

struct runner {
    const struct timer *def;
    int64_t next_us, failed_ms;
    unsigned epoch; /* of the connection that listens */
};

static jmp_buf full;

static void arena_full(void *arg) {
    (void)arg;
    longjmp(full, 1);
}

static enum code call(const struct timer *t, struct ctx *ctx, int64_t *ret_wait_ms) {
    if (setjmp(full) != 0)
        return INTERNAL;
    return t->run(ctx, ret_wait_ms);
}

static void log_failure(struct ctx *ctx, const struct runner *r, enum code code) {
    const char *why = ctx->error.detail != NULL ? ctx->error.detail : ctx->error.text;
    if (code != UNAVAILABLE || r->failed_ms == 0)
        log_warn(ctx, "a timer failed", "timer=%s code=%s cause=%s", r->def->name, code_name(code),
                 why != NULL ? why : "out of memory");
}

static void run(struct env *env, struct arena *arena, struct runner *r) {
    struct ctx ctx = {.arena = arena, .env = env, .ip = "", .user_agent = ""};
    int64_t wait_ms = WAIT_MS;
    ctx.request_id = arena_printf(arena, "%s-%lld", r->def->name, (long long)clock_now_ms());
    enum code code = call(r->def, &ctx, &wait_ms);
    if (code != OK) {
        log_failure(&ctx, r, code);
        r->failed_ms = r->failed_ms == 0 ? WAIT_MS : r->failed_ms * 2;
        wait_ms = r->failed_ms = r->failed_ms < FAILED_MAX_MS ? r->failed_ms : FAILED_MAX_MS;
    } else {
        r->failed_ms = 0;
    }
    r->next_us = clock_mono_us() + wait_ms * 1000;
    env_settle(env);
    if (env->app->settle != NULL)
        env->app->settle();
    arena_reset(arena);
}

static void finish_all(struct env *env, struct arena *arena, const struct runner *runners, size_t n) {
    struct ctx ctx = {.arena = arena, .env = env, .request_id = "", .ip = "", .user_agent = ""};
    if (setjmp(full) != 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (runners[i].def->finish != NULL)
            runners[i].def->finish(&ctx);
    env_settle(env);
}

static size_t timers_of(const struct app *app, enum timer_process process, struct runner *to) {
    size_t n = 0;
    for (const struct service *const *s = app->services; *s != NULL; s++)
        for (const struct timer *t = (*s)->timers; t != NULL && t->name != NULL; t++)
            if (t->process == process) {
                if (to != NULL)
                    to[n].def = t;
                n++;
            }
    return n;
}

bool timer_any(const struct app *app, enum timer_process process) {
    return timers_of(app, process, NULL) > 0;
}

/* ---- Being woken */

/* The connection, listening; NULL when it is down. Whoever begins to listen looks once more, since something
 * may have been said before. */
static PGconn *listen_to(struct ctx *ctx, struct runner *r) {
    struct pg *db = ctx->env->pg[r->def->service];
    PGconn *conn = pg_raw(ctx, db);
    if (conn == NULL || pg_epoch(db) == r->epoch)
        return conn;
    if (r->def->listen(ctx) != OK)
        return NULL;
    r->epoch = pg_epoch(db);
    r->next_us = 0;
    return pg_raw(ctx, db);
}

/* What was said makes it due. Returns the socket that would say more; -1: none. */
static int hear(struct ctx *ctx, struct runner *r) {
    bool word;
    PGconn *conn = r->def->listen != NULL ? listen_to(ctx, r) : NULL;
    fail_clear(ctx);
    if (conn == NULL)
        return -1;
    if (PQconsumeInput(conn) && pg_heard(conn, "", &word))
        r->next_us = 0;
    return PQsocket(conn);
}

/* Until one is due or its database says something. */
static void wait_for_work(struct env *env, struct arena *arena, struct runner *runners, size_t n) {
    struct ctx ctx = {.arena = arena, .env = env, .request_id = "timers", .ip = "", .user_agent = ""};
    struct pollfd *fds = arena_many(arena, struct pollfd, n);
    int64_t left = SLEEP_MAX_MS * 1000, now = clock_mono_us();
    for (size_t i = 0; i < n; i++) {
        fds[i] = (struct pollfd){.fd = hear(&ctx, &runners[i]), .events = POLLIN};
        if (runners[i].next_us - now < left)
            left = runners[i].next_us - now;
    }
    if (left > 0)
        poll(fds, n, (int)((left + 999) / 1000));
    arena_reset(arena);
}

void timer_work(struct env *env, enum timer_process process, bool (*stop)(void)) {
    size_t n = timers_of(env->app, process, NULL);
    struct runner *runners = calloc(n, sizeof *runners);
    struct arena *arena = arena_new(ARENA_MAX);
    arena_on_exhausted(arena, arena_full, NULL);
    if (runners != NULL)
        timers_of(env->app, process, runners);
    while (runners != NULL && !stop()) {
        for (size_t i = 0; i < n && !stop(); i++)
            if (runners[i].next_us <= clock_mono_us())
                run(env, arena, &runners[i]);
        env_tick(env);
        wait_for_work(env, arena, runners, n);
    }
    if (runners != NULL)
        finish_all(env, arena, runners, n);
    arena_free(arena);
    free(runners);
}
