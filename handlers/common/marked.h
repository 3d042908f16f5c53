/* Small numbers in hashes of Redis that carry a mark: field `_` moves with every change of the hash. So what
 * a worker has read of one it may keep, and ask for the mark alone, as long as that is the same. */
#ifndef DEEPLINK_COMMON_MARKED_H
#define DEEPLINK_COMMON_MARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct lru;
struct redis_want;

/* A kind of hashes, one an owner under "<name>:<owner>". Static; known is made when it is first needed. */
struct marked {
    const char *name;
    struct lru *known;
};

/* "bits", "bits:until" or "bits:…" as a field's value has it; all zero where there is no such field. */
struct marked_value {
    uint32_t bits;
    uint32_t until_s; /* the number behind the bits in seconds, where that is milliseconds of Unix time */
};

/* A question that is on its way. */
struct marked_ask {
    struct marked *kind;
    int64_t owner;
    const int64_t *ids;
    size_t n;
    const bool *asked; /* which of them; the worker knows the others */
    struct redis_want *want;
};

/* Queues the question for some ids (0: none) of an owner's hash; ids must live until it is answered. */
void marked_ask(struct ctx *ctx, struct marked *kind, int64_t owner, const int64_t *ids, size_t n,
                struct marked_ask *ret);

/* The same question ahead of its time, see redis_ahead(). */
void marked_ahead(struct ctx *ctx, struct marked *kind, int64_t owner, const int64_t *ids, size_t n);

/* The answer: a value for each id. Returns the hash's mark, which lives as long as the request; NULL when
 * there is no such hash, or no Redis (no failure is left in ctx). */
const char *marked_answer(struct ctx *ctx, const struct marked_ask *ask, struct marked_value *values);

#endif
