/* Who wants to be told by Web Push: one subscription for each token of an app, and for each browser's
 * session. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/http.h"
#include "fcgi/drivers/webpush.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/notification/rules_prefs.h"
#include "handlers/notification/service_shared.h"

static enum code nothing(struct ctx *ctx) {
    return fail(ctx, NOT_FOUND, tr_mark("There is no push subscription here."));
}

static enum code need_owner(struct ctx *ctx, int64_t user_id, int64_t token_id, int64_t session_id) {
    if ((token_id != 0) == (session_id != 0))
        return fail(ctx, UNAUTHENTICATED, tr_mark("Log in to go on."));
    return notification_check_own(ctx, user_id);
}

static enum code check_target(struct ctx *ctx, const Pb__PushSubscription *s) {
    struct webpush_target target;

    if (!http_url_ok(s->endpoint, ctx->env->config->outbound_private))
        fail_field(ctx, "subscription[endpoint]",
                   tr_mark("The endpoint must be an address such as https://…"));
    if (!webpush_target_read(ctx, s->p256dh, s->auth, &target))
        fail_field(ctx, "subscription[keys]",
                   tr_mark("p256dh and auth must be the keys that the browser gave."));
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

static bool is_policy(const char *policy) {
    return strcmp(policy, "all") == 0 || strcmp(policy, "followed") == 0 || strcmp(policy, "follower") == 0 ||
           strcmp(policy, "none") == 0;
}

static enum code check_wishes(struct ctx *ctx, const Pb__PushSubscription *s) {
    for (size_t i = 0; i < s->n_alerts; i++)
        if (!prefs_is_alert(s->alerts[i]))
            return fail_field(ctx, "data[alerts]", tr_mark("There is no such alert."));
    if (!is_policy(s->policy))
        return fail_field(ctx, "data[policy]", tr_mark("Choose all, followed, follower or none."));
    return OK;
}

enum code notification_service_get_push(struct ctx *ctx, const Pb__PushRequest *req,
                                        Pb__PushSubscription *reply) {
    Pb__PushSubscription *s;
    enum code c;

    if ((c = need_owner(ctx, req->user_id, req->token_id, req->session_id)) != OK ||
        (c = notification_store_push(ctx, req, &s)) != OK)
        return c;
    if (s == NULL)
        return nothing(ctx);
    *reply = *s;
    return OK;
}

enum code notification_service_create_push(struct ctx *ctx, const Pb__PushSubscription *req,
                                           Pb__PushSubscription *reply) {
    Pb__PushSubscription s = *req;
    Pb__PushRequest who = PB__PUSH_REQUEST__INIT;
    enum code c;

    if (text_is_empty(s.policy))
        s.policy = "all";
    if ((c = need_owner(ctx, s.user_id, s.token_id, s.session_id)) != OK ||
        (c = check_target(ctx, &s)) != OK || (c = check_wishes(ctx, &s)) != OK)
        return c;
    s.id = id_next();
    who.user_id = s.user_id;
    who.token_id = s.token_id;
    who.session_id = s.session_id;
    if ((c = notification_store_push_add(ctx, &s)) != OK)
        return c;
    return notification_service_get_push(ctx, &who, reply);
}

enum code notification_service_update_push(struct ctx *ctx, const Pb__PushSubscription *req,
                                           Pb__PushSubscription *reply) {
    Pb__PushSubscription *s, wishes = *req;
    enum code c;

    if (text_is_empty(wishes.policy))
        wishes.policy = "all";
    if ((c = need_owner(ctx, req->user_id, req->token_id, 0)) != OK ||
        (c = check_wishes(ctx, &wishes)) != OK ||
        (c = notification_store_push_change(ctx, &wishes, &s)) != OK)
        return c;
    if (s == NULL)
        return nothing(ctx);
    *reply = *s;
    return OK;
}

enum code notification_service_delete_push(struct ctx *ctx, const Pb__PushRequest *req, Pb__Empty *reply) {
    enum code c = need_owner(ctx, req->user_id, req->token_id, req->session_id);

    (void)reply;
    return c != OK ? c : notification_store_push_end(ctx, req);
}
