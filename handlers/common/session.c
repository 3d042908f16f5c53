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
#include "handlers/common/csrf.h"
#include "handlers/common/models.h"
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

/* What the first Redis round told. */
struct found {
    const Pb__Session *session;
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

/* One round: session, card, card epoch, the rate's count, and whatever the route wants to know in the same
 * breath. */
static struct found look_up(struct request *req, const char *key, int64_t claimed, struct rate_check *rate) {
    struct ctx *ctx = &req->ctx;
    struct redis *redis = ctx->env->redis;
    struct found found = {0};
    redisReply *r;

    if (key != NULL)
        redis_add(redis, "MGET user:epoch %s user:card:%lld", key, (long long)claimed);
    else
        redis_add(redis, "MGET user:epoch");
    rate_ask(rate, redis);
    if (claimed != 0 && req->route->prefetch != NULL)
        req->route->prefetch(req, claimed);

    r = redis_next(ctx, redis);
    found.up = r != NULL;
    if (r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements >= 1) {
        cards_epoch(r->element[0]->type == REDIS_REPLY_STRING ? strtoll(r->element[0]->str, NULL, 10) : 0);
        if (r->elements == 3) {
            found.session = unpack_session(ctx, r->element[1], claimed);
            if (found.session != NULL && r->element[2]->type == REDIS_REPLY_STRING)
                found.card = (const Pb__UserCard *)rpc_unpack(ctx, &pb__user_card__descriptor,
                                                              r->element[2]->str, r->element[2]->len);
        }
    }
    rate_answer(ctx, rate, redis);
    return found;
}

static int language_or(const char *code, int otherwise) {
    int lang = i18n_find(code);

    return lang < 0 ? otherwise : lang;
}

static enum code identify(struct request *req, struct found *found) {
    struct ctx *ctx = &req->ctx;
    enum code c;

    if (found->session == NULL)
        return OK;
    if (found->card == NULL) {
        redis_settle(ctx->env->redis);
        if ((c = card_get(ctx, found->session->user_id, &found->card)) == NOT_FOUND) {
            fail_clear(ctx);
            return OK;
        }
        if (c != OK)
            return c;
    }
    if (found->card->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
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

static bool open_in_intranet(const struct route *route) {
    static const char *const open[] = {"/",       "/about",         "/confirm", "/confirm/{token}",
                                       "/logout", "/invite/{code}", "/reset",   "/reset/{token}"};

    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (strcmp(route->pattern, open[i]) == 0)
            return true;
    return route->auth == AUTH_NOBODY;
}

static enum code authorise(struct request *req, const struct found *found) {
    struct ctx *ctx = &req->ctx;
    const struct route *route = req->route;
    bool must = route->auth == AUTH_MEMBER || (ctx->env->config->intranet && !open_in_intranet(route));

    if (ctx->viewer_id == 0 && must) {
        if (!found->up)
            return fail_retry(ctx, UNAVAILABLE, 5,
                              "We can't check who you are right now. Try again in a moment.");
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    }
    if (ctx->viewer_id != 0 && route->auth == AUTH_NOBODY)
        return respond_redirect(req, "/");
    if ((ctx->permissions & route->permission) != route->permission)
        return fail(ctx, DENIED, "Your role does not allow this.");
    return OK;
}

static bool is_safe_method(enum method m) { return (m & (METHOD_GET | METHOD_HEAD)) != 0; }

enum code session_guard(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const char *token = request_cookie(req, SESSION_COOKIE);
    int64_t claimed = 0;
    const char *key = session_key(ctx, token, &claimed);
    struct rate_check rate;
    struct found found;
    enum code c;

    ctx->lang = i18n_negotiate(request_header(req, "Accept-Language"));
    if (key == NULL)
        claimed = 0;
    rate_choose(&rate, req, claimed);
    found = look_up(req, key, claimed, &rate);
    fail_clear(ctx); /* Redis being down concerns only those who need it */
    req->session.token = found.session != NULL ? token : NULL;
    if ((c = identify(req, &found)) != OK)
        return c;
    if (claimed != 0 && ctx->viewer_id == 0 && found.up)
        rate_unclaim(&rate, req);
    if ((c = authorise(req, &found)) != OK)
        return c;
    if (!req->res.done && !is_safe_method(req->method) && !req->route->csrf_exempt &&
        (c = csrf_check(req)) != OK)
        return c;
    req->session.csrf = csrf_token(req);
    return rate_judge(ctx, &rate);
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
