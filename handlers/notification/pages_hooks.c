/* The administrator's webhooks. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/notification/pages_deliver.h"
#include "handlers/notification/service_hooks.h"
#include "handlers/notification/view_deliver.h"

/* In the order of notification_hook_names. */
static const char *const words[] = {
    tr_mark("A post was written"),
    tr_mark("A post was changed"),
    tr_mark("A post was deleted"),
    tr_mark("Somebody signed up"),
    tr_mark("An account was approved, suspended, restored or deleted"),
    tr_mark("Somebody follows somebody"),
    tr_mark("Somebody no longer follows somebody"),
};

static struct page *desk(struct request *req) {
    return page_new(req, PLACE_ADMIN, tr(req->ctx.lang, tr_mark("Webhooks")));
}

static bool has_event(char *const *events, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(events[i], name) == 0)
            return true;
    return false;
}

static const char *words_of(struct ctx *ctx, const char *name) {
    for (size_t i = 0; notification_hook_names[i] != NULL; i++)
        if (strcmp(notification_hook_names[i], name) == 0)
            return tr(ctx->lang, words[i]);
    return name;
}

/* All events; chosen are those sent with a form that is shown again, else those of the hook. */
static const struct hook_event *events_of(struct request *req, const Pb__Webhook *hook, size_t *ret_n) {
    struct hook_event *events = arena_many(req->ctx.arena, struct hook_event, 16);
    size_t n_sent = 0, n = 0;
    char **sent = (char **)(uintptr_t)params_all(&req->form, "events", &n_sent);
    bool again = req->method == METHOD_POST && ctx_failed(&req->ctx);

    for (; notification_hook_names[n] != NULL && n < 16; n++) {
        const char *name = notification_hook_names[n];

        events[n] = (struct hook_event){name, tr(req->ctx.lang, words[n]), false};
        if (again)
            events[n].chosen = has_event(sent, n_sent, name);
        else if (hook != NULL)
            events[n].chosen = has_event((char **)(uintptr_t)hook->events, hook->n_events, name);
    }
    *ret_n = n;
    return events;
}

static enum code read_hooks(struct request *req, int64_t id, const Pb__WebhooksReply **ret) {
    Pb__WebhookRequest ask = PB__WEBHOOK_REQUEST__INIT;

    ask.actor_id = req->ctx.viewer_id;
    ask.id = id;
    return notification_list_webhooks(&req->ctx, &ask, ret);
}

/* ---- the list, and a new one */

static struct hook_row row_of(struct ctx *ctx, const Pb__Webhook *hook) {
    const char **events = arena_many(ctx->arena, const char *, hook->n_events);

    for (size_t i = 0; i < hook->n_events; i++)
        events[i] = words_of(ctx, hook->events[i]);
    return (struct hook_row){hook, events, hook->n_events};
}

static enum code show_list(struct request *req, const Pb__Webhook *fresh) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = ctx->error;
    struct hooks_view v = {.events = events_of(req, NULL, &v.n_events)};
    const Pb__WebhooksReply *all;
    struct hook_row *rows;
    enum code c;

    fail_clear(ctx);
    if ((c = read_hooks(req, 0, &all)) != OK)
        return c;
    v.rows = rows = arena_many(ctx->arena, struct hook_row, all->n_webhooks);
    v.n = all->n_webhooks;
    for (size_t i = 0; i < v.n; i++)
        rows[i] = row_of(ctx, all->webhooks[i]);
    if (fresh != NULL) {
        v.url = fresh->url;
        v.secret = fresh->secret;
    }
    ctx->error = wrong;
    tpl_notification_hooks(form_html(req), desk(req), &v);
    return OK;
}

enum code notification_page_hooks(struct request *req) { return show_list(req, NULL); }

static void take(struct request *req, Pb__ChangeWebhookRequest *to) {
    const struct field_value *events = field_get(req, "events");

    to->actor_id = req->ctx.viewer_id;
    to->url = field_text(req, "url");
    to->events = events->texts;
    to->n_events = events->n_texts;
}

/* The secret is shown on the answer itself, this once. */
enum code notification_page_hooks_send(struct request *req) {
    Pb__ChangeWebhookRequest ask = PB__CHANGE_WEBHOOK_REQUEST__INIT;
    const Pb__Webhook *made;
    enum code c;

    take(req, &ask);
    if ((c = notification_create_webhook(&req->ctx, &ask, &made)) != OK)
        return form_refused(req) ? show_list(req, NULL) : c;
    return show_list(req, made);
}

/* ---- one of them */

static enum code id_of(struct request *req, int64_t *ret) {
    return id_parse(req->args[0], ret) ? OK
                                       : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such webhook."));
}

static enum code read_calls(struct request *req, int64_t id, struct hook_view *v) {
    Pb__WebhookCallsRequest ask = PB__WEBHOOK_CALLS_REQUEST__INIT;
    const Pb__WebhookCallsReply *found;
    enum code c;

    ask.webhook_id = id;
    if (req->method == METHOD_GET)
        ask.before = field_int(req, "before");
    if ((c = notification_list_webhook_calls(&req->ctx, &ask, &found)) != OK)
        return c;
    v->calls = found->calls;
    v->n_calls = found->n_calls;
    if (found->next != 0)
        v->pager.older = arena_printf(req->ctx.arena, "/admin/webhooks/%lld?before=%lld", (long long)id,
                                      (long long)found->next);
    return OK;
}

static enum code show_one(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = ctx->error;
    const Pb__WebhooksReply *found;
    struct hook_view v = {0};
    int64_t id;
    enum code c;

    fail_clear(ctx);
    if ((c = id_of(req, &id)) != OK || (c = read_hooks(req, id, &found)) != OK ||
        (c = read_calls(req, id, &v)) != OK)
        return c;
    ctx->error = wrong;
    v.hook = found->webhooks[0];
    v.events = events_of(req, v.hook, &v.n_events);
    v.active = ctx_failed(ctx) ? params_get(&req->form, "active") != NULL : v.hook->active;
    tpl_notification_hook(form_html(req), desk(req), &v);
    return OK;
}

enum code notification_page_hook(struct request *req) { return show_one(req); }

enum code notification_page_hook_send(struct request *req) {
    Pb__ChangeWebhookRequest ask = PB__CHANGE_WEBHOOK_REQUEST__INIT;
    enum code c = id_of(req, &ask.id);

    if (c != OK)
        return c;
    take(req, &ask);
    ask.active = field_bool(req, "active");
    if ((c = notification_update_webhook(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? show_one(req) : c;
    return form_go_back(req, "/admin/webhooks", "saved");
}

static enum code here(struct request *req, Pb__WebhookRequest *ret) {
    ret->actor_id = req->ctx.viewer_id;
    return id_of(req, &ret->id);
}

enum code notification_page_hook_ping(struct request *req) {
    Pb__WebhookRequest ask = PB__WEBHOOK_REQUEST__INIT;
    enum code c;

    if ((c = here(req, &ask)) != OK || (c = notification_ping_webhook(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, arena_printf(req->ctx.arena, "/admin/webhooks/%lld", (long long)ask.id),
                        "pinged");
}

enum code notification_page_hook_drop(struct request *req) {
    Pb__WebhookRequest ask = PB__WEBHOOK_REQUEST__INIT;
    enum code c;

    if ((c = here(req, &ask)) != OK || (c = notification_delete_webhook(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/admin/webhooks", "webhook-gone");
}
