/* Our own API: the administrator's webhooks. */
#include <stddef.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_own.h"
#include "handlers/notification/api_deliver.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

struct hook {
    int64_t id, created_at, failing_since, disabled_at;
    const char *url, *secret;
    struct shape_list events;
    bool active;
};

#define HOOK_FIELDS                                                                                         \
    FIELD(hook, id, SHAPE_ID), FIELD(hook, url, SHAPE_URL),                                                 \
        FIELD(hook, events, SHAPE_STRS, .words = "what it is called for"), FIELD(hook, active, SHAPE_BOOL), \
        FIELD(hook, created_at, SHAPE_TIME),                                                                \
        FIELD(hook, failing_since, SHAPE_TIME, .nullable = true,                                            \
              .words = "no call since then was answered well"),                                             \
        FIELD(hook, disabled_at, SHAPE_TIME, .nullable = true,                                              \
              .words = "switched off, having failed for a day")

const struct shape notification_hook_shape = {.name = "Webhook",
                                              .size = sizeof(struct hook),
                                              .words = "an address that is called when something happens",
                                              .fields = (const struct shape_field[]){HOOK_FIELDS, {0}}};

const struct shape notification_hook_made_shape = {
    .name = "NewWebhook",
    .size = sizeof(struct hook),
    .words = "a webhook that was made just now",
    .fields = (const struct shape_field[]){
        HOOK_FIELDS,
        FIELD(hook, secret, SHAPE_STR, .words = "its calls are signed with this; shown only this once"),
        {0}}};

struct call {
    int64_t id, attempts, status, created_at, done_at, due_at;
    const char *event, *state, *error;
};
const struct shape notification_hook_call_shape = {
    .name = "WebhookCall",
    .size = sizeof(struct call),
    .words = "one call of a webhook",
    .fields = (const struct shape_field[]){
        FIELD(call, id, SHAPE_ID),
        FIELD(call, event, SHAPE_STR),
        FIELD(call, state, SHAPE_STR, .choices = "waiting|done|failed"),
        FIELD(call, attempts, SHAPE_INT),
        FIELD(call, status, SHAPE_INT, .words = "of the last answer; 0: none came"),
        FIELD(call, error, SHAPE_STR),
        FIELD(call, created_at, SHAPE_TIME),
        FIELD(call, done_at, SHAPE_TIME, .nullable = true),
        FIELD(call, due_at, SHAPE_TIME, .words = "when it is tried next, while it waits"),
        {0}}};

static struct hook hook_view(const Pb__Webhook *h) {
    return (struct hook){.id = h->id,
                         .url = h->url,
                         .secret = h->secret,
                         .events = {h->events, h->n_events},
                         .active = h->active,
                         .created_at = h->created_ms,
                         .failing_since = h->failing_ms,
                         .disabled_at = h->disabled_ms};
}

static enum code read_hooks(struct request *req, int64_t id, const Pb__WebhooksReply **ret) {
    Pb__WebhookRequest ask = PB__WEBHOOK_REQUEST__INIT;

    ask.actor_id = req->ctx.viewer_id;
    ask.id = id;
    return notification_list_webhooks(&req->ctx, &ask, ret);
}

static enum code id_of(struct request *req, int64_t *ret) {
    return api_own_id(req, tr_mark("There is no such webhook."), ret);
}

enum code notification_api_hooks(struct request *req) {
    const Pb__WebhooksReply *all;
    struct hook *views;
    enum code c = read_hooks(req, 0, &all);

    if (c != OK)
        return c;
    views = arena_many(req->ctx.arena, struct hook, all->n_webhooks);
    for (size_t i = 0; i < all->n_webhooks; i++)
        views[i] = hook_view(all->webhooks[i]);
    return api_own_list(
        req, &(struct api_own_page){.shape = &notification_hook_shape, .items = views, .n = all->n_webhooks});
}

static enum code hook_now(struct request *req, const Pb__Webhook **ret) {
    const Pb__WebhooksReply *found;
    int64_t id;
    enum code c;

    if ((c = id_of(req, &id)) == OK && (c = read_hooks(req, id, &found)) == OK)
        *ret = found->webhooks[0];
    return c;
}

static enum code reply_hook(struct request *req, const struct shape *shape, const Pb__Webhook *h) {
    struct hook v = hook_view(h);

    return api_own_reply(req, shape, &v);
}

enum code notification_api_hook(struct request *req) {
    const Pb__Webhook *h;
    enum code c = hook_now(req, &h);

    return c != OK ? c : reply_hook(req, &notification_hook_shape, h);
}

static void take(struct request *req, Pb__ChangeWebhookRequest *to) {
    const struct field_value *events = field_get(req, "events");

    to->actor_id = req->ctx.viewer_id;
    if (field_present(req, "url"))
        to->url = field_text(req, "url");
    if (events->n_texts > 0) {
        to->events = events->texts;
        to->n_events = events->n_texts;
    }
}

enum code notification_api_hook_make(struct request *req) {
    Pb__ChangeWebhookRequest ask = PB__CHANGE_WEBHOOK_REQUEST__INIT;
    const Pb__Webhook *made;
    enum code c;

    take(req, &ask);
    if ((c = notification_create_webhook(&req->ctx, &ask, &made)) != OK)
        return c;
    return reply_hook(req, &notification_hook_made_shape, made);
}

enum code notification_api_hook_change(struct request *req) {
    Pb__ChangeWebhookRequest ask = PB__CHANGE_WEBHOOK_REQUEST__INIT;
    const Pb__Webhook *h;
    struct hook now;
    enum code c = hook_now(req, &h);

    if (c != OK)
        return c;
    now = hook_view(h);
    if ((c = api_own_if_match(req, &notification_hook_shape, &now)) != OK)
        return c;
    ask.id = h->id;
    ask.url = h->url;
    ask.events = h->events;
    ask.n_events = h->n_events;
    ask.active = field_present(req, "active") ? field_bool(req, "active") : h->active;
    ask.if_version = h->version;
    take(req, &ask);
    if ((c = notification_update_webhook(&req->ctx, &ask, &h)) != OK)
        return c;
    return reply_hook(req, &notification_hook_shape, h);
}

typedef enum code hook_rpc(struct ctx *ctx, const Pb__WebhookRequest *req, const Pb__Empty **ret_reply);

static enum code act(struct request *req, hook_rpc *rpc) {
    Pb__WebhookRequest ask = PB__WEBHOOK_REQUEST__INIT;
    enum code c = id_of(req, &ask.id);

    ask.actor_id = req->ctx.viewer_id;
    if (c != OK || (c = rpc(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_own_done(req);
}

enum code notification_api_hook_drop(struct request *req) { return act(req, notification_delete_webhook); }

enum code notification_api_hook_ping(struct request *req) { return act(req, notification_ping_webhook); }

enum code notification_api_hook_calls(struct request *req) {
    Pb__WebhookCallsRequest ask = PB__WEBHOOK_CALLS_REQUEST__INIT;
    const Pb__WebhookCallsReply *found;
    int64_t never; /* the list leads backwards alone */
    struct call *views;
    enum code c;

    ask.limit = api_own_limit(req);
    if ((c = id_of(req, &ask.webhook_id)) != OK || (c = api_own_cursor_id(req, &ask.before, &never)) != OK ||
        (c = notification_list_webhook_calls(&req->ctx, &ask, &found)) != OK)
        return c;
    views = arena_many(req->ctx.arena, struct call, found->n_calls);
    for (size_t i = 0; i < found->n_calls; i++) {
        const Pb__WebhookCall *k = found->calls[i];

        views[i] = (struct call){k->id,     k->attempts, k->status, k->created_ms, k->done_ms,
                                 k->due_ms, k->event,    k->state,  k->error};
    }
    return api_own_list(req, &(struct api_own_page){.shape = &notification_hook_call_shape,
                                                    .items = views,
                                                    .n = found->n_calls,
                                                    .next = api_own_at(&req->ctx, found->next)});
}
