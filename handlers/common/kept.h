/* Bytes that a worker makes once and sends many times: kept by a key with what they depend on, the ones not
 * asked for longest go first. What falls out stays readable until the request ends. */
#ifndef DEEPLINK_COMMON_KEPT_H
#define DEEPLINK_COMMON_KEPT_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct lru;

/* A cache; a static one of its user, of which max is set. */
struct keep {
    size_t max; /* bytes */
    struct lru *lru;
};

/* What bytes depend on: right while both versions are these, until a moment. */
struct kept_stamp {
    int64_t version, other;
    int64_t until_ms; /* 0: no end */
};

struct kept {
    struct kept_stamp stamp;
    size_t n;
    char bytes[];
};

/* NULL when there are none that are right. until_ms of the stamp is the time now. */
const struct kept *kept_get(struct keep *k, int64_t key, const struct kept_stamp *now);

/* Keeps a copy; it can be read until the arena is reset, also when the cache has no room. NULL: no memory. */
const struct kept *kept_put(struct keep *k, struct arena *a, int64_t key, const struct kept_stamp *stamp,
                            const char *p, size_t n);

#endif
