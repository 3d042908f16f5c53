/* Kept pages against changes at the same moment: what is answered as changed is nowhere shown as before. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/env.h"
#include "fcgi/router.h"
#include "handlers/common/page_cache.h"
#include "tests/service/fixture.h"

static const struct route route = {.method = METHOD_GET, .pattern = "/@{handle}", .cacheable = true};
static struct request req;

/* The same worker under another connection to Redis: somebody else who works at the same time. */
static struct env others_env;
static struct ctx other;

static void set_up(void) {
    char dir[512];

    snprintf(dir, sizeof dir, "%s/pages", getenv("TEST_DIR"));
    mkdir(dir, 0755);
    setenv("DEEPLINK_PAGES_DIR", dir, 1);
    memset(&req, 0, sizeof req);
    req.ctx = *fixture_ctx();
    fixture_flush_redis(&req.ctx);
    others_env = *req.ctx.env;
    others_env.redis = redis_open(req.ctx.env->config->redis, 2000);
    other = req.ctx;
    other.env = &others_env;
    page_purge_everything(&req.ctx);
}

static void tear_down(void) { redis_close(others_env.redis); }

static const char *file_of(const char *path) {
    return arena_printf(other.arena, "%s%s/index.html", req.ctx.env->config->pages_dir, path);
}

static bool is_kept(const char *path) { return access(file_of(path), F_OK) == 0; }

static void begin(const char *path) {
    req.route = &route;
    req.method = METHOD_GET;
    req.path = path;
    req.query_string = "";
    req.res.status = 200;
    params_init(&req.query, req.ctx.arena);
    params_init(&req.form, req.ctx.arena);
    params_init(&req.cookies, req.ctx.arena);
    page_cache_begin(&req);
    page_cache_on(&req.ctx, 'p', 7);
    page_cache_on(&req.ctx, 'u', 8);
}

static void end(const char *words) {
    buf_init(&req.res.body, req.ctx.arena, 1000);
    buf_puts(&req.res.body, words);
    page_cache_keep(&req);
}

static void keep(const char *path) {
    begin(path);
    end("as before");
    ck_assert(is_kept(path));
}

static struct page_purge purge_of(struct ctx *ctx, char kind, int64_t id) {
    struct page_purge p;

    page_purge_init(&p, ctx);
    page_purge_add(&p, kind, id);
    return p;
}

static void purge(struct ctx *ctx, char kind, int64_t id) {
    struct page_purge p = purge_of(ctx, kind, id);

    page_purge_run(&p);
}

/* Has Redis run what is queued, its replies not looked at yet: where a process may stand still for a while.
 */
static void halfway(struct ctx *ctx) { ck_assert_ptr_nonnull(redis_do(ctx, ctx->env->redis, "PING")); }

START_TEST(a_change_removes_what_shows_it) {
    keep("/@one");
    purge(&other, 'p', 9);
    ck_assert(is_kept("/@one"));
    purge(&other, 'p', 7);
    ck_assert(!is_kept("/@one"));
    keep("/@one");
    purge(&other, 'u', 8);
    ck_assert(!is_kept("/@one"));
}
END_TEST

/* A consumer repeats the purge of an earlier change, is about to remove the page, and has not yet: the change
 * that comes meanwhile must not count on it. */
START_TEST(a_purge_that_stands_still_hides_nothing) {
    struct page_purge first;

    keep("/@one");
    first = purge_of(&other, 'p', 7);
    page_purge_send(&first);
    halfway(&other);
    ck_assert(is_kept("/@one"));
    purge(&req.ctx, 'p', 7);
    ck_assert(!is_kept("/@one"));
    page_purge_settle(&first);
    ck_assert(!is_kept("/@one"));
}
END_TEST

/* The worker is killed between its commit and the removal: the consumer's repeat finds the page. */
START_TEST(a_killed_purge_is_done_again) {
    struct page_purge first = purge_of(&other, 'p', 7);

    keep("/@one");
    page_purge_send(&first);
    halfway(&other);
    redis_settle(others_env.redis);
    purge(&req.ctx, 'p', 7);
    ck_assert(!is_kept("/@one"));
}
END_TEST

/* The late purge takes no registration off that came after it. */
START_TEST(a_late_purge_forgets_no_newer_page) {
    struct page_purge first;

    keep("/@one");
    keep("/@two");
    first = purge_of(&other, 'p', 7);
    page_purge_send(&first);
    halfway(&other);
    keep("/@three");
    page_purge_settle(&first);
    ck_assert(!is_kept("/@one"));
    ck_assert(!is_kept("/@two"));
    ck_assert(is_kept("/@three"));
    purge(&req.ctx, 'p', 7);
    ck_assert(!is_kept("/@three"));
}
END_TEST

START_TEST(what_changes_while_it_is_built_is_not_kept) {
    begin("/@one");
    purge(&other, 'p', 7);
    end("as before");
    ck_assert(!is_kept("/@one"));
    begin("/@one");
    page_purge_everything(&other);
    end("as before");
    ck_assert(!is_kept("/@one"));
}
END_TEST

/* Redis forgets everything while a page is built: what it noted before is not in its log any more. */
START_TEST(a_lost_log_keeps_nothing) {
    for (int i = 0; i < 20; i++)
        purge(&other, 'p', 1);
    begin("/@one");
    fixture_flush_redis(&other);
    purge(&other, 'p', 7);
    end("as before");
    ck_assert(!is_kept("/@one"));
    keep("/@one");
    fixture_flush_redis(&other);
    purge(&other, 'p', 1);
    ck_assert(!is_kept("/@one"));
}
END_TEST

/* More changes than the log holds, or than are looked at: pages still come and go. */
START_TEST(many_changes) {
    begin("/@slow");
    for (int i = 0; i < 21000; i++)
        purge(&other, 'p', 100000 + i);
    end("as before");
    ck_assert(!is_kept("/@slow"));
    ck_assert_int_lt(redis_do(&other, others_env.redis, "XLEN page:log")->integer, 11000);
    begin("/@slow");
    for (int i = 0; i < 1200; i++)
        purge(&other, 'p', 100000 + i);
    end("as before");
    ck_assert(!is_kept("/@slow"));
    keep("/@one");
    begin("/@two");
    purge(&other, 'p', 7);
    ck_assert(!is_kept("/@one"));
    end("as before");
    ck_assert(!is_kept("/@two"));
}
END_TEST

/* Registrations go with the pages: a page that is made and removed a hundred times leaves one behind at most.
 */
START_TEST(no_registration_stays) {
    for (int i = 0; i < 100; i++) {
        keep("/@one");
        purge(&other, 'p', 7);
    }
    ck_assert_int_eq(redis_do(&other, others_env.redis, "ZCARD page:of:p7")->integer, 0);
    ck_assert_int_eq(redis_do(&other, others_env.redis, "ZCARD page:of:u8")->integer, 1);
}
END_TEST

/* More tags than fit into one command. */
START_TEST(many_tags_at_once) {
    struct page_purge p;

    keep("/@one");
    page_purge_init(&p, &other);
    for (int i = 0; i < 2500; i++)
        page_purge_add(&p, 'a', 1000 + i);
    page_purge_add(&p, 'p', 7);
    page_purge_run(&p);
    ck_assert(!is_kept("/@one"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pages");
    TCase *tc = tcase_create("pages");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_change_removes_what_shows_it);
    tcase_add_test(tc, a_purge_that_stands_still_hides_nothing);
    tcase_add_test(tc, a_killed_purge_is_done_again);
    tcase_add_test(tc, a_late_purge_forgets_no_newer_page);
    tcase_add_test(tc, what_changes_while_it_is_built_is_not_kept);
    tcase_add_test(tc, a_lost_log_keeps_nothing);
    tcase_add_test(tc, many_changes);
    tcase_add_test(tc, no_registration_stays);
    tcase_add_test(tc, many_tags_at_once);
    suite_add_tcase(suite, tc);
    return fixture_main(suite);
}
