/* Work that waits for its time rather than for an event: mails to be sent, calls to be tried again. It runs
 * in a process of its own beside the consumers of events, as often as wanted on several machines: what is due
 * is taken from the service's own table by SKIP LOCKED. What takes minutes has processes of its own, so that
 * it holds up nothing else. */
#ifndef DEEPLINK_TIMER_H
#define DEEPLINK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct app;

/* The processes that timers run in, so that what may be slow holds nothing else up. */
enum timer_process {
    TIMER_PLAIN,    /* mails, what has grown old */
    TIMER_CALLS,    /* calls of other people's servers that are under way at the same time */
    TIMER_FETCH,    /* what is fetched of other people's sites */
    TIMER_FILES,    /* what takes minutes, and the processors that it gets: as many as media_workers says */
    TIMER_PROCESSES /* how many kinds there are */
};

/* A timer is a row of its service's table. */
struct timer {
    const char *name;
    unsigned service; /* whose role and rules it uses */
    enum timer_process process;
    /* Does some of what is due. Safe to repeat, and to be killed at any point. *ret_wait_ms: when to ask
     * again, 0: at once, since there is more; it is 1,000 unless said. A failure waits longer, twice each
     * time, up to a minute. */
    enum code (*run)(struct ctx *ctx, int64_t *ret_wait_ms);
    /* Says LISTEN on the service's connection, each new one: what NOTIFY then says makes run() due at once.
     * May be NULL. */
    enum code (*listen)(struct ctx *ctx);
    /* Ends what run() has left under way, before the process stops; within seconds. May be NULL. */
    void (*finish)(struct ctx *ctx);
};

/* Runs the app's timers of one process until stop(). */
void timer_work(struct env *env, enum timer_process process, bool (*stop)(void));

/* Whether there are any. */
bool timer_any(const struct app *app, enum timer_process process);

#endif
