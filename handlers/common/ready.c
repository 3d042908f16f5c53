#include "handlers/common/ready.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/lru.h"

/* Of the request that puts something in: what falls out may still be pointed to until its end. */
static struct arena *current;

static void ready_free(void *ready) { free(ready); /* lint: memory-of-the-arena: it outlives requests */ }

static void ready_drop(void *ready) { arena_defer(current, ready_free, ready); }

const struct ready *ready_get(struct ready_cache *k, int64_t key, const struct ready_stamp *now) {
    const struct ready *one = k->lru != NULL ? lru_get(k->lru, key) : NULL;

    if (one == NULL || one->stamp.version != now->version || one->stamp.other != now->other ||
        (one->stamp.until_ms != 0 && one->stamp.until_ms <= now->until_ms))
        return NULL;
    return one;
}

const struct ready *ready_put(struct ready_cache *k, struct arena *a, int64_t key,
                              const struct ready_stamp *stamp, const char *p, size_t n) {
    struct ready *one = malloc(sizeof *one + n); /* lint: memory-of-the-arena: it outlives the request */

    if (one == NULL)
        return NULL;
    *one = (struct ready){.stamp = *stamp, .n = n};
    memcpy(one->bytes, p, n);
    if (k->lru == NULL)
        k->lru = lru_new(k->max);
    current = a;
    if (k->lru != NULL)
        lru_put(k->lru, key, one, sizeof *one + n, ready_drop);
    else
        ready_drop(one);
    return one;
}
