/* Tokens of programs that came by gRPC: the same tokens, scopes and limits as by HTTP. */
#include <string.h>

#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/rpc.h"
#include "handlers/common/bearer.h"
#include "handlers/common/models.h"
#include "handlers/common/rate.h"
#include "handlers/common/scopes.h"
#include "handlers/common/token.h"

static enum code refuse(struct ctx *ctx) {
    return fail(ctx, UNAUTHENTICATED, tr_mark("The access token is invalid"));
}

/* The token's read model: Redis', or its owner's where Redis has none. */
static enum code find_access(struct ctx *ctx, const struct bearer *b, const Pb__AccessToken **ret) {
    enum code c;

    *ret = bearer_unpack(ctx, redis_do(ctx, ctx->env->redis, "GET %s", b->key), b);
    fail_clear(ctx); /* of a Redis that is down: the owner knows */
    if (*ret == NULL && (c = bearer_ask(ctx, b, ret)) != OK)
        return c;
    return *ret != NULL ? OK : refuse(ctx);
}

/* A member who is suspended, or not yet let in, has no programs. */
static enum code find_member(struct ctx *ctx, int64_t user_id) {
    const Pb__UserCard *card;
    enum code c = card_get(ctx, user_id, &card);

    if (c == NOT_FOUND) {
        fail_clear(ctx);
        return refuse(ctx);
    }
    if (c != OK)
        return c;
    if (card->state != PB__ACCOUNT_STATE__STATE_ACTIVE) {
        bearer_unavailable(ctx, card->state);
        return ctx->error.code = UNAUTHENTICATED;
    }
    ctx->viewer_id = user_id;
    ctx->permissions = card->permissions;
    return OK;
}

static enum code judge(struct ctx *ctx, const Pb__AccessToken *access, const struct rpc_door *door) {
    bool needs_member = door->least == RPC_MEMBER || ctx->env->config->intranet;

    if (needs_member && ctx->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, tr_mark("This method requires an authenticated user"));
    if (!scopes_allow(access->scopes, door->scope))
        return fail(ctx, DENIED, tr_mark("This action is outside the authorized scopes"));
    if ((ctx->permissions & door->permission) != door->permission)
        return fail(ctx, DENIED, "Your role does not allow this.");
    return OK;
}

enum code bearer_let_in(struct ctx *ctx, const char *token, const struct rpc_door *door) {
    struct bearer b = {.token = token};
    const Pb__AccessToken *access;
    unsigned char hash[32];
    enum code c;

    if (!token_hash(token, hash, &b.user_id))
        return refuse(ctx);
    b.key = token_key(ctx, hash);
    if ((c = find_access(ctx, &b, &access)) != OK ||
        (b.user_id != 0 && (c = find_member(ctx, b.user_id)) != OK) || (c = judge(ctx, access, door)) != OK ||
        (c = rate_call(ctx, b.user_id, access->id, door->scope)) != OK)
        return c;
    ctx->token_id = access->id;
    ctx->app_id = access->app_id;
    bearer_note(ctx, token, access);
    return OK;
}
