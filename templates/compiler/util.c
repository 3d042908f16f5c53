/* Memory, strings, files and errors of the template compiler. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tplc.h"

struct mem_block {
    struct mem_block *next;
    max_align_t data[];
};

static struct mem_block *mem_blocks;

jmp_buf *fail_to;
int fail_count;

void *mem_alloc(size_t n) {
    struct mem_block *b = calloc(1, sizeof(*b) + n);
    if (b == NULL) {
        fputs("tplc: out of memory\n", stderr);
        exit(1);
    }
    b->next = mem_blocks;
    mem_blocks = b;
    return b->data;
}

void mem_free_all(void) {
    while (mem_blocks != NULL) {
        struct mem_block *b = mem_blocks;
        mem_blocks = b->next;
        free(b);
    }
}

char *mem_copy(const char *p, size_t n) {
    char *copy = mem_alloc(n + 1);
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

static void str_reserve(struct str *s, size_t n) {
    if (s->n + n + 1 <= s->cap)
        return;
    size_t cap = s->cap == 0 ? 256 : s->cap * 2;
    while (cap < s->n + n + 1)
        cap *= 2;
    char *p = mem_alloc(cap);
    if (s->n > 0)
        memcpy(p, s->p, s->n);
    s->p = p;
    s->cap = cap;
}

void str_add(struct str *s, const char *p, size_t n) {
    str_reserve(s, n);
    if (n > 0)
        memcpy(s->p + s->n, p, n);
    s->n += n;
    s->p[s->n] = '\0';
}

void str_puts(struct str *s, const char *p) { str_add(s, p, strlen(p)); }
void str_putc(struct str *s, char c) { str_add(s, &c, 1); }

void str_vprintf(struct str *s, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n > 0) {
        str_reserve(s, (size_t)n);
        vsnprintf(s->p + s->n, (size_t)n + 1, fmt, again);
        s->n += (size_t)n;
    }
    va_end(again);
}

void str_printf(struct str *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    str_vprintf(s, fmt, ap);
    va_end(ap);
}

void str_add_quoted(struct str *s, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '"' || c == '\\')
            str_printf(s, "\\%c", c);
        else if (c == '\n')
            str_puts(s, "\\n");
        else if (c == '\t')
            str_puts(s, "\\t");
        else if (c == '?' && i > 0 && p[i - 1] == '?')
            str_puts(s, "\\?"); /* "??x" may be a trigraph */
        else if (c < 0x20 || c == 0x7f)
            str_printf(s, "\\%03o", c);
        else
            str_putc(s, (char)c);
    }
}

bool span_is(struct span s, const char *text) {
    return s.n == strlen(text) && (s.n == 0 || memcmp(s.p, text, s.n) == 0);
}

static bool file_try_read(const char *path, struct str *ret_s) {
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    char chunk[16384];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        str_add(ret_s, chunk, n);
    bool ok = ferror(f) == 0;
    fclose(f);
    str_add(ret_s, "", 0);
    return ok;
}

char *file_read(const char *path, size_t *ret_n) {
    struct str s = {0};
    if (!file_try_read(path, &s))
        fail(path, 1, "cannot read: %s", strerror(errno));
    *ret_n = s.n;
    return s.p;
}

static bool file_write(const char *path, const struct str *s) {
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        return false;
    bool ok = fwrite(s->p, 1, s->n, f) == s->n;
    return fclose(f) == 0 && ok;
}

void file_write_changed(const char *dir, const char *name, const struct str *s) {
    struct str path = {0}, old = {0};
    str_printf(&path, "%s/%s", dir, name);
    if (file_try_read(path.p, &old) && old.n == s->n && memcmp(old.p, s->p, s->n) == 0)
        return;
    if (!file_write(path.p, s))
        fail(path.p, 1, "cannot write: %s", strerror(errno));
}

void fail(const char *file, int line, const char *fmt, ...) {
    va_list ap;
    fprintf(stderr, "%s:%d: error: ", file, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    fail_count++;
    if (fail_to == NULL)
        exit(1);
    longjmp(*fail_to, 1);
}
