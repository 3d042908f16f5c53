#include "fcgi/base/lru.h"

#include <stdlib.h>

#define FIRST_SLOTS ((size_t)64)
#define MANY ((size_t)256)

/* What a look-up reads stands first: one cache line where possible. */
struct entry {
    struct entry *next; /* in its slot */
    int64_t key;
    void *value;
    uint64_t moved; /* when it became the newest: l->moves then */
    struct entry *newer;
    struct entry *older;
    size_t size; /* with the entry itself */
    void (*free_fn)(void *value);
};

struct lru {
    struct entry **slots;
    size_t n_slots; /* a power of two */
    struct entry *newest;
    struct entry *oldest;
    size_t max_bytes;
    uint64_t moves;
    struct lru_stats stats;
};

/* Ids of one millisecond differ in few bits: mixed by the finalizer of splitmix64. */
static size_t slot_of(int64_t key, size_t n_slots) {
    uint64_t x = (uint64_t)key;
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (size_t)(x ^ (x >> 31)) & (n_slots - 1);
}

static void free_value(void *value, void (*free_fn)(void *value)) {
    if (free_fn != NULL)
        free_fn(value);
}

struct lru *lru_new(size_t max_bytes) {
    struct lru *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->slots = calloc(FIRST_SLOTS, sizeof(*l->slots));
    if (l->slots == NULL) {
        free(l);
        return NULL;
    }
    l->n_slots = FIRST_SLOTS;
    l->max_bytes = max_bytes;
    return l;
}

void lru_free(struct lru *l) {
    if (l == NULL)
        return;
    lru_clear(l);
    free(l->slots);
    free(l);
}

static void unlink_age(struct lru *l, struct entry *e) {
    *(e->newer != NULL ? &e->newer->older : &l->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &l->oldest) = e->newer;
}

static void link_newest(struct lru *l, struct entry *e) {
    e->newer = NULL;
    e->older = l->newest;
    *(l->newest != NULL ? &l->newest->newer : &l->oldest) = e;
    l->newest = e;
    e->moved = ++l->moves;
}

/* Among the newest eighth of many, so that it need not move: moving touches three more entries. */
static bool is_young(const struct lru *l, const struct entry *e) {
    return l->moves - e->moved <= (l->stats.entries >= MANY ? l->stats.entries / 8 : 0);
}

/* Where the key's entry hangs, or the NULL at the end of its slot. */
static struct entry **find(struct lru *l, int64_t key) {
    struct entry **at = &l->slots[slot_of(key, l->n_slots)];
    while (*at != NULL && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

static void drop(struct lru *l, struct entry **at) {
    struct entry *e = *at;
    *at = e->next;
    unlink_age(l, e);
    l->stats.entries--;
    l->stats.bytes -= e->size;
    free_value(e->value, e->free_fn);
    free(e);
}

void *lru_get(struct lru *l, int64_t key) {
    struct entry *e = *find(l, key);
    if (e == NULL) {
        l->stats.misses++;
        return NULL;
    }
    l->stats.hits++;
    if (e != l->newest && !is_young(l, e)) {
        unlink_age(l, e);
        link_newest(l, e);
    }
    return e->value;
}

/* Twice the slots. Without memory for them the chains just grow longer. */
static void grow(struct lru *l) {
    size_t n_slots = l->n_slots * 2;
    struct entry **slots = calloc(n_slots, sizeof(*slots));
    if (slots == NULL)
        return;
    for (struct entry *e = l->newest; e != NULL; e = e->older) {
        struct entry **slot = &slots[slot_of(e->key, n_slots)];
        e->next = *slot;
        *slot = e;
    }
    free(l->slots);
    l->slots = slots;
    l->n_slots = n_slots;
}

bool lru_put(struct lru *l, int64_t key, void *value, size_t size, void (*free_fn)(void *value)) {
    lru_remove(l, key);
    struct entry *e = NULL;
    bool fits = size <= l->max_bytes && sizeof(*e) <= l->max_bytes - size;
    if (!fits || (e = malloc(sizeof(*e))) == NULL) {
        free_value(value, free_fn);
        return false;
    }
    size += sizeof(*e);
    while (l->stats.bytes > l->max_bytes - size) {
        drop(l, find(l, l->oldest->key));
        l->stats.evictions++;
    }
    if (l->stats.entries >= l->n_slots / 2)
        grow(l);
    struct entry **slot = &l->slots[slot_of(key, l->n_slots)];
    *e = (struct entry){.next = *slot, .key = key, .value = value, .size = size, .free_fn = free_fn};
    *slot = e;
    link_newest(l, e);
    l->stats.entries++;
    l->stats.bytes += size;
    return true;
}

void lru_remove(struct lru *l, int64_t key) {
    struct entry **at = find(l, key);
    if (*at != NULL)
        drop(l, at);
}

void lru_clear(struct lru *l) {
    while (l->oldest != NULL)
        drop(l, find(l, l->oldest->key));
}

struct lru_stats lru_stats(const struct lru *l) {
    return l->stats;
}
