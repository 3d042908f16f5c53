/* Signing up by an app: POST /api/v1/accounts, and what the newcomer's address waits for
 * (https://docs.joinmastodon.org/methods/accounts/#create, https://docs.joinmastodon.org/methods/emails/). */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/user/api.h"

/* Names wrong fields as clients do. */
static enum code refusal(struct ctx *ctx, enum code c) {
    static const char *const names[][2] = {{"handle", "username"}, {"invite", "invite_code"}};

    for (struct field_error *e = ctx->error.fields; c != OK && e != NULL; e = e->next)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(e->field, names[i][0]) == 0)
                e->field = names[i][1];
    if (c == PRECONDITION && ctx->error.http == 0)
        ctx->error.http = 403; /* no new members, or by invitation alone: Mastodon's status */
    return c;
}

static int language_of(const struct request *req) {
    int lang = i18n_find(field_text(req, "locale"));

    return lang < 0 ? req->ctx.lang : lang;
}

enum code user_api_sign_up(struct request *req) {
    Pb__AppSignUpRequest ask = PB__APP_SIGN_UP_REQUEST__INIT;
    Pb__SignUpRequest account = PB__SIGN_UP_REQUEST__INIT;
    const Pb__TokenReply *reply;
    enum code c;

    if (req->ctx.viewer_id != 0 || req->ctx.app_id == 0)
        return fail(&req->ctx, DENIED, tr_mark("This method requires the token of an app, without a member"));
    account.handle = field_text(req, "username");
    account.email = field_text(req, "email");
    account.password = field_text(req, "password");
    account.reason = field_text(req, "reason");
    account.invite = field_text(req, "invite_code");
    account.agreement = field_bool(req, "agreement");
    account.language = i18n_code(language_of(req));
    account.ip = req->ctx.ip;
    ask.account = &account;
    ask.app_id = req->ctx.app_id;
    if ((c = user_sign_up_by_app(&req->ctx, &ask, &reply)) != OK)
        return refusal(&req->ctx, c);
    return user_api_token_reply(req, reply);
}

enum code user_api_confirm_again(struct request *req) {
    Pb__ConfirmAgainRequest ask = PB__CONFIRM_AGAIN_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.email = field_text(req, "email");
    ask.ip = req->ctx.ip;
    if ((c = user_confirm_again(&req->ctx, &ask, NULL)) != OK)
        return refusal(&req->ctx, c);
    return api_reply_empty(req);
}

/* ---- GET /api/v1/emails/check_confirmation */

const struct shape api_confirmed_shape = {.name = "Confirmed",
                                          .size = sizeof(bool),
                                          .fields = (const struct shape_field[]){{.kind = SHAPE_BOOL}},
                                          .words = "whether the address is confirmed"};

enum code user_api_is_confirmed(struct request *req) {
    const Pb__UserCard *card = req->session.card;
    bool confirmed = card->state != PB__ACCOUNT_STATE__STATE_UNCONFIRMED;

    buf_puts(respond(req, 200, "application/json"), confirmed ? "true" : "false");
    return OK;
}
