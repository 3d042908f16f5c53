/* The post service's rules on real servers: who sees what, counters under races, timelines against a model of
 * them. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
#include "tests/service/fixture.h"

#define PUBLIC PB__AUDIENCE__AUDIENCE_PUBLIC
#define UNLISTED PB__AUDIENCE__AUDIENCE_UNLISTED
#define FOLLOWERS PB__AUDIENCE__AUDIENCE_FOLLOWERS
#define DIRECT PB__AUDIENCE__AUDIENCE_DIRECT

static struct ctx *ctx;
static int64_t ann, ben, eve;
static const char *ben_handle;

static void set_up(void) {
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
    ben_handle = fixture_handle(ctx, "ben");
    ben = fixture_member(ctx, ben_handle);
    eve = fixture_member(ctx, fixture_handle(ctx, "eve"));
}

/* ---- Short ways to the rpcs */

static enum code try_create(const Pb__CreatePostRequest *req, int64_t *ret_id) {
    const Pb__PostReply *reply;
    enum code c;

    fixture_as(ctx, req->author_id);
    c = post_create_post(ctx, req, &reply);
    *ret_id = c == OK ? reply->item->post->id : 0;
    return c;
}

static enum code try_post(int64_t author, const char *text, Pb__Audience audience, int64_t parent,
                          int64_t *ret_id) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;

    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.in_reply_to_id = parent;
    return try_create(&req, ret_id);
}

static int64_t post_in(int64_t author, const char *text, Pb__Audience audience, int64_t parent,
                       const char *language) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    int64_t id;

    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.in_reply_to_id = parent;
    req.language = language;
    expect_ok(ctx, try_create(&req, &id));
    return id;
}

static int64_t post(int64_t author, const char *text, Pb__Audience audience, int64_t parent) {
    int64_t id;

    expect_ok(ctx, try_post(author, text, audience, parent, &id));
    return id;
}

static enum code try_react(int64_t viewer, int64_t id, const char *kind, bool on, const Pb__PostItem **ret) {
    Pb__ReactRequest req = PB__REACT_REQUEST__INIT;
    const Pb__PostReply *reply;
    enum code c;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = id;
    req.kind = kind;
    req.on = on;
    c = post_react(ctx, &req, &reply);
    if (ret != NULL)
        *ret = c == OK ? reply->item : NULL;
    return c;
}

static const Pb__PostItem *react(int64_t viewer, int64_t id, const char *kind, bool on) {
    const Pb__PostItem *item;

    expect_ok(ctx, try_react(viewer, id, kind, on, &item));
    return item;
}

/* The post as this viewer sees it; NULL when not at all. */
static const Pb__PostItem *see(int64_t viewer, int64_t id) {
    Pb__GetPostsRequest req = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, post_get_posts(ctx, &req, &reply));
    return reply->n_items ? reply->items[0] : NULL;
}

static void del(int64_t actor, int64_t id) {
    Pb__PostRequest req = PB__POST_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.viewer_id = actor;
    req.id = id;
    expect_ok(ctx, post_delete_post(ctx, &req, NULL));
}

typedef enum code edge_rpc(struct ctx *c, const Pb__EdgeRequest *req, const Pb__Relationship **reply);

static void edge(edge_rpc *rpc, int64_t actor, int64_t target) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.target_id = target;
    expect_ok(ctx, rpc(ctx, &req, NULL));
}

static const Pb__ThreadReply *thread(int64_t viewer, int64_t id) {
    Pb__ThreadRequest req = PB__THREAD_REQUEST__INIT;
    const Pb__ThreadReply *reply;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = id;
    expect_ok(ctx, post_get_thread(ctx, &req, &reply));
    return reply;
}

typedef enum code page_rpc(struct ctx *c, const Pb__PageRequest *req, const Pb__TimelinePage **reply);

static const Pb__TimelinePage *timeline(page_rpc *rpc, Pb__PageRequest req) {
    const Pb__TimelinePage *reply;

    fixture_as(ctx, req.viewer_id);
    expect_ok(ctx, rpc(ctx, &req, &reply));
    return reply;
}

static Pb__PageRequest ask(int64_t viewer, unsigned limit) {
    Pb__PageRequest req = PB__PAGE_REQUEST__INIT;

    req.viewer_id = viewer;
    req.limit = limit;
    return req;
}

static bool has_post(const Pb__TimelinePage *page, int64_t id) {
    for (size_t i = 0; i < page->n_items; i++)
        if (page->items[i]->post->id == id)
            return true;
    return false;
}

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
    ck_assert(!has_post(timeline(post_home_timeline, ask(ben, 40)), id));
    set_state(ann, "restore");
    ck_assert_ptr_nonnull(see(0, repost));
    ck_assert(has_post(timeline(post_home_timeline, ask(ben, 40)), id));
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

/* ---- Reactions */

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

/* ---- Timelines */

/* Walks a timeline down to its end and up again; checks that both ways say the same, in order, without
 * repeat. Returns the ids. */
static size_t walk(page_rpc *rpc, Pb__PageRequest req, int64_t *ids, size_t room) {
    const Pb__TimelinePage *page;
    size_t n = 0, up = 0, top = 0;
    unsigned limit = req.limit;

    do {
        page = timeline(rpc, req);
        if (page->next_max_id != 0)
            ck_assert_uint_ge(page->n_items, limit); /* filled */
        for (size_t i = 0; i < page->n_items; i++) {
            ck_assert_uint_lt(n, room);
            ids[n++] = page->items[i]->post->id;
            top += page->items[i]->post->pinned_ms != 0 && req.author_id != 0;
        }
        req.max_id = page->next_max_id;
    } while (page->next_max_id != 0);
    req.max_id = 0;
    req.min_id = 1;
    do {
        page = timeline(rpc, req);
        for (size_t i = page->n_items; i > 0; i--) {
            ck_assert_uint_lt(up, n - top);
            ck_assert_int_eq(page->items[i - 1]->post->id, ids[n - 1 - up]);
            up++;
        }
        req.min_id = page->prev_min_id;
    } while (page->prev_min_id != 0);
    ck_assert_uint_eq(up, n - top);
    return n;
}

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

/* ---- Home against a model */

#define PEOPLE 7
#define POSTS_MAX 3000

struct model_post {
    int64_t id;
    int author, parent, original; /* -1: none; parent and original: index of a post */
    Pb__Audience audience;
    bool mentions[PEOPLE];
    const char *language; /* "": none */
    bool dead;
};

static struct {
    int64_t people[PEOPLE];
    const char *handles[PEOPLE];
    bool follows[PEOPLE][PEOPLE], blocks[PEOPLE][PEOPLE], mutes[PEOPLE][PEOPLE];
    bool no_reposts[PEOPLE][PEOPLE];      /* of a follow */
    const char *language[PEOPLE][PEOPLE]; /* the only one that a follow brings; NULL: all */
    struct model_post posts[POSTS_MAX];
    int n;
    unsigned seed;
} m;

static int dice(int sides) { return (int)((unsigned)rand_r(&m.seed) % (unsigned)sides); }

static bool severed(int a, int b) { return m.blocks[a][b] || m.blocks[b][a]; }

static bool model_sees(int who, const struct model_post *p) {
    if (p->dead)
        return false;
    if (p->author == who)
        return true;
    if (severed(who, p->author))
        return false;
    if (p->audience <= UNLISTED || p->mentions[who] || (p->parent >= 0 && m.posts[p->parent].author == who))
        return true;
    return p->audience == FOLLOWERS && m.follows[who][p->author];
}

/* Whether the follow brings it: one's own always comes. */
static bool model_brings(int who, const struct model_post *p) {
    const char *wanted = m.language[who][p->author];

    if (p->author == who)
        return true;
    if (p->original >= 0)
        return !m.no_reposts[who][p->author];
    return wanted == NULL || *p->language == '\0' || strncmp(p->language, wanted, 2) == 0;
}

static bool model_in_home(int who, const struct model_post *p) {
    if (!model_sees(who, p) || (p->author != who && (!m.follows[who][p->author] || m.mutes[who][p->author])))
        return false;
    if (p->parent >= 0 && m.posts[p->parent].author != p->author)
        return false;
    if (!model_brings(who, p))
        return false;
    if (p->original < 0)
        return true;
    return model_sees(who, &m.posts[p->original]) && !m.mutes[who][m.posts[p->original].author];
}

static int live_post(void) {
    for (int tries = 0; m.n > 0 && tries < 20; tries++) {
        int i = dice(m.n);

        if (!m.posts[i].dead && m.posts[i].original < 0)
            return i;
    }
    return -1;
}

static void model_write(int who) {
    struct model_post *p = &m.posts[m.n];
    int parent = dice(3) == 0 ? live_post() : -1;
    const char *text = "words";

    if (m.n == POSTS_MAX || (parent >= 0 && !model_sees(who, &m.posts[parent])))
        return;
    memset(p, 0, sizeof *p);
    for (int i = 0; i < PEOPLE; i++) {
        if (i != who && dice(PEOPLE) == 0) {
            p->mentions[i] = true;
            text = arena_printf(ctx->arena, "%s @%s", text, m.handles[i]);
        }
    }
    p->author = who;
    p->parent = parent;
    p->original = -1;
    p->audience = (Pb__Audience)(dice(2) ? 0 : dice(4));
    if (p->audience == DIRECT && strcmp(text, "words") == 0)
        p->audience = PUBLIC;
    p->language = (const char *[]){"", "de", "en", "en-GB"}[dice(4)];
    p->id = post_in(m.people[who], text, p->audience, parent >= 0 ? m.posts[parent].id : 0, p->language);
    if (parent >= 0 && p->audience < m.posts[parent].audience)
        p->audience = m.posts[parent].audience;
    m.n++;
}

static int repost_of(int who, int original) {
    for (int i = 0; i < m.n; i++)
        if (m.posts[i].author == who && m.posts[i].original == original && !m.posts[i].dead)
            return i;
    return -1;
}

/* The newest item of one's own profile is the repost just made. */
static int64_t newest_of(int64_t author) {
    Pb__PageRequest req = ask(author, 1);

    req.author_id = author;
    req.with_replies = true;
    return timeline(post_author_timeline, req)->items[0]->post->id;
}

static void model_repost(int who) {
    int original = live_post(), before;

    if (original < 0 || m.n == POSTS_MAX || !model_sees(who, &m.posts[original]) ||
        m.posts[original].audience > UNLISTED)
        return;
    before = repost_of(who, original);
    react(m.people[who], m.posts[original].id, "repost", before < 0);
    if (before >= 0) {
        m.posts[before].dead = true;
        return;
    }
    m.posts[m.n++] = (struct model_post){
        .id = newest_of(m.people[who]), .author = who, .parent = -1, .original = original, .language = ""};
}

static void model_delete(void) {
    int i = live_post();

    if (i < 0)
        return;
    del(m.people[m.posts[i].author], m.posts[i].id);
    m.posts[i].dead = true;
    for (int k = 0; k < m.n; k++)
        if (m.posts[k].original == i)
            m.posts[k].dead = true;
}

/* Follows, or follows otherwise than before. */
static void model_follow(int who, int other) {
    static const char *const wanted[] = {NULL, "de", "en"};
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;
    Pb__FollowOptions options = PB__FOLLOW_OPTIONS__INIT;
    const char *language = wanted[dice(3)];
    bool no_reposts = dice(3) == 0;

    req.actor_id = m.people[who];
    req.target_id = m.people[other];
    options.reposts = no_reposts ? PB__WISH__WISH_NO : PB__WISH__WISH_YES;
    options.set_languages = true;
    options.languages = &language;
    options.n_languages = language != NULL;
    req.options = dice(3) ? &options : NULL; /* else as it was, or as usual */
    fixture_as(ctx, req.actor_id);
    expect_ok(ctx, connection_follow(ctx, &req, NULL));
    if (req.options != NULL || !m.follows[who][other]) {
        m.no_reposts[who][other] = req.options != NULL && no_reposts;
        m.language[who][other] = req.options != NULL ? language : NULL;
    }
    m.follows[who][other] = true;
}

static void model_edge(int who) {
    int other = (who + 1 + dice(PEOPLE - 1)) % PEOPLE;
    int64_t a = m.people[who], b = m.people[other];

    switch (dice(10)) {
    case 0:
        edge(connection_block, a, b);
        m.blocks[who][other] = true;
        m.follows[who][other] = m.follows[other][who] = false;
        break;
    case 1:
    case 2:
        edge(connection_unblock, a, b);
        m.blocks[who][other] = false;
        break;
    case 3:
        edge(connection_mute, a, b);
        m.mutes[who][other] = true;
        break;
    case 4:
        edge(connection_unmute, a, b);
        m.mutes[who][other] = false;
        break;
    case 5:
        edge(connection_unfollow, a, b);
        m.follows[who][other] = false;
        break;
    default:
        if (severed(who, other))
            break;
        model_follow(who, other);
    }
}

static void model_step(void) {
    int who = dice(PEOPLE);

    switch (dice(12)) {
    case 0:
        model_delete();
        break;
    case 1:
    case 2:
        model_edge(who);
        break;
    case 3:
    case 4:
        model_repost(who);
        break;
    default:
        model_write(who);
    }
}

static int newest_first(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static void check_home(int who, unsigned limit, const char *how) {
    static int64_t expected[POSTS_MAX], got[POSTS_MAX];
    size_t n = 0, n_got;

    for (int i = 0; i < m.n; i++)
        if (model_in_home(who, &m.posts[i]))
            expected[n++] = m.posts[i].id;
    qsort(expected, n, sizeof *expected, newest_first);
    if (dice(2)) /* as the route does, by a guess at what stands there */
        post_home_prefetch(ctx, m.people[who], 0, limit);
    n_got = walk(post_home_timeline, ask(m.people[who], limit), got, POSTS_MAX);
    redis_settle(ctx->env->redis); /* the request is over, and with it what nobody took */
    for (size_t i = 0; i < n && i < n_got; i++)
        ck_assert_msg(expected[i] == got[i], "%s: member %d, row %zu: %lld instead of %lld", how, who, i,
                      (long long)got[i], (long long)expected[i]);
    ck_assert_msg(n == n_got, "%s: member %d: %zu rows instead of %zu", how, who, n_got, n);
}

static void check_homes(unsigned limit, const char *how) {
    for (int who = 0; who < PEOPLE; who++)
        check_home(who, limit, how);
}

static void model_start(unsigned seed) {
    memset(&m, 0, sizeof m);
    m.seed = seed;
    for (int i = 0; i < PEOPLE; i++) {
        m.handles[i] = fixture_handle(ctx, "m");
        m.people[i] = fixture_member(ctx, m.handles[i]);
    }
    for (int i = 0; i < PEOPLE; i++)
        for (int k = 0; k < PEOPLE; k++)
            if (i != k && dice(2)) {
                edge(connection_follow, m.people[i], m.people[k]);
                m.follows[i][k] = true;
            }
}

static void drop_home_keys(int who) {
    ck_assert_ptr_nonnull(redis_do(ctx, ctx->env->redis, "DEL post:home:%lld", (long long)m.people[who]));
}

START_TEST(home_is_what_the_rules_say) {
    const char *seed = getenv("TEST_SEED");

    model_start(seed != NULL ? (unsigned)atol(seed) : 20261122);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 40; i++)
            model_step();
        fixture_events(ctx);
        check_homes(3 + (unsigned)round % 5, "cached");
        for (int again = 0; again < 3; again++) /* what is the same twice is guessed */
            check_homes(20, "cached again");
        if (round % 4 == 1)
            drop_home_keys(dice(PEOPLE));
        if (round % 4 == 3) {
            fixture_flush_redis(ctx);
            check_homes(20, "after a flush");
        }
    }
}
END_TEST

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

static void push_again(int64_t member, int64_t author, int64_t id) {
    struct home_push push;

    home_push_init(&push, ctx);
    expect_ok(ctx, home_push_add(&push, &member, 1, &(struct post_row){id, id, author, 0, 0}));
    home_push_send(&push);
    expect_ok(ctx, home_push_wait(&push));
}

/* More rows than a build reads and than the cache holds: nothing is lost where one ends and SQL goes on. */
START_TEST(home_goes_on_behind_the_cache) {
    static int64_t written[1000], got[POSTS_MAX];
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
        n = walk(post_home_timeline, ask(ann, 33), got, POSTS_MAX);
        ck_assert_uint_eq(n, 500);
        for (size_t i = 0; i < n; i++)
            ck_assert_int_eq(got[i], written[999 - 2 * i]);
        if (flushed) /* an event delivered again: its post is older than what is cached now */
            push_again(ann, ben, written[1]);
        ck_assert_uint_eq(walk(post_home_timeline, ask(ann, 40), got, POSTS_MAX), 500);
        ck_assert_int_eq(cached(ann), flushed ? 'f' : 'e');
        fixture_flush_redis(ctx);
    }
    edge(connection_follow, ann, eve);
    ck_assert_uint_eq(timeline(post_home_timeline, ask(ann, 20))->n_items, 20);
    for (int i = 0; i < 400; i++)
        post(eve, "y", PUBLIC, 0);
    fixture_events(ctx);
    ck_assert_uint_eq(walk(post_home_timeline, ask(ann, 40), got, POSTS_MAX), 1400);
    ck_assert_int_eq(cached(ann), 'f');
    ck_assert_int_le(redis_do(ctx, ctx->env->redis, "ZCARD post:home:%lld", (long long)ann)->integer,
                     HOME_MAX + 300);
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
    tcase_add_test(rules, reactions_count_once);
    tcase_add_test(rules, who_liked);
    tcase_add_test(rules, races_lose_no_count);
    suite_add_tcase(suite, rules);
    tcase_add_checked_fixture(lists, set_up, NULL);
    tcase_set_timeout(lists, 300);
    tcase_add_test(lists, lists_are_walked_to_their_end);
    tcase_add_test(lists, counts_and_tags);
    tcase_add_test(lists, home_shows_own_changes_at_once);
    tcase_add_test(lists, home_is_what_the_rules_say);
    tcase_add_test(lists, home_goes_on_behind_the_cache);
    suite_add_tcase(suite, lists);
    return fixture_main(suite);
}
