/* LRU cache: values by a 64-bit key, bounded in bytes; the one not asked for longest goes first (in a
 * large cache about the longest). For one thread. */
#ifndef DEEPLINK_BASE_LRU_H
#define DEEPLINK_BASE_LRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lru;

struct lru_stats {
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions; /* values that went for want of room */
    size_t entries;
    size_t bytes; /* of max_bytes, what the cache itself needs for an entry included */
};

/* An empty cache that holds at most max_bytes. Freed by lru_free(); NULL without memory. */
struct lru *lru_new(size_t max_bytes);
void lru_free(struct lru *l);

/* The value, now the newest; NULL when it is not there. It stays the cache's, valid until the next put,
 * remove or clear. */
void *lru_get(struct lru *l, int64_t key);

/* Keeps value, of size bytes, in place of what the key had, and evicts the oldest ones for it. The cache owns
 * it from now on and gives it back by free_fn(value) (NULL: nobody needs to). When it does not fit at all, or
 * there is no memory, it is freed at once, the key has nothing, and false is returned. */
bool lru_put(struct lru *l, int64_t key, void *value, size_t size, void (*free_fn)(void *value));

/* Frees one value, or all. The counters stay. */
void lru_remove(struct lru *l, int64_t key);
void lru_clear(struct lru *l);

struct lru_stats lru_stats(const struct lru *l);

#endif
