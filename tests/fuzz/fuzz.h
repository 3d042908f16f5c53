/* What the fuzz targets share: the entry point, and a check that stops the run where an invariant is broken.
 */
#ifndef DEEPLINK_TESTS_FUZZ_H
#define DEEPLINK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(condition)                                                             \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

/* Small enough that the fuzzer reaches every cap, large enough that it reaches everything else. */
static const struct param_limits fuzz_limits = {
    .total = 2048, .count = 12, .name = 24, .value = 64, .depth = 3, .header = 256};

/* What every parser promises of what it lets through. */
static inline void must_keep_limits(const struct params *p, const struct param_limits *limits) {
    must(p->n <= limits->count);
    for (size_t i = 0; i < p->n; i++) {
        const struct param *item = &p->items[i];
        must(item->name != NULL && item->value != NULL);
        must(strlen(item->name) <= limits->name);
        must(text_utf8_valid(item->name, strlen(item->name)));
        if (item->filename != NULL) {
            must(text_utf8_valid(item->filename, strlen(item->filename)));
            must(strpbrk(item->filename, "/\\\r\n") == NULL);
            continue;
        }
        must(item->n <= limits->value);
        must(strlen(item->value) == item->n);
        must(text_utf8_valid(item->value, item->n));
        must(params_get(p, item->name) != NULL);
    }
}

/* What every parser promises of a refusal. */
static inline void must_explain(enum code code, const struct error *e) {
    must(code == INVALID && e->code == INVALID && e->text != NULL);
    must(error_http_status(e) == 400 || error_http_status(e) == 413);
    for (const struct field_error *f = e->fields; f != NULL; f = f->next)
        must(f->text != NULL && text_utf8_valid(f->field, strlen(f->field)));
}

/* The same texts in the same order. */
static inline void must_equal(const struct params *a, const struct params *b) {
    must(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        must(strcmp(a->items[i].name, b->items[i].name) == 0);
        must(a->items[i].n == b->items[i].n);
        must(memcmp(a->items[i].value, b->items[i].value, a->items[i].n) == 0);
    }
}

#endif
