/* Rows of the administrator's webhooks. Only handlers/notification/ includes this. */
#ifndef DEEPLINK_NOTIFICATION_STORE_HOOKS_H
#define DEEPLINK_NOTIFICATION_STORE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/notification.pb-c.h"
#include "fcgi/ctx.h"

#define HOOK_SALT 16

/* id 0: all. */
enum code notification_store_hooks(struct ctx *ctx, int64_t id, Pb__Webhook ***ret, size_t *ret_n);

/* What changes a hook stands in the audit log: `audit` is a Pb.UserSecurity, packed. */
struct packed {
    const void *p;
    size_t n;
};
enum code notification_store_hook_add(struct ctx *ctx, const Pb__Webhook *hook,
                                      const unsigned char salt[HOOK_SALT], int64_t by, struct packed audit);
/* *ret_ok: it was there, in that version (0: any). */
enum code notification_store_hook_change(struct ctx *ctx, const Pb__ChangeWebhookRequest *to,
                                         struct packed audit, bool *ret_ok);
enum code notification_store_hook_drop(struct ctx *ctx, int64_t id, struct packed audit, bool *ret_ok);

/* An active hook that wants to hear of an event, and was there when it happened. */
struct hook_want {
    size_t event; /* its place among those asked about */
    int64_t hook;
};
/* Who wants which of n events, by their types and when they happened; in the order of the events. */
enum code notification_store_hooks_wanting(struct ctx *ctx, const char *const *types, const int64_t *times_ms,
                                           size_t n, struct hook_want **ret, size_t *ret_n);

/* Queues calls: ids[i] for hooks[i] with bodies[i]. Once for each hook and event. */
struct hook_calls {
    const int64_t *ids, *hooks;
    const char *const *bodies;
    size_t n;
    int64_t event_id;
    const char *event;
};
enum code notification_store_hook_call_add(struct ctx *ctx, const struct hook_calls *calls);

/* A call that is due, of none of the hooks `but`, leased; *ret NULL: none is. */
struct hook_call {
    int64_t id, hook_id;
    const char *url, *event, *body;
    const unsigned char *salt; /* HOOK_SALT */
    int attempts;
    int64_t created_ms;
};
enum code notification_store_hook_take(struct ctx *ctx, int64_t lease, const int64_t *but, size_t n_but,
                                       struct hook_call **ret);
enum code notification_store_hook_done(struct ctx *ctx, int64_t lease, int64_t call, int status);
/* due_ms 0: it is not tried again. *ret_disabled: that was a day of failures, and the hook is switched off.
 */
enum code notification_store_hook_failed(struct ctx *ctx, int64_t lease, int64_t call, int status,
                                         const char *error, int64_t due_ms, struct packed audit,
                                         bool *ret_disabled);

/* The latest first, below `before`; 0: from the top. */
enum code notification_store_hook_calls(struct ctx *ctx, const Pb__WebhookCallsRequest *of,
                                        Pb__WebhookCall ***ret, size_t *ret_n);

#endif
