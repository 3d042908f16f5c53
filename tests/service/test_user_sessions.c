/* Addresses and sessions: what ends them, what servers that forget or stop do to them. */
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
#include <unistd.h>

struct ctx *ctx;

/* ---- e-mail address */

static enum code change_email(int64_t id, const char *email, const char *password) {
    Pb__ChangeEmailRequest req = PB__CHANGE_EMAIL_REQUEST__INIT;

    req.user_id = id;
    req.email = email;
    req.password = password;
    return user_change_email(ctx, &req, NULL);
}

START_TEST(test_change_email) {
    const char *h = fixture_handle(ctx, "moves"), *other = fixture_handle(ctx, "settled");
    const char *new_email = arena_printf(ctx->arena, "%s@new.example.org", h);
    int64_t id = fixture_member(ctx, h);
    const Pb__ConfirmReply *confirmed;
    const Pb__LogInReply *in;

    fixture_member(ctx, other);
    expect_refused(change_email(id, new_email, "wrong"), "password");
    expect_refused(change_email(id, address(h), PASSWORD), "email");
    expect_ok(ctx, change_email(id, address(other), PASSWORD)); /* taken, but that is not told */
    fixture_events(ctx);
    ck_assert_ptr_null(mail_to(address(other), "/confirm/", NULL));
    ck_assert_ptr_nonnull(mail_to(address(other), "already", NULL));
    expect_ok(ctx, change_email(id, new_email, PASSWORD));
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), new_email, NULL)); /* the old one is told at once … */
    log_in(address(h)); /* … and stays until the new one is confirmed */
    expect_ok(ctx, confirm(token_to(new_email, "/confirm/"), &confirmed));
    ck_assert_str_eq(confirmed->purpose, "email");
    log_in(new_email);
    expect_code(ctx, log_in_with(address(h), PASSWORD, &in), UNAUTHENTICATED);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "is now", NULL));
}
END_TEST

/* ---- sessions */

static enum code end_session(int64_t user, int64_t session, int64_t except) {
    Pb__RevokeSessionsRequest req = PB__REVOKE_SESSIONS_REQUEST__INIT;

    req.user_id = user;
    req.session_id = session;
    req.except_id = except;
    return user_revoke_sessions(ctx, &req, NULL);
}

START_TEST(test_sessions) {
    const char *h = fixture_handle(ctx, "roams");
    int64_t id = fixture_member(ctx, h), stranger = fixture_member(ctx, fixture_handle(ctx, "stranger"));
    const Pb__LogInReply *a = log_in(h), *b = log_in(h), *c = log_in(h);
    Pb__TokenRequest out = PB__TOKEN_REQUEST__INIT;

    ck_assert_uint_eq(count_sessions(id), 3);
    expect_code(ctx, end_session(stranger, a->session->id, 0), NOT_FOUND);
    expect_ok(ctx, end_session(id, a->session->id, 0));
    expect_code(ctx, verify(a->token), UNAUTHENTICATED);
    expect_ok(ctx, end_session(id, 0, c->session->id));
    expect_code(ctx, verify(b->token), UNAUTHENTICATED);
    expect_ok(ctx, verify(c->token));
    ck_assert_uint_eq(count_sessions(id), 1);
    out.token = c->token;
    expect_ok(ctx, user_log_out(ctx, &out, NULL));
    expect_ok(ctx, user_log_out(ctx, &out, NULL)); /* twice is fine */
    expect_code(ctx, verify(c->token), UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 0);
}
END_TEST

START_TEST(test_bad_tokens) {
    const char *h = fixture_handle(ctx, "token");
    int64_t id = fixture_member(ctx, h), other = fixture_member(ctx, fixture_handle(ctx, "victim"));
    const char *token = log_in(h)->token;
    char *broken = arena_strdup(ctx->arena, token);

    broken[strlen(broken) - 2] ^= 1;
    expect_code(ctx, verify(""), UNAUTHENTICATED);
    expect_code(ctx, verify("1."), UNAUTHENTICATED);
    expect_code(ctx, verify(broken), UNAUTHENTICATED);
    expect_code(ctx, verify(arena_printf(ctx->arena, "%" PRId64 "%s", other, strchr(token, '.'))),
                UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 1);
    /* Nothing in Redis holds the secret. */
    ck_assert_ptr_null(strstr(token, "session"));
    ck_assert_int_eq(redis_do(ctx, ctx->env->redis, "EXISTS session:%s", strchr(token, '.') + 1)->integer, 0);
}
END_TEST

START_TEST(test_sessions_are_not_without_end) {
    const char *h = fixture_handle(ctx, "many");
    int64_t id = fixture_member(ctx, h);
    const char *first = log_in(h)->token;

    for (int i = 0; i < 55; i++)
        log_in(h);
    ck_assert_uint_eq(count_sessions(id), 50);
    expect_code(ctx, verify(first), UNAUTHENTICATED);
}
END_TEST

START_TEST(test_redis_flushed) {
    const char *h = fixture_handle(ctx, "keeps");
    int64_t id = fixture_member(ctx, h);
    const char *token = log_in(h)->token;
    const Pb__UserCard *card;

    fixture_flush_redis(ctx);
    expect_code(ctx, verify(token), UNAUTHENTICATED);
    ck_assert_uint_eq(count_sessions(id), 0);
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_str_eq(card->handle, h);
    ck_assert_int_eq(redis_do(ctx, ctx->env->redis, "EXISTS user:card:%lld", (long long)id)->integer,
                     1); /* rebuilt */
    expect_ok(ctx, verify(log_in(h)->token));
}
END_TEST

START_TEST(test_ended_session_stays_ended) {
    const char *h = fixture_handle(ctx, "ghost");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *in = log_in(h);
    struct stored_session *s;
    Pb__Session later;
    size_t n;

    expect_ok(ctx, user_store_sessions(ctx, id, &s, &n));
    ck_assert_uint_eq(n, 1);
    later = *s[0].session;
    later.seen_ms++;
    expect_ok(ctx, user_store_session_touch(ctx, s[0].key, s[0].raw, &later));
    expect_ok(ctx, verify(in->token));
    expect_ok(ctx, end_session(id, in->session->id, 0));
    expect_ok(ctx, user_store_session_touch(ctx, s[0].key, s[0].raw,
                                            &later)); /* a request that was under way meanwhile */
    expect_code(ctx, verify(in->token), UNAUTHENTICATED);
}
END_TEST

START_TEST(test_password_changed_during_log_in) {
    const char *h = fixture_handle(ctx, "midway");
    int64_t id = fixture_member(ctx, h);
    struct person *p;
    bool in;

    expect_ok(ctx, user_store_person(ctx, id, &p)); /* a log-in has just checked the old password */
    expect_ok(ctx, change_password(id, PASSWORD, OTHER_PASSWORD, 0));
    expect_ok(ctx, user_store_logged_in(ctx, p, NULL, "Firefox on Linux", (struct body){0}, &in));
    ck_assert(!in);
    expect_ok(ctx, user_store_person(ctx, id, &p));
    expect_ok(ctx, set_state(0, id, "suspend", ""));
    expect_ok(ctx, user_store_logged_in(ctx, p, NULL, "Firefox on Linux", (struct body){0}, &in));
    ck_assert(!in);
}
END_TEST

START_TEST(test_new_device_is_told) {
    const char *h = fixture_handle(ctx, "devices");
    int n;

    fixture_member(ctx, h);
    log_in(h); /* the first of all is no news */
    log_in(h);
    fixture_events(ctx);
    ck_assert_ptr_null(mail_to(address(h), "not seen before", NULL));
    ctx->user_agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/605.1";
    log_in(h);
    log_in(h);
    fixture_events(ctx);
    ck_assert_ptr_nonnull(mail_to(address(h), "Safari on iPhone", &n));
    ck_assert_int_eq(n, 1);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        test_change_email,       test_sessions,
        test_bad_tokens,         test_sessions_are_not_without_end,
        test_redis_flushed,      test_ended_session_stays_ended,
        test_new_device_is_told, test_password_changed_during_log_in,
    };

    return user_main("user_sessions", tests, sizeof tests / sizeof *tests);
}
