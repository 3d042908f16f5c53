/* What the connection service does with events: it repairs its read model when whoever made the change died
 * before doing it. */
#ifndef DEEPLINK_CONNECTION_WORKER_H
#define DEEPLINK_CONNECTION_WORKER_H

#include "fcgi/drivers/bus.h"

extern const struct consumer connection_consumers[];

/* Each event names a member whose account is gone: erases a batch (worker_erase.c). */
enum code connection_erase_events(struct ctx *ctx, const struct event *events, size_t n);

#endif
