/* Rows pushed into cached home timelines: whatever is gathered arrives where it belongs, and nowhere else. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/drivers/redis.h"
#include "fcgi/env.h"
#include "handlers/post/store.h"
#include "tests/service/fixture.h"

#define MEMBERS 900
#define ROWS 300
#define FLOOR 1000120

static struct ctx *ctx;

/* What each member has been sent. */
static unsigned char sent[MEMBERS][ROWS];

static void set_up(void) {
    ctx = fixture_ctx();
    fixture_flush_redis(ctx);
    memset(sent, 0, sizeof sent);
}

/* A third of the members have no cached timeline, a third a whole one, a third one that reaches down to
 * FLOOR. */
static char kind_of(int member) { return "-ef"[member % 3]; }

static void cache_homes(void) {
    struct redis *redis = ctx->env->redis;

    for (int i = 0; i < MEMBERS; i++) {
        if (kind_of(i) == '-')
            continue;
        redis_add(redis, "SET post:mark:%d %s", i + 1,
                  arena_printf(ctx->arena, "%c %019d 77 - 0", kind_of(i), kind_of(i) == 'f' ? FLOOR : 0));
        redis_add(redis, "ZADD post:home:%d 0 !77", i + 1);
        ck_assert_ptr_nonnull(redis_next(ctx, redis));
        ck_assert_ptr_nonnull(redis_next(ctx, redis));
    }
}

static struct post_row row_of(int i) {
    int64_t id = 1000001 + i;

    return (struct post_row){id, id, 5000 + i % 7, i % 5 == 0 ? 900000 + i : 0, i % 5 == 0 ? 77 : 0};
}

static void add(struct home_push *push, const int64_t *members, size_t n, int row) {
    struct post_row r = row_of(row);

    expect_ok(ctx, home_push_add(push, members, n, &r));
    for (size_t i = 0; i < n; i++)
        sent[members[i] - 1][row] = 1;
}

/* The ids of a cached timeline's rows, in order. */
static size_t rows_at(int member, int64_t *ids) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "ZRANGEBYLEX post:home:%d (# +", member + 1);

    ck_assert_ptr_nonnull(r);
    for (size_t i = 0; i < r->elements; i++)
        ids[i] = strtoll(arena_strndup(ctx->arena, r->element[i]->str, 19), NULL, 10);
    return r->elements;
}

static void check_member(int member) {
    static int64_t ids[2 * ROWS];
    size_t n = rows_at(member, ids), at = 0;

    for (int row = 0; row < ROWS; row++) {
        bool wanted = sent[member][row] && kind_of(member) != '-' &&
                      (kind_of(member) != 'f' || row_of(row).id >= FLOOR);

        if (!wanted)
            continue;
        ck_assert_msg(at < n && ids[at] == row_of(row).id, "member %d lacks row %d", member, row);
        at++;
    }
    ck_assert_msg(at == n, "member %d has %zu rows, not %zu", member, n, at);
}

static void send(struct home_push *push) {
    home_push_send(push);
    expect_ok(ctx, home_push_wait(push));
    for (int i = 0; i < MEMBERS; i++)
        check_member(i);
}

START_TEST(everybody_gets_their_own) {
    unsigned seed = 11;
    struct home_push push;
    int64_t members[MEMBERS];

    cache_homes();
    for (int round = 0; round < 8; round++) {
        home_push_init(&push, ctx);
        for (int i = 0; i < 40; i++) {
            size_t n = 0, share = (size_t)rand_r(&seed) % 20 + 1;

            for (int k = 0; k < MEMBERS; k++)
                if ((size_t)rand_r(&seed) % 20 < share)
                    members[n++] = k + 1;
            add(&push, members, n, rand_r(&seed) % ROWS);
        }
        send(&push);
    }
}
END_TEST

/* More rows for one member, and more for all, than go into a script or are held at once; some twice. */
START_TEST(very_many) {
    struct home_push push;
    int64_t members[MEMBERS];

    cache_homes();
    home_push_init(&push, ctx);
    for (int i = 0; i < MEMBERS; i++)
        members[i] = i + 1;
    for (int row = 0; row < ROWS; row++) {
        add(&push, members + 4, 1, row);
        add(&push, members, row % 10 == 0 ? MEMBERS : 3, row);
    }
    send(&push);
    for (int row = ROWS - 1; row >= 0; row--)
        add(&push, members, MEMBERS, row);
    send(&push);
}
END_TEST

START_TEST(nothing_is_nothing) {
    struct home_push push;

    home_push_init(&push, ctx);
    home_push_send(&push);
    expect_ok(ctx, home_push_wait(&push));
    add(&push, NULL, 0, 3);
    home_push_send(&push);
    expect_ok(ctx, home_push_wait(&push));
}
END_TEST

/* A timeline that has grown long is cut, and says how far down it reaches from then on. */
START_TEST(long_ones_are_cut) {
    struct home_push push;
    int64_t member = 2, ids[1200];
    const redisReply *mark;
    size_t n;

    cache_homes();
    home_push_init(&push, ctx);
    for (int64_t i = 1; i <= 1000; i++) {
        struct post_row r = {i << 22, i << 22, 9, 0, 0};

        expect_ok(ctx, home_push_add(&push, &member, 1, &r));
    }
    home_push_send(&push);
    expect_ok(ctx, home_push_wait(&push));
    n = rows_at(1, ids);
    ck_assert_uint_le(n, 1000);
    ck_assert_uint_ge(n, HOME_MAX);
    ck_assert_int_eq(ids[n - 1], INT64_C(1000) << 22);
    mark = redis_do(ctx, ctx->env->redis, "GET post:mark:2");
    ck_assert_str_eq(mark->str, arena_printf(ctx->arena, "f %019" PRId64 " 77 - 0", ids[0]));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("push");
    TCase *tc = tcase_create("push");

    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, everybody_gets_their_own);
    tcase_add_test(tc, very_many);
    tcase_add_test(tc, nothing_is_nothing);
    tcase_add_test(tc, long_ones_are_cut);
    suite_add_tcase(suite, tc);
    return fixture_main(suite);
}
