/* JSON read strictly, flattened to parameters, and written. */
#include <check.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/json.h"

static struct arena *arena;
static struct error error;

static void setup(void) {
    arena = arena_new(8 * 1024 * 1024);
    error = (struct error){0};
}
static void teardown(void) { arena_free(arena); }

static enum code read_json(const char *s, struct json_object **ret_object) {
    error = (struct error){0};
    return json_read(arena, s, strlen(s), &json_limits_body, ret_object, &error);
}

START_TEST(reads) {
    static const char *const good[] = {
        "{}",
        "[]",
        " {} \n",
        "1",
        "-0",
        "0",
        "1.5",
        "-1e10",
        "1E+2",
        "0.0",
        "true",
        "false",
        "\"\"",
        "\"a\"",
        "\"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
        "\"é\x7f\"",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "{\"a\":{\"a\":1}}",
        "9223372036854775807",
        "-9223372036854775808",
        "[1, 2,\t3]",
        "\"'\"",
        "[null]",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct json_object *object = NULL;
        ck_assert_msg(read_json(good[i], &object) == OK, "%s: %s", good[i], error.text);
        ck_assert_msg(object != NULL, "%s", good[i]);
    }
    struct json_object *object = (struct json_object *)&error;
    ck_assert_int_eq(read_json("null", &object), OK);
    ck_assert_ptr_null(object);
    ck_assert_int_eq(read_json("\"\\u00e9\\ud83d\\ude00\"", &object), OK);
    ck_assert_str_eq(json_object_get_string(object), "é😀");
    ck_assert_int_eq(json_read(arena, "[1]garbage", 3, &json_limits_body, &object, &error), OK);
}
END_TEST

START_TEST(refuses) {
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[",
        "}",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "1 2",
        "{}{}",
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "tru",
        "nul",
        "True",
        "truefalse",
        "//x\n1",
        "/*x*/1",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"a\nb\"",
        "\"\x01\"",
        "\"\xff\"",
        "\"\xed\xa0\x80\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901234567890",
        "1e999",
        "[1e999]",
        "{\"a\":1,\"a\":2}",
        "{\"a\":{\"b\":1,\"b\":1}}",
        "\v1",
        "\xEF\xBB\xBF{}",
        "[1:2]",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
        "{\"a\\u0000b\":1}",
        "[\"\\u0000\"]",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct json_object *object = NULL;
        ck_assert_msg(read_json(bad[i], &object) == INVALID, "%s", bad[i]);
        ck_assert_ptr_null(object);
        ck_assert_int_eq(error_http_status(&error), 400);
        ck_assert_ptr_nonnull(error.text);
    }
    struct json_object *object;
    ck_assert_int_eq(json_read(arena, "[1]\0", 4, &json_limits_body, &object, &error), INVALID);
    ck_assert_int_eq(json_read(arena, "\"a\0b\"", 5, &json_limits_body, &object, &error), INVALID);
}
END_TEST

START_TEST(has_caps) {
    static const struct param_limits tight = {.total = 40, .count = 5, .name = 3, .value = 5, .depth = 2};
    static const struct {
        const char *s;
        int http;
        const char *field;
    } rows[] = {
        {"[1,2,3]", 0, NULL},
        {"[1,2,3,4]", 0, NULL},
        {"[1,2,3,4,5]", 400, NULL},
        {"[[1]]", 0, NULL},
        {"[[[]]]", 400, NULL},
        {"{\"abc\":\"12345\"}", 0, NULL},
        {"{\"abcd\":1}", 400, NULL},
        {"{\"a\":{\"abcd\":1}}", 400, "a"},
        {"{\"a\":[\"x\",\"123456\"]}", 400, "a[]"},
        {"[                                       ]", 413, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_object *object;
        error = (struct error){0};
        enum code code = json_read(arena, rows[i].s, strlen(rows[i].s), &tight, &object, &error);
        ck_assert_msg((code == OK) == (rows[i].http == 0), "%s", rows[i].s);
        if (code == OK)
            continue;
        ck_assert_int_eq(error_http_status(&error), rows[i].http);
        ck_assert_str_eq(error.fields != NULL ? error.fields->field : "-",
                         rows[i].field ? rows[i].field : "-");
    }
}
END_TEST

START_TEST(flattens) {
    static const char body[] =
        "{\"a\":{\"b\":1,\"c\":{\"d\":\"é\"}},\"id\":[1,\"2\"],\"ok\":true,\"no\":false,\"nil\":null,\"z\":[null],"
        "\"r\":1.50,\"l\":[{\"x\":\"y\"},[3]],\"e\":[],\"o\":{},\"n\":-7,\"q\":\"\"}";
    static const char *const want[] = {"a[b]", "1",    "a[c][d]", "é",  "id[]",   "1",       "id[]",
                                       "2",    "ok",   "true",    "no", "false",  "z[][]{}", "",
                                       "r",    "1.50", "l[0][x]", "y",  "l[1][]", "3",       "e[]{}",
                                       "",     "o{}",  "",        "n",  "-7",     "q",       ""};
    struct params p;
    params_init(&p, arena);
    ck_assert_int_eq(json_parse_params(&p, body, sizeof(body) - 1, &json_limits_body, &error), OK);
    ck_assert_uint_eq(p.n, sizeof(want) / sizeof(want[0]) / 2);
    for (size_t i = 0; i < p.n; i++) {
        ck_assert_str_eq(p.items[i].name, want[2 * i]);
        ck_assert_str_eq(p.items[i].value, want[2 * i + 1]);
        ck_assert_uint_eq(p.items[i].n, strlen(want[2 * i + 1]));
    }
    ck_assert(params_has_parts(&p, "a") && params_has_parts(&p, "id") && params_has_parts(&p, "e") &&
              params_has_parts(&p, "o"));
    ck_assert(!params_has_parts(&p, "ok") && !params_has_parts(&p, "i") && !params_has_parts(&p, "nil"));
    ck_assert(params_has_nested(&p, "a") && params_has_nested(&p, "l") && params_has_nested(&p, "o") &&
              params_has_nested(&p, "z"));
    ck_assert(params_all_texts(&p, "q") && params_all_texts(&p, "nil") && !params_all_texts(&p, "ok") &&
              !params_all_texts(&p, "id"));
    ck_assert(params_has_list(&p, "id") && params_has_list(&p, "e"));
    ck_assert(!params_has_list(&p, "o") && !params_has_list(&p, "nil") && !params_has_list(&p, "a"));
    ck_assert_int_eq(params_value(&p, "ok")->kind, PARAM_TRUTH);
    ck_assert_int_eq(params_value(&p, "r")->kind, PARAM_NUMBER);
    ck_assert_int_eq(params_value(&p, "q")->kind, PARAM_TEXT);
    ck_assert_ptr_null(params_value(&p, "nil"));
    ck_assert(!params_has_nested(&p, "id") && !params_has_nested(&p, "e") && !params_has_nested(&p, "q"));
    size_t n;
    const char **ids = params_all(&p, "id", &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_str_eq(ids[1], "2");
}
END_TEST

static void flatten_refused(const char *s, const char *field) {
    struct params p;
    params_init(&p, arena);
    error = (struct error){0};
    ck_assert_int_eq(json_parse_params(&p, s, strlen(s), &json_limits_body, &error), INVALID);
    ck_assert_int_eq(error_http_status(&error), 400);
    if (field == NULL)
        ck_assert_ptr_null(error.fields);
    else
        ck_assert_str_eq(error.fields->field, field);
}

START_TEST(flattens_objects_only) {
    flatten_refused("[1]", NULL);
    flatten_refused("1", NULL);
    flatten_refused("null", NULL);
    flatten_refused("{\"a\":\"x\\u0000\"}", "a");
    flatten_refused("{\"a\":[{\"b\":\"\\u0000\"}]}", "a[0][b]");
    flatten_refused("{\"a\":1e999}", "a");
    char longest[400] = "{\"a\":{\"";
    memset(longest + 7, 'n', 254); /* each name fits, the path does not */
    strncat(longest, "\":1}}", 6);
    flatten_refused(longest, NULL);
}
END_TEST

START_TEST(writes) {
    struct buf b;
    struct json j;
    buf_init(&b, arena, 10000);
    json_init(&j, &b);
    json_open_object(&j);
    json_put_id(&j, "id", INT64_C(9007199254740993));
    json_put_id(&j, "none", 0);
    json_put_str(&j, "te\"xt", "a</b>\n\xff");
    json_put_str(&j, "nil", NULL);
    json_put_int(&j, "n", INT64_MIN);
    json_put_bool(&j, "yes", true);
    json_put_bool(&j, "no", false);
    json_put_null(&j, "z");
    json_put_time(&j, "at", INT64_C(1795327403123));
    json_put_time(&j, "never", 0);
    json_put_real(&j, "r", 0.1);
    json_put_real(&j, "inf", HUGE_VAL);
    json_put_array(&j, "l");
    json_int(&j, 1);
    json_open_object(&j);
    json_close_object(&j);
    json_open_array(&j);
    json_close_array(&j);
    json_raw(&j, "[2]", 3);
    json_strn(&j, "abc", 2);
    json_close_array(&j);
    json_put_object(&j, "o");
    json_put_int(&j, "x", 1);
    json_close_object(&j);
    json_close_object(&j);
    ck_assert_int_eq(j.depth, 0);
    ck_assert_str_eq(
        buf_str(&b),
        "{\"id\":\"9007199254740993\",\"none\":null,\"te\\\"xt\":\"a\\u003c/b\\u003e\\n\xEF\xBF\xBD\","
        "\"nil\":null,\"n\":-9223372036854775808,\"yes\":true,\"no\":false,\"z\":null,"
        "\"at\":\"2026-11-22T06:03:23.123Z\",\"never\":null,\"r\":0.1,\"inf\":null,"
        "\"l\":[1,{},[],[2],\"ab\"],\"o\":{\"x\":1}}");
    struct json_object *object;
    ck_assert_int_eq(read_json(buf_str(&b), &object), OK);
}
END_TEST

START_TEST(reals_come_back) {
    static const double rows[] = {0, -0.5, 1.0 / 3, 1e300, 5e-324, 123456789.125, 0.1 + 0.2, -1e21};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b;
        struct json j;
        struct json_object *object;
        buf_init(&b, arena, 100);
        json_init(&j, &b);
        json_real(&j, rows[i]);
        ck_assert_int_eq(read_json(buf_str(&b), &object), OK);
        ck_assert(json_object_get_double(object) == rows[i]);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("json");
    TCase *t = tcase_create("json");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, reads);
    tcase_add_test(t, refuses);
    tcase_add_test(t, has_caps);
    tcase_add_test(t, flattens);
    tcase_add_test(t, flattens_objects_only);
    tcase_add_test(t, writes);
    tcase_add_test(t, reals_come_back);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
