/* Posts with media, on real servers: what may be attached, what becomes of it, and what failures leave. */
#include <inttypes.h>
#include <string.h>

#include "gen/stubs.h"
#include "handlers/media/store.h"
#include "handlers/post/worker.h"
#include "tests/service/fixture_media.h"
#include "tests/service/fixture_post.h"
#include "tests/service/servers.h"

struct ctx *ctx;

/* ---- Short ways */

static enum code try_attach(int64_t author, const char *text, Pb__Audience audience, const int64_t *ids,
                            size_t n, const Pb__PostItem **ret) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    const Pb__PostReply *reply = NULL;
    enum code c;

    fixture_as(ctx, author);
    req.author_id = author;
    req.text = text;
    req.audience = audience;
    req.media_ids = (int64_t *)(uintptr_t)ids;
    req.n_media_ids = n;
    c = post_create_post(ctx, &req, &reply);
    *ret = c == OK ? reply->item : NULL;
    return c;
}

static int64_t post_with(int64_t author, const char *text, Pb__Audience audience, const int64_t *ids,
                         size_t n) {
    const Pb__PostItem *item;

    expect_ok(ctx, try_attach(author, text, audience, ids, n, &item));
    return item->post->id;
}

static Pb__EditPostRequest edit_of(int64_t id, const char *text) {
    Pb__EditPostRequest req = PB__EDIT_POST_REQUEST__INIT;

    fixture_as(ctx, ann);
    req.actor_id = ann;
    req.id = id;
    req.text = text;
    return req;
}

static const Pb__HistoryReply *history_of(int64_t id) {
    Pb__PostRequest who = PB__POST_REQUEST__INIT;
    const Pb__HistoryReply *history;

    who.id = id;
    expect_ok(ctx, post_get_history(ctx, &who, &history));
    return history;
}

static int64_t target(int64_t id) { return medium(id)->target_id; }

static int notes(void) { return atoi(as_admin("SELECT count(*) FROM posts.attaching")); }

/* The field that the failure is about. */
static const char *field_of_failure(void) {
    const char *field = ctx->error.fields != NULL ? ctx->error.fields->field : "";

    fail_clear(ctx);
    return field;
}

/* ---- Attaching */

START_TEST(a_post_shows_what_becomes_of_its_media) {
    int64_t m = upload(ann, "post"), id = post_with(ann, "", PUBLIC, &m, 1), version;
    const Pb__PostView *post = see(0, id)->post;

    ck_assert_uint_eq(post->n_media, 1);
    ck_assert_int_eq(post->media[0]->state, PB__MEDIA_STATE__MEDIA_WAITING);
    ck_assert(post->media[0]->is_public);
    ck_assert_int_eq(target(m), id);
    version = post->version;
    make_ready(m, true);
    fixture_events(ctx);
    post = see(0, id)->post;
    ck_assert_int_eq(post->media[0]->state, PB__MEDIA_STATE__MEDIA_READY);
    ck_assert_uint_eq(post->media[0]->n_files, 3);
    ck_assert_int_gt(post->version, version);
    ck_assert_int_eq(post->edited_ms, 0); /* nobody edited it */
    fixture_flush_redis(ctx);
    ck_assert_uint_eq(see(0, id)->post->media[0]->n_files, 3);
    ck_assert_int_eq(notes(), 0);
}
END_TEST

/* The media service may be done before the post is there to hear of it. */
START_TEST(what_was_ready_before_the_post_is_shown) {
    int64_t m = upload(ann, "post"), id = post_with(ann, "x", PUBLIC, &m, 1);

    make_ready(m, false);
    fixture_events(ctx);
    ck_assert_int_eq(see(0, id)->post->media[0]->state, PB__MEDIA_STATE__MEDIA_READY);
}
END_TEST

START_TEST(what_fails_or_goes_is_seen) {
    int64_t ids[] = {upload(ann, "post"), upload(ann, "post")}, id = post_with(ann, "x", PUBLIC, ids, 2);

    make_failed(ids[0]);
    make_gone(ids[1]);
    fixture_events(ctx);
    ck_assert_uint_eq(see(0, id)->post->n_media, 1);
    ck_assert_str_eq(see(0, id)->post->media[0]->error, "This picture is broken.");
    make_gone(ids[0]);
    fixture_events(ctx);
    ck_assert_uint_eq(see(0, id)->post->n_media, 0);
}
END_TEST

START_TEST(few_may_see_what_is_for_few) {
    int64_t m = upload(ann, "post"), id = post_with(ann, "x", FOLLOWERS, &m, 1);

    ck_assert_ptr_null(see(ben, id));
    ck_assert(!see(ann, id)->post->media[0]->is_public);
    ck_assert(!medium(m)->is_public);
}
END_TEST

START_TEST(what_cannot_be_attached_is_refused) {
    int64_t five[5], theirs = upload(ben, "post"), face = upload(ann, "avatar"), broken = upload(ann, "post");
    int64_t twice[2];
    const Pb__PostItem *item;

    for (size_t i = 0; i < 5; i++)
        five[i] = upload(ann, "post");
    twice[0] = twice[1] = five[0];
    make_failed(broken);
    ck_assert_int_eq(try_attach(ann, "x", PUBLIC, five, 5, &item), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_ids");
    ck_assert_int_eq(try_attach(ann, "x", PUBLIC, twice, 2, &item), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_ids");
    ck_assert_int_eq(try_attach(ann, "x", PUBLIC, &theirs, 1, &item), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_ids");
    ck_assert_int_eq(try_attach(ann, "x", PUBLIC, &face, 1, &item), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_ids");
    ck_assert_int_eq(try_attach(ann, "x", PUBLIC, &broken, 1, &item), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_ids");
    ck_assert_int_eq(try_attach(ann, "", PUBLIC, NULL, 0, &item), INVALID);
    ck_assert_str_eq(field_of_failure(), "text");
    ck_assert_int_eq(target(five[0]) + target(theirs) + target(face) + target(broken), 0);
    ck_assert_int_eq(notes(), 0);
    post_with(ann, "x", PUBLIC, five, 4);
    ck_assert_int_eq(try_attach(ann, "x", PUBLIC, five, 1, &item), INVALID); /* another post has it */
    ck_assert_str_eq(field_of_failure(), "media_ids");
}
END_TEST

START_TEST(what_is_not_ready_can_be_refused) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    int64_t m = upload(ann, "post"), id;

    fixture_as(ctx, ann);
    req.author_id = ann;
    req.text = "x";
    req.media_ids = &m;
    req.n_media_ids = 1;
    req.media_ready = true;
    ck_assert_int_eq(try_create(&req, &id), INVALID);
    ck_assert_ptr_nonnull(strstr(ctx->error.fields->text, "Cannot attach files that have not finished"));
    make_ready(m, true);
    fixture_as(ctx, ann);
    expect_ok(ctx, try_create(&req, &id));
}
END_TEST

START_TEST(a_key_makes_one_post_with_media) {
    Pb__CreatePostRequest req = PB__CREATE_POST_REQUEST__INIT;
    int64_t m = upload(ann, "post"), first, second;

    fixture_as(ctx, ann);
    req.author_id = ann;
    req.idempotency_key = "k";
    req.media_ids = &m;
    req.n_media_ids = 1;
    expect_ok(ctx, try_create(&req, &first));
    fixture_as(ctx, ann);
    expect_ok(ctx, try_create(&req, &second));
    ck_assert_int_eq(first, second);
    ck_assert_int_eq(target(m), first);
}
END_TEST

/* ---- Failures in between */

START_TEST(a_post_that_cannot_be_made_lets_its_media_go) {
    int64_t m = upload(ann, "post");
    const Pb__PostItem *item;

    as_admin("ALTER TABLE posts.posts ADD CONSTRAINT unlucky CHECK (source <> 'unlucky') NOT VALID");
    ck_assert_int_eq(try_attach(ann, "unlucky", PUBLIC, &m, 1, &item), INVALID);
    as_admin("ALTER TABLE posts.posts DROP CONSTRAINT unlucky");
    ck_assert_int_eq(target(m), 0);
    ck_assert_int_eq(notes(), 0);
    post_with(ann, "lucky", PUBLIC, &m, 1);
}
END_TEST

/* Killed between the media service's commit and ours. */
START_TEST(the_timer_settles_what_was_left) {
    Pb__AttachMediaRequest attach = PB__ATTACH_MEDIA_REQUEST__INIT;
    int64_t lost = upload(ann, "post"), edited[] = {upload(ann, "post"), upload(ann, "post")}, wait,
            there = post_with(ann, "x", PUBLIC, edited, 1);

    attach.owner_id = ann;
    attach.target_kind = "post";
    attach.ids = &lost;
    attach.n_ids = 1;
    attach.target_id = 4711; /* never made */
    expect_ok(ctx, media_attach_media(ctx, &attach, NULL));
    attach.ids = edited; /* an edit that was to add the second */
    attach.n_ids = 2;
    attach.target_id = there;
    expect_ok(ctx, media_attach_media(ctx, &attach, NULL));
    as_admin(arena_printf(ctx->arena,
                          "INSERT INTO posts.attaching (post_id, begun_at) VALUES (4711, now() - interval '6 "
                          "minutes'), (%" PRId64 ", now() - interval '6 minutes'), (1, now())",
                          there));
    expect_ok(ctx, post_media_timer(ctx, &wait));
    ck_assert_int_gt(wait, 0);
    ck_assert_int_eq(target(edited[0]), there);
    ck_assert_int_eq(target(edited[1]), 0);
    ck_assert_int_eq(target(lost), 0);
    ck_assert_int_eq(notes(), 1); /* which is being made just now */
    as_admin("DELETE FROM posts.attaching");
}
END_TEST

/* ---- Editing and deleting */

START_TEST(history_keeps_what_was_attached) {
    int64_t ids[] = {upload(ann, "post"), upload(ann, "post")}, id = post_with(ann, "one", PUBLIC, ids, 1);
    Pb__EditPostRequest req = edit_of(id, "two");
    const Pb__PostReply *reply;
    const Pb__HistoryReply *history;

    make_ready(ids[0], true);
    fixture_events(ctx);
    req.has_media = true;
    req.media_ids = &ids[1];
    req.n_media_ids = 1;
    fixture_as(ctx, ann);
    expect_ok(ctx, post_edit_post(ctx, &req, &reply));
    ck_assert_uint_eq(reply->item->post->n_media, 1);
    ck_assert_int_eq(reply->item->post->media[0]->id, ids[1]);
    fixture_events(ctx);
    ck_assert_int_eq(target(ids[0]), id); /* its history shows it */
    history = history_of(id);
    ck_assert_uint_eq(history->n_revisions, 2);
    ck_assert_int_eq(history->revisions[0]->media[0]->id, ids[0]);
    ck_assert_uint_eq(history->revisions[0]->media[0]->n_files, 3);
    ck_assert_int_eq(history->revisions[1]->media[0]->id, ids[1]);
    req = edit_of(id, "three"); /* media are not said: they stay */
    expect_ok(ctx, post_edit_post(ctx, &req, &reply));
    ck_assert_int_eq(reply->item->post->media[0]->id, ids[1]);
    del(ann, id);
    fixture_events(ctx);
    ck_assert_int_eq(target(ids[0]), 0);
    ck_assert_int_eq(target(ids[1]), 0);
    ck_assert_int_eq(notes(), 0);
}
END_TEST

START_TEST(an_edit_that_is_refused_changes_nothing) {
    int64_t ids[] = {upload(ann, "post"), upload(ben, "post")}, id = post_with(ann, "", PUBLIC, ids, 1);
    Pb__UpdateMediaRequest words = PB__UPDATE_MEDIA_REQUEST__INIT, *changes[] = {&words};
    Pb__EditPostRequest req = edit_of(id, "");
    const Pb__PostReply *reply;

    req.has_media = true;
    ck_assert_int_eq(post_edit_post(ctx, &req, &reply), INVALID); /* neither text nor media */
    ck_assert_str_eq(field_of_failure(), "text");
    req.media_ids = ids;
    req.n_media_ids = 2;
    ck_assert_int_eq(post_edit_post(ctx, &req, &reply), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_ids");
    req = edit_of(id, "");
    words.id = ids[1];
    req.media_changes = changes;
    req.n_media_changes = 1;
    ck_assert_int_eq(post_edit_post(ctx, &req, &reply), INVALID);
    ck_assert_str_eq(field_of_failure(), "media_attributes");
    ck_assert_int_eq(target(ids[0]), id);
    ck_assert_int_eq(target(ids[1]), 0);
    ck_assert_uint_eq(history_of(id)->n_revisions, 1);
    ck_assert_int_eq(notes(), 0);
}
END_TEST

static bool is_found(const char *words, int64_t id) {
    Pb__SearchPostsRequest req = PB__SEARCH_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;

    fixture_as(ctx, ann);
    req.viewer_id = ann;
    req.query = words;
    req.author_id = ann;
    expect_ok(ctx, post_search_posts(ctx, &req, &reply));
    return reply->n_items == 1 && reply->items[0]->post->id == id;
}

START_TEST(descriptions_are_edited_and_found) {
    int64_t m = upload(ann, "post"), id = post_with(ann, "x", PUBLIC, &m, 1);
    Pb__UpdateMediaRequest words = PB__UPDATE_MEDIA_REQUEST__INIT, *changes[] = {&words};
    Pb__EditPostRequest req = edit_of(id, "x");
    const Pb__PostReply *reply;

    words.id = m;
    words.has_description = true;
    words.description = "a lighthouse at dusk";
    req.media_changes = changes;
    req.n_media_changes = 1;
    expect_ok(ctx, post_edit_post(ctx, &req, &reply));
    ck_assert_str_eq(reply->item->post->media[0]->description, "a lighthouse at dusk");
    ck_assert_int_gt(reply->item->post->edited_ms, 0);
    ck_assert_str_eq(history_of(id)->revisions[0]->media[0]->description, "");
    ck_assert(is_found("lighthouse", id));
    words.owner_id = ann; /* past the post: the event tells it */
    words.description = "a harbour";
    expect_ok(ctx, media_update_media(ctx, &words, NULL));
    fixture_events(ctx);
    ck_assert_str_eq(see(0, id)->post->media[0]->description, "a harbour");
    ck_assert(is_found("harbour", id));
    ck_assert(!is_found("lighthouse", id));
}
END_TEST

/* ---- Timelines */

START_TEST(timelines_of_media_alone) {
    int64_t ids[] = {upload(ann, "post"), upload(ann, "post"), upload(ann, "post")},
            with = post_with(ann, "#shots", PUBLIC, ids, 1), without = post(ann, "#shots", PUBLIC, 0),
            few = post_with(ann, "for few", FOLLOWERS, &ids[1], 1),
            answer = post_in(ann, "no", PUBLIC, without, ""), walked[20];
    Pb__PageRequest req = ask(0, 10);
    const Pb__TimelinePage *page;

    req.only_media = true;
    page = timeline(post_local_timeline, req);
    ck_assert(has_post(page, with) && !has_post(page, without) && !has_post(page, few) &&
              !has_post(page, answer));
    req.tag = "shots";
    page = timeline(post_tag_timeline, req);
    ck_assert_uint_eq(page->n_items, 1);
    ck_assert_int_eq(page->items[0]->post->id, with);
    req = ask(0, 10);
    req.author_id = ann;
    req.only_media = true;
    req.in_order = true;
    ck_assert_uint_eq(timeline(post_author_timeline, req)->n_items, 1);
    req.viewer_id = ann;
    ck_assert_uint_eq(timeline(post_author_timeline, req)->n_items, 2);
    for (int i = 0; i < 5; i++) {
        int64_t m = upload(ann, "post");

        post_with(ann, "", PUBLIC, &m, 1);
    }
    req.limit = 3;
    ck_assert_uint_eq(walk(post_author_timeline, req, walked, 20), 7);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("post media");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, set_up, NULL);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, a_post_shows_what_becomes_of_its_media);
    tcase_add_test(all, what_was_ready_before_the_post_is_shown);
    tcase_add_test(all, what_fails_or_goes_is_seen);
    tcase_add_test(all, few_may_see_what_is_for_few);
    tcase_add_test(all, what_cannot_be_attached_is_refused);
    tcase_add_test(all, what_is_not_ready_can_be_refused);
    tcase_add_test(all, a_key_makes_one_post_with_media);
    tcase_add_test(all, a_post_that_cannot_be_made_lets_its_media_go);
    tcase_add_test(all, the_timer_settles_what_was_left);
    tcase_add_test(all, history_keeps_what_was_attached);
    tcase_add_test(all, an_edit_that_is_refused_changes_nothing);
    tcase_add_test(all, descriptions_are_edited_and_found);
    tcase_add_test(all, timelines_of_media_alone);
    suite_add_tcase(suite, all);
    return fixture_main(suite);
}
