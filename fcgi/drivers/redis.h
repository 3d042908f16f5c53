/* Redis by hiredis: one connection a worker, pipelined, replies in the arena, reconnecting by itself.
 * A dead Redis is UNAVAILABLE at once (no waiting beyond the time-out; after a failure at most one attempt a
 * second). */
#ifndef DEEPLINK_DRIVERS_REDIS_H
#define DEEPLINK_DRIVERS_REDIS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct redis;

/* url: "unix:///path[?db=N]" or "redis://[:password@]host:port[/db]". Does not connect yet. The caller closes
 * it. */
struct redis *redis_open(const char *url, int timeout_ms);
void redis_close(struct redis *r);

/* Queues one command (printf-like as hiredis: %s, %b with size_t length, %lld …). Nothing is sent before
 * redis_next(). */
void redis_add(struct redis *r, const char *fmt, ...);
void redis_add_argv(struct redis *r, int argc, const char **argv, const size_t *lens);

/* The reply of the oldest queued command not yet fetched; lives in ctx->arena. NULL: connection failed
 * (UNAVAILABLE recorded in ctx; every later redis_next() of the same batch gives NULL too). An error reply of
 * Redis is a reply (type REDIS_REPLY_ERROR). */
redisReply *redis_next(struct ctx *ctx, struct redis *r);

/* One command, one reply. NULL on connection failure or error reply (recorded in ctx). */
redisReply *redis_do(struct ctx *ctx, struct redis *r, const char *fmt, ...);

/* The same without a turn: the reply is kept until somebody asks for it by redis_got() (NULL: connection
 * failure, recorded in ctx). So several can be queued in one place, go with whatever goes first, and be
 * fetched in any order. For commands that only read. */
struct redis_want;
struct redis_want *redis_want(struct ctx *ctx, struct redis *r, int argc, const char **argv);
redisReply *redis_got(struct ctx *ctx, struct redis *r, const struct redis_want *w);

/* Queues a command that will be wanted later in this request, so that it goes along with an earlier round:
 * each redis_want() of exactly the same words takes its reply, until another command than a want is queued,
 * which might change something. A guess that nobody asks for costs no more than itself. */
void redis_ahead(struct ctx *ctx, struct redis *r, int argc, const char **argv);

/* How many commands other than wants were queued until now: for who keeps wants by himself. */
uint64_t redis_changes(const struct redis *r);

/* A Lua script, sent by its hash; loaded on NOSCRIPT. `src` is a constant; sha is filled on first use. */
struct redis_script {
    const char *src;
    char sha[41];
};
/* Queues EVALSHA; with redis_next_script() to fetch (which resends the source when Redis lost it).
 * argv: n_keys keys, then arguments. The arrays must live until the reply is fetched. */
void redis_add_script(struct ctx *ctx, struct redis *r, struct redis_script *s, int n_keys, int argc,
                      const char **argv, const size_t *lens);
redisReply *redis_next_script(struct ctx *ctx, struct redis *r);

/* Fetches and drops every reply still outstanding: called by the dispatcher between requests. */
void redis_settle(struct redis *r);

/* True when the last use succeeded or it never failed; for /readyz use redis_do(PING). */
bool redis_is_up(const struct redis *r);

#endif
