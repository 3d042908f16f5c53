#include "fcgi/drivers/redis.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <sys/socket.h>

#include "fcgi/base/clock.h"
#include "tests/service/servers.h"

static struct redis *r;
static struct ctx ctx;

static void set_up(void) {
    ctx = test_ctx(NULL);
    r = redis_open(server_of("TEST_REDIS"), 2000);
    ck_assert_ptr_nonnull(r);
    ck_assert_ptr_nonnull(redis_do(&ctx, r, "FLUSHDB"));
}

static void tear_down(void) {
    redis_settle(r);
    redis_close(r);
    test_ctx_end();
}

static const char *str(redisReply *reply) {
    ck_assert_ptr_nonnull(reply);
    return reply->str != NULL ? reply->str : "(nil)";
}

START_TEST(replies_of_every_kind) {
    ck_assert_str_eq(str(redis_do(&ctx, r, "SET %s %b", "k", "a\0b", (size_t)3)), "OK");
    redisReply *got = redis_do(&ctx, r, "GET k");
    ck_assert_int_eq(got->type, REDIS_REPLY_STRING);
    ck_assert_uint_eq(got->len, 3);
    ck_assert_mem_eq(got->str, "a\0b", 4);
    ck_assert_int_eq(redis_do(&ctx, r, "GET none")->type, REDIS_REPLY_NIL);
    ck_assert(redis_do(&ctx, r, "INCRBY n %lld", (long long)INT64_MAX)->integer == INT64_MAX);
    ck_assert_ptr_null(redis_do(&ctx, r, "INCR k"));
    ck_assert_int_eq(ctx.error.code, INTERNAL);
    fail_clear(&ctx);
    ck_assert_int_eq(redis_do(&ctx, r, "SMEMBERS empty")->elements, 0);
    const char *lua[] = {"EVAL", "return {1, {'two', false, {3, 'four'}}, {}}", "0"};
    redis_add_argv(r, 3, lua, NULL);
    got = redis_next(&ctx, r);
    ck_assert_uint_eq(got->elements, 3);
    ck_assert_int_eq(got->element[0]->integer, 1);
    ck_assert_str_eq(got->element[1]->element[0]->str, "two");
    ck_assert_int_eq(got->element[1]->element[1]->type, REDIS_REPLY_NIL);
    ck_assert_str_eq(got->element[1]->element[2]->element[1]->str, "four");
    ck_assert_uint_eq(got->element[2]->elements, 0);
}
END_TEST

static struct redis_want *want_of(const char *key) {
    const char *argv[] = {"GET", key};
    return redis_want(&ctx, r, 2, argv);
}

START_TEST(wants_wait_for_nobody) {
    redis_do(&ctx, r, "MSET a 1 b 2 c 3");
    redis_add(r, "ECHO first");
    struct redis_want *a = want_of("a"), *b = want_of("b");
    redis_add(r, "ECHO second");
    redis_add(r, "ECHO third");
    struct redis_want *c = want_of("c");
    redis_add(r, "ECHO fourth");
    ck_assert_str_eq(str(redis_got(&ctx, r, b)), "2");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "first");
    ck_assert_str_eq(str(redis_do(&ctx, r, "ECHO between")), "between");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "second");
    ck_assert_str_eq(str(redis_got(&ctx, r, a)), "1");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "third");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "fourth");
    ck_assert_str_eq(str(redis_got(&ctx, r, c)), "3");
    ck_assert_str_eq(str(redis_got(&ctx, r, c)), "3");
    want_of("a"); /* nobody asks for it: it is in nobody's way */
    ck_assert_str_eq(str(redis_do(&ctx, r, "ECHO end")), "end");
}
END_TEST

START_TEST(asked_ahead_until_something_changes) {
    const char *get_n[] = {"GET", "n"}, *get_m[] = {"GET", "m"};
    redis_do(&ctx, r, "MSET n 1 m 7");
    redis_add(r, "ECHO before");
    redis_ahead(&ctx, r, 2, get_n);
    redis_ahead(&ctx, r, 2, get_m);
    ck_assert_str_eq(str(redis_next(&ctx, r)), "before");
    struct redis *other = redis_open(server_of("TEST_REDIS"), 2000);
    ck_assert_int_eq(redis_do(&ctx, other, "INCR n")->integer, 2);
    redis_close(other);
    ck_assert_str_eq(str(redis_got(&ctx, r, want_of("n"))), "1"); /* as it was when it was asked ahead */
    ck_assert_str_eq(str(redis_got(&ctx, r, want_of("n"))), "1");
    ck_assert_int_eq(redis_do(&ctx, r, "INCR n")->integer, 3);
    ck_assert_str_eq(str(redis_got(&ctx, r, want_of("n"))), "3");
    redis_ahead(&ctx, r, 2, get_m);
    redis_settle(r);
    ck_assert_str_eq(str(redis_got(&ctx, r, want_of("m"))), "7"); /* another request's are forgotten */
}
END_TEST

START_TEST(pipeline_in_order) {
    for (int i = 0; i < 3000; i++)
        redis_add(r, "RPUSH list %d", i);
    redis_add(r, "LRANGE list 0 -1");
    for (int i = 0; i < 3000; i++)
        ck_assert_int_eq(redis_next(&ctx, r)->integer, i + 1);
    redisReply *all = redis_next(&ctx, r);
    ck_assert_uint_eq(all->elements, 3000);
    ck_assert_str_eq(all->element[2999]->str, "2999");
    ck_assert_ptr_null(redis_next(&ctx, r)); /* nothing was queued */
    ck_assert_int_eq(ctx.error.code, INTERNAL);
}
END_TEST

START_TEST(one_command_between_others) {
    redis_add(r, "ECHO one");
    redis_add(r, "ECHO two");
    ck_assert_str_eq(str(redis_do(&ctx, r, "ECHO three")), "three");
    redis_add(r, "ECHO four");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "one");
    ck_assert_str_eq(str(redis_do(&ctx, r, "ECHO five")), "five");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "two");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "four");
    redis_add(r, "ECHO six");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "six");
}
END_TEST

START_TEST(words_with_lengths) {
    const char *argv[] = {"MSET", "a", "x y\r\n", "b", ""};
    const size_t lens[] = {4, 1, 5, 1, 0};
    redis_add_argv(r, 5, argv, lens);
    ck_assert_str_eq(str(redis_next(&ctx, r)), "OK");
    redisReply *got = redis_do(&ctx, r, "MGET a b c");
    ck_assert_str_eq(got->element[0]->str, "x y\r\n");
    ck_assert_uint_eq(got->element[1]->len, 0);
    ck_assert_int_eq(got->element[2]->type, REDIS_REPLY_NIL);
    size_t n = 5 * 1000 * 1000;
    char *big = arena_alloc(ctx.arena, n);
    memset(big, 'x', n);
    const char *set[] = {"SET", "big", big};
    redis_add_argv(r, 3, set, (size_t[]){3, 3, n});
    redis_add(r, "GET big");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "OK");
    ck_assert_mem_eq(redis_next(&ctx, r)->str, big, n);
}
END_TEST

START_TEST(settle_drops_what_nobody_fetched) {
    redis_add(r, "ECHO one");
    redis_add(r, "LPUSH kept x");
    ck_assert_str_eq(str(redis_next(&ctx, r)), "one");
    redis_add(r, "SET sent yes"); /* queued is promised: it is sent */
    redis_settle(r);
    ck_assert_str_eq(str(redis_do(&ctx, r, "GET sent")), "yes");
    ck_assert_int_eq(redis_do(&ctx, r, "LLEN kept")->integer, 1);
}
END_TEST

START_TEST(scripts) {
    static struct redis_script add = {.src = "return redis.call('INCRBY', KEYS[1], ARGV[1])"};
    static struct redis_script twice = {.src = "return {KEYS[1], ARGV[1], ARGV[2]}"};
    const char *one[] = {"n", "5"}, *two[] = {"k", "a", "b"};
    for (int round = 0; round < 3; round++) {
        redis_add(r, "ECHO before");
        redis_add_script(&ctx, r, &add, 1, 2, one, NULL);
        redis_add_script(&ctx, r, &twice, 1, 3, two, NULL);
        redis_add(r, "ECHO after");
        ck_assert_str_eq(str(redis_next(&ctx, r)), "before");
        ck_assert_int_eq(redis_next_script(&ctx, r)->integer, 5 * (round + 1));
        ck_assert_str_eq(redis_next_script(&ctx, r)->element[2]->str, "b");
        ck_assert_str_eq(str(redis_next(&ctx, r)), "after");
        ck_assert_uint_eq(strlen(add.sha), 40);
        if (round == 1) /* it forgets them: they are sent again */
            ck_assert_ptr_nonnull(redis_do(&ctx, r, "SCRIPT FLUSH"));
    }
    ck_assert_ptr_null(redis_next_script(&ctx, r));
}
END_TEST

static jmp_buf full;
static void out_of_room(void *arg) {
    (void)arg;
    longjmp(full, 1);
}

START_TEST(reply_larger_than_the_arena) {
    struct arena *small = arena_new(64 * 1024);
    struct ctx tight = {.arena = small, .request_id = ""};
    ck_assert_ptr_nonnull(redis_do(&ctx, r, "SETRANGE long 300000 x"));
    arena_on_exhausted(small, out_of_room, NULL);
    if (setjmp(full) == 0) {
        redis_add(r, "GET long");
        redis_add(r, "ECHO x");
        redis_next(&tight, r);
        ck_abort_msg("it fitted");
    }
    redis_settle(r);
    ck_assert_str_eq(str(redis_do(&ctx, r, "ECHO still")), "still");
    arena_free(small);
}
END_TEST

static void cut(void) {
    struct redis *other = redis_open(server_of("TEST_REDIS"), 2000);
    redisReply *id = redis_do(&ctx, r, "CLIENT ID");
    ck_assert_ptr_nonnull(redis_do(&ctx, other, "CLIENT KILL ID %lld", id->integer));
    redis_close(other);
}

START_TEST(connection_comes_back) {
    cut();
    redis_add(r, "ECHO one");
    struct redis_want *lost = want_of("a");
    redis_add(r, "ECHO two");
    ck_assert_ptr_null(redis_next(&ctx, r)); /* in full flight */
    ck_assert_int_eq(ctx.error.code, UNAVAILABLE);
    ck_assert_int_gt(ctx.error.retry_after, 0);
    ck_assert_ptr_null(redis_got(&ctx, r, lost));
    ck_assert_ptr_null(redis_next(&ctx, r));
    ck_assert(!redis_is_up(r));
    fail_clear(&ctx);
    ck_assert_ptr_null(redis_do(&ctx, r, "PING")); /* at most one attempt a second */
    fail_clear(&ctx);
    usleep(1100 * 1000);
    ck_assert_str_eq(str(redis_do(&ctx, r, "PING")), "PONG");
    ck_assert(redis_is_up(r));
    cut();
    usleep(1100 * 1000); /* after a pause it is noticed before anything is sent */
    ck_assert_str_eq(str(redis_do(&ctx, r, "PING")), "PONG");
}
END_TEST

START_TEST(no_server_is_unavailable_at_once) {
    struct redis *none = redis_open("unix:///nonexistent/redis.sock?db=2", 2000);
    int64_t begun = clock_mono_us();
    for (int i = 0; i < 10; i++) {
        redis_add(none, "PING");
        struct redis_want *want = redis_want(&ctx, none, 1, (const char *[]){"PING"});
        redis_add(none, "PING");
        ck_assert_ptr_null(redis_got(&ctx, none, want));
        ck_assert_ptr_null(redis_next(&ctx, none));
        ck_assert_ptr_null(redis_next(&ctx, none));
        ck_assert_ptr_null(redis_do(&ctx, none, "PING"));
        redis_settle(none);
    }
    ck_assert(clock_mono_us() - begun < 500000);
    redis_close(none);
}
END_TEST

/* A server that accepts and says nothing. */
START_TEST(silence_times_out) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, n), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&at, &n);
    char url[64];
    snprintf(url, sizeof(url), "redis://:secret@127.0.0.1:%d/0", ntohs(at.sin_port));
    struct redis *mute = redis_open(url, 200);
    int64_t begun = clock_mono_us();
    ck_assert_ptr_null(redis_do(&ctx, mute, "PING"));
    ck_assert_int_eq(ctx.error.code, UNAVAILABLE);
    ck_assert(clock_mono_us() - begun < 1500000);
    redis_close(mute);
    close(fd);
}
END_TEST

START_TEST(addresses) {
    static const char *const bad[] = {"",
                                      "http://x",
                                      "redis://",
                                      "redis://host:port",
                                      "redis://host:99999",
                                      "redis://h/x",
                                      "redis://user@host",
                                      "unix://relative",
                                      "unix:///x?d=1",
                                      "redis://h/-1"};
    static const char *const good[] = {
        "redis://localhost", "redis://localhost:1/2",    "redis://:p%40ss@h:1", "unix:///a/b",
        "unix:///a?db=3",    "redis://user:password@h/", "redis://h:1/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        ck_assert_msg(redis_open(bad[i], 100) == NULL, "%s", bad[i]);
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct redis *other = redis_open(good[i], 100);
        ck_assert_msg(other != NULL, "%s", good[i]);
        redis_close(other);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("redis");
    TCase *t = tcase_create("redis");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, replies_of_every_kind);
    tcase_add_test(t, pipeline_in_order);
    tcase_add_test(t, wants_wait_for_nobody);
    tcase_add_test(t, asked_ahead_until_something_changes);
    tcase_add_test(t, one_command_between_others);
    tcase_add_test(t, words_with_lengths);
    tcase_add_test(t, settle_drops_what_nobody_fetched);
    tcase_add_test(t, scripts);
    tcase_add_test(t, reply_larger_than_the_arena);
    tcase_add_test(t, connection_comes_back);
    tcase_add_test(t, no_server_is_unavailable_at_once);
    tcase_add_test(t, silence_times_out);
    tcase_add_test(t, addresses);
    suite_add_tcase(s, t);
    return run_suite(s);
}
