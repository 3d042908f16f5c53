/* Cookie headers: caps kept, refusals explained, what was read reads the same again; and a Set-Cookie header
 * that is built from it stays one line with the attributes it was given. */
#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/cookie.h"
#include "tests/fuzz/fuzz.h"

static void check_again(struct arena *a, const struct params *p) {
    struct param_limits loose = fuzz_limits;
    loose.total *= 4;
    loose.depth = loose.name;
    struct buf b;
    struct params again;
    struct error e = {0};
    buf_init(&b, a, loose.total);
    for (size_t i = 0; i < p->n; i++)
        buf_printf(&b, "%s%s=%s", i > 0 ? "; " : "", p->items[i].name, p->items[i].value);
    params_init(&again, a);
    must(cookie_parse(&again, buf_str(&b), b.n, &loose, &e) == OK);
    must_equal(p, &again);
}

static void check_build(struct arena *a, const struct param *item) {
    const struct cookie cookie = {.name = item->name, .value = item->value, .path = "/x", .max_age = 60};
    const char *line = cookie_build(a, &cookie);
    if (line == NULL)
        return;
    for (const char *s = line; *s != '\0'; s++)
        must(*s >= 0x20 && *s < 0x7F);
    const char *semicolon = strchr(line, ';');
    must(semicolon != NULL);
    must(strcmp(semicolon, "; Path=/x; Max-Age=60; Secure; HttpOnly; SameSite=Lax") == 0);
    must((size_t)(semicolon - line) == strlen(item->name) + 1 + item->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(1 << 20);
    struct params p;
    struct error e = {0};
    params_init(&p, a);
    struct param_limits limits = fuzz_limits;
    limits.depth = limits.name;
    enum code code = cookie_parse(&p, (const char *)data, size, &limits, &e);
    must_keep_limits(&p, &limits);
    for (size_t i = 0; i < p.n; i++) {
        must(strpbrk(p.items[i].name, "=;\r\n") == NULL);
        must(strpbrk(p.items[i].value, ";\r\n") == NULL);
        check_build(a, &p.items[i]);
    }
    if (code != OK)
        must_explain(code, &e);
    else
        check_again(a, &p);
    arena_free(a);
    return 0;
}
