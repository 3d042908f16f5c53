#include "fcgi/base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#endif

/* Under AddressSanitizer, bytes that nobody asked for are poisoned, so that an overrun or a pointer kept over
 * a reset shows. */
#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define poison(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define poison(p, n) ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
#endif

#define ALIGN ((size_t)16)
#define FIRST_BLOCK ((size_t)256 * 1024)
#define BLOCK_MAX ((size_t)1024 * 1024)

struct block {
    struct block *prev;
    size_t cap; /* bytes after the header */
    size_t n;   /* of them handed out */
    size_t pad; /* keeps the bytes after the header on a multiple of 16 */
};

struct cleanup {
    void (*fn)(void *arg);
    void *arg;
    struct cleanup *prev;
};

struct arena {
    struct block *first;
    struct block *last;
    struct cleanup *cleanups;
    size_t max;  /* sum of cap over all blocks never exceeds it */
    size_t held; /* sum of cap over all blocks */
    size_t used;
    void (*exhausted)(void *arg);
    void *exhausted_arg;
};

_Static_assert(sizeof(struct block) % 16 == 0, "block header keeps the alignment");

static unsigned char *block_bytes(struct block *b) { return (unsigned char *)(b + 1); }

static struct block *block_new(size_t cap, struct block *prev) {
    struct block *b = malloc(sizeof(*b) + cap);
    if (b == NULL)
        return NULL;
    b->prev = prev;
    b->cap = cap;
    b->n = 0;
    poison(block_bytes(b), cap);
    return b;
}

static void block_free(struct block *b) {
    unpoison(block_bytes(b), b->cap);
    free(b);
}

static _Noreturn void exhausted(struct arena *a) {
    if (a != NULL && a->exhausted != NULL)
        a->exhausted(a->exhausted_arg);
    fputs("arena: no memory left\n", stderr);
    abort();
}

struct arena *arena_new(size_t max_bytes) {
    struct arena *a = calloc(1, sizeof(*a));
    if (a == NULL)
        exhausted(NULL);
    a->max = max_bytes;
    a->first = block_new(max_bytes < FIRST_BLOCK ? max_bytes & ~(ALIGN - 1) : FIRST_BLOCK, NULL);
    if (a->first == NULL)
        exhausted(a);
    a->last = a->first;
    a->held = a->first->cap;
    return a;
}

void arena_reset(struct arena *a) {
    while (a->cleanups != NULL) {
        struct cleanup *c = a->cleanups;
        a->cleanups = c->prev;
        c->fn(c->arg);
    }
    while (a->last != a->first) {
        struct block *b = a->last;
        a->last = b->prev;
        block_free(b);
    }
    a->first->n = 0;
    a->held = a->first->cap;
    a->used = 0;
    poison(block_bytes(a->first), a->first->cap);
}

void arena_free(struct arena *a) {
    if (a == NULL)
        return;
    arena_reset(a);
    block_free(a->first);
    free(a);
}

void arena_on_exhausted(struct arena *a, void (*fn)(void *arg), void *arg) {
    a->exhausted = fn;
    a->exhausted_arg = arg;
}

/* Adds a block with room for n bytes (a multiple of 16). Blocks double, so that a large reply costs few of
 * them. */
static bool block_add(struct arena *a, size_t n) {
    size_t left = a->max - a->held;
    if (n > left)
        return false;
    size_t cap = a->last->cap < BLOCK_MAX / 2 ? a->last->cap * 2 : BLOCK_MAX;
    if (cap > left)
        cap = left & ~(ALIGN - 1);
    if (cap < n)
        cap = n;
    struct block *b = block_new(cap, a->last);
    if (b == NULL)
        return false;
    a->last = b;
    a->held += cap;
    return true;
}

static void *try_alloc(struct arena *a, size_t n) {
    if (n > SIZE_MAX - ALIGN)
        return NULL;
    size_t want = (n + ALIGN - 1) & ~(ALIGN - 1);
    if (want > a->last->cap - a->last->n && !block_add(a, want))
        return NULL;
    struct block *b = a->last;
    void *p = block_bytes(b) + b->n;
    b->n += want;
    a->used += want;
    unpoison(p, n);
    return p;
}

void *arena_alloc(struct arena *a, size_t n) {
    void *p = try_alloc(a, n);
    if (p == NULL)
        exhausted(a);
    return p;
}

void *arena_zalloc(struct arena *a, size_t n) {
    void *p = arena_alloc(a, n);
    memset(p, 0, n);
    return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size) {
    size_t n;
    if (__builtin_mul_overflow(count, size, &n))
        exhausted(a);
    return arena_zalloc(a, n);
}

bool arena_extend(struct arena *a, void *p, size_t old_n, size_t new_n) {
    struct block *b = a->last;
    size_t old_room = (old_n + ALIGN - 1) & ~(ALIGN - 1);
    if (new_n < old_n || new_n > b->cap || b->n < old_room)
        return false;
    size_t room = (new_n + ALIGN - 1) & ~(ALIGN - 1);
    if ((unsigned char *)p != block_bytes(b) + (b->n - old_room) || room > b->cap - (b->n - old_room))
        return false;
    b->n += room - old_room;
    a->used += room - old_room;
    unpoison(p, new_n);
    return true;
}

char *arena_strdup(struct arena *a, const char *s) {
    return s == NULL ? NULL : arena_memdup(a, s, strlen(s) + 1);
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    if (s == NULL)
        return NULL;
    size_t len = strnlen(s, n);
    char *p = arena_alloc(a, len + 1);
    memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

void *arena_memdup(struct arena *a, const void *p, size_t n) {
    void *copy = arena_alloc(a, n);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) {
    char small[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0) {
        va_end(again);
        exhausted(a);
    }
    if ((size_t)n < sizeof(small)) {
        va_end(again);
        return arena_memdup(a, small, (size_t)n + 1);
    }
    char *p = try_alloc(a, (size_t)n + 1);
    if (p != NULL)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    if (p == NULL)
        exhausted(a);
    return p;
}

void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg) {
    struct cleanup *c = try_alloc(a, sizeof(*c));
    if (c == NULL) {
        fn(arg);
        exhausted(a);
    }
    c->fn = fn;
    c->arg = arg;
    c->prev = a->cleanups;
    a->cleanups = c;
}

size_t arena_used(const struct arena *a) { return a->used; }
