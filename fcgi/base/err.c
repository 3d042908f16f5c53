#include "fcgi/base/err.h"

#include <stddef.h>

#include "fcgi/base/arena.h"

static const struct {
    const char *name;
    int http;
} codes[] = {
    [OK] = {"OK", 200},
    [CANCELLED] = {"CANCELLED", 499},
    [UNKNOWN] = {"UNKNOWN", 500},
    [INVALID] = {"INVALID_ARGUMENT", 422},
    [DEADLINE] = {"DEADLINE_EXCEEDED", 504},
    [NOT_FOUND] = {"NOT_FOUND", 404},
    [EXISTS] = {"ALREADY_EXISTS", 409},
    [DENIED] = {"PERMISSION_DENIED", 403},
    [EXHAUSTED] = {"RESOURCE_EXHAUSTED", 429},
    [PRECONDITION] = {"FAILED_PRECONDITION", 409},
    [ABORTED] = {"ABORTED", 409},
    [OUT_OF_RANGE] = {"OUT_OF_RANGE", 400},
    [UNIMPLEMENTED] = {"UNIMPLEMENTED", 501},
    [INTERNAL] = {"INTERNAL", 500},
    [UNAVAILABLE] = {"UNAVAILABLE", 503},
    [DATA_LOSS] = {"DATA_LOSS", 500},
    [UNAUTHENTICATED] = {"UNAUTHENTICATED", 401},
};

#define N_CODES (sizeof(codes) / sizeof(codes[0]))

int error_http_status(const struct error *e) {
    if (e->http != 0)
        return e->http;
    return (unsigned)e->code < N_CODES ? codes[e->code].http : 500;
}

const char *code_name(enum code c) { return (unsigned)c < N_CODES ? codes[c].name : "UNKNOWN"; }

enum code error_set(struct error *e, enum code code, int http, const char *text) {
    *e = (struct error){.code = code, .text = text, .http = http};
    return code;
}

void error_add_field(struct arena *a, struct error *e, const char *field, const char *kind,
                     const char *text) {
    struct field_error *f = arena_one(a, struct field_error);
    f->field = field;
    f->kind = kind;
    f->text = text;
    struct field_error **end = &e->fields;
    while (*end != NULL)
        end = &(*end)->next;
    *end = f;
}
