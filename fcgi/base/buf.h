/* Buffer: bytes that grow up to a cap. Past the cap the buffer remembers the overflow and drops the bytes:
 * check buf_overflowed() once at the end instead of every call. */
#ifndef DEEPLINK_BASE_BUF_H
#define DEEPLINK_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct buf {
    char *p;             /* the bytes; p[n] is always NUL once anything was added */
    size_t n;            /* how many */
    size_t cap;          /* room, without the NUL */
    size_t max;          /* never more than this */
    struct arena *arena; /* where the room comes from; NULL: malloc, freed by buf_free() */
    bool overflowed;
};

/* An empty buffer that allocates nothing yet. arena may be NULL. */
void buf_init(struct buf *b, struct arena *arena, size_t max);

/* Frees what malloc gave and empties the buffer. No-op for arena buffers. */
void buf_free(struct buf *b);

/* Makes room for n more bytes; false (and overflowed) when that would pass the cap. */
bool buf_reserve(struct buf *b, size_t n);

/* Slow path of buf_add. */
void buf_add_slow(struct buf *b, const void *p, size_t n);

static inline void buf_add(struct buf *b, const void *p, size_t n) {
    if (b->cap - b->n >= n && b->p != NULL) {
        if (n > 0)
            memcpy(b->p + b->n, p, n);
        b->n += n;
        b->p[b->n] = '\0';
    } else {
        buf_add_slow(b, p, n);
    }
}

static inline void buf_puts(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }
static inline void buf_putc(struct buf *b, char c) { buf_add(b, &c, 1); }

/* Decimal digits, without printf. */
void buf_int(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Text escaped for HTML text and quoted attributes: & < > " ' */
void buf_html(struct buf *b, const char *s, size_t n);

/* Text percent-encoded for one URL component: everything but ALPHA DIGIT - . _ ~ (RFC 3986). */
void buf_url(struct buf *b, const char *s, size_t n);

/* Text as the inside of a JSON string (RFC 8259); '<', '>' and '&' as \u00XX so that it may stand in HTML. */
void buf_json(struct buf *b, const char *s, size_t n);

/* The bytes as a string that ends in NUL ("" when empty). Lives as long as the buffer. */
const char *buf_str(struct buf *b);

static inline bool buf_overflowed(const struct buf *b) { return b->overflowed; }

#endif
