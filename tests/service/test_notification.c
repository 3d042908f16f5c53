/* Who is told what, each of it once: kinds, undoing, who is silent. */
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
#include "tests/service/fixture_notification.h"
#include "tests/service/servers.h"

struct ctx *ctx;

/* ---- Kinds */

START_TEST(everybody_concerned_is_told) {
    int64_t mine = say(ann, "hello", 0), comment;

    react(ben, mine, "like", true);
    react(eve, mine, "repost", true);
    comment = say(ben, "well", mine);
    say(eve, arena_printf(ctx->arena, "@%s look", ann_handle), 0);
    edge(connection_follow, ben, ann);
    ck_assert_str_eq(told(ann), "follow:b mention:e comment:b repost:e like:b");
    edit(ann, mine, "hello again");
    ck_assert_str_eq(told(eve), "edit:a");
    react(ann, comment, "bookmark", true); /* nobody's business */
    say(ben, arena_printf(ctx->arena, "@%s and @%s", ann_handle, ben_handle), comment); /* not oneself */
    react(ann, mine, "like", true);
    ck_assert_str_eq(told(ben), "");
    ck_assert_str_eq(told(ann), "mention:b follow:b mention:e comment:b repost:e like:b");
    ck_assert_int_eq(emitted(ann), 6);
    ck_assert_int_eq(unread(ann), 6);
}
END_TEST

START_TEST(a_comment_that_mentions_is_one) {
    int64_t mine = say(ann, "hello", 0);

    say(ben, arena_printf(ctx->arena, "@%s yes", ann_handle), mine);
    ck_assert_str_eq(told(ann), "comment:b");
}
END_TEST

START_TEST(whom_an_edit_mentions_is_told) {
    int64_t id = say(ben, "hello", 0);

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
    say(ben, arena_printf(ctx->arena, "not this, @%s", ann_handle), say(ben, "hello", 0));
    post(ben, arena_printf(ctx->arena, "@%s psst", ben_handle), PB__AUDIENCE__AUDIENCE_FOLLOWERS, 0);
    ck_assert_str_eq(told(ann), "post:b mention:b post:b");
    ck_assert_str_eq(told(eve), "");
    edge(connection_unfollow, ann, ben);
    say(ben, "again", 0);
    ck_assert_str_eq(told(ann), "post:b mention:b post:b");
}
END_TEST

/* ann follows ben's posts in these languages, and wants to be told of each. */
static void follow_in(const char **languages, size_t n) {
    Pb__FollowOptions options = PB__FOLLOW_OPTIONS__INIT;
    Pb__EdgeRequest follow = PB__EDGE_REQUEST__INIT;

    options.notify = PB__WISH__WISH_YES;
    options.set_languages = true;
    options.languages = languages;
    options.n_languages = n;
    follow.actor_id = ann;
    follow.target_id = ben;
    follow.options = &options;
    fixture_as(ctx, ann);
    expect_ok(ctx, connection_follow(ctx, &follow, NULL));
}

START_TEST(a_follow_tells_of_its_languages_alone) {
    const char *languages[] = {"de", "PT"};

    follow_in(languages, 2);
    post_in(ben, "hello", PUBLIC, 0, "en");
    post_in(ben, "hallo", PUBLIC, 0, "de");
    post_in(ben, "oi", PUBLIC, 0, "pt-BR");
    post_in(ben, "dene", PUBLIC, 0, "den"); /* Slavey is no German */
    post_in(ben, "hm", PUBLIC, 0, "");
    post_in(ben, arena_printf(ctx->arena, "@%s, hello", ann_handle), PUBLIC, 0, "en");
    ck_assert_str_eq(told(ann), "mention:b post:b post:b post:b");
    follow_in(NULL, 0);
    post_in(ben, "hello", PUBLIC, 0, "en");
    ck_assert_str_eq(told(ann), "post:b mention:b post:b post:b post:b");
}
END_TEST

START_TEST(requests_and_their_answers) {
    lock(ann);
    edge(connection_follow, ben, ann);
    edge(connection_follow, eve, ann);
    ck_assert_str_eq(told(ann), "follow_request:e follow_request:b");
    read_all(ann);
    respond_to(ann, ben, true);
    respond_to(ann, eve, false);
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
    int64_t mine = say(ann, "rude", 0);

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
    int64_t one = say(ann, "one", 0), two = say(ann, "two", 0);

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
    int64_t mine = say(ann, "one", 0), comment = say(ben, "two", mine);

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
    int64_t mine = say(ann, "one", 0);

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
    int64_t id = say(ben, "one", 0);

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
    int64_t mine = say(ann, "one", 0);

    edge(connection_mute, ann, ben);
    react(ben, mine, "like", true);
    say(ben, arena_printf(ctx->arena, "@%s look", ann_handle), 0);
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
    int64_t mine = say(ann, "one", 0), comment = say(ben, "two", mine);

    ck_assert_str_eq(told(ann), "comment:b");
    fixture_as(ctx, ann);
    mute.viewer_id = ann;
    mute.id = mine;
    mute.on = true;
    expect_ok(ctx, post_mute_thread(ctx, &mute, NULL));
    say(eve, arena_printf(ctx->arena, "@%s three", ann_handle), comment);
    say(ben, "four", mine);
    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "comment:b");
}
END_TEST

START_TEST(suspended_members_are_silent_until_they_are_back) {
    int64_t mine = say(ann, "one", 0);

    react(ben, mine, "like", true);
    react(eve, mine, "like", true);
    ck_assert_str_eq(told(ann), "like:e like:b");
    do_to(ben, "suspend");
    ck_assert_str_eq(told(ann), "like:e");
    ck_assert_int_eq(unread(ann), 1);
    do_to(ben, "restore");
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

    react(ben, say(ann, "one", 0), "like", true);
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

int main(void) {
    Suite *suite = suite_create("notification");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, everybody_concerned_is_told);
    tcase_add_test(t, a_comment_that_mentions_is_one);
    tcase_add_test(t, whom_an_edit_mentions_is_told);
    tcase_add_test(t, who_asks_is_told_of_each_post);
    tcase_add_test(t, a_follow_tells_of_its_languages_alone);
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
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
