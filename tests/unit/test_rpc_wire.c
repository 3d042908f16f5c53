/* What gRPC puts on a stream: framing, timeouts, percent-encoded words, base64, status, the error and back.
 */
#include <check.h>
#undef fail
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/rpc_circuit.h"
#include "fcgi/rpc_client.h"
#include "fcgi/rpc_wire.h"

static struct ctx ctx;

static void setup(void) { ctx = (struct ctx){.arena = arena_new((size_t)8 << 20), .request_id = ""}; }
static void teardown(void) { arena_free(ctx.arena); }

START_TEST(a_message_is_found_when_it_is_whole) {
    unsigned char bytes[RPC_HEAD + 300] = {0};
    const unsigned char *p;
    size_t n;
    rpc_head_write(bytes, 300);
    ck_assert_mem_eq(bytes, "\0\0\0\1\54", RPC_HEAD);
    for (size_t have = 0; have < sizeof bytes; have++)
        ck_assert_int_eq(rpc_message_find(bytes, have, &p, &n), RPC_PART);
    ck_assert_int_eq(rpc_message_find(bytes, sizeof bytes, &p, &n), RPC_WHOLE);
    ck_assert_ptr_eq(p, bytes + RPC_HEAD);
    ck_assert_uint_eq(n, 300);
    rpc_head_write(bytes, 0);
    ck_assert_int_eq(rpc_message_find(bytes, RPC_HEAD, &p, &n), RPC_WHOLE);
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(compressed_and_too_large_is_said_at_once) {
    const unsigned char *p;
    size_t n;
    ck_assert_int_eq(rpc_message_find((const unsigned char *)"\1", 1, &p, &n), RPC_COMPRESSED);
    ck_assert_int_eq(rpc_message_find((const unsigned char *)"\1\0\0\0\0", 5, &p, &n), RPC_COMPRESSED);
    ck_assert_int_eq(rpc_message_find((const unsigned char *)"\0\0\100\0\0", 5, &p, &n), RPC_PART);
    ck_assert_int_eq(rpc_message_find((const unsigned char *)"\0\0\100\0\1", 5, &p, &n), RPC_TOO_LARGE);
    ck_assert_int_eq(rpc_message_find((const unsigned char *)"\0\377\377\377\377", 5, &p, &n), RPC_TOO_LARGE);
}
END_TEST

START_TEST(timeouts_are_read) {
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } cases[] = {{"1S", 1000000},
                 {"100m", 100000},
                 {"5u", 5},
                 {"2500n", 2},
                 {"2M", 120000000},
                 {"1H", INT64_C(3600000000)},
                 {"99999999H", RPC_TIMEOUT_US_MAX},
                 {"99999999S", RPC_TIMEOUT_US_MAX},
                 {"0S", 0},
                 {"100000000S", -1},
                 {"", -1},
                 {"S", -1},
                 {"1", -1},
                 {"1s", -1},
                 {"1Sx", -1},
                 {"-1S", -1},
                 {" 1S", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us = -1;
        ck_assert_msg(rpc_timeout_parse(cases[i].text, &us) == (cases[i].us >= 0), "%s", cases[i].text);
        ck_assert_msg(us == cases[i].us, "%s: %" PRId64, cases[i].text, us);
    }
}
END_TEST

START_TEST(timeouts_come_back_never_longer) {
    static const int64_t times[] = {
        -5, 0, 1, 999, 3000000, 99999999, 100000000, 123456789, INT64_C(99999999999), INT64_MAX};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[RPC_TIMEOUT_MAX];
        int64_t us = 0, wanted = times[i] < 1 ? 1 : times[i];
        rpc_timeout_write(times[i], text);
        ck_assert_msg(rpc_timeout_parse(text, &us), "%s", text);
        ck_assert_msg(us <= wanted && us > 0, "%s", text);
        ck_assert_msg(us >= wanted - wanted / 1000 || us == RPC_TIMEOUT_US_MAX, "%s", text);
    }
}
END_TEST

START_TEST(words_survive_percent_encoding) {
    char all[256];
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    ck_assert_str_eq(rpc_percent_encode(ctx.arena, "a b%~\n"), "a b%25~%0A");
    ck_assert_str_eq(rpc_percent_encode(ctx.arena, "Ü"), "%C3%9C");
    for (const char *p = rpc_percent_encode(ctx.arena, all); *p != '\0'; p++)
        ck_assert(*p >= ' ' && *p <= '~');
    ck_assert_str_eq(rpc_percent_decode(ctx.arena, rpc_percent_encode(ctx.arena, "50 % of Ü\n€")),
                     "50 % of Ü\n€");
    ck_assert_str_eq(rpc_percent_decode(ctx.arena, "%"), "%");
    ck_assert_str_eq(rpc_percent_decode(ctx.arena, "%4"), "%4");
    ck_assert_str_eq(rpc_percent_decode(ctx.arena, "%zz%41"), "%zzA");
    ck_assert_str_eq(rpc_percent_decode(ctx.arena, "a%ff%00b"), "a\xef\xbf\xbd\xef\xbf\xbd"
                                                                "b");
}
END_TEST

START_TEST(base64_is_the_plain_one) {
    unsigned char *p;
    size_t n;
    ck_assert_str_eq(rpc_base64(ctx.arena, "\xfb\xff\xfe", 3), "+//+");
    ck_assert(rpc_base64_decode(ctx.arena, "+//+", &p, &n) && n == 3);
    ck_assert(rpc_base64_decode(ctx.arena, "QQ==", &p, &n) && n == 1 && p[0] == 'A');
    ck_assert(rpc_base64_decode(ctx.arena, "QQ", &p, &n) && n == 1);
    ck_assert(!rpc_base64_decode(ctx.arena, "Q!", &p, &n));
}
END_TEST

START_TEST(statuses_of_others_become_ours) {
    ck_assert_int_eq(rpc_code_of_http(503), UNAVAILABLE);
    ck_assert_int_eq(rpc_code_of_http(404), UNIMPLEMENTED);
    ck_assert_int_eq(rpc_code_of_http(418), UNKNOWN);
    ck_assert_int_eq(rpc_code_of_reset(7), UNAVAILABLE);
    ck_assert_int_eq(rpc_code_of_reset(8), CANCELLED);
    ck_assert_int_eq(rpc_code_of_reset(1), INTERNAL);
    ck_assert_int_eq(rpc_code_parse("16"), UNAUTHENTICATED);
    ck_assert_int_eq(rpc_code_parse("17"), UNKNOWN);
    ck_assert_int_eq(rpc_code_parse("x"), UNKNOWN);
}
END_TEST

START_TEST(an_error_is_the_same_on_the_other_side) {
    struct error e = {.code = EXHAUSTED,
                      .text = "Wait – a little",
                      .detail = "secret words",
                      .retry_after = 7,
                      .http = 413};
    error_add_field(ctx.arena, &e, "name", FIELD_TOO_LONG, "Too long.");
    error_add_field(ctx.arena, &e, "bio", FIELD_TOO_SHORT, "Too short.");
    ck_assert(rpc_error_unpack(&ctx, rpc_error_pack(ctx.arena, &e, true)));
    ck_assert_int_eq(ctx.error.code, EXHAUSTED);
    ck_assert_str_eq(ctx.error.text, "Wait – a little");
    ck_assert_str_eq(ctx.error.detail, "secret words");
    ck_assert_int_eq(ctx.error.retry_after, 7);
    ck_assert_int_eq(ctx.error.http, 413);
    ck_assert_str_eq(ctx.error.fields->field, "name");
    ck_assert_str_eq(ctx.error.fields->next->text, "Too short.");
    ck_assert_str_eq(ctx.error.fields->next->kind, FIELD_TOO_SHORT);
    ck_assert_ptr_null(ctx.error.fields->next->next);
}
END_TEST

START_TEST(outsiders_get_no_detail) {
    struct error e = {.code = INTERNAL, .text = "Sorry", .detail = "secret words"};
    ck_assert(rpc_error_unpack(&ctx, rpc_error_pack(ctx.arena, &e, false)));
    ck_assert_ptr_null(ctx.error.detail);
}
END_TEST

START_TEST(a_failure_recorded_first_stays) {
    struct error e = {.code = NOT_FOUND, .text = "second"};
    error_set(&ctx.error, DENIED, 0, "first");
    ck_assert(rpc_error_unpack(&ctx, rpc_error_pack(ctx.arena, &e, true)));
    ck_assert_int_eq(ctx.error.code, DENIED);
    ck_assert_str_eq(ctx.error.text, "first");
}
END_TEST

START_TEST(a_huge_error_still_fits) {
    struct error e = {.code = INVALID, .text = "Much"};
    char words[9000];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    e.detail = words;
    for (int i = 0; i < 400; i++)
        error_add_field(ctx.arena, &e, "field", FIELD_INVALID, "Something that is wrong with this one.");
    char *packed = rpc_error_pack(ctx.arena, &e, true);
    ck_assert_uint_lt(strlen(packed), 8000);
    ck_assert(rpc_error_unpack(&ctx, packed));
    ck_assert_int_eq(ctx.error.code, INVALID);
    ck_assert_ptr_nonnull(ctx.error.fields);
}
END_TEST

START_TEST(what_is_no_error_is_none) {
    static const char *const all[] = {"", "!", "QUJD", "CAU", "CAUSAU4"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        ck_assert_msg(!rpc_error_unpack(&ctx, all[i]), "%s", all[i]);
    ck_assert(ctx.error.code == OK);
}
END_TEST

START_TEST(addresses) {
    static const char *const good[] = {"grpc://a:1", "grpc://[::1]:65535", "grpc+unix:/run/x.sock",
                                       "grpcs://a:1", "grpcs://[::1]:9000"};
    static const char *const bad[] = {"",          "local",       "grpc://",      "grpc://a",
                                      "grpc://:1", "grpc://a:0",  "grpc://a:1/x", "grpcs://:1",
                                      "grpcs://a", "grpc+unix:x", "http://a:1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(rpc_address_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!rpc_address_valid(bad[i]), "%s", bad[i]);
}
END_TEST

/* ---- the circuit ---- */

START_TEST(a_circuit_opens_after_failures_in_a_row) {
    struct rpc_circuit c = {0};
    for (int i = 1; i < RPC_CIRCUIT_FAILURES; i++)
        ck_assert_int_eq(rpc_circuit_note(&c, false, 0), 0);
    ck_assert_int_eq(rpc_circuit_note(&c, true, 0), 0); /* one success: from the beginning */
    for (int i = 1; i < RPC_CIRCUIT_FAILURES; i++)
        ck_assert_int_eq(rpc_circuit_note(&c, false, 0), 0);
    ck_assert(rpc_circuit_allows(&c, 0));
    ck_assert_int_eq(rpc_circuit_note(&c, false, 0), 1);
    ck_assert(!rpc_circuit_allows(&c, RPC_CIRCUIT_MIN_US - 1));
    ck_assert_int_eq(rpc_circuit_wait_s(&c, 0), 1);
}
END_TEST

START_TEST(an_open_circuit_lets_one_try) {
    struct rpc_circuit c = {0};
    int64_t now = 0;
    for (int i = 0; i < RPC_CIRCUIT_FAILURES; i++)
        rpc_circuit_note(&c, false, now);
    now = RPC_CIRCUIT_MIN_US;
    ck_assert(rpc_circuit_allows(&c, now));
    ck_assert(!rpc_circuit_allows(&c, now));
    ck_assert_int_eq(rpc_circuit_note(&c, false, now), 0);
    ck_assert(!rpc_circuit_allows(&c, now + RPC_CIRCUIT_MIN_US)); /* twice as long now */
    ck_assert(rpc_circuit_allows(&c, now + 2 * RPC_CIRCUIT_MIN_US));
    ck_assert_int_eq(rpc_circuit_note(&c, true, now), -1);
    ck_assert(rpc_circuit_allows(&c, now));
    ck_assert_int_eq(rpc_circuit_note(&c, false, now), 0);
}
END_TEST

START_TEST(an_open_circuit_waits_no_longer_than_it_may) {
    struct rpc_circuit c = {0};
    for (int i = 0; i < 60; i++)
        rpc_circuit_note(&c, false, 0);
    ck_assert(rpc_circuit_allows(&c, RPC_CIRCUIT_MAX_US));
}
END_TEST

int main(void) {
    Suite *s = suite_create("rpc_wire");
    TCase *t = tcase_create("rpc_wire");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_message_is_found_when_it_is_whole);
    tcase_add_test(t, compressed_and_too_large_is_said_at_once);
    tcase_add_test(t, timeouts_are_read);
    tcase_add_test(t, timeouts_come_back_never_longer);
    tcase_add_test(t, words_survive_percent_encoding);
    tcase_add_test(t, base64_is_the_plain_one);
    tcase_add_test(t, statuses_of_others_become_ours);
    tcase_add_test(t, an_error_is_the_same_on_the_other_side);
    tcase_add_test(t, outsiders_get_no_detail);
    tcase_add_test(t, a_failure_recorded_first_stays);
    tcase_add_test(t, a_huge_error_still_fits);
    tcase_add_test(t, what_is_no_error_is_none);
    tcase_add_test(t, addresses);
    tcase_add_test(t, a_circuit_opens_after_failures_in_a_row);
    tcase_add_test(t, an_open_circuit_lets_one_try);
    tcase_add_test(t, an_open_circuit_waits_no_longer_than_it_may);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
