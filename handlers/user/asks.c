#include "handlers/user/asks.h"

#include "gen/stubs.h"

enum code user_ask_account(struct ctx *ctx, const Pb__Account **ret) {
    Pb__GetAccountRequest ask = PB__GET_ACCOUNT_REQUEST__INIT;

    ask.user_id = ctx->viewer_id;
    return user_get_account(ctx, &ask, ret);
}

enum code user_ask_password_change(struct request *req) {
    Pb__ChangePasswordRequest ask = PB__CHANGE_PASSWORD_REQUEST__INIT;

    ask.user_id = req->ctx.viewer_id;
    ask.current = field_text(req, "current");
    ask.password = field_text(req, "password");
    ask.keep_session = req->ctx.session_id;
    return user_change_password(&req->ctx, &ask, NULL);
}

enum code user_ask_email_change(struct request *req) {
    Pb__ChangeEmailRequest ask = PB__CHANGE_EMAIL_REQUEST__INIT;

    ask.user_id = req->ctx.viewer_id;
    ask.email = field_text(req, "email");
    ask.password = field_text(req, "password");
    return user_change_email(&req->ctx, &ask, NULL);
}

enum code user_ask_end_sessions(struct request *req, int64_t session_id) {
    Pb__RevokeSessionsRequest ask = PB__REVOKE_SESSIONS_REQUEST__INIT;

    ask.user_id = req->ctx.viewer_id;
    ask.session_id = session_id;
    ask.except_id = session_id == 0 ? req->ctx.session_id : 0;
    return user_revoke_sessions(&req->ctx, &ask, NULL);
}
