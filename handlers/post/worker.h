/* What the post service does with events: fan-out to home timelines, and repairs of read models and kept
 * pages. */
#ifndef DEEPLINK_POST_WORKER_H
#define DEEPLINK_POST_WORKER_H

#include "fcgi/drivers/bus.h"

extern const struct consumer post_consumers[];

/* Each event names a member whose account is gone: erases a batch (worker_erase.c). */
enum code post_erase_events(struct ctx *ctx, const struct event *events, size_t n);

#endif
