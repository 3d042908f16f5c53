/* What the notification service does with events: it tells those concerned. */
#ifndef DEEPLINK_NOTIFICATION_WORKER_H
#define DEEPLINK_NOTIFICATION_WORKER_H

#include "fcgi/drivers/bus.h"

extern const struct consumer notification_consumers[];

/* Each event names a member whose account is gone: erases a batch (worker_erase.c). */
enum code notification_erase_events(struct ctx *ctx, const struct event *events, size_t n);

#endif
