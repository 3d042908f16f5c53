#include "handlers/common/bearer.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/clock.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/scopes.h"
#include "handlers/common/token.h"

#define TOUCH_EVERY_MS (10 * 60 * 1000)

void bearer_read(struct request *req, struct bearer *ret) {
    const char *sent = request_header(req, "Authorization");
    unsigned char hash[32];

    *ret = (struct bearer){0};
    if (req->route->face != FACE_JSON)
        return;
    if (sent != NULL && strncasecmp(sent, "Bearer ", 7) == 0)
        ret->token = sent + 7 + strspn(sent + 7, " ");
    else if (req->route->token != NULL)
        ret->token = req->route->token(req);
    if (ret->token == NULL)
        return;
    if (token_hash(ret->token, hash, &ret->user_id))
        ret->key = token_key(&req->ctx, hash);
}

static bool is_over(const Pb__AccessToken *a) {
    return a->expires_ms != 0 && a->expires_ms <= clock_now_ms();
}

const Pb__AccessToken *bearer_unpack(struct ctx *ctx, const redisReply *r, const struct bearer *b) {
    const Pb__AccessToken *a;

    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return NULL;
    a = (const Pb__AccessToken *)rpc_unpack(ctx, &pb__access_token__descriptor, r->str, r->len);
    return a != NULL && a->user_id == b->user_id && !is_over(a) ? a : NULL;
}

enum code bearer_ask(struct ctx *ctx, const struct bearer *b, const Pb__AccessToken **ret) {
    Pb__VerifyTokenRequest verify = PB__VERIFY_TOKEN_REQUEST__INIT;
    enum code c;

    *ret = NULL;
    verify.token = b->token;
    if ((c = user_verify_token(ctx, &verify, ret)) != UNAUTHENTICATED)
        return c;
    fail_clear(ctx);
    *ret = NULL;
    return OK;
}

enum code bearer_refuse(struct request *req) {
    respond_header_always(req, "WWW-Authenticate",
                          "Bearer realm=\"DeepLink\", error=\"invalid_token\", "
                          "error_description=\"The access token is invalid\"");
    return fail(&req->ctx, UNAUTHENTICATED, tr_mark("The access token is invalid"));
}

enum code bearer_judge(struct request *req, const Pb__AccessToken *access) {
    const char *scope = req->route->scope;

    if (scopes_allow(access->scopes, scope))
        return OK;
    respond_header_always(
        req, "WWW-Authenticate",
        arena_printf(req->ctx.arena,
                     "Bearer realm=\"DeepLink\", error=\"insufficient_scope\", scope=\"%.*s\"",
                     (int)strcspn(scope, "|"), scope));
    return fail(&req->ctx, DENIED, tr_mark("This action is outside the authorized scopes"));
}

enum code bearer_unavailable(struct ctx *ctx, Pb__AccountState state) {
    switch (state) {
    case PB__ACCOUNT_STATE__STATE_UNCONFIRMED:
        return fail(ctx, DENIED, tr_mark("Your login is missing a confirmed e-mail address"));
    case PB__ACCOUNT_STATE__STATE_PENDING:
        return fail(ctx, DENIED, tr_mark("Your login is currently pending approval"));
    default:
        return fail(ctx, DENIED, tr_mark("Your login is currently disabled"));
    }
}

void bearer_note(struct ctx *ctx, const char *token, const Pb__AccessToken *access) {
    Pb__VerifyTokenRequest verify = PB__VERIFY_TOKEN_REQUEST__INIT;

    if (clock_now_ms() - access->seen_ms < TOUCH_EVERY_MS)
        return;
    verify.token = token;
    verify.touch = true;
    verify.ip = ctx->ip;
    verify.user_agent = ctx->user_agent;
    if (user_verify_token(ctx, &verify, NULL) != OK)
        fail_clear(ctx); /* the next request tries again */
}

void bearer_touch(struct request *req) {
    if (req->session.access != NULL && !ctx_failed(&req->ctx))
        bearer_note(&req->ctx, req->session.token, req->session.access);
}
