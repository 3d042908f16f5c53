#include "fcgi/env.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/mail.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "fcgi/rpc_tls.h"
#include "gen/queries.h"

#define TRY_EVERY_US INT64_C(1000000)

/* What is still to be made up for, since a server was down. */
struct env_pending {
    bool has_node;
    bool started[SERVICE_MAX];
    int64_t tried_us;
};

static const struct service *service_at(const struct env *env, size_t i) {
    for (size_t k = 0; k <= i; k++)
        if (env->app->services[k] == NULL)
            return NULL;
    return i < SERVICE_MAX ? env->app->services[i] : NULL;
}

/* ---- opening ---- */

static enum code refuse(struct ctx *ctx, const char *what, const char *who) {
    const char *why =
        ctx->error.detail != NULL ? arena_strdup(ctx->arena, ctx->error.detail) : ctx->error.text;
    fail_clear(ctx);
    return fail_detail(ctx, INTERNAL, what, "%s%s%s", who, why != NULL ? ": " : "", why != NULL ? why : "");
}

static enum code open_database(struct ctx *ctx, struct env *env, size_t i, const struct service *s) {
    const struct config *c = env->config;
    const char *role = arena_printf(ctx->arena, "deeplink_%s", s->name);
    char *password = pg_secret(c->postgresql_secrets, role);
    env->pg[i] = pg_open(c->postgresql, role, password, s->queries, c->server_timeout_ms);
    free(password);
    pg_add_query(env->pg[i], &Q_RUNTIME_PING);
    enum code code = pg_connect(ctx, env->pg[i]);
    if (code == UNAVAILABLE) { /* the driver has logged it, and tries again by itself */
        fail_clear(ctx);
        return OK;
    }
    return code == OK ? OK : refuse(ctx, "a query does not prepare (has `deeplink migrate` been run?)", role);
}

/* Documents are opened where a service keeps some: the others need no password for them. */
static bool keeps_documents(const struct app *app) {
    for (const struct service *const *s = app->services; *s != NULL; s++)
        if ((*s)->collections != NULL)
            return true;
    return false;
}

static void open_others(struct env *env) {
    const struct config *c = env->config;
    char *password = pg_secret(c->postgresql_secrets, "deeplink_docs");
    env->redis = redis_open(c->redis, c->server_timeout_ms);
    if (keeps_documents(env->app))
        env->docs = docs_open(c->docs, c->postgresql, password, c->server_timeout_ms);
    env->mail = mail_open(c->mail, c->mail_from, c->server_timeout_ms);
    free(password);
}

/* Read by each worker at its start, so that a reload takes new ones. */
static enum code open_certificates(struct ctx *ctx, struct env *env) {
    const struct config *c = env->config;
    char why[RPC_TLS_WORDS];
    if (!config_needs_certificates(c))
        return OK;
    env->tls = rpc_tls_keys_new(c->grpc_ca, c->grpc_cert, c->grpc_key, why);
    return env->tls != NULL ? OK : fail_detail(ctx, INTERNAL, "no TLS between services", "%s", why);
}

/* Takes a number that no other running process has. Until that works, one drawn by lot. */
static void draw_node(struct ctx *ctx, struct env_pending *p) {
    unsigned node;
    for (size_t i = 0; i < SERVICE_MAX && !p->has_node; i++)
        if (ctx->env->pg[i] != NULL && pg_next_node(ctx, ctx->env->pg[i], &node) == OK) {
            id_set_node(node);
            p->has_node = true;
        }
    fail_clear(ctx);
}

/* A service's start hook; what it needs may be down, then it is tried again. */
static enum code start_services(struct ctx *ctx, struct env_pending *p) {
    const struct service *s;
    for (size_t i = 0; (s = service_at(ctx->env, i)) != NULL; i++) {
        if (p->started[i])
            continue;
        enum code code = s->start != NULL ? s->start(ctx) : OK;
        p->started[i] = code == OK;
        if (code == UNAVAILABLE || code == DEADLINE)
            fail_clear(ctx);
        else if (code != OK)
            return refuse(ctx, "a service does not start", s->name);
    }
    return OK;
}

static bool is_complete(const struct env *env, const struct env_pending *p) {
    bool all = p->has_node;
    for (size_t i = 0; service_at(env, i) != NULL; i++)
        all = all && p->started[i];
    return all;
}

static enum code make_up(struct ctx *ctx) {
    struct env *env = ctx->env;
    struct env_pending *p = env->pending;
    if (!p->has_node)
        draw_node(ctx, p);
    enum code code = start_services(ctx, p);
    p->tried_us = clock_mono_us();
    if (is_complete(env, p)) {
        free(p);
        env->pending = NULL;
    }
    return code;
}

enum code env_open(struct ctx *ctx, const struct config *config, const struct app *app,
                   struct env **ret_env) {
    struct env *env = calloc(1, sizeof *env);
    struct env_pending *pending = calloc(1, sizeof *pending);
    const struct service *s;
    unsigned lot;
    if (env == NULL || pending == NULL) {
        free(env);
        free(pending);
        return fail(ctx, INTERNAL, "there is no memory for the connections");
    }
    env->pending = pending;
    env->config = config;
    env->app = app;
    ctx->env = env;
    crypto_random(&lot, sizeof lot);
    id_set_node(lot & 1023);
    enum code code = OK;
    for (size_t i = 0; code == OK && (s = service_at(env, i)) != NULL; i++)
        if (rpc_is_here(s))
            code = open_database(ctx, env, i, s);
    if (code == OK)
        code = open_certificates(ctx, env);
    if (code == OK) {
        open_others(env);
        code = make_up(ctx);
    }
    if (code != OK) {
        env_close(env);
        ctx->env = NULL;
        return code;
    }
    env_settle(env);
    *ret_env = env;
    return OK;
}

void env_hang_up(struct env *env) {
    for (size_t i = 0; i < SERVICE_MAX; i++)
        if (env->pg[i] != NULL)
            pg_close(env->pg[i]);
    if (env->redis != NULL)
        redis_close(env->redis);
    if (env->docs != NULL)
        docs_close(env->docs);
}

void env_close(struct env *env) {
    if (env == NULL)
        return;
    env_hang_up(env);
    if (env->mail != NULL)
        mail_close(env->mail);
    rpc_tls_keys_free(env->tls);
    free(env->pending);
    free(env);
}

enum code env_require(struct ctx *ctx) {
    struct env *env = ctx->env;
    for (size_t i = 0; i < SERVICE_MAX; i++)
        if (env->pg[i] != NULL) {
            enum code code = pg_connect(ctx, env->pg[i]);
            if (code != OK)
                return code;
        }
    if (redis_do(ctx, env->redis, "PING") == NULL)
        return ctx->error.code;
    return env->docs == NULL ? OK : docs_ping(ctx, env->docs);
}

void env_settle(struct env *env) {
    for (size_t i = 0; i < SERVICE_MAX; i++)
        if (env->pg[i] != NULL)
            pg_settle(env->pg[i]);
    if (env->redis != NULL)
        redis_settle(env->redis);
}

void env_tick(struct env *env) {
    if (env->pending == NULL || clock_mono_us() - env->pending->tried_us < TRY_EVERY_US)
        return;
    struct arena *a = arena_new((size_t)4 << 20);
    struct ctx ctx = {.arena = a, .env = env, .request_id = "", .ip = "", .user_agent = ""};
    if (make_up(&ctx) != OK)
        log_error(&ctx, "a service does not start", "cause=%s", ctx.error.detail);
    env_settle(env);
    arena_free(a);
}
