/* How what was told is read: groups, pages, policy and requests, read position, open pages, counts; all of it
 * under events delivered again and workers killed. */
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

/* ---- Groups and pages */

START_TEST(what_belongs_together_is_one_group) {
    int64_t one = say(ann, "one", 0), two = say(ann, "two", 0);
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
        react(ben, say(ann, "x", 0), "like", true);
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
    int64_t mine = say(ann, "one", 0), theirs;
    const Pb__HeldPage *page;

    set_policy(ann, "filter", "");
    react(ben, mine, "like", true);
    theirs = say(ben, arena_printf(ctx->arena, "@%s hi", ann_handle), 0);
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
    say(ben, "again", mine); /* heard from now on */
    ck_assert_str_eq(told(ann), "comment:b mention:b like:b");

    react(eve, mine, "like", true);
    fixture_events(ctx);
    ck_assert_uint_eq(held(ann)->n_items, 1);
    answer(ann, held(ann)->items[0]->id, false);
    ck_assert_uint_eq(held(ann)->n_items, 0);
    replay();
    ck_assert_uint_eq(held(ann)->n_items, 0);
    set_policy(ann, "drop", "");
    say(eve, "well", mine);
    ck_assert_str_eq(told(ann), "comment:b mention:b like:b");
    ck_assert_uint_eq(held(ann)->n_items, 0);
    edge(connection_follow, ann, eve);
    say(eve, "and now", mine);
    ck_assert_str_eq(told(ann), "comment:e comment:b mention:b like:b");
}
END_TEST

START_TEST(private_mentions_of_strangers_wait) {
    int64_t first = post(ben, arena_printf(ctx->arena, "@%s psst", ann_handle), DIRECT, 0);

    ck_assert_str_eq(told(ann), ""); /* so without any policy of one's own */
    ck_assert_uint_eq(held(ann)->n_items, 1);
    del(ben, first);
    fixture_events(ctx);
    ck_assert_uint_eq(held(ann)->n_items, 0);
    first = post(ann, arena_printf(ctx->arena, "@%s say", ben_handle), DIRECT, 0);
    post(ben, arena_printf(ctx->arena, "@%s yes", ann_handle), DIRECT, first); /* an answer is heard */
    ck_assert_str_eq(told(ann), "comment:b");
    edge(connection_follow, ann, ben);
    post(ben, arena_printf(ctx->arena, "@%s you", ann_handle), DIRECT, 0);
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
    int64_t mine = say(ann, "one", 0), last;

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
    react(ben, say(ann, "two", 0), "like", true);
    fixture_events(ctx);
    ck_assert_int_eq(unread(ann), 1);
    read_all(ann);
    expect_ok(ctx, user_get_markers(ctx, &get, &found));
    ck_assert_int_gt(found->markers[1]->last_read_id, last);
}
END_TEST

START_TEST(what_is_dismissed_stays_away) {
    int64_t mine = say(ann, "one", 0);
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
    int64_t mine = say(ann, "one", 0);

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

/* As if the member had a page open. */
static void open_page(int64_t user) {
    redis_do(ctx, ctx->env->redis, "SET live:open 1");
    redis_do(ctx, ctx->env->redis, "XADD live:%lld * x y", (long long)user);
    redis_do(ctx, ctx->env->redis, "XTRIM live:%lld MAXLEN 0", (long long)user);
}

START_TEST(open_pages_hear_at_once) {
    int64_t mine = say(ann, "one", 0);
    const char *payload;

    open_page(ann);
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

/* What the open page's bell says after all events, and how often it was told so far. */
static const char *bell(size_t *ret_n) {
    const char *payload = "";

    fixture_events(ctx);
    *ret_n = heard(ann, "badge", &payload);
    return arena_strndup(ctx->arena, payload, strcspn(payload, ","));
}

START_TEST(open_pages_hear_of_what_is_taken_back) {
    int64_t mine = say(ann, "one", 0), other = say(ann, "two", 0);
    size_t n, before;

    react(ben, mine, "like", true);
    react(eve, mine, "like", true);
    react(ben, other, "like", true);
    react(eve, other, "repost", true);
    fixture_events(ctx);
    open_page(ann);
    do_to(ben, "suspend");
    ck_assert_str_eq(bell(&before), "{\"notifications\":2");
    do_to(ben, "restore");
    ck_assert_str_eq(bell(&n), "{\"notifications\":4");
    ck_assert_uint_eq(n, before + 1);
    edge(connection_block, ann, eve);
    ck_assert_str_eq(bell(&n), "{\"notifications\":2");
    del(ann, other);
    ck_assert_str_eq(bell(&n), "{\"notifications\":1");
    ck_assert_uint_eq(n, before + 3);
    replay(); /* nothing is taken back twice */
    ck_assert_str_eq(bell(&n), "{\"notifications\":1");
}
END_TEST

/* ---- Exactly once */

START_TEST(events_again_make_nothing_new) {
    int64_t mine = say(ann, "one", 0);
    long long before;

    for (int i = 0; i < 3; i++) {
        react(i % 2 ? ben : eve, mine, i ? "like" : "repost", true);
        say(ben, "x", mine);
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
    int64_t mine = say(ann, "one", 0);
    long long last = -1;

    for (int i = 0; i < KILLED; i++) {
        say(i % 2 ? ben : eve, "x", mine);
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
        posts[i] = say(who[i % 3], "p", 0);
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
    Suite *suite = suite_create("notification_read");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, what_belongs_together_is_one_group);
    tcase_add_test(t, pages_go_both_ways);
    tcase_add_test(t, strangers_can_be_held_back_or_dropped);
    tcase_add_test(t, private_mentions_of_strangers_wait);
    tcase_add_test(t, the_strictest_rule_counts);
    tcase_add_test(t, the_markers_are_the_read_position);
    tcase_add_test(t, what_is_dismissed_stays_away);
    tcase_add_test(t, what_is_old_goes);
    tcase_add_test(t, open_pages_hear_at_once);
    tcase_add_test(t, open_pages_hear_of_what_is_taken_back);
    tcase_add_test(t, events_again_make_nothing_new);
    tcase_add_test(t, killed_workers_lose_and_double_nothing);
    tcase_add_test(t, counts_are_right_after_anything);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
