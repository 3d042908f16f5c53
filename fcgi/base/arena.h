/* Arena: memory that lives as long as one request (or one job) and is freed by one call. */
#ifndef DEEPLINK_BASE_ARENA_H
#define DEEPLINK_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* Makes an arena that never holds more than max_bytes. The caller frees it with arena_free(). */
struct arena *arena_new(size_t max_bytes);

/* Runs the cleanups and frees the arena itself. NULL is ignored. */
void arena_free(struct arena *a);

/* Runs the cleanups in reverse order and empties the arena; the first block is kept for the next use. */
void arena_reset(struct arena *a);

/* Says who takes over when the arena is full or the machine has no memory: fn must not return (longjmp or
 * exit). Without one, the process aborts. So no allocation below ever returns NULL. */
void arena_on_exhausted(struct arena *a, void (*fn)(void *arg), void *arg);

/* n bytes, aligned to 16, not zeroed. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);

/* n bytes of zeros, aligned to 16. */
void *arena_zalloc(struct arena *a, size_t n);

/* count * size bytes of zeros; an overflow counts as exhausted. */
void *arena_calloc(struct arena *a, size_t count, size_t size);

/* A copy that ends in NUL. s may be NULL: then NULL. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void *arena_memdup(struct arena *a, const void *p, size_t n);

/* printf into the arena. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Grows the newest allocation in place from old_n to new_n bytes; false, and nothing changed, when p is not
 * the newest one or its block has no room. */
bool arena_extend(struct arena *a, void *p, size_t old_n, size_t new_n);

/* Registers fn(arg) to run at the next reset or free, last registered first. When there is no room to note
 * it, fn(arg) runs at once, before the arena counts as exhausted: nothing registered is ever leaked. */
void arena_defer(struct arena *a, void (*fn)(void *arg), void *arg);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *a);

#define arena_one(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define arena_many(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))

#endif
