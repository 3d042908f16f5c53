/* Entering: signing up, confirming, logging in, new passwords; what must not be told to strangers, and the
 * throttles. */
#include "tests/service/fixture_user.h"

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/mail.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/user/service.h"
#include "handlers/user/store.h"
#include "handlers/user/worker.h"
#include <dirent.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct ctx *ctx;

/* ---- signing up */

START_TEST(test_sign_up_confirm_log_in) {
    const char *h = fixture_handle(ctx, "ada"), *token;
    const Pb__ConfirmReply *confirmed;
    const Pb__LogInReply *in;

    expect_ok(ctx, sign_up(h));
    ck_assert_int_eq(state_of(id_of(h)), PB__ACCOUNT_STATE__STATE_UNCONFIRMED);
    expect_code(ctx, log_in_with(h, PASSWORD, &in), PRECONDITION); /* told only with the right password … */
    expect_code(ctx, log_in_with(h, "not this one", &in), UNAUTHENTICATED); /* … and not without */
    fixture_events(ctx);
    token = token_to(address(h), "/confirm/");
    expect_ok(ctx, confirm(token, &confirmed));
    ck_assert_str_eq(confirmed->purpose, "signup");
    ck_assert_int_eq(confirmed->state, PB__ACCOUNT_STATE__STATE_ACTIVE);
    ck_assert_int_eq(confirm(token, &confirmed), PRECONDITION);
    ck_assert_int_eq(error_http_status(&ctx->error), 410);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "used"));
    fail_clear(ctx);
    expect_code(ctx, confirm("nonsense", &confirmed), NOT_FOUND);
    in = log_in(address(h));
    ck_assert_str_eq(in->card->handle, h);
    ck_assert_str_eq(in->card->role, "member");
    expect_ok(ctx, verify(in->token));
    ck_assert_str_eq(log_in(arena_printf(ctx->arena, "@%s", h))->card->handle, h);
}
END_TEST

START_TEST(test_links_run_out) {
    const char *h = fixture_handle(ctx, "late"), *token;
    const Pb__ConfirmReply *reply;

    expect_ok(ctx, sign_up(h));
    fixture_events(ctx);
    token = token_to(address(h), "/confirm/");
    sql(arena_printf(ctx->arena, "UPDATE users.tokens SET expires_at = now() WHERE user_id = %" PRId64,
                     id_of(h)));
    ck_assert_int_eq(confirm(token, &reply), PRECONDITION);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "too old"));
    fail_clear(ctx);
    ck_assert_int_eq(state_of(id_of(h)), PB__ACCOUNT_STATE__STATE_UNCONFIRMED);
    ck_assert_str_eq(
        sql(arena_printf(ctx->arena,
                         "SELECT count(*) FROM users.tokens WHERE encode(hash, 'escape') LIKE '%%%s%%'",
                         token)),
        "0");
}
END_TEST

START_TEST(test_sign_up_refuses) {
    Pb__SignUpRequest req = PB__SIGN_UP_REQUEST__INIT;
    const char *h = fixture_handle(ctx, "Grace");

    ck_assert_int_eq(user_sign_up(ctx, &req, NULL), INVALID); /* all that is wrong is said at once */
    ck_assert_ptr_nonnull(ctx->error.fields->next->next->next);
    fail_clear(ctx);
    expect_ok(ctx, sign_up(h));
    expect_refused(sign_up_as(arena_printf(ctx->arena, "g%s", h + 1), address("x1"), "", ""),
                   "handle"); /* whatever its case */
    expect_refused(sign_up_as("Admin", address("x2"), "", ""), "handle");
    expect_refused(sign_up_as("1abc", address("x3"), "", ""), "handle");
    expect_refused(sign_up_as("a234567890123456789012345678901", address("x4"), "", ""), "handle");
    expect_refused(sign_up_as("fine_one", "not an address", "", ""), "email");
    req.handle = "fine_two";
    req.email = "fine_two@example.org";
    req.name = "Fine";
    req.password = PASSWORD;
    expect_refused(user_sign_up(ctx, &req, NULL), "agreement");
    req.agreement = true;
    req.password = "short";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    req.password = "Password123";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    req.password = "FINE_two@example.org";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    req.password = "abcdefghijklmno";
    expect_refused(user_sign_up(ctx, &req, NULL), "password");
    ck_assert_int_eq(id_of("fine_two"), 0);
}
END_TEST

START_TEST(test_registration_modes) {
    const char *h = fixture_handle(ctx, "waits"), *r = fixture_handle(ctx, "refused");
    const Pb__ConfirmReply *confirmed;
    const Pb__LogInReply *in;
    int n;

    registration("closed");
    expect_code(ctx, sign_up(h), PRECONDITION);
    registration("invite");
    expect_code(ctx, sign_up(h), PRECONDITION);
    expect_refused(sign_up_as(h, address(h), "no-such-code", ""), "invite");
    registration("approval");
    expect_refused(sign_up(h), "reason");
    expect_ok(ctx, sign_up_as(h, address(h), "", "I build bridges."));
    expect_ok(ctx, sign_up_as(r, address(r), "", "Buy my pills."));
    expect_code(ctx, set_state(0, id_of(h), "approve", ""), PRECONDITION); /* not confirmed yet */
    fixture_events(ctx);
    expect_ok(ctx, confirm(token_to(address(h), "/confirm/"), &confirmed));
    expect_ok(ctx, confirm(token_to(address(r), "/confirm/"), &confirmed));
    ck_assert_int_eq(confirmed->state, PB__ACCOUNT_STATE__STATE_PENDING);
    expect_code(ctx, log_in_with(h, PASSWORD, &in), PRECONDITION);
    expect_ok(ctx, set_state(0, id_of(h), "approve", ""));
    expect_ok(ctx, set_state(0, id_of(r), "reject", "No advertising here."));
    log_in(h);
    ck_assert_int_eq(id_of(r), 0);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "Welcome", &n));
    ck_assert_ptr_nonnull(mail_to(address(r), "No advertising here.", &n));
    registration("open");
    expect_ok(ctx, sign_up(r)); /* nobody ever saw it: the handle is free again */
}
END_TEST

static const char *race_handle;
static enum code race_sign_up(int i) {
    return sign_up_as(race_handle, arena_printf(ctx->arena, "%s%d@example.org", race_handle, i), "", "");
}

START_TEST(test_two_want_one_handle) {
    race_handle = fixture_handle(ctx, "wanted");
    ck_assert_int_eq(race(4, race_sign_up), 1);
    ck_assert_str_eq(
        sql(arena_printf(ctx->arena, "SELECT count(*) FROM users.accounts WHERE lower(handle) = lower('%s')",
                         race_handle)),
        "1");
}
END_TEST

static const char *race_code;
static enum code race_invite(int i) {
    const char *h = arena_printf(ctx->arena, "%s_%d", race_handle, i);

    return sign_up_as(h, address(h), race_code, "");
}

START_TEST(test_invite_used_once) {
    const Pb__Invite *one = invite(0, 1, 7), *open;

    race_handle = fixture_handle(ctx, "guest");
    race_code = one->code;
    ck_assert_int_eq(race(4, race_invite), 1);
    ck_assert_str_eq(
        sql(arena_printf(ctx->arena, "SELECT uses FROM users.invites WHERE id = %" PRId64, one->id)), "1");
    expect_code(ctx, user_service_invite_open(ctx, one->code, &open), NOT_FOUND);
}
END_TEST

START_TEST(test_invites) {
    int64_t member = fixture_member(ctx, fixture_handle(ctx, "host")),
            moderator = fixture_member(ctx, fixture_handle(ctx, "mod"));
    Pb__CreateInviteRequest make = PB__CREATE_INVITE_REQUEST__INIT;
    Pb__RevokeInviteRequest revoke = PB__REVOKE_INVITE_REQUEST__INIT;
    Pb__InvitesRequest list = PB__INVITES_REQUEST__INIT;
    const Pb__InvitesReply *all;
    const Pb__ConfirmReply *confirmed;
    const Pb__Invite *i, *other;
    const char *h = fixture_handle(ctx, "guest");

    make.actor_id = member;
    make.max_uses = make.days = 1;
    expect_code(ctx, user_create_invite(ctx, &make, NULL), DENIED);
    expect_ok(ctx, set_role(0, moderator, "moderator"));
    make.actor_id = moderator;
    make.days = 9999;
    expect_refused(user_create_invite(ctx, &make, NULL), "days");
    i = invite(moderator, 2, 7);
    other = invite(0, 1, 1);
    registration("approval");
    expect_ok(ctx,
              sign_up_as(h, address(h), i->code, "")); /* who is invited needs neither reason nor approval */
    fixture_events(ctx);
    expect_ok(ctx, confirm(token_to(address(h), "/confirm/"), &confirmed));
    ck_assert_int_eq(confirmed->state, PB__ACCOUNT_STATE__STATE_ACTIVE);
    list.actor_id = moderator;
    expect_ok(ctx, user_list_invites(ctx, &list, &all));
    ck_assert_uint_eq(all->n_invites, 1);
    ck_assert_int_eq(all->invites[0]->uses, 1);
    revoke.actor_id = moderator;
    revoke.id = other->id;
    expect_code(ctx, user_revoke_invite(ctx, &revoke, NULL), NOT_FOUND); /* somebody else's */
    revoke.id = i->id;
    expect_ok(ctx, user_revoke_invite(ctx, &revoke, NULL));
    expect_refused(sign_up_as(fixture_handle(ctx, "late"), address("late"), i->code, ""), "invite");
    sql(arena_printf(ctx->arena, "UPDATE users.invites SET expires_at = now() WHERE id = %" PRId64,
                     other->id));
    expect_refused(sign_up_as(fixture_handle(ctx, "late"), address("late"), other->code, ""), "invite");
}
END_TEST

/* ---- what strangers must not learn */

START_TEST(test_taken_address_looks_free) {
    const char *owner = fixture_handle(ctx, "owner"), *thief = fixture_handle(ctx, "thief");
    int64_t id = fixture_member(ctx, owner);
    const Pb__LogInReply *in;
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;

    expect_ok(ctx, sign_up_as(thief, address(owner), "", ""));         /* same answer as for a free one */
    expect_code(ctx, log_in_with(thief, PASSWORD, &in), PRECONDITION); /* … and afterwards, too */
    expect_refused(sign_up(thief), "handle");
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(owner), "already", NULL));
    ck_assert_ptr_null(
        mail_to(address(owner), "/confirm/", NULL)); /* nothing that would give the thief the address */
    ck_assert_int_eq(log_in(address(owner))->card->id, id);
    ask.email = address("nobody_at_all");
    expect_ok(ctx, user_resend_confirmation(ctx, &ask, NULL));
    expect_ok(ctx, user_request_reset(ctx, &ask, NULL));
    ask.email = address(owner);
    expect_ok(ctx, user_resend_confirmation(ctx, &ask, NULL));
    fixture_events(ctx);
    ck_assert_ptr_null(mail_to(address("nobody_at_all"), "", NULL));
    ck_assert_ptr_null(mail_to(address(owner), "/confirm/", NULL));
}
END_TEST

START_TEST(test_unconfirmed_address_is_nobodys) {
    const char *first = fixture_handle(ctx, "squatter"), *second = fixture_handle(ctx, "rightful"),
               *email = address(second);
    const Pb__ConfirmReply *confirmed;

    expect_ok(ctx, sign_up_as(first, email, "", ""));
    fixture_events(ctx);
    expect_ok(ctx, sign_up_as(second, email, "", ""));
    fixture_events(ctx);
    expect_ok(ctx, confirm(token_to(email, "/confirm/"), &confirmed));
    ck_assert_int_eq(confirmed->id, id_of(second));
    ck_assert_int_eq(id_of(first), 0); /* and its handle is free again */
    expect_ok(ctx, sign_up(first));
}
END_TEST

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Not of the clock: what else the machine does is no difference between members. */
static int64_t cpu_us(void) {
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t median_login(const char *const *names, int n) {
    int64_t us[16];

    for (int i = 0; i < n; i++) {
        const Pb__LogInReply *in;
        int64_t start = cpu_us();

        expect_code(ctx, log_in_with(names[i], "a wrong password", &in), UNAUTHENTICATED);
        us[i] = cpu_us() - start;
    }
    qsort(us, (size_t)n, sizeof *us, by_size);
    return us[n / 2];
}

START_TEST(test_log_in_takes_as_long_for_nobody) {
    const char *known[7], *unknown[7];
    int64_t a, b;

    for (int i = 0; i < 7; i++) {
        known[i] = fixture_handle(ctx, "timed");
        unknown[i] = fixture_handle(ctx, "untimed");
        fixture_member(ctx, known[i]);
    }
    a = median_login(known, 7);
    b = median_login(unknown, 7);
    ck_assert_msg(a < 2 * b && b < 2 * a, "%" PRId64 " µs for members, %" PRId64 " µs for nobody", a, b);
}
END_TEST

START_TEST(test_same_words_for_nobody) {
    const char *h = fixture_handle(ctx, "known"), *text;
    const Pb__LogInReply *in;

    fixture_member(ctx, h);
    ck_assert_int_eq(log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    text = ctx->error.text;
    fail_clear(ctx);
    ck_assert_int_eq(log_in_with("nobody_here", "a wrong password", &in), UNAUTHENTICATED);
    ck_assert_str_eq(ctx->error.text, text);
    fail_clear(ctx);
    expect_code(ctx, log_in_with("\xff\xfe", "x", &in), UNAUTHENTICATED);
    expect_code(ctx, log_in_with("", "", &in), UNAUTHENTICATED);
}
END_TEST

/* ---- throttles */

static void five_wrong(const char *login) {
    const Pb__LogInReply *in;

    for (int i = 0; i < 5; i++) {
        ctx->ip = arena_printf(ctx->arena, "198.51.100.%d", i); /* the name's throttle does not care */
        expect_code(ctx, log_in_with(login, "a wrong password", &in), UNAUTHENTICATED);
    }
}

static void wait_ends(const char *login) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *folded = text_fold(ctx->arena, login);

    crypto_digest(hash, folded, strlen(folded));
    ck_assert_ptr_nonnull(
        redis_do(ctx, ctx->env->redis, "HSET throttle:login:%s open 0", text_hex(ctx->arena, hash, 16)));
}

START_TEST(test_throttle_of_an_account) {
    const char *h = fixture_handle(ctx, "guarded"), *nobody = fixture_handle(ctx, "nobody");
    const Pb__LogInReply *in;

    fixture_member(ctx, h);
    five_wrong(h);
    ck_assert_int_eq(log_in_with(h, PASSWORD, &in), EXHAUSTED); /* the right one waits, too */
    ck_assert_int_eq(error_http_status(&ctx->error), 429);
    ck_assert_int_gt(ctx->error.retry_after, 20);
    ck_assert_int_le(ctx->error.retry_after, 30);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "seconds"));
    fail_clear(ctx);
    /* The address is counted apart: a wait would tell whose it is. */
    expect_code(ctx, log_in_with(address(h), "a wrong password", &in), UNAUTHENTICATED);
    five_wrong(nobody); /* what is nobody's is no different */
    expect_code(ctx, log_in_with(nobody, PASSWORD, &in), EXHAUSTED);
    /* The time is over: one more wrong one, and the wait is twice as long. */
    wait_ends(h);
    expect_code(ctx, log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    ck_assert_int_eq(log_in_with(h, PASSWORD, &in), EXHAUSTED);
    ck_assert_int_gt(ctx->error.retry_after, 50);
    fail_clear(ctx);
    wait_ends(h);
    log_in(h); /* and a right one forgets them all */
    five_wrong(h);
}
END_TEST

START_TEST(test_throttle_of_an_address) {
    const char *h = fixture_handle(ctx, "elsewhere");
    const Pb__LogInReply *in;

    fixture_member(ctx, h);
    for (int i = 0; i < 20; i++) {
        ctx->ip = arena_printf(ctx->arena, "2001:db8::%x", i + 1); /* one network, however many addresses */
        expect_code(ctx, log_in_with(fixture_handle(ctx, "guess"), "a wrong password", &in), UNAUTHENTICATED);
    }
    expect_code(ctx, log_in_with(h, PASSWORD, &in), EXHAUSTED);
    ctx->ip = "192.0.2.77";
    log_in(h);
}
END_TEST

static enum code race_guess(int i) {
    const Pb__LogInReply *in;
    enum code c = OK;

    for (int k = 0; k < 5 && c != EXHAUSTED; k++) {
        ctx->ip = arena_printf(ctx->arena, "198.51.100.%d", 10 * i + k);
        c = log_in_with(race_handle, "a wrong password", &in);
        fail_clear(ctx);
    }
    return c == EXHAUSTED ? OK : UNKNOWN;
}

START_TEST(test_throttle_holds_against_many_at_once) {
    race_handle = fixture_handle(ctx, "besieged");
    fixture_member(ctx, race_handle);
    ck_assert_int_eq(race(4, race_guess), 4); /* twenty guesses; but no more than five were looked at */
    ck_assert_str_eq(
        sql(arena_printf(
            ctx->arena,
            "SELECT count(*) FROM events.outbox WHERE topic = 'user.security.v1' AND key = %" PRId64
            " AND position('login.failed'::bytea in body) > 0",
            id_of(race_handle))),
        "5");
}
END_TEST

/* ---- passwords */

static enum code reset_with(const char *token, const char *password) {
    Pb__ResetRequest req = PB__RESET_REQUEST__INIT;

    req.token = token;
    req.password = password;
    return user_complete_reset(ctx, &req, NULL);
}

static const char *ask_reset(const char *email) {
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;

    ask.email = email;
    expect_ok(ctx, user_request_reset(ctx, &ask, NULL));
    fixture_events(ctx);
    return token_to(email, "/reset/");
}

START_TEST(test_reset) {
    const char *h = fixture_handle(ctx, "forgot"), *older, *token;
    const Pb__LogInReply *in, *before;
    const Pb__ConfirmReply *confirmed;

    fixture_member(ctx, h);
    before = log_in(h);
    older = ask_reset(address(h));
    token = ask_reset(address(h));
    expect_refused(reset_with(token, "short"), "password");  /* and the link still works */
    expect_code(ctx, confirm(token, &confirmed), NOT_FOUND); /* a link opens one door only */
    expect_ok(ctx, reset_with(token, OTHER_PASSWORD));
    ck_assert_int_eq(reset_with(token, PASSWORD), PRECONDITION);
    ck_assert_ptr_nonnull(strstr(ctx->error.text, "used"));
    fail_clear(ctx);
    expect_code(ctx, reset_with(older, PASSWORD), PRECONDITION);
    expect_code(ctx, verify(before->token), UNAUTHENTICATED);
    expect_code(ctx, log_in_with(h, PASSWORD, &in), UNAUTHENTICATED);
    expect_ok(ctx, log_in_with(h, OTHER_PASSWORD, &in));
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "has been changed", NULL));
    expect_ok(ctx,
              verify(in->token)); /* the worker repeats what was done, and ends nothing that came after it */
}
END_TEST

static enum code race_reset(int i) {
    return reset_with(race_code, arena_printf(ctx->arena, "%s %d", OTHER_PASSWORD, i));
}

START_TEST(test_reset_used_twice_at_once) {
    const char *h = fixture_handle(ctx, "twice");

    fixture_member(ctx, h);
    race_code = ask_reset(address(h));
    ck_assert_int_eq(race(4, race_reset), 1);
}
END_TEST

START_TEST(test_reset_mails_are_few) {
    const char *h = fixture_handle(ctx, "bombed");
    Pb__EmailRequest ask = PB__EMAIL_REQUEST__INIT;
    int n;

    fixture_member(ctx, h);
    ask.email = address(h);
    for (int i = 0; i < 12; i++)
        expect_ok(ctx, user_request_reset(ctx, &ask, NULL));
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "/reset/", &n));
    ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(test_change_password) {
    const char *h = fixture_handle(ctx, "changes");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *here = log_in(h), *there = log_in(h);

    expect_refused(change_password(id, "wrong", OTHER_PASSWORD, 0), "current");
    expect_refused(change_password(id, PASSWORD, address(h), 0), "password");
    expect_ok(ctx, change_password(id, PASSWORD, OTHER_PASSWORD, here->session->id));
    expect_ok(ctx, verify(here->token));
    expect_code(ctx, verify(there->token), UNAUTHENTICATED);
    fixture_events(ctx);
    expect_ok(ctx, verify(here->token));
}
END_TEST

START_TEST(test_hash_is_renewed) {
    const char *h = fixture_handle(ctx, "older"), *old, *renewed, *query;
    struct config *config = (struct config *)(uintptr_t)ctx->env->config;
    int ops = config->argon2_ops;

    fixture_member(ctx, h);
    query = arena_printf(ctx->arena, "SELECT password_hash FROM users.accounts WHERE handle = '%s'", h);
    old = sql(query);
    config->argon2_ops = ops + 1;
    log_in(h);
    renewed = sql(query);
    log_in(h);
    ck_assert_str_ne(old, renewed);
    ck_assert_str_eq(sql(query), renewed);
    config->argon2_ops = ops;
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        test_sign_up_confirm_log_in,
        test_links_run_out,
        test_sign_up_refuses,
        test_registration_modes,
        test_two_want_one_handle,
        test_invite_used_once,
        test_invites,
        test_taken_address_looks_free,
        test_unconfirmed_address_is_nobodys,
        test_log_in_takes_as_long_for_nobody,
        test_same_words_for_nobody,
        test_throttle_of_an_account,
        test_throttle_of_an_address,
        test_throttle_holds_against_many_at_once,
        test_reset,
        test_reset_used_twice_at_once,
        test_reset_mails_are_few,
        test_change_password,
        test_hash_is_renewed,
    };

    return user_main("user_enter", tests, sizeof tests / sizeof *tests);
}
