/* What the parts of the notification service's rules share. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_SHARED_H
#define DEEPLINK_NOTIFICATION_SERVICE_SHARED_H

#include "handlers/notification/store.h"

/* Only the member asks, in its own name. */
enum code notification_check_own(struct ctx *ctx, int64_t user);

/* Tells the open pages and programs of members, or of one, of the counts as they are now. Never fails. */
void notification_tell_badges(struct ctx *ctx, const int64_t *users, size_t n);
void notification_tell_badge(struct ctx *ctx, int64_t user);

#endif
