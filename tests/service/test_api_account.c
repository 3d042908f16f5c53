/* The entity Account: batches, what is kept by the worker, and what others may see. */
#include <json-c/json.h>
#include <string.h>

#include "fcgi/config.h"
#include "fcgi/env.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_html.h"
#include "tests/service/fixture.h"

static struct ctx *ctx;

static void set_up(void) { ctx = fixture_ctx(); }

static int64_t member(void) { return fixture_member(ctx, fixture_handle(ctx, "acc")); }

static const struct api_account *account(int64_t id) {
    const struct api_account *a = NULL;

    expect_ok(ctx, api_account_get(ctx, id, &a));
    return a;
}

static void describe(int64_t id, const char *name, const char *bio) {
    Pb__UpdateProfileRequest req = PB__UPDATE_PROFILE_REQUEST__INIT;
    Pb__ProfileField link = PB__PROFILE_FIELD__INIT, plain = PB__PROFILE_FIELD__INIT;
    Pb__ProfileField *fields[] = {&link, &plain};

    link.name = "Site";
    link.value = "https://example.org/?a&b";
    plain.name = "<i>";
    plain.value = "1 < 2";
    req.user_id = id;
    req.name = name;
    req.headline = "Does things";
    req.bio = bio;
    req.fields = fields;
    req.n_fields = 2;
    expect_ok(ctx, user_update_profile(ctx, &req, NULL));
}

static void follow(int64_t who, int64_t whom) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;

    req.actor_id = who;
    req.target_id = whom;
    expect_ok(ctx, connection_follow(ctx, &req, NULL));
}

static void set_state(int64_t id, const char *action) {
    Pb__SetStateRequest req = PB__SET_STATE_REQUEST__INIT;

    req.user_id = id;
    req.action = action;
    expect_ok(ctx, user_set_state(ctx, &req, NULL));
}

static void write_post(int64_t author) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;

    fixture_as(ctx, author);
    req.author_id = author;
    req.text = "Hello";
    expect_ok(ctx, post_create_post(ctx, &req, NULL));
}

START_TEST(profile_is_shown) {
    int64_t id = member();
    const struct api_account *a;
    const struct api_account_field *f;

    describe(id, "Ada & Co", "I know @nobody_at_all and #lace, see https://example.org.");
    a = account(id);
    f = a->fields.items;
    ck_assert_str_eq(a->display_name, "Ada & Co");
    ck_assert_str_eq(a->headline, "Does things");
    ck_assert_ptr_nonnull(strstr(a->note, "<a class=\"mention hashtag\" rel=\"tag\" href=\"http"));
    ck_assert_ptr_null(strstr(a->note, "href=\"/"));
    ck_assert_uint_eq(a->fields.n, 2);
    ck_assert_str_eq(f[0].value, "<a href=\"https://example.org/?a&amp;b\" rel=\"me nofollow noopener\" "
                                 "target=\"_blank\">https://example.org/?a&amp;b</a>");
    ck_assert_str_eq(f[1].value, "1 &lt; 2");
    ck_assert_int_eq(a->created_ms % 86400000, 0);
    ck_assert_int_eq(a->last_status_ms, 0);
}
END_TEST

START_TEST(links_are_made_whole) {
    const char *html = "<p><a class=\"mention\" href=\"/@ada\">@ada</a> <code>href=\"/x\"</code> "
                       "<a class=\"tag\" href=\"/tags/a\">#a</a> <a href=\"https://e.org/\">e</a></p>";
    const char *base = ctx->env->config->base_url;

    ck_assert_str_eq(
        api_html(ctx, html),
        arena_printf(
            ctx->arena,
            "<p><span class=\"h-card\" translate=\"no\"><a class=\"u-url mention\" href=\"%s/@ada\">@<span>ada</span></a></span> <code>href=\"/x\"</code> "
            "<a class=\"mention hashtag\" rel=\"tag\" href=\"%s/tags/a\">#<span>a</span></a> "
            "<a href=\"https://e.org/\">e</a></p>",
            base, base));
    ck_assert_str_eq(api_html(ctx, NULL), "");
}
END_TEST

START_TEST(batch_keeps_the_order) {
    int64_t a = member(), b = member(), gone = INT64_C(77);
    int64_t ids[] = {b, gone, a, b, 0};
    const struct api_account *found[5];

    expect_ok(ctx, api_accounts_get(ctx, ids, 5, found));
    ck_assert_int_eq(found[0]->id, b);
    ck_assert_ptr_null(found[1]);
    ck_assert_int_eq(found[2]->id, a);
    ck_assert_int_eq(found[3]->id, b);
    ck_assert_ptr_null(found[4]);
    expect_ok(ctx, api_accounts_get(ctx, ids, 0, found));
}
END_TEST

/* One look-up tells the counts of this moment; a list may lag by a minute, but never in what the card says.
 */
START_TEST(counts_are_of_this_moment_for_one) {
    int64_t a = member(), b = member();
    const struct api_account *list[1];

    expect_ok(ctx, api_accounts_get(ctx, &a, 1, list));
    ck_assert_int_eq(list[0]->followers, 0);
    follow(b, a);
    write_post(a);
    expect_ok(ctx, api_accounts_get(ctx, &a, 1, list));
    ck_assert_int_eq(list[0]->followers, 0);
    ck_assert_int_eq(account(a)->followers, 1);
    ck_assert_int_eq(account(a)->posts, 1);
    ck_assert_int_ne(account(a)->last_status_ms, 0);
    ck_assert_int_eq(account(b)->following, 1);
    expect_ok(ctx, api_accounts_get(ctx, &a, 1, list));
    ck_assert_int_eq(list[0]->followers, 1);
    describe(a, "Renamed", "");
    expect_ok(ctx, api_accounts_get(ctx, &a, 1, list));
    ck_assert_str_eq(list[0]->display_name, "Renamed");
}
END_TEST

START_TEST(json_is_the_same_account) {
    int64_t a = member(), ids[] = {a, 77};
    struct shape_json json[2];
    struct json_object *o, *v;

    describe(a, "J\"son", "");
    expect_ok(ctx, api_accounts_json(ctx, ids, 2, json));
    ck_assert_uint_eq(json[1].n, 0);
    o = json_tokener_parse(arena_strndup(ctx->arena, json[0].p, json[0].n));
    ck_assert_ptr_nonnull(o);
    ck_assert(json_object_object_get_ex(o, "display_name", &v));
    ck_assert_str_eq(json_object_get_string(v), "J\"son");
    json_object_put(o);
}
END_TEST

START_TEST(suspended_say_nothing) {
    int64_t a = member();
    const struct api_account *seen;

    describe(a, "Loud", "Words");
    account(a);
    set_state(a, "suspend");
    seen = account(a);
    ck_assert(seen->suspended);
    ck_assert_str_eq(seen->display_name, "");
    ck_assert_str_eq(seen->note, "");
    ck_assert_uint_eq(seen->fields.n, 0);
    set_state(a, "restore");
    ck_assert_str_eq(account(a)->display_name, "Loud");
}
END_TEST

START_TEST(private_networks_are_not_counted_for_others) {
    int64_t a = member(), b = member();
    Pb__UpdateSettingsRequest req = PB__UPDATE_SETTINGS_REQUEST__INIT;
    struct shape_json json;

    follow(b, a);
    req.user_id = a;
    req.hide_network = true;
    req.default_audience = "public";
    expect_ok(ctx, user_update_settings(ctx, &req, NULL));
    fixture_as(ctx, b);
    ck_assert_int_eq(account(a)->followers, 0);
    expect_ok(ctx, api_accounts_json(ctx, &a, 1, &json));
    ck_assert_ptr_nonnull(strstr(arena_strndup(ctx->arena, json.p, json.n), "\"followers_count\":0"));
    fixture_as(ctx, a);
    ck_assert_int_eq(account(a)->followers, 1);
    expect_ok(ctx, api_accounts_json(ctx, &a, 1, &json));
    ck_assert_ptr_nonnull(strstr(arena_strndup(ctx->arena, json.p, json.n), "\"followers_count\":1"));
}
END_TEST

START_TEST(nobody_is_not_found) {
    const struct api_account *a;

    expect_code(ctx, api_account_get(ctx, 77, &a), NOT_FOUND);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("api_account");
    TCase *tests = tcase_create("accounts");

    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, profile_is_shown);
    tcase_add_test(tests, links_are_made_whole);
    tcase_add_test(tests, batch_keeps_the_order);
    tcase_add_test(tests, counts_are_of_this_moment_for_one);
    tcase_add_test(tests, json_is_the_same_account);
    tcase_add_test(tests, suspended_say_nothing);
    tcase_add_test(tests, private_networks_are_not_counted_for_others);
    tcase_add_test(tests, nobody_is_not_found);
    suite_add_tcase(suite, tests);
    return fixture_main(suite);
}
