/* How much there is that a member has not read: the bell of every page. Read from notify:unread:<id> in
 * Redis, made by the notification service where it is missing there. */
#ifndef DEEPLINK_COMMON_BELL_H
#define DEEPLINK_COMMON_BELL_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct bell {
    bool known;       /* else it could not be found out */
    int64_t unread;   /* notifications; at most 1,000 are counted */
    int64_t requests; /* senders of whom something is held back */
    int64_t last_id;  /* the newest notification; 0: none */
};

/* The viewer's. Never fails, and leaves what is recorded in ctx as it is. */
void bell_get(struct ctx *ctx, struct bell *ret);

/* For the guard's round: bell_get() then takes no time. */
void bell_ahead(struct ctx *ctx, int64_t user);

#endif
