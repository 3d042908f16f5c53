/* How a member wants to be told, for the rest of this service. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_PREFS_H
#define DEEPLINK_NOTIFICATION_SERVICE_PREFS_H

#include "handlers/notification/rules_prefs.h"

/* What the member chose, and the defaults for the rest. */
enum code notification_prefs(struct ctx *ctx, int64_t user_id, struct prefs *ret);

/* The same of several, after notification_store_prefs_queue(): (*ret)[i] of users[i], in the arena. */
enum code notification_prefs_fetch(struct ctx *ctx, const int64_t *users, size_t n, struct prefs **ret);

/* The token of a mail that ends what comes by a channel ("email", "digest"): good for ever, for this alone.
 * In the arena. */
const char *notification_unsubscribe_token(struct ctx *ctx, int64_t user_id, const char *channel);

#endif
