/* The connection service's rules on real servers. */
#include "fcgi/base/clock.h"
#include "fcgi/drivers/redis.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "tests/service/fixture.h"

static struct ctx *ctx;
static int64_t ann, ben, eve;

static void set_up(void) {
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
    ben = fixture_member(ctx, fixture_handle(ctx, "ben"));
    eve = fixture_member(ctx, fixture_handle(ctx, "eve"));
}

typedef enum code edge_rpc(struct ctx *c, const Pb__EdgeRequest *req, const Pb__Relationship **reply);

static enum code edge(edge_rpc *rpc, int64_t actor, int64_t target, uint32_t *ret_edges) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;
    const Pb__Relationship *reply = NULL;
    enum code c;

    fixture_as(ctx, actor);
    req.actor_id = actor;
    req.target_id = target;
    c = rpc(ctx, &req, &reply);
    if (ret_edges != NULL)
        *ret_edges = reply != NULL ? reply->edges : 0;
    return c;
}

static uint32_t edges_now(int64_t viewer, int64_t target) {
    uint32_t out;

    fixture_as(ctx, viewer);
    expect_ok(ctx, edges_get(ctx, viewer, &target, 1, &out));
    return out;
}

static Pb__NetworkCounts counts_of(int64_t user) {
    Pb__GetCountsRequest req = PB__GET_COUNTS_REQUEST__INIT;
    const Pb__GetCountsReply *reply;
    Pb__NetworkCounts none = PB__NETWORK_COUNTS__INIT;

    req.user_ids = &user;
    req.n_user_ids = 1;
    expect_ok(ctx, connection_get_counts(ctx, &req, &reply));
    return reply->n_counts ? *reply->counts[0] : none;
}

static void lock(int64_t user) {
    Pb__UpdateSettingsRequest req = PB__UPDATE_SETTINGS_REQUEST__INIT;

    fixture_as(ctx, user);
    req.user_id = user;
    req.locked = true;
    req.discoverable = true;
    req.default_audience = "public";
    expect_ok(ctx, user_update_settings(ctx, &req, NULL));
}

START_TEST(follow_and_unfollow) {
    uint32_t edges;

    expect_ok(ctx, edge(connection_follow, ann, ben, &edges));
    ck_assert_uint_eq(edges, EDGE_FOLLOWING);
    expect_ok(ctx, edge(connection_follow, ann, ben, &edges)); /* again: no change */
    ck_assert_int_eq(counts_of(ben).followers, 1);
    ck_assert_int_eq(counts_of(ann).following, 1);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_FOLLOWING);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_FOLLOWING); /* from the model now */
    ck_assert_uint_eq(edges_now(ben, ann), 0);
    expect_ok(ctx, edge(connection_unfollow, ann, ben, &edges));
    ck_assert_uint_eq(edges, 0);
    ck_assert_uint_eq(edges_now(ann, ben), 0);
    expect_ok(ctx, edge(connection_unfollow, ann, ben, &edges));
    ck_assert_int_eq(counts_of(ben).followers, 0);
    ck_assert_int_eq(counts_of(ann).following, 0);
}
END_TEST

START_TEST(not_oneself_and_not_nobody) {
    expect_code(ctx, edge(connection_follow, ann, ann, NULL), INVALID);
    expect_code(ctx, edge(connection_block, ann, ann, NULL), INVALID);
    expect_code(ctx, edge(connection_follow, ann, 12345, NULL), NOT_FOUND);
}
END_TEST

START_TEST(locked_accounts_are_asked) {
    Pb__RespondRequest answer = PB__RESPOND_REQUEST__INIT;
    uint32_t edges;

    lock(ben);
    expect_ok(ctx, edge(connection_follow, ann, ben, &edges));
    ck_assert_uint_eq(edges, EDGE_REQUESTED);
    ck_assert_int_eq(counts_of(ben).requests, 1);
    ck_assert_int_eq(counts_of(ben).followers, 0);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_REQUESTED);

    answer.actor_id = ben;
    answer.requester_id = ann;
    answer.accept = true;
    fixture_as(ctx, ben);
    expect_ok(ctx, connection_respond_to_request(ctx, &answer, NULL));
    ck_assert_int_eq(counts_of(ben).requests, 0);
    ck_assert_int_eq(counts_of(ben).followers, 1);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_FOLLOWING);
    expect_code(ctx, connection_respond_to_request(ctx, &answer, NULL), NOT_FOUND); /* once */

    expect_ok(ctx, edge(connection_follow, eve, ben, NULL));
    answer.requester_id = eve;
    answer.accept = false;
    fixture_as(ctx, ben);
    expect_ok(ctx, connection_respond_to_request(ctx, &answer, NULL));
    ck_assert_uint_eq(edges_now(eve, ben), 0);
    expect_ok(ctx, edge(connection_follow, eve, ben, NULL)); /* may ask again, and take it back */
    expect_ok(ctx, edge(connection_unfollow, eve, ben, NULL));
    ck_assert_int_eq(counts_of(ben).requests, 0);
}
END_TEST

START_TEST(blocks_go_both_ways) {
    expect_ok(ctx, edge(connection_follow, ann, ben, NULL));
    expect_ok(ctx, edge(connection_follow, ben, ann, NULL));
    expect_ok(ctx, edge(connection_block, ann, ben, NULL));
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_BLOCKING);
    ck_assert_uint_eq(edges_now(ben, ann), EDGE_BLOCKED_BY);
    ck_assert_int_eq(counts_of(ann).followers, 0);
    ck_assert_int_eq(counts_of(ann).following, 0);
    expect_code(ctx, edge(connection_follow, ben, ann, NULL), DENIED);
    expect_code(ctx, edge(connection_follow, ann, ben, NULL), DENIED);
    expect_ok(ctx, edge(connection_unblock, ann, ben, NULL));
    ck_assert_uint_eq(edges_now(ben, ann), 0);
    expect_ok(ctx, edge(connection_follow, ben, ann, NULL));
}
END_TEST

/* Writes what stands between ann and ben into the model, under another mark. */
static uint32_t edges_stored(const char *value, const char *mark) {
    ck_assert_ptr_nonnull(redis_do(ctx, ctx->env->redis, "HSET conn:rel:%lld _ %s %lld %s", (long long)ann,
                                   mark, (long long)ben, value));
    return edges_now(ann, ben);
}

START_TEST(what_is_kept_goes_with_the_mark) {
    const char *later;

    ck_assert_uint_eq(edges_now(ann, ben) & EDGE_MUTING, 0);
    later = arena_printf(ctx->arena, "65:%lld", (long long)clock_now_ms() + 60000);
    ck_assert_uint_eq(edges_stored("64", "one"), EDGE_MUTING);
    ck_assert_uint_eq(edges_stored("64:1000", "two"), 0);
    ck_assert_uint_eq(edges_stored("65:1000", "three"), EDGE_FOLLOWING);
    ck_assert_uint_eq(edges_stored(later, "four"), EDGE_FOLLOWING | EDGE_MUTING);
    ck_assert_ptr_nonnull(redis_do(ctx, ctx->env->redis, "DEL conn:rel:%lld", (long long)ann));
    ck_assert_uint_eq(edges_now(ann, ben), 0);
}
END_TEST

/* What a profile shows of both: out of the models where they are, else as the owner says; always the same. */
START_TEST(relation_is_what_its_owner_says) {
    int64_t both[][2] = {{ann, ben}, {ben, ann}, {ann, ann}};

    for (int step = 0; step < 5; step++) {
        if (step == 1)
            expect_ok(ctx, edge(connection_follow, ben, ann, NULL));
        if (step == 2)
            expect_ok(ctx, edge(connection_mute, ann, ben, NULL));
        if (step == 3)
            expect_ok(ctx, edge(connection_follow, ann, ben, NULL));
        if (step == 4)
            expect_ok(ctx, edge(connection_block, ben, ann, NULL));
        for (size_t i = 0; i < 9; i++) {
            int64_t viewer = both[i % 3][0], other = both[i % 3][1];
            Pb__GetRelationshipsRequest req = PB__GET_RELATIONSHIPS_REQUEST__INIT;
            const Pb__GetRelationshipsReply *reply;
            struct relation relation;

            req.viewer_id = viewer;
            req.target_ids = &other;
            req.n_target_ids = 1;
            if (i >= 6)
                relation_ahead(ctx, viewer, other);
            expect_ok(ctx, relation_get(ctx, viewer, other, &relation));
            expect_ok(ctx, connection_get_relationships(ctx, &req, &reply));
            ck_assert_uint_eq(relation.edges, reply->relationships[0]->edges);
            ck_assert_int_eq(relation.mute_until_ms, reply->relationships[0]->mute_until_ms);
        }
    }
    expect_ok(ctx, edge(connection_unblock, ben, ann, NULL));
    expect_ok(ctx, edge(connection_unmute, ann, ben, NULL));
}
END_TEST

START_TEST(mutes_end) {
    Pb__EdgeRequest req = PB__EDGE_REQUEST__INIT;
    const Pb__Relationship *reply;

    fixture_as(ctx, ann);
    req.actor_id = ann;
    req.target_id = ben;
    req.duration_s = 3600;
    expect_ok(ctx, connection_mute(ctx, &req, &reply));
    ck_assert_uint_eq(reply->edges, EDGE_MUTING);
    ck_assert_int_gt(reply->mute_until_ms, clock_now_ms() + 3500 * 1000);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_MUTING);
    expect_ok(ctx, edge(connection_unmute, ann, ben, NULL));
    ck_assert_uint_eq(edges_now(ann, ben), 0);
}
END_TEST

START_TEST(model_survives_a_flush_and_a_lost_update) {
    expect_ok(ctx, edge(connection_follow, ann, ben, NULL));
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_FOLLOWING);
    fixture_flush_redis(ctx);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_FOLLOWING);
    /* A worker that dies between commit and Redis leaves a model that is wrong; the consumer drops it. */
    ck_assert_ptr_nonnull(
        redis_do(ctx, ctx->env->redis, "HSET conn:rel:%lld %lld 16", (long long)ann, (long long)ben));
    fixture_events(ctx);
    ck_assert_uint_eq(edges_now(ann, ben), EDGE_FOLLOWING);
}
END_TEST

START_TEST(lists_page_to_the_end) {
    Pb__ListEdgesRequest req = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *page;
    size_t seen = 0;
    int64_t last = INT64_MAX;

    for (int i = 0; i < 25; i++)
        expect_ok(ctx, edge(connection_follow, fixture_member(ctx, fixture_handle(ctx, "fan")), ann, NULL));
    fixture_as(ctx, ben);
    req.user_id = ann;
    req.limit = 10;
    do {
        expect_ok(ctx, connection_list_followers(ctx, &req, &page));
        for (size_t i = 0; i < page->n_items; i++, seen++) {
            ck_assert_int_lt(page->items[i]->edge_id, last);
            last = page->items[i]->edge_id;
        }
        req.before = page->next;
    } while (page->next != 0);
    ck_assert_uint_eq(seen, 25);
}
END_TEST

START_TEST(own_lists_are_private) {
    Pb__ListEdgesRequest req = PB__LIST_EDGES_REQUEST__INIT;

    fixture_as(ctx, ben);
    req.user_id = ann;
    expect_code(ctx, connection_list_blocks(ctx, &req, NULL), DENIED);
    expect_code(ctx, connection_list_mutes(ctx, &req, NULL), DENIED);
    expect_code(ctx, connection_list_requests(ctx, &req, NULL), DENIED);
}
END_TEST

START_TEST(suggestions_come_from_friends) {
    Pb__ListEdgesRequest req = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *page;

    expect_ok(ctx, edge(connection_follow, ann, ben, NULL));
    expect_ok(ctx, edge(connection_follow, ben, eve, NULL));
    fixture_as(ctx, ann);
    req.user_id = ann;
    req.limit = 5;
    expect_ok(ctx, connection_suggest_follows(ctx, &req, &page));
    ck_assert_uint_ge(page->n_items, 1);
    ck_assert_int_eq(page->items[0]->user_id, eve);
    for (size_t i = 0; i < page->n_items; i++)
        ck_assert_int_ne(page->items[i]->user_id, ben);
}
END_TEST

START_TEST(audience_is_filtered) {
    Pb__FilterAudienceRequest req = PB__FILTER_AUDIENCE_REQUEST__INIT;
    const Pb__FilterAudienceReply *reply;
    int64_t candidates[] = {ben, eve};

    expect_ok(ctx, edge(connection_follow, ben, ann, NULL));
    req.author_id = ann;
    req.audience = "followers";
    req.candidate_ids = candidates;
    req.n_candidate_ids = 2;
    expect_ok(ctx, connection_filter_audience(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_allowed_ids, 1);
    ck_assert_int_eq(reply->allowed_ids[0], ben);
    expect_ok(ctx, edge(connection_block, eve, ann, NULL));
    req.audience = "public";
    expect_ok(ctx, connection_filter_audience(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_allowed_ids, 1);
}
END_TEST

START_TEST(import_is_repeatable) {
    Pb__ImportFollowsRequest req = PB__IMPORT_FOLLOWS_REQUEST__INIT;
    const Pb__ImportFollowsReply *reply;
    int64_t from[] = {ann, ben, ann}, to[] = {ben, ann, eve};

    req.follower_ids = from;
    req.followee_ids = to;
    req.n_follower_ids = req.n_followee_ids = 3;
    expect_ok(ctx, connection_import_follows(ctx, &req, &reply));
    ck_assert_int_eq(reply->added, 3);
    expect_ok(ctx, connection_import_follows(ctx, &req, &reply));
    ck_assert_int_eq(reply->added, 0);
    ck_assert_int_eq(counts_of(ann).following, 2);
    ck_assert_int_eq(counts_of(ann).followers, 1);
    ck_assert_uint_eq(edges_now(ben, ann), EDGE_FOLLOWING);
}
END_TEST

int main(void) {
    Suite *s = suite_create("connection");
    TCase *t = tcase_create("rules");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, follow_and_unfollow);
    tcase_add_test(t, not_oneself_and_not_nobody);
    tcase_add_test(t, locked_accounts_are_asked);
    tcase_add_test(t, blocks_go_both_ways);
    tcase_add_test(t, relation_is_what_its_owner_says);
    tcase_add_test(t, mutes_end);
    tcase_add_test(t, what_is_kept_goes_with_the_mark);
    tcase_add_test(t, model_survives_a_flush_and_a_lost_update);
    tcase_add_test(t, lists_page_to_the_end);
    tcase_add_test(t, own_lists_are_private);
    tcase_add_test(t, suggestions_come_from_friends);
    tcase_add_test(t, audience_is_filtered);
    tcase_add_test(t, import_is_repeatable);
    suite_add_tcase(s, t);
    return fixture_main(s);
}
