/* Cookie headers read, Set-Cookie headers written. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/cookie.h"

static struct arena *arena;
static struct params params;
static struct error error;

static void setup(void) { arena = arena_new(1024 * 1024); }
static void teardown(void) { arena_free(arena); }

static enum code parse(const char *s, size_t n) {
    error = (struct error){0};
    params_init(&params, arena);
    return cookie_parse(&params, s, n, &cookie_limits, &error);
}

static void holds(const char *header, size_t n, const char *const *pairs) {
    ck_assert_int_eq(parse(header, strlen(header)), OK);
    ck_assert_uint_eq(params.n, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_str_eq(params.items[i].name, pairs[2 * i]);
        ck_assert_str_eq(params.items[i].value, pairs[2 * i + 1]);
        ck_assert_uint_eq(params.items[i].n, strlen(pairs[2 * i + 1]));
    }
}

START_TEST(reads) {
    holds("", 0, NULL);
    holds("a=1", 1, (const char *[]){"a", "1"});
    holds("a=1; b=2;c=3 ;\t d = 4 ", 4, (const char *[]){"a", "1", "b", "2", "c", "3", "d", "4"});
    holds("a=\"q w\"; a=second; e=; f=x=y==", 4,
          (const char *[]){"a", "\"q w\"", "a", "second", "e", "", "f", "x=y=="});
    holds("nameless; =x; ;; a=1;", 1, (const char *[]){"a", "1"});
    holds("k={\"json\":[1]}; ü=é", 2, (const char *[]){"k", "{\"json\":[1]}", "ü", "é"});
    holds("x[[[[[[[[=1; y=%41+", 2, (const char *[]){"x[[[[[[[[", "1", "y", "%41+"});
    ck_assert_str_eq(params_get(&params, "y"), "%41+");
}
END_TEST

static void refused(const char *s, size_t n, const char *field) {
    ck_assert_int_eq(parse(s, n), INVALID);
    ck_assert_int_eq(error_http_status(&error), 400);
    ck_assert_ptr_nonnull(error.text);
    if (field == NULL)
        ck_assert_ptr_null(error.fields);
    else
        ck_assert_str_eq(error.fields->field, field);
}

START_TEST(refuses) {
    refused("a=1\0", 4, "a");
    refused("ok=1; a=\n", 9, "a");
    refused("a\x01=1", 4, NULL);
    refused("a=\x7f", 3, "a");
    refused("a=\xff", 3, "a");
    refused("\xff=1", 3, NULL);
    static char many[2048];
    for (int i = 0; i < 65; i++)
        strncat(many, "a=1;", 5);
    refused(many, strlen(many), NULL);
    static char large[20000];
    memset(large, 'v', sizeof(large));
    memcpy(large, "a=", 2);
    refused(large, 4096 + 3, "a");
    ck_assert_int_eq(parse(large, 4096 + 2), OK);
    refused(large, 16 * 1024 + 1, NULL);
    memset(large, 'n', 257);
    large[257] = '=';
    refused(large, 259, NULL);
}
END_TEST

START_TEST(builds) {
    struct cookie c = {.name = "__Host-session", .value = "abc-_=1"};
    ck_assert_str_eq(cookie_build(arena, &c),
                     "__Host-session=abc-_=1; Path=/; Secure; HttpOnly; SameSite=Lax");
    c = (struct cookie){.name = "s",
                        .value = "",
                        .path = "/x",
                        .domain = "a.example",
                        .max_age = 3600,
                        .same_site = COOKIE_STRICT,
                        .insecure = true,
                        .script = true};
    ck_assert_str_eq(cookie_build(arena, &c), "s=; Path=/x; Domain=a.example; Max-Age=3600; SameSite=Strict");
    c = (struct cookie){.name = "s", .value = "1", .max_age = -1, .same_site = COOKIE_NONE};
    ck_assert_str_eq(cookie_build(arena, &c),
                     "s=1; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; "
                     "Secure; HttpOnly; SameSite=None");
}
END_TEST

START_TEST(builds_nothing_broken) {
    const struct cookie rows[] = {
        {.name = "", .value = "1"},
        {.name = NULL, .value = "1"},
        {.name = "a b", .value = "1"},
        {.name = "a=", .value = "1"},
        {.name = "a;", .value = "1"},
        {.name = "é", .value = "1"},
        {.name = "a", .value = NULL},
        {.name = "a", .value = "1;2"},
        {.name = "a", .value = "1 2"},
        {.name = "a", .value = "1\r\nX: y"},
        {.name = "a", .value = "\"1\""},
        {.name = "a", .value = "é"},
        {.name = "a", .value = "1", .path = "x"},
        {.name = "a", .value = "1", .path = "/;Domain=evil"},
        {.name = "a", .value = "1", .path = "/\n"},
        {.name = "a", .value = "1", .domain = ""},
        {.name = "a", .value = "1", .domain = "a;b"},
        {.name = "__Host-a", .value = "1", .path = "/x"},
        {.name = "__Host-a", .value = "1", .domain = "a.example"},
        {.name = "__Host-a", .value = "1", .insecure = true},
        {.name = "__Secure-a", .value = "1", .insecure = true},
        {.name = "a", .value = "1", .same_site = COOKIE_NONE, .insecure = true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(cookie_build(arena, &rows[i]) == NULL, "row %zu", i);
}
END_TEST

int main(void) {
    Suite *s = suite_create("cookie");
    TCase *t = tcase_create("cookie");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, reads);
    tcase_add_test(t, refuses);
    tcase_add_test(t, builds);
    tcase_add_test(t, builds_nothing_broken);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
