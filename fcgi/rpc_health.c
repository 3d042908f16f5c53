/* grpc.health.v1: whether a service can work, for load balancers, and for the pools of each other. */
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/pool.h"
#include "fcgi/rpc.h"
#include "fcgi/rpc_session.h"
#include "gen/queries.h"
#include "grpc/health/v1/health.pb-c.h"

#define FRESH_US 500000 /* servers are asked no more often, however many watch */

static bool works(struct ctx *ctx, size_t service) {
    static struct {
        int64_t at_us;
        bool up;
    } known[SERVICE_MAX];
    int64_t now = clock_mono_us();
    if (known[service].at_us == 0 || now - known[service].at_us > FRESH_US) {
        known[service].at_us = now;
        known[service].up = pg_run(ctx, ctx->env->pg[service], &Q_RUNTIME_PING, NULL) == OK &&
                            redis_do(ctx, ctx->env->redis, "PING") != NULL;
        fail_clear(ctx);
    }
    return known[service].up;
}

/* `name` is a service's full name, or empty for all that are here. */
static Pb__HealthCheckResponse__ServingStatus status_of(struct ctx *ctx, const char *name) {
    bool found = name[0] == '\0', up = true;
    for (size_t i = 0; ctx->env->app->services[i] != NULL; i++) {
        const struct service *s = ctx->env->app->services[i];
        const ProtobufCServiceDescriptor *d = s->descriptor;
        if (!rpc_is_here(s) || (name[0] != '\0' && strcmp(name, d->name) != 0))
            continue;
        found = true;
        up = up && ctx->env->pg[i] != NULL && works(ctx, i);
    }
    if (!found)
        return PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    return up && !pool_stopping() ? PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                                  : PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

static enum code ask(struct ctx *ctx, const unsigned char *p, size_t n, Pb__HealthCheckResponse *reply) {
    const Pb__HealthCheckRequest *req = (const Pb__HealthCheckRequest *)(const void *)rpc_unpack(
        ctx, &pb__health_check_request__descriptor, p, n);
    if (req == NULL)
        return rpc_refuse(ctx, INVALID, "The message is malformed.");
    reply->status = status_of(ctx, req->service);
    return OK;
}

static void write_reply(struct ctx *ctx, const ProtobufCMessage *reply, struct buf *out) {
    const unsigned char *p;
    size_t n;
    rpc_pack(ctx, reply, &p, &n);
    buf_add(out, p, n);
}

static enum code check(struct ctx *ctx, const unsigned char *p, size_t n, struct buf *out) {
    Pb__HealthCheckResponse reply = PB__HEALTH_CHECK_RESPONSE__INIT;
    enum code code = ask(ctx, p, n, &reply);
    if (code == OK && reply.status == PB__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN)
        return rpc_refuse(ctx, NOT_FOUND, "There is no such service here.");
    write_reply(ctx, &reply.base, out);
    return code;
}

static enum code watch(struct ctx *ctx, const unsigned char *p, size_t n, struct buf *out) {
    Pb__HealthCheckResponse reply = PB__HEALTH_CHECK_RESPONSE__INIT;
    enum code code = ask(ctx, p, n, &reply);
    write_reply(ctx, &reply.base, out);
    return code;
}

const struct rpc_builtin rpc_health[] = {
    {"/grpc.health.v1.Health/Check", RPC_ONE, RPC_NOBODY, check},
    {"/grpc.health.v1.Health/Watch", RPC_WATCH, RPC_NOBODY, watch},
    {NULL, RPC_ONE, RPC_NOBODY, NULL},
};
