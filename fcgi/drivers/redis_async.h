/* Redis for an event loop (libev): commands whose replies come by callbacks, and what channels say. Nothing
 * here waits. The connection comes back by itself, with delays; then its owner asks for everything anew. */
#ifndef DEEPLINK_DRIVERS_REDIS_ASYNC_H
#define DEEPLINK_DRIVERS_REDIS_ASYNC_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

struct ev_loop;
struct redis_async;

/* The reply of a command, valid during the call; NULL: the connection was lost before it came. */
typedef void redis_async_fn(void *arg, const redisReply *reply);

struct redis_async_events {
    void (*up)(void *arg);   /* connected: nothing was asked for yet */
    void (*down)(void *arg); /* not any more; every callback still due has got NULL */
    void (*push)(void *arg, const redisReply *message); /* for a connection that listens to channels: whatever
                                                           comes; NULL: it never does */
    void *arg;
};

/* url as for redis_open(). Connects from the loop; NULL when the url is none. The caller closes it. */
struct redis_async *redis_async_open(struct ev_loop *loop, const char *url,
                                     const struct redis_async_events *events);
/* Calls nothing back any more. */
void redis_async_close(struct redis_async *r);

bool redis_async_is_up(const struct redis_async *r);

/* Queues a command; sent at the loop's next turn, together with others. fn may be NULL. A connection that
 * listens has no callbacks: pass NULL. False: not connected, and fn is not called. */
bool redis_async_do(struct redis_async *r, redis_async_fn *fn, void *arg, int argc, const char **argv);

#endif
