/* The post service's rules on real servers: what may be written, who sees what, lists.
 */
#include "tests/service/fixture_post.h"

#include "fcgi/base/id.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "handlers/post/service.h"
#include "handlers/post/store.h"
#include <string.h>

struct ctx *ctx;

/* ---- Writing */

START_TEST(what_may_be_written) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    char *longest = arena_alloc(ctx->arena, 5002);
    int64_t id;

    expect_code(ctx, try_post(ann, " \n ", PUBLIC, 0, &id), INVALID);
    expect_code(ctx, try_post(0, "hello", PUBLIC, 0, &id), UNAUTHENTICATED);
    expect_code(ctx, try_post(ann, "hello", PUBLIC, 12345, &id), NOT_FOUND);
    expect_code(ctx, try_post(ann, "to nobody", DIRECT, 0, &id), INVALID);
    expect_code(ctx, try_post(ann, "hello", (Pb__Audience)7, 0, &id), INVALID);
    memset(longest, 'x', 5001);
    longest[5001] = '\0';
    expect_code(ctx, try_post(ann, longest, PUBLIC, 0, &id), INVALID);
    longest[5000] = '\0';
    expect_ok(ctx, try_post(ann, longest, PUBLIC, 0, &id));
    fixture_as(ctx, ann);
    req.author_id = ann;
    req.text = "x";
    longest[201] = '\0';
    req.warning = longest;
    ck_assert_int_eq(post_create_post(ctx, &req, NULL), INVALID);
    ck_assert_str_eq(ctx->error.fields->field, "warning");
}
END_TEST

START_TEST(what_is_written_is_read) {
    int64_t id = post(ann, arena_printf(ctx->arena, "**Hi** @%s, #Tea <b>", ben_handle), PUBLIC, 0);
    const Pb__PostItem *item = see(0, id);

    ck_assert_ptr_nonnull(item);
    ck_assert_str_eq(item->post->html,
                     arena_printf(ctx->arena,
                                  "<p><strong>Hi</strong> <a class=\"mention\" href=\"/@%s\">@%s</a>, "
                                  "<a class=\"tag\" href=\"/tags/tea\">#Tea</a> &lt;b&gt;</p>",
                                  ben_handle, ben_handle));
    ck_assert_str_eq(item->post->text, arena_printf(ctx->arena, "Hi @%s, #Tea <b>", ben_handle));
    ck_assert_uint_eq(item->post->n_mentions, 1);
    ck_assert_int_eq(item->post->mentions[0]->user_id, ben);
    ck_assert_int_eq(item->author->id, ann);
    ck_assert_int_eq(item->post->root_id, id);
    ck_assert_int_eq(item->post->created_ms, id_time_ms(id));
    fixture_flush_redis(ctx);
    ck_assert_str_eq(see(0, id)->post->tags[0], "Tea");
}
END_TEST

START_TEST(a_key_makes_one_post) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    const Pb__PostReply *reply;
    int64_t id;

    fixture_as(ctx, ann);
    req.author_id = ann;
    req.text = "once";
    req.idempotency_key = "k1";
    expect_ok(ctx, post_create_post(ctx, &req, &reply));
    id = reply->item->post->id;
    expect_ok(ctx, post_create_post(ctx, &req, &reply));
    ck_assert_int_eq(reply->item->post->id, id);
    fixture_as(ctx, ben);
    req.author_id = ben;
    expect_ok(ctx, post_create_post(ctx, &req, &reply));
    ck_assert_int_ne(reply->item->post->id, id);
}
END_TEST

static enum code edit(int64_t actor, int64_t id, const char *text, const Pb__PostReply **reply) {
    Pb__EditPostRequest req = PB__EDIT_POST_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.id = id;
    req.text = text;
    return post_edit_post(ctx, &req, reply);
}

START_TEST(editing_keeps_what_was) {
    Pb__PostRequest who = PB__POST_REQUEST__INIT;
    const Pb__HistoryReply *history;
    const Pb__SourceReply *source;
    const Pb__PostReply *reply;
    int64_t id = post(ann, "one #a #b", PUBLIC, 0), version = see(0, id)->post->version;
    Pb__PageRequest tag = ask(0, 10);

    expect_code(ctx, edit(ben, id, "mine now", &reply), DENIED);
    expect_ok(ctx, edit(ann, id, arena_printf(ctx->arena, "two @%s #b #c", ben_handle), &reply));
    ck_assert_int_gt(reply->item->post->edited_ms, 0);
    ck_assert_int_gt(reply->item->post->version, version);
    ck_assert_uint_eq(reply->item->post->n_mentions, 1);
    expect_ok(ctx,
              edit(ann, id, arena_printf(ctx->arena, "two @%s #b #c", ben_handle), &reply)); /* no change */
    who.id = id;
    expect_ok(ctx, post_get_history(ctx, &who, &history));
    ck_assert_uint_eq(history->n_revisions, 2);
    ck_assert_str_eq(history->revisions[0]->text, "one #a #b");
    ck_assert_int_eq(history->revisions[1]->number, 2);
    expect_code(ctx, post_get_source(ctx, &who, &source), DENIED);
    who.viewer_id = ann;
    expect_ok(ctx, post_get_source(ctx, &who, &source));
    tag.tag = "#C";
    ck_assert(has_post(timeline(post_tag_timeline, tag), id));
    tag.tag = "a";
    ck_assert(!has_post(timeline(post_tag_timeline, tag), id));
    tag.tag = "b";
    ck_assert(has_post(timeline(post_tag_timeline, tag), id));
}
END_TEST

START_TEST(deleting_leaves_a_tombstone) {
    int64_t root = post(ann, "root", PUBLIC, 0), a = post(ben, "a", PUBLIC, root),
            b = post(eve, "b", PUBLIC, a);
    Pb__PostRequest who = PB__POST_REQUEST__INIT;
    const Pb__ThreadReply *t;
    const Pb__PostReply *reply;
    int64_t id;

    who.viewer_id = ann;
    who.id = a;
    fixture_as(ctx, ann);
    expect_code(ctx, post_delete_post(ctx, &who, NULL), DENIED);
    del(ben, a);
    ck_assert_ptr_null(see(ben, a));
    ck_assert_int_eq(see(0, root)->post->comments, 0);
    t = thread(0, root);
    ck_assert_uint_eq(t->n_descendants, 2); /* the tombstone holds the place of what was said to it */
    ck_assert_ptr_null(t->descendants[0]->author);
    ck_assert_str_eq(t->descendants[0]->post->html, "");
    ck_assert_int_eq(t->descendants[1]->post->id, b);
    del(eve, b);
    ck_assert_uint_eq(thread(0, root)->n_descendants, 0);
    expect_code(ctx, try_post(ann, "to nothing", PUBLIC, b, &id), NOT_FOUND);
    expect_code(ctx, edit(eve, b, "again", &reply), NOT_FOUND);
    who.id = b;
    ck_assert_int_eq(post_delete_post(ctx, &who, NULL), NOT_FOUND);
    ck_assert_int_eq(error_http_status(&ctx->error), 410);
    fixture_flush_redis(ctx);
    ck_assert_ptr_null(see(ben, a));
}
END_TEST

START_TEST(pins) {
    int64_t ids[6], other = post(ben, "not mine", PUBLIC, 0);
    const Pb__TimelinePage *page;
    Pb__PageRequest req = ask(0, 10);

    for (int i = 0; i < 6; i++)
        ids[i] = post(ann, "p", PUBLIC, 0);
    expect_code(ctx, try_react(ann, other, "pin", true, NULL), DENIED);
    expect_code(ctx, try_react(ann, post(ann, "f", FOLLOWERS, 0), "pin", true, NULL), PRECONDITION);
    for (int i = 0; i < 5; i++)
        ck_assert_int_gt(react(ann, ids[i], "pin", true)->post->pinned_ms, 0);
    expect_code(ctx, try_react(ann, ids[5], "pin", true, NULL), PRECONDITION);
    ck_assert_int_eq(react(ann, ids[1], "pin", false)->post->pinned_ms, 0);
    req.author_id = ann;
    page = timeline(post_author_timeline, req);
    ck_assert_uint_eq(page->n_items, 6);
    ck_assert_int_eq(page->items[0]->post->id, ids[4]);
    ck_assert_int_eq(page->items[3]->post->id, ids[0]);
    ck_assert_int_eq(page->items[4]->post->id, ids[5]);
    ck_assert_int_eq(page->items[5]->post->id, ids[1]);
    req.pinned = true;
    ck_assert_uint_eq(timeline(post_author_timeline, req)->n_items, 4);
}
END_TEST

/* ---- Who sees what */

START_TEST(audiences) {
    int64_t open = post(ann, "o", PUBLIC, 0), quiet = post(ann, "u", UNLISTED, 0),
            close = post(ann, "f", FOLLOWERS, 0);
    int64_t direct = post(ann, arena_printf(ctx->arena, "psst @%s", ben_handle), DIRECT, 0);
    int64_t all[] = {open, quiet, close, direct};
    int64_t answer;

    edge(connection_follow, eve, ann);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(see(0, all[i]) != NULL, i < 2);
        ck_assert_int_eq(see(ann, all[i]) != NULL, true);
        ck_assert_int_eq(see(ben, all[i]) != NULL, i < 2 || i == 3);
        ck_assert_int_eq(see(eve, all[i]) != NULL, i < 3);
        expect_code(ctx, try_react(eve, all[i], "like", true, NULL), i < 3 ? OK : NOT_FOUND);
        expect_code(ctx, try_react(eve, all[i], "repost", true, NULL),
                    i < 2   ? OK
                    : i < 3 ? DENIED
                            : NOT_FOUND);
        expect_code(ctx, try_post(ben, "what?", PUBLIC, all[i], &answer), i == 2 ? NOT_FOUND : OK);
    }
    answer = post(ben, "to you alone", PUBLIC, direct); /* no wider than what it answers */
    ck_assert_int_eq(see(ben, answer)->post->audience, DIRECT);
    ck_assert_ptr_nonnull(see(ann, answer));
    ck_assert_ptr_null(see(eve, answer));
    ck_assert_ptr_null(see(0, answer));
    edge(connection_block, ann, ben);
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_null(see(ben, all[i]));
    ck_assert_ptr_null(see(ann, answer));
    edge(connection_unblock, ann, ben);
    ck_assert_ptr_nonnull(see(ben, direct));
}
END_TEST

static void set_state(int64_t user, const char *action) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;
    Pb__SetRoleRequest role = PB__SET_ROLE_REQUEST__INIT;

    role.user_id = eve;
    role.role = "admin";
    fixture_as(ctx, 0);
    expect_ok(ctx, user_set_role(ctx, &role, NULL));
    fixture_as(ctx, eve);
    req.actor_id = eve;
    req.user_id = user;
    req.action = action;
    req.note = "test";
    expect_ok(ctx, user_set_state(ctx, &req, NULL));
}

START_TEST(suspended_members_are_not_seen) {
    int64_t id = post(ann, "here", PUBLIC, 0),
            comment = post(ann, "there", PUBLIC, post(ben, "b", PUBLIC, 0));
    int64_t repost;

    edge(connection_follow, ben, ann);
    react(ben, id, "repost", true);
    repost = timeline(post_home_timeline, ask(ben, 10))->items[0]->post->id;
    set_state(ann, "suspend");
    ck_assert_ptr_null(see(ben, id));
    ck_assert_ptr_null(see(0, comment));
    ck_assert_ptr_null(see(0, repost));
    ck_assert(!has_post(timeline(post_local_timeline, ask(0, 40)), id));
    ck_assert(!has_post(timeline(post_home_timeline, ask(ben, 40)), id) &&
              !has_post(timeline(post_home_timeline, ask(ben, 40)), repost));
    set_state(ann, "restore");
    ck_assert_ptr_nonnull(see(0, repost));
    ck_assert(has_post(timeline(post_home_timeline, ask(ben, 40)), repost));
}
END_TEST

START_TEST(threads) {
    int64_t root = post(ann, "root", PUBLIC, 0), a = post(ben, "a", PUBLIC, root),
            b = post(eve, "b", PUBLIC, root);
    int64_t aa = post(eve, "aa", PUBLIC, a), aaa = post(ben, "aaa", PUBLIC, aa),
            hidden = post(ann, "d", DIRECT, b);
    int64_t order[] = {a, aa, aaa, b}, deep = aaa;
    const Pb__ThreadReply *t = thread(0, root);

    ck_assert_uint_eq(t->n_descendants, 4);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(t->descendants[i]->post->id, order[i]);
    ck_assert_uint_eq(t->descendants[2]->depth, 2);
    ck_assert_uint_eq(t->descendants[3]->depth, 0);
    ck_assert_int_eq(t->post->post->comments, 2);
    ck_assert_int_eq(t->descendants[3]->post->comments, 0); /* a direct one is not counted */
    ck_assert_uint_eq(thread(ann, root)->n_descendants, 5);
    ck_assert_ptr_nonnull(see(eve, hidden));
    t = thread(0, aaa);
    ck_assert_uint_eq(t->n_ancestors, 3);
    ck_assert_int_eq(t->ancestors[0]->post->id, root);
    ck_assert_int_eq(t->ancestors[2]->post->id, aa);
    ck_assert_int_eq(t->post->reply_to->id, eve);
    edge(connection_block, eve, ann); /* what is below what she may not see is gone, too */
    ck_assert_uint_eq(thread(ann, root)->n_descendants, 1);
    for (int i = 0; i < 8; i++)
        deep = post(ben, "deeper", PUBLIC, deep);
    t = thread(ben, root);
    ck_assert_uint_eq(t->n_descendants, 11 + 1 - 0);
    ck_assert_uint_eq(t->descendants[10]->depth, 6);
}
END_TEST

/* What the worker keeps of a thread is right the moment somebody adds to it, at whatever depth; also when who
 * did died before saying so. */
START_TEST(threads_grow_at_once) {
    int64_t root = post(ann, "root", PUBLIC, 0), a = post(ben, "a", PUBLIC, root);
    const redisReply *before;
    const char *token;

    ck_assert_uint_eq(thread(eve, root)->n_descendants, 1);
    before = redis_do(ctx, ctx->env->redis, "GET post:tree:%lld", (long long)root);
    ck_assert_int_eq(before->type, REDIS_REPLY_STRING);
    token = before->str;
    post_thread_prefetch(ctx, eve, root);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 1);
    ck_assert_uint_eq(thread(eve, a)->n_ancestors, 1);
    post(eve, "aa", DIRECT, a);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 2);
    ck_assert_uint_eq(thread(ben, a)->n_descendants, 1);
    fixture_events(ctx);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 2);
    before = redis_do(ctx, ctx->env->redis, "GET post:tree:%lld", (long long)root);
    ck_assert_str_ne(before->str, token);
    token = before->str;
    post(ben, "b", PUBLIC, root);
    redis_do(ctx, ctx->env->redis, "SET post:tree:%lld %s", (long long)root, token);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 2);
    fixture_events(ctx);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 3);
    fixture_flush_redis(ctx);
    post_thread_prefetch(ctx, eve, root);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 3);
    ck_assert_uint_eq(thread(eve, root)->n_descendants, 3);
}
END_TEST

/* ---- Timelines */

START_TEST(lists_are_walked_to_their_end) {
    int64_t ids[40], got[200];
    Pb__PageRequest req = ask(ben, 7);
    size_t n;

    for (int i = 0; i < 40; i++)
        ids[i] = post(ann, i % 3 ? "x #walk" : "f #walk", i % 3 ? PUBLIC : FOLLOWERS, 0);
    for (int i = 39; i >= 0; i--) { /* in another order than they were written */
        if (i % 3) {
            react(ben, ids[i], "bookmark", true);
            react(ben, ids[i], "like", true);
        }
    }
    react(ann, ids[2], "pin", true);
    req.author_id = ann;
    ck_assert_uint_eq(walk(post_author_timeline, req, got, 200), 26);
    ck_assert_int_eq(got[0], ids[2]);
    req.viewer_id = ann;
    ck_assert_uint_eq(walk(post_author_timeline, req, got, 200), 40);
    req = ask(0, 7);
    req.tag = "WALK";
    ck_assert_uint_eq(walk(post_tag_timeline, req, got, 200), 26);
    n = walk(post_bookmarks, ask(ben, 7), got, 200);
    ck_assert_uint_eq(n, 26);
    ck_assert_int_eq(got[0], ids[1]);
    ck_assert_int_eq(got[25], ids[38]);
    ck_assert_uint_eq(walk(post_likes, ask(ben, 5), got, 200), 26);
    ck_assert(has_post(timeline(post_local_timeline, ask(0, 40)), ids[38]));
    ck_assert(!has_post(timeline(post_local_timeline, ask(ann, 40)), ids[39]));
    del(ann, ids[38]);
    ck_assert_uint_eq(walk(post_bookmarks, ask(ben, 7), got, 200), 25);
}
END_TEST

START_TEST(counts_and_tags) {
    Pb__PostCountsRequest req = PB__POST_COUNTS_REQUEST__INIT;
    Pb__TagsRequest tags = PB__TAGS_REQUEST__INIT;
    const Pb__PostCountsReply *counts;
    const Pb__TagsReply *reply;
    int64_t id = post(ann, "#Zebra one", PUBLIC, 0), before;

    post(ann, "#zebra two", PUBLIC, id);
    post(ben, "#ZEBRA three", PUBLIC, 0);
    post(ben, "#zebra for few", FOLLOWERS, 0);
    req.user_ids = (int64_t[]){ann, ben};
    req.n_user_ids = 2;
    expect_ok(ctx, post_get_post_counts(ctx, &req, &counts));
    ck_assert_uint_eq(counts->n_counts, 2);
    ck_assert_int_eq(counts->counts[0]->posts, 2);
    before = counts->counts[0]->last_ms;
    req.n_user_ids = 1; /* one alone comes out of Redis */
    for (int i = 0; i < 2; i++) {
        expect_ok(ctx, post_get_post_counts(ctx, &req, &counts));
        ck_assert_int_eq(counts->counts[0]->posts, 2);
        ck_assert_int_eq(counts->counts[0]->last_ms, before);
    }
    id = post(ann, "one more", PUBLIC, 0);
    expect_ok(ctx, post_get_post_counts(ctx, &req, &counts));
    ck_assert_int_eq(counts->counts[0]->posts, 3);
    ck_assert_int_ge(counts->counts[0]->last_ms, before);
    del(ann, id);
    expect_ok(ctx, post_get_post_counts(ctx, &req, &counts));
    ck_assert_int_eq(counts->counts[0]->posts, 2);
    tags.query = "#ZEB";
    expect_ok(ctx, post_trending_tags(ctx, &tags, &reply));
    ck_assert_uint_eq(reply->n_tags, 1);
    ck_assert_str_eq(reply->tags[0]->name, "ZEBRA");
    ck_assert_int_eq(reply->tags[0]->posts, 3);
    ck_assert_int_eq(reply->tags[0]->people, 2);
}
END_TEST

/* What Redis has of a post, and puts back later. */
struct told {
    const redisReply *view, *stat;
};

static struct told redis_has(int64_t id) {
    return (struct told){redis_do(ctx, ctx->env->redis, "GET post:view:%lld", (long long)id),
                         redis_do(ctx, ctx->env->redis, "GET post:stat:%019lld", (long long)id)};
}

static void redis_gets_back(int64_t id, struct told was) {
    redis_do(ctx, ctx->env->redis, "SET post:view:%lld %b", (long long)id, was.view->str, was.view->len);
    redis_do(ctx, ctx->env->redis, "SET post:stat:%019lld %b", (long long)id, was.stat->str, was.stat->len);
}

/* The worker that edits commits first and tells Redis then; whoever hears of it in between knows the
 * revision. */
START_TEST(an_edit_is_read_before_redis_knows_of_it) {
    Pb__GetPostsRequest req = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostReply *edited;
    const Pb__PostsReply *reply;
    int64_t id = post(ann, "one", PUBLIC, 0), revision = see(ann, id)->post->revision + 1;
    struct told before = redis_has(id);

    expect_ok(ctx, edit(ann, id, "two", &edited));
    redis_gets_back(id, before);
    ck_assert_str_eq(see(ann, id)->post->text, "one");
    req.viewer_id = ann;
    req.ids = &id;
    req.n_ids = req.n_revisions = 1;
    req.revisions = &revision;
    expect_ok(ctx, post_get_posts(ctx, &req, &reply));
    ck_assert_str_eq(reply->items[0]->post->text, "two");
    ck_assert_str_eq(see(ann, id)->post->text, "two"); /* Redis knows it now */
    req.n_ids = 0;                                     /* nothing is read where there is no post for it */
    expect_ok(ctx, post_get_posts(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_items, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("post");
    TCase *rules = tcase_create("rules"), *lists = tcase_create("lists");

    tcase_add_checked_fixture(rules, set_up, NULL);
    tcase_set_timeout(rules, 60);
    tcase_add_test(rules, what_may_be_written);
    tcase_add_test(rules, what_is_written_is_read);
    tcase_add_test(rules, a_key_makes_one_post);
    tcase_add_test(rules, editing_keeps_what_was);
    tcase_add_test(rules, deleting_leaves_a_tombstone);
    tcase_add_test(rules, pins);
    tcase_add_test(rules, audiences);
    tcase_add_test(rules, suspended_members_are_not_seen);
    tcase_add_test(rules, threads);
    tcase_add_test(rules, threads_grow_at_once);
    suite_add_tcase(suite, rules);
    tcase_add_checked_fixture(lists, set_up, NULL);
    tcase_set_timeout(lists, 300);
    tcase_add_test(lists, lists_are_walked_to_their_end);
    tcase_add_test(lists, counts_and_tags);
    tcase_add_test(lists, an_edit_is_read_before_redis_knows_of_it);
    suite_add_tcase(suite, lists);
    return fixture_main(suite);
}
