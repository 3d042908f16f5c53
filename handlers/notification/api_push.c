/* Web Push for programs (https://docs.joinmastodon.org/methods/push/) and for browsers that are logged in. */
#include <stddef.h>
#include <string.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_own.h"
#include "handlers/common/vapid.h"
#include "handlers/notification/api_deliver.h"
#include "handlers/notification/rules_prefs.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

struct alerts {
    bool mention, quote, status, reblog, follow, follow_request, favourite, poll, update, quoted_update,
        sign_up, report;
};
static const struct shape alerts_shape = {
    .name = "WebPushAlerts",
    .size = sizeof(struct alerts),
    .fields = (const struct shape_field[]){
        FIELD(alerts, mention, SHAPE_BOOL),
        FIELD(alerts, quote, SHAPE_BOOL),
        FIELD(alerts, status, SHAPE_BOOL),
        FIELD(alerts, reblog, SHAPE_BOOL),
        FIELD(alerts, follow, SHAPE_BOOL),
        FIELD(alerts, follow_request, SHAPE_BOOL),
        FIELD(alerts, favourite, SHAPE_BOOL),
        FIELD(alerts, poll, SHAPE_BOOL),
        FIELD(alerts, update, SHAPE_BOOL),
        FIELD(alerts, quoted_update, SHAPE_BOOL),
        {.name = "admin.sign_up", .kind = SHAPE_BOOL, .at = offsetof(struct alerts, sign_up)},
        {.name = "admin.report", .kind = SHAPE_BOOL, .at = offsetof(struct alerts, report)},
        {0}}};

struct push {
    int64_t id;
    const char *endpoint, *server_key, *policy;
    bool standard;
    const struct alerts *alerts;
};
const struct shape notification_push_shape = {
    .name = "WebPushSubscription",
    .size = sizeof(struct push),
    .words = "where a token's notifications are pushed to",
    .fields = (const struct shape_field[]){
        FIELD(push, id, SHAPE_ID),
        FIELD(push, endpoint, SHAPE_URL),
        FIELD(push, standard, SHAPE_BOOL, .words = "aes128gcm (RFC 8291); else the draft before it, aesgcm"),
        FIELD(push, alerts, SHAPE_OBJECT, .of = &alerts_shape),
        FIELD(push, server_key, SHAPE_STR, .words = "the site's VAPID key"),
        FIELD(push, policy, SHAPE_STR, .choices = "all|followed|follower|none"),
        {0}}};

/* In the order of prefs_alerts. */
static bool *alert_of(struct alerts *a, size_t i) {
    bool *const all[] = {&a->mention, &a->quote,          &a->status,    &a->reblog,
                         &a->follow,  &a->follow_request, &a->favourite, &a->poll,
                         &a->update,  &a->quoted_update,  &a->sign_up,   &a->report};

    return all[i];
}

static const struct alerts *alerts_of(struct ctx *ctx, const Pb__PushSubscription *s) {
    struct alerts *a = arena_one(ctx->arena, struct alerts);

    for (size_t i = 0; prefs_alerts[i] != NULL; i++)
        for (size_t k = 0; k < s->n_alerts; k++)
            if (strcmp(s->alerts[k], prefs_alerts[i]) == 0)
                *alert_of(a, i) = true;
    return a;
}

static enum code reply_push(struct request *req, const Pb__PushSubscription *s) {
    struct push v = {.id = s->id,
                     .endpoint = s->endpoint,
                     .policy = s->policy,
                     .standard = s->standard,
                     .alerts = alerts_of(&req->ctx, s)};
    enum code c = vapid_public_key(&req->ctx, &v.server_key);

    return c != OK ? c : api_reply(req, &notification_push_shape, &v);
}

/* ---- Mastodon's: one for each token */

static enum code need_token(struct request *req) {
    if (req->ctx.token_id != 0)
        return OK;
    return fail(&req->ctx, UNAUTHENTICATED, tr_mark("The access token is invalid"));
}

static Pb__PushRequest of_token(const struct request *req) {
    Pb__PushRequest who = PB__PUSH_REQUEST__INIT;

    who.user_id = req->ctx.viewer_id;
    who.token_id = req->ctx.token_id;
    return who;
}

enum code notification_api_push(struct request *req) {
    Pb__PushRequest who = of_token(req);
    const Pb__PushSubscription *s;
    enum code c;

    if ((c = need_token(req)) != OK || (c = notification_get_push(&req->ctx, &who, &s)) != OK)
        return c;
    return reply_push(req, s);
}

static void take_wishes(struct request *req, Pb__PushSubscription *s) {
    size_t n = 0;

    while (prefs_alerts[n] != NULL)
        n++;
    s->alerts = arena_many(req->ctx.arena, const char *, n);
    for (size_t i = 0; i < n; i++)
        if (field_bool(req, arena_printf(req->ctx.arena, "data[alerts][%s]", prefs_alerts[i])))
            s->alerts[s->n_alerts++] = prefs_alerts[i];
    s->policy = field_present(req, "data[policy]") ? field_text(req, "data[policy]")
                : field_present(req, "policy")     ? field_text(req, "policy")
                                                   : "all";
}

static Pb__PushSubscription sent(struct request *req) {
    Pb__PushSubscription s = PB__PUSH_SUBSCRIPTION__INIT;

    s.user_id = req->ctx.viewer_id;
    s.token_id = req->ctx.token_id;
    take_wishes(req, &s);
    return s;
}

enum code notification_api_push_make(struct request *req) {
    Pb__PushSubscription s = sent(req);
    const Pb__PushSubscription *made;
    enum code c;

    s.endpoint = field_text(req, "subscription[endpoint]");
    s.p256dh = field_text(req, "subscription[keys][p256dh]");
    s.auth = field_text(req, "subscription[keys][auth]");
    s.standard = field_bool(req, "subscription[standard]");
    if ((c = need_token(req)) != OK || (c = notification_create_push(&req->ctx, &s, &made)) != OK)
        return c;
    return reply_push(req, made);
}

enum code notification_api_push_change(struct request *req) {
    Pb__PushSubscription s = sent(req);
    const Pb__PushSubscription *after;
    enum code c;

    if ((c = need_token(req)) != OK || (c = notification_update_push(&req->ctx, &s, &after)) != OK)
        return c;
    return reply_push(req, after);
}

enum code notification_api_push_end(struct request *req) {
    Pb__PushRequest who = of_token(req);
    enum code c;

    if ((c = need_token(req)) != OK || (c = notification_delete_push(&req->ctx, &who, NULL)) != OK)
        return c;
    return api_reply_empty(req);
}

/* ---- a browser's own, for the session it is logged in by */

struct push_here {
    const char *server_key, *endpoint;
};
const struct shape notification_push_here_shape = {
    .name = "PushHere",
    .size = sizeof(struct push_here),
    .words = "whether this session's browser is told by Web Push",
    .fields = (const struct shape_field[]){
        FIELD(push_here, server_key, SHAPE_STR, .words = "the site's VAPID key"),
        FIELD(push_here, endpoint, SHAPE_URL, .nullable = true, .words = "null: it is not"),
        {0}}};

static enum code need_session(struct request *req) {
    if (req->ctx.session_id != 0)
        return OK;
    return fail(&req->ctx, DENIED,
                tr_mark("This is for browsers. Use /api/v1/push/subscription with a token."));
}

static Pb__PushRequest of_session(const struct request *req) {
    Pb__PushRequest who = PB__PUSH_REQUEST__INIT;

    who.user_id = req->ctx.viewer_id;
    who.session_id = req->ctx.session_id;
    return who;
}

static enum code reply_here(struct request *req, const char *endpoint) {
    struct push_here v = {.endpoint = endpoint};
    enum code c = vapid_public_key(&req->ctx, &v.server_key);

    return c != OK ? c : api_own_reply(req, &notification_push_here_shape, &v);
}

enum code notification_api_push_here(struct request *req) {
    Pb__PushRequest who = of_session(req);
    const Pb__PushSubscription *s;
    enum code c;

    if ((c = need_session(req)) != OK)
        return c;
    c = notification_get_push(&req->ctx, &who, &s);
    if (c == NOT_FOUND) {
        fail_clear(&req->ctx);
        return reply_here(req, NULL);
    }
    return c != OK ? c : reply_here(req, s->endpoint);
}

enum code notification_api_push_here_make(struct request *req) {
    Pb__PushSubscription s = PB__PUSH_SUBSCRIPTION__INIT;
    const Pb__PushSubscription *made;
    enum code c;

    s.user_id = req->ctx.viewer_id;
    s.session_id = req->ctx.session_id;
    s.endpoint = field_text(req, "endpoint");
    s.p256dh = field_text(req, "keys[p256dh]");
    s.auth = field_text(req, "keys[auth]");
    s.standard = true;
    if ((c = need_session(req)) != OK || (c = notification_create_push(&req->ctx, &s, &made)) != OK)
        return c;
    return reply_here(req, made->endpoint);
}

enum code notification_api_push_here_end(struct request *req) {
    Pb__PushRequest who = of_session(req);
    enum code c;

    if ((c = need_session(req)) != OK || (c = notification_delete_push(&req->ctx, &who, NULL)) != OK)
        return c;
    return api_own_done(req);
}
