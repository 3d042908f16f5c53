/* Verifying the links of profiles: a link counts as the member's own when the page behind it has one with
 * rel=me back to the profile. */
#ifndef DEEPLINK_USER_WORKER_LINKS_H
#define DEEPLINK_USER_WORKER_LINKS_H

#include "fcgi/drivers/bus.h"
#include "fcgi/timer.h"

/* The consumer `user_links` of user.v1: notes which links there are. */
enum code user_links_events(struct ctx *ctx, const struct event *events, size_t n);

/* The timer `user-links`: looks at what is due. */
enum code user_links_run(struct ctx *ctx, int64_t *ret_wait_ms);

extern const struct timer user_timers[];

#endif
