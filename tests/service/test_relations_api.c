/* What programs ask of the services beyond pages: bounds of lists, notes, familiar followers, dismissals,
 * markers, defaults, search of members and posts. */
#include <string.h>

#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "tests/service/fixture.h"

static struct ctx *ctx;
static int64_t ann, ben, eve;

static void set_up(void) {
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
    ben = fixture_member(ctx, fixture_handle(ctx, "ben"));
    eve = fixture_member(ctx, fixture_handle(ctx, "eve"));
}

static Pb__EdgeRequest edge_of(int64_t actor, int64_t target) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.target_id = target;
    return req;
}

static void follow(int64_t actor, int64_t target) {
    Pb__EdgeRequest req = edge_of(actor, target);

    expect_ok(ctx, connection_follow(ctx, &req, NULL));
}

static Pb__UpdateSettingsRequest settings_of(int64_t id) {
    Pb__UpdateSettingsRequest req = PB__UPDATE_SETTINGS_REQUEST__INIT;

    req.user_id = id;
    req.discoverable = true;
    req.default_audience = "public";
    return req;
}

/* ---- Relations ---- */

START_TEST(lists_have_bounds_in_both_directions) {
    Pb__ListEdgesRequest req = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *all, *page;
    int64_t fans[7];

    for (size_t i = 0; i < 7; i++) {
        fans[i] = fixture_member(ctx, fixture_handle(ctx, "fan"));
        follow(fans[i], ann);
    }
    req.user_id = ann;
    expect_ok(ctx, connection_list_followers(ctx, &req, &all));
    ck_assert_uint_eq(all->n_items, 7);
    ck_assert_int_eq(all->items[0]->user_id, fans[6]);
    ck_assert_int_eq(all->next, 0);
    req.limit = 2;
    req.after = all->items[6]->edge_id; /* the oldest: those next above it, newest first */
    expect_ok(ctx, connection_list_followers(ctx, &req, &page));
    ck_assert_uint_eq(page->n_items, 2);
    ck_assert_int_eq(page->items[0]->user_id, fans[2]);
    ck_assert_int_eq(page->items[1]->user_id, fans[1]);
    ck_assert_int_eq(page->prev, all->items[4]->edge_id);
    ck_assert_int_eq(page->next, all->items[5]->edge_id);
    req.before = all->items[4]->edge_id;
    expect_ok(ctx, connection_list_followers(ctx, &req, &page));
    ck_assert_uint_eq(page->n_items, 1);
    req = (Pb__ListEdgesRequest)PB__LIST_EDGES_REQUEST__INIT;
    req.user_id = ann;
    req.limit = 2;
    req.since = all->items[6]->edge_id; /* the newest, down to it */
    expect_ok(ctx, connection_list_followers(ctx, &req, &page));
    ck_assert_int_eq(page->items[0]->user_id, fans[6]);
    ck_assert_int_eq(page->next, all->items[1]->edge_id);
}
END_TEST

static Pb__GetRelationshipsRequest about(int64_t viewer, int64_t *targets, size_t n) {
    Pb__GetRelationshipsRequest req = PB__GET_RELATIONSHIPS_REQUEST__INIT;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.target_ids = targets;
    req.n_target_ids = n;
    return req;
}

static const char *note_of(int64_t viewer, int64_t target) {
    Pb__GetRelationshipsRequest req = about(viewer, &target, 1);
    const Pb__NotesReply *reply;

    expect_ok(ctx, connection_get_notes(ctx, &req, &reply));
    return reply->n_notes > 0 ? reply->notes[0]->text : "";
}

static enum code note(int64_t actor, int64_t target, const char *text) {
    Pb__SetNoteRequest req = PB__SET_NOTE_REQUEST__INIT;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.target_id = target;
    req.text = text;
    return connection_set_note(ctx, &req, NULL);
}

START_TEST(notes_are_for_oneself) {
    char *long_text = arena_zalloc(ctx->arena, 2002);

    expect_ok(ctx, note(ann, ben, "  met at work "));
    ck_assert_str_eq(note_of(ann, ben), "met at work");
    ck_assert_str_eq(note_of(eve, ben), "");
    expect_ok(ctx, note(ann, ben, "left"));
    ck_assert_str_eq(note_of(ann, ben), "left");
    expect_ok(ctx, note(ann, ben, ""));
    expect_ok(ctx, note(ann, ben, ""));
    ck_assert_str_eq(note_of(ann, ben), "");
    memset(long_text, 'x', 2001);
    expect_code(ctx, note(ann, ben, long_text), INVALID);
    expect_code(ctx, note(0, ben, "x"), UNAUTHENTICATED);
}
END_TEST

START_TEST(familiar_followers_obey_privacy) {
    int64_t targets[] = {eve, ben};
    Pb__GetRelationshipsRequest req;
    Pb__UpdateSettingsRequest hidden = settings_of(eve);
    Pb__EdgeRequest block = edge_of(ben, ann);
    const Pb__FamiliarReply *reply;

    follow(ann, ben);
    follow(ben, eve);
    req = about(ann, targets, 2);
    expect_ok(ctx, connection_familiar_followers(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_members, 2);
    ck_assert_int_eq(reply->members[0]->target_id, eve);
    ck_assert_uint_eq(reply->members[0]->n_user_ids, 1);
    ck_assert_int_eq(reply->members[0]->user_ids[0], ben);
    ck_assert_uint_eq(reply->members[1]->n_user_ids, 0);
    hidden.hide_network = true;
    expect_ok(ctx, user_update_settings(ctx, &hidden, NULL));
    expect_ok(ctx, connection_familiar_followers(ctx, &req, &reply));
    ck_assert_uint_eq(reply->members[0]->n_user_ids, 0);
    expect_ok(ctx, connection_block(ctx, &block, NULL));
    req = about(ann, targets, 2);
    expect_ok(ctx, connection_familiar_followers(ctx, &req, &reply));
    ck_assert_uint_eq(reply->members[1]->n_user_ids, 0);
    req.viewer_id = 0;
    expect_code(ctx, connection_familiar_followers(ctx, &req, &reply), UNAUTHENTICATED);
}
END_TEST

static int64_t in_common(int64_t viewer, int64_t suggested) {
    Pb__ListEdgesRequest req = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *page;

    fixture_as(ctx, viewer);
    req.user_id = viewer;
    req.limit = 80;
    expect_ok(ctx, connection_suggest_follows(ctx, &req, &page));
    for (size_t i = 0; i < page->n_items; i++)
        if (page->items[i]->user_id == suggested)
            return page->items[i]->in_common;
    return -1;
}

START_TEST(dismissed_are_not_suggested_again) {
    Pb__EdgeRequest dismiss;

    follow(ann, ben);
    follow(ben, eve);
    ck_assert_int_eq(in_common(ann, eve), 1);
    dismiss = edge_of(ann, eve);
    expect_ok(ctx, connection_dismiss_suggestion(ctx, &dismiss, NULL));
    expect_ok(ctx, connection_dismiss_suggestion(ctx, &dismiss, NULL));
    ck_assert_int_eq(in_common(ann, eve), -1);
}
END_TEST

/* ---- Accounts ---- */

START_TEST(markers_do_not_overtake_each_other) {
    Pb__SetMarkersRequest req = PB__SET_MARKERS_REQUEST__INIT;
    Pb__GetMarkersRequest get = PB__GET_MARKERS_REQUEST__INIT;
    Pb__ReadMarker home = PB__READ_MARKER__INIT, news = PB__READ_MARKER__INIT, *both[] = {&home, &news};
    const char *timelines[] = {"home", "notifications", "nothing"};
    const Pb__MarkersReply *reply;

    fixture_as(ctx, ann);
    req.user_id = get.user_id = ann;
    req.markers = both;
    req.n_markers = 1;
    home.timeline = "home";
    home.last_read_id = 5;
    home.version = 3;
    expect_code(ctx, user_set_markers(ctx, &req, &reply), PRECONDITION); /* there is none of that version */
    home.version = 0;
    expect_ok(ctx, user_set_markers(ctx, &req, &reply));
    ck_assert_int_eq(reply->markers[0]->version, 1);
    home.version = 1;
    home.last_read_id = 6;
    expect_ok(ctx, user_set_markers(ctx, &req, &reply));
    ck_assert_int_eq(reply->markers[0]->version, 2);
    news.timeline = "notifications";
    news.last_read_id = 9;
    req.markers = (Pb__ReadMarker *[]){&news, &home};
    req.n_markers = 2;
    expect_code(ctx, user_set_markers(ctx, &req, &reply), PRECONDITION); /* home is late, so neither */
    get.timelines = timelines;
    get.n_timelines = 3;
    expect_ok(ctx, user_get_markers(ctx, &get, &reply));
    ck_assert_uint_eq(reply->n_markers, 1);
    ck_assert_int_eq(reply->markers[0]->last_read_id, 6);
    home.timeline = "elsewhere";
    expect_code(ctx, user_set_markers(ctx, &req, &reply), INVALID);
}
END_TEST

START_TEST(defaults_are_kept) {
    Pb__UpdateDefaultsRequest req = PB__UPDATE_DEFAULTS_REQUEST__INIT;
    Pb__GetAccountRequest get = PB__GET_ACCOUNT_REQUEST__INIT;
    const Pb__Account *account;

    req.user_id = get.user_id = ann;
    req.audience = "followers";
    req.sensitive = true;
    req.language = "de";
    expect_ok(ctx, user_update_defaults(ctx, &req, NULL));
    expect_ok(ctx, user_get_account(ctx, &get, &account));
    ck_assert_str_eq(account->default_audience, "followers");
    ck_assert_str_eq(account->post_language, "de");
    ck_assert(account->default_sensitive);
    req.language = "Klingon";
    expect_code(ctx, user_update_defaults(ctx, &req, NULL), INVALID);
    req.language = "";
    req.audience = "direct";
    expect_code(ctx, user_update_defaults(ctx, &req, NULL), INVALID);
    req.audience = "public";
    req.user_id = 77;
    expect_code(ctx, user_update_defaults(ctx, &req, NULL), NOT_FOUND);
}
END_TEST

static void rename_member(int64_t id, const char *name) {
    Pb__UpdateProfileRequest req = PB__UPDATE_PROFILE_REQUEST__INIT;

    req.user_id = id;
    req.name = name;
    req.headline = "";
    req.bio = "";
    expect_ok(ctx, user_update_profile(ctx, &req, NULL));
}

START_TEST(search_of_members) {
    Pb__SearchUsersRequest req = PB__SEARCH_USERS_REQUEST__INIT;
    Pb__UpdateSettingsRequest hidden = settings_of(eve);
    const Pb__UsersPage *page;

    rename_member(ann, "Quagmire One");
    rename_member(ben, "Quagmire Two");
    rename_member(eve, "Quagmire Three");
    hidden.discoverable = false;
    expect_ok(ctx, user_update_settings(ctx, &hidden, NULL));
    req.query = "quagm";
    expect_ok(ctx, user_search_users(ctx, &req, &page));
    ck_assert_uint_eq(page->n_users, 2);
    req.known_ids = &eve;
    req.n_known_ids = 1;
    expect_ok(ctx, user_search_users(ctx, &req, &page));
    ck_assert_uint_eq(page->n_users, 3);
    ck_assert_int_eq(page->users[0]->id, eve);
    req.offset = 1;
    req.limit = 1;
    expect_ok(ctx, user_search_users(ctx, &req, &page));
    ck_assert_uint_eq(page->n_users, 1);
    ck_assert_int_ne(page->users[0]->id, eve);
    req.known_only = true;
    req.offset = 0;
    req.limit = 0;
    expect_ok(ctx, user_search_users(ctx, &req, &page));
    ck_assert_uint_eq(page->n_users, 1);
    req.query = "!?";
    expect_ok(ctx, user_search_users(ctx, &req, &page));
    ck_assert_uint_eq(page->n_users, 0);
}
END_TEST

START_TEST(profiles_come_in_one_batch) {
    int64_t ids[] = {ben, 77, ann};
    Pb__GetProfilesRequest req = PB__GET_PROFILES_REQUEST__INIT;
    const Pb__ProfilesReply *reply;

    req.ids = ids;
    req.n_ids = 3;
    expect_ok(ctx, user_get_profiles(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_profiles, 2);
    req.n_ids = 0;
    expect_ok(ctx, user_get_profiles(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_profiles, 0);
}
END_TEST

/* ---- Posts ---- */

static int64_t write_post(int64_t author, const char *text, Pb__Audience audience) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    const Pb__PostReply *reply;

    fixture_as(ctx, author);
    req.author_id = author;
    req.text = text;
    req.audience = audience;
    expect_ok(ctx, post_create_post(ctx, &req, &reply));
    return reply->item->post->id;
}

static size_t found(int64_t viewer, const char *query, int64_t *ret_first) {
    Pb__SearchPostsRequest req = PB__SEARCH_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;

    fixture_as(ctx, viewer);
    req.viewer_id = viewer;
    req.query = query;
    expect_ok(ctx, post_search_posts(ctx, &req, &reply));
    *ret_first = reply->n_items > 0 ? reply->items[0]->post->id : 0;
    return reply->n_items;
}

START_TEST(posts_are_found_by_who_may_see_them) {
    int64_t first, open = write_post(ann, "A quokka, seen today", PB__AUDIENCE__AUDIENCE_PUBLIC);
    int64_t closed = write_post(ann, "Another quokka", PB__AUDIENCE__AUDIENCE_FOLLOWERS);
    Pb__EdgeRequest mute;

    ck_assert_uint_eq(found(0, "quokka", &first), 1);
    ck_assert_int_eq(first, open);
    ck_assert_uint_eq(found(ben, "QUOKKA", &first), 1);
    follow(ben, ann);
    ck_assert_uint_eq(found(ben, "quokka", &first), 2);
    ck_assert_int_eq(first, closed);
    ck_assert_uint_eq(found(ben, "quokka -another", &first), 1);
    ck_assert_uint_eq(found(ben, "\"quokka seen\"", &first), 1);
    ck_assert_uint_eq(found(ben, "quo", &first), 0);
    ck_assert_uint_eq(found(ben, "", &first), 0);
    ck_assert_uint_eq(found(ben, "'; & | ! ( <->", &first), 0);
    mute = edge_of(ben, ann);
    expect_ok(ctx, connection_mute(ctx, &mute, NULL));
    ck_assert_uint_eq(found(ben, "quokka", &first), 0);
}
END_TEST

/* What others may not see does not hide what they may, however much of it there is. */
START_TEST(search_looks_past_what_is_hidden) {
    int64_t first, open = write_post(eve, "wombat", PB__AUDIENCE__AUDIENCE_PUBLIC);

    for (int i = 0; i < 120; i++)
        write_post(ann, "wombat", PB__AUDIENCE__AUDIENCE_FOLLOWERS);
    ck_assert_uint_eq(found(ben, "wombat", &first), 1);
    ck_assert_int_eq(first, open);
    ck_assert_uint_eq(found(ann, "wombat", &first), 20);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("relations_api");
    TCase *tests = tcase_create("rpcs");

    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, lists_have_bounds_in_both_directions);
    tcase_add_test(tests, notes_are_for_oneself);
    tcase_add_test(tests, familiar_followers_obey_privacy);
    tcase_add_test(tests, dismissed_are_not_suggested_again);
    tcase_add_test(tests, markers_do_not_overtake_each_other);
    tcase_add_test(tests, defaults_are_kept);
    tcase_add_test(tests, search_of_members);
    tcase_add_test(tests, profiles_come_in_one_batch);
    tcase_add_test(tests, posts_are_found_by_who_may_see_them);
    tcase_add_test(tests, search_looks_past_what_is_hidden);
    suite_add_tcase(suite, tests);
    return fixture_main(suite);
}
