#include "handlers/common/kept.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/lru.h"

/* Of the request that puts something in: what falls out may still be pointed to until its end. */
static struct arena *current;

static void kept_free(void *kept) { free(kept); /* lint: memory-of-the-arena: it outlives requests */ }

static void kept_drop(void *kept) { arena_defer(current, kept_free, kept); }

const struct kept *kept_get(struct keep *k, int64_t key, const struct kept_stamp *now) {
    const struct kept *one = k->lru != NULL ? lru_get(k->lru, key) : NULL;

    if (one == NULL || one->stamp.version != now->version || one->stamp.other != now->other ||
        (one->stamp.until_ms != 0 && one->stamp.until_ms <= now->until_ms))
        return NULL;
    return one;
}

const struct kept *kept_put(struct keep *k, struct arena *a, int64_t key, const struct kept_stamp *stamp,
                            const char *p, size_t n) {
    struct kept *one = malloc(sizeof *one + n); /* lint: memory-of-the-arena: it outlives the request */

    if (one == NULL)
        return NULL;
    *one = (struct kept){.stamp = *stamp, .n = n};
    memcpy(one->bytes, p, n);
    if (k->lru == NULL)
        k->lru = lru_new(k->max);
    current = a;
    if (k->lru != NULL)
        lru_put(k->lru, key, one, sizeof *one + n, kept_drop);
    else
        kept_drop(one);
    return one;
}
