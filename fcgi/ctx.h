/* What a piece of work carries with it: whose it is, where its memory comes from, how it failed.
 * One request, one event or one command has one context; nothing of it survives the arena. */
#ifndef DEEPLINK_CTX_H
#define DEEPLINK_CTX_H

#include <stdint.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/err.h"

#define SERVICE_MAX 16

struct config;
struct pg;
struct redis;
struct docs;
struct mail;
struct app;
struct router;
struct rpc_tls_keys;

/* What a worker process holds for its whole life: connections made after the fork, configuration, caches. */
struct env {
    const struct config *config;
    const struct app *app;       /* services that live elsewhere have only name and contract */
    const struct router *router; /* NULL outside of `serve` */
    struct env_pending *pending; /* what env_open() could not do yet, see env.c; NULL: nothing */
    struct pg
        *pg[SERVICE_MAX]; /* by service index, each with its own login role; NULL for services not here */
    struct redis *redis;
    struct docs *docs;
    struct mail *mail;
    struct rpc_tls_keys *tls; /* certificates between services; NULL: no address asks for TLS */
    void *state[SERVICE_MAX]; /* a service's own worker-wide caches, made by its start hook */
};

struct ctx {
    struct arena *arena;
    struct env *env;
    struct error error;
    int64_t viewer_id;      /* the signed-in member; 0: nobody */
    uint64_t permissions;   /* the viewer's permission bits */
    int64_t session_id;     /* 0: none */
    int64_t token_id;       /* of the bearer token that the request came with; 0: none */
    int64_t app_id;         /* the app that the token was given to; 0: none */
    const char *request_id; /* never NULL */
    const char *ip;         /* the client's address as text; "" when unknown */
    const char *user_agent; /* "" when unknown */
    int64_t deadline_us;    /* clock_mono_us() after which nobody waits for the answer; 0: none */
    unsigned depth;         /* how many calls from service to service led here; see fcgi/rpc.h */
    int lang;               /* index of the language of texts, see fcgi/i18n.h */
};

/* Each of these records the failure in ctx->error and returns its code, so that a function can `return
 * fail(…)`. A failure recorded first wins over a later one, except that fields add up. `text` is public and
 * must be translatable literal or arena memory; `detail` goes to the log only. */
enum code fail(struct ctx *ctx, enum code code, const char *text);
enum code fail_detail(struct ctx *ctx, enum code code, const char *text, const char *detail_fmt, ...)
    __attribute__((format(printf, 4, 5)));
enum code fail_field(struct ctx *ctx, const char *field, const char *text); /* INVALID, 422 */
enum code fail_field_as(struct ctx *ctx, const char *field, const char *kind,
                        const char *text); /* kind: FIELD_TAKEN, say (fcgi/base/err.h) */
enum code fail_http(struct ctx *ctx, int http, enum code code, const char *text);
enum code fail_retry(struct ctx *ctx, enum code code, int seconds, const char *text);

/* Forgets a recorded failure: for callers that go on without what failed. */
void fail_clear(struct ctx *ctx);

/* Whether a failure only says that a server or a service is not there now. Then it is forgotten: for callers
 * that show less instead. */
bool fail_spared(struct ctx *ctx, enum code code);

/* Appends one (public) form-field error without changing what else is recorded; INVALID. */
bool ctx_failed(const struct ctx *ctx);

#endif
