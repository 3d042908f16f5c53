/* Parameters, query strings and the two form encodings. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/form.h"

static struct arena *arena;
static struct params params;
static struct error error;

static void setup(void) {
    arena = arena_new(8 * 1024 * 1024);
    params_init(&params, arena);
    error = (struct error){0};
}
static void teardown(void) { arena_free(arena); }

static enum code query(const char *s) {
    params_init(&params, arena);
    return form_parse(&params, s, strlen(s), &form_limits_query, &error);
}

static const char *get(const char *name) {
    const char *value = params_get(&params, name);
    return value != NULL ? value : "(none)";
}

/* The parse was refused with this status, naming this field (NULL: none). */
static void refused(enum code code, int http, const char *field) {
    ck_assert_int_eq(code, INVALID);
    ck_assert_int_eq(error.code, INVALID);
    ck_assert_int_eq(error_http_status(&error), http);
    ck_assert_ptr_nonnull(error.text);
    if (field == NULL) {
        ck_assert_ptr_null(error.fields);
        return;
    }
    ck_assert_ptr_nonnull(error.fields);
    ck_assert_str_eq(error.fields->field, field);
    ck_assert_ptr_null(error.fields->next);
}

/* ---- queries ---- */

START_TEST(query_reads) {
    ck_assert_int_eq(query("a=1&b=x+y%20z&c&d=&%C3%A9=%f0%9F%98%80&&e=a=b&a=2&"), OK);
    ck_assert_uint_eq(params.n, 7);
    ck_assert_str_eq(get("a"), "1");
    ck_assert_str_eq(get("b"), "x y z");
    ck_assert_str_eq(get("c"), "");
    ck_assert_str_eq(get("d"), "");
    ck_assert_str_eq(get("é"), "😀");
    ck_assert_str_eq(get("e"), "a=b");
    ck_assert_str_eq(params.items[6].value, "2");
    ck_assert_uint_eq(params.items[1].n, 5);
    ck_assert_ptr_null(params_get(&params, "f"));
    ck_assert_int_eq(query(""), OK);
    ck_assert_uint_eq(params.n, 0);
    ck_assert_int_eq(query("&&&"), OK);
    ck_assert_uint_eq(params.n, 0);
}
END_TEST

START_TEST(query_keeps_lists) {
    size_t n;
    ck_assert_int_eq(
        query(
            "id[]=3&id%5B%5D=1&id=2&id[7]=9&id[][]=4&id[][=0&id[x]=0&id[=0&idx=0&id[]x=0&poll[options][]=a"),
        OK);
    const char **all = params_all(&params, "id", &n);
    ck_assert_uint_eq(n, 5);
    ck_assert_str_eq(all[0], "3");
    ck_assert_str_eq(all[1], "1");
    ck_assert_str_eq(all[2], "2");
    ck_assert_str_eq(all[3], "9");
    ck_assert_str_eq(all[4], "4");
    params_all(&params, "id[]", &n);
    ck_assert_uint_eq(n, 5);
    ck_assert_str_eq(get("id[]"), "3");
    ck_assert_str_eq(get("poll[options][]"), "a");
    ck_assert_str_eq(params_all(&params, "poll[options]", &n)[0], "a");
    params_all(&params, "none", &n);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(query_refuses) {
    refused(query("ok=1&a=%"), 400, "a");
    refused(query("a=%4"), 400, "a");
    refused(query("a=%g0"), 400, "a");
    refused(query("a=%0g"), 400, "a");
    refused(query("%zz=1"), 400, NULL);
    refused(query("a=%00"), 400, "a");
    refused(query("a=%ff"), 400, "a");
    refused(query("a=%ED%A0%80"), 400, "a");
    refused(query("%ff=1"), 400, NULL);
    refused(query("a%00b=1"), 400, NULL);
    refused(query("a[b][c][d][e][f]=1"), 400, "a[b][c][d][e][f]");
    refused(form_parse(&params, "a=\0", 3, &form_limits_query, &error), 400, "a");
    ck_assert_int_eq(query("ok=1&a=%"), INVALID);
    ck_assert_str_eq(get("ok"), "1"); /* what came before stays, and no half of what is refused */
    ck_assert_uint_eq(params.n, 1);
}
END_TEST

START_TEST(query_has_caps) {
    static const struct param_limits tight = {.total = 64, .count = 3, .name = 4, .value = 8, .depth = 1};
    static const struct {
        const char *s;
        int http;
        const char *field;
    } rows[] = {
        {"a&b&c", 0, NULL},
        {"a&b&c&d", 400, NULL},
        {"abcd=12345678", 0, NULL},
        {"abcde=1", 400, NULL},
        {"abcdefghijklmnopq=1", 400, NULL},
        {"abcd=123456789", 400, "abcd"},
        {"%61%62%63%64=%31%32%33%34%35%36%37%38", 0, NULL},
        {"a[]=1", 0, NULL},
        {"[[=1", 400, "[["},
        {"a=1&a=1&a=1&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&", 413, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        params_init(&params, arena);
        enum code code = form_parse(&params, rows[i].s, strlen(rows[i].s), &tight, &error);
        if (rows[i].http == 0)
            ck_assert_msg(code == OK, "%s", rows[i].s);
        else
            refused(code, rows[i].http, rows[i].field);
        ck_assert_uint_le(params.n, 3);
    }
    params_init(&params, arena);
    ck_assert_int_eq(form_parse(&params, "a&b", 3, &tight, &error), OK);
    refused(form_parse(&params, "c&d", 3, &tight, &error), 400, NULL); /* the count is that of the list */
}
END_TEST

START_TEST(query_holds_many) {
    char s[8000] = "";
    for (int i = 0; i < 250; i++)
        snprintf(s + strlen(s), sizeof(s) - strlen(s), "n%d=%d&", i, i * i);
    ck_assert_int_eq(query(s), OK);
    ck_assert_uint_eq(params.n, 250);
    ck_assert_str_eq(get("n249"), "62001");
    ck_assert_str_eq(get("n0"), "0");
}
END_TEST

/* ---- multipart ---- */

#define TYPE "multipart/form-data; boundary=XX"

static enum code multipart(const char *type, const char *body) {
    params_init(&params, arena);
    return form_parse_multipart(&params, type, body, strlen(body), &form_limits_multipart, &error);
}

START_TEST(multipart_reads) {
    static const char body[] =
        "a preamble\r\n"
        "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n"
        "--XX \t\r\ncontent-disposition:form-data;name=\"b[]\"\r\n\r\n\r\n"
        "--XX\r\nContent-Type: image/png\r\nX-Other: 1\r\nContent-Transfer-Encoding: binary\r\n"
        "Content-Disposition: form-data; name=\"pic\"; filename=\"C:\\dir\\p \\\"1\\\".png\"\r\n\r\n"
        "\x89PNG\r\n--X\r\n--XXY\r\n\xff\r\n"
        "--XX\r\nContent-Disposition: form-data; name=\"é\"\r\n\r\nline\r\nline\r\n\r\n"
        "--XX--\r\nan epilogue";
    ck_assert_int_eq(multipart(TYPE, body), OK);
    ck_assert_uint_eq(params.n, 4);
    ck_assert_str_eq(get("a"), "one");
    ck_assert_str_eq(get("b[]"), "");
    ck_assert_str_eq(get("é"), "line\r\nline\r\n");
    ck_assert_ptr_null(params_get(&params, "pic"));
    const struct param *pic = params_file(&params, "pic");
    ck_assert_str_eq(pic->filename, "p \"1\".png");
    ck_assert_str_eq(pic->type, "image/png");
    ck_assert_uint_eq(pic->n, strlen("\x89PNG\r\n--X\r\n--XXY\r\n\xff"));
    ck_assert(pic->value > body && pic->value < body + sizeof(body)); /* by reference */
    ck_assert_int_eq(memcmp(pic->value, "\x89PNG", 4), 0);
}
END_TEST

START_TEST(multipart_reads_edges) {
    ck_assert_int_eq(multipart(TYPE, "--XX--"), OK);
    ck_assert_uint_eq(params.n, 0);
    ck_assert_int_eq(multipart("Multipart/Form-Data; charset=utf-8; boundary=\"a b\";", "--a b--\r\n"), OK);
    ck_assert_int_eq(multipart(TYPE, "--XX\r\nContent-Disposition: form-data; name=f; filename=\"\"\r\n"
                                     "Content-Type: application/octet-stream\r\n\r\n\r\n--XX--"),
                     OK);
    ck_assert_str_eq(params.items[0].filename, "");
    ck_assert_ptr_null(params_file(&params, "f")); /* no file was chosen */
    ck_assert_int_eq(multipart(TYPE, "--XX\r\nContent-Disposition: form-data; name=f; "
                                     "filename*=UTF-8''%e2%82%ac+x.txt\r\n\r\n1\r\n--XX--"),
                     OK);
    ck_assert_str_eq(params_file(&params, "f")->filename, "€+x.txt");
    ck_assert_int_eq(multipart(TYPE,
                               "--XX\r\nContent-Disposition: form-data; name=f; filename=\"../../etc/x\"; "
                               "filename*=UTF-8''y\r\n\r\n1\r\n--XX--"),
                     OK);
    ck_assert_str_eq(params_file(&params, "f")->filename, "x");
}
END_TEST

#define PART(head, text) "--XX\r\n" head "\r\n\r\n" text "\r\n--XX--\r\n"
#define CD "Content-Disposition: form-data; "

START_TEST(multipart_refuses) {
    static const char *const types[] = {
        "multipart/form-data",
        "multipart/mixed; boundary=XX",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"XX",
        "multipart/form-data; boundary=\"XX \"",
        "multipart/form-data; boundary=XX; boundary=YY",
        "multipart/form-data; boundary=XX x",
        "multipart/form-dataX; boundary=XX",
        "multipart/form-data; boundary=1234567890123456789012345678901234567890"
        "1234567890123456789012345678901"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        refused(multipart(types[i], PART(CD "name=a", "1")), 400, NULL);
    refused(form_parse_multipart(&params, NULL, "", 0, &form_limits_multipart, &error), 400, NULL);
    static const struct {
        const char *body;
        const char *field;
    } rows[] = {
        {"", NULL},
        {"--XX", NULL},
        {"--XX\r\n", NULL},
        {"--XX\r\n--XX--", NULL},
        {"--XX\n" CD "name=a\n\n1\n--XX--", NULL},
        {"--XX\r\n" CD "name=a\r\n\r\n1", NULL},
        {"--XX\r\n" CD "name=a\r\n\r\n1\r\n--XX", NULL},
        {"--XX\r\n" CD "name=a\r\n--XX--", NULL},
        {PART("X: 1", "1"), NULL},
        {PART("Content-Disposition: attachment; name=a", "1"), NULL},
        {PART("Content-Disposition: form-data", "1"), NULL},
        {PART(CD "name=\"a", "1"), NULL},
        {PART(CD "name=a; name=b", "1"), NULL},
        {PART(CD "name=a b", "1"), NULL},
        {PART(CD "name=a; filename=x; filename=y", "1"), NULL},
        {PART(CD "name=a\r\n" CD "name=b", "1"), NULL},
        {PART(CD "name=a\r\n folded: 1", "1"), NULL},
        {PART(CD "name=a\r\nno colon", "1"), NULL},
        {PART(CD "name=\"a\nb\"", "1"), NULL},
        {PART(CD "name=a\r\nContent-Transfer-Encoding: base64", "1"), NULL},
        {PART(CD "name=\"\xff\"", "1"), NULL},
        {PART(CD "name=a", "\xff"), "a"},
        {PART(CD "name=b[]", "1"), NULL},
        {PART(CD "name=\"a[b][c][d][e][f]\"", "1"), "a[b][c][d][e][f]"},
        {PART(CD "name=a; filename=\"\xff\"", "1"), "a"},
        {PART(CD "name=a; filename*=UTF-8''%", "1"), "a"},
        {PART(CD "name=a; filename*=UTF-8''%00", "1"), "a"},
        {PART(CD "name=a; filename*=UTF-8''x%0d%0ay", "1"), "a"},
        {PART(CD "name=a; filename*=latin1''x", "1"), "a"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum code code = multipart(TYPE, rows[i].body);
        ck_assert_msg(code == INVALID, "%s", rows[i].body);
        refused(code, 400, rows[i].field);
    }
}
END_TEST

START_TEST(multipart_has_caps) {
    static const struct param_limits tight = {
        .total = 400, .count = 1, .name = 2, .value = 3, .depth = 1, .header = 60};
    static const struct {
        const char *body;
        int http;
        const char *field;
    } rows[] = {
        {PART(CD "name=ab", "123"), 0, NULL},
        {PART(CD "name=a", "1234"), 400, "a"},
        {PART(CD "name=a; filename=b", "1234 is fine"), 0, NULL},
        {PART(CD "name=abc", "1"), 400, NULL},
        {PART(CD "name=a; x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1"), 400, NULL},
        {"--XX\r\n" CD "name=a\r\n\r\n1\r\n" PART(CD "name=b", "1"), 400, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        params_init(&params, arena);
        enum code code =
            form_parse_multipart(&params, TYPE, rows[i].body, strlen(rows[i].body), &tight, &error);
        if (rows[i].http == 0)
            ck_assert_msg(code == OK, "%s", rows[i].body);
        else
            refused(code, rows[i].http, rows[i].field);
    }
    char large[401];
    memset(large, 'x', sizeof(large));
    refused(form_parse_multipart(&params, TYPE, large, sizeof(large), &tight, &error), 413, NULL);
}
END_TEST

START_TEST(body_goes_by_type) {
    static const char form[] = "a=1";
    static const char json[] = "{\"a\":1}";
    static const char parts[] = PART(CD "name=a", "1");
    static const struct {
        const char *type;
        const char *body;
        size_t n;
    } rows[] = {{"application/x-www-form-urlencoded; charset=UTF-8", form, sizeof(form) - 1},
                {"application/json", json, sizeof(json) - 1},
                {TYPE, parts, sizeof(parts) - 1}};
    for (int i = 0; i < 3; i++) {
        params_init(&params, arena);
        ck_assert_int_eq(form_parse_body(&params, rows[i].type, rows[i].body, rows[i].n, &error), OK);
        ck_assert_uint_eq(params.n, 1);
        ck_assert_str_eq(get("a"), "1");
    }
    ck_assert_int_eq(form_parse_body(&params, NULL, NULL, 0, &error), OK);
    refused(form_parse_body(&params, "text/plain", "a=1", 3, &error), 415, NULL);
    refused(form_parse_body(&params, NULL, "a=1", 3, &error), 415, NULL);
    ck_assert(form_type_is(" Application/JSON ;x", "application/json"));
    ck_assert(!form_type_is("application/json5", "application/json"));
    ck_assert(!form_type_is("application/json x", "application/json"));
    ck_assert(!form_type_is("application", "application/json"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("form");
    TCase *t = tcase_create("form");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, query_reads);
    tcase_add_test(t, query_keeps_lists);
    tcase_add_test(t, query_refuses);
    tcase_add_test(t, query_has_caps);
    tcase_add_test(t, query_holds_many);
    tcase_add_test(t, multipart_reads);
    tcase_add_test(t, multipart_reads_edges);
    tcase_add_test(t, multipart_refuses);
    tcase_add_test(t, multipart_has_caps);
    tcase_add_test(t, body_goes_by_type);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
