/* What the parts of the notification service's rules share. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_SHARED_H
#define DEEPLINK_NOTIFICATION_SERVICE_SHARED_H

#include "handlers/notification/store.h"

/* Only the member asks, in its own name. */
enum code notification_check_own(struct ctx *ctx, int64_t user);

/* Tells the open pages and programs of a member of the counts as they are now. Never fails. */
void notification_tell_badge(struct ctx *ctx, int64_t user);

/* The same of several, in two steps: PostgreSQL counts while other services are asked. Tell only if asking
 * says true. */
bool notification_ask_badges(struct ctx *ctx, const int64_t *users, size_t n);
void notification_tell_badges(struct ctx *ctx);

#endif
