/* What the media service does with events, and when their time has come. */
#ifndef DEEPLINK_MEDIA_WORKER_H
#define DEEPLINK_MEDIA_WORKER_H

#include "fcgi/drivers/bus.h"

extern const struct consumer media_consumers[];

/* Each event names a member whose account is gone: erases a batch (worker_erase.c). */
enum code media_erase_events(struct ctx *ctx, const struct event *events, size_t n);
/* What is ready or failed is told to its owner's open pages (worker_live.c). */
enum code media_live_events(struct ctx *ctx, const struct event *events, size_t n);

/* Makes the files of one upload that is due (worker_make.c). */
enum code media_make_run(struct ctx *ctx, int64_t *ret_wait_ms);
/* To be told when one is. */
enum code media_make_listen(struct ctx *ctx);

#endif
