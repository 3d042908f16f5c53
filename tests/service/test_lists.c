/* Lists that members keep of those they follow: who may be on them, who may change them, what they show. */
#include "tests/service/fixture_post.h"

#include <string.h>

#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"

struct ctx *ctx;

#define LIST PB__REPLIES_POLICY__REPLIES_LIST
#define FOLLOWED PB__REPLIES_POLICY__REPLIES_FOLLOWED
#define NONE PB__REPLIES_POLICY__REPLIES_NONE

static enum code try_list(int64_t owner, int64_t id, const Pb__List **ret) {
    Pb__ListRequest req = PB__LIST_REQUEST__INIT;

    fixture_as(ctx, owner);
    req.viewer_id = owner;
    req.list_id = id;
    req.with_members = true;
    return connection_get_list(ctx, &req, ret);
}

static const Pb__List *list_now(int64_t owner, int64_t id) {
    const Pb__List *list;

    expect_ok(ctx, try_list(owner, id, &list));
    ck_assert_uint_eq(list->n_members, list->n_member_ids);
    return list;
}

static size_t n_lists(int64_t owner, int64_t member) {
    Pb__ListsRequest req = PB__LISTS_REQUEST__INIT;
    const Pb__ListsReply *reply;

    fixture_as(ctx, owner);
    req.viewer_id = owner;
    req.member_id = member;
    expect_ok(ctx, connection_get_lists(ctx, &req, &reply));
    return reply->n_lists;
}

static enum code try_delete(int64_t owner, int64_t id) {
    Pb__ListRequest req = PB__LIST_REQUEST__INIT;

    fixture_as(ctx, owner);
    req.viewer_id = owner;
    req.list_id = id;
    return connection_delete_list(ctx, &req, NULL);
}

static enum code try_title(int64_t owner, int64_t id, const char *title, const Pb__List **ret) {
    Pb__SaveListRequest req = PB__SAVE_LIST_REQUEST__INIT;

    fixture_as(ctx, owner);
    req.actor_id = owner;
    req.list_id = id;
    req.set_title = true;
    req.title = title;
    return connection_save_list(ctx, &req, ret);
}

static const Pb__TimelinePage *shown(int64_t owner, int64_t id) {
    Pb__PageRequest req = ask(owner, 20);

    req.list_id = id;
    return timeline(post_list_timeline, req);
}

static bool is_edge(int64_t viewer, int64_t target, uint32_t bit) {
    uint32_t edges;

    fixture_as(ctx, viewer);
    expect_ok(ctx, edges_get(ctx, viewer, &target, 1, &edges));
    return (edges & bit) != 0;
}

START_TEST(made_changed_and_deleted) {
    const Pb__List *list;
    int64_t id;

    ck_assert_uint_eq(n_lists(ann, 0), 0);
    expect_ok(ctx, try_title(ann, 0, "  Old   friends ", &list));
    id = list->id;
    ck_assert_str_eq(list->title, "Old friends");
    ck_assert_int_eq(list->replies, LIST);
    ck_assert(!list->exclusive);
    list_change(ann, id, NONE, true);
    expect_ok(ctx, try_title(ann, id, "Colleagues", &list));
    ck_assert_str_eq(list->title, "Colleagues");
    ck_assert_int_eq(list->replies, NONE); /* what was not said stays */
    ck_assert(list->exclusive);
    expect_code(ctx, try_title(ann, id, " ", &list), INVALID);
    expect_code(ctx, try_title(ann, 0, "", &list), INVALID);
    ck_assert_uint_eq(n_lists(ann, 0), 1);
    expect_ok(ctx, try_delete(ann, id));
    expect_code(ctx, try_delete(ann, id), NOT_FOUND);
    ck_assert_uint_eq(n_lists(ann, 0), 0);
}
END_TEST

START_TEST(nobody_elses) {
    int64_t id = list_new(ann, LIST, false);
    Pb__PageRequest page = ask(ben, 20);
    Pb__ListEdgesRequest members = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__List *list;

    edge(connection_follow, ann, eve);
    edge(connection_follow, ben, eve);
    expect_code(ctx, try_list(ben, id, &list), NOT_FOUND);
    expect_code(ctx, try_title(ben, id, "Mine now", &list), NOT_FOUND);
    expect_code(ctx, try_list_put(ben, id, eve, true), NOT_FOUND);
    list_put(ann, id, eve, true);
    expect_code(ctx, try_list_put(ben, id, eve, false), NOT_FOUND);
    expect_code(ctx, try_delete(ben, id), NOT_FOUND);
    page.list_id = members.list_id = id;
    members.user_id = ben;
    fixture_as(ctx, ben);
    expect_code(ctx, post_list_timeline(ctx, &page, NULL), NOT_FOUND);
    fixture_as(ctx, ben);
    expect_code(ctx, connection_list_members(ctx, &members, NULL), NOT_FOUND);
    ck_assert_uint_eq(list_now(ann, id)->n_members, 1);
}
END_TEST

START_TEST(only_who_is_followed) {
    int64_t id = list_new(ann, LIST, false), both[] = {ben, eve};
    Pb__ListMembersRequest req = PB__LIST_MEMBERS_REQUEST__INIT;

    expect_code(ctx, try_list_put(ann, id, ben, true), NOT_FOUND);
    edge(connection_follow, ann, ben);
    req.actor_id = ann;
    req.list_id = id;
    req.member_ids = both;
    req.n_member_ids = 2;
    fixture_as(ctx, ann);
    expect_code(ctx, connection_add_to_list(ctx, &req, NULL), NOT_FOUND); /* all or nobody */
    ck_assert_uint_eq(list_now(ann, id)->n_members, 0);
    edge(connection_follow, ann, eve);
    fixture_as(ctx, ann);
    expect_ok(ctx, connection_add_to_list(ctx, &req, NULL));
    ck_assert_uint_eq(list_now(ann, id)->n_members, 2);
    expect_code(ctx, try_list_put(ann, id, ben, true), INVALID); /* there already */
    ck_assert_uint_eq(n_lists(ann, ben), 1);
    list_put(ann, id, ben, false);
    list_put(ann, id, ben, false); /* nothing to do */
    ck_assert_uint_eq(n_lists(ann, ben), 0);
    list_put(ann, id, ben, true);
    edge(connection_unfollow, ann, ben);
    edge(connection_block, eve, ann);
    ck_assert_uint_eq(list_now(ann, id)->n_members, 0);
    edge(connection_follow, ann, ben);
    ck_assert_uint_eq(list_now(ann, id)->n_members, 0);
}
END_TEST

START_TEST(so_many_and_no_more) {
    const Pb__List *list;

    for (int i = 0; i < 100; i++)
        list_new(ann, LIST, false);
    expect_code(ctx, try_title(ann, 0, "One more", &list), PRECONDITION);
    ck_assert_uint_eq(n_lists(ann, 0), 100);
    list_new(ben, LIST, false);
}
END_TEST

START_TEST(pages_of_members) {
    int64_t id = list_new(ann, LIST, false), who[5];
    Pb__ListEdgesRequest req = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *page;

    for (int i = 0; i < 5; i++) {
        who[i] = fixture_member(ctx, fixture_handle(ctx, "f"));
        edge(connection_follow, ann, who[i]);
        list_put(ann, id, who[i], true);
    }
    req.user_id = ann;
    req.list_id = id;
    req.limit = 2;
    for (int left = 5; left > 0; left -= 2) {
        fixture_as(ctx, ann);
        expect_ok(ctx, connection_list_members(ctx, &req, &page));
        ck_assert_uint_eq(page->n_items, left > 1 ? 2 : 1);
        ck_assert_int_eq(page->items[0]->user_id, who[left - 1]); /* who came last first */
        req.before = page->next;
    }
    ck_assert_int_eq(req.before, 0);
}
END_TEST

START_TEST(what_a_list_shows) {
    int64_t id = list_new(ann, LIST, false), public, followers, secret, own, answer, mine, to_mine, before;

    before = post(ben, "before", PUBLIC, 0);
    edge(connection_follow, ann, ben);
    edge(connection_follow, ann, eve);
    list_put(ann, id, ben, true);
    public = post(ben, "public", PUBLIC, 0);
    followers = post(ben, "for followers", FOLLOWERS, 0);
    secret = post(ben, arena_printf(ctx->arena, "for @%s", fixture_handle(ctx, "x")), FOLLOWERS, 0);
    own = post(ben, "and another thing", PUBLIC, public);
    answer = post(ben, "to eve", PUBLIC, post(eve, "by eve", PUBLIC, 0));
    mine = post(ann, "by ann", PUBLIC, 0);
    to_mine = post(ben, "to ann", PUBLIC, mine);
    ck_assert(has_post(shown(ann, id), before) && has_post(shown(ann, id), public));
    ck_assert(has_post(shown(ann, id), followers) && has_post(shown(ann, id), secret));
    ck_assert(has_post(shown(ann, id), own) && has_post(shown(ann, id), to_mine));
    ck_assert(!has_post(shown(ann, id), answer) && !has_post(shown(ann, id), mine));
    list_change(ann, id, FOLLOWED, false);
    ck_assert(has_post(shown(ann, id), answer));
    list_put(ann, id, eve, true);
    list_change(ann, id, NONE, false);
    ck_assert(!has_post(shown(ann, id), answer) && has_post(shown(ann, id), to_mine));
    list_change(ann, id, LIST, false);
    ck_assert(has_post(shown(ann, id), answer));
    edge(connection_mute, ann, ben);
    ck_assert(!has_post(shown(ann, id), public));
    edge(connection_unmute, ann, ben);
    del(ben, public);
    ck_assert(!has_post(shown(ann, id), public) && has_post(shown(ann, id), own));
}
END_TEST

/* At once, whatever home has cached. */
START_TEST(an_exclusive_list_empties_home) {
    int64_t id = list_new(ann, LIST, false), written;

    edge(connection_follow, ann, ben);
    written = post(ben, "by ben", PUBLIC, 0);
    fixture_events(ctx);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), written));
    list_put(ann, id, ben, true);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), written));
    list_change(ann, id, LIST, true);
    ck_assert(is_edge(ann, ben, EDGE_EXCLUSIVE));
    ck_assert(!has_post(timeline(post_home_timeline, ask(ann, 20)), written));
    ck_assert(has_post(shown(ann, id), written));
    list_put(ann, id, ben, false);
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), written));
    list_put(ann, id, ben, true);
    ck_assert(!has_post(timeline(post_home_timeline, ask(ann, 20)), written));
    expect_ok(ctx, try_delete(ann, id));
    ck_assert(has_post(timeline(post_home_timeline, ask(ann, 20)), written));
}
END_TEST

START_TEST(memberships_are_for_workers) {
    int64_t id = list_new(ann, LIST, true), other = list_new(eve, LIST, false);
    Pb__MembershipsRequest req = PB__MEMBERSHIPS_REQUEST__INIT;
    const Pb__MembershipsReply *reply;

    edge(connection_follow, ann, ben);
    edge(connection_follow, eve, ben);
    list_put(ann, id, ben, true);
    list_put(eve, other, ben, true);
    req.user_ids = &ben;
    req.n_user_ids = 1;
    fixture_as(ctx, ann);
    expect_code(ctx, connection_get_memberships(ctx, &req, NULL), DENIED);
    fixture_as(ctx, 0);
    expect_ok(ctx, connection_get_memberships(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_memberships, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(reply->memberships[i]->owner_id, reply->memberships[i]->exclusive ? ann : eve);
}
END_TEST

/* Who follows all of somebody's posts is not among them. */
START_TEST(narrow_follows_are_for_workers) {
    Pb__EdgeRequest follow = PB__EDGE_REQUEST__INIT;
    Pb__FollowOptions options = PB__FOLLOW_OPTIONS__INIT;
    Pb__NarrowFollowsRequest req = PB__NARROW_FOLLOWS_REQUEST__INIT;
    const Pb__NarrowFollowsReply *reply;
    const char *languages[] = {"pt-BR", "de"};

    edge(connection_follow, eve, ben);
    follow.actor_id = ann;
    follow.target_id = ben;
    follow.options = &options;
    options.reposts = PB__WISH__WISH_NO;
    options.set_languages = true;
    options.languages = languages;
    options.n_languages = 2;
    fixture_as(ctx, ann);
    expect_ok(ctx, connection_follow(ctx, &follow, NULL));
    req.user_ids = &ben;
    req.n_user_ids = 1;
    expect_code(ctx, connection_get_narrow_follows(ctx, &req, NULL), DENIED);
    fixture_as(ctx, 0);
    expect_ok(ctx, connection_get_narrow_follows(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_follows, 1);
    ck_assert_int_eq(reply->follows[0]->follower_id, ann);
    ck_assert_int_eq(reply->follows[0]->followee_id, ben);
    ck_assert(reply->follows[0]->no_reposts);
    ck_assert_uint_eq(reply->follows[0]->n_languages, 2);
    ck_assert_str_eq(reply->follows[0]->languages[0], "pt-BR");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lists");
    TCase *t = tcase_create("lists");

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, made_changed_and_deleted);
    tcase_add_test(t, nobody_elses);
    tcase_add_test(t, only_who_is_followed);
    tcase_add_test(t, so_many_and_no_more);
    tcase_add_test(t, pages_of_members);
    tcase_add_test(t, what_a_list_shows);
    tcase_add_test(t, an_exclusive_list_empties_home);
    tcase_add_test(t, memberships_are_for_workers);
    tcase_add_test(t, narrow_follows_are_for_workers);
    suite_add_tcase(suite, t);
    return fixture_main(suite);
}
