/* JSON: caps kept, refusals explained; a document that is read, written by the writer, reads the same; and
 * what is read as parameters keeps the promises of forms. */
#include <json-c/json.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/json.h"
#include "tests/fuzz/fuzz.h"

static void write_value(struct json *j, struct json_object *value, size_t depth) {
    must(depth <= fuzz_limits.depth);
    switch (json_object_get_type(value)) {
    case json_type_null:
        json_null(j);
        break;
    case json_type_boolean:
        json_boolean(j, json_object_get_boolean(value));
        break;
    case json_type_double:
        json_real(j, json_object_get_double(value));
        break;
    case json_type_int:
        json_int(j, json_object_get_int64(value));
        break;
    case json_type_string:
        must((size_t)json_object_get_string_len(value) <= fuzz_limits.value);
        json_strn(j, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    case json_type_array:
        json_open_array(j);
        for (size_t i = 0; i < json_object_array_length(value); i++)
            write_value(j, json_object_array_get_idx(value, i), depth + 1);
        json_close_array(j);
        break;
    case json_type_object:
        json_open_object(j);
        json_object_object_foreach(value, name, member) {
            must(strlen(name) <= fuzz_limits.name);
            json_key(j, name);
            write_value(j, member, depth + 1);
        }
        json_close_object(j);
        break;
    }
}

static void write_document(struct arena *a, struct buf *b, struct json_object *value, size_t max) {
    struct json j;
    buf_init(b, a, max);
    json_init(&j, b);
    write_value(&j, value, 0);
    must(j.depth == 0 && !buf_overflowed(b));
}

static void check_again(struct arena *a, struct json_object *value) {
    struct param_limits loose = fuzz_limits;
    loose.total *= 8;
    struct buf first;
    struct buf second;
    struct error e = {0};
    struct json_object *again;
    write_document(a, &first, value, loose.total);
    must(json_read(a, buf_str(&first), first.n, &loose, &again, &e) == OK);
    write_document(a, &second, again, loose.total);
    must(first.n == second.n && memcmp(first.p, second.p, first.n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(1 << 20);
    const char *s = (const char *)data;
    struct error e = {0};
    struct json_object *object = NULL;
    enum code code = json_read(a, s, size, &fuzz_limits, &object, &e);
    if (code == OK)
        check_again(a, object);
    else
        must_explain(code, &e);
    struct params p;
    params_init(&p, a);
    e = (struct error){0};
    enum code flat = json_parse_params(&p, s, size, &fuzz_limits, &e);
    must_keep_limits(&p, &fuzz_limits);
    must(flat != OK || (code == OK && json_object_is_type(object, json_type_object)));
    if (flat != OK)
        must_explain(flat, &e);
    arena_free(a);
    return 0;
}
