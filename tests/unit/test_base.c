/* The standard library: arena, buf, err, id, clock, text. */
#include <check.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/err.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"

static struct arena *arena;

static void setup(void) { arena = arena_new(4 * 1024 * 1024); }
static void teardown(void) { arena_free(arena); }

/* ---- arena ---- */

static jmp_buf full;

static void on_full(void *arg) {
    (*(int *)arg)++;
    longjmp(full, 1);
}

START_TEST(arena_aligns_and_counts) {
    for (size_t n = 0; n < 100; n++) {
        char *p = arena_alloc(arena, n);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        memset(p, 0xAA, n);
    }
    size_t used = arena_used(arena);
    ck_assert_uint_ge(used, 99 * 100 / 2);
    const unsigned char *zeros = arena_zalloc(arena, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_uint_eq(zeros[i], 0);
    arena_reset(arena);
    ck_assert_uint_eq(arena_used(arena), 0);
}
END_TEST

START_TEST(arena_takes_large_and_many) {
    char *large = arena_alloc(arena, 2 * 1024 * 1024);
    memset(large, 1, 2 * 1024 * 1024);
    for (int i = 0; i < 1000; i++)
        memset(arena_alloc(arena, 1000), 2, 1000);
    ck_assert_int_eq(large[2 * 1024 * 1024 - 1], 1);
}
END_TEST

START_TEST(arena_copies) {
    ck_assert_ptr_null(arena_strdup(arena, NULL));
    ck_assert_str_eq(arena_strdup(arena, "hé"), "hé");
    ck_assert_str_eq(arena_strndup(arena, "hello", 2), "he");
    ck_assert_str_eq(arena_strndup(arena, "hi", 99), "hi");
    ck_assert_int_eq(memcmp(arena_memdup(arena, "a\0b", 3), "a\0b", 3), 0);
    ck_assert_str_eq(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    char *wide = arena_printf(arena, "%1000d", 5);
    ck_assert_uint_eq(strlen(wide), 1000);
}
END_TEST

static char order[16];

static void note(void *arg) { strncat(order, arg, 1); }

START_TEST(arena_cleans_up_in_reverse) {
    order[0] = '\0';
    char one[] = "1";
    char two[] = "2";
    char three[] = "3";
    arena_defer(arena, note, one);
    arena_defer(arena, note, two);
    arena_defer(arena, note, three);
    arena_reset(arena);
    ck_assert_str_eq(order, "321");
    arena_reset(arena);
    ck_assert_str_eq(order, "321");
}
END_TEST

START_TEST(arena_full_calls_and_stays_usable) {
    struct arena *small = arena_new(1000);
    static int called;
    called = 0;
    arena_on_exhausted(small, on_full, &called);
    if (setjmp(full) == 0) {
        for (;;)
            arena_alloc(small, 100);
    }
    ck_assert_int_eq(called, 1);
    ck_assert_uint_le(arena_used(small), 1000);
    if (setjmp(full) == 0)
        arena_calloc(small, SIZE_MAX / 2, 3);
    ck_assert_int_eq(called, 2);
    if (setjmp(full) == 0)
        arena_alloc(small, SIZE_MAX - 3);
    ck_assert_int_eq(called, 3);
    arena_reset(small);
    memset(arena_alloc(small, 900), 1, 900);
    arena_free(small);
}
END_TEST

START_TEST(arena_defer_without_room_does_not_leak) {
    struct arena *small = arena_new(64);
    static int called;
    called = 0;
    order[0] = '\0';
    char mark[] = "x";
    arena_on_exhausted(small, on_full, &called);
    arena_alloc(small, 64);
    if (setjmp(full) == 0)
        arena_defer(small, note, mark);
    ck_assert_int_eq(called, 1);
    ck_assert_str_eq(order, "x");
    arena_free(small);
    ck_assert_str_eq(order, "x");
}
END_TEST

START_TEST(arena_extends_the_newest_only) {
    char *p = arena_alloc(arena, 20);
    ck_assert(arena_extend(arena, p, 20, 200));
    memset(p, 1, 200);
    char *q = arena_alloc(arena, 10);
    ck_assert(q >= p + 200);
    ck_assert(!arena_extend(arena, p, 200, 300));
    ck_assert(!arena_extend(arena, q, 10, SIZE_MAX));
}
END_TEST

/* ---- buf ---- */

START_TEST(buf_grows_in_arena_and_heap) {
    struct arena *rooms[] = {arena, NULL};
    for (int r = 0; r < 2; r++) {
        struct buf b;
        buf_init(&b, rooms[r], 1000000);
        ck_assert_str_eq(buf_str(&b), "");
        for (int i = 0; i < 10000; i++)
            buf_puts(&b, "0123456789");
        ck_assert_uint_eq(b.n, 100000);
        ck_assert_int_eq(memcmp(b.p + 99990, "0123456789", 11), 0);
        ck_assert(!buf_overflowed(&b));
        buf_free(&b);
    }
}
END_TEST

START_TEST(buf_stops_at_its_cap) {
    struct buf b;
    buf_init(&b, NULL, 10);
    buf_puts(&b, "0123456789");
    ck_assert(!buf_overflowed(&b));
    buf_add(&b, "", 0);
    ck_assert(!buf_overflowed(&b));
    buf_putc(&b, 'x');
    ck_assert(buf_overflowed(&b));
    ck_assert_str_eq(buf_str(&b), "0123456789");
    buf_free(&b);
    ck_assert(!buf_overflowed(&b));

    buf_puts(&b, "abc");
    buf_puts(&b, "too long to fit");
    buf_puts(&b, "d"); /* would fit, but something is missing before it */
    ck_assert(buf_overflowed(&b));
    ck_assert_str_eq(buf_str(&b), "abc");
    ck_assert(!buf_reserve(&b, 1));
    buf_free(&b);

    buf_printf(&b, "%20d", 1);
    ck_assert(buf_overflowed(&b));
    buf_free(&b);
}
END_TEST

START_TEST(buf_writes_numbers) {
    struct buf b;
    buf_init(&b, arena, 10000);
    buf_int(&b, 0);
    buf_putc(&b, ' ');
    buf_int(&b, -1);
    buf_putc(&b, ' ');
    buf_int(&b, INT64_MAX);
    buf_putc(&b, ' ');
    buf_int(&b, INT64_MIN);
    buf_printf(&b, " %03d|%500s", 7, "x");
    ck_assert_str_eq(arena_strndup(arena, b.p, 53), "0 -1 9223372036854775807 -9223372036854775808 007|   ");
    ck_assert_uint_eq(b.n, 50 + 500);
}
END_TEST

static const char *escaped(void (*fn)(struct buf *, const char *, size_t), const char *s, size_t n) {
    struct buf b;
    buf_init(&b, arena, 10000);
    fn(&b, s, n);
    return buf_str(&b);
}

START_TEST(buf_escapes) {
    ck_assert_str_eq(escaped(buf_html, "<a href='x'>\"&é", 16), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;é");
    ck_assert_str_eq(escaped(buf_html, "", 0), "");
    ck_assert_str_eq(escaped(buf_html, "plain", 5), "plain");
    ck_assert_str_eq(escaped(buf_url, "a b/ü-._~%", 11), "a%20b%2F%C3%BC-._~%25");
    ck_assert_str_eq(escaped(buf_json, "\"\\\b\f\n\r\t\x01</&>é\0", 15),
                     "\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u003c/\\u0026\\u003eé\\u0000");
    ck_assert_str_eq(escaped(buf_json, "a\xff\xc3", 3), "a\xEF\xBF\xBD\xEF\xBF\xBD");
}
END_TEST

/* ---- err ---- */

START_TEST(errors_map) {
    static const struct {
        enum code code;
        int http;
        const char *name;
    } rows[] = {
        {OK, 200, "OK"},
        {INVALID, 422, "INVALID_ARGUMENT"},
        {DEADLINE, 504, "DEADLINE_EXCEEDED"},
        {NOT_FOUND, 404, "NOT_FOUND"},
        {EXISTS, 409, "ALREADY_EXISTS"},
        {DENIED, 403, "PERMISSION_DENIED"},
        {EXHAUSTED, 429, "RESOURCE_EXHAUSTED"},
        {ABORTED, 409, "ABORTED"},
        {OUT_OF_RANGE, 400, "OUT_OF_RANGE"},
        {UNIMPLEMENTED, 501, "UNIMPLEMENTED"},
        {INTERNAL, 500, "INTERNAL"},
        {UNAVAILABLE, 503, "UNAVAILABLE"},
        {UNAUTHENTICATED, 401, "UNAUTHENTICATED"},
        {(enum code)99, 500, "UNKNOWN"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct error e = {.code = rows[i].code};
        ck_assert_int_eq(error_http_status(&e), rows[i].http);
        ck_assert_str_eq(code_name(rows[i].code), rows[i].name);
    }
    struct error e;
    ck_assert_int_eq(error_set(&e, INVALID, 413, "Too large."), INVALID);
    ck_assert_int_eq(error_http_status(&e), 413);
    error_add_field(arena, &e, "a", FIELD_INVALID, "1");
    error_add_field(arena, &e, "b", FIELD_TAKEN, "2");
    ck_assert_str_eq(e.fields->field, "a");
    ck_assert_str_eq(e.fields->next->text, "2");
    ck_assert_str_eq(e.fields->next->kind, FIELD_TAKEN);
    ck_assert_ptr_null(e.fields->next->next);
}
END_TEST

/* ---- id ---- */

START_TEST(ids_grow_and_carry_time) {
    id_set_node(1023);
    int64_t before = clock_now_ms();
    int64_t last = id_next();
    ck_assert_int_ge(id_time_ms(last), before);
    ck_assert_int_le(id_time_ms(last), clock_now_ms() + 1);
    ck_assert_int_eq(last >> 12 & 1023, 1023);
    id_set_node(1);
    for (int i = 0; i < 20000; i++) { /* more than a millisecond has numbers for */
        int64_t id = id_next();
        ck_assert_int_gt(id, last);
        last = id;
    }
    ck_assert_int_eq(last >> 12 & 1023, 1);
    ck_assert_int_le(id_floor_at(id_time_ms(last)), last);
    ck_assert_int_gt(id_floor_at(id_time_ms(last) + 1), last);
    ck_assert_int_eq(id_floor_at(0), 0);
    ck_assert_int_eq(id_floor_at(INT64_MAX), INT64_MAX);
}
END_TEST

START_TEST(ids_read_and_write) {
    static const char *const bad[] = {"",
                                      "0",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "9223372036854775808",
                                      "12345678901234567890",
                                      "0000000000000000000"};
    int64_t id = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!id_parse(bad[i], &id), "%s", bad[i]);
    ck_assert(!id_parse(NULL, &id));
    ck_assert_int_eq(id, 7);
    ck_assert(id_parse("9223372036854775807", &id));
    ck_assert_int_eq(id, INT64_MAX);
    char out[ID_STR_MAX];
    ck_assert_int_eq(id_format(id, out), 19);
    ck_assert_str_eq(out, "9223372036854775807");
    ck_assert_str_eq(id_str(arena, 42), "42");
    ck_assert_int_eq(id_format(0, out), 1);
    ck_assert_str_eq(out, "0");
}
END_TEST

/* ---- clock ---- */

#define MOMENT INT64_C(1795327403123) /* 2026-11-22T06:03:23.123Z, a Sunday */

START_TEST(clock_formats) {
    ck_assert_str_eq(clock_iso(arena, MOMENT), "2026-11-22T06:03:23.123Z");
    ck_assert_str_eq(clock_iso(arena, 0), "1970-01-01T00:00:00.000Z");
    ck_assert_str_eq(clock_iso(arena, -1), "1969-12-31T23:59:59.999Z");
    ck_assert_str_eq(clock_iso(arena, INT64_C(1709164800000)), "2024-02-29T00:00:00.000Z");
    ck_assert_str_eq(clock_iso(arena, INT64_MIN), "0000-01-01T00:00:00.000Z");
    ck_assert_str_eq(clock_iso(arena, INT64_MAX), "9999-12-31T23:59:59.999Z");
    ck_assert_str_eq(clock_http(arena, MOMENT), "Sun, 22 Nov 2026 06:03:23 GMT");
    ck_assert_int_gt(clock_now_ms(), ID_EPOCH_MS);
    int64_t start = clock_mono_us();
    ck_assert_int_ge(clock_mono_us(), start);
}
END_TEST

START_TEST(clock_agrees_with_libc) {
    for (int64_t t = -INT64_C(60000000000); t < INT64_C(250000000000); t += INT64_C(86399000) * 7 / 2 + 13) {
        time_t seconds = (time_t)t;
        struct tm tm;
        char want[40];
        gmtime_r(&seconds, &tm);
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        const char *have = clock_http(arena, t * 1000);
        if (tm.tm_year + 1900 >= 1000)
            ck_assert_str_eq(have, want);
        arena_reset(arena);
    }
}
END_TEST

/* ---- text ---- */

START_TEST(text_knows_utf8) {
    static const char *const good[] = {"",
                                       "a",
                                       "é",
                                       "€",
                                       "😀",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF4\x8F\xBF\xBF",
                                       "ascii of more than eight bytes, then é and more ascii"};
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC3",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF0\x80\x80\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "a\xC3(",
                                      "\xE2\x82",
                                      "12345678\x80",
                                      "\xF0\x9F\x98"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(text_utf8_valid(good[i], strlen(good[i])), "%zu", i);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!text_utf8_valid(bad[i], strlen(bad[i])), "%zu", i);
    ck_assert(!text_utf8_valid("a\0b", 3));
    ck_assert_uint_eq(text_utf8_count("aé€😀", 10), 4);
    ck_assert_uint_eq(text_graphemes("", 0), 0);
    ck_assert_uint_eq(text_graphemes("e\u0301x", 4), 2);
    ck_assert_uint_eq(text_graphemes("👩‍👩‍👧🇫🇷", strlen("👩‍👩‍👧🇫🇷")), 2);
}
END_TEST

static const char *cleaned(const char *s) { return text_clean(arena, s, strlen(s)); }
static const char *line(const char *s) { return text_clean_line(arena, s, strlen(s)); }

START_TEST(text_cleans) {
    ck_assert_str_eq(cleaned("  hello\r\nworld\t! \n"), "hello\nworld\t!");
    ck_assert_str_eq(cleaned("e\u0301"), "é");
    ck_assert_str_eq(cleaned("a\x01\x7f\xC2\x85\u202Eb\u2066c\u2069"), "abc");
    ck_assert_str_eq(cleaned("\u00A0\u3000x\u2003"), "x");
    ck_assert_str_eq(cleaned(" \n "), "");
    ck_assert_str_eq(cleaned(""), "");
    ck_assert_ptr_null(cleaned("\xff"));
    ck_assert_ptr_null(text_clean(arena, "a\0b", 3));
    ck_assert_str_eq(line("  Ada \n\t Love\u00A0\u2003lace "), "Ada Love lace");
    ck_assert_ptr_null(line("\xC3"));
    ck_assert_str_eq(text_fold(arena, "ＳTRAẞE e\u0301\u200B"), "strasse é");
    ck_assert_ptr_null(text_fold(arena, "\xff"));
    ck_assert_ptr_null(text_fold(arena, NULL));
}
END_TEST

START_TEST(text_cuts) {
    ck_assert_str_eq(text_ellipsis(arena, "hello", 5), "hello");
    ck_assert_str_eq(text_ellipsis(arena, "hello", 4), "hell…");
    ck_assert_str_eq(text_ellipsis(arena, "e\u0301e\u0301", 1), "e\u0301…");
    ck_assert_str_eq(text_ellipsis(arena, "x", 0), "…");
    ck_assert_str_eq(text_ellipsis(arena, "", 0), "");
    ck_assert_ptr_null(text_ellipsis(arena, NULL, 3));
}
END_TEST

START_TEST(text_compares) {
    ck_assert(text_is_empty(NULL) && text_is_empty("") && !text_is_empty(" "));
    ck_assert(text_equal("a", "a") && !text_equal("a", "b") && !text_equal("", NULL) &&
              text_equal(NULL, NULL));
    ck_assert(text_starts("abc", "ab") && text_starts("abc", "") && !text_starts("a", "ab") &&
              !text_starts(NULL, ""));
}
END_TEST

static void check_shapes(bool (*is)(const char *), const char *const *good, const char *const *bad) {
    for (; *good != NULL; good++)
        ck_assert_msg(is(*good), "refused: %s", *good);
    for (; *bad != NULL; bad++)
        ck_assert_msg(!is(*bad), "taken: %s", *bad);
    ck_assert(!is(NULL));
}

START_TEST(text_shapes) {
    check_shapes(text_is_handle, (const char *[]){"a", "Ada_1815", "abcdefghijklmnopqrstuvwxyz1234", NULL},
                 (const char *[]){"", "1a", "_a", "a-b", "é", "abcdefghijklmnopqrstuvwxyz12345", "a ", NULL});
    check_shapes(
        text_is_email, (const char *[]){"a@b.co", "a.b+c@d-e.example", "A_!#$%&'*/=?^`{|}~@x.y.zz", NULL},
        (const char *[]){"",         "a",       "@b.co",       "a@",        "a@b",      "a@@b.co", "a@b@c.co",
                         "a b@c.co", ".a@b.co", "a.@b.co",     "a..b@c.co", "a@.co",    "a@b..co", "a@-b.co",
                         "a@b-.co",  "a@b.co.", "a@127.0.0.1", "a@b.co\n",  "a\"@b.co", "é@b.co",  NULL});
    check_shapes(text_is_http_url,
                 (const char *[]){"http://a", "https://a.example/x?y#z", "HTTPS://A", "http://a:80",
                                  "http://a:/", "http://[::1]:8080/", "https://münchen.example/ü",
                                  "http://a?b@c", NULL},
                 (const char *[]){"",
                                  "http://",
                                  "http:///x",
                                  "ftp://a",
                                  "javascript:alert(1)",
                                  "//a",
                                  "http:/a",
                                  "http://u@a",
                                  "http://u:p@a",
                                  "http://a:x",
                                  "http://a:65536",
                                  "http://a:123456",
                                  "http://a b",
                                  "http://a\\@b",
                                  "http://a\n",
                                  "http://a/\x7f",
                                  "http://[::1",
                                  "http://[]",
                                  "http://[g::]",
                                  "http://?a",
                                  "http://.a",
                                  "http://a/\xC2\x85",
                                  "http://a/\xff",
                                  "http://a:0",
                                  NULL});
    check_shapes(text_is_local_path, (const char *[]){"/", "/a//b", "/a?b=//c", "/ü", NULL},
                 (const char *[]){"", "a", "//a", "/\\a", "http://a", "/a\n", "/\t/a", "\\a", NULL});
}
END_TEST

START_TEST(text_encodes) {
    unsigned char bytes[40];
    for (int i = 0; i < 40; i++)
        bytes[i] = (unsigned char)(i * 77 + 250);
    ck_assert_str_eq(text_hex(arena, "\x00\xff\x1a", 3), "00ff1a");
    ck_assert_str_eq(text_base64url(arena, "", 0), "");
    ck_assert_str_eq(text_base64url(arena, "f", 1), "Zg");
    ck_assert_str_eq(text_base64url(arena, "fo", 2), "Zm8");
    ck_assert_str_eq(text_base64url(arena, "foo", 3), "Zm9v");
    ck_assert_str_eq(text_base64url(arena, "\xfb\xff", 2), "-_8");
    unsigned char *p;
    size_t n;
    for (size_t len = 0; len <= 40; len++) {
        ck_assert(text_base64url_decode(arena, text_base64url(arena, bytes, len), &p, &n));
        ck_assert_uint_eq(n, len);
        ck_assert_int_eq(memcmp(p, bytes, len), 0);
    }
    static const char *const bad[] = {"Z", "Zg=", "Zg==", "Z+", "Z/", "Zh", "Zm9", "Zg ", "Zm9vZ"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!text_base64url_decode(arena, bad[i], &p, &n), "%s", bad[i]);
    ck_assert(!text_base64url_decode(arena, NULL, &p, &n));
}
END_TEST

START_TEST(text_reads_numbers) {
    int64_t v = 7;
    ck_assert(text_parse_int("9223372036854775807", INT64_MIN, INT64_MAX, &v));
    ck_assert_int_eq(v, INT64_MAX);
    ck_assert(text_parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &v));
    ck_assert_int_eq(v, INT64_MIN);
    ck_assert(text_parse_int("007", 1, 7, &v));
    ck_assert_int_eq(v, 7);
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999",
                                      "--1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!text_parse_int(bad[i], INT64_MIN, INT64_MAX, &v), "%s", bad[i]);
    ck_assert(!text_parse_int("8", 1, 7, &v) && !text_parse_int("0", 1, 7, &v) &&
              !text_parse_int(NULL, 0, 1, &v));
    ck_assert_int_eq(v, 7);
}
END_TEST

static TCase *tcase(const char *name, const TTest *const *tests) {
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    for (; *tests != NULL; tests++)
        tcase_add_test(t, *tests);
    return t;
}

int main(void) {
    Suite *s = suite_create("base");
    suite_add_tcase(
        s, tcase("arena", (const TTest *[]){arena_aligns_and_counts, arena_takes_large_and_many, arena_copies,
                                            arena_cleans_up_in_reverse, arena_full_calls_and_stays_usable,
                                            arena_defer_without_room_does_not_leak,
                                            arena_extends_the_newest_only, NULL}));
    suite_add_tcase(s, tcase("buf", (const TTest *[]){buf_grows_in_arena_and_heap, buf_stops_at_its_cap,
                                                      buf_writes_numbers, buf_escapes, NULL}));
    suite_add_tcase(s, tcase("err", (const TTest *[]){errors_map, NULL}));
    suite_add_tcase(s, tcase("id", (const TTest *[]){ids_grow_and_carry_time, ids_read_and_write, NULL}));
    suite_add_tcase(s, tcase("clock", (const TTest *[]){clock_formats, clock_agrees_with_libc, NULL}));
    suite_add_tcase(s, tcase("text", (const TTest *[]){text_knows_utf8, text_cleans, text_cuts, text_compares,
                                                       text_shapes, text_encodes, text_reads_numbers, NULL}));
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
