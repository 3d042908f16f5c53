/* What the post service does with events: fan-out to home timelines, and repairs of read models and kept
 * pages. */
#ifndef DEEPLINK_POST_WORKER_H
#define DEEPLINK_POST_WORKER_H

#include "fcgi/drivers/bus.h"
#include "fcgi/timer.h"

extern const struct consumer post_consumers[];

extern const struct timer post_timers[];

/* Events of media.v1, and of post.media.v1 (worker_media.c). */
enum code post_media_events(struct ctx *ctx, const struct event *events, size_t n);
/* Settles what failures left behind, of what was being attached. */
enum code post_media_timer(struct ctx *ctx, int64_t *ret_wait_ms);

/* Each event names a member whose account is gone: erases a batch (worker_erase.c). */
enum code post_erase_events(struct ctx *ctx, const struct event *events, size_t n);

#endif
