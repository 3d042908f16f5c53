/* Work that waits for its time rather than for an event: mails to be sent, calls to be tried again. It runs
 * in a process of its own beside the consumers of events, as often as wanted on several machines: what is due
 * is taken from the service's own table by SKIP LOCKED. */
#ifndef DEEPLINK_TIMER_H
#define DEEPLINK_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct app;

/* A timer is a row of its service's table. */
struct timer {
    const char *name;
    unsigned service; /* whose role and rules it uses */
    /* Does some of what is due. Safe to repeat, and to be killed at any point. *ret_wait_ms: when to ask
     * again, 0: at once, since there is more; it is 1,000 unless said. A failure waits longer, twice each
     * time, up to a minute. */
    enum code (*run)(struct ctx *ctx, int64_t *ret_wait_ms);
};

/* Runs all timers of the app until stop(). */
void timer_work(struct env *env, bool (*stop)(void));

/* Whether there are any. */
bool timer_any(const struct app *app);

#endif
