/* Log lines: one JSON object each, whatever the values hold. */
#include <check.h>
#undef fail
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/ctx.h"
#include "fcgi/log.h"

static char path[64];
static char text[16384];

static void setup(void) {
    snprintf(path, sizeof path, "/tmp/deeplink-log-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    log_open(path, LOG_INFO, "test");
}

static void teardown(void) {
    log_open(NULL, LOG_ERROR, "test");
    unlink(path);
}

/* The only line that was written, parsed; the file is empty again. */
static json_object *line(void) {
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    ck_assert_int_eq(truncate(path, 0), 0);
    ck_assert_msg(n > 0 && strchr(text, '\n') == text + n - 1, "not one line: %s", text);
    enum json_tokener_error error;
    json_tokener *t = json_tokener_new();
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *o = json_tokener_parse_ex(t, text, (int)n - 1);
    error = json_tokener_get_error(t);
    ck_assert_msg(o != NULL && error == json_tokener_success, "%s: %s", json_tokener_error_desc(error), text);
    json_tokener_free(t);
    return o;
}

static void has(json_object *o, const char *key, const char *value) {
    json_object *v;
    ck_assert_msg(json_object_object_get_ex(o, key, &v), "no %s in %s", key, text);
    ck_assert_str_eq(json_object_get_string(v), value);
}

START_TEST(pairs) {
    log_write(LOG_WARN, NULL, "it \"happened\"",
              "name=%s count=%d big=%lld size=%zu hex=%x share=%d%% words=%s and more last=%c",
              "A \"B\"\n\t\\", -5, 1234567890123LL, (size_t)7, 255, 50, "x y=z", 'c');
    json_object *o = line();
    has(o, "level", "warn");
    has(o, "process", "test");
    has(o, "message", "it \"happened\"");
    has(o, "name", "A \"B\"\n\t\\");
    has(o, "count", "-5");
    has(o, "big", "1234567890123");
    has(o, "size", "7");
    has(o, "hex", "ff");
    has(o, "share", "50%");
    has(o, "words", "x y=z and more");
    has(o, "last", "c");
    ck_assert(json_object_is_type(json_object_object_get(o, "count"), json_type_int));
    ck_assert(json_object_is_type(json_object_object_get(o, "pid"), json_type_int));
    ck_assert(json_object_is_type(json_object_object_get(o, "hex"), json_type_string));
    json_object_put(o);
}
END_TEST

START_TEST(values_make_no_keys) {
    log_write(LOG_ERROR, NULL, "m", "path=%s n=%d", "/x\" n=\"9\" level=debug", 1);
    json_object *o = line();
    has(o, "path", "/x\" n=\"9\" level=debug");
    has(o, "n", "1");
    has(o, "level", "error");
    json_object_put(o);
}
END_TEST

START_TEST(widths_and_nothing) {
    const char *volatile nothing = NULL;
    log_write(LOG_ERROR, NULL, "m", "a=%s b=%.3s c=%.*s d=%05d e=%.2f f=%-4s|", nothing, "abcdef", 2, "xyz",
              42, 1.5, "q");
    json_object *o = line();
    has(o, "a", "");
    has(o, "b", "abc");
    has(o, "c", "xy");
    has(o, "e", "1.50");
    has(o, "f", "q   |");
    json_object_put(o);
    log_write(LOG_ERROR, NULL, "m", "no pair at %s", "all");
    o = line();
    has(o, "detail", "no pair at all");
    json_object_put(o);
}
END_TEST

START_TEST(names_the_request) {
    struct ctx ctx = {.request_id = "abc\"", .viewer_id = 17};
    log_write(LOG_INFO, &ctx, "m", "k=%d", 1);
    json_object *o = line();
    has(o, "request", "abc\"");
    has(o, "viewer", "17");
    json_object_put(o);
}
END_TEST

START_TEST(levels) {
    struct ctx ctx = {.request_id = "r", .ip = "::1"};
    log_write(LOG_DEBUG, NULL, "hidden", "k=%d", 1);
    log_access(&ctx, "GET", "/ü \"x\"", 200, 1234, 56);
    json_object *o = line();
    has(o, "message", "request");
    has(o, "path", "/ü \"x\"");
    has(o, "status", "200");
    has(o, "bytes", "1234");
    has(o, "us", "56");
    has(o, "ip", "::1");
    json_object_put(o);
    log_level_set(LOG_WARN);
    ck_assert(!log_wants(LOG_INFO));
    log_access(&ctx, "GET", "/", 200, 0, 0);
    log_write(LOG_INFO, NULL, "hidden", "k=%d", 1);
    log_write(LOG_WARN, NULL, "seen", "k=%d", 1);
    o = line();
    has(o, "message", "seen");
    json_object_put(o);
    ck_assert_int_eq(log_level_parse("debug"), LOG_DEBUG);
    ck_assert_int_eq(log_level_parse("error"), LOG_ERROR);
    ck_assert_int_eq(log_level_parse("what"), LOG_INFO);
}
END_TEST

/* Every length around the limit, of bytes that are escaped and bytes that are not: never a broken line. */
START_TEST(long_values_are_cut) {
    static char value[5000];
    static const char *const fills[] = {"x", "\"", "\n", "ü", "😀"};
    for (size_t f = 0; f < sizeof fills / sizeof fills[0]; f++)
        for (size_t shift = 0; shift < 8; shift++) {
            size_t n = 0, step = strlen(fills[f]);
            memset(value, 'a', shift);
            for (n = shift; n + step < sizeof value; n += step)
                memcpy(value + n, fills[f], step);
            value[n] = '\0';
            log_write(LOG_ERROR, NULL, "m", "value=%s after=%d", value, 1);
            json_object *o = line();
            has(o, "cut", "true");
            json_object_put(o);
            log_access(NULL, "GET", value, 200, 1, 1);
            o = line();
            has(o, "cut", "true");
            json_object_put(o);
        }
    for (int n = 3700; n < 4050; n++) {
        memset(value, 'x', sizeof value);
        value[n] = '\0';
        log_write(LOG_ERROR, NULL, "m", "value=%s after=%d last=%s", value, 12345, "yes");
        json_object_put(line());
    }
}
END_TEST

START_TEST(control_bytes) {
    char all[256];
    for (int i = 1; i < 128; i++)
        all[i - 1] = (char)i;
    all[127] = '\0';
    log_write(LOG_ERROR, NULL, "m", "all=%s", all);
    json_object *o = line();
    has(o, "all", all);
    json_object_put(o);
}
END_TEST

int main(void) {
    Suite *s = suite_create("log");
    TCase *t = tcase_create("log");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, pairs);
    tcase_add_test(t, values_make_no_keys);
    tcase_add_test(t, widths_and_nothing);
    tcase_add_test(t, names_the_request);
    tcase_add_test(t, levels);
    tcase_add_test(t, long_values_are_cut);
    tcase_add_test(t, control_bytes);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
