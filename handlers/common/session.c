#include "handlers/common/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "fcgi/router.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/bearer.h"
#include "handlers/common/bell.h"
#include "handlers/common/csrf.h"
#include "handlers/common/models.h"
#include "handlers/common/once.h"
#include "handlers/common/rate.h"

#define SECRET_CHARS 43 /* 32 bytes in base64url */
#define TOUCH_EVERY_MS (10 * 60 * 1000)

const char *session_key(struct ctx *ctx, const char *token, int64_t *ret_user) {
    const char *dot = token == NULL ? NULL : strchr(token, '.');
    unsigned char hash[32];
    char digits[ID_STR_MAX];

    if (dot == NULL || (size_t)(dot - token) >= sizeof digits || strlen(dot + 1) != SECRET_CHARS)
        return NULL;
    memcpy(digits, token, (size_t)(dot - token));
    digits[dot - token] = '\0';
    if (!id_parse(digits, ret_user))
        return NULL;
    crypto_digest(hash, dot + 1, SECRET_CHARS);
    return arena_printf(ctx->arena, "session:%s", text_hex(ctx->arena, hash, sizeof hash));
}

void session_cookie_set(struct request *req, const char *token) {
    respond_cookie(req, SESSION_COOKIE, token, req->ctx.env->config->session_days * 86400);
}

void session_cookie_clear(struct request *req) { respond_cookie(req, SESSION_COOKIE, "", -1); }

/* Who the request says it is from: by a bearer token or by the session cookie, never by both. */
struct claim {
    struct bearer bearer;
    const char *token; /* of the session */
    const char *key;   /* what to look up; NULL: nobody is claimed */
    int64_t user_id;   /* 0: nobody, or an app that acts for itself */
};

static void read_claim(struct request *req, struct claim *ret) {
    *ret = (struct claim){0};
    bearer_read(req, &ret->bearer);
    if (ret->bearer.token != NULL) {
        ret->key = ret->bearer.key;
        ret->user_id = ret->key != NULL ? ret->bearer.user_id : 0;
        return;
    }
    ret->token = request_cookie(req, SESSION_COOKIE);
    if ((ret->key = session_key(&req->ctx, ret->token, &ret->user_id)) == NULL)
        ret->user_id = 0;
}

/* What the first Redis round told. */
struct found {
    const Pb__Session *session;
    const Pb__AccessToken *access;
    const Pb__UserCard *card;
    bool up; /* Redis answered */
};

static const Pb__Session *unpack_session(struct ctx *ctx, const redisReply *r, int64_t claimed) {
    const Pb__Session *s;

    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return NULL;
    s = (const Pb__Session *)rpc_unpack(ctx, &pb__session__descriptor, r->str, r->len);
    return s != NULL && s->user_id == claimed ? s : NULL;
}

/* The replies behind the epoch: session or token, and the card. */
static void read_found(struct ctx *ctx, const redisReply *r, const struct claim *claim, struct found *found) {
    if (r->elements < 2)
        return;
    if (claim->bearer.token != NULL)
        found->access = bearer_unpack(ctx, r->element[1], &claim->bearer);
    else
        found->session = unpack_session(ctx, r->element[1], claim->user_id);
    if ((found->access != NULL || found->session != NULL) && r->elements == 3 &&
        r->element[2]->type == REDIS_REPLY_STRING)
        found->card = (const Pb__UserCard *)rpc_unpack(ctx, &pb__user_card__descriptor, r->element[2]->str,
                                                       r->element[2]->len);
}

static void ask_who(struct redis *redis, const struct claim *claim) {
    if (claim->key == NULL)
        redis_add(redis, "MGET user:epoch");
    else if (claim->user_id == 0)
        redis_add(redis, "MGET user:epoch %s", claim->key);
    else
        redis_add(redis, "MGET user:epoch %s user:card:%lld", claim->key, (long long)claim->user_id);
}

/* One round: session or token, card, card epoch, the rate's count, and whatever the route wants to know in
 * the same breath. */
static struct found look_up(struct request *req, const struct claim *claim, struct rate_check *rate) {
    struct ctx *ctx = &req->ctx;
    struct redis *redis = ctx->env->redis;
    struct found found = {0};
    redisReply *r;

    ask_who(redis, claim);
    rate_ask(rate, redis);
    if (claim->user_id != 0 && req->route->face == FACE_PAGE && req->method == METHOD_GET)
        bell_ahead(ctx, claim->user_id);
    if (claim->user_id != 0 && req->route->prefetch != NULL)
        req->route->prefetch(req, claim->user_id);

    r = redis_next(ctx, redis);
    found.up = r != NULL;
    if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements >= 1) {
        cards_epoch(r->element[0]->type == REDIS_REPLY_STRING ? strtoll(r->element[0]->str, NULL, 10) : 0);
        read_found(ctx, r, claim, &found);
    }
    rate_answer(ctx, rate, redis);
    return found;
}

static int language_or(const char *code, int otherwise) {
    int lang = i18n_find(code);

    return lang < 0 ? otherwise : lang;
}

/* The member's card where Redis had none; NULL when there is no such member. */
static enum code find_card(struct ctx *ctx, int64_t user_id, struct found *found) {
    enum code c;

    if (found->card != NULL)
        return OK;
    redis_settle(ctx->env->redis);
    if ((c = card_get(ctx, user_id, &found->card)) != NOT_FOUND)
        return c;
    fail_clear(ctx);
    return OK;
}

static enum code identify_session(struct request *req, struct found *found) {
    struct ctx *ctx = &req->ctx;
    enum code c;

    if (found->session == NULL)
        return OK;
    if ((c = find_card(ctx, found->session->user_id, found)) != OK)
        return c;
    if (found->card == NULL || found->card->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return OK;
    ctx->viewer_id = found->session->user_id;
    ctx->session_id = found->session->id;
    ctx->permissions = found->card->permissions;
    req->session.session = found->session;
    req->session.card = found->card;
    if (!text_is_empty(found->session->language))
        ctx->lang = language_or(found->session->language, ctx->lang);
    return OK;
}

/* Whether a bad token fails the request; else it counts as none. */
static bool needs_token(const struct route *route) {
    return route->auth == AUTH_MEMBER || route->auth == AUTH_APP || route->auth == AUTH_NEWCOMER ||
           route->scope != NULL;
}

/* Whether a member in this state may ask for this at all. */
static bool is_admitted(const struct route *route, Pb__AccountState state) {
    if (route->auth == AUTH_NEWCOMER &&
        (state == PB__ACCOUNT_STATE__STATE_UNCONFIRMED || state == PB__ACCOUNT_STATE__STATE_PENDING))
        return true;
    return state == PB__ACCOUNT_STATE__STATE_ACTIVE;
}

static enum code identify_bearer(struct request *req, const struct claim *claim, struct found *found) {
    struct ctx *ctx = &req->ctx;
    enum code c;

    if (found->access == NULL && claim->key != NULL) {
        redis_settle(ctx->env->redis);
        if ((c = bearer_ask(ctx, &claim->bearer, &found->access)) != OK)
            return c;
    }
    if (found->access == NULL)
        return needs_token(req->route) ? bearer_refuse(req) : OK;
    if (claim->user_id != 0) {
        if ((c = find_card(ctx, claim->user_id, found)) != OK)
            return c;
        if (found->card == NULL)
            return bearer_refuse(req);
        if (!is_admitted(req->route, found->card->state))
            return bearer_unavailable(ctx, found->card->state);
        ctx->viewer_id = claim->user_id;
        ctx->permissions = found->card->permissions;
        req->session.card = found->card;
    }
    ctx->token_id = found->access->id;
    ctx->app_id = found->access->app_id;
    req->session.token = claim->bearer.token;
    req->session.access = found->access;
    return bearer_judge(req, found->access);
}

static bool open_in_intranet(const struct route *route) {
    static const char *const open[] = {"/",
                                       "/about",
                                       "/confirm",
                                       "/confirm/{token}",
                                       "/logout",
                                       "/avatars/{file}",
                                       "/banners/{file}",
                                       "/invite/{code}",
                                       "/reset",
                                       "/reset/{token}",
                                       "/unsubscribe/{token}",
                                       "/oauth/authorize",
                                       "/oauth/token",
                                       "/oauth/revoke",
                                       "/api/v1/apps",
                                       "/api/v1/instance",
                                       "/api/v2/instance",
                                       "/api/deeplink/v1/auth/confirm",
                                       "/api/deeplink/v1/auth/confirm/mail",
                                       "/api/deeplink/v1/auth/reset",
                                       "/api/deeplink/v1/auth/reset/mail",
                                       "/.well-known/oauth-authorization-server",
                                       "/.well-known/change-password",
                                       "/.well-known/security.txt"};

    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (strcmp(route->pattern, open[i]) == 0)
            return true;
    return route->auth == AUTH_NOBODY || route->auth == AUTH_APP;
}

static enum code nobody(struct request *req, const struct found *found) {
    struct ctx *ctx = &req->ctx;

    if (ctx->token_id != 0)
        return fail_http(ctx, 422, UNAUTHENTICATED, tr_mark("This method requires an authenticated user"));
    if (!found->up)
        return fail_retry(ctx, UNAVAILABLE, 5,
                          "We can't check who you are right now. Try again in a moment.");
    return req->route->face == FACE_JSON ? bearer_refuse(req)
                                         : fail(ctx, UNAUTHENTICATED, "Log in to go on.");
}

static enum code authorise(struct request *req, const struct found *found) {
    struct ctx *ctx = &req->ctx;
    const struct route *route = req->route;
    bool must = route->auth == AUTH_MEMBER || route->auth == AUTH_NEWCOMER ||
                (ctx->env->config->intranet && !open_in_intranet(route));

    if (ctx->viewer_id == 0 && (must || (route->auth == AUTH_APP && ctx->token_id == 0)))
        return nobody(req, found);
    if (ctx->viewer_id != 0 && route->auth == AUTH_NOBODY)
        return respond_redirect(req, "/");
    if ((ctx->permissions & route->permission) != route->permission)
        return fail(ctx, DENIED, "Your role does not allow this.");
    return OK;
}

static bool is_safe_method(enum method m) { return (m & (METHOD_GET | METHOD_HEAD)) != 0; }

/* A token that no browser sends by itself needs no proof; nor does a program without cookie, which acts for
 * nobody. */
static bool needs_csrf(const struct request *req) {
    if (req->res.done || is_safe_method(req->method) || req->route->csrf_exempt)
        return false;
    return req->route->face != FACE_JSON || req->ctx.session_id != 0;
}

enum code session_guard(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct claim claim;
    struct rate_check rate;
    struct found found;
    enum code c;

    ctx->lang = i18n_negotiate(request_header(req, "Accept-Language"));
    read_claim(req, &claim);
    rate_choose(&rate, req, claim.user_id);
    found = look_up(req, &claim, &rate);
    fail_clear(ctx); /* Redis being down concerns only those who need it */
    req->session.token = found.session != NULL ? claim.token : NULL;
    c = claim.bearer.token != NULL ? identify_bearer(req, &claim, &found) : identify_session(req, &found);
    if (claim.user_id != 0 && ctx->viewer_id == 0 && found.up)
        rate_unclaim(&rate, req);
    rate_tell(req, &rate);
    if (c != OK || (c = authorise(req, &found)) != OK)
        return c;
    if (needs_csrf(req) && (c = csrf_check(req)) != OK)
        return c;
    if (req->route->face == FACE_PAGE || ctx->session_id != 0) /* nothing else has forms */
        req->session.csrf = csrf_token(req);
    c = rate_judge(ctx, &rate);
    return c != OK ? c : once_begin(req);
}

void session_touch(struct request *req) {
    const Pb__Session *s = req->session.session;
    Pb__VerifySessionRequest verify = PB__VERIFY_SESSION_REQUEST__INIT;

    if (s == NULL || req->session.token == NULL || clock_now_ms() - s->seen_ms < TOUCH_EVERY_MS ||
        ctx_failed(&req->ctx))
        return;
    verify.token = req->session.token;
    if (user_verify_session(&req->ctx, &verify, NULL) != OK)
        fail_clear(&req->ctx); /* the next request tries again */
}
