/* Shapes: one table writes the values and describes them. */
#include <check.h>
#undef fail /* an old name of Check's for what has another meaning here */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/json.h"
#include "fcgi/shape.h"
#include "handlers/common/api_account.h"

static struct arena *arena;

struct inner {
    const char *word;
};
struct part {
    int64_t count;
};
struct all {
    struct part part;
    const char *text, *none, *url;
    int64_t number, id, no_id, time, no_time;
    double real;
    bool yes, no;
    const struct inner *object, *no_object;
    struct shape_list list, words, ids;
    struct shape_json ready, no_ready, map, no_map;
};

static const struct shape_field inner_fields[] = {{.name = "word",
                                                   .kind = SHAPE_STR,
                                                   .at = offsetof(struct inner, word),
                                                   .choices = "a|b",
                                                   .nullable = true},
                                                  {0}};
static const struct shape inner_shape = {
    .name = "Inner", .size = sizeof(struct inner), .fields = inner_fields};
static const struct shape_field part_fields[] = {
    {.name = "count", .kind = SHAPE_INT, .at = offsetof(struct part, count)}, {0}};
static const struct shape part_shape = {.name = "Part", .size = sizeof(struct part), .fields = part_fields};

#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct all, member)

static const struct shape_field all_fields[] = {
    {AT("part", SHAPE_SPLICE, part), .of = &part_shape},
    {AT("text", SHAPE_STR, text), .words = "what it says"},
    {AT("none", SHAPE_STR, none)},
    {AT("null_text", SHAPE_STR, none), .nullable = true},
    {AT("left_out", SHAPE_STR, none), .optional = true},
    {AT("url", SHAPE_URL, url)},
    {AT("number", SHAPE_INT, number)},
    {AT("id", SHAPE_ID, id)},
    {AT("no_id", SHAPE_ID, no_id), .nullable = true},
    {AT("time", SHAPE_TIME, time)},
    {AT("date", SHAPE_DATE, time)},
    {AT("no_date", SHAPE_DATE, no_time), .nullable = true},
    {AT("real", SHAPE_REAL, real)},
    {AT("yes", SHAPE_BOOL, yes), .optional = true},
    {AT("no", SHAPE_BOOL, no)},
    {AT("absent", SHAPE_BOOL, no), .optional = true},
    {AT("object", SHAPE_OBJECT, object), .of = &inner_shape},
    {AT("no_object", SHAPE_OBJECT, no_object), .of = &inner_shape, .nullable = true},
    {AT("list", SHAPE_LIST, list), .of = &inner_shape},
    {AT("words", SHAPE_STRS, words)},
    {AT("ids", SHAPE_IDS, ids)},
    {AT("ready", SHAPE_RAW, ready), .of = &inner_shape},
    {AT("no_ready", SHAPE_RAW, no_ready), .of = &inner_shape, .nullable = true},
    {AT("map", SHAPE_MAP, map)},
    {AT("no_map", SHAPE_MAP, no_map)},
    {.name = "null", .kind = SHAPE_NULL},
    {.name = "nothing", .kind = SHAPE_NONE, .of = &inner_shape},
    {0},
};
static const struct shape all_shape = {
    .name = "All", .size = sizeof(struct all), .fields = all_fields, .words = "everything"};

static const struct inner inners[] = {{"a"}, {NULL}};
static const char *const words[] = {"x", "\"y\""};
static const int64_t ids[] = {INT64_C(9007199254740993), 2};

static struct all values(void) {
    return (struct all){
        .part = {3},
        .text = "t\xC3\xA4 <b>",
        .url = "https://example.org/",
        .number = -4,
        .id = INT64_C(9007199254740993),
        .time = INT64_C(1763791403007),
        .real = 1.5,
        .yes = true,
        .object = &inners[0],
        .list = {inners, 2},
        .words = {words, 2},
        .ids = {ids, 2},
        .ready = {"{\"word\":\"b\"}", 12},
        .map = {"{\"k\":1}", 7},
    };
}

static struct json_object *read_back(struct buf *out) {
    struct json_object *o = json_tokener_parse(buf_str(out));

    ck_assert_msg(o != NULL, "no JSON: %s", buf_str(out));
    return o;
}

static void writer(struct json *j, struct buf *out) {
    buf_init(out, arena, 1 << 20);
    json_init(j, out);
}

static struct json_object *written(const struct shape *s, const void *view) {
    struct buf out;
    struct json j;

    writer(&j, &out);
    shape_write(&j, s, view);
    return read_back(&out);
}

static struct json_object *described(const struct shape *s) {
    struct buf out;
    struct json j;

    writer(&j, &out);
    shape_schema(&j, s);
    return read_back(&out);
}

static void expect(struct json_object *o, const char *name, const char *json) {
    struct json_object *v = NULL;

    ck_assert_msg(json_object_object_get_ex(o, name, &v), "%s is absent", name);
    ck_assert_str_eq(json_object_to_json_string_ext(v, JSON_C_TO_STRING_NOSLASHESCAPE), json);
}

START_TEST(values_are_written) {
    struct all v = values();
    struct json_object *o = written(&all_shape, &v);

    expect(o, "count", "3");
    expect(o, "text", "\"t\xC3\xA4 <b>\"");
    expect(o, "none", "\"\"");
    expect(o, "null_text", "null");
    expect(o, "number", "-4");
    expect(o, "id", "\"9007199254740993\"");
    expect(o, "no_id", "null");
    expect(o, "time", "\"2025-11-22T06:03:23.007Z\"");
    expect(o, "date", "\"2025-11-22\"");
    expect(o, "no_date", "null");
    expect(o, "real", "1.5");
    expect(o, "yes", "true");
    expect(o, "no", "false");
    expect(o, "object", "{\"word\":\"a\"}");
    expect(o, "no_object", "null");
    expect(o, "list", "[{\"word\":\"a\"},{\"word\":null}]");
    expect(o, "words", "[\"x\",\"\\\"y\\\"\"]");
    expect(o, "ids", "[\"9007199254740993\",\"2\"]");
    expect(o, "ready", "{\"word\":\"b\"}");
    expect(o, "no_ready", "null");
    expect(o, "map", "{\"k\":1}");
    expect(o, "no_map", "{}");
    expect(o, "null", "null");
    expect(o, "nothing", "[]");
    ck_assert(!json_object_object_get_ex(o, "left_out", NULL));
    ck_assert(!json_object_object_get_ex(o, "absent", NULL));
    ck_assert(!json_object_object_get_ex(o, "part", NULL));
    json_object_put(o);
}
END_TEST

START_TEST(lists_are_written) {
    struct buf out;
    struct json j;

    writer(&j, &out);
    shape_write_list(&j, &inner_shape, inners, 2);
    ck_assert_str_eq(buf_str(&out), "[{\"word\":\"a\"},{\"word\":null}]");
    writer(&j, &out);
    shape_write_list(&j, &inner_shape, NULL, 0);
    ck_assert_str_eq(buf_str(&out), "[]");
}
END_TEST

/* Whether a value is of a type that its schema allows, as far as the tables say; follows no reference. */
static bool fits(struct json_object *schema, struct json_object *v) {
    static const char *const names[] = {
        [json_type_null] = "null",     [json_type_boolean] = "boolean", [json_type_double] = "number",
        [json_type_int] = "integer",   [json_type_object] = "object",   [json_type_array] = "array",
        [json_type_string] = "string",
    };
    struct json_object *type, *any;
    const char *is = names[json_object_get_type(v)];

    if (json_object_object_get_ex(schema, "$ref", NULL))
        return strcmp(is, "object") == 0;
    if (json_object_object_get_ex(schema, "anyOf", &any)) {
        for (size_t i = 0; i < json_object_array_length(any); i++)
            if (fits(json_object_array_get_idx(any, i), v))
                return true;
        return false;
    }
    if (!json_object_object_get_ex(schema, "type", &type))
        return false;
    if (json_object_is_type(type, json_type_string)) /* a whole number is a number too */
        return strcmp(json_object_get_string(type), is) == 0 ||
               (strcmp(json_object_get_string(type), "number") == 0 && strcmp(is, "integer") == 0);
    for (size_t i = 0; i < json_object_array_length(type); i++)
        if (strcmp(json_object_get_string(json_object_array_get_idx(type, i)), is) == 0)
            return true;
    return false;
}

/* Everything written is described, everything required is written, and types agree. */
static void check_agrees(const struct shape *s, const void *view) {
    struct json_object *o = written(s, view), *schema = described(s), *properties, *required;

    ck_assert(json_object_object_get_ex(schema, "properties", &properties));
    ck_assert(json_object_object_get_ex(schema, "required", &required));
    json_object_object_foreach(o, name, v) {
        struct json_object *property;

        ck_assert_msg(json_object_object_get_ex(properties, name, &property), "%s is not described", name);
        ck_assert_msg(fits(property, v), "%s is %s", name, json_object_to_json_string(v));
    }
    for (size_t i = 0; i < json_object_array_length(required); i++) {
        const char *wanted = json_object_get_string(json_object_array_get_idx(required, i));

        ck_assert_msg(json_object_object_get_ex(o, wanted, NULL), "%s is required and not written", wanted);
    }
    json_object_put(o);
    json_object_put(schema);
}

START_TEST(schema_describes_what_is_written) {
    struct all v = values(), empty = {.object = &inners[0], .id = 1, .time = 1, .ready = {"{}", 2}};
    struct api_account account = {.id = 1, .created_ms = 1};

    check_agrees(&all_shape, &v);
    check_agrees(&all_shape, &empty);
    check_agrees(&api_account_shape, &account);
}
END_TEST

START_TEST(schema_says_what_is_special) {
    struct json_object *schema = described(&all_shape), *p, *one;

    expect(schema, "description", "\"everything\"");
    ck_assert(json_object_object_get_ex(schema, "properties", &p));
    ck_assert(json_object_object_get_ex(p, "text", &one));
    expect(one, "description", "\"what it says\"");
    ck_assert(json_object_object_get_ex(p, "id", &one));
    expect(one, "pattern", "\"^[0-9]+$\"");
    ck_assert(json_object_object_get_ex(p, "no_object", &one));
    expect(one, "anyOf", "[{\"$ref\":\"#/components/schemas/Inner\"},{\"type\":\"null\"}]");
    ck_assert(json_object_object_get_ex(p, "list", &one));
    expect(one, "items", "{\"$ref\":\"#/components/schemas/Inner\"}");
    ck_assert(json_object_object_get_ex(p, "nothing", &one));
    expect(one, "maxItems", "0");
    json_object_put(schema);
    schema = described(&inner_shape);
    ck_assert(json_object_object_get_ex(schema, "properties", &p));
    ck_assert(json_object_object_get_ex(p, "word", &one));
    expect(one, "type", "[\"string\",\"null\"]");
    expect(one, "enum", "[\"a\",\"b\",null]");
    json_object_put(schema);
}
END_TEST

START_TEST(a_boolean_alone_is_described) {
    static const struct shape_field none[] = {{.kind = SHAPE_BOOL}};
    const struct shape shape = {.name = "Yes", .size = 1, .fields = none, .words = "whether"};
    struct json_object *schema = described(&shape);

    expect(schema, "type", "\"boolean\"");
    ck_assert(!json_object_object_get_ex(schema, "properties", NULL));
    json_object_put(schema);
}
END_TEST

static void set_up(void) { arena = arena_new((size_t)4 << 20); }
static void tear_down(void) { arena_free(arena); }

int main(void) {
    Suite *suite = suite_create("shape");
    TCase *tests = tcase_create("shape");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, values_are_written);
    tcase_add_test(tests, lists_are_written);
    tcase_add_test(tests, schema_describes_what_is_written);
    tcase_add_test(tests, schema_says_what_is_special);
    tcase_add_test(tests, a_boolean_alone_is_described);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
