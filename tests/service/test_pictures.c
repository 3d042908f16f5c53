/* Members' pictures on real servers: the new one takes the old one's place once it is ready. */
#include <inttypes.h>
#include <string.h>

#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "tests/service/fixture_media.h"
#include "tests/service/servers.h"

struct ctx *ctx;
static int64_t ann, ben;

static void set_up(void) {
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
    ben = fixture_member(ctx, fixture_handle(ctx, "ben"));
}

static enum code try_set(int64_t user, const char *kind, int64_t media, const char *words) {
    Pb__SetPictureRequest req = PB__SET_PICTURE_REQUEST__INIT;

    fixture_as(ctx, user);
    req.user_id = user;
    req.kind = kind;
    req.media_id = media;
    req.words = words;
    return user_set_picture(ctx, &req, NULL);
}

static void set(const char *kind, int64_t media, const char *words) {
    expect_ok(ctx, try_set(ann, kind, media, words));
}

/* As any worker has it. */
static const Pb__UserCard *card(void) {
    const Pb__UserCard *c;

    ctx = fixture_ctx();
    expect_ok(ctx, card_get(ctx, ann, &c));
    return c;
}

static const Pb__Account *account(void) {
    Pb__GetAccountRequest req = PB__GET_ACCOUNT_REQUEST__INIT;
    const Pb__Account *reply;

    req.user_id = ann;
    expect_ok(ctx, user_get_account(ctx, &req, &reply));
    return reply;
}

static int64_t target(int64_t id) { return medium(id)->target_id; }

static void check_shows(int64_t media) {
    ck_assert_str_eq(card()->avatar_large, medium(media)->files[1]->key);
    ck_assert_str_eq(card()->avatar, medium(media)->files[0]->key);
}

START_TEST(the_old_one_stays_until_the_new_one_is_ready) {
    int64_t first = upload(ann, "avatar"), second = upload(ann, "avatar"), version;

    make_ready(first, false);
    set("avatar", first, "me at sea");
    check_shows(first);
    ck_assert_str_eq(card()->avatar_words, "me at sea");
    version = card()->version;
    set("avatar", second, "");
    fixture_events(ctx);
    check_shows(first);
    ck_assert_int_eq(card()->version, version);
    ck_assert_int_eq(account()->avatar_next_id, second);
    ck_assert_int_eq(target(first), ann);
    ck_assert_int_eq(target(second), ann);
    make_ready(second, true);
    fixture_events(ctx);
    check_shows(second);
    ck_assert_int_gt(card()->version, version);
    ck_assert_str_eq(card()->avatar_words, "");
    ck_assert_int_eq(account()->avatar_next_id, 0);
    ck_assert_int_eq(account()->avatar_media_id, second);
    ck_assert_int_eq(target(first), 0);
}
END_TEST

START_TEST(the_old_one_stays_when_the_new_one_fails) {
    int64_t first = upload(ann, "avatar"), broken = upload(ann, "avatar");

    make_ready(first, false);
    set("avatar", first, "");
    set("avatar", broken, "");
    make_failed(broken);
    fixture_events(ctx);
    check_shows(first);
    ck_assert_int_eq(account()->avatar_next_id, broken); /* so that its member is told */
    ck_assert_int_eq(target(broken), ann);
    set("avatar", first, "");
    fixture_events(ctx);
    ck_assert_int_eq(try_set(ann, "avatar", broken, ""), INVALID);
    fail_clear(ctx);
}
END_TEST

/* Ready before the row says that it is wanted. */
START_TEST(an_event_that_came_too_soon_is_made_up_for) {
    int64_t m = upload(ann, "avatar");

    set("avatar", m, "");
    make_ready(m, false);
    fixture_events(ctx);
    check_shows(m);
}
END_TEST

START_TEST(pictures_are_removed) {
    int64_t face = upload(ann, "avatar"), wide = upload(ann, "banner");

    make_ready(face, false);
    make_ready(wide, false);
    set("avatar", face, "");
    set("banner", wide, "a wide field");
    ck_assert_str_eq(card()->banner, medium(wide)->files[0]->key);
    ck_assert_str_eq(card()->banner_words, "a wide field");
    set("avatar", 0, "");
    fixture_events(ctx);
    ck_assert_str_eq(card()->avatar, "");
    ck_assert_str_ne(card()->banner, "");
    ck_assert_int_eq(target(face), 0);
    make_gone(wide); /* by an administrator, say */
    fixture_events(ctx);
    ck_assert_str_eq(card()->banner, "");
}
END_TEST

START_TEST(words_are_the_mediums_own) {
    Pb__UpdateMediaRequest req = PB__UPDATE_MEDIA_REQUEST__INIT;
    int64_t m = upload(ann, "avatar");

    make_ready(m, false);
    set("avatar", m, "one");
    req.owner_id = ann;
    req.id = m;
    req.has_description = true;
    req.description = "two";
    expect_ok(ctx, media_update_media(ctx, &req, NULL));
    fixture_events(ctx);
    ck_assert_str_eq(card()->avatar_words, "two");
    set("avatar", m, "three");
    ck_assert_str_eq(card()->avatar_words, "three");
}
END_TEST

START_TEST(what_is_no_picture_of_ones_own_is_refused) {
    int64_t theirs = upload(ben, "avatar"), other = upload(ann, "post"), good = upload(ann, "avatar");

    make_ready(good, false);
    make_ready(other, false);
    set("avatar", good, "");
    ck_assert_int_ne(try_set(ann, "avatar", theirs, ""), OK);
    fail_clear(ctx);
    ck_assert_int_eq(try_set(ann, "avatar", other, ""), INVALID);
    fail_clear(ctx);
    ck_assert_int_eq(try_set(ann, "portrait", good, ""), INVALID);
    fail_clear(ctx);
    fixture_events(ctx);
    check_shows(good);
    ck_assert_int_eq(target(theirs) + target(other), 0);
    ck_assert_int_eq(target(good), ann);
}
END_TEST

/* Who leaves may come back: until then nothing of it is let go. */
START_TEST(pictures_wait_for_who_comes_back) {
    Pb__RequestDeletionRequest leave = PB__REQUEST_DELETION_REQUEST__INIT;
    int64_t m = upload(ann, "avatar");

    make_ready(m, false);
    set("avatar", m, "");
    fixture_as(ctx, 0);
    leave.user_id = ann;
    expect_ok(ctx, user_request_deletion(ctx, &leave, NULL));
    as_admin(arena_printf(
        ctx->arena, "SELECT events.emit('user.picture.v1', %" PRId64 ", 'user.picture_changed', '')", ann));
    fixture_events(ctx);
    ck_assert_int_eq(target(m), ann);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pictures");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, set_up, NULL);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, the_old_one_stays_until_the_new_one_is_ready);
    tcase_add_test(all, the_old_one_stays_when_the_new_one_fails);
    tcase_add_test(all, an_event_that_came_too_soon_is_made_up_for);
    tcase_add_test(all, pictures_are_removed);
    tcase_add_test(all, words_are_the_mediums_own);
    tcase_add_test(all, what_is_no_picture_of_ones_own_is_refused);
    tcase_add_test(all, pictures_wait_for_who_comes_back);
    suite_add_tcase(suite, all);
    return fixture_main(suite);
}
