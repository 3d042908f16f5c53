/* Apps and tokens: who is an app, and what a token opens. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/permission.h"
#include "handlers/common/scopes.h"
#include "handlers/common/token.h"
#include "handlers/user/rules.h"
#include "handlers/user/rules_oauth.h"
#include "handlers/user/service.h"
#include "handlers/user/service_tokens.h"

#define APP_NAME_MAX 60
#define URIS_MAX 10
#define TOKEN_NAME_MAX 60
#define DAYS_MAX 365
#define TOUCH_EVERY_MS (10 * 60 * 1000)
#define DAY_MS INT64_C(86400000)

/* ---- apps */

static enum code check_scopes(struct ctx *ctx, const char *text, const char *otherwise, const char **ret) {
    *ret = scopes_clean(ctx->arena, text, otherwise);
    if (*ret == NULL)
        return fail_field(ctx, "scopes", tr_mark("There is no such scope. Use those of the API reference."));
    return OK;
}

static enum code check_uris(struct ctx *ctx, const Pb__CreateAppRequest *req) {
    if (req->n_redirect_uris == 0)
        return fail_field(ctx, "redirect_uris",
                          tr_mark("Say where to go back to: redirect_uris is missing."));
    if (req->n_redirect_uris > URIS_MAX)
        return fail_field(ctx, "redirect_uris", tr_mark("Too many addresses: at most 10."));
    for (size_t i = 0; i < req->n_redirect_uris; i++)
        if (!rules_redirect_uri(req->redirect_uris[i]))
            return fail_field(ctx, "redirect_uris",
                              tr_mark("Each address must be absolute (https://…, or a scheme of the app) and "
                                      "without a fragment; or urn:ietf:wg:oauth:2.0:oob."));
    return OK;
}

enum code user_service_create_app(struct ctx *ctx, const Pb__CreateAppRequest *req, Pb__App *reply) {
    Pb__CreateAppRequest clean = *req;
    const char *client_id = crypto_token(ctx->arena, 32), *secret = crypto_token(ctx->arena, 32);
    unsigned char hash[CRYPTO_HASH_BYTES];
    Pb__App *app;
    enum code c;

    if (user_line(ctx, "client_name", req->name, APP_NAME_MAX, &clean.name) == OK &&
        text_is_empty(clean.name))
        fail_field(ctx, "client_name", tr_mark("Say the app's name: client_name is missing."));
    if (!text_is_empty(req->website) && !text_is_http_url(req->website))
        fail_field(ctx, "website", tr_mark("The website must be an address such as https://example.org."));
    check_uris(ctx, req);
    check_scopes(ctx, req->scopes, "read", &clean.scopes);
    if (ctx_failed(ctx))
        return ctx->error.code;
    crypto_digest(hash, secret, strlen(secret));
    if ((c = user_store_app_new(ctx, &clean, id_next(), client_id, hash, &app)) != OK)
        return c;
    *reply = *app;
    reply->client_secret = secret;
    return OK;
}

enum code user_app_authenticate(struct ctx *ctx, const char *client_id, const char *secret, Pb__App **ret) {
    struct stored_app stored = {0};
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c = user_store_app(ctx, 0, client_id, &stored);

    if (c != OK)
        return c;
    crypto_digest(hash, secret, strlen(secret));
    if (stored.app == NULL || !crypto_equal(hash, stored.secret_hash, sizeof hash))
        return fail(ctx, UNAUTHENTICATED,
                    "Client authentication failed due to unknown client, no client authentication included, "
                    "or unsupported authentication method.");
    *ret = stored.app;
    return OK;
}

enum code user_service_get_app(struct ctx *ctx, const Pb__GetAppRequest *req, Pb__App *reply) {
    struct stored_app stored = {0};
    Pb__App *app;
    enum code c;

    if (req->id == 0 && !req->trusted) {
        if ((c = user_app_authenticate(ctx, req->client_id, req->client_secret, &app)) == OK)
            *reply = *app;
        return c;
    }
    if ((c = user_store_app(ctx, req->id, req->client_id, &stored)) != OK)
        return c;
    if (stored.app == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such app. It may have to register again."));
    *reply = *stored.app;
    return OK;
}

/* ---- tokens */

const char *user_token_made(struct ctx *ctx, const char *prefix, int64_t user_id,
                            unsigned char hash[CRYPTO_HASH_BYTES]) {
    const char *token = token_new(ctx, prefix, user_id);
    int64_t claimed;

    token_hash(token, hash, &claimed);
    return token;
}

enum code user_scopes_of_grant(struct ctx *ctx, const char *asked, const char *most, const char **ret) {
    *ret = scopes_clean(ctx->arena, asked, most);
    if (*ret == NULL || !scopes_within(*ret, most))
        return fail(ctx, OUT_OF_RANGE, "The requested scope is invalid, unknown, or malformed.");
    return OK;
}

enum code user_service_issue_app_token(struct ctx *ctx, const Pb__AppTokenRequest *req,
                                       Pb__TokenReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *scopes;
    Pb__App *app;
    enum code c;

    if ((c = user_app_authenticate(ctx, req->client_id, req->client_secret, &app)) != OK ||
        (c = user_scopes_of_grant(ctx, req->scopes, app->scopes, &scopes)) != OK)
        return c;
    reply->token = user_token_made(ctx, "", 0, hash);
    return user_store_token_of_app(ctx, hash, app->id, scopes, &reply->access);
}

enum code user_token_of_newcomer(struct ctx *ctx, const Pb__App *app, int64_t user_id,
                                 Pb__TokenReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c;

    reply->token = user_token_made(ctx, "", user_id, hash);
    c = user_store_token_of_newcomer(ctx, hash, app->id, user_id, scopes_of_member(ctx->arena, app->scopes),
                                     user_security_body(ctx, user_id, "app.authorised", app->name, 0),
                                     &reply->access);
    if (c == OK && reply->access == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    return c;
}

bool user_may_give(const struct person *p, const char *scopes) {
    return !scopes_need_staff(scopes) || (p->card->permissions & ~(uint64_t)PERMISSIONS_MEMBER) != 0;
}

static enum code check_personal(struct ctx *ctx, const Pb__PersonalTokenRequest *req,
                                Pb__PersonalTokenRequest *clean) {
    struct person *p;
    enum code c = user_person(ctx, req->user_id, &p);

    if (c != OK)
        return c;
    if (user_line(ctx, "name", req->name, TOKEN_NAME_MAX, &clean->name) == OK && text_is_empty(clean->name))
        fail_field(ctx, "name", tr_mark("Give the token a name, so that you know it again."));
    if (check_scopes(ctx, req->scopes, "", &clean->scopes) == OK) {
        if (text_is_empty(clean->scopes))
            fail_field(ctx, "scopes", tr_mark("Choose what the token may do."));
        else if (!user_may_give(p, clean->scopes))
            fail_field(ctx, "scopes", tr_mark("Your role does not allow this."));
    }
    if (req->days < 1 || req->days > DAYS_MAX)
        fail_field(ctx, "days", tr_mark("Choose for how long: at most 365 days."));
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

enum code user_service_create_personal_token(struct ctx *ctx, const Pb__PersonalTokenRequest *req,
                                             Pb__TokenReply *reply) {
    Pb__PersonalTokenRequest clean = *req;
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c = check_personal(ctx, req, &clean);

    if (c != OK)
        return c;
    reply->token = user_token_made(ctx, TOKEN_PERSONAL_PREFIX, req->user_id, hash);
    c = user_store_token_personal(ctx, hash, &clean, clock_now_ms() + req->days * DAY_MS,
                                  user_security_body(ctx, req->user_id, "token.made", clean.name, 0),
                                  &reply->access);
    if (c == OK && reply->access == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    return c;
}

/* ---- tokens as they are used */

static enum code touch(struct ctx *ctx, Pb__AccessToken *access, const char *user_agent) {
    int64_t now = clock_now_ms();

    if (now - access->seen_ms < TOUCH_EVERY_MS)
        return OK;
    access->seen_ms = now;
    return user_store_token_seen(ctx, access->id,
                                 text_is_empty(user_agent) ? "" : rules_device(ctx->arena, user_agent));
}

/* The read model is a convenience: without Redis the answer stands all the same. */
static const char *lease(struct ctx *ctx, const char *key) {
    const char *word;

    if (user_store_token_lease(ctx, key, &word) == OK)
        return word;
    fail_clear(ctx);
    return NULL;
}

enum code user_service_verify_token(struct ctx *ctx, const Pb__VerifyTokenRequest *req,
                                    Pb__AccessToken *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *key, *word;
    Pb__AccessToken *access = NULL;
    int64_t claimed;
    enum code c;

    if (!text_is_empty(req->ip))
        ctx->ip = req->ip;
    if (!token_hash(req->token, hash, &claimed))
        return fail(ctx, UNAUTHENTICATED, tr_mark("The access token is invalid"));
    key = token_key(ctx, hash);
    word = lease(ctx, key);
    if ((c = user_store_token_live(ctx, hash, &access)) != OK)
        return c;
    if (access == NULL || access->user_id != claimed)
        return fail(ctx, UNAUTHENTICATED, tr_mark("The access token is invalid"));
    if (req->touch && (c = touch(ctx, access, req->user_agent)) != OK)
        return c;
    if (word != NULL && user_store_token_put(ctx, key, word, access) != OK)
        fail_clear(ctx);
    *reply = *access;
    return OK;
}
