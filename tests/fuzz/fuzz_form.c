/* Request bodies by their type: the first line of the input is the Content-Type, the rest the body. */
#include "fcgi/base/arena.h"
#include "fcgi/form.h"
#include "fcgi/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(32 << 20);
    const char *s = (const char *)data;
    const char *eol = size > 0 ? memchr(s, '\n', size) : NULL;
    size_t type_n = eol != NULL ? (size_t)(eol - s) : 0;
    const char *type = eol != NULL ? arena_strndup(a, s, type_n) : NULL;
    const char *body = eol != NULL ? eol + 1 : s;
    size_t n = size - (size_t)(body - s);
    struct params p;
    struct error e = {0};
    params_init(&p, a);
    enum code code = form_parse_body(&p, type, body, n, &e);
    bool form = form_type_is(type, "application/x-www-form-urlencoded");
    bool json = form_type_is(type, "application/json");
    bool multipart = form_type_is(type, "multipart/form-data");
    must(form + json + multipart <= 1);
    if (code == OK) {
        must(n == 0 || form || json || multipart);
        must_keep_limits(&p, json        ? &json_limits_body
                             : multipart ? &form_limits_multipart
                                         : &form_limits_body);
    } else if (form || json || multipart) {
        must_explain(code, &e);
    } else {
        must(code == INVALID && error_http_status(&e) == 415 && p.n == 0);
    }
    arena_free(a);
    return 0;
}
