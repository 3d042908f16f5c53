/* Our own API: where one is logged in, what happened to the account, and the links that were mailed. */
#include <stddef.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "handlers/common/api_own.h"
#include "handlers/common/device.h"
#include "handlers/user/api_own.h"
#include "handlers/user/asks.h"
#include "handlers/user/rules.h"
#include "handlers/user/view.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

/* ---- Sessions ---- */

struct session {
    int64_t id, created_at, seen_at;
    const char *ip, *device;
    bool current;
};

const struct shape user_session_shape = {
    .name = "Session",
    .size = sizeof(struct session),
    .words = "a browser where one is logged in",
    .fields =
        (const struct shape_field[]){FIELD(session, id, SHAPE_ID),
                                     FIELD(session, device, SHAPE_STR, .words = "in the reader's words"),
                                     FIELD(session, ip, SHAPE_STR),
                                     FIELD(session, created_at, SHAPE_TIME),
                                     FIELD(session, seen_at, SHAPE_TIME, .words = "right to ten minutes"),
                                     FIELD(session, current, SHAPE_BOOL, .words = "the one that asks"),
                                     {0}}};

enum code user_api_own_sessions(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__SessionsRequest ask = PB__SESSIONS_REQUEST__INIT;
    const Pb__SessionsReply *reply;
    struct session *views;
    enum code c;

    ask.user_id = ctx->viewer_id;
    if ((c = user_list_sessions(ctx, &ask, &reply)) != OK)
        return c;
    views = arena_many(ctx->arena, struct session, reply->n_sessions);
    for (size_t i = 0; i < reply->n_sessions; i++) {
        const Pb__Session *s = reply->sessions[i];
        const char *device = rules_device(ctx->arena, s->user_agent);

        views[i] = (struct session){.id = s->id,
                                    .created_at = s->created_ms,
                                    .seen_at = s->seen_ms,
                                    .ip = s->ip,
                                    .device = device_words(ctx->arena, ctx->lang, device),
                                    .current = s->id == ctx->session_id};
    }
    return api_own_list(
        req, &(struct api_own_page){.shape = &user_session_shape, .items = views, .n = reply->n_sessions});
}

static enum code end_sessions(struct request *req, int64_t session_id) {
    enum code c = user_ask_end_sessions(req, session_id);

    return c != OK ? c : api_own_done(req);
}

enum code user_api_own_session_end(struct request *req) {
    int64_t id;
    enum code c = api_own_id(req, tr_mark("This session has ended already."), &id);

    return c != OK ? c : end_sessions(req, id);
}

enum code user_api_own_sessions_end_others(struct request *req) { return end_sessions(req, 0); }

/* ---- History ---- */

struct activity {
    const char *id, *kind, *what, *ip, *device, *detail;
    int64_t at, session_id;
    bool alarming;
};

const struct shape user_activity_shape = {
    .name = "Activity",
    .size = sizeof(struct activity),
    .words = "something that concerned the security of one's account",
    .fields =
        (const struct shape_field[]){FIELD(activity, id, SHAPE_STR),
                                     FIELD(activity, at, SHAPE_TIME),
                                     FIELD(activity, kind, SHAPE_STR, .words = "for programs"),
                                     FIELD(activity, what, SHAPE_STR, .words = "in the reader's words"),
                                     FIELD(activity, alarming, SHAPE_BOOL, .words = "deserves a second look"),
                                     FIELD(activity, ip, SHAPE_STR),
                                     FIELD(activity, device, SHAPE_STR, .words = "in the reader's words"),
                                     FIELD(activity, detail, SHAPE_STR),
                                     FIELD(activity, session_id, SHAPE_ID, .nullable = true),
                                     {0}}};

enum code user_api_own_activity(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ActivityRequest ask = PB__ACTIVITY_REQUEST__INIT;
    const Pb__ActivityReply *reply;
    struct activity *views;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.limit = api_own_limit(req);
    if ((c = api_own_cursor(req, &ask.before, &ask.after)) != OK ||
        (c = user_list_activity(ctx, &ask, &reply)) != OK)
        return c;
    views = arena_many(ctx->arena, struct activity, reply->n_items);
    for (size_t i = 0; i < reply->n_items; i++) {
        const Pb__Activity *did = reply->items[i];

        views[i] = (struct activity){.id = did->id,
                                     .kind = did->kind,
                                     .what = user_view_kind(ctx->lang, did->kind),
                                     .alarming = user_view_alarming(did->kind),
                                     .ip = did->ip,
                                     .device = device_words(ctx->arena, ctx->lang, did->device),
                                     .detail = did->detail,
                                     .at = did->at_ms,
                                     .session_id = did->session_id};
    }
    return api_own_list(req, &(struct api_own_page){.shape = &user_activity_shape,
                                                    .items = views,
                                                    .n = reply->n_items,
                                                    .next = reply->next,
                                                    .prev = reply->prev});
}

/* ---- Links that were mailed. Whether an address has an account is never told. ---- */

static Pb__EmailRequest email_of(const struct request *req) {
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;

    ask.email = field_text(req, "email");
    ask.ip = req->ctx.ip;
    return ask;
}

static enum code accepted(struct request *req, enum code c) {
    if (c == OK)
        buf_puts(respond(req, 202, "application/json"), "{}");
    return c;
}

enum code user_api_own_confirm_send(struct request *req) {
    Pb__EmailRequest ask = email_of(req);

    return accepted(req, user_resend_confirmation(&req->ctx, &ask, NULL));
}

enum code user_api_own_reset_send(struct request *req) {
    Pb__EmailRequest ask = email_of(req);

    return accepted(req, user_request_reset(&req->ctx, &ask, NULL));
}

enum code user_api_own_confirm(struct request *req) {
    Pb__TokenRequest ask = PB__TOKEN_REQUEST__INIT;
    enum code c;

    ask.token = field_text(req, "token");
    ask.ip = req->ctx.ip;
    c = user_confirm_email(&req->ctx, &ask, NULL);
    return c != OK ? c : api_own_done(req);
}

enum code user_api_own_reset(struct request *req) {
    Pb__ResetRequest ask = PB__RESET_REQUEST__INIT;
    enum code c;

    ask.token = field_text(req, "token");
    ask.password = field_text(req, "password");
    ask.ip = req->ctx.ip;
    c = user_complete_reset(&req->ctx, &ask, NULL);
    return c != OK ? c : api_own_done(req);
}
