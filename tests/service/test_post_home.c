/* The home timeline: what is seen at once, what tags bring, and where the cache ends. Against a model of the
 * rules: test_home_model.c. */
#include "tests/service/fixture_post.h"

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/redis.h"
#include "gen/queries.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/post/service.h"
#include "handlers/post/store.h"
#include "handlers/services.h"
#include "tests/service/servers.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx *ctx;

/* How far what Redis has of a home timeline reaches: 'e', 'f', 'b', or '-' for nothing. */
static char cached(int64_t member) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "GET post:mark:%lld", (long long)member);

    return r != NULL && r->type == REDIS_REPLY_STRING ? r->str[0] : '-';
}

/* What has just happened is seen at once by whoever did it, before any consumer ran. */
START_TEST(home_shows_own_changes_at_once) {
    int64_t id, other = post(ben, "from ben", PUBLIC, 0);

    ck_assert(!has_post(timeline(post_home_timeline, ask(ann, 20)), other));
    id = post(ann, "mine", PUBLIC, 0);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), id));
    ck_assert_int_eq(cached(ann), 'e');
    edge(connection_follow, ann, ben);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), other));
    edge(connection_mute, ann, ben);
    ck_assert(!has_post(timeline(post_home_timeline, ask(ann, 20)), other));
    edge(connection_unmute, ann, ben);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), other));
    del(ben, other);
    ck_assert(!has_post(timeline(post_home_timeline, ask(ann, 20)), other));
    edge(connection_unfollow, ann, ben);
    post(ben, "unseen", PUBLIC, 0);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 1);
}
END_TEST

/* Followed, it is there at once; unfollowed, gone; and whoever reposts one's own shows nothing new. */
START_TEST(home_has_what_tags_bring) {
    const char *tag = fixture_handle(ctx, "tea");
    int64_t id = post(ben, arena_printf(ctx->arena, "I like #%s", tag), PUBLIC, 0), mine, later;

    post(ben, arena_printf(ctx->arena, "in secret, #%s", tag), UNLISTED, 0);
    mine = post(ann, "mine", PUBLIC, 0);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 1);
    follow_tag(ann, tag, true);
    follow_tag(ann, tag, true);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), id));
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 2);
    ck_assert_int_eq(cached(ann), 'e');
    later = post(eve, arena_printf(ctx->arena, "and I #%s", tag), PUBLIC, 0);
    fixture_events(ctx);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), later)); /* pushed */
    edge(connection_mute, ann, eve);
    ck_assert(!has_post(timeline(post_home_timeline, ask(ann, 20)), later));
    follow_tag(ann, tag, false);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 1);
    edge(connection_follow, ann, ben);
    react(ben, mine, "repost", true);
    fixture_events(ctx);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 3);
    react(ann, mine, "repost", true); /* but to repost it oneself is to want it on top */
    fixture_events(ctx);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 3);
    ck_assert_int_eq(timeline(post_home_timeline, ask(ann, 20))->items[0]->original->id, mine);
}
END_TEST

/* On a page it stands once, where it was brought up last; a page further down may have it again. */
START_TEST(home_has_a_post_once_a_page) {
    const Pb__TimelinePage *page;
    int64_t id;

    edge(connection_follow, ann, ben);
    edge(connection_follow, ann, eve);
    id = post(ben, "everybody likes it", PUBLIC, 0);
    post(ben, "another one", PUBLIC, 0);
    react(eve, id, "repost", true);
    fixture_events(ctx);
    page = timeline(post_home_timeline, ask(ann, 20));
    ck_assert_uint_eq(page->n_items, 2);
    ck_assert_int_eq(page->items[0]->original->id, id);
    ck_assert_int_eq(page->next_max_id, 0);
    page = timeline(post_home_timeline, ask(ann, 1));
    ck_assert_int_eq(page->items[0]->original->id, id);
    ck_assert_int_ne(page->next_max_id, 0);
}
END_TEST

/* What was kept is dropped by the event, where the change itself could not. */
START_TEST(a_tag_that_was_followed_by_who_died) {
    const char *tag = fixture_handle(ctx, "tea");
    int64_t id = post(ben, arena_printf(ctx->arena, "I like #%s", tag), PUBLIC, 0);

    post(ann, "mine", PUBLIC, 0);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 1);
    as_admin(arena_printf(ctx->arena,
                          "WITH f AS (INSERT INTO posts.followed_tags VALUES (%lld, '%s', 1) RETURNING 1) "
                          "INSERT INTO events.outbox (topic, key, type, body) SELECT 'tag.v1', "
                          "%lld, 'tag.followed', '' FROM f",
                          (long long)ann, tag, (long long)ann));
    fixture_events(ctx);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), id));
}
END_TEST

START_TEST(so_many_tags_and_no_more) {
    Pb__FollowTagRequest req = PB__FOLLOW_TAG_REQUEST__INIT;
    Pb__FollowedTagsRequest all = PB__FOLLOWED_TAGS_REQUEST__INIT;
    const Pb__TagsReply *page;

    for (int i = 0; i < 100; i++)
        follow_tag(ann, arena_printf(ctx->arena, "tag%d", i), true);
    fixture_as(ctx, ann);
    req.viewer_id = all.viewer_id = ann;
    req.on = true;
    req.name = "one_more";
    expect_code(ctx, post_follow_tag(ctx, &req, NULL), PRECONDITION);
    req.name = "TAG7"; /* followed already */
    expect_ok(ctx, post_follow_tag(ctx, &req, NULL));
    req.name = "no tag";
    expect_code(ctx, post_follow_tag(ctx, &req, NULL), NOT_FOUND);
    all.limit = 60;
    expect_ok(ctx, post_list_followed_tags(ctx, &all, &page));
    ck_assert_str_eq(page->tags[0]->name, "tag99");
    all.max_id = page->next_max_id;
    expect_ok(ctx, post_list_followed_tags(ctx, &all, &page));
    ck_assert_uint_eq(page->n_tags, 40);
    ck_assert_str_eq(page->tags[39]->name, "tag0");
    ck_assert_int_eq(page->next_max_id, 0);
    all.max_id = 0;
    all.min_id = page->prev_min_id;
    expect_ok(ctx, post_list_followed_tags(ctx, &all, &page));
    ck_assert_uint_eq(page->n_tags, 60);
    ck_assert_str_eq(page->tags[0]->name, "tag99");
}
END_TEST

static void push_again(int64_t member, int64_t author, int64_t id) {
    struct home_push push;

    home_push_init(&push, ctx);
    expect_ok(ctx, home_push_add(&push, &member, 1, &(struct post_row){id, id, author, 0, 0}));
    home_push_send(&push);
    expect_ok(ctx, home_push_wait(&push));
}

/* More rows than a build reads and than the cache holds: nothing is lost where one ends and SQL goes on. */
START_TEST(home_goes_on_behind_the_cache) {
    static int64_t written[1000], got[2000];
    size_t n;

    edge(connection_follow, ann, ben);
    fixture_events(ctx);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 0); /* cached, to the end, empty */
    for (int i = 0; i < 1000; i++) {
        written[i] = post(i % 2 ? ben : eve, "x", PUBLIC, 0);
        if (i % 300 == 299)
            fixture_events(ctx);
    }
    fixture_events(ctx);
    for (int flushed = 0; flushed < 2; flushed++) {
        n = walk(post_home_timeline, ask(ann, 33), got, 2000);
        ck_assert_uint_eq(n, 500);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(got[i], written[999 - 2 * i]);
        if (flushed) /* an event delivered again: its post is older than what is cached now */
            push_again(ann, ben, written[1]);
        ck_assert_uint_eq(walk(post_home_timeline, ask(ann, 40), got, 2000), 500);
        ck_assert_int_eq(cached(ann), flushed ? 'f' : 'e');
        fixture_flush_redis(ctx);
    }
    edge(connection_follow, ann, eve);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 20);
    for (int i = 0; i < 400; i++)
        post(eve, "y", PUBLIC, 0);
    fixture_events(ctx);
    ck_assert_uint_eq(walk(post_home_timeline, ask(ann, 40), got, 2000), 1400);
    ck_assert_int_eq(cached(ann), 'f');
    ck_assert_int_le(redis_do(ctx, ctx->env->redis, "ZCARD post:home:%lld", (long long)ann)->integer,
                     HOME_MAX + 300);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("post_home");
    TCase *home = tcase_create("home");

    tcase_add_checked_fixture(home, set_up, NULL);
    tcase_set_timeout(home, 300);
    tcase_add_test(home, home_shows_own_changes_at_once);
    tcase_add_test(home, home_has_what_tags_bring);
    tcase_add_test(home, home_has_a_post_once_a_page);
    tcase_add_test(home, a_tag_that_was_followed_by_who_died);
    tcase_add_test(home, so_many_tags_and_no_more);
    tcase_add_test(home, home_goes_on_behind_the_cache);
    suite_add_tcase(suite, home);
    return fixture_main(suite);
}
