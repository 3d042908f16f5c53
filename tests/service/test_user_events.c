/* What the workers do for members: read models, imports, histories, the audit log, mails, sweeping. */
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

/* ---- read models */

START_TEST(test_older_card_never_wins) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "version"));
    Pb__UpdateProfileRequest profile = PB__UPDATE_PROFILE_REQUEST__INIT;
    const Pb__UserCard *card;
    Pb__UserCard old;

    expect_ok(ctx, card_get(ctx, id, &card));
    old = *card;
    profile.user_id = id;
    profile.name = "Newer";
    expect_ok(ctx, user_update_profile(ctx, &profile, NULL));
    card_publish(ctx, &old);
    user_store_cards_fill(ctx, (Pb__UserCard *[]){&old}, 1);
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_str_eq(card->name, "Newer");
}
END_TEST

START_TEST(test_worker_repairs_cards) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "repair"));
    Pb__UpdateProfileRequest profile = PB__UPDATE_PROFILE_REQUEST__INIT;
    const Pb__UserCard *card;
    Pb__UserCard old;

    expect_ok(ctx, card_get(ctx, id, &card));
    old = *card;
    profile.user_id = id;
    profile.name = "Repaired";
    expect_ok(ctx, user_update_profile(ctx, &profile, NULL));
    ck_assert_ptr_nonnull(
        redis_do(ctx, ctx->env->redis, "DEL user:card:%lld user:card:%lld:v", (long long)id, (long long)id));
    card_publish(ctx, &old); /* as if the worker had been killed right after its commit */
    fixture_events(ctx);
    expect_ok(ctx, card_get(ctx, id, &card));
    ck_assert_str_eq(card->name, "Repaired");
}
END_TEST

/* ---- imports */

START_TEST(test_import) {
    enum { N = 3000 };
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;
    const Pb__CreateUsersReply *reply;
    const char *tag = fixture_handle(ctx, "imp");
    const Pb__LogInReply *in;
    int64_t start = clock_mono_us();

    req.users = arena_many(ctx->arena, Pb__CreateUserRequest *, N);
    req.n_users = N;
    for (int i = 0; i < N; i++) {
        req.users[i] = arena_one(ctx->arena, Pb__CreateUserRequest);
        pb__create_user_request__init(req.users[i]);
        req.users[i]->handle = arena_printf(ctx->arena, "%s_%d", tag, i);
        req.users[i]->discoverable = true;
    }
    expect_ok(ctx, user_create_users(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_ids, N);
    ck_assert_int_lt(clock_mono_us() - start, 10 * 1000000);
    ck_assert_int_eq(state_of(reply->ids[N - 1]), PB__ACCOUNT_STATE__STATE_ACTIVE);
    expect_code(ctx, log_in_with(arena_printf(ctx->arena, "%s_0", tag), "", &in),
                UNAUTHENTICATED); /* no password, no way in */
    req.users[0]->handle = arena_printf(ctx->arena, "%s_fresh", tag);
    expect_refused(user_create_users(ctx, &req, &reply), "handle"); /* all or none */
    ck_assert_int_eq(id_of(arena_printf(ctx->arena, "%s_fresh", tag)), 0);
    fixture_as(ctx, fixture_member(ctx, fixture_handle(ctx, "ordinary")));
    expect_code(ctx, user_create_users(ctx, &req, &reply), DENIED);
}
END_TEST

/* ---- histories */

static const Pb__ActivityReply *activity(int64_t id) {
    Pb__ActivityRequest req = PB__ACTIVITY_REQUEST__INIT;
    const Pb__ActivityReply *reply;

    req.user_id = id;
    expect_ok(ctx, user_list_activity(ctx, &req, &reply));
    return reply;
}

START_TEST(test_activity) {
    const char *h = fixture_handle(ctx, "history");
    int64_t id = fixture_member(ctx, h);
    const Pb__LogInReply *in = log_in(h);
    const Pb__ActivityReply *list;
    struct audit_page audit;

    expect_code(ctx, log_in_with(h, "a wrong password", &in), UNAUTHENTICATED);
    expect_ok(ctx, set_state(0, id, "suspend", "Enough."));
    fixture_events(ctx);
    list = activity(id);
    ck_assert_uint_eq(list->n_items, 3);
    ck_assert_str_eq(list->items[0]->kind, "member.suspended");
    ck_assert_str_eq(list->items[1]->kind, "login.failed");
    ck_assert_str_eq(list->items[2]->kind, "login");
    ck_assert_str_eq(list->items[2]->device, "Firefox on Linux");
    ck_assert_str_eq(list->items[2]->ip, "192.0.2.1");
    expect_ok(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 3, &audit));
    ck_assert_uint_eq(audit.n, 3);
    ck_assert_str_eq(audit.items[0].kind, "member.suspended");
    ck_assert_int_eq(audit.items[0].target_id, id);
    ck_assert_int_eq(audit.items[0].actor_id, 0);
    ck_assert_str_eq(audit.items[0].detail, "Enough.");
    ck_assert_int_eq(audit.items[0].seq, audit.items[1].seq + 1);
    fixture_as(ctx, fixture_member(ctx, fixture_handle(ctx, "curious")));
    expect_code(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 3, &audit), DENIED);
}
END_TEST

START_TEST(test_histories_twice_change_nothing) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "replay")), n, again, seq;
    Pb__UserSecurity s = PB__USER_SECURITY__INIT;
    struct remembered r[] = {{id_next(), id, &s}, {id_next(), id, &s}};

    s.user_id = id;
    s.kind = "login";
    s.at_ms = clock_now_ms();
    for (int i = 0; i < 3; i++) {
        expect_ok(ctx, user_store_activity_add(ctx, r, 2));
        expect_ok(ctx, user_store_audit_add(ctx, r, i == 0 ? 1 : 2)); /* the first time it stopped half way */
    }
    ck_assert_uint_eq(activity(id)->n_items, 2);
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
    expect_ok(ctx, user_store_audit_add(ctx, r, 2));
    expect_ok(ctx, user_service_audit_verify(ctx, &again, &seq));
    ck_assert_int_eq(n, again);
}
END_TEST

START_TEST(test_audit_chain_shows_tampering) {
    int64_t id = fixture_member(ctx, fixture_handle(ctx, "tamper")), n, seq;
    struct audit_page page;
    json_object *fields = json_object_new_object();
    const char *third;

    for (int i = 0; i < 4; i++)
        expect_ok(ctx,
                  user_store_security(ctx, id, (struct body){(const unsigned char *)"\x12\x05login", 7}));
    fixture_events(ctx);
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
    ck_assert_int_ge(n, 4);
    expect_ok(ctx, user_service_audit(ctx, &(struct audit_filter){0}, 4, &page));
    third = arena_printf(ctx->arena, "%019" PRId64, page.items[2].seq);
    json_object_object_add(fields, "kind", json_object_new_string("logout"));
    expect_ok(ctx, docs_set(ctx, ctx->env->docs, &user_collections[1], 0, third, fields));
    expect_code(ctx, user_service_audit_verify(ctx, &n, &seq), DATA_LOSS);
    ck_assert_int_eq(seq, page.items[2].seq);
    json_object_object_add(fields, "kind", json_object_new_string("login"));
    expect_ok(ctx, docs_set(ctx, ctx->env->docs, &user_collections[1], 0, third, fields));
    json_object_put(fields);
    expect_ok(ctx, user_service_audit_verify(ctx, &n, &seq));
}
END_TEST

/* ---- mails */

START_TEST(test_mail_waits_for_its_server) {
    const char *h = fixture_handle(ctx, "patient");
    struct mail *good = ctx->env->mail,
                *dead = mail_open("smtp://127.0.0.1:9", "DeepLink <noreply@example.org>", 1000);
    struct mail_job *jobs;
    struct event e = {.topic = "user.mail.v1", .type = "mail.queued"};
    size_t n;

    fixture_events(ctx);
    expect_ok(ctx, sign_up(h));
    e.key = strtoll(
        sql(arena_printf(ctx->arena, "SELECT id FROM users.mails WHERE user_id = %" PRId64, id_of(h))), NULL,
        10);
    ck_assert_int_ne(e.key, 0);
    ctx->env->mail = dead;
    expect_code(ctx, user_consumers[2].handle(ctx, &e, 1), UNAVAILABLE);
    expect_ok(ctx, user_store_mails(ctx, &e.key, 1, &jobs, &n));
    ck_assert_uint_eq(n, 1); /* still to be sent */
    ctx->env->mail = good;
    mail_close(dead);
    expect_ok(ctx, user_consumers[2].handle(ctx, &e, 1));
    expect_ok(ctx, user_consumers[2].handle(ctx, &e, 1)); /* twice is once */
    expect_ok(ctx, user_store_mails(ctx, &e.key, 1, &jobs, &n));
    ck_assert_uint_eq(n, 0);
    token_to(address(h), "/confirm/");
    fixture_events(ctx);
    mail_to(address(h), "/confirm/", (int[]){0});
}
END_TEST

START_TEST(test_sweep) {
    const char *h = fixture_handle(ctx, "never");
    const Pb__Invite *i = invite(0, 1, 7);

    expect_ok(ctx, sign_up_as(h, address(h), i->code, ""));
    fixture_events(ctx);
    expect_ok(ctx, user_store_sweep(ctx));
    ck_assert_int_ne(id_of(h), 0);
    sql(arena_printf(ctx->arena,
                     "UPDATE users.accounts SET created_at = now() - interval '8 days' WHERE handle = '%s'",
                     h));
    expect_ok(ctx, user_store_sweep(ctx));
    ck_assert_int_eq(id_of(h), 0);
    expect_ok(ctx, sign_up_as(h, address(h), i->code, "")); /* handle and invitation are free again */
}
END_TEST

int main(void) {
    const TTest *const tests[] = {
        test_older_card_never_wins,
        test_worker_repairs_cards,
        test_import,
        test_activity,
        test_histories_twice_change_nothing,
        test_audit_chain_shows_tampering,
        test_mail_waits_for_its_server,
        test_sweep,
    };

    return user_main("user_events", tests, sizeof tests / sizeof *tests);
}
