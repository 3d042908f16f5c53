/* What readers did to posts, on real servers: counters under races, what Redis keeps of it, and how that is
 * repaired. */
#include "tests/service/fixture_post.h"

#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/services.h"
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx *ctx;

START_TEST(reactions_count_once) {
    int64_t id = post(ann, "like me", PUBLIC, 0), repost;
    const Pb__PostItem *item;

    ck_assert_int_eq(react(ben, id, "like", true)->post->likes, 1);
    item = react(ben, id, "like", true);
    ck_assert_int_eq(item->post->likes, 1);
    ck_assert_uint_eq(item->mine, ACT_LIKED);
    react(ben, id, "bookmark", true);
    react(ben, id, "repost", true);
    react(ben, id, "repost", true);
    item = see(ben, id);
    ck_assert_uint_eq(item->mine, ACT_LIKED | ACT_BOOKMARKED | ACT_REPOSTED);
    ck_assert_int_eq(item->post->reposts, 1);
    ck_assert_uint_eq(see(eve, id)->mine, 0);
    fixture_flush_redis(ctx);
    item = see(ben, id);
    ck_assert_uint_eq(item->mine, ACT_LIKED | ACT_BOOKMARKED | ACT_REPOSTED);
    ck_assert_int_eq(item->post->likes, 1);
    repost = timeline(post_home_timeline, ask(ben, 5))->items[0]->post->id;
    ck_assert_int_ne(repost, id);
    ck_assert_int_eq(react(eve, repost, "like", true)->post->id,
                     id); /* what is done to a repost is done to the post */
    ck_assert_int_eq(see(0, id)->post->likes, 2);
    del(ben, repost);
    ck_assert_int_eq(see(ben, id)->post->reposts, 0);
    ck_assert_ptr_null(see(0, repost));
    ck_assert_uint_eq(react(ben, id, "like", false)->mine, ACT_BOOKMARKED);
    ck_assert_uint_eq(react(ben, id, "bookmark", false)->mine, 0);
    expect_code(ctx, try_react(ben, id, "hug", true, NULL), INVALID);
}
END_TEST

static const char *kept_of(int64_t who, int64_t id) {
    const redisReply *r =
        redis_do(ctx, ctx->env->redis, "HGET post:mine:%lld %lld", (long long)who, (long long)id);

    return r != NULL && r->type == REDIS_REPLY_STRING ? r->str : "";
}

static const char *stat_of(int64_t id) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "GET post:stat:%019lld", (long long)id);

    return r != NULL && r->type == REDIS_REPLY_STRING ? r->str : "";
}

/* A request that is killed behind its commit has told Redis nothing: the event has it told, as things are by
 * then. */
START_TEST(reactions_are_repaired) {
    int64_t id = post(ann, "like me", PUBLIC, 0);
    const char *stat, *kept;

    see(ben, id);
    react(ben, id, "repost", true);
    fixture_events(ctx);
    react(ben, id, "like", true);
    stat = stat_of(id);
    kept = kept_of(ben, id);
    ck_assert_str_eq(stat, "1 2 1 1 0");
    ck_assert_str_eq(kept, "3:2:1:0");
    redis_do(ctx, ctx->env->redis, "SET post:stat:%019lld %s", (long long)id, "1 1 0 1 0");
    fixture_events(ctx);
    ck_assert_str_eq(stat_of(id), stat);
    react(ben, id, "like", false);
    redis_do(ctx, ctx->env->redis, "HSET post:mine:%lld %lld %s", (long long)ben, (long long)id, "3:2:1:0");
    fixture_events(ctx);
    ck_assert_str_eq(kept_of(ben, id), "2:3:1:0");
    react(ben, id, "like", true);
    redis_do(ctx, ctx->env->redis, "HSET post:mine:%lld _ b1", (long long)ben);
    fixture_events(ctx);
    ck_assert_str_eq(kept_of(ben, id), "");
    ck_assert_uint_eq(see(ben, id)->mine, ACT_LIKED | ACT_REPOSTED);
    react(ben, id, "like", false);
    fixture_flush_redis(ctx);
    fixture_events(ctx);
    ck_assert_uint_eq(see(ben, id)->mine, ACT_REPOSTED);
    ck_assert_int_eq(see(ben, id)->post->likes, 0);
}
END_TEST

START_TEST(who_liked) {
    Pb__WhoRequest req = PB__WHO_REQUEST__INIT;
    const Pb__WhoReply *reply;
    int64_t id = post(ann, "x", PUBLIC, 0);

    react(ben, id, "like", true);
    react(eve, id, "like", true);
    react(ann, id, "like", true);
    req.id = id;
    req.kind = "like";
    req.limit = 2;
    expect_ok(ctx, post_who_reacted(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_users, 2);
    ck_assert_int_eq(reply->users[0]->id, ann);
    req.before = reply->next;
    expect_ok(ctx, post_who_reacted(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_users, 1);
    ck_assert_int_eq(reply->users[0]->id, ben);
    ck_assert_int_eq(reply->next, 0);
}
END_TEST

#define RACERS 4
#define RACES 60

/* One process of the race: likes and unlikes, reposts and not, as two members. */
static int race(int64_t id, const int64_t *members, unsigned seed) {
    ctx = fixture_ctx();
    for (int i = 0; i < RACES; i++) {
        int64_t who = members[rand_r(&seed) % 2];
        const char *kind = (const char *[]){"like", "repost", "bookmark"}[rand_r(&seed) % 3];
        enum code c = try_react(who, id, kind, rand_r(&seed) % 2, NULL);

        if (c != OK)
            return 1;
        if (i % 10 == 0)
            see(who, id);
    }
    return 0;
}

START_TEST(races_lose_no_count) {
    int64_t id = post(ann, "race", PUBLIC, 0), members[] = {ben, eve};
    PGresult *r;
    uint32_t mine[2];
    int64_t likes = 0, reposts = 0;

    for (int i = 0; i < RACERS; i++) {
        if (fork() == 0)
            _exit(race(id, members, (unsigned)(7 + i)));
    }
    for (int i = 0; i < RACERS; i++) {
        int status;

        ck_assert_int_gt(wait(&status), 0);
        ck_assert_int_eq(status, 0);
    }
    ctx = fixture_ctx();
    fixture_events(ctx);
    for (int i = 0; i < 2; i++) {
        expect_ok(
            ctx, pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE_OF, &r, pg_i8(members[i]), pg_ids(&id, 1)));
        mine[i] = 0;
        for (int row = 0; row < PQntuples(r); row++)
            mine[i] |= (uint32_t)pg_get_int(r, row, 1);
        likes += (mine[i] & ACT_LIKED) != 0;
        reposts += (mine[i] & ACT_REPOSTED) != 0;
        ck_assert_uint_eq(see(members[i], id)->mine, mine[i]); /* what Redis says */
    }
    ck_assert_int_eq(see(0, id)->post->likes, likes);
    ck_assert_int_eq(see(0, id)->post->reposts, reposts);
    fixture_flush_redis(ctx);
    ck_assert_int_eq(see(0, id)->post->likes, likes);
    ck_assert_int_eq(see(0, id)->post->reposts, reposts);
    ck_assert_uint_eq(see(ben, id)->mine, mine[0]);
}
END_TEST

static void expect_mine(int64_t one, int64_t two) {
    ck_assert_uint_eq(see(ben, one)->mine, ACT_LIKED);
    ck_assert_uint_eq(see(ben, two)->mine, ACT_LIKED | ACT_BOOKMARKED);
    ck_assert_uint_eq(see(eve, one)->mine, ACT_REPOSTED);
    ck_assert_uint_eq(see(eve, two)->mine, 0);
}

/* Posts as several readers see them, in one question. */
static const Pb__PostItem *seen_for(const Pb__PostsForReply *reply, uint32_t which) {
    for (size_t i = 0; i < reply->n_items; i++)
        if (reply->which[i] == which)
            return reply->items[i];
    return NULL;
}

START_TEST(posts_are_read_for_several) {
    Pb__PostsForRequest req = PB__POSTS_FOR_REQUEST__INIT;
    const Pb__PostsForReply *reply;
    int64_t one = post(ann, "one", PUBLIC, 0), two = post(ann, "two", PUBLIC, 0),
            own = post(ann, "for those who follow", FOLLOWERS, 0);
    int64_t viewers[] = {ben, eve, ann, ben, eve, ann, ben}, ids[] = {two, one, own, one, own, 12345, own};

    req.viewer_ids = viewers;
    req.ids = ids;
    req.n_viewer_ids = req.n_ids = 7;

    react(ben, one, "like", true);
    react(ben, two, "like", true);
    react(ben, two, "bookmark", true);
    react(eve, one, "repost", true);
    fixture_flush_redis(ctx);
    for (int round = 0; round < 2; round++) {
        if (round == 1)
            expect_mine(one, two); /* then Redis knows what they did */
        ctx->viewer_id = 0;        /* a worker */
        expect_ok(ctx, post_get_posts_for(ctx, &req, &reply));
        ck_assert_uint_eq(reply->n_which, reply->n_items);
        ck_assert_uint_eq(seen_for(reply, 0)->mine, ACT_LIKED | ACT_BOOKMARKED);
        ck_assert_uint_eq(seen_for(reply, 1)->mine, ACT_REPOSTED);
        ck_assert_int_eq(seen_for(reply, 2)->post->id, own); /* its author */
        ck_assert_uint_eq(seen_for(reply, 3)->mine, ACT_LIKED);
        ck_assert_uint_eq(seen_for(reply, 3)->post->likes, 1);
        ck_assert_ptr_null(seen_for(reply, 4)); /* not for eve */
        ck_assert_ptr_null(seen_for(reply, 5)); /* there is none */
        ck_assert_ptr_null(seen_for(reply, 6)); /* nor for ben */
        ck_assert_str_eq(kept_of(ben, two), round == 0 ? "" : "5");
    }
    react(ben, one, "like", false);
    ctx->viewer_id = 0;
    expect_ok(ctx, post_get_posts_for(ctx, &req, &reply));
    ck_assert_uint_eq(seen_for(reply, 3)->mine, 0);
    ctx->viewer_id = ben;
    expect_code(ctx, post_get_posts_for(ctx, &req, &reply), DENIED);
    ctx->viewer_id = 0;
    req.n_ids = 6;
    expect_code(ctx, post_get_posts_for(ctx, &req, &reply), INVALID);
    req.n_ids = 7;
    viewers[6] = 0;
    expect_code(ctx, post_get_posts_for(ctx, &req, &reply), INVALID);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("post reactions");
    TCase *tests = tcase_create("reactions");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, reactions_count_once);
    tcase_add_test(tests, reactions_are_repaired);
    tcase_add_test(tests, who_liked);
    tcase_add_test(tests, posts_are_read_for_several);
    tcase_add_test(tests, races_lose_no_count);
    suite_add_tcase(suite, tests);
    return fixture_main(suite);
}
