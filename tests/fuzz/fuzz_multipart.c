/* multipart/form-data: the first line of the input is the Content-Type (put together when it is not one), the
 * rest the body. Files lie inside the body, texts do not; what was read, written again, reads the same. */
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/form.h"
#include "tests/fuzz/fuzz.h"

static void must_refer(const struct params *p, const char *body, size_t n) {
    for (size_t i = 0; i < p->n; i++) {
        const struct param *item = &p->items[i];
        bool inside =
            (uintptr_t)item->value >= (uintptr_t)body && (uintptr_t)item->value <= (uintptr_t)(body + n);
        must(inside == (item->filename != NULL));
        if (inside)
            must(item->n <= n - (size_t)(item->value - body));
        must(item->type == NULL || strpbrk(item->type, "\r\n") == NULL);
    }
}

static void write_quoted(struct buf *b, const char *s) {
    buf_putc(b, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            buf_putc(b, '\\');
        buf_putc(b, *s);
    }
    buf_putc(b, '"');
}

#define BOUNDARY "a-boundary-that-no-input-is-likely-to-hold-0123456789"

static void write_again(struct buf *b, const struct params *p) {
    for (size_t i = 0; i < p->n; i++) {
        buf_puts(b, "--" BOUNDARY "\r\nContent-Disposition: form-data; name=");
        write_quoted(b, p->items[i].name);
        if (p->items[i].filename != NULL) {
            buf_puts(b, "; filename=");
            write_quoted(b, p->items[i].filename);
        }
        buf_puts(b, "\r\n\r\n");
        buf_add(b, p->items[i].value, p->items[i].n);
        buf_puts(b, "\r\n");
    }
    buf_puts(b, "--" BOUNDARY "--\r\n");
}

static void check_again(struct arena *a, const struct params *p) {
    struct param_limits loose = fuzz_limits;
    loose.total *= 8;
    loose.header *= 2;
    struct buf b;
    struct params again;
    struct error e = {0};
    buf_init(&b, a, loose.total);
    write_again(&b, p);
    params_init(&again, a);
    must(form_parse_multipart(&again, "multipart/form-data; boundary=" BOUNDARY, b.p, b.n, &loose, &e) == OK);
    must_equal(p, &again);
    for (size_t i = 0; i < p->n; i++)
        must(text_equal(p->items[i].filename, again.items[i].filename));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(1 << 20);
    const char *s = (const char *)data;
    const char *eol = size > 0 ? memchr(s, '\n', size) : NULL;
    const char *body = eol != NULL ? eol + 1 : s;
    size_t n = size - (size_t)(body - s);
    const char *type =
        eol != NULL ? arena_strndup(a, s, (size_t)(eol - s)) : "multipart/form-data; boundary=X";
    struct params p;
    struct error e = {0};
    params_init(&p, a);
    enum code code = form_parse_multipart(&p, type, body, n, &fuzz_limits, &e);
    must_keep_limits(&p, &fuzz_limits);
    must_refer(&p, body, n);
    if (code != OK)
        must_explain(code, &e);
    else if (size == 0 || memmem(data, size, BOUNDARY, sizeof(BOUNDARY) - 1) == NULL)
        check_again(a, &p);
    arena_free(a);
    return 0;
}
