/* Deleting one's account: who may, that nobody sees the member from then on, that coming back brings all of
 * it back, and that after the days of grace nothing is left in any service, also when the worker is killed on
 * the way. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/env.h"
#include "gen/stubs.h"
#include "handlers/user/service.h"
#include "tests/service/fixture_post.h"
#include "tests/service/servers.h"

#define PASSWORD "correct horse battery"
#define MANY 220

struct ctx *ctx;
static int64_t lea; /* she leaves */
static const char *lea_handle;

static void set_up_leave(void) {
    set_up();
    fixture_flush_redis(ctx);
    lea_handle = fixture_handle(ctx, "lea");
    lea = fixture_member(ctx, lea_handle);
}

/* ---- Short ways */

static long long count(const char *from_where) {
    return strtoll(as_admin(arena_printf(ctx->arena, "SELECT count(*) FROM %s", from_where)), NULL, 10);
}

/* A text with %ID in it. */
static const char *with_id(const char *from_where, int64_t id) {
    static char text[1024];
    char number[24];

    text[0] = '\0';
    snprintf(number, sizeof number, "%lld", (long long)id);
    for (const char *p = from_where; *p != '\0';) {
        bool is_id = strncmp(p, "%ID", 3) == 0;

        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s", is_id ? (int)strlen(number) : 1,
                 is_id ? number : p);
        p += is_id ? 3 : 1;
    }
    return text;
}

static long long count_of(const char *from_where, int64_t id) { return count(with_id(from_where, id)); }

static enum code leave(int64_t actor, int64_t who, const char *password, bool now) {
    Pb__RequestDeletionRequest req = PB__REQUEST_DELETION_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.user_id = who;
    req.password = password;
    req.now = now;
    return user_request_deletion(ctx, &req, NULL);
}

static const Pb__LogInReply *log_in(void) {
    Pb__LogInRequest req = PB__LOG_IN_REQUEST__INIT;
    const Pb__LogInReply *reply;

    fixture_as(ctx, 0);
    req.login = lea_handle;
    req.password = PASSWORD;
    expect_ok(ctx, user_log_in(ctx, &req, &reply));
    return reply;
}

static enum code verify(const char *token) {
    Pb__VerifySessionRequest req = PB__VERIFY_SESSION_REQUEST__INIT;

    fixture_as(ctx, 0);
    req.token = token;
    return user_verify_session(ctx, &req, NULL);
}

static enum code restore(const char *token) {
    Pb__TokenRequest req = PB__TOKEN_REQUEST__INIT;

    fixture_as(ctx, 0);
    req.token = token;
    return user_cancel_deletion(ctx, &req, NULL);
}

static const Pb__NetworkCounts *network(int64_t id) {
    Pb__GetCountsRequest req = PB__GET_COUNTS_REQUEST__INIT;
    const Pb__GetCountsReply *reply;

    req.user_ids = &id;
    req.n_user_ids = 1;
    expect_ok(ctx, connection_get_counts(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_counts, 1);
    return reply->counts[0];
}

/* The days of grace are over. */
static void let_days_pass(void) {
    Pb__Empty nothing = PB__EMPTY__INIT;

    as_admin(arena_printf(ctx->arena,
                          "UPDATE users.accounts SET erase_at = now() - interval '1 s' WHERE id = %lld",
                          (long long)lea));
    fixture_as(ctx, 0);
    expect_ok(ctx, user_erase_due(ctx, &nothing, NULL));
}

/* ---- Tests */

START_TEST(who_may) {
    int64_t other = fixture_member(ctx, fixture_handle(ctx, "other"));
    Pb__SetRoleRequest role = PB__SET_ROLE_REQUEST__INIT;

    ck_assert_int_eq(leave(lea, lea, "not my password", false), INVALID);
    ck_assert_str_eq(ctx->error.fields->field, "password");
    expect_code(ctx, leave(lea, ben, PASSWORD, false), DENIED);
    expect_code(ctx, leave(lea, lea, PASSWORD, true), DENIED);
    fixture_as(ctx, 0);
    role.user_id = lea;
    role.role = "admin";
    expect_ok(ctx, user_set_role(ctx, &role, NULL));
    expect_code(ctx, leave(lea, lea, PASSWORD, false), PRECONDITION); /* the only one */
    expect_code(ctx, leave(0, lea, "", true), PRECONDITION);
    role.user_id = other;
    expect_ok(ctx, user_set_role(ctx, &role, NULL));
    expect_ok(ctx, leave(lea, lea, PASSWORD, false));
    expect_code(ctx, leave(0, lea, "", false), PRECONDITION); /* already */
    expect_code(ctx, leave(0, other, "", false), PRECONDITION);
}
END_TEST

START_TEST(gone_at_once_and_back) {
    const Pb__LogInReply *session = log_in(), *again;
    int64_t id = post(lea, "my words", PUBLIC, 0), comment = post(ben, "yours", PUBLIC, id);
    Pb__GetProfileRequest profile = PB__GET_PROFILE_REQUEST__INIT;
    const Pb__Profile *found;
    const char *token;

    edge(connection_follow, ben, lea);
    expect_ok(ctx, verify(session->token));
    expect_ok(ctx, leave(lea, lea, PASSWORD, false));
    expect_code(ctx, verify(session->token), UNAUTHENTICATED);
    ck_assert_ptr_null(see(ben, id));
    ck_assert_ptr_null(see(0, id));
    ck_assert_ptr_nonnull(see(0, comment));
    profile.handle = lea_handle;
    expect_ok(ctx, user_get_profile(ctx, &profile, &found));
    ck_assert_int_eq(found->card->state, PB__ACCOUNT_STATE__STATE_DELETED);
    fixture_events(ctx);
    ck_assert_ptr_null(see(0, id));
    again = log_in();
    ck_assert_str_eq(again->token, "");
    ck_assert_int_gt(again->erase_ms, clock_now_ms() + 13LL * 86400000);
    expect_code(ctx, restore("no such question"), PRECONDITION);
    token = again->restore_token;
    expect_ok(ctx, restore(token));
    expect_code(ctx, restore(token), PRECONDITION); /* once */
    ck_assert_ptr_nonnull(see(0, id));
    session = log_in();
    expect_ok(ctx, verify(session->token));
    ck_assert_int_eq(network(lea)->followers, 1);
    let_days_pass(); /* that she asked for once does no harm */
    fixture_events(ctx);
    ck_assert_ptr_nonnull(see(0, id));
}
END_TEST

/* A full life, so that there is something to be erased everywhere. */
struct life {
    int64_t own, bens, comment_on_own, comment_by_her;
};

/* Preferences, a browser to push to, and mails that wait both ways. */
static void like_to_be_told(void) {
    static const char *const rows[] = {
        "INSERT INTO notifications.preferences (user_id, version, quiet, quiet_from, quiet_to, zone, hour_cap, day_cap, "
        "digest_hour) VALUES (%ID, 2, false, 0, 0, 'UTC', 1, 2, 8)",
        "INSERT INTO notifications.pushes (id, user_id, token_id, endpoint, p256dh, auth, standard, alerts, policy) "
        "VALUES (%ID, %ID, %ID, 'https://example.org', '', '', true, '{}', 'all')",
        "INSERT INTO notifications.mails (id, user_id, channel, at) VALUES (%ID, %ID, 'email', now())",
        "INSERT INTO notifications.outgoing (notification_id, channel, user_id, kind, actor_id, due_at, created_at) "
        "VALUES (1, 'email', %ID, 'like', 1, now(), now()), (2, 'email', 1, 'like', %ID, now(), now())",
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        as_admin(with_id(rows[i], lea));
}

/* A list of hers, one that she is on, a note of hers and whom she does not want suggested. */
static void keep_lists(int64_t other) {
    as_admin(arena_printf(
        ctx->arena,
        "INSERT INTO connections.lists VALUES (%lld, %lld, 'Some', 1, false), (%lld, %lld, 'Some', 1, "
        "true)",
        (long long)lea, (long long)lea, (long long)ben, (long long)ben));
    as_admin(arena_printf(
        ctx->arena,
        "INSERT INTO connections.list_members VALUES (%lld, %lld, %lld, 1), (%lld, %lld, %lld, 2)",
        (long long)lea, (long long)lea, (long long)ben, (long long)ben, (long long)ben, (long long)lea));
    as_admin(arena_printf(ctx->arena, "INSERT INTO connections.notes VALUES (%lld, %lld, 'Who?')",
                          (long long)lea, (long long)other));
    as_admin(arena_printf(ctx->arena, "INSERT INTO connections.dismissed VALUES (%lld, %lld)", (long long)lea,
                          (long long)other));
}

static struct life live(void) {
    struct life l;
    Pb__CreateInviteRequest invite = PB__CREATE_INVITE_REQUEST__INIT;

    l.own = post(lea, "mine #leaving", PUBLIC, 0);
    l.bens = post(ben, "what ben says", PUBLIC, 0);
    l.comment_on_own = post(ben, "to lea", PUBLIC, l.own);
    l.comment_by_her = post(lea, "to ben", PUBLIC, l.bens);
    react(lea, l.bens, "like", true);
    react(lea, l.bens, "repost", true);
    react(lea, l.bens, "bookmark", true);
    react(ben, l.own, "like", true);
    react(ben, l.own, "repost", true);
    edge(connection_follow, lea, ben);
    edge(connection_follow, ben, lea);
    keep_lists(eve);
    edge(connection_block, lea, eve);
    edge(connection_mute, ben, lea);
    invite.max_uses = invite.days = 5;
    invite.actor_id = 0;
    expect_ok(ctx, user_create_invite(ctx, &invite, NULL));
    as_admin(
        arena_printf(ctx->arena, "UPDATE users.invites SET by_id = %lld WHERE by_id = 0", (long long)lea));
    log_in();
    fixture_events(ctx);
    like_to_be_told();
    return l;
}

static void expect_nothing_left(void) {
    static const char *const places[] = {
        "posts.posts WHERE author_id = %ID AND (deleted_at IS NULL OR source || html || excerpt <> '')",
        "posts.likes WHERE user_id = %ID",
        "posts.bookmarks WHERE user_id = %ID",
        "posts.authors WHERE user_id = %ID",
        "posts.tags WHERE author_id = %ID",
        "connections.follows WHERE follower_id = %ID OR followee_id = %ID",
        "connections.requests WHERE requester_id = %ID OR target_id = %ID",
        "connections.blocks WHERE blocker_id = %ID OR blocked_id = %ID",
        "connections.mutes WHERE muter_id = %ID OR muted_id = %ID",
        "connections.counts WHERE user_id = %ID",
        "connections.lists WHERE owner_id = %ID",
        "connections.list_members WHERE owner_id = %ID OR member_id = %ID",
        "connections.notes WHERE user_id = %ID",
        "connections.dismissed WHERE user_id = %ID",
        "users.accounts WHERE id = %ID AND (email IS NOT NULL OR password_hash IS NOT NULL OR name || headline || "
        "bio || reason <> '' OR words <> '' OR role <> 'member')",
        "users.tokens WHERE user_id = %ID",
        "users.devices WHERE user_id = %ID",
        "users.mails WHERE user_id = %ID",
        "users.invites WHERE by_id = %ID",
        "docs.activity WHERE p = %ID",
        "notifications.preferences WHERE user_id = %ID",
        "notifications.pushes WHERE user_id = %ID",
        "notifications.outgoing WHERE user_id = %ID OR actor_id = %ID",
        "notifications.mails WHERE user_id = %ID",
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        ck_assert_msg(count_of(places[i], lea) == 0, "something is left: %s", places[i]);
    ck_assert_int_eq(count_of("users.erasures WHERE user_id = %ID AND done_at IS NOT NULL", lea), 1);
}

static void expect_proof(void) {
    struct audit_page page;
    const struct audit_item *proof = NULL;

    fixture_as(ctx, 0);
    expect_ok(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 100, &page));
    for (size_t i = 0; i < page.n && proof == NULL; i++)
        if (strcmp(page.items[i].kind, "account.erased") == 0)
            proof = &page.items[i];
    ck_assert_ptr_nonnull(proof);
    ck_assert_int_eq(proof->actor_id, 0);
    ck_assert_int_eq(proof->target_id, 0);
    ck_assert_str_eq(proof->ip, "");
    ck_assert_str_eq(proof->device, "");
    ck_assert_str_eq(strchr(proof->detail, ':'), ": connection media notification post user");
}

START_TEST(nothing_is_left) {
    struct life l = live();
    Pb__SignUpRequest again = PB__SIGN_UP_REQUEST__INIT;
    int64_t n, seq;

    ck_assert_int_eq(see(ben, l.bens)->post->likes, 1);
    expect_ok(ctx, leave(lea, lea, PASSWORD, false));
    fixture_events(ctx);
    let_days_pass();
    fixture_events(ctx);
    expect_nothing_left();
    expect_proof();
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
    /* others' things stay, with the right numbers */
    ck_assert_int_eq(see(ben, l.bens)->post->likes, 0);
    ck_assert_int_eq(see(ben, l.bens)->post->reposts, 0);
    ck_assert_int_eq(see(ben, l.bens)->post->comments, 0);
    fixture_flush_redis(ctx);
    ck_assert_int_eq(see(ben, l.bens)->post->likes, 0);
    ck_assert_int_eq(see(ben, l.bens)->post->reposts, 0);
    ck_assert_int_eq(see(ben, l.bens)->post->comments, 0);
    ck_assert_ptr_nonnull(see(ben, l.comment_on_own));
    ck_assert_ptr_null(see(ben, l.own));
    ck_assert_int_eq(network(ben)->followers, 0);
    ck_assert_int_eq(network(ben)->following, 0);
    /* the handle is nobody else's, and nobody logs in by it */
    again.handle = lea_handle;
    again.email = "other@example.org";
    again.password = PASSWORD;
    again.agreement = true;
    ck_assert_int_eq(user_sign_up(ctx, &again, NULL), INVALID);
    ck_assert_str_eq(ctx->error.fields->field, "handle");
    fail_clear(ctx);
    /* told twice changes nothing */
    as_admin(
        arena_printf(ctx->arena, "SELECT events.emit('erase.v1', %lld, 'user.erasing', '')", (long long)lea));
    fixture_events(ctx);
    expect_nothing_left();
}
END_TEST

START_TEST(the_operator_deletes_now) {
    live();
    expect_ok(ctx, leave(0, lea, "", true));
    fixture_events(ctx);
    expect_nothing_left();
}
END_TEST

START_TEST(only_who_left_is_erased) {
    Pb__EraseAuthorRequest author = PB__ERASE_AUTHOR_REQUEST__INIT;
    Pb__EraseEdgesRequest edges = PB__ERASE_EDGES_REQUEST__INIT;
    int64_t id = post(lea, "stays", PUBLIC, 0);

    author.user_id = edges.user_id = lea;
    fixture_as(ctx, 0);
    expect_code(ctx, post_erase_author(ctx, &author, NULL), PRECONDITION);
    expect_code(ctx, connection_erase_edges(ctx, &edges, NULL), PRECONDITION);
    fixture_as(ctx, lea);
    expect_code(ctx, post_erase_author(ctx, &author, NULL), DENIED);
    ck_assert_ptr_nonnull(see(0, id));
}
END_TEST

/* Many posts, likes and followers; the worker is killed as soon as it has begun, three times. */
START_TEST(killed_on_the_way) {
    int64_t bens = post(ben, "liked", PUBLIC, 0), first = post(lea, "first", PUBLIC, 0);

    for (int i = 0; i < MANY; i++) {
        post(lea, "x", PUBLIC, i % 2 ? first : 0);
        react(lea, post(ben, "y", PUBLIC, 0), "like", true);
        env_settle(ctx->env);
        arena_reset(ctx->arena);
    }
    react(lea, bens, "like", true);
    as_admin(arena_printf(
        ctx->arena,
        "INSERT INTO connections.follows SELECT 1000 + i, %lld, i FROM generate_series(1, 250) AS i",
        (long long)lea));
    as_admin(arena_printf(ctx->arena,
                          "INSERT INTO connections.counts (user_id, following) SELECT 1000 + i, 1 FROM "
                          "generate_series(1, 250) AS i"));
    as_admin(
        arena_printf(ctx->arena,
                     "INSERT INTO connections.counts (user_id, followers) VALUES (%lld, 250) ON CONFLICT "
                     "(user_id) DO UPDATE SET followers = counts.followers + 250",
                     (long long)lea));
    fixture_events(ctx);
    expect_ok(ctx, leave(lea, lea, PASSWORD, false));
    let_days_pass();
    for (int kills = 0; kills < 3; kills++) {
        long long before = count_of("posts.posts WHERE author_id = %ID AND deleted_at IS NULL", lea);
        pid_t pid = fork();
        int status;

        if (pid == 0) {
            fixture_events(fixture_ctx());
            _exit(0);
        }
        while (count_of("posts.posts WHERE author_id = %ID AND deleted_at IS NULL", lea) >= before)
            ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0); /* it is still at it */
        kill(pid, SIGKILL);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_gt(count_of("posts.posts WHERE author_id = %ID AND deleted_at IS NULL", lea), 0);
    }
    fixture_events(ctx);
    expect_nothing_left();
    expect_proof();
    ck_assert_int_eq(
        count("posts.stats s JOIN posts.posts p ON p.id = s.post_id WHERE p.deleted_at IS NULL AND "
              "s.likes <> (SELECT count(*) FROM posts.likes l WHERE l.post_id = s.post_id)"),
        0);
    ck_assert_int_eq(count("connections.counts WHERE user_id BETWEEN 1001 AND 1250 AND following <> 0"), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("leave");
    TCase *t = tcase_create("leave");

    tcase_add_checked_fixture(t, set_up_leave, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, who_may);
    tcase_add_test(t, gone_at_once_and_back);
    tcase_add_test(t, nothing_is_left);
    tcase_add_test(t, the_operator_deletes_now);
    tcase_add_test(t, only_who_left_is_erased);
    tcase_add_test(t, killed_on_the_way);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
