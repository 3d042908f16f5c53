#include "fcgi/drivers/redis_reply.h"

#include <string.h>

#include "fcgi/base/arena.h"

/* Replies in the arena. Without one (replies that nobody wants) everything is the same empty object. */

static redisReply nothing;

static redisReply *reply_new(const redisReadTask *task, int type, size_t extra) {
    struct arena *arena = task->privdata;
    if (arena == NULL)
        return &nothing;
    redisReply *r = arena_alloc(arena, sizeof(*r) + extra);
    *r = (redisReply){.type = type};
    if (task->parent != NULL)
        ((redisReply *)task->parent->obj)->element[task->idx] = r;
    return r;
}

static void *reply_string(const redisReadTask *task, char *s, size_t n) {
    redisReply *r = reply_new(task, task->type, n + 1);
    if (r != &nothing) {
        r->str = (char *)(r + 1);
        r->len = n;
        memcpy(r->str, s, n);
        r->str[n] = '\0';
    }
    return r;
}

static void *reply_array(const redisReadTask *task, int n) {
    size_t bytes = n > 0 ? (size_t)n * sizeof(redisReply *) : 0;
    redisReply *r = reply_new(task, REDIS_REPLY_ARRAY, bytes);
    if (r != &nothing && n > 0) {
        r->element = (redisReply **)(r + 1);
        r->elements = (size_t)n;
        memset(r->element, 0, bytes);
    }
    return r;
}

static void *reply_integer(const redisReadTask *task, long long v) {
    redisReply *r = reply_new(task, REDIS_REPLY_INTEGER, 0);
    if (r != &nothing)
        r->integer = v;
    return r;
}

static void *reply_nil(const redisReadTask *task) { return reply_new(task, REDIS_REPLY_NIL, 0); }

static void reply_free(void *reply) { (void)reply; }

redisReplyObjectFunctions redis_reply_functions = {reply_string, reply_array, reply_integer, reply_nil,
                                                   reply_free};
