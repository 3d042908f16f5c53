#include "tests/service/fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/env.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"

static struct ctx ctx;
static struct config *config;
static pid_t opened_by;

static const char *need(const char *name) {
    const char *value = getenv(name);

    if (value == NULL) {
        fprintf(stderr,
                "%s is not set: run this by tests/run service, or by tests/harness/stack.sh database\n",
                name);
        exit(2);
    }
    return value;
}

/* Settings go by environment, as an operator may do it. */
static void configure(void) {
    char path[512];

    setenv("DEEPLINK_POSTGRESQL", need("TEST_PG"), 1);
    setenv("DEEPLINK_POSTGRESQL_ADMIN", need("TEST_PG_ADMIN"), 1);
    setenv("DEEPLINK_POSTGRESQL_SECRETS", need("TEST_PG_SECRETS"), 1);
    setenv("DEEPLINK_REDIS", need("TEST_REDIS"), 1);
    setenv("DEEPLINK_ARGON2_MEMORY_KIB", "8192", 1);
    setenv("DEEPLINK_ARGON2_OPS", "1", 1);
    snprintf(path, sizeof path, "folder:%s/mail", need("TEST_DIR"));
    setenv("DEEPLINK_MAIL", path, 0);
    snprintf(path, sizeof path, "folder:%s/media", need("TEST_DIR"));
    setenv("DEEPLINK_MEDIA", path, 0);
    snprintf(path, sizeof path, "%s/spool", need("TEST_DIR"));
    setenv("DEEPLINK_MEDIA_SPOOL", path, 0);
    snprintf(path, sizeof path, "%s/secret", need("TEST_DIR"));
    setenv("DEEPLINK_SECRET_FILE", path, 0);
    config = config_read(NULL, stderr);
    if (config == NULL || config_check(config, stderr) < 0)
        exit(2);
}

static void open_all(void) {
    struct env *env;

    log_open(NULL, LOG_ERROR, "test");
    if (config == NULL)
        configure();
    memset(&ctx, 0, sizeof ctx);
    ctx.arena = arena_new((size_t)256 << 20);
    ctx.request_id = "test";
    ctx.ip = "192.0.2.1";
    ctx.user_agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0";
    if (env_open(&ctx, config, &deeplink_app, &env) != OK || env_require(&ctx) != OK) {
        fprintf(stderr, "can't open the services: %s (%s)\n", ctx.error.text,
                ctx.error.detail ? ctx.error.detail : "");
        exit(2);
    }
    for (size_t i = 0; deeplink_app.services[i] != NULL; i++)
        if (deeplink_app.services[i]->collections != NULL)
            expect_ok(&ctx, docs_prepare(&ctx, env->docs, deeplink_app.services[i]->collections));
    opened_by = getpid();
}

struct ctx *fixture_ctx(void) {
    if (opened_by != getpid()) /* connections are not shared with a forked test */
        open_all();
    env_settle(ctx.env);
    models_finish();
    arena_reset(ctx.arena);
    fixture_as(&ctx, 0);
    return &ctx;
}

void fixture_as(struct ctx *c, int64_t viewer_id) {
    const Pb__UserCard *card;

    fail_clear(c);
    c->viewer_id = 0;
    c->permissions = 0;
    if (viewer_id == 0)
        return;
    expect_ok(c, card_get(c, viewer_id, &card));
    c->viewer_id = viewer_id;
    c->permissions = card->permissions;
}

const char *fixture_handle(struct ctx *c, const char *prefix) {
    static unsigned n;

    return arena_printf(c->arena, "%s_%d_%u", prefix, (int)getpid() % 100000, ++n);
}

int64_t fixture_member(struct ctx *c, const char *handle) {
    Pb__CreateUsersRequest req = PB__CREATE_USERS_REQUEST__INIT;
    Pb__CreateUserRequest one = PB__CREATE_USER_REQUEST__INIT, *ones[] = {&one};
    const Pb__CreateUsersReply *reply;

    fixture_as(c, 0);
    one.handle = handle;
    one.email = arena_printf(c->arena, "%s@example.org", handle);
    one.name = handle;
    one.password = "correct horse battery";
    one.role = "member";
    one.discoverable = true;
    req.users = ones;
    req.n_users = 1;
    expect_ok(c, user_create_users(c, &req, &reply));
    ck_assert_uint_eq(reply->n_ids, 1);
    return reply->ids[0];
}

static struct ctx *waiting;
static int64_t deadline;

static bool is_behind(const struct consumer *k) {
    int64_t events = 0, age;

    if (bus_lag(waiting, k->name, &events, &age) == OK && events == 0)
        return false;
    fail_clear(waiting);
    return true;
}

/* Stops the consumers once none of them has anything left. Who was behind lately is asked first, and not
 * between any two events, since to ask takes as long as to handle one. */
static bool nothing_left(void) {
    static const struct consumer *last;
    static int64_t asked;

    if (clock_mono_us() - asked < 4000)
        return false;
    asked = clock_mono_us();
    if (last != NULL && is_behind(last))
        return clock_mono_us() > deadline;
    for (size_t i = 0; deeplink_app.services[i] != NULL; i++) {
        const struct consumer *k = deeplink_app.services[i]->consumers;

        for (; k != NULL && k->name != NULL; k++)
            if (is_behind(k)) {
                last = k;
                return clock_mono_us() > deadline;
            }
    }
    return true;
}

void fixture_events(struct ctx *c) {
    waiting = c;
    deadline = clock_mono_us() + 100 * 1000000LL;
    bus_work(c->env, NULL, nothing_left);
    ck_assert_msg(clock_mono_us() < deadline, "events were not handled within 100 s");
}

void fixture_flush_redis(struct ctx *c) { ck_assert_ptr_nonnull(redis_do(c, c->env->redis, "FLUSHDB")); }

void fixture_expect(struct ctx *c, enum code is, enum code should, const char *file, int line) {
    if (is != should)
        ck_abort_msg("%s:%d: %s instead of %s: %s (%s)%s%s", file, line, code_name(is), code_name(should),
                     c->error.text ? c->error.text : "", c->error.detail ? c->error.detail : "",
                     c->error.fields ? " field " : "", c->error.fields ? c->error.fields->field : "");
    fail_clear(c);
}

int fixture_main(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    int failed;

    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
