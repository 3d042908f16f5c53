/* Streams, without sockets: what travels through Redis, tickets, commands, what is written. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/stream_command.h"
#include "fcgi/stream_msg.h"
#include "fcgi/stream_ticket.h"
#include "fcgi/stream_wire.h"

static struct arena *a;
static const unsigned char secret[32] = "0123456789abcdef0123456789abcde";

static void set_up(void) { a = arena_new(1 << 20); }
static void tear_down(void) { arena_free(a); }

START_TEST(test_event_comes_back) {
    struct stream_event e = {.name = "update",
                             .key = 7,
                             .authors = {8, 9},
                             .payload = "{\"a\":\"b c\"}",
                             .n = 11},
                        r;
    struct buf out;

    buf_init(&out, a, 1000);
    stream_event_write(&out, &e);
    ck_assert(stream_event_read(out.p, out.n, &r));
    ck_assert_str_eq(r.name, "update");
    ck_assert_int_eq(r.key, 7);
    ck_assert_int_eq(r.authors[0], 8);
    ck_assert_int_eq(r.authors[1], 9);
    ck_assert_str_eq(r.ref, "");
    ck_assert_uint_eq(r.n, 11);
    ck_assert_int_eq(memcmp(r.payload, e.payload, 11), 0);
    for (size_t n = 0; n < out.n - e.n; n++)
        ck_assert_msg(!stream_event_read(out.p, n, &r), "%zu bytes are no event", n);
}
END_TEST

START_TEST(test_event_elsewhere) {
    struct stream_event r;

    ck_assert(stream_event_read("update 1 2 0 abc\n", 17, &r));
    ck_assert_str_eq(r.ref, "abc");
    ck_assert_uint_eq(r.n, 0);
    ck_assert(!stream_event_read("update 1 2 0 =", 14, &r));
    ck_assert(!stream_event_read("update 1 x 0 =\n", 15, &r));
    ck_assert(!stream_event_read("update 1 2 0 = 3\n", 17, &r));
    ck_assert(!stream_event_read("\n", 1, &r));
    ck_assert(!stream_event_read("", 0, &r));
}
END_TEST

START_TEST(test_ids_of_sequences) {
    struct msg_place x, y;

    ck_assert(stream_id_valid("1764141234567-0"));
    ck_assert(stream_id_valid("0-0"));
    ck_assert(!stream_id_valid("1764141234567"));
    ck_assert(!stream_id_valid("1-"));
    ck_assert(!stream_id_valid("-1"));
    ck_assert(!stream_id_valid("1-1 "));
    ck_assert(!stream_id_valid("123456789012345678901-1"));
    ck_assert(stream_id_compare("9-9", "10-0") < 0);
    ck_assert(stream_id_compare("10-2", "10-1") > 0);
    ck_assert(stream_id_compare("10-2", "10-2") == 0);
    ck_assert(msg_place_read("10-2", &x) && msg_place_read("10-11", &y));
    ck_assert(msg_place_compare(&x, &y) < 0);
    ck_assert(!msg_place_read("ten", &x));
}
END_TEST

static const int64_t posts[] = {1, 9007199254740993, 3};
static const struct stream_ticket good = {.face = STREAM_EVENTS,
                                          .issued_ms = 1000000,
                                          .until_ms = 2000000,
                                          .member_id = 77,
                                          .session_id = 5,
                                          .token_id = 6,
                                          .scopes = 3,
                                          .from = "10-1",
                                          .last = "9-4",
                                          .ip = "2001:db8::1",
                                          .stream = "hashtag",
                                          .parameter = "Vögel",
                                          .posts = posts,
                                          .n_posts = 3};

START_TEST(test_ticket_comes_back) {
    const char *text = stream_ticket_write(a, secret, &good);
    struct stream_ticket r;

    ck_assert_uint_lt(strlen(text), STREAM_TICKET_MAX);
    ck_assert_uint_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."),
                      strlen(text));
    ck_assert(stream_ticket_read(a, secret, text, good.issued_ms + 100, &r));
    ck_assert_int_eq(r.face, STREAM_EVENTS);
    ck_assert_int_eq(r.until_ms, 2000000);
    ck_assert_int_eq(r.member_id, 77);
    ck_assert_int_eq(r.session_id, 5);
    ck_assert_int_eq(r.token_id, 6);
    ck_assert_uint_eq(r.scopes, 3);
    ck_assert_str_eq(r.from, "10-1");
    ck_assert_str_eq(r.last, "9-4");
    ck_assert_str_eq(r.ip, "2001:db8::1");
    ck_assert_str_eq(r.stream, "hashtag");
    ck_assert_str_eq(r.parameter, "Vögel");
    ck_assert_uint_eq(r.n_posts, 3);
    ck_assert_int_eq(r.posts[1], 9007199254740993);
}
END_TEST

START_TEST(test_ticket_forged_or_old) {
    const char *text = stream_ticket_write(a, secret, &good);
    unsigned char other[32] = {1};
    struct stream_ticket r;

    ck_assert(!stream_ticket_read(a, other, text, good.issued_ms, &r));
    ck_assert(!stream_ticket_read(a, secret, text, good.issued_ms + STREAM_TICKET_MS, &r));
    ck_assert(!stream_ticket_read(a, secret, text, good.issued_ms - STREAM_TICKET_MS, &r));
    ck_assert(!stream_ticket_read(a, secret, "", good.issued_ms, &r));
    ck_assert(!stream_ticket_read(a, secret, ".", good.issued_ms, &r));
    for (size_t i = 0; i < strlen(text); i++) {
        char *changed = arena_strdup(a, text);

        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (i + 1 < strlen(text)) /* the last character has bits that stand for nothing */
            ck_assert_msg(!stream_ticket_read(a, secret, changed, good.issued_ms, &r), "byte %zu", i);
    }
}
END_TEST

static const char *wrong(const char *text, struct stream_command *ret) {
    return stream_command_read(a, text, strlen(text), ret);
}

START_TEST(test_commands) {
    struct stream_command c;

    ck_assert_ptr_null(wrong("{\"type\":\"subscribe\",\"stream\":\"hashtag\",\"tag\":\"birds\"}", &c));
    ck_assert(c.subscribe);
    ck_assert_str_eq(c.stream, "hashtag");
    ck_assert_str_eq(c.tag, "birds");
    ck_assert_str_eq(c.list, "");
    ck_assert_ptr_null(wrong("{\"type\":\"unsubscribe\",\"stream\":\"list\",\"list\":12}", &c));
    ck_assert(!c.subscribe);
    ck_assert_str_eq(c.list, "12");
    ck_assert_ptr_nonnull(wrong("{\"type\":\"subscribe\"}", &c));
    ck_assert_ptr_nonnull(wrong("{\"type\":\"shout\",\"stream\":\"user\"}", &c));
    ck_assert_ptr_nonnull(wrong("{\"stream\":\"user\"}", &c));
    ck_assert_ptr_nonnull(wrong("{\"type\":[\"subscribe\"],\"stream\":\"user\"}", &c));
    ck_assert_ptr_nonnull(wrong("[]", &c));
    ck_assert_ptr_nonnull(wrong("", &c));
    ck_assert_ptr_nonnull(wrong("{", &c));
}
END_TEST

static const char *events_of(const char *payload, bool brief, const char *place) {
    struct stream_event e = {.name = "update", .key = 12, .payload = payload, .n = strlen(payload)};
    struct msg *m = msg_new(&e);
    struct msg_place p = {0};
    struct buf out;

    msg_place_read(place, &p);
    buf_init(&out, a, 1000);
    msg_write_events(&out, m, brief, &p);
    msg_drop(m);
    return buf_str(&out);
}

START_TEST(test_event_source) {
    ck_assert_str_eq(events_of("{}", false, "5-6"), "event: update\nid: 5-6\ndata: {}\n\n");
    ck_assert_str_eq(events_of("{}", false, ""), "event: update\ndata: {}\n\n");
    ck_assert_str_eq(events_of("{\"much\":1}", true, "5-6"),
                     "event: update\nid: 5-6\ndata: {\"id\":\"12\"}\n\n");
    ck_assert_str_eq(events_of("a\nb", false, ""), "event: update\ndata: a\ndata: b\n\n");
}
END_TEST

START_TEST(test_socket) {
    struct stream_event e = {.name = "update", .payload = "{\"a\":\"\\\"\"}", .n = 10};
    struct msg *m = msg_new(&e);
    struct buf out;

    buf_init(&out, a, 1000);
    msg_write_socket(&out, m, "hashtag", "a\"b");
    ck_assert_str_eq(buf_str(&out), "{\"stream\":[\"hashtag\",\"a\\\"b\"],\"event\":\"update\",\"payload\":"
                                    "\"{\\\"a\\\":\\\"\\\\\\\"\\\"}\"}");
    out.n = 0;
    msg_write_socket(&out, m, "user", "");
    ck_assert_int_eq(strncmp(buf_str(&out), "{\"stream\":[\"user\"],", 19), 0);
    msg_drop(m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("stream");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, test_event_comes_back);
    tcase_add_test(t, test_event_elsewhere);
    tcase_add_test(t, test_ids_of_sequences);
    tcase_add_test(t, test_ticket_comes_back);
    tcase_add_test(t, test_ticket_forged_or_old);
    tcase_add_test(t, test_commands);
    tcase_add_test(t, test_event_source);
    tcase_add_test(t, test_socket);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
