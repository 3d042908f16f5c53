#include "handlers/common/rate.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"

static const struct rate writes_default = {"write", 300, 300, false};
/* Of programs, reading and writing: as Mastodon's (https://docs.joinmastodon.org/api/rate-limits/), by member
 * or, where none is named, by address. */
static const struct rate member_default = {"api", 300, 300, false};
static const struct rate address_default = {"api-address", 7500, 300, true};
/* Of calls by gRPC, by what they need; the names are those of the routes that do the same. */
static const struct {
    const char *scope;
    struct rate rate;
} call_rates[] = {{"write:statuses", {"post", 60, 600, false}},
                  {"write:follows", {"follow", 120, 600, false}},
                  {"write", {"react", 600, 600, false}},
                  {"", {"api", 300, 300, false}}};
static const struct rate app_default = {"api-app", 300, 300, false};

static const struct rate *default_for(const struct request *req, int64_t claimed_user) {
    if (req->route->face == FACE_JSON)
        return claimed_user != 0 ? &member_default : &address_default;
    return (req->method & (METHOD_GET | METHOD_HEAD)) == 0 ? &writes_default : NULL;
}

const char *rate_address(struct ctx *ctx) {
    unsigned char six[16];
    char text[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, ctx->ip, six) != 1)
        return ctx->ip;
    memset(six + 8, 0, 8);
    return arena_strdup(ctx->arena, inet_ntop(AF_INET6, six, text, sizeof text));
}

/* who: an account's number, or a token's; 0: the address counts. */
static void choose(struct ctx *ctx, struct rate_check *c, const struct rate *rate, int64_t who) {
    int64_t now_s = clock_now_ms() / 1000, window;

    memset(c, 0, sizeof *c);
    if (rate == NULL || !ctx->env->config->rate_limits)
        return;
    window = now_s / rate->seconds;
    c->rate = rate;
    c->left_s = (window + 1) * rate->seconds - now_s;
    if (who != 0 && !rate->by_address)
        c->key = arena_printf(ctx->arena, "rate:%s:%" PRId64 ":%" PRId64, rate->name, who, window);
    else
        c->key = arena_printf(ctx->arena, "rate:%s:%s:%" PRId64, rate->name, rate_address(ctx), window);
}

void rate_choose(struct rate_check *c, struct request *req, int64_t claimed_user) {
    const struct rate *rate = req->route->rate != NULL ? req->route->rate : default_for(req, claimed_user);

    choose(&req->ctx, c, rate, claimed_user);
}

void rate_ask(const struct rate_check *c, struct redis *redis) {
    if (c->rate == NULL)
        return;
    redis_add(redis, "INCR %s", c->key);
    redis_add(redis, "EXPIRE %s %u", c->key, c->rate->seconds);
}

void rate_answer(struct ctx *ctx, struct rate_check *c, struct redis *redis) {
    const redisReply *r;

    if (c->rate == NULL)
        return;
    r = redis_next(ctx, redis);
    c->count = r != NULL && r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
    redis_next(ctx, redis);
}

void rate_unclaim(struct rate_check *c, struct request *req) {
    struct redis *redis = req->ctx.env->redis;

    if (c->rate == NULL || c->rate->by_address)
        return;
    redis_add(redis, "DECR %s", c->key);
    rate_choose(c, req, 0);
    rate_ask(c, redis);
    redis_next(&req->ctx, redis);
    rate_answer(&req->ctx, c, redis);
    fail_clear(&req->ctx);
}

void rate_tell(struct request *req, const struct rate_check *c) {
    struct arena *a = req->ctx.arena;
    int64_t left;

    if (c->rate == NULL || req->route->face != FACE_JSON)
        return;
    left = c->count < c->rate->count ? c->rate->count - c->count : 0;
    respond_header_always(req, "X-RateLimit-Limit", arena_printf(a, "%u", c->rate->count));
    respond_header_always(req, "X-RateLimit-Remaining", arena_printf(a, "%" PRId64, left));
    respond_header_always(req, "X-RateLimit-Reset", clock_iso(a, clock_now_ms() + c->left_s * 1000));
    respond_header_always(
        req, "RateLimit-Policy",
        arena_printf(a, "\"%s\";q=%u;w=%u", c->rate->name, c->rate->count, c->rate->seconds));
    respond_header_always(req, "RateLimit",
                          arena_printf(a, "\"%s\";r=%" PRId64 ";t=%" PRId64, c->rate->name, left, c->left_s));
}

enum code rate_judge(struct ctx *ctx, const struct rate_check *c) {
    if (c->rate == NULL || c->count <= c->rate->count)
        return OK;
    return fail_retry(ctx, EXHAUSTED, (int)c->left_s,
                      "That was too often in a short time. Wait a little, then try again.");
}

static const struct rate *rate_of_scope(const char *scope) {
    size_t i = 0;

    while (strncmp(scope, call_rates[i].scope, strlen(call_rates[i].scope)) != 0)
        i++;
    return &call_rates[i].rate;
}

enum code rate_call(struct ctx *ctx, int64_t user_id, int64_t token_id, const char *scope) {
    const struct rate *rate = user_id != 0 ? rate_of_scope(scope != NULL ? scope : "") : &app_default;
    struct rate_check c;

    choose(ctx, &c, rate, user_id != 0 ? user_id : token_id);
    rate_ask(&c, ctx->env->redis);
    rate_answer(ctx, &c, ctx->env->redis);
    fail_clear(ctx);
    return rate_judge(ctx, &c);
}
