/* Who is told what, each of it once: kinds, undoing, who is silent, groups, policy and requests, counts, and
 * all of it under events delivered again and workers killed. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/env.h"
#include "fcgi/stream_wire.h"
#include "gen/stubs.h"
#include "handlers/common/bell.h"
#include "handlers/notification/policy.h"
#include "tests/service/fixture.h"
#include "tests/service/servers.h"

#define PUBLIC PB__AUDIENCE__AUDIENCE_PUBLIC
#define DIRECT PB__AUDIENCE__AUDIENCE_DIRECT

static struct ctx *ctx;
static int64_t ann, ben, eve;
static const char *ann_handle, *ben_handle;

static void set_up(void) {
    ctx = fixture_ctx();
    ann_handle = fixture_handle(ctx, "ann");
    ben_handle = fixture_handle(ctx, "ben");
    ann = fixture_member(ctx, ann_handle);
    ben = fixture_member(ctx, ben_handle);
    eve = fixture_member(ctx, fixture_handle(ctx, "eve"));
}

/* ---- Short ways */

static int64_t post_as(int64_t author, const char *text, Pb__Audience audience, int64_t parent) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    const Pb__PostReply *reply;

    fixture_as(ctx, author);
    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.in_reply_to_id = parent;
    expect_ok(ctx, post_create_post(ctx, &req, &reply));
    return reply->item->post->id;
}

static int64_t post(int64_t author, const char *text, int64_t parent) {
    return post_as(author, text, PUBLIC, parent);
}

static void react(int64_t viewer, int64_t id, const char *kind, bool on) {
    Pb__ReactRequest req = PB__REACT_REQUEST__INIT;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.id = id;
    req.kind = kind;
    req.on = on;
    expect_ok(ctx, post_react(ctx, &req, NULL));
}

static void edit(int64_t author, int64_t id, const char *text) {
    Pb__EditPostRequest req = PB__EDIT_POST_REQUEST__INIT;

    fixture_as(ctx, author);
    req.actor_id = author;
    req.id = id;
    req.text = text;
    expect_ok(ctx, post_edit_post(ctx, &req, NULL));
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

static void respond(int64_t actor, int64_t requester, bool accept) {
    Pb__RespondRequest req = PB__RESPOND_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.requester_id = requester;
    req.accept = accept;
    expect_ok(ctx, connection_respond_to_request(ctx, &req, NULL));
}

static void lock(int64_t user) {
    Pb__UpdateSettingsRequest req = PB__UPDATE_SETTINGS_REQUEST__INIT;

    fixture_as(ctx, user);
    req.user_id = user;
    req.locked = true;
    req.discoverable = true;
    req.default_audience = "public";
    expect_ok(ctx, user_update_settings(ctx, &req, NULL));
}

static void set_state(int64_t user, const char *action) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;

    fixture_as(ctx, 0);
    req.user_id = user;
    req.action = action;
    expect_ok(ctx, user_set_state(ctx, &req, NULL));
}

static Pb__ListNotificationsRequest all_of(int64_t user) {
    Pb__ListNotificationsRequest req = PB__LIST_NOTIFICATIONS_REQUEST__INIT;

    req.user_id = user;
    return req;
}

static const Pb__NotificationsPage *list(const Pb__ListNotificationsRequest *req) {
    const Pb__NotificationsPage *page;

    fixture_as(ctx, req->user_id);
    expect_ok(ctx, notification_list_notifications(ctx, req, &page));
    return page;
}

static char letter_of(int64_t id) {
    return id == ann ? 'a' : id == ben ? 'b' : id == eve ? 'e' : id ? '?' : '-';
}

/* "like:b mention:e", newest first; of a group also how many and by whom: "like:b2be". */
static const char *words(const Pb__NotificationsPage *page) {
    struct buf out;

    buf_init(&out, ctx->arena, 65536);
    for (size_t i = 0; i < page->n_items; i++) {
        const Pb__NotificationItem *one = page->items[i];

        buf_printf(&out, "%s%s:%c", i > 0 ? " " : "", one->kind, letter_of(one->actor_id));
        if (one->count > 1) {
            buf_printf(&out, "%lld", (long long)one->count);
            for (size_t k = 0; k < one->n_sample_ids; k++)
                buf_putc(&out, letter_of(one->sample_ids[k]));
        }
    }
    return buf_str(&out);
}

/* What a member sees, after all events were handled. */
static const char *told(int64_t user) {
    Pb__ListNotificationsRequest req = all_of(user);

    fixture_events(ctx);
    return words(list(&req));
}

static const Pb__UnreadCounts *unread_sql(int64_t user) {
    Pb__UnreadRequest req = PB__UNREAD_REQUEST__INIT;
    const Pb__UnreadCounts *n;

    fixture_as(ctx, user);
    req.user_id = user;
    expect_ok(ctx, notification_get_unread(ctx, &req, &n));
    return n;
}

/* As pages have it, by way of Redis. */
static int64_t unread(int64_t user) {
    struct bell bell;

    fixture_as(ctx, user);
    bell_get(ctx, &bell);
    ck_assert(bell.known);
    ck_assert_int_eq(bell.unread, unread_sql(user)->notifications);
    ck_assert_int_eq(bell.requests, unread_sql(user)->requests);
    return bell.unread;
}

static void read_all(int64_t user) {
    Pb__SetReadPositionRequest req = PB__SET_READ_POSITION_REQUEST__INIT;

    req.last_read_id = unread_sql(user)->last_id;
    req.user_id = user;
    req.forward = true;
    expect_ok(ctx, notification_set_read_position(ctx, &req, NULL));
}

static long long count(const char *from_where) {
    return strtoll(as_admin(arena_printf(ctx->arena, "SELECT count(*) FROM %s", from_where)), NULL, 10);
}

static long long emitted(int64_t user) {
    return count(
        arena_printf(ctx->arena, "events.outbox WHERE topic = 'notify.v1' AND key = %lld", (long long)user));
}

/* Delivers everything there ever was again. */
static void replay(void) {
    as_admin("UPDATE events.consumer SET xid = '0', id = 0 WHERE name = 'notify'");
    fixture_events(ctx);
}

/* ---- Kinds */

START_TEST(everybody_concerned_is_told) {
    int64_t mine = post(ann, "hello", 0), comment;

    react(ben, mine, "like", true);
    react(eve, mine, "repost", true);
    comment = post(ben, "well", mine);
    post(eve, arena_printf(ctx->arena, "@%s look", ann_handle), 0);
    edge(connection_follow, ben, ann);
    ck_assert_str_eq(told(ann), "follow:b mention:e comment:b repost:e like:b");
    edit(ann, mine, "hello again");
    ck_assert_str_eq(told(eve), "edit:a");
    react(ann, comment, "bookmark", true); /* nobody's business */
    post(ben, arena_printf(ctx->arena, "@%s and @%s", ann_handle, ben_handle), comment); /* not oneself */
    react(ann, mine, "like", true);
    ck_assert_str_eq(told(ben), "");
    ck_assert_str_eq(told(ann), "mention:b follow:b mention:e comment:b repost:e like:b");
    ck_assert_int_eq(emitted(ann), 6);
    ck_assert_int_eq(unread(ann), 6);
}
END_TEST

START_TEST(a_comment_that_mentions_is_one) {
    int64_t mine = post(ann, "hello", 0);

    post(ben, arena_printf(ctx->arena, "@%s yes", ann_handle), mine);
    ck_assert_str_eq(told(ann), "comment:b");
}
END_TEST

START_TEST(whom_an_edit_mentions_is_told) {
    int64_t id = post(ben, "hello", 0);

    ck_assert_str_eq(told(ann), "");
    edit(ben, id, arena_printf(ctx->arena, "hello @%s", ann_handle));
    ck_assert_str_eq(told(ann), "mention:b");
    edit(ben, id, arena_printf(ctx->arena, "hello, @%s", ann_handle));
    ck_assert_str_eq(told(ann), "mention:b");
    ck_assert_int_eq(emitted(ann), 1);
}
END_TEST

START_TEST(who_asks_is_told_of_each_post) {
    Pb__FollowOptions options = PB__FOLLOW_OPTIONS__INIT;
    Pb__EdgeRequest follow = PB__EDGE_REQUEST__INIT;

    options.notify = PB__WISH__WISH_YES;
    follow.actor_id = ann;
    follow.target_id = ben;
    follow.options = &options;
    fixture_as(ctx, ann);
    expect_ok(ctx, connection_follow(ctx, &follow, NULL));
    edge(connection_follow, eve, ben);
    post(ben, arena_printf(ctx->arena, "not this, @%s", ann_handle), post(ben, "hello", 0));
    post_as(ben, arena_printf(ctx->arena, "@%s psst", ben_handle), PB__AUDIENCE__AUDIENCE_FOLLOWERS, 0);
    ck_assert_str_eq(told(ann), "post:b mention:b post:b");
    ck_assert_str_eq(told(eve), "");
    edge(connection_unfollow, ann, ben);
    post(ben, "again", 0);
    ck_assert_str_eq(told(ann), "post:b mention:b post:b");
}
END_TEST

START_TEST(requests_and_their_answers) {
    lock(ann);
    edge(connection_follow, ben, ann);
    edge(connection_follow, eve, ann);
    ck_assert_str_eq(told(ann), "follow_request:e follow_request:b");
    read_all(ann);
    respond(ann, ben, true);
    respond(ann, eve, false);
    ck_assert_str_eq(told(ann), ""); /* both are answered, whether read or not */
    ck_assert_str_eq(told(ben), "follow_accepted:a");
    ck_assert_str_eq(told(eve), "");
    edge(connection_follow, eve, ann); /* asks again: told again */
    ck_assert_str_eq(told(ann), "follow_request:e");
    ck_assert_int_eq(unread(ann), 1);
}
END_TEST

START_TEST(a_new_device_and_moderation) {
    Pb__LogInRequest in = PB__LOG_IN_REQUEST__INIT;
    Pb__SetRoleRequest role = PB__SET_ROLE_REQUEST__INIT;
    Pb__ListNotificationsRequest req = all_of(ann);
    const Pb__NotificationsPage *page;
    int64_t mine = post(ann, "rude", 0);

    fixture_as(ctx, 0);
    in.login = ann_handle;
    in.password = "correct horse battery";
    expect_ok(ctx, user_log_in(ctx, &in, NULL)); /* the first device is none that is new */
    ck_assert_str_eq(told(ann), "");
    fixture_as(ctx, 0);
    ctx->user_agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Safari/604";
    expect_ok(ctx, user_log_in(ctx, &in, NULL));
    expect_ok(ctx, user_log_in(ctx, &in, NULL));
    ck_assert_str_eq(told(ann), "sign_in:-");
    page = list(&req);
    ck_assert_ptr_nonnull(strstr(page->items[0]->detail, "iPhone"));
    ck_assert_ptr_nonnull(strstr(page->items[0]->detail, "192.0.2.1"));

    fixture_as(ctx, 0);
    role.user_id = eve;
    role.role = "moderator";
    expect_ok(ctx, user_set_role(ctx, &role, NULL));
    fixture_events(ctx);
    del(eve, mine);
    ck_assert_str_eq(told(eve), "moderation:-");
    ck_assert_str_eq(told(ann), "moderation:- sign_in:-");
    page = list(&req);
    ck_assert_str_eq(page->items[0]->detail, "deleted");
    ck_assert_int_eq(page->items[0]->post_id, mine);
}
END_TEST

/* ---- Undoing */

START_TEST(what_is_undone_goes_unless_it_was_read) {
    int64_t one = post(ann, "one", 0), two = post(ann, "two", 0);

    react(ben, one, "like", true);
    ck_assert_str_eq(told(ann), "like:b");
    read_all(ann);
    react(ben, two, "like", true);
    edge(connection_follow, eve, ann);
    ck_assert_str_eq(told(ann), "follow:e like:b like:b");
    ck_assert_int_eq(unread(ann), 2);
    react(ben, two, "like", false);
    react(ben, one, "like", false);
    edge(connection_unfollow, eve, ann);
    ck_assert_str_eq(told(ann), "like:b");
    ck_assert_int_eq(unread(ann), 0);
    react(ben, two, "like", true); /* new again */
    ck_assert_str_eq(told(ann), "like:b like:b");
    ck_assert_int_eq(unread(ann), 1);
    replay();
    ck_assert_str_eq(told(ann), "like:b like:b");
    react(ben, one, "like", true); /* that was read once */
    ck_assert_str_eq(told(ann), "like:b like:b");
    ck_assert_int_eq(unread(ann), 1);
}
END_TEST

START_TEST(a_deleted_post_takes_all_with_it) {
    int64_t mine = post(ann, "one", 0), comment = post(ben, "two", mine);

    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "like:e comment:b");
    read_all(ann);
    del(ben, comment);
    ck_assert_str_eq(told(ann), "like:e");
    del(ann, mine);
    ck_assert_str_eq(told(ann), "");
    replay();
    ck_assert_str_eq(told(ann), "");
}
END_TEST

START_TEST(done_and_undone_at_once_is_nothing) {
    int64_t mine = post(ann, "one", 0);

    react(ben, mine, "like", true);
    react(ben, mine, "like", false);
    ck_assert_str_eq(told(ann), "");
    react(ben, mine, "like", true);
    react(ben, mine, "like", false);
    react(ben, mine, "like", true);
    ck_assert_str_eq(told(ann), "like:b");
    ck_assert_int_eq(emitted(ann), 1);
}
END_TEST

START_TEST(an_edit_is_told_anew_once_it_was_read) {
    int64_t id = post(ben, "one", 0);

    react(ann, id, "repost", true);
    edit(ben, id, "two");
    edit(ben, id, "three");
    ck_assert_str_eq(told(ann), "edit:b");
    edit(ben, id, "four");
    ck_assert_str_eq(told(ann), "edit:b");
    ck_assert_int_eq(emitted(ann), 1);
    read_all(ann);
    ck_assert_int_eq(unread(ann), 0);
    edit(ben, id, "five");
    ck_assert_str_eq(told(ann), "edit:b");
    ck_assert_int_eq(unread(ann), 1);
    ck_assert_int_eq(emitted(ann), 2);
}
END_TEST

/* ---- Silence */

START_TEST(blocked_and_muted_are_silent) {
    int64_t mine = post(ann, "one", 0);

    edge(connection_mute, ann, ben);
    react(ben, mine, "like", true);
    post(ben, arena_printf(ctx->arena, "@%s look", ann_handle), 0);
    ck_assert_str_eq(told(ann), "");
    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "like:e");
    edge(connection_block, eve, ann); /* what was told goes, whoever blocks */
    ck_assert_str_eq(told(ann), "");
    ck_assert_int_eq(unread(ann), 0);
    edge(connection_unblock, eve, ann);
    edge(connection_follow, eve, ann);
    ck_assert_str_eq(told(ann), "follow:e");
    replay();
    ck_assert_str_eq(told(ann), "follow:e");
    edge(connection_mute, ann, eve);
    ck_assert_str_eq(told(ann), "");
}
END_TEST

START_TEST(a_muted_conversation_is_silent) {
    Pb__MuteThreadRequest mute = PB__MUTE_THREAD_REQUEST__INIT;
    int64_t mine = post(ann, "one", 0), comment = post(ben, "two", mine);

    ck_assert_str_eq(told(ann), "comment:b");
    fixture_as(ctx, ann);
    mute.viewer_id = ann;
    mute.id = mine;
    mute.on = true;
    expect_ok(ctx, post_mute_thread(ctx, &mute, NULL));
    post(eve, arena_printf(ctx->arena, "@%s three", ann_handle), comment);
    post(ben, "four", mine);
    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "comment:b");
}
END_TEST

START_TEST(suspended_members_are_silent_until_they_are_back) {
    int64_t mine = post(ann, "one", 0);

    react(ben, mine, "like", true);
    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "like:e like:b");
    set_state(ben, "suspend");
    ck_assert_str_eq(told(ann), "like:e");
    ck_assert_int_eq(unread(ann), 1);
    set_state(ben, "restore");
    ck_assert_str_eq(told(ann), "like:e like:b");
    ck_assert_int_eq(unread(ann), 2);
}
END_TEST

START_TEST(nobody_reads_anothers) {
    Pb__ListNotificationsRequest req = all_of(ann);
    Pb__UnreadRequest count_of = PB__UNREAD_REQUEST__INIT;
    Pb__DismissRequest dismiss = PB__DISMISS_REQUEST__INIT;
    Pb__NotificationPolicy policy = PB__NOTIFICATION_POLICY__INIT;
    int64_t id;

    react(ben, post(ann, "one", 0), "like", true);
    ck_assert_str_eq(told(ann), "like:b");
    id = list(&req)->items[0]->id;
    fixture_as(ctx, ben);
    count_of.user_id = dismiss.user_id = policy.user_id = ann;
    dismiss.id = id;
    expect_code(ctx, notification_list_notifications(ctx, &req, NULL), DENIED);
    expect_code(ctx, notification_get_unread(ctx, &count_of, NULL), DENIED);
    expect_code(ctx, notification_dismiss(ctx, &dismiss, NULL), DENIED);
    expect_code(ctx, notification_set_policy(ctx, &policy, NULL), DENIED);
    dismiss.user_id = ben; /* one's own list has no such id */
    expect_code(ctx, notification_dismiss(ctx, &dismiss, NULL), NOT_FOUND);
    ck_assert_str_eq(told(ann), "like:b");
}
END_TEST

/* ---- Groups and pages */

START_TEST(what_belongs_together_is_one_group) {
    int64_t one = post(ann, "one", 0), two = post(ann, "two", 0);
    Pb__ListNotificationsRequest req = all_of(ann);
    const char *like[] = {"like"};
    const Pb__NotificationsPage *page;

    react(ben, one, "like", true);
    react(eve, one, "like", true);
    react(ben, two, "like", true);
    edge(connection_follow, ben, ann);
    edge(connection_follow, eve, ann);
    fixture_events(ctx);
    req.grouped = true;
    ck_assert_str_eq(words(list(&req)), "follow:e2eb like:b like:e2eb");
    req.grouped_kinds = like;
    req.n_grouped_kinds = 1;
    ck_assert_str_eq(words(list(&req)), "follow:e follow:b like:b like:e2eb");
    req.n_grouped_kinds = 0;
    req.limit = 1;
    for (int i = 0; i < 3; i++) { /* page by page each group stands once */
        static const char *const want[] = {"follow:e2eb", "like:b", "like:e2eb"};

        page = list(&req);
        ck_assert_str_eq(words(page), want[i]);
        ck_assert((page->next_max_id != 0) == (i < 2));
        req.max_id = page->next_max_id;
    }
    req = all_of(ann);
    req.group_key = page->items[0]->group_key;
    ck_assert_str_eq(words(list(&req)), "like:e2eb");
    react(eve, one, "like", false);
    fixture_events(ctx);
    ck_assert_str_eq(words(list(&req)), "like:b");
}
END_TEST

START_TEST(pages_go_both_ways) {
    Pb__ListNotificationsRequest req = all_of(ann);
    int64_t ids[7];
    const Pb__NotificationsPage *page;

    for (int i = 0; i < 7; i++)
        react(ben, post(ann, "x", 0), "like", true);
    fixture_events(ctx);
    page = list(&req);
    ck_assert_uint_eq(page->n_items, 7);
    for (int i = 0; i < 7; i++)
        ids[i] = page->items[i]->id;
    req.limit = 3;
    for (int i = 0; i < 7; i += 3) {
        page = list(&req);
        ck_assert_int_eq(page->items[0]->id, ids[i]);
        ck_assert_uint_eq(page->n_items, i < 6 ? 3 : 1);
        req.max_id = page->next_max_id;
    }
    ck_assert_int_eq(req.max_id, 0);
    req.min_id = ids[6];
    page = list(&req); /* those next above the oldest */
    ck_assert_uint_eq(page->n_items, 3);
    ck_assert_int_eq(page->items[0]->id, ids[3]);
    req.min_id = 0;
    req.since_id = ids[6];
    page = list(&req); /* the newest above it */
    ck_assert_int_eq(page->items[0]->id, ids[0]);
}
END_TEST

/* ---- Policy and requests */

static void set_policy(int64_t user, const char *not_following, const char *private_mentions) {
    Pb__NotificationPolicy p = PB__NOTIFICATION_POLICY__INIT;

    fixture_as(ctx, user);
    p.user_id = user;
    p.not_following = not_following;
    p.private_mentions = private_mentions;
    expect_ok(ctx, notification_set_policy(ctx, &p, NULL));
}

static const Pb__HeldPage *held(int64_t user) {
    Pb__ListHeldRequest req = PB__LIST_HELD_REQUEST__INIT;
    const Pb__HeldPage *page;

    fixture_as(ctx, user);
    req.user_id = user;
    expect_ok(ctx, notification_list_held(ctx, &req, &page));
    return page;
}

static void answer(int64_t user, int64_t id, bool accept) {
    Pb__AnswerHeldRequest req = PB__ANSWER_HELD_REQUEST__INIT;

    fixture_as(ctx, user);
    req.user_id = user;
    req.ids = &id;
    req.n_ids = 1;
    req.accept = accept;
    expect_ok(ctx, notification_answer_held(ctx, &req, NULL));
}

START_TEST(strangers_can_be_held_back_or_dropped) {
    int64_t mine = post(ann, "one", 0), theirs;
    const Pb__HeldPage *page;

    set_policy(ann, "filter", "");
    react(ben, mine, "like", true);
    theirs = post(ben, arena_printf(ctx->arena, "@%s hi", ann_handle), 0);
    ck_assert_str_eq(told(ann), "");
    ck_assert_int_eq(unread(ann), 0);
    ck_assert_int_eq(emitted(ann), 0);
    page = held(ann);
    ck_assert_uint_eq(page->n_items, 1);
    ck_assert_int_eq(page->items[0]->from_id, ben);
    ck_assert_int_eq(page->items[0]->count, 2);
    ck_assert_int_eq(page->items[0]->post_id, theirs);
    answer(ann, page->items[0]->id, true);
    ck_assert_str_eq(told(ann), "mention:b like:b");
    ck_assert_uint_eq(held(ann)->n_items, 0);
    post(ben, "again", mine); /* heard from now on */
    ck_assert_str_eq(told(ann), "comment:b mention:b like:b");

    react(eve, mine, "like", true);
    fixture_events(ctx);
    ck_assert_uint_eq(held(ann)->n_items, 1);
    answer(ann, held(ann)->items[0]->id, false);
    ck_assert_uint_eq(held(ann)->n_items, 0);
    replay();
    ck_assert_uint_eq(held(ann)->n_items, 0);
    set_policy(ann, "drop", "");
    post(eve, "well", mine);
    ck_assert_str_eq(told(ann), "comment:b mention:b like:b");
    ck_assert_uint_eq(held(ann)->n_items, 0);
    edge(connection_follow, ann, eve);
    post(eve, "and now", mine);
    ck_assert_str_eq(told(ann), "comment:e comment:b mention:b like:b");
}
END_TEST

START_TEST(private_mentions_of_strangers_wait) {
    int64_t first = post_as(ben, arena_printf(ctx->arena, "@%s psst", ann_handle), DIRECT, 0);

    ck_assert_str_eq(told(ann), ""); /* so without any policy of one's own */
    ck_assert_uint_eq(held(ann)->n_items, 1);
    del(ben, first);
    fixture_events(ctx);
    ck_assert_uint_eq(held(ann)->n_items, 0);
    first = post_as(ann, arena_printf(ctx->arena, "@%s say", ben_handle), DIRECT, 0);
    post_as(ben, arena_printf(ctx->arena, "@%s yes", ann_handle), DIRECT, first); /* an answer is heard */
    ck_assert_str_eq(told(ann), "comment:b");
    edge(connection_follow, ann, ben);
    post_as(ben, arena_printf(ctx->arena, "@%s you", ann_handle), DIRECT, 0);
    ck_assert_str_eq(told(ann), "mention:b comment:b");
}
END_TEST

START_TEST(the_strictest_rule_counts) {
    struct sender_policy p = {.not_following = POLICY_FILTER, .new_accounts = POLICY_DROP};
    struct sender s = {.age_ms = 1};

    ck_assert_int_eq(policy_verdict(&p, &s), POLICY_DROP);
    s.age_ms = 40 * INT64_C(86400000);
    ck_assert_int_eq(policy_verdict(&p, &s), POLICY_FILTER);
    s.is_staff = true;
    ck_assert_int_eq(policy_verdict(&p, &s), POLICY_ACCEPT);
    s.is_staff = false;
    s.edges = 1;
    ck_assert_int_eq(policy_verdict(&p, &s), POLICY_ACCEPT);
    p.not_followers = POLICY_FILTER;
    ck_assert_int_eq(policy_verdict(&p, &s), POLICY_FILTER);
    s.edges = 3;
    ck_assert_int_eq(policy_verdict(&p, &s), POLICY_ACCEPT);
}
END_TEST

/* ---- Read position and dismissing */

START_TEST(the_markers_are_the_read_position) {
    Pb__GetMarkersRequest get = PB__GET_MARKERS_REQUEST__INIT;
    Pb__SetMarkersRequest set = PB__SET_MARKERS_REQUEST__INIT;
    Pb__ReadMarker news = PB__READ_MARKER__INIT, home = PB__READ_MARKER__INIT, *both[] = {&home, &news};
    const char *timelines[] = {"home", "notifications"};
    const Pb__MarkersReply *found;
    int64_t mine = post(ann, "one", 0), last;

    react(ben, mine, "like", true);
    react(eve, mine, "like", true);
    fixture_events(ctx);
    ck_assert_int_eq(unread(ann), 2);
    last = unread_sql(ann)->last_id;
    fixture_as(ctx, ann);
    set.user_id = get.user_id = ann;
    set.markers = both;
    set.n_markers = 2;
    home.timeline = "home";
    home.last_read_id = 7;
    news.timeline = "notifications";
    news.last_read_id = last;
    expect_ok(ctx, user_set_markers(ctx, &set, NULL));
    ck_assert_int_eq(unread(ann), 0);
    news.last_read_id = 0;
    news.version = 5; /* of another time: nothing moves */
    home.last_read_id = 8;
    expect_code(ctx, user_set_markers(ctx, &set, NULL), PRECONDITION);
    get.timelines = timelines;
    get.n_timelines = 2;
    expect_ok(ctx, user_get_markers(ctx, &get, &found));
    ck_assert_uint_eq(found->n_markers, 2);
    ck_assert_str_eq(found->markers[0]->timeline, "home");
    ck_assert_int_eq(found->markers[0]->last_read_id, 7);
    ck_assert_int_eq(found->markers[1]->last_read_id, last);
    react(ben, post(ann, "two", 0), "like", true);
    fixture_events(ctx);
    ck_assert_int_eq(unread(ann), 1);
    read_all(ann);
    expect_ok(ctx, user_get_markers(ctx, &get, &found));
    ck_assert_int_gt(found->markers[1]->last_read_id, last);
}
END_TEST

START_TEST(what_is_dismissed_stays_away) {
    int64_t mine = post(ann, "one", 0);
    Pb__DismissRequest req = PB__DISMISS_REQUEST__INIT;

    react(ben, mine, "like", true);
    react(eve, mine, "repost", true);
    ck_assert_str_eq(told(ann), "repost:e like:b");
    fixture_as(ctx, ann);
    req.user_id = ann;
    req.id = unread_sql(ann)->last_id;
    expect_ok(ctx, notification_dismiss(ctx, &req, NULL));
    expect_code(ctx, notification_dismiss(ctx, &req, NULL), NOT_FOUND);
    ck_assert_str_eq(told(ann), "like:b");
    replay();
    ck_assert_str_eq(told(ann), "like:b");
    req.id = 0;
    req.all = true;
    fixture_as(ctx, ann);
    expect_ok(ctx, notification_dismiss(ctx, &req, NULL));
    replay();
    ck_assert_str_eq(told(ann), "");
    ck_assert_int_eq(unread(ann), 0);
}
END_TEST

START_TEST(what_is_old_goes) {
    Pb__Empty nothing = PB__EMPTY__INIT;
    long long old = (long long)id_at(id_time_ms(id_next()) - 91 * INT64_C(86400000));
    int64_t mine = post(ann, "one", 0);

    react(ben, mine, "like", true);
    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "like:e like:b");
    as_admin(arena_printf(
        ctx->arena,
        "UPDATE notifications.notifications SET id = %lld WHERE user_id = %lld AND actor_id = %lld", old,
        (long long)ann, (long long)ben));
    as_admin(arena_printf(ctx->arena,
                          "UPDATE events.outbox SET created_at = now() - interval '91 days' "
                          "WHERE topic = 'engagement.v1' AND key = %lld",
                          (long long)mine));
    fixture_as(ctx, 0);
    expect_ok(ctx, notification_sweep(ctx, &nothing, NULL));
    ck_assert_str_eq(told(ann), "like:e");
    replay(); /* events as old as that make nothing any more */
    ck_assert_str_eq(told(ann), "like:e");
}
END_TEST

/* ---- At once */

/* How many events of this name the member's open pages got; of the last one the payload. */
static size_t heard(int64_t user, const char *event, const char **ret_payload) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "XRANGE live:%lld - +", (long long)user);
    size_t n = 0;

    ck_assert_ptr_nonnull(r);
    for (size_t i = 0; i < r->elements; i++) {
        struct stream_event e;
        const redisReply *value = r->element[i]->element[1]->element[1];

        if (!stream_event_read(value->str, value->len, &e) || strcmp(e.name, event) != 0)
            continue;
        n++;
        *ret_payload = arena_strndup(ctx->arena, e.payload, e.n);
    }
    return n;
}

START_TEST(open_pages_hear_at_once) {
    int64_t mine = post(ann, "one", 0);
    const char *payload;

    redis_do(ctx, ctx->env->redis, "SET live:open 1");
    redis_do(ctx, ctx->env->redis, "XADD live:%lld * x y", (long long)ann);
    redis_do(ctx, ctx->env->redis, "XTRIM live:%lld MAXLEN 0", (long long)ann);
    react(ben, mine, "like", true);
    fixture_events(ctx);
    ck_assert_uint_eq(heard(ann, "notification", &payload), 1);
    ck_assert_ptr_nonnull(strstr(payload, "\"type\":\"favourite\""));
    ck_assert_ptr_nonnull(strstr(payload, arena_printf(ctx->arena, "\"username\":\"%s\"", ben_handle)));
    ck_assert_ptr_nonnull(strstr(payload, arena_printf(ctx->arena, "\"id\":\"%lld\"", (long long)mine)));
    ck_assert_uint_eq(heard(ann, "badge", &payload), 1);
    ck_assert_str_eq(payload,
                     arena_printf(ctx->arena, "{\"notifications\":1,\"requests\":0,\"last\":\"%lld\"}",
                                  (long long)unread_sql(ann)->last_id));
    react(ben, mine, "like", false);
    fixture_events(ctx);
    ck_assert_uint_eq(heard(ann, "badge", &payload), 2);
    ck_assert_ptr_nonnull(strstr(payload, "\"notifications\":0"));
    react(eve, mine, "like", true);
    fixture_events(ctx);
    read_all(ann);
    ck_assert_uint_eq(heard(ann, "notification", &payload), 2);
    ck_assert_uint_eq(heard(ann, "badge", &payload), 4);
    ck_assert_ptr_nonnull(strstr(payload, "\"notifications\":0"));
}
END_TEST

/* ---- Exactly once */

START_TEST(events_again_make_nothing_new) {
    int64_t mine = post(ann, "one", 0);
    long long before;

    for (int i = 0; i < 3; i++) {
        react(i % 2 ? ben : eve, mine, i ? "like" : "repost", true);
        post(ben, "x", mine);
    }
    edge(connection_follow, eve, ann);
    fixture_events(ctx);
    before = count("notifications.notifications");
    ck_assert_int_eq(emitted(ann), unread(ann));
    replay();
    replay();
    ck_assert_int_eq(count("notifications.notifications"), before);
    ck_assert_int_eq(emitted(ann), unread(ann));
}
END_TEST

#define KILLED 120

/* The worker is killed at any point of its work, again and again. */
START_TEST(killed_workers_lose_and_double_nothing) {
    int64_t mine = post(ann, "one", 0);
    long long last = -1;

    for (int i = 0; i < KILLED; i++) {
        post(i % 2 ? ben : eve, "x", mine);
        env_settle(ctx->env);
        arena_reset(ctx->arena);
    }
    for (int kills = 0; kills < 6; kills++) {
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            fixture_events(fixture_ctx());
            _exit(0);
        }
        while (count("notifications.notifications") == last && waitpid(pid, &status, WNOHANG) == 0)
            continue;
        last = count("notifications.notifications");
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    fixture_events(ctx);
    ck_assert_int_eq(unread(ann), KILLED);
    ck_assert_int_eq(emitted(ann), KILLED);
}
END_TEST

/* Whatever members do, what Redis says of unread ones is what SQL says, and the list says the same. */
START_TEST(counts_are_right_after_anything) {
    int64_t who[3] = {ann, ben, eve}, posts[6];
    unsigned seed = 20261126;

    for (int i = 0; i < 6; i++)
        posts[i] = post(who[i % 3], "p", 0);
    for (int round = 0; round < 150; round++) {
        int64_t a = who[rand_r(&seed) % 3], b = who[rand_r(&seed) % 3], p = posts[rand_r(&seed) % 6];
        Pb__EdgeRequest e = PB__EDGE_REQUEST__INIT;
        Pb__ReactRequest r = PB__REACT_REQUEST__INIT;

        fixture_as(ctx, a);
        e.actor_id = r.viewer_id = a;
        e.target_id = b;
        r.id = p;
        r.on = rand_r(&seed) % 2;
        r.kind = rand_r(&seed) % 2 ? "like" : "repost";
        switch (rand_r(&seed) % 8) { /* some of it is not allowed, which is fine */
        case 0:
            connection_follow(ctx, &e, NULL);
            break;
        case 1:
            connection_unfollow(ctx, &e, NULL);
            break;
        case 2:
            rand_r(&seed) % 2 ? connection_block(ctx, &e, NULL) : connection_mute(ctx, &e, NULL);
            break;
        case 3:
            connection_unblock(ctx, &e, NULL);
            connection_unmute(ctx, &e, NULL);
            break;
        case 4:
            read_all(a);
            break;
        case 5:
            fixture_events(ctx);
            break;
        default:
            post_react(ctx, &r, NULL);
        }
        fail_clear(ctx);
        if (round % 10 == 0)
            unread(a); /* keeps it in Redis, for what comes to make it wrong */
    }
    fixture_events(ctx);
    for (int i = 0; i < 3; i++) {
        Pb__ListNotificationsRequest req = all_of(who[i]);
        const Pb__NotificationsPage *page;
        int64_t n = 0;

        req.limit = 80;
        page = list(&req);
        for (size_t k = 0; k < page->n_items; k++)
            n += page->items[k]->unread;
        ck_assert_int_eq(unread(who[i]), n);
        ck_assert_int_eq(unread(who[i]), n); /* now as Redis keeps it */
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("notification");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, everybody_concerned_is_told);
    tcase_add_test(t, a_comment_that_mentions_is_one);
    tcase_add_test(t, whom_an_edit_mentions_is_told);
    tcase_add_test(t, who_asks_is_told_of_each_post);
    tcase_add_test(t, requests_and_their_answers);
    tcase_add_test(t, a_new_device_and_moderation);
    tcase_add_test(t, what_is_undone_goes_unless_it_was_read);
    tcase_add_test(t, a_deleted_post_takes_all_with_it);
    tcase_add_test(t, done_and_undone_at_once_is_nothing);
    tcase_add_test(t, an_edit_is_told_anew_once_it_was_read);
    tcase_add_test(t, blocked_and_muted_are_silent);
    tcase_add_test(t, a_muted_conversation_is_silent);
    tcase_add_test(t, suspended_members_are_silent_until_they_are_back);
    tcase_add_test(t, nobody_reads_anothers);
    tcase_add_test(t, what_belongs_together_is_one_group);
    tcase_add_test(t, pages_go_both_ways);
    tcase_add_test(t, strangers_can_be_held_back_or_dropped);
    tcase_add_test(t, private_mentions_of_strangers_wait);
    tcase_add_test(t, the_strictest_rule_counts);
    tcase_add_test(t, the_markers_are_the_read_position);
    tcase_add_test(t, what_is_dismissed_stays_away);
    tcase_add_test(t, what_is_old_goes);
    tcase_add_test(t, open_pages_hear_at_once);
    tcase_add_test(t, events_again_make_nothing_new);
    tcase_add_test(t, killed_workers_lose_and_double_nothing);
    tcase_add_test(t, counts_are_right_after_anything);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
