/* Sign-up, confirmation, log-in, reset. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/models.h"
#include "handlers/common/page.h"
#include "handlers/common/session.h"
#include "handlers/user/pages.h"
#include "handlers/user/service.h"
#include "handlers/user/view.h"

static struct page *sheet(struct request *req, const char *title) {
    struct page *page = page_new(req, PLACE_NONE, tr(req->ctx.lang, title));

    page->noindex = true;
    return page;
}

/* ---- Sign-up
 * ------------------------------------------------------------------------------------------------------ */

/* The form, with whose invitation it is. A failure recorded before stays what it is. */
static enum code show_signup(struct request *req, const char *code) {
    struct ctx *ctx = &req->ctx;
    struct signup_view v = {0};
    const Pb__Invite *invite;
    struct error wrong = ctx->error;
    enum code c;

    fail_clear(ctx);
    if (!text_is_empty(code)) {
        if ((c = user_service_invite_open(ctx, code, &invite)) == OK)
            v.invite = code;
        else if (c != NOT_FOUND)
            return c;
        v.invite_bad = c == NOT_FOUND;
        fail_clear(ctx);
        if (c == OK && card_get(ctx, invite->by_id, &v.inviter) != OK)
            fail_clear(ctx);
    }
    v.wants_reason = v.invite == NULL && strcmp(ctx->env->config->registration, "approval") == 0;
    ctx->error = wrong;
    tpl_user_signup(form_html(req), sheet(req, tr_mark("Sign up")), &v);
    return OK;
}

enum code user_page_signup(struct request *req) { return show_signup(req, NULL); }

enum code user_page_signup_again(struct request *req) { return show_signup(req, field_typed(req, "invite")); }

enum code user_page_invite(struct request *req) { return show_signup(req, req->args[0]); }

enum code user_page_signup_send(struct request *req) {
    Pb__SignUpRequest ask = PB__SIGN_UP_REQUEST__INIT;
    struct confirm_view v = {0};
    enum code c;

    ask.handle = field_text(req, "handle");
    ask.email = field_text(req, "email");
    ask.password = field_text(req, "password");
    ask.name = field_text(req, "name");
    ask.invite = field_text(req, "invite");
    ask.reason = field_text(req, "reason");
    ask.agreement = field_bool(req, "agreement");
    ask.language = i18n_code(req->ctx.lang);
    ask.ip = req->ctx.ip;
    if ((c = user_sign_up(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_signup_again(req) : c;
    v.email = ask.email;
    tpl_user_confirm(form_html(req), sheet(req, tr_mark("Look into your mail")), &v);
    return OK;
}

/* ---- Confirmation
 * -------------------------------------------------------------------------------------------------- */

enum code user_page_confirm(struct request *req) {
    struct confirm_view v = {0};

    tpl_user_confirm(form_html(req), sheet(req, tr_mark("Look into your mail")), &v);
    return OK;
}

enum code user_page_confirm_send(struct request *req) {
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;
    enum code c;

    ask.email = field_text(req, "email");
    ask.ip = req->ctx.ip;
    if ((c = user_resend_confirmation(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_confirm(req) : c;
    return form_go_back(req, "/confirm", "confirm-sent");
}

enum code user_page_confirm_token(struct request *req) {
    struct token_view v = {.token = req->args[0]};

    tpl_user_confirm_token(form_html(req), sheet(req, tr_mark("Confirm your e-mail address")), &v);
    return OK;
}

enum code user_page_confirm_token_send(struct request *req) {
    Pb__TokenRequest ask = PB__TOKEN_REQUEST__INIT;
    const Pb__ConfirmReply *reply;
    struct confirmed_view v = {0};
    enum code c;

    ask.token = req->args[0];
    ask.ip = req->ctx.ip;
    if ((c = user_confirm_email(&req->ctx, &ask, &reply)) != OK)
        return c;
    v.state = reply->state;
    v.email_changed = strcmp(reply->purpose, "email") == 0;
    tpl_user_confirmed(form_html(req), sheet(req, tr_mark("Confirmed")), &v);
    return OK;
}

/* ---- Log-in
 * -------------------------------------------------------------------------------------------------------- */

static enum code show_login(struct request *req, const char *return_to) {
    struct login_view v = {.return_to = text_is_empty(return_to) ? NULL : return_to};

    v.needed = v.return_to != NULL;
    tpl_user_login(form_html(req), sheet(req, tr_mark("Log in")), &v);
    return OK;
}

enum code user_page_login(struct request *req) { return show_login(req, field_text(req, "return_to")); }

enum code user_page_login_again(struct request *req) {
    const char *back = field_typed(req, "return_to");

    return show_login(req, text_is_local_path(back) ? back : NULL);
}

enum code user_page_login_send(struct request *req) {
    Pb__LogInRequest ask = PB__LOG_IN_REQUEST__INIT;
    const Pb__LogInReply *reply;
    enum code c;

    ask.login = field_text(req, "login");
    ask.password = field_text(req, "password");
    ask.ip = req->ctx.ip;
    ask.user_agent = req->ctx.user_agent;
    c = user_log_in(&req->ctx, &ask, &reply);
    if (c == UNAUTHENTICATED || c == DENIED || c == EXHAUSTED || c == PRECONDITION ||
        (c != OK && form_refused(req))) {
        if (req->ctx.error.retry_after > 0)
            respond_header(req, "Retry-After",
                           arena_printf(req->ctx.arena, "%d", req->ctx.error.retry_after));
        return user_page_login_again(req);
    }
    if (c != OK)
        return c;
    if (text_is_empty(reply->token)) /* the account is being deleted */
        return respond_redirect(req, arena_printf(req->ctx.arena, "/restore/%s", reply->restore_token));
    session_cookie_set(req, reply->token);
    return form_go_back(req, "/", NULL);
}

enum code user_page_logout(struct request *req) {
    Pb__TokenRequest ask = PB__TOKEN_REQUEST__INIT;
    enum code c;

    if (req->session.token != NULL) {
        ask.token = req->session.token;
        if ((c = user_log_out(&req->ctx, &ask, NULL)) != OK)
            return c;
    }
    session_cookie_clear(req);
    return form_go_back(req, "/", "logged-out");
}

/* ---- Reset
 * ---------------------------------------------------------------------------------------------------------
 */

enum code user_page_reset(struct request *req) {
    struct reset_view v = {0};

    tpl_user_reset(form_html(req), sheet(req, tr_mark("Forgot your password?")), &v);
    return OK;
}

enum code user_page_reset_send(struct request *req) {
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;
    enum code c;

    ask.email = field_text(req, "email");
    ask.ip = req->ctx.ip;
    if ((c = user_request_reset(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_reset(req) : c;
    tpl_user_reset_sent(form_html(req), sheet(req, tr_mark("Look into your mail")));
    return OK;
}

enum code user_page_reset_token(struct request *req) {
    struct reset_view v = {.token = req->args[0]};

    tpl_user_reset_token(form_html(req), sheet(req, tr_mark("Choose a new password")), &v);
    return OK;
}

enum code user_page_reset_token_send(struct request *req) {
    Pb__ResetRequest ask = PB__RESET_REQUEST__INIT;
    enum code c;

    ask.token = req->args[0];
    ask.password = field_text(req, "password");
    ask.ip = req->ctx.ip;
    if ((c = user_complete_reset(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_reset_token(req) : c;
    return form_go_back(req, "/login", "reset-done");
}
