/* The administrator's webhooks, for the rest of this service. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_HOOKS_H
#define DEEPLINK_NOTIFICATION_SERVICE_HOOKS_H

#include "handlers/notification/store_hooks.h"

#define HOOK_KEY 32

/* Events that a hook can be for, ends with NULL. */
extern const char *const notification_hook_names[];

/* The key that a hook's calls are signed with: made of the site's secret, so that it stands nowhere. */
void notification_hook_key(struct ctx *ctx, int64_t hook_id, const unsigned char salt[HOOK_SALT],
                           unsigned char ret[HOOK_KEY]);

/* The body of one call, in the arena: {"id","type","created_at","data"}; data is a whole JSON object. */
const char *notification_hook_body(struct ctx *ctx, int64_t call_id, const char *event, int64_t at_ms,
                                   const char *data);

/* What the audit log says; actor 0: the program itself. */
struct packed notification_hook_audit(struct ctx *ctx, int64_t actor_id, const char *kind,
                                      const char *detail);

#endif
