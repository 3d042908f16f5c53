/* Query strings: caps kept, refusals explained, and what was read, written again, reads the same. */
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/form.h"
#include "tests/fuzz/fuzz.h"

static void write_again(struct buf *b, const struct params *p) {
    for (size_t i = 0; i < p->n; i++) {
        buf_putc(b, '&');
        buf_url(b, p->items[i].name, strlen(p->items[i].name));
        buf_putc(b, '=');
        buf_url(b, p->items[i].value, p->items[i].n);
    }
}

/* However tight the caps of one parse are, looser ones must not read something else. */
static void check_usual_limits(struct arena *a, const struct params *read, const char *s, size_t n) {
    struct params usual;
    struct error e = {0};
    params_init(&usual, a);
    must(form_parse(&usual, s, n, &form_limits_query, &e) == OK);
    must_equal(read, &usual);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(1 << 20);
    struct params p;
    struct error e = {0};
    params_init(&p, a);
    enum code code = form_parse(&p, (const char *)data, size, &fuzz_limits, &e);
    must_keep_limits(&p, &fuzz_limits);
    if (code != OK) {
        must_explain(code, &e);
    } else {
        struct buf b;
        struct params again;
        struct param_limits loose = fuzz_limits;
        loose.total *= 4;
        buf_init(&b, a, loose.total);
        write_again(&b, &p);
        params_init(&again, a);
        must(form_parse(&again, buf_str(&b), b.n, &loose, &e) == OK);
        must_equal(&p, &again);
        check_usual_limits(a, &p, (const char *)data, size);
    }
    arena_free(a);
    return 0;
}
