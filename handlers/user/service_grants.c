/* What members let apps do: codes, what they become, and how it ends (RFC 6749, RFC 7636, RFC 7009). */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/scopes.h"
#include "handlers/user/rules_oauth.h"
#include "handlers/user/service.h"
#include "handlers/user/service_tokens.h"

#define ACCESS_MS INT64_C(7200000) /* of a token that can be refreshed */

void user_tokens_forget(struct ctx *ctx, int64_t user_id) {
    if (user_store_tokens_forget(ctx, user_id) != OK)
        fail_clear(ctx);
    user_streams_end(ctx, user_id, "{\"token\":\"*\"}");
}

static void hash_of(unsigned char hash[CRYPTO_HASH_BYTES], const char *secret) {
    crypto_digest(hash, secret, strlen(secret));
}

/* ---- consent */

/* One consent is one code, however often it is sent: made of all that was agreed to, by a key that only we
 * have. */
static const char *code_of(struct ctx *ctx, const Pb__GrantCodeRequest *req, const char *scopes) {
    unsigned char mac[CRYPTO_HASH_BYTES];
    const char *all = arena_printf(ctx->arena, "code\n%lld\n%s\n%s\n%s\n%s\n%s", (long long)req->user_id,
                                   req->client_id, req->redirect_uri, scopes, req->challenge, req->consent);

    crypto_mac(mac, config_secret(ctx->env->config), all, strlen(all));
    return text_base64url(ctx->arena, mac, sizeof mac);
}

static bool app_goes_back_to(const Pb__App *app, const char *uri) {
    for (size_t i = 0; i < app->n_redirect_uris; i++)
        if (rules_redirect_same(app->redirect_uris[i], uri))
            return true;
    return false;
}

static enum code check_grant(struct ctx *ctx, const Pb__GrantCodeRequest *req, struct stored_app *app,
                             const char **ret_scopes) {
    struct person *p;
    enum code c;

    if ((c = user_store_app(ctx, 0, req->client_id, app)) != OK ||
        (c = user_person(ctx, req->user_id, &p)) != OK)
        return c;
    if (app->app == NULL || !app_goes_back_to(app->app, req->redirect_uri))
        return fail(ctx, UNAUTHENTICATED, tr_mark("There is no such app. It may have to register again."));
    if (!text_is_empty(req->challenge) && !rules_challenge(req->challenge))
        return fail(ctx, INVALID, "The code challenge must be made by S256.");
    if ((c = user_scopes_of_grant(ctx, req->scopes, app->app->scopes, ret_scopes)) != OK)
        return c;
    return user_may_give(p, *ret_scopes) ? OK : fail(ctx, DENIED, tr_mark("Your role does not allow this."));
}

enum code user_service_grant_code(struct ctx *ctx, const Pb__GrantCodeRequest *req,
                                  Pb__GrantCodeReply *reply) {
    struct stored_app app = {0};
    struct grant g = {0};
    const char *scopes, *code;
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c = check_grant(ctx, req, &app, &scopes);

    if (c != OK)
        return c;
    code = code_of(ctx, req, scopes);
    hash_of(hash, code);
    g = (struct grant){.app_id = app.app->id,
                       .user_id = req->user_id,
                       .redirect_uri = req->redirect_uri,
                       .scopes = scopes,
                       .challenge = req->challenge};
    if ((c = user_store_code_new(ctx, hash, &g, &g)) != OK)
        return c;
    if (g.family == 0 || g.used || g.over)
        return fail(ctx, PRECONDITION,
                    tr_mark("You have answered this already. Go back to the app and begin again there."));
    reply->code = code;
    return OK;
}

/* ---- tokens */

static enum code invalid_grant(struct ctx *ctx) {
    return fail(
        ctx, PRECONDITION,
        "The provided authorization grant is invalid, expired, revoked, does not match the redirection "
        "URI used in the authorization request, or was issued to another client.");
}

/* Somebody has a grant who should not: all that came of it ends. */
static enum code reused(struct ctx *ctx, const struct grant *g) {
    enum code c = user_store_family_end(ctx, g, user_security_body(ctx, g->user_id, "token.reused", "", 0));

    if (c != OK)
        return c;
    user_tokens_forget(ctx, g->user_id);
    return invalid_grant(ctx);
}

static struct pair make_pair(struct ctx *ctx, const struct grant *g, Pb__TokenReply *reply) {
    struct pair p = {.has_refresh = scopes_have(g->scopes, "offline_access")};

    reply->token = user_token_made(ctx, "", g->user_id, p.access);
    if (!p.has_refresh)
        return p;
    reply->refresh_token = crypto_token(ctx->arena, 32);
    hash_of(p.refresh, reply->refresh_token);
    p.expires_ms = clock_now_ms() + ACCESS_MS;
    return p;
}

/* Whether an app may use what it shows: it is its own, and was not used before. */
static enum code check_use(struct ctx *ctx, const struct grant *g, const Pb__App *app) {
    if (g->family == 0 || g->app_id != app->id)
        return invalid_grant(ctx);
    if (g->used)
        return reused(ctx, g);
    return g->over ? invalid_grant(ctx) : OK;
}

static bool verifier_fits(struct ctx *ctx, const char *verifier, const char *challenge) {
    if (text_is_empty(challenge))
        return true;
    return rules_verifier_fits(ctx->arena, verifier, challenge);
}

enum code user_service_exchange_code(struct ctx *ctx, const Pb__ExchangeCodeRequest *req,
                                     Pb__TokenReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    struct grant g;
    struct pair p;
    Pb__App *app;
    enum code c = user_app_authenticate(ctx, req->client_id, req->client_secret, &app);

    if (c != OK)
        return c;
    hash_of(hash, req->code);
    if ((c = user_store_code(ctx, hash, &g)) != OK || (c = check_use(ctx, &g, app)) != OK)
        return c;
    if (strcmp(g.redirect_uri, req->redirect_uri) != 0 || !verifier_fits(ctx, req->verifier, g.challenge))
        return invalid_grant(ctx);
    p = make_pair(ctx, &g, reply);
    c = user_store_code_use(ctx, hash, &p, user_security_body(ctx, g.user_id, "app.authorised", app->name, 0),
                            &reply->access);
    return c == OK && reply->access == NULL ? reused(ctx, &g) : c;
}

enum code user_service_refresh_token(struct ctx *ctx, const Pb__RefreshTokenRequest *req,
                                     Pb__TokenReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *scopes;
    struct grant g;
    struct pair p;
    Pb__App *app;
    enum code c = user_app_authenticate(ctx, req->client_id, req->client_secret, &app);

    if (c != OK)
        return c;
    hash_of(hash, req->refresh_token);
    if ((c = user_store_refresh(ctx, hash, &g)) != OK || (c = check_use(ctx, &g, app)) != OK ||
        (c = user_scopes_of_grant(ctx, req->scopes, g.scopes, &scopes)) != OK)
        return c;
    p = make_pair(ctx, &g, reply);
    c = user_store_refresh_use(ctx, hash, &p, scopes, &reply->access);
    return c == OK && reply->access == NULL ? reused(ctx, &g) : c;
}

/* ---- ends */

enum code user_service_revoke_token(struct ctx *ctx, const Pb__RevokeTokenRequest *req, Pb__Empty *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    struct grant g;
    Pb__App *app;
    enum code c = user_app_authenticate(ctx, req->client_id, req->client_secret, &app);

    (void)reply;
    if (c != OK)
        return c;
    hash_of(hash, req->token);
    if ((c = user_store_token_owner(ctx, hash, &g)) != OK || g.family == 0)
        return c; /* a token that opens nothing is as good as revoked */
    if (g.app_id != app->id)
        return fail(ctx, DENIED, "You are not authorized to revoke this token");
    c = user_store_family_end(ctx, &g, user_security_body(ctx, g.user_id, "app.left", app->name, 0));
    if (c != OK)
        return c;
    if (g.user_id != 0)
        user_tokens_forget(ctx, g.user_id);
    else if (user_store_token_forget(ctx, hash) != OK)
        fail_clear(ctx); /* it is kept for minutes only */
    return OK;
}

enum code user_service_list_access(struct ctx *ctx, const Pb__ListAccessRequest *req,
                                   Pb__ListAccessReply *reply) {
    return user_store_access(ctx, req->user_id, &reply->items, &reply->n_items);
}

enum code user_service_end_access(struct ctx *ctx, const Pb__EndAccessRequest *req, Pb__Empty *reply) {
    bool any;
    enum code c = user_store_access_end(
        ctx, req,
        user_security_body(ctx, req->user_id, req->app_id != 0 ? "app.ended" : "token.ended", "", 0), &any);

    (void)reply;
    if (c != OK)
        return c;
    user_tokens_forget(ctx, req->user_id);
    return any ? OK : fail(ctx, NOT_FOUND, tr_mark("This access has ended already."));
}
