/* What leaves the site: that each notification goes out by the ways that its member chose, once, whatever
 * comes twice or dies on the way, and not when it is no news any more. */
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/mail.h"
#include "gen/stubs.h"
#include "handlers/notification/service_hooks.h"
#include "handlers/notification/worker_deliver.h"
#include "tests/service/fixture_post.h"
#include "tests/service/servers.h"

struct ctx *ctx;

/* ben is told of what ann does */
static void set_up_deliver(void) {
    setenv("DEEPLINK_MAIL_DELAY_S", "0", 1);
    set_up();
    fixture_flush_redis(ctx);
    fixture_as(ctx, 0);
}

/* ---- short ways */

static int64_t mention(void) {
    return post(ann, arena_printf(ctx->arena, "Look, @%s: tea!", ben_handle), PUBLIC, 0);
}

static void like(int64_t who, int64_t id) { react(who, id, "like", true); }

static void choose(const char *kind, bool email, bool digest) {
    Pb__PutPreferencesRequest req = PB__PUT_PREFERENCES_REQUEST__INIT;
    Pb__PreferencesRequest ask = PB__PREFERENCES_REQUEST__INIT;
    Pb__KindPreferences one = PB__KIND_PREFERENCES__INIT, *ones[] = {&one};
    const Pb__Preferences *now;
    Pb__Preferences p;

    fixture_as(ctx, ben);
    ask.user_id = ben;
    expect_ok(ctx, notification_get_preferences(ctx, &ask, &now));
    p = *now;
    one.kind = kind;
    one.in_app = true;
    one.email = email;
    one.digest = digest;
    p.kinds = ones;
    p.n_kinds = 1;
    req.preferences = &p;
    expect_ok(ctx, notification_put_preferences(ctx, &req, NULL));
    fixture_as(ctx, 0);
}

static long long number(const char *sql) { return strtoll(as_admin(sql), NULL, 10); }

/* Of ben's. */
static long long rows(const char *where) {
    return number(arena_printf(ctx->arena,
                               "SELECT count(*) FROM notifications.outgoing WHERE user_id = %lld AND %s",
                               (long long)ben, where));
}

static void expect_rows(const char *where, long long n) {
    ck_assert_msg(rows(where) == n, "%s: %lld instead of %lld; there are: %s", where, rows(where), n,
                  as_admin(arena_printf(
                      ctx->arena,
                      "SELECT coalesce(string_agg(channel || ' ' || kind || ' ' || state || ' ' || why, "
                      "', '), '') FROM notifications.outgoing WHERE user_id = %lld",
                      (long long)ben)));
}

/* Time passes for what waits: instead of waiting, all times move back. */
static void pass(const char *interval) {
    as_admin(arena_printf(ctx->arena,
                          "UPDATE notifications.outgoing SET due_at = due_at - interval '%s', "
                          "lease_until = lease_until - interval '%s', tried_at = tried_at - interval '%s'",
                          interval, interval, interval));
    as_admin(arena_printf(ctx->arena, "UPDATE notifications.mails SET at = at - interval '%s'", interval));
}

static void send_all(void) {
    int64_t wait_ms = 0;

    for (int i = 0; i < 50 && wait_ms == 0; i++)
        expect_ok(ctx, notification_mails_run(ctx, &wait_ms));
}

static const char *folder(void) { return ctx->env->config->mail + strlen("folder:"); }

/* The files of mails about what happens, newest last; read and removed. */
static size_t letters(char **ret, size_t room) {
    DIR *d = opendir(folder());
    size_t n = 0;

    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        const char *path = arena_printf(ctx->arena, "%s/%s", folder(), e->d_name);
        FILE *f;

        if (strncmp(e->d_name, "notify-", 7) != 0)
            continue;
        ck_assert_uint_lt(n, room);
        f = fopen(path, "re");
        ret[n] = arena_zalloc(ctx->arena, 65536);
        ck_assert_uint_gt(fread(ret[n++], 1, 65535, f), 0);
        fclose(f);
        unlink(path);
    }
    if (d != NULL)
        closedir(d);
    return n;
}

/* Quoted-printable undone, roughly: soft line ends go. */
static const char *unfold(char *mail) {
    char *to = mail;

    for (const char *p = mail; *p != '\0';) {
        if (strncmp(p, "=\r\n", 3) == 0)
            p += 3;
        else
            *to++ = *p++;
    }
    *to = '\0';
    return mail;
}

static const char *one_letter(void) {
    char *all[4];

    ck_assert_uint_eq(letters(all, 4), 1);
    return unfold(all[0]);
}

static void no_letter(void) {
    char *all[4];

    ck_assert_uint_eq(letters(all, 4), 0);
}

static void has(const char *mail, const char *part) {
    ck_assert_msg(strstr(mail, part) != NULL, "no %s in\n%s", part, mail);
}

/* ---- mails */

START_TEST(a_mention_is_mailed) {
    const char *mail;

    mention();
    fixture_events(ctx);
    expect_rows("channel = 'email' AND state = 0", 1);
    send_all();
    mail = one_letter();
    has(mail, arena_printf(ctx->arena, "To: <%s@example.org>", ben_handle));
    has(mail, arena_printf(ctx->arena, "Subject: %s mentioned you", ann_handle));
    has(mail, "List-Unsubscribe: <http");
    has(mail, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    has(mail, "multipart/alternative");
    has(mail, "/settings/notifications");
    has(mail, arena_printf(ctx->arena, "Look, @%s: tea!", ben_handle));
    expect_rows("channel = 'email' AND state = 2", 1);
    send_all();
    no_letter();
}
END_TEST

/* Redelivered from the very beginning: nothing is made, and nothing goes out, twice. */
START_TEST(events_that_come_again) {
    mention();
    fixture_events(ctx);
    send_all();
    one_letter();
    for (int i = 0; i < 2; i++) {
        as_admin(
            "UPDATE events.consumer SET xid = '0', id = 0 WHERE name IN ('deliver', 'notify', 'webhooks')");
        fixture_events(ctx);
        pass("2 hours");
        send_all();
        no_letter();
    }
    expect_rows("channel = 'email'", 1);
}
END_TEST

START_TEST(what_was_read_is_not_mailed) {
    Pb__SetReadPositionRequest read = PB__SET_READ_POSITION_REQUEST__INIT;

    mention();
    fixture_events(ctx);
    fixture_as(ctx, ben);
    read.user_id = ben;
    read.last_read_id = number(arena_printf(
        ctx->arena, "SELECT max(id) FROM notifications.notifications WHERE user_id = %lld", (long long)ben));
    expect_ok(ctx, notification_set_read_position(ctx, &read, NULL));
    fixture_as(ctx, 0);
    send_all();
    no_letter();
    expect_rows("channel = 'email' AND state = 3", 1);
}
END_TEST

/* Between the making and the sending; in each case the mail stays away. */
START_TEST(silenced_meanwhile) {
    Pb__SetStateRequest suspend = PB__SET_STATE_REQUEST__INIT;

    mention();
    fixture_events(ctx);
    expect_rows("channel = 'email' AND state = 0", 1);
    if (_i == 0)
        edge(connection_mute, ben, ann);
    if (_i == 1)
        edge(connection_block, ben, ann);
    if (_i == 2)
        edge(connection_block, ann, ben);
    if (_i == 3 || _i == 4) {
        suspend.user_id = _i == 3 ? ann : ben;
        suspend.action = "suspend";
        expect_ok(ctx, user_set_state(ctx, &suspend, NULL));
    }
    send_all();
    no_letter();
    expect_rows("channel = 'email' AND state = 3", 1);
}
END_TEST

/* The first of a burst soon, what follows together when the window is over. */
START_TEST(a_burst_is_two_mails) {
    const char *mail;

    mention();
    fixture_events(ctx);
    send_all();
    one_letter();
    for (int i = 0; i < 3; i++)
        mention();
    fixture_events(ctx);
    send_all();
    no_letter();
    pass("20 minutes");
    send_all();
    no_letter();
    pass("11 minutes");
    send_all();
    mail = one_letter();
    has(mail, "Subject: 3 new things at DeepLink");
    expect_rows("channel = 'email' AND state = 2", 4);
}
END_TEST

START_TEST(caps_hold) {
    char *all[8];
    size_t n = 0;

    as_admin(arena_printf(
        ctx->arena,
        "INSERT INTO notifications.preferences (user_id, version, quiet, quiet_from, quiet_to, zone, "
        "hour_cap, day_cap, digest_hour) VALUES (%lld, 2, false, 0, 0, 'UTC', 1, 2, 8)",
        (long long)ben));
    for (int i = 0; i < 10; i++) { /* one every 31 minutes, for five hours */
        mention();
        fixture_events(ctx);
        send_all();
        n += letters(all, 8);
        pass("31 minutes");
    }
    ck_assert_uint_eq(n, 2); /* the day's cap; the hour's put the second one off */
    expect_rows("channel = 'email' AND state = 0", 7);
    pass("25 hours");
    send_all();
    ck_assert_uint_eq(letters(all, 8), 1); /* what waited goes as one */
    expect_rows("channel = 'email' AND state = 0", 0);
}
END_TEST

/* Quiet now, and for another hour. */
START_TEST(quiet_hours_hold) {
    struct civil now = clock_civil(clock_now_ms());
    int minute = now.hour * 60 + now.minute;

    as_admin(arena_printf(
        ctx->arena,
        "INSERT INTO notifications.preferences (user_id, version, quiet, quiet_from, quiet_to, zone, "
        "hour_cap, day_cap, digest_hour) VALUES (%lld, 2, true, %d, %d, 'UTC', 9, 9, 8)",
        (long long)ben, (minute + 1435) % 1440, (minute + 60) % 1440));
    mention();
    fixture_events(ctx);
    send_all();
    no_letter();
    as_admin("UPDATE notifications.outgoing SET due_at = now() WHERE state = 0"); /* too early, for whatever
                                                                                     reason */
    send_all();
    no_letter();
    expect_rows("channel = 'email' AND state = 0 AND due_at > now() + interval '50 minutes'", 1);
    as_admin(arena_printf(ctx->arena,
                          "UPDATE notifications.preferences SET quiet = false WHERE user_id = %lld",
                          (long long)ben));
    pass("2 hours");
    send_all();
    one_letter();
}
END_TEST

START_TEST(a_day_in_one_mail) {
    const char *mail;
    int64_t tea, cake, cle;

    choose("like", false, true);
    cle = fixture_member(ctx, fixture_handle(ctx, "cle"));
    tea = post(ben, "Tea", PUBLIC, 0);
    cake = post(ben, "Cake", PUBLIC, 0);
    like(ann, tea);
    like(cle, tea);
    like(ann, cake);
    fixture_events(ctx);
    expect_rows("channel = 'digest' AND state = 0 AND due_at > now()", 3);
    send_all();
    no_letter();
    pass("1 day");
    send_all();
    mail = one_letter();
    has(mail, "Subject: Your day at DeepLink");
    has(mail, "and one other like your post");
    has(mail, "Tea");
    expect_rows("channel = 'digest' AND state = 2", 3);
}
END_TEST

START_TEST(ways_are_chosen) {
    mention();
    fixture_events(ctx);
    choose("mention", false, false); /* changed while it waits */
    send_all();
    no_letter();
    expect_rows("channel = 'email' AND state = 3", 1);
    mention();
    fixture_events(ctx);
    expect_rows("channel = 'email'", 1);
}
END_TEST

START_TEST(unsubscribed_by_a_token) {
    Pb__UnsubscribeToken ask = PB__UNSUBSCRIBE_TOKEN__INIT;
    const Pb__Unsubscription *what;
    char *token = arena_strdup(ctx->arena, notification_unsubscribe_token(ctx, ben, "email"));

    ask.token = token;
    expect_ok(ctx, notification_get_unsubscription(ctx, &ask, &what));
    ck_assert_int_eq(what->user_id, ben);
    for (int i = 0; i < 2; i++) /* again is the same */
        expect_ok(ctx, notification_unsubscribe(ctx, &ask, NULL));
    mention();
    fixture_events(ctx);
    expect_rows("channel = 'email'", 0);
    token[10] = token[10] == 'A' ? 'B' : 'A';
    expect_code(ctx, notification_unsubscribe(ctx, &ask, NULL), NOT_FOUND);
    ask.token = "";
    expect_code(ctx, notification_unsubscribe(ctx, &ask, NULL), NOT_FOUND);
}
END_TEST

/* ---- what dies on the way */

/* Somewhere else, killed at a point: 0 with the lease, 1 right before handing over, 2 right behind it. */
static bool die_before(void *arg) {
    (void)arg;
    raise(SIGKILL);
    return false;
}

static bool die_behind(void *errand) {
    notification_errand_hand(errand);
    raise(SIGKILL);
    return false;
}

static void die_at(int point) {
    struct errand e = {.lease = id_next(), .mail_id = id_next()};
    struct outgoing *rows_taken;
    struct mail_message m = {.to = "x@example.org", .subject = "x", .text = "x", .id = "notify-dead"};

    ctx = e.ctx = fixture_ctx();
    expect_ok(ctx, notification_store_take_mail(ctx, e.lease, &rows_taken, &e.n));
    if (point == 0 || e.n == 0)
        raise(SIGKILL);
    e.rows = rows_taken;
    e.ids = &rows_taken[0].notification_id;
    e.n_ids = 1;
    m.before = point == 1 ? die_before : die_behind;
    m.arg = &e;
    mail_send(ctx, ctx->env->mail, &m);
    _exit(3);
}

START_TEST(killed_on_the_way) {
    int status;
    pid_t child;

    mention();
    fixture_events(ctx);
    child = fork();
    if (child == 0)
        die_at(_i);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ctx = fixture_ctx();
    send_all();
    no_letter(); /* it is leased */
    pass("10 minutes");
    send_all();
    if (_i < 2) { /* the other side had not got it: it goes out now, once */
        one_letter();
        expect_rows("channel = 'email' AND state = 2 AND why = ''", 1);
        send_all();
        no_letter();
        return;
    }
    no_letter(); /* nobody knows: never twice */
    expect_rows("channel = 'email' AND state = 1", 1);
    pass("10 minutes");
    int64_t wait_ms;
    expect_ok(ctx, notification_tidy_run(ctx, &wait_ms));
    expect_rows("channel = 'email' AND state = 2 AND why = 'unknown'", 1);
}
END_TEST

/* A folder that can't be written to is a server that is down. */
START_TEST(a_mail_server_that_is_down) {
    struct mail *good = ctx->env->mail;

    mention();
    fixture_events(ctx);
    ctx->env->mail = mail_open("smtp://127.0.0.1:9", "x <x@example.org>", 300);
    send_all();
    expect_rows("channel = 'email' AND state = 0 AND attempts = 1 AND due_at > now() + interval '50 seconds'",
                1);
    pass("2 minutes");
    send_all();
    expect_rows(
        "channel = 'email' AND state = 0 AND attempts = 2 AND due_at > now() + interval '110 seconds'", 1);
    mail_close(ctx->env->mail);
    ctx->env->mail = good;
    pass("5 minutes");
    send_all();
    one_letter();
    mention();
    fixture_events(ctx);
    ctx->env->mail = mail_open("smtp://127.0.0.1:9", "x <x@example.org>", 300);
    pass("1 hour");
    send_all();
    pass("25 hours");
    send_all();
    expect_rows("channel = 'email' AND state = 3", 1); /* given up after a day */
    mail_close(ctx->env->mail);
    ctx->env->mail = good;
}
END_TEST

/* ---- preferences */

START_TEST(preferences_have_versions) {
    Pb__PutPreferencesRequest req = PB__PUT_PREFERENCES_REQUEST__INIT;
    Pb__PreferencesRequest ask = PB__PREFERENCES_REQUEST__INIT;
    const Pb__Preferences *now;
    Pb__Preferences p;

    fixture_as(ctx, ben);
    ask.user_id = ben;
    expect_ok(ctx, notification_get_preferences(ctx, &ask, &now));
    ck_assert_int_eq(now->version, 1);
    p = *now;
    p.zone = "Europe/Berlin";
    req.preferences = &p;
    req.if_version = 1;
    expect_ok(ctx, notification_put_preferences(ctx, &req, &now));
    ck_assert_int_eq(now->version, 2);
    ck_assert_str_eq(now->zone, "Europe/Berlin");
    expect_code(ctx, notification_put_preferences(ctx, &req, NULL), PRECONDITION);
    req.if_version = 2;
    p.zone = "Europe/Nowhere";
    p.hour_cap = 0;
    p.quiet_from = 1440;
    ck_assert_int_eq(notification_put_preferences(ctx, &req, NULL), INVALID);
    ck_assert_str_eq(ctx->error.fields->field, "quiet_from");
    ck_assert_str_eq(ctx->error.fields->next->field, "hour_cap");
    ck_assert_str_eq(ctx->error.fields->next->next->field, "time_zone");
    fail_clear(ctx);
    ask.user_id = ann; /* somebody else's */
    expect_code(ctx, notification_get_preferences(ctx, &ask, NULL), DENIED);
}
END_TEST

START_TEST(hidden_kinds_do_not_count) {
    Pb__PutPreferencesRequest req = PB__PUT_PREFERENCES_REQUEST__INIT;
    Pb__KindPreferences one = PB__KIND_PREFERENCES__INIT, *ones[] = {&one};
    Pb__PreferencesRequest ask = PB__PREFERENCES_REQUEST__INIT;
    Pb__UnreadRequest unread = PB__UNREAD_REQUEST__INIT;
    const Pb__Preferences *now;
    const Pb__UnreadCounts *counts;
    Pb__Preferences p;

    fixture_as(ctx, ben);
    ask.user_id = unread.user_id = ben;
    expect_ok(ctx, notification_get_preferences(ctx, &ask, &now));
    p = *now;
    one.kind = "mention"; /* by mail alone */
    one.email = true;
    p.kinds = ones;
    p.n_kinds = 1;
    req.preferences = &p;
    expect_ok(ctx, notification_put_preferences(ctx, &req, NULL));
    mention();
    fixture_events(ctx);
    fixture_as(ctx, ben);
    expect_ok(ctx, notification_get_unread(ctx, &unread, &counts));
    ck_assert_int_eq(counts->notifications, 0);
    fixture_as(ctx, 0);
    send_all();
    one_letter();
}
END_TEST

/* ---- webhooks: their queue; what goes over the wire is looked at in tests/http */

static int64_t admin_member(void) {
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;
    Pb__CreateUserRequest one = PB__CREATE_USER_REQUEST__INIT, *ones[] = {&one};
    const Pb__CreateUsersReply *reply;

    one.handle = fixture_handle(ctx, "boss");
    one.email = arena_printf(ctx->arena, "%s@example.org", one.handle);
    one.role = "admin";
    req.users = ones;
    req.n_users = 1;
    expect_ok(ctx, user_create_users(ctx, &req, &reply));
    return reply->ids[0];
}

START_TEST(webhooks_are_queued_once) {
    int64_t admin = admin_member();
    Pb__ChangeWebhookRequest make = PB__CHANGE_WEBHOOK_REQUEST__INIT;
    const char *events[] = {"post.created"};
    const Pb__Webhook *hook;

    make.actor_id = ann;
    make.url = "https://example.org/hook";
    make.events = events;
    make.n_events = 1;
    fixture_as(ctx, ann);
    expect_code(ctx, notification_create_webhook(ctx, &make, NULL), DENIED);
    fixture_as(ctx, admin);
    make.actor_id = admin;
    make.url = "http://example.org/hook";
    make.events = events;
    expect_code(ctx, notification_create_webhook(ctx, &make, NULL), INVALID);
    make.url = "https://example.org/hook";
    expect_ok(ctx, notification_create_webhook(ctx, &make, &hook));
    ck_assert_int_eq(strncmp(hook->secret, "whsec_", 6), 0);
    post(ann, "Hear, hear", PUBLIC, 0);
    for (int i = 0; i < 2; i++) {
        fixture_events(ctx);
        ck_assert_int_eq(number(arena_printf(
                             ctx->arena, "SELECT count(*) FROM notifications.hook_calls WHERE hook_id = %lld",
                             (long long)hook->id)),
                         1);
        as_admin("UPDATE events.consumer SET xid = '0', id = 0 WHERE name = 'webhooks'");
    }
    ck_assert_int_ge(number("SELECT count(*) FROM docs.audit WHERE doc->>'kind' = 'webhook.made'"), 1);
}
END_TEST

static int64_t hook_of(int64_t admin, const char *url, const char *const *events, size_t n) {
    Pb__ChangeWebhookRequest make = PB__CHANGE_WEBHOOK_REQUEST__INIT;
    const Pb__Webhook *hook;

    make.actor_id = admin;
    make.url = url;
    make.events = (const char **)(uintptr_t)events;
    make.n_events = n;
    fixture_as(ctx, admin);
    expect_ok(ctx, notification_create_webhook(ctx, &make, &hook));
    fixture_as(ctx, 0);
    return hook->id;
}

/* What a hook is called for, in the order of events: types, and the posts that the bodies name. */
static const char *calls_of(int64_t hook) {
    return as_admin(arena_printf(
        ctx->arena,
        "SELECT coalesce(string_agg(event || ' ' || (body::jsonb->'data'->>'post_id'), ', ' ORDER BY event_id), '') "
        "FROM notifications.hook_calls WHERE hook_id = %lld",
        (long long)hook));
}

/* Events that come in one batch, to hooks that want different ones of them, made in between. */
START_TEST(each_webhook_hears_what_it_wants) {
    const char *both[] = {"post.created", "post.deleted"};
    int64_t admin = admin_member(), one, two, early, first, second;

    early = post(ann, "Nobody hears yet", PUBLIC, 0);
    as_admin("SELECT pg_sleep(0.01)"); /* times of events and hooks are told apart by the millisecond */
    one = hook_of(admin, "https://example.org/both", both, 2);
    first = post(ann, "One", PUBLIC, 0);
    as_admin(
        "UPDATE notifications.hooks SET created_at = (SELECT date_trunc('milliseconds', created_at) "
        "+ interval '900 microseconds' FROM events.outbox ORDER BY id DESC LIMIT 1)"); /* hears it, too */
    as_admin("SELECT pg_sleep(0.01)");
    two = hook_of(admin, "https://example.org/deleted", both + 1, 1);
    second = post(ann, "Two", PUBLIC, 0);
    del(ann, early);
    del(ann, second);
    fixture_events(ctx);
    ck_assert_str_eq(calls_of(one),
                     arena_printf(ctx->arena,
                                  "post.created %lld, post.created %lld, post.deleted %lld, "
                                  "post.deleted %lld",
                                  (long long)first, (long long)second, (long long)early, (long long)second));
    ck_assert_str_eq(calls_of(two), arena_printf(ctx->arena, "post.deleted %lld, post.deleted %lld",
                                                 (long long)early, (long long)second));
}
END_TEST

int main(void) {
    Suite *s = suite_create("deliver");
    TCase *t = tcase_create("deliver");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up_deliver, NULL);
    tcase_add_test(t, a_mention_is_mailed);
    tcase_add_test(t, events_that_come_again);
    tcase_add_test(t, what_was_read_is_not_mailed);
    tcase_add_loop_test(t, silenced_meanwhile, 0, 5);
    tcase_add_test(t, a_burst_is_two_mails);
    tcase_add_test(t, caps_hold);
    tcase_add_test(t, quiet_hours_hold);
    tcase_add_test(t, a_day_in_one_mail);
    tcase_add_test(t, ways_are_chosen);
    tcase_add_test(t, unsubscribed_by_a_token);
    tcase_add_loop_test(t, killed_on_the_way, 0, 3);
    tcase_add_test(t, a_mail_server_that_is_down);
    tcase_add_test(t, preferences_have_versions);
    tcase_add_test(t, hidden_kinds_do_not_count);
    tcase_add_test(t, webhooks_are_queued_once);
    tcase_add_test(t, each_webhook_hears_what_it_wants);
    suite_add_tcase(s, t);
    return fixture_main(s);
}
