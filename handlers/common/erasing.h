/* The part that a service has in an erasure, as a consumer: a batch an event, so that others' work goes on in
 * between. */
#ifndef DEEPLINK_COMMON_ERASING_H
#define DEEPLINK_COMMON_ERASING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"
#include "fcgi/drivers/bus.h"

struct erasing {
    const char *service; /* as it acknowledges */
    /* Erases some of what there is of a member; *ret_done: nothing was left. */
    enum code (*some)(struct ctx *ctx, int64_t user, bool *ret_done);
    /* Asks for another batch by an event of the service's own. */
    enum code (*on)(struct ctx *ctx, int64_t user);
};

/* For each event (its key says whose account it is) a batch, and then either the next one is asked for, or
 * the erasure is acknowledged. */
enum code erasing_events(struct ctx *ctx, const struct erasing *what, const struct event *events, size_t n);

#endif
