/* Bearer tokens on real servers: the read model that many fill while somebody revokes, and the first token of
 * an account that an app makes. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/common/token.h"
#include "handlers/user/store_tokens.h"
#include "tests/service/fixture.h"

#define FILLERS 3
#define ROUNDS 25

static struct ctx *ctx;
static int64_t ann;

static void set_up(void) {
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
}

/* ---- Short ways */

struct made {
    const char *token, *key;
    unsigned char hash[32];
    int64_t id;
};

static struct made make_token(void) {
    Pb__PersonalTokenRequest req = PB__PERSONAL_TOKEN_REQUEST__INIT;
    const Pb__TokenReply *reply;
    struct made made = {0};
    int64_t claimed;

    req.user_id = ann;
    req.name = "a test";
    req.scopes = "read";
    req.days = 1;
    fixture_as(ctx, ann);
    expect_ok(ctx, user_create_personal_token(ctx, &req, &reply));
    made.token = reply->token;
    made.id = reply->access->id;
    ck_assert(token_hash(made.token, made.hash, &claimed));
    made.key = token_key(ctx, made.hash);
    return made;
}

static enum code verify(const struct made *made) {
    Pb__VerifyTokenRequest req = PB__VERIFY_TOKEN_REQUEST__INIT;
    enum code c;

    req.token = made->token;
    c = user_verify_token(ctx, &req, NULL);
    fail_clear(ctx);
    return c;
}

static void end_token(const struct made *made) {
    Pb__EndAccessRequest req = PB__END_ACCESS_REQUEST__INIT;

    fixture_as(ctx, ann);
    req.user_id = ann;
    req.token_id = made->id;
    expect_ok(ctx, user_end_access(ctx, &req, NULL));
}

/* Whether the guard would let it in without asking anybody. */
static bool stands_in_redis(const struct made *made) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "EXISTS %s", made->key);

    ck_assert_ptr_nonnull(r);
    return r->integer == 1;
}

/* ---- The read model */

START_TEST(the_first_look_fills_it) {
    struct made made = make_token();

    ck_assert(!stands_in_redis(&made));
    ck_assert_int_eq(verify(&made), OK);
    ck_assert(stands_in_redis(&made));
    end_token(&made);
    ck_assert(!stands_in_redis(&made));
    ck_assert_int_eq(verify(&made), UNAUTHENTICATED);
    ck_assert(!stands_in_redis(&made));
}
END_TEST

/* Who fills it stops between each of its steps, and the token is revoked there. */
START_TEST(a_revocation_is_never_overtaken) {
    for (int step = 0; step < 3; step++) {
        struct made made = make_token();
        Pb__AccessToken *access = NULL;
        const char *lease;

        if (step == 0)
            end_token(&made);
        expect_ok(ctx, user_store_token_lease(ctx, made.key, &lease));
        if (step == 1)
            end_token(&made);
        expect_ok(ctx, user_store_token_live(ctx, made.hash, &access));
        ck_assert_int_eq(access != NULL, step == 2);
        if (step < 2)
            continue;
        end_token(&made);
        expect_ok(ctx,
                  user_store_token_put(ctx, made.key, lease, access)); /* too late: nothing comes of it */
        ck_assert(!stands_in_redis(&made));
        ck_assert_int_eq(verify(&made), UNAUTHENTICATED);
    }
}
END_TEST

START_TEST(of_two_who_fill_it_the_later_one_does) {
    struct made made = make_token();
    Pb__AccessToken *access;
    const char *first, *second;

    expect_ok(ctx, user_store_token_lease(ctx, made.key, &first));
    expect_ok(ctx, user_store_token_live(ctx, made.hash, &access));
    expect_ok(ctx, user_store_token_lease(ctx, made.key, &second));
    expect_ok(ctx, user_store_token_put(ctx, made.key, first, access));
    ck_assert(!stands_in_redis(&made));
    expect_ok(ctx, user_store_token_put(ctx, made.key, second, access));
    ck_assert(stands_in_redis(&made));
}
END_TEST

/* What the processes of a race share. */
struct arena_of_race {
    _Atomic bool revoked, over;
    _Atomic int fills, wrong;
};

/* Fills it again and again, as a server that forgets would have it. */
static void fill(struct arena_of_race *race, const struct made *of) {
    struct made made = *of;
    bool after;

    ctx = fixture_ctx();
    made.key = token_key(ctx, made.hash);
    while (!atomic_load(&race->over)) {
        after = atomic_load(&race->revoked);
        if (verify(&made) == OK) {
            atomic_fetch_add(&race->fills, 1);
            atomic_fetch_add(&race->wrong, after);
        }
        atomic_fetch_add(&race->wrong, after && stands_in_redis(&made));
        if (!after && user_store_token_forget(ctx, made.hash) != OK)
            fail_clear(ctx);
        ctx = fixture_ctx();
        made.key = token_key(ctx, made.hash);
    }
}

START_TEST(no_race_brings_a_revoked_token_back) {
    struct arena_of_race *race =
        mmap(NULL, sizeof *race, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;

    ck_assert_ptr_ne(race, MAP_FAILED);
    for (int round = 0; round < ROUNDS; round++) {
        struct made made = make_token();
        int begun;

        atomic_store(&race->revoked, false);
        atomic_store(&race->over, false);
        begun = atomic_load(&race->fills);
        for (int i = 0; i < FILLERS; i++)
            if (fork() == 0) {
                fill(race, &made);
                _exit(0);
            }
        while (atomic_load(&race->fills) < begun + 10)
            usleep(200);
        end_token(&made);
        atomic_store(&race->revoked, true);
        for (int i = 0; i < 10; i++) {
            ck_assert_int_eq(verify(&made), UNAUTHENTICATED);
            atomic_fetch_add(&race->wrong, stands_in_redis(&made));
        }
        atomic_store(&race->over, true);
        for (int i = 0; i < FILLERS; i++) {
            ck_assert_int_gt(wait(&status), 0);
            ck_assert_int_eq(status, 0);
        }
        ck_assert(!stands_in_redis(&made));
    }
    ck_assert_int_eq(atomic_load(&race->wrong), 0);
    munmap(race, sizeof *race);
}
END_TEST

/* ---- An account that an app makes */

static void registration(const char *mode) {
    ((struct config *)(uintptr_t)ctx->env->config)->registration = mode;
}

static int64_t app_new(void) {
    Pb__CreateAppRequest req = PB__CREATE_APP_REQUEST__INIT;
    const char *uris[] = {"urn:ietf:wg:oauth:2.0:oob"};
    const Pb__App *app;

    req.name = "A test";
    req.scopes = "read write admin:read";
    req.redirect_uris = uris;
    req.n_redirect_uris = 1;
    expect_ok(ctx, user_create_app(ctx, &req, &app));
    return app->id;
}

static enum code sign_up(int64_t app, const char *handle, const char *password, const Pb__TokenReply **ret) {
    Pb__AppSignUpRequest req = PB__APP_SIGN_UP_REQUEST__INIT;
    Pb__SignUpRequest account = PB__SIGN_UP_REQUEST__INIT;

    fixture_as(ctx, 0);
    account.handle = handle;
    account.email = arena_printf(ctx->arena, "%s@example.org", handle);
    account.password = password;
    account.agreement = true;
    req.account = &account;
    req.app_id = app;
    return user_sign_up_by_app(ctx, &req, ret);
}

START_TEST(an_app_makes_an_account) {
    int64_t app = app_new();
    const char *handle = fixture_handle(ctx, "new");
    const Pb__TokenReply *reply;
    const Pb__UserCard *card;
    struct made made = {0};

    registration("open");
    expect_ok(ctx, sign_up(app, handle, "purple monkey dishwasher", &reply));
    made.token = reply->token;
    ck_assert_str_eq(reply->access->scopes, "read write"); /* nothing of staff's */
    ck_assert_int_eq(reply->access->app_id, app);
    ck_assert_int_eq(verify(&made), OK);
    expect_ok(ctx, card_get(ctx, reply->access->user_id, &card));
    ck_assert_int_eq(card->state, PB__ACCOUNT_STATE__STATE_UNCONFIRMED);
    expect_code(ctx, sign_up(app, handle, "purple monkey dishwasher", &reply), INVALID);
}
END_TEST

START_TEST(what_is_wrong_has_a_kind) {
    int64_t app = app_new();
    const Pb__TokenReply *reply;

    registration("open");
    ck_assert_int_eq(sign_up(app, "admin", "short", &reply), INVALID);
    ck_assert_str_eq(ctx->error.fields->field, "handle");
    ck_assert_str_eq(ctx->error.fields->kind, FIELD_RESERVED);
    ck_assert_str_eq(ctx->error.fields->next->field, "password");
    ck_assert_str_eq(ctx->error.fields->next->kind, FIELD_TOO_SHORT);
    fail_clear(ctx);
}
END_TEST

START_TEST(an_app_signs_nobody_up_where_nobody_may) {
    static const char *const modes[] = {"closed", "invite"};
    int64_t app = app_new();
    const Pb__TokenReply *reply;

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        registration(modes[i]);
        expect_code(ctx, sign_up(app, fixture_handle(ctx, "no"), "purple monkey dishwasher", &reply),
                    PRECONDITION);
    }
    registration("approval"); /* without a reason */
    expect_code(ctx, sign_up(app, fixture_handle(ctx, "no"), "purple monkey dishwasher", &reply), INVALID);
    registration("open");
    expect_code(ctx, sign_up(1, fixture_handle(ctx, "no"), "purple monkey dishwasher", &reply), NOT_FOUND);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokens");
    TCase *model = tcase_create("model"), *apps = tcase_create("apps");

    tcase_add_checked_fixture(model, set_up, NULL);
    tcase_set_timeout(model, 60);
    tcase_add_test(model, the_first_look_fills_it);
    tcase_add_test(model, a_revocation_is_never_overtaken);
    tcase_add_test(model, of_two_who_fill_it_the_later_one_does);
    tcase_add_test(model, no_race_brings_a_revoked_token_back);
    suite_add_tcase(suite, model);
    tcase_add_checked_fixture(apps, set_up, NULL);
    tcase_set_timeout(apps, 60);
    tcase_add_test(apps, an_app_makes_an_account);
    tcase_add_test(apps, what_is_wrong_has_a_kind);
    tcase_add_test(apps, an_app_signs_nobody_up_where_nobody_may);
    suite_add_tcase(suite, apps);
    return fixture_main(suite);
}
