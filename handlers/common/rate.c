#include "handlers/common/rate.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"

static const struct rate writes_default = {"write", 300, 300, false};

const char *rate_address(struct ctx *ctx) {
    unsigned char six[16];
    char text[INET6_ADDRSTRLEN];

    if (inet_pton(AF_INET6, ctx->ip, six) != 1)
        return ctx->ip;
    memset(six + 8, 0, 8);
    return arena_strdup(ctx->arena, inet_ntop(AF_INET6, six, text, sizeof text));
}

void rate_choose(struct rate_check *c, struct request *req, int64_t claimed_user) {
    struct ctx *ctx = &req->ctx;
    const struct rate *rate = req->route->rate;
    int64_t now_s = clock_now_ms() / 1000, window;

    memset(c, 0, sizeof *c);
    if (rate == NULL && (req->method & (METHOD_GET | METHOD_HEAD)) == 0)
        rate = &writes_default;
    if (rate == NULL || !ctx->env->config->rate_limits)
        return;
    window = now_s / rate->seconds;
    c->rate = rate;
    c->left_s = (window + 1) * rate->seconds - now_s;
    if (claimed_user != 0 && !rate->by_address)
        c->key = arena_printf(ctx->arena, "rate:%s:%" PRId64 ":%" PRId64, rate->name, claimed_user, window);
    else
        c->key = arena_printf(ctx->arena, "rate:%s:%s:%" PRId64, rate->name, rate_address(ctx), window);
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

enum code rate_judge(struct ctx *ctx, const struct rate_check *c) {
    if (c->rate == NULL || c->count <= c->rate->count)
        return OK;
    return fail_retry(ctx, EXHAUSTED, (int)c->left_s,
                      "That was too often in a short time. Wait a little, then try again.");
}
