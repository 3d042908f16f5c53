/* Links of profiles: verified when the page behind them links back with rel=me, and not a moment longer than
 * it does. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/drivers/markup.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/user/store_links.h"
#include "handlers/user/worker_links.h"
#include "tests/service/fixture.h"
#include "tests/service/fixture_web.h"
#include "tests/service/servers.h"

#define SITE "https://social.example.org"

static struct ctx *ctx;
static struct web web;
static int64_t ann;
static const char *handle;

static void set_up(void) {
    ctx = fixture_ctx();
    handle = fixture_handle(ctx, "Ann");
    ann = fixture_member(ctx, handle);
    fixture_as(ctx, 0);
    fixture_events(ctx);
}

static const char *at(const char *name) {
    return arena_printf(ctx->arena, "https://127.0.0.1:%d/%s", web.port_tls, name);
}

static const char *fresh(void) {
    static int n;

    return arena_printf(ctx->arena, "p%d", ++n);
}

static void page(const char *name, const char *html) {
    web_page(&web, name, "text/html", "", html, strlen(html));
}

static const char *linking(const char *rel, const char *href) {
    return arena_printf(ctx->arena, "<p><a rel='%s' href='%s'>me</a>", rel, href);
}

static const char *profile_url(void) { return arena_printf(ctx->arena, SITE "/@%s", handle); }

static void save(const char *first, const char *second) {
    Pb__UpdateProfileRequest req = PB__UPDATE_PROFILE_REQUEST__INIT;
    Pb__ProfileField a = PB__PROFILE_FIELD__INIT, b = PB__PROFILE_FIELD__INIT, *fields[] = {&a, &b};

    fixture_as(ctx, ann);
    req.user_id = ann;
    a.name = "Plain";
    a.value = first;
    b.name = "Website";
    b.value = second;
    req.fields = fields;
    req.n_fields = 2;
    expect_ok(ctx, user_update_profile(ctx, &req, NULL));
    fixture_as(ctx, 0);
}

static void work(void) {
    int64_t wait_ms = 0;

    fixture_as(ctx, 0);
    fixture_events(ctx);
    while (wait_ms == 0) /* each page has its timeout */
        expect_ok(ctx, user_links_run(ctx, &wait_ms));
    fixture_events(ctx);
}

/* Of the second field, as profiles say it. */
static int64_t verified(void) {
    Pb__GetProfileRequest req = PB__GET_PROFILE_REQUEST__INIT;
    const Pb__Profile *p;

    req.id = ann;
    expect_ok(ctx, user_get_profile(ctx, &req, &p));
    ck_assert_uint_eq(p->n_fields, 2);
    ck_assert_int_eq(p->fields[0]->verified_ms, 0);
    return p->fields[1]->verified_ms;
}

static void pass(const char *interval) {
    as_admin(arena_printf(ctx->arena,
                          "UPDATE users.profile_links SET due_at = due_at - interval '%s', "
                          "checked_at = checked_at - interval '%s' WHERE user_id = %lld",
                          interval, interval, (long long)ann));
}

/* ---- Tests */

START_TEST(a_page_that_links_back_verifies) {
    const struct api_account *account;
    const struct api_account_field *fields;
    const char *name = fresh();

    page(name, linking("me", profile_url()));
    save("no link", at(name));
    ck_assert_int_eq(verified(), 0);
    work();
    ck_assert_int_gt(verified(), 1500000000000);
    expect_ok(ctx, api_account_get(ctx, ann, &account));
    fields = account->fields.items;
    ck_assert_int_eq(fields[0].verified_ms, 0);
    ck_assert_int_eq(fields[1].verified_ms, verified());
    work();
    ck_assert_int_eq(web_asked(&web, name), 1);
}
END_TEST

START_TEST(what_does_not_link_back_does_not) {
    const char *wrong[] = {
        linking("me", SITE "/@somebody"),
        linking("nofollow", profile_url()),
        linking("me", arena_printf(ctx->arena, "%sx", profile_url())),
        linking("me", arena_printf(ctx->arena, "https://evil.example/@%s", handle)),
        linking("me", arena_printf(ctx->arena, "%s/followers", profile_url())),
        arena_printf(ctx->arena, "<p>%s<!-- <a rel=me href='%s'> -->", profile_url(), profile_url())};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *name = fresh();

        page(name, wrong[i]);
        save("x", at(name));
        work();
        ck_assert_msg(verified() == 0, "%s", wrong[i]);
        ck_assert_int_eq(web_asked(&web, name), 1);
    }
}
END_TEST

START_TEST(handles_are_the_same_in_either_case) {
    const char *name = fresh();

    page(name,
         arena_printf(ctx->arena, "<link rel='me x' href='" SITE "/@%c%s'>", handle[0] + 32, handle + 1));
    save("x", at(name));
    work();
    ck_assert_int_ne(verified(), 0);
}
END_TEST

START_TEST(another_hosts_page_proves_nothing) {
    const char *name = fresh(), *away = fresh(), *near = fresh(), *all;

    page(name, linking("me", profile_url()));
    all = arena_printf(ctx->arena,
                       "HTTP/1.1 302 Found\r\nLocation: https://localhost:%d/%s\r\nContent-Length: 0\r\n\r\n",
                       web.port_tls, name);
    web_raw(&web, away, all, strlen(all));
    save("x", at(away));
    work();
    ck_assert_int_eq(web_asked(&web, name), 1);
    ck_assert_int_eq(verified(), 0);
    all = arena_printf(ctx->arena, "HTTP/1.1 302 Found\r\nLocation: /%s\r\nContent-Length: 0\r\n\r\n", name);
    web_raw(&web, near, all, strlen(all));
    save("x", at(near));
    work();
    ck_assert_int_ne(verified(), 0);
}
END_TEST

/* What comes by http anybody on the way may have written. */
START_TEST(plain_http_proves_nothing) {
    const char *name = fresh(), *down = fresh(), *all;
    const char *plain = arena_printf(ctx->arena, "http://127.0.0.1:%d/%s", web.port, name);
    int asked = web_asked(&web, "*");

    page(name, linking("me", profile_url()));
    save("x", plain);
    work();
    ck_assert_int_eq(verified(), 0);
    ck_assert_int_eq(web_asked(&web, "*"), asked); /* nor is it asked */
    all = arena_printf(ctx->arena, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", plain);
    web_raw(&web, down, all, strlen(all));
    save("x", at(down));
    work();
    ck_assert_int_eq(verified(), 0);
    /* And what was verified before that counted loses the mark with the next look. */
    save("x", plain);
    as_admin(arena_printf(
        ctx->arena, "INSERT INTO users.profile_links (user_id, url, verified_at) VALUES (%lld, '%s', now())",
        (long long)ann, plain));
    ck_assert_int_ne(verified(), 0);
    work();
    ck_assert_int_eq(verified(), 0);
}
END_TEST

/* A link that nobody answers, of one member, and another member's is verified before it is given up. */
START_TEST(a_slow_site_holds_up_no_other_member) {
    const char *name = fresh(), *ben_handle = fixture_handle(ctx, "Ben");
    int64_t first = ann, ben = fixture_member(ctx, ben_handle), wait_ms;

    save("x", at("silent"));
    fixture_events(ctx);
    while (web_asked(&web, "silent") == 0)
        expect_ok(ctx, user_links_run(ctx, &wait_ms));
    ann = ben;
    page(name, linking("me", arena_printf(ctx->arena, SITE "/@%s", ben_handle)));
    save("x", at(name));
    fixture_events(ctx);
    while (verified() == 0)
        expect_ok(ctx, user_links_run(ctx, &wait_ms));
    ck_assert_str_eq(as_admin(arena_printf(ctx->arena,
                                           "SELECT lease_until > now() FROM users.profile_links "
                                           "WHERE user_id = %lld",
                                           (long long)first)),
                     "t");
    user_timers[0].finish(ctx);
    ck_assert_str_eq(
        as_admin(arena_printf(ctx->arena,
                              "SELECT lease IS NULL AND due_at <= now() FROM users.profile_links "
                              "WHERE user_id = %lld",
                              (long long)first)),
        "t"); /* given back */
    as_admin(
        arena_printf(ctx->arena, "DELETE FROM users.profile_links WHERE user_id = %lld", (long long)first));
}
END_TEST

START_TEST(it_is_looked_at_again_each_week) {
    const char *name = fresh();
    int64_t since;

    page(name, linking("me", profile_url()));
    save("x", at(name));
    work();
    since = verified();
    pass("6 days");
    work();
    ck_assert_int_eq(web_asked(&web, name), 1);
    pass("2 days");
    work();
    ck_assert_int_eq(web_asked(&web, name), 2);
    ck_assert_int_eq(verified(), since);
    page(name, "<p>not any more");
    pass("8 days");
    work();
    ck_assert_int_eq(verified(), 0);
}
END_TEST

START_TEST(a_site_that_is_down_for_a_while_takes_nothing_away) {
    static const char down[] = "HTTP/1.1 503 Down\r\nContent-Length: 0\r\n\r\n";
    const char *name = fresh();

    page(name, linking("me", profile_url()));
    save("x", at(name));
    work();
    web_raw(&web, name, down, strlen(down));
    pass("8 days");
    work();
    ck_assert_int_ne(verified(), 0);
    pass("1 hour");
    work();
    ck_assert_int_ne(verified(), 0);
    pass("1 hour");
    work(); /* the third time */
    ck_assert_int_eq(verified(), 0);
    ck_assert_int_eq(web_asked(&web, name), 4);
}
END_TEST

START_TEST(saving_again_looks_again) {
    const char *name = fresh();

    page(name, "<p>nothing yet");
    save("x", at(name));
    work();
    page(name, linking("me", profile_url()));
    save("y", at(name));
    work();
    ck_assert_int_eq(verified(), 0); /* not within ten minutes */
    pass("11 minutes");
    save("z", at(name));
    work();
    ck_assert_int_ne(verified(), 0);
}
END_TEST

START_TEST(a_link_that_is_gone_is_forgotten) {
    const char *name = fresh();

    page(name, linking("me", profile_url()));
    save("x", at(name));
    work();
    save("x", "no link");
    work();
    ck_assert_int_eq(verified(), 0);
    ck_assert_str_eq(
        as_admin(arena_printf(ctx->arena, "SELECT count(*) FROM users.profile_links WHERE user_id = %lld",
                              (long long)ann)),
        "0");
    save("x", at(name)); /* and verified only after another look */
    ck_assert_int_eq(verified(), 0);
}
END_TEST

START_TEST(who_comes_late_writes_nothing) {
    const char *name = fresh();
    struct link_job *job;
    bool news;

    page(name, linking("me", profile_url()));
    save("x", at(name));
    fixture_events(ctx);
    expect_ok(ctx, user_store_link_take(ctx, 77, &job));
    ck_assert_ptr_nonnull(job);
    as_admin("UPDATE users.profile_links SET lease_until = now() - interval '1 second' WHERE lease = 77");
    work();
    ck_assert_int_ne(verified(), 0);
    expect_ok(ctx, user_store_link_checked(ctx, job, false, 0, &news));
    ck_assert(!news);
    ck_assert_int_ne(verified(), 0);
}
END_TEST

int main(void) {
    const TTest *const tests[] = {a_page_that_links_back_verifies,
                                  what_does_not_link_back_does_not,
                                  handles_are_the_same_in_either_case,
                                  another_hosts_page_proves_nothing,
                                  plain_http_proves_nothing,
                                  a_slow_site_holds_up_no_other_member,
                                  it_is_looked_at_again_each_week,
                                  a_site_that_is_down_for_a_while_takes_nothing_away,
                                  saving_again_looks_again,
                                  a_link_that_is_gone_is_forgotten,
                                  who_comes_late_writes_nothing};
    Suite *s = suite_create("links");
    TCase *t = tcase_create("links");

    setenv("DEEPLINK_BASE_URL", SITE, 1);
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, NULL);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(t, tests[i]);
    suite_add_tcase(s, t);
    return web_main(&web, s);
}
