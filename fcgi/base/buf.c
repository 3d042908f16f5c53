#include "fcgi/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"

#define SMALLEST ((size_t)256)

void buf_init(struct buf *b, struct arena *arena, size_t max) {
    *b = (struct buf){.max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4, .arena = arena};
}

void buf_free(struct buf *b) {
    if (b->arena != NULL)
        return;
    free(b->p);
    buf_init(b, NULL, b->max);
}

/* From here on every byte is dropped: no room left, so that the short path of buf_add() cannot take it
 * either. */
static bool overflow(struct buf *b) {
    b->overflowed = true;
    b->cap = b->n;
    return false;
}

static char *grow_arena(struct buf *b, size_t cap) {
    if (b->p != NULL && arena_extend(b->arena, b->p, b->cap + 1, cap + 1))
        return b->p;
    char *p = arena_alloc(b->arena, cap + 1);
    if (b->n > 0)
        memcpy(p, b->p, b->n);
    return p;
}

bool buf_reserve(struct buf *b, size_t n) {
    if (b->overflowed)
        return false;
    if (b->p != NULL && b->cap - b->n >= n)
        return true;
    if (n > b->max || b->n > b->max - n)
        return overflow(b);
    size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
    if (cap < SMALLEST)
        cap = SMALLEST < b->max ? SMALLEST : b->max;
    if (cap < b->n + n)
        cap = b->n + n;
    char *p = b->arena != NULL ? grow_arena(b, cap) : realloc(b->p, cap + 1);
    if (p == NULL)
        return overflow(b);
    b->p = p;
    b->cap = cap;
    b->p[b->n] = '\0';
    return true;
}

void buf_add_slow(struct buf *b, const void *p, size_t n) {
    if (!buf_reserve(b, n))
        return;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void buf_int(struct buf *b, int64_t v) {
    char digits[20];
    char *p = digits + sizeof(digits);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        *--p = (char)('0' + u % 10);
        u /= 10;
    } while (u > 0);
    if (v < 0)
        *--p = '-';
    buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    if (n < 0) {
        overflow(b);
    } else if ((size_t)n < sizeof(small)) {
        buf_add(b, small, (size_t)n);
    } else if (buf_reserve(b, (size_t)n)) {
        va_start(ap, fmt);
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->n += (size_t)n;
    }
}

static const struct {
    const char *p;
    size_t n;
} html_escapes[256] = {
    ['&'] = {"&amp;", 5},  ['<'] = {"&lt;", 4},   ['>'] = {"&gt;", 4},
    ['"'] = {"&quot;", 6}, ['\''] = {"&#39;", 5},
};

void buf_html(struct buf *b, const char *s, size_t n) {
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (html_escapes[c].n == 0)
            continue;
        buf_add(b, s + from, i - from);
        buf_add(b, html_escapes[c].p, html_escapes[c].n);
        from = i + 1;
    }
    if (from < n)
        buf_add(b, s + from, n - from);
}

static bool url_plain(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void buf_url(struct buf *b, const char *s, size_t n) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (url_plain(c))
            buf_putc(b, s[i]);
        else
            buf_add(b, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

/* 0: stands as it is; 1: \u00XX; 2: the first byte of a longer sequence; otherwise the letter after the
 * backslash. */
static const unsigned char json_classes[256] = {
    [0 ... 7] = 1,   ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 1,  ['\f'] = 'f',  ['\r'] = 'r',
    [14 ... 31] = 1, ['"'] = '"',  ['&'] = 1,    ['<'] = 1,    ['>'] = 1, ['\\'] = '\\', [128 ... 255] = 2,
};

static void json_escape(struct buf *b, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    unsigned char kind = json_classes[c];
    if (kind == 1)
        buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    else
        buf_add(b, (char[]){'\\', (char)kind}, 2);
}

void buf_json(struct buf *b, const char *s, size_t n) {
    size_t from = 0;
    size_t i = 0;
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        unsigned char kind = json_classes[c];
        size_t step = kind == 2 ? text_utf8_step(s + i, n - i) : kind == 0;
        if (step > 0) {
            i += step;
            continue;
        }
        buf_add(b, s + from, i - from);
        if (kind == 2)
            buf_add(b, "\xEF\xBF\xBD", 3); /* U+FFFD in its place: the document stays well-formed */
        else
            json_escape(b, c);
        from = ++i;
    }
    if (from < n)
        buf_add(b, s + from, n - from);
}

const char *buf_str(struct buf *b) { return b->p != NULL ? b->p : ""; }
