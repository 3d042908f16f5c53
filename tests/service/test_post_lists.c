/* What programs ask the post service besides: bounds at both ends, tags together, who reacted, muted
 * conversations. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "handlers/post/store.h"
#include "tests/service/fixture_post.h"

#define POSTS 120
#define TAGS 4

struct ctx *ctx;

static void is_page(const Pb__TimelinePage *page, const int64_t *ids, size_t n) {
    ck_assert_uint_eq(page->n_items, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(page->items[i]->post->id, ids[i]);
    ck_assert_int_eq(page->first_id, n > 0 ? ids[0] : 0);
}

/* ---- Bounds */

START_TEST(both_bounds_hold) {
    Pb__PageRequest req = PB__PAGE_REQUEST__INIT;
    int64_t ids[9]; /* newest first */

    for (size_t i = 9; i > 0; i--)
        ids[i - 1] = post(ann, "x", PUBLIC, 0);
    req.author_id = ann;
    req.in_order = true;
    req.limit = 3;
    req.min_id = ids[7];
    is_page(timeline(post_author_timeline, req), ids + 4, 3);
    req.max_id = ids[5];
    is_page(timeline(post_author_timeline, req), ids + 6, 1);
    ck_assert_int_eq(timeline(post_author_timeline, req)->prev_min_id, 0);
    req.min_id = 0;
    req.since_id = ids[8];
    req.max_id = ids[6];
    is_page(timeline(post_author_timeline, req), ids + 7, 1);
    ck_assert_int_eq(timeline(post_author_timeline, req)->next_max_id, 0);
    req.viewer_id = ann;
    req.since_id = 0;
    req.max_id = ids[1];
    req.min_id = ids[8];
    req.limit = 80;
    is_page(timeline(post_home_timeline, req), ids + 2, 6);
}
END_TEST

START_TEST(pinned_posts_stand_in_order) {
    Pb__PageRequest req = PB__PAGE_REQUEST__INIT;
    int64_t ids[3];

    for (size_t i = 3; i > 0; i--)
        ids[i - 1] = post(ann, i == 2 ? "with #tea" : "without", PUBLIC, 0);
    react(ann, ids[2], "pin", true);
    req.author_id = ann;
    req.in_order = true;
    is_page(timeline(post_author_timeline, req), ids, 3);
    req.tag = "TEA";
    is_page(timeline(post_author_timeline, req), ids + 1, 1);
    req.min_id = ids[2];
    is_page(timeline(post_author_timeline, req), ids + 1, 1);
    req = (Pb__PageRequest)PB__PAGE_REQUEST__INIT;
    req.author_id = ann;
    req.pinned = true;
    ck_assert_uint_eq(timeline(post_author_timeline, req)->n_items, 1);
    req.pinned = false; /* pages have it on top */
    ck_assert_int_eq(timeline(post_author_timeline, req)->items[0]->post->id, ids[2]);
    ck_assert_uint_eq(timeline(post_author_timeline, req)->n_items, 3);
}
END_TEST

/* ---- Tags, against a model of them */

static const char *const names[TAGS] = {"red", "green", "blue", "grey"};
static unsigned marks[POSTS]; /* bits of names; newest first */
static int64_t tagged[POSTS];

static void write_tagged(void) {
    srand(7);
    for (size_t i = POSTS; i > 0; i--) {
        const char *text = "x";

        marks[i - 1] = (unsigned)rand() % (1u << TAGS);
        for (size_t k = 0; k < TAGS; k++)
            if ((marks[i - 1] & 1u << k) != 0)
                text = arena_printf(ctx->arena, "%s #%s", text, names[k]);
        tagged[i - 1] = post(ann, text, PUBLIC, 0);
    }
}

static size_t take_names(unsigned bits, const char **ret) {
    size_t n = 0;

    for (size_t k = 0; k < TAGS; k++)
        if ((bits & 1u << k) != 0)
            ret[n++] = names[k];
    return n;
}

static size_t expected(unsigned any, unsigned all, unsigned none, int64_t *ret) {
    size_t n = 0;

    for (size_t i = 0; i < POSTS; i++)
        if ((marks[i] & any) != 0 && (marks[i] & all) == all && (marks[i] & none) == 0)
            ret[n++] = tagged[i];
    return n;
}

/* Downwards to the end, then upwards from the last one. */
static void check_tags(unsigned any, unsigned all, unsigned none) {
    const char *any_names[TAGS], *all_names[TAGS], *no_names[TAGS];
    int64_t should[POSTS];
    size_t n = expected(any | 1, all, none, should), at = 0;
    Pb__PageRequest req = PB__PAGE_REQUEST__INIT;
    const Pb__TimelinePage *page;

    req.tag = names[0];
    req.any_tags = any_names;
    req.n_any_tags = take_names(any, any_names);
    req.all_tags = all_names;
    req.n_all_tags = take_names(all, all_names);
    req.no_tags = no_names;
    req.n_no_tags = take_names(none, no_names);
    req.limit = 7;
    do {
        page = timeline(post_tag_timeline, req);
        ck_assert_uint_le(page->n_items, n - at);
        is_page(page, should + at, page->n_items);
        at += page->n_items;
        req.max_id = page->next_max_id;
    } while (page->next_max_id != 0);
    ck_assert_uint_eq(at, n);
    req.max_id = 0;
    for (req.min_id = n > 0 ? should[n - 1] : 0, at = n - (n > 0); req.min_id != 0;) {
        page = timeline(post_tag_timeline, req);
        ck_assert_uint_le(page->n_items, at);
        at -= page->n_items;
        is_page(page, should + at, page->n_items);
        req.min_id = page->prev_min_id;
    }
    ck_assert_uint_eq(at, 0);
}

START_TEST(tags_together) {
    write_tagged();
    for (unsigned any = 0; any < 1u << TAGS; any += 3)
        for (unsigned all = 0; all < 1u << TAGS; all += 5)
            for (unsigned none = 0; none < 1u << TAGS; none += 4)
                if ((none & 1) == 0)
                    check_tags(any, all, none);
}
END_TEST

START_TEST(a_tag_has_days) {
    Pb__TagRequest req = PB__TAG_REQUEST__INIT;
    const Pb__TagInfo *tag;

    post(ann, "#Mondays", PUBLIC, 0);
    post(ann, "#mondays again", PUBLIC, 0);
    post(ben, "#MONDAYS", PUBLIC, 0);
    req.name = "Mondays";
    fixture_as(ctx, 0);
    expect_ok(ctx, post_get_tag(ctx, &req, &tag));
    ck_assert_str_eq(tag->name, "mondays");
    ck_assert_uint_eq(tag->n_days, 7);
    ck_assert_int_eq(tag->posts, 3);
    /* written before midnight, asked behind it: then it was yesterday's */
    ck_assert_int_eq(tag->days[0]->posts + tag->days[1]->posts, 3);
    ck_assert_int_le(tag->days[0]->day_ms, clock_now_ms());
    req.name = "not-one";
    expect_code(ctx, post_get_tag(ctx, &req, &tag), NOT_FOUND);
}
END_TEST

/* ---- Who reacted */

START_TEST(who_reacted_by_pages) {
    Pb__WhoRequest req = PB__WHO_REQUEST__INIT;
    const Pb__WhoReply *reply;
    int64_t id = post(ann, "x", PUBLIC, 0), fans[6], middle, first;

    for (size_t i = 0; i < 6; i++) {
        fans[i] = fixture_member(ctx, fixture_handle(ctx, "fan"));
        react(fans[i], id, "like", true);
        react(fans[i], id, "repost", true);
    }
    for (int k = 0; k < 2; k++) {
        req = (Pb__WhoRequest)PB__WHO_REQUEST__INIT;
        fixture_as(ctx, ben);
        req.viewer_id = ben;
        req.id = id;
        req.kind = k == 0 ? "like" : "repost";
        req.limit = 2;
        expect_ok(ctx, post_who_reacted(ctx, &req, &reply));
        first = reply->first_id;
        req.before = reply->next;
        expect_ok(ctx, post_who_reacted(ctx, &req, &reply));
        ck_assert_int_eq(reply->users[0]->id, fans[3]);
        middle = reply->first_id;
        req.before = 0;
        req.after = middle;
        expect_ok(ctx, post_who_reacted(ctx, &req, &reply));
        ck_assert_uint_eq(reply->n_users, 2);
        ck_assert_int_eq(reply->users[0]->id, fans[5]);
        ck_assert_int_eq(reply->first_id, first);
        ck_assert_int_ne(reply->next, 0);
        req.after = 0;
        req.since = middle;
        req.limit = 40;
        expect_ok(ctx, post_who_reacted(ctx, &req, &reply));
        ck_assert_uint_eq(reply->n_users, 2);
        ck_assert_int_eq(reply->next, 0);
    }
}
END_TEST

START_TEST(a_repost_is_found_by_its_original) {
    Pb__PostRequest req = PB__POST_REQUEST__INIT;
    const Pb__PostReply *reply;
    int64_t id = post(ann, "x", PUBLIC, 0);

    fixture_as(ctx, ben);
    req.viewer_id = ben;
    req.id = id;
    expect_code(ctx, post_get_repost(ctx, &req, &reply), NOT_FOUND);
    react(ben, id, "repost", true);
    fixture_as(ctx, ben);
    expect_ok(ctx, post_get_repost(ctx, &req, &reply));
    ck_assert_int_eq(reply->item->original->id, id);
    ck_assert_int_eq(reply->item->post->author_id, ben);
    react(ben, id, "repost", false);
    fixture_as(ctx, ben);
    expect_code(ctx, post_get_repost(ctx, &req, &reply), NOT_FOUND);
}
END_TEST

/* ---- Muted conversations */

static enum code mute(int64_t viewer, int64_t id, bool on) {
    Pb__MuteThreadRequest req = PB__MUTE_THREAD_REQUEST__INIT;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = id;
    req.on = on;
    return post_mute_thread(ctx, &req, NULL);
}

static size_t muted(int64_t viewer, int64_t *ret_last) {
    Pb__MutedThreadsRequest req = PB__MUTED_THREADS_REQUEST__INIT;
    const Pb__MutedThreadsReply *reply;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    expect_ok(ctx, post_muted_threads(ctx, &req, &reply));
    for (size_t i = 1; i < reply->n_root_ids; i++)
        ck_assert_int_lt(reply->root_ids[i - 1], reply->root_ids[i]);
    *ret_last = reply->n_root_ids > 0 ? reply->root_ids[reply->n_root_ids - 1] : 0;
    return reply->n_root_ids;
}

/* After the posts were read somebody else changes what stands in Redis: who had it read ahead does not see
 * it. */
static size_t muted_after_posts(int64_t viewer, int64_t id, bool with_muted) {
    struct redis *beside = redis_open(ctx->env->config->redis, 2000);
    Pb__GetPostsRequest req = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;
    int64_t last;
    size_t n;

    fixture_as(ctx, viewer);
    redis_settle(ctx->env->redis);
    req.viewer_id = viewer;
    req.ids = &id;
    req.n_ids = 1;
    req.with_muted = with_muted;
    expect_ok(ctx, post_get_posts(ctx, &req, &reply));
    ck_assert_ptr_nonnull(redis_do(ctx, beside, "SET post:muted:%lld %s", (long long)viewer, "1 2 3"));
    n = muted(viewer, &last);
    redis_do(ctx, beside, "DEL post:muted:%lld", (long long)viewer);
    redis_close(beside);
    return n;
}

START_TEST(muted_conversations_are_read_ahead_for_who_asks) {
    int64_t root = post(ann, "x", PUBLIC, 0), last;

    expect_ok(ctx, mute(ben, root, true));
    ck_assert_uint_eq(muted(ben, &last), 1); /* in Redis now */
    ck_assert_uint_eq(muted_after_posts(ben, root, true), 1);
    ck_assert_uint_eq(muted(ben, &last), 1);
    ck_assert_uint_eq(muted_after_posts(ben, root, false), 3);
}
END_TEST

START_TEST(conversations_are_muted) {
    int64_t root = post(ann, "x", PUBLIC, 0), below = post(ben, "y", PUBLIC, root),
            other = post(ann, "z", PUBLIC, 0), last;

    ck_assert_uint_eq(muted(ben, &last), 0);
    expect_ok(ctx, mute(ben, below, true));
    expect_ok(ctx, mute(ben, root, true));
    ck_assert_uint_eq(muted(ben, &last), 1);
    ck_assert_int_eq(last, root);
    ck_assert_uint_eq(muted(ben, &last), 1); /* out of Redis now */
    expect_ok(ctx, mute(ben, other, true));
    ck_assert_uint_eq(muted(ben, &last), 2);
    fixture_flush_redis(ctx);
    ck_assert_uint_eq(muted(ben, &last), 2);
    expect_ok(ctx, mute(ben, below, false));
    ck_assert_uint_eq(muted(ben, &last), 1);
    ck_assert_int_eq(last, other);
    ck_assert_uint_eq(muted(ann, &last), 0);
    ck_assert_uint_eq(muted(0, &last), 0);
    expect_code(ctx, mute(0, root, true), UNAUTHENTICATED);
    expect_code(ctx, mute(ben, 12, true), NOT_FOUND);
}
END_TEST

/* Somebody who reads while it changes must not leave the old state behind. */
START_TEST(a_change_undoes_what_is_being_built) {
    int64_t root = post(ann, "x", PUBLIC, 0), last;

    ck_assert_ptr_nonnull(redis_do(ctx, ctx->env->redis, "SET post:muted:%lld b123 EX 30", (long long)ben));
    ck_assert_uint_eq(muted(ben, &last), 0); /* from SQL, and not kept */
    expect_ok(ctx, mute(ben, root, true));
    ck_assert_uint_eq(muted(ben, &last), 1);
    ck_assert_str_ne(redis_do(ctx, ctx->env->redis, "GET post:muted:%lld", (long long)ben)->str, "b123");
}
END_TEST

START_TEST(there_is_an_end_to_muting) {
    int64_t id = 0, last;

    for (int i = 0; i < MUTED_MAX; i++) {
        id = post(ann, "x", PUBLIC, 0);
        expect_ok(ctx, mute(ben, id, true));
    }
    ck_assert_uint_eq(muted(ben, &last), MUTED_MAX);
    ck_assert_uint_eq(muted(ben, &last), MUTED_MAX);
    ck_assert_int_eq(last, id);
    expect_code(ctx, mute(ben, post(ann, "y", PUBLIC, 0), true), PRECONDITION);
    expect_ok(ctx, mute(ben, id, false));
    ck_assert_uint_eq(muted(ben, &last), MUTED_MAX - 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("post_lists");
    TCase *tests = tcase_create("post_lists");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, both_bounds_hold);
    tcase_add_test(tests, pinned_posts_stand_in_order);
    tcase_add_test(tests, tags_together);
    tcase_add_test(tests, a_tag_has_days);
    tcase_add_test(tests, who_reacted_by_pages);
    tcase_add_test(tests, a_repost_is_found_by_its_original);
    tcase_add_test(tests, conversations_are_muted);
    tcase_add_test(tests, muted_conversations_are_read_ahead_for_who_asks);
    tcase_add_test(tests, a_change_undoes_what_is_being_built);
    tcase_add_test(tests, there_is_an_end_to_muting);
    suite_add_tcase(suite, tests);
    return fixture_main(suite);
}
