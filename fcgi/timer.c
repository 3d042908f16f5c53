#include "fcgi/timer.h"

#include <setjmp.h>
#include <stdlib.h>
#include <time.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/env.h"
#include "fcgi/log.h"

#define ARENA_MAX ((size_t)64 << 20)
#define WAIT_MS 1000
#define FAILED_MAX_MS 60000
#define SLEEP_MAX_MS 250 /* so that a request to stop is heard */

struct runner {
    const struct timer *def;
    int64_t next_us, failed_ms;
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

static size_t timers_of(const struct app *app, struct runner *to) {
    size_t n = 0;
    for (const struct service *const *s = app->services; *s != NULL; s++)
        for (const struct timer *t = (*s)->timers; t != NULL && t->name != NULL; t++, n++)
            if (to != NULL)
                to[n].def = t;
    return n;
}

bool timer_any(const struct app *app) { return timers_of(app, NULL) > 0; }

static void sleep_until(int64_t us) {
    int64_t left = us - clock_mono_us();
    if (left > SLEEP_MAX_MS * 1000)
        left = SLEEP_MAX_MS * 1000;
    if (left > 0)
        nanosleep(&(struct timespec){left / 1000000, left % 1000000 * 1000}, NULL);
}

void timer_work(struct env *env, bool (*stop)(void)) {
    size_t n = timers_of(env->app, NULL);
    struct runner *runners = calloc(n, sizeof *runners);
    struct arena *arena = arena_new(ARENA_MAX);
    arena_on_exhausted(arena, arena_full, NULL);
    if (runners != NULL)
        timers_of(env->app, runners);
    while (runners != NULL && !stop()) {
        int64_t next_us = clock_mono_us() + SLEEP_MAX_MS * 1000;
        for (size_t i = 0; i < n && !stop(); i++) {
            if (runners[i].next_us <= clock_mono_us())
                run(env, arena, &runners[i]);
            next_us = runners[i].next_us < next_us ? runners[i].next_us : next_us;
        }
        env_tick(env);
        sleep_until(next_us);
    }
    arena_free(arena);
    free(runners);
}
