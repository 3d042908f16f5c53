/* The connections and caches of one process: opened after the fork, closed at its end. */
#ifndef DEEPLINK_ENV_H
#define DEEPLINK_ENV_H

#include "fcgi/ctx.h"

struct app;
struct config;
struct router;

/* Opens the drivers of every service of app, prepares their queries, takes an id node, runs the services'
 * start hooks. A server that is down is left for later: UNAVAILABLE is not a failure here. INTERNAL, in ctx,
 * when a query does not prepare or a password is missing: no restart mends that. Sets ctx->env. The caller
 * closes *ret_env. */
enum code env_open(struct ctx *ctx, const struct config *config, const struct app *app, struct env **ret_env);
void env_close(struct env *env);

/* Closes the connections to the servers that rows and documents are in, for who has opened some of them
 * alone. */
void env_hang_up(struct env *env);

/* Insists: for commands that make no sense without the servers. UNAVAILABLE in ctx when one is down. */
enum code env_require(struct ctx *ctx);

/* Between two requests: drops what the last one left on the connections. */
void env_settle(struct env *env);

/* Now and then: makes up for what was down at the start (id node, start hooks). Cheap when there is nothing
 * to make up for. */
void env_tick(struct env *env);

#endif
