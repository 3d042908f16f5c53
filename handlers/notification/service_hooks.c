/* Webhooks of the administrator: signed calls that say by ids what happened
 * (https://www.standardwebhooks.com). */
#include "handlers/notification/service_hooks.h"
#include "handlers/common/limit.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/http.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"

#define HOOKS_MAX 50
#define CALLS_MAX 100
#define CALLS 40

const char *const notification_hook_names[] = {
    "post.created",       "post.changed", "post.deleted",   "user.registered",
    "user.state_changed", "follow.added", "follow.removed", NULL};

void notification_hook_key(struct ctx *ctx, int64_t hook_id, const unsigned char salt[HOOK_SALT],
                           unsigned char ret[HOOK_KEY]) {
    const char *text =
        arena_printf(ctx->arena, "webhook:%" PRId64 ":%s", hook_id, text_hex(ctx->arena, salt, HOOK_SALT));

    crypto_mac(ret, config_secret(ctx->env->config), text, strlen(text));
}

const char *notification_hook_body(struct ctx *ctx, int64_t call_id, const char *event, int64_t at_ms,
                                   const char *data) {
    struct buf out;
    struct json j;

    buf_init(&out, ctx->arena, 65536);
    json_init(&j, &out);
    json_open_object(&j);
    json_put_id(&j, "id", call_id);
    json_put_str(&j, "type", event);
    json_put_time(&j, "created_at", at_ms);
    json_key(&j, "data");
    json_raw(&j, data, strlen(data));
    json_close_object(&j);
    return buf_str(&out);
}

struct packed notification_hook_audit(struct ctx *ctx, int64_t actor_id, const char *kind,
                                      const char *detail) {
    Pb__UserSecurity s = PB__USER_SECURITY__INIT;
    unsigned char *bytes;

    s.user_id = actor_id;
    s.kind = kind;
    s.ip = ctx->ip;
    s.detail = detail;
    s.at_ms = clock_now_ms();
    bytes = arena_alloc(ctx->arena, pb__user_security__get_packed_size(&s));
    return (struct packed){bytes, pb__user_security__pack(&s, bytes)};
}

/* ---- who may, and what is right */

/* By what the actor's card says now; the routes check the same before. */
static enum code check_actor(struct ctx *ctx, int64_t actor_id) {
    const Pb__UserCard *card;
    enum code c = card_get(ctx, actor_id, &card);

    if (c == OK && (card->permissions & PERMISSION_SETTINGS) == 0)
        return fail(ctx, DENIED, tr_mark("Your role does not allow this."));
    return c;
}

static bool is_event(const char *name) {
    for (size_t i = 0; notification_hook_names[i] != NULL; i++)
        if (strcmp(notification_hook_names[i], name) == 0)
            return true;
    return false;
}

static enum code check_change(struct ctx *ctx, const Pb__ChangeWebhookRequest *req) {
    enum code c = check_actor(ctx, req->actor_id);

    if (c != OK)
        return c;
    if (!http_url_ok(req->url, ctx->env->config->outbound_private))
        fail_field(ctx, "url", tr_mark("The address must begin with https:// and have no log-in in it."));
    if (req->n_events == 0)
        fail_field(ctx, "events", tr_mark("Choose at least one event."));
    for (size_t i = 0; i < req->n_events; i++)
        if (!is_event(req->events[i])) {
            fail_field(ctx, "events", tr_mark("There is no such event."));
            break;
        }
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

static enum code nothing(struct ctx *ctx) {
    return fail(ctx, NOT_FOUND, tr_mark("There is no such webhook."));
}

static enum code hook_now(struct ctx *ctx, int64_t id, Pb__Webhook **ret) {
    Pb__Webhook **found;
    size_t n;
    enum code c = id == 0 ? OK : notification_store_hooks(ctx, id, &found, &n);

    if (c != OK)
        return c;
    if (id == 0 || n == 0)
        return nothing(ctx);
    *ret = found[0];
    return OK;
}

/* ---- the rpcs */

enum code notification_service_list_webhooks(struct ctx *ctx, const Pb__WebhookRequest *req,
                                             Pb__WebhooksReply *reply) {
    enum code c = check_actor(ctx, req->actor_id);

    if (c == OK)
        c = notification_store_hooks(ctx, req->id, &reply->webhooks, &reply->n_webhooks);
    return c == OK && req->id != 0 && reply->n_webhooks == 0 ? nothing(ctx) : c;
}

static enum code check_room(struct ctx *ctx) {
    Pb__Webhook **all;
    size_t n;
    enum code c = notification_store_hooks(ctx, 0, &all, &n);

    if (c == OK && n >= HOOKS_MAX)
        return fail(ctx, EXHAUSTED, tr_mark("There are 50 webhooks already. Remove one."));
    return c;
}

enum code notification_service_create_webhook(struct ctx *ctx, const Pb__ChangeWebhookRequest *req,
                                              Pb__Webhook *reply) {
    unsigned char salt[HOOK_SALT], key[HOOK_KEY];
    Pb__Webhook hook = PB__WEBHOOK__INIT, *made;
    enum code c;

    if ((c = check_change(ctx, req)) != OK || (c = check_room(ctx)) != OK)
        return c;
    crypto_random(salt, sizeof salt);
    hook.id = id_next();
    hook.url = req->url;
    hook.events = req->events;
    hook.n_events = req->n_events;
    if ((c = notification_store_hook_add(
             ctx, &hook, salt, req->actor_id,
             notification_hook_audit(ctx, req->actor_id, "webhook.made", req->url))) != OK ||
        (c = hook_now(ctx, hook.id, &made)) != OK)
        return c;
    *reply = *made;
    notification_hook_key(ctx, hook.id, salt, key);
    reply->secret = arena_printf(ctx->arena, "whsec_%s", text_base64(ctx->arena, key, sizeof key));
    return OK;
}

enum code notification_service_update_webhook(struct ctx *ctx, const Pb__ChangeWebhookRequest *req,
                                              Pb__Webhook *reply) {
    Pb__Webhook *hook;
    bool ok;
    enum code c;

    if ((c = check_change(ctx, req)) != OK || (c = hook_now(ctx, req->id, &hook)) != OK ||
        (c = notification_store_hook_change(
             ctx, req, notification_hook_audit(ctx, req->actor_id, "webhook.changed", req->url), &ok)) != OK)
        return c;
    if (!ok)
        return fail_http(ctx, 412, PRECONDITION,
                         tr_mark("This has been changed meanwhile. Read it again, then change it."));
    if ((c = hook_now(ctx, req->id, &hook)) == OK)
        *reply = *hook;
    return c;
}

enum code notification_service_delete_webhook(struct ctx *ctx, const Pb__WebhookRequest *req,
                                              Pb__Empty *reply) {
    Pb__Webhook *hook;
    bool ok;
    enum code c;

    (void)reply;
    if ((c = check_actor(ctx, req->actor_id)) != OK || (c = hook_now(ctx, req->id, &hook)) != OK)
        return c;
    return notification_store_hook_drop(
        ctx, req->id, notification_hook_audit(ctx, req->actor_id, "webhook.removed", hook->url), &ok);
}

enum code notification_service_ping_webhook(struct ctx *ctx, const Pb__WebhookRequest *req,
                                            Pb__Empty *reply) {
    int64_t id = id_next();
    const char *body = notification_hook_body(ctx, id, "ping", clock_now_ms(), "{}");
    Pb__Webhook *hook;
    enum code c;

    (void)reply;
    if ((c = check_actor(ctx, req->actor_id)) != OK || (c = hook_now(ctx, req->id, &hook)) != OK)
        return c;
    if (!hook->active)
        return fail(ctx, PRECONDITION, tr_mark("This webhook is switched off. Switch it on first."));
    return notification_store_hook_call_add(ctx, &(struct hook_calls){&id, &hook->id, &body, 1, id, "ping"});
}

enum code notification_service_list_webhook_calls(struct ctx *ctx, const Pb__WebhookCallsRequest *req,
                                                  Pb__WebhookCallsReply *reply) {
    Pb__WebhookCallsRequest of = *req;
    Pb__Webhook *hook;
    uint32_t limit = limit_of(req->limit, CALLS, CALLS_MAX);
    enum code c = hook_now(ctx, req->webhook_id, &hook);

    of.limit = limit + 1;
    if (c != OK || (c = notification_store_hook_calls(ctx, &of, &reply->calls, &reply->n_calls)) != OK)
        return c;
    if (reply->n_calls > limit) {
        reply->n_calls = limit;
        reply->next = reply->calls[limit - 1]->id;
    }
    return OK;
}
