/* The media service's rules on real servers: what comes in, what is attached to what, what remains. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/config.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/env.h"
#include "gen/stubs.h"
#include "handlers/media/rules.h"
#include "handlers/media/store.h"
#include "handlers/media/types.h"
#include "tests/service/fixture.h"
#include "tests/service/servers.h"

#define MB (1 << 20)

static struct ctx *ctx;
static int64_t ann, ben;
static struct error said; /* of the last upload or attaching */

static void set_up(void) {
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
    ben = fixture_member(ctx, fixture_handle(ctx, "ben"));
    fixture_as(ctx, ann);
}

/* ---- Short ways */

static const unsigned char png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,    0,    0,
                                    13,   'I', 'H', 'D', 'R',  0,    0,    0,    1,    0,    0,
                                    0,    1,   8,   2,   0,    0,    0,    0x90, 0x77, 0x53, 0xde};

/* A file as nginx leaves it. */
static const char *arrives(const void *p, size_t n) {
    static unsigned count;
    const char *path = media_spool_path(ctx, arena_printf(ctx->arena, "came-%d-%u", (int)getpid(), ++count));
    FILE *f = fopen(path, "wb");

    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    return path;
}

static enum code try_upload(int64_t owner, const char *path, const char *purpose, const Pb__MediaView **ret) {
    Pb__CreateMediaRequest req = PB__CREATE_MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply = NULL;
    enum code c;

    req.owner_id = owner;
    req.path = path;
    req.purpose = purpose;
    req.file_name = "../holiday.png";
    req.description = "A beach";
    req.focus_x = 0.5;
    c = media_create_media(ctx, &req, &reply);
    said = ctx->error;
    if (ret != NULL)
        *ret = c == OK ? reply->media : NULL;
    return c;
}

static int64_t upload_for(int64_t owner, const char *purpose) {
    const Pb__MediaView *v;

    expect_ok(ctx, try_upload(owner, arrives(png, sizeof png), purpose, &v));
    return v->id;
}

static int64_t upload(int64_t owner) { return upload_for(owner, "post"); }

static const Pb__MediaView *see(int64_t owner, int64_t id) {
    Pb__GetMediaRequest req = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *reply;

    req.owner_id = owner;
    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, media_get_media(ctx, &req, &reply));
    return reply->n_media != 0 ? reply->media[0] : NULL;
}

static enum code attach(int64_t owner, const int64_t *ids, size_t n, const char *kind, int64_t target,
                        bool ready) {
    Pb__AttachMediaRequest req = PB__ATTACH_MEDIA_REQUEST__INIT;
    enum code c;

    req.owner_id = owner;
    req.ids = (int64_t *)(uintptr_t)ids;
    req.n_ids = n;
    req.target_kind = kind;
    req.target_id = target;
    req.public_ = true;
    req.ready = ready;
    c = media_attach_media(ctx, &req, NULL);
    said = ctx->error;
    return c;
}

static void detach(int64_t target) {
    Pb__DetachTargetsRequest req = PB__DETACH_TARGETS_REQUEST__INIT;

    req.target_kind = "post";
    req.target_ids = &target;
    req.n_target_ids = 1;
    expect_ok(ctx, media_detach_targets(ctx, &req, NULL));
}

static enum code drop(int64_t owner, int64_t id) {
    Pb__MediaRequest req = PB__MEDIA_REQUEST__INIT;

    req.owner_id = owner;
    req.id = id;
    return media_delete_media(ctx, &req, NULL);
}

#define sql(text, id) as_admin(arena_printf(ctx->arena, text, id))

static bool in_spool(int64_t id) {
    return access(media_spool_path(ctx, arena_printf(ctx->arena, "%" PRId64, id)), F_OK) == 0;
}

static void set_state(int64_t id, int state) {
    as_admin(arena_printf(ctx->arena, "UPDATE media.items SET state = %d, due_at = NULL WHERE id = %" PRId64,
                          state, id));
}

static int events(const char *type, int64_t id) {
    return atoi(as_admin(arena_printf(
        ctx->arena, "SELECT count(*) FROM events.outbox WHERE type = '%s' AND key = %" PRId64, type, id)));
}

static bool has_document(int64_t owner, int64_t id) {
    struct media_row row = {.id = id, .owner_id = owner};
    json_object *doc;

    expect_ok(ctx, media_store_doc(ctx, &row, &doc));
    return json_object_object_length(doc) != 0;
}

/* ---- Coming in */

START_TEST(an_upload_waits_for_a_worker) {
    const char *path = arrives(png, sizeof png);
    const Pb__MediaView *v;

    expect_ok(ctx, try_upload(ann, path, "", &v));
    ck_assert_int_eq(v->kind, PB__MEDIA_KIND__MEDIA_IMAGE);
    ck_assert_int_eq(v->state, PB__MEDIA_STATE__MEDIA_WAITING);
    ck_assert_str_eq(v->description, "A beach");
    ck_assert_str_eq(v->file_name, "holiday.png");
    ck_assert_double_eq(v->focus_x, 0.5);
    ck_assert_int_eq(v->bytes, sizeof png);
    ck_assert_int_ne(access(path, F_OK), 0); /* taken over, not copied */
    ck_assert(in_spool(v->id));
    ck_assert_int_eq(events("media.uploaded", v->id), 1);
    ck_assert_str_eq(sql("SELECT source FROM media.items WHERE due_at <= now() AND id = %" PRId64, v->id),
                     arena_printf(ctx->arena, "%" PRId64, v->id));
    ck_assert_str_eq(see(ann, v->id)->description, "A beach");
    ck_assert_ptr_null(see(ben, v->id));
    ck_assert_ptr_nonnull(see(0, v->id));
}
END_TEST

START_TEST(only_uploads_are_taken) {
    int64_t id = upload(ann);
    const char *source = media_spool_path(ctx, arena_printf(ctx->arena, "%" PRId64, id));
    const char *link_path = media_spool_path(ctx, arena_printf(ctx->arena, "link-%" PRId64, id));

    expect_code(ctx, try_upload(ben, source, "post", NULL), INVALID); /* another's, already in */
    ck_assert_int_eq(symlink("/etc/passwd", link_path), 0);
    expect_code(ctx, try_upload(ben, link_path, "post", NULL), INVALID);
    expect_code(ctx, try_upload(ben, "/etc/passwd", "post", NULL), INVALID);
    expect_code(ctx, try_upload(ben, media_spool_path(ctx, "../secret"), "post", NULL), INVALID);
    expect_code(ctx, try_upload(ben, media_spool_path(ctx, MEDIA_SPOOL_PARTS), "post", NULL), INVALID);
    ck_assert_int_eq(access("/etc/passwd", F_OK), 0);
    ck_assert_str_eq(sql("SELECT count(*) FROM media.items WHERE owner_id = %" PRId64, ben), "0");
}
END_TEST

static const struct hostile {
    const char *bytes, *purpose;
} hostile[] = {
    {"<!DOCTYPE html><html><script>alert(1)</script></html>", "post"},
    {"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", "post"},
    {"<?xml version=\"1.0\"?><x/>", "post"},
    {"#!/bin/sh\nrm -rf /\n", "post"},
    {"<?php system($_GET[0]); ?>", "post"},
    {"\x7f"
     "ELF\x02\x01\x01",
     "post"},
    {"%PDF-1.7\n", "avatar"},
    {"just words\n", "banner"},
    {"", "post"},
};

START_TEST(hostile_types_are_refused) {
    const struct hostile *h = &hostile[_i];

    expect_code(ctx, try_upload(ann, arrives(h->bytes, strlen(h->bytes)), h->purpose, NULL), INVALID);
    ck_assert_ptr_nonnull(said.fields);
    ck_assert_str_eq(said.fields->field, "file");
    ck_assert_str_eq(sql("SELECT count(*) FROM media.items WHERE owner_id = %" PRId64, ann), "0");
}
END_TEST

START_TEST(what_is_too_large_is_refused) {
    const char *path = arrives(png, sizeof png);

    ck_assert_int_eq(truncate(path, (off_t)ctx->env->config->media_image_mb * MB + 1), 0);
    expect_code(ctx, try_upload(ann, path, "post", NULL), INVALID);
    ck_assert_str_eq(said.fields->kind, FIELD_TOO_LONG);
    ck_assert_int_eq(truncate(path, (off_t)ctx->env->config->media_image_mb * MB), 0);
    expect_ok(ctx, try_upload(ann, path, "post", NULL));
}
END_TEST

START_TEST(the_quota_holds) {
    const Pb__MediaView *v;
    Pb__QuotaRequest ask = PB__QUOTA_REQUEST__INIT;
    const Pb__Quota *quota;
    int64_t id = upload(ann);
    int64_t almost = (int64_t)ctx->env->config->media_quota_mb * MB - (int64_t)sizeof png;

    as_admin(arena_printf(ctx->arena, "UPDATE media.items SET bytes = %" PRId64 " WHERE id = %" PRId64,
                          almost, id));
    expect_ok(ctx, try_upload(ann, arrives(png, sizeof png), "post", &v));
    expect_code(ctx, try_upload(ann, arrives(png, sizeof png), "post", NULL), EXHAUSTED);
    ck_assert_int_eq(said.http, 507);
    ask.user_id = ann;
    expect_ok(ctx, media_get_quota(ctx, &ask, &quota));
    ck_assert_int_eq(quota->files, 2); /* nothing remains of what was refused */
    ck_assert_int_eq(quota->used, quota->limit);
    expect_ok(ctx, try_upload(ben, arrives(png, sizeof png), "post", NULL));
    expect_ok(ctx, drop(ann, v->id));
    expect_ok(ctx, try_upload(ann, arrives(png, sizeof png), "post", NULL));
}
END_TEST

/* ---- Changing */

START_TEST(words_and_focus_change) {
    int64_t id = upload(ann);
    Pb__UpdateMediaRequest req = PB__UPDATE_MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;

    req.owner_id = ann;
    req.id = id;
    req.has_description = true;
    req.description = "  A cliff ";
    expect_ok(ctx, media_update_media(ctx, &req, &reply));
    ck_assert_str_eq(reply->media->description, "A cliff");
    ck_assert_int_eq(reply->media->version, 2);
    ck_assert_double_eq(reply->media->focus_x, 0.5);
    ck_assert_int_eq(events("media.changed", id), 1);
    ck_assert_int_eq(see(ann, id)->version, 2);
    req.has_focus = true;
    req.focus_x = 1.5;
    expect_code(ctx, media_update_media(ctx, &req, &reply), INVALID);
    req.focus_x = 0;
    req.owner_id = ben;
    expect_code(ctx, media_update_media(ctx, &req, &reply), NOT_FOUND);
    ck_assert_double_eq(see(ann, id)->focus_x, 0.5);
}
END_TEST

START_TEST(a_lost_document_is_no_lost_medium) {
    int64_t id = upload(ann);
    Pb__UpdateMediaRequest req = PB__UPDATE_MEDIA_REQUEST__INIT;
    struct media_row row = {.id = id, .owner_id = ann};

    expect_ok(ctx, media_store_doc_remove(ctx, &row));
    ck_assert_str_eq(see(ann, id)->description, "");
    req.owner_id = ann;
    req.id = id;
    req.has_description = true;
    req.description = "Again";
    expect_ok(ctx, media_update_media(ctx, &req, NULL));
    ck_assert_str_eq(see(ann, id)->description, "Again");
}
END_TEST

START_TEST(what_failed_is_tried_again) {
    int64_t id = upload(ann);
    Pb__MediaRequest req = PB__MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;

    req.owner_id = ann;
    req.id = id;
    expect_code(ctx, media_retry_media(ctx, &req, &reply), PRECONDITION);
    set_state(id, PB__MEDIA_STATE__MEDIA_FAILED);
    expect_ok(ctx, media_retry_media(ctx, &req, &reply));
    ck_assert_int_eq(reply->media->state, PB__MEDIA_STATE__MEDIA_WAITING);
    ck_assert_int_eq(events("media.uploaded", id), 2);
    ck_assert_int_eq(events("media.changed", id), 1);
    ck_assert_str_eq(sql("SELECT due_at IS NOT NULL FROM media.items WHERE id = %" PRId64, id), "t");
}
END_TEST

START_TEST(deleted_is_gone) {
    int64_t id = upload(ann), post = 4711;

    expect_code(ctx, drop(ben, id), NOT_FOUND);
    expect_ok(ctx, attach(ann, &id, 1, "post", post, false));
    expect_code(ctx, drop(ann, id), PRECONDITION);
    detach(post);
    expect_ok(ctx, drop(ann, id));
    ck_assert_ptr_null(see(0, id));
    ck_assert(!in_spool(id));
    ck_assert(!has_document(ann, id));
    ck_assert_int_eq(events("media.gone", id), 1);
    expect_code(ctx, drop(ann, id), NOT_FOUND);
}
END_TEST

/* ---- Attaching */

START_TEST(all_or_none_is_attached) {
    int64_t mine[2] = {upload(ann), upload(ann)}, with_another[2] = {mine[0], upload(ben)};

    expect_code(ctx, attach(ann, with_another, 2, "post", 1, false), NOT_FOUND);
    ck_assert_int_eq(see(0, mine[0])->target_id, 0);
    expect_ok(ctx, attach(ann, mine, 2, "post", 1, false));
    ck_assert_int_eq(see(0, mine[1])->target_id, 1);
    ck_assert(see(0, mine[1])->is_public);
    ck_assert_int_eq(see(0, mine[0])->version, 2);
    expect_ok(ctx, attach(ann, mine, 2, "post", 1, false)); /* again: no change */
    ck_assert_int_eq(see(0, mine[0])->version, 2);
    expect_code(ctx, attach(ann, mine, 2, "post", 2, false), INVALID);
    ck_assert_int_eq(see(0, mine[0])->target_id, 1);
    mine[1] = mine[0];
    expect_code(ctx, attach(ann, mine, 2, "post", 1, false), INVALID); /* twice the same */
}
END_TEST

START_TEST(what_is_not_named_is_let_go) {
    int64_t ids[2] = {upload(ann), upload(ann)};

    expect_ok(ctx, attach(ann, ids, 2, "post", 7, false));
    expect_ok(ctx, attach(ann, &ids[1], 1, "post", 7, false));
    ck_assert_int_eq(see(0, ids[0])->target_id, 0);
    ck_assert(!see(0, ids[0])->is_public);
    ck_assert_int_eq(see(0, ids[1])->target_id, 7);
    detach(7);
    ck_assert_int_eq(see(0, ids[1])->target_id, 0);
    expect_ok(ctx, attach(ann, ids, 2, "post", 8, false)); /* deleted and written anew */
    expect_ok(ctx, attach(ann, NULL, 0, "post", 8, false));
    ck_assert_int_eq(see(0, ids[0])->target_id, 0);
}
END_TEST

START_TEST(only_what_fits_is_attached) {
    int64_t id = upload(ann), portrait = upload_for(ann, "avatar");

    expect_code(ctx, attach(ann, &id, 1, "avatar", ann, false), INVALID);
    expect_code(ctx, attach(ann, &portrait, 1, "post", 9, false), INVALID);
    expect_ok(ctx, attach(ann, &portrait, 1, "avatar", ann, false));
    expect_code(ctx, attach(ann, &id, 1, "post", 9, true), INVALID);
    ck_assert_ptr_nonnull(strstr(said.fields->text, "finished processing"));
    set_state(id, PB__MEDIA_STATE__MEDIA_FAILED);
    expect_code(ctx, attach(ann, &id, 1, "post", 9, false), INVALID);
    set_state(id, PB__MEDIA_STATE__MEDIA_READY);
    expect_ok(ctx, attach(ann, &id, 1, "post", 9, true));
    set_state(id,
              PB__MEDIA_STATE__MEDIA_FAILED); /* derived anew, without luck: the post can still be edited */
    expect_ok(ctx, attach(ann, &id, 1, "post", 9, true));
}
END_TEST

/* ---- Reading and leaving */

START_TEST(lists_page_to_the_end) {
    Pb__ListMediaRequest req = PB__LIST_MEDIA_REQUEST__INIT;
    const Pb__MediaPage *page;
    int64_t ids[5];

    for (int i = 0; i < 5; i++)
        ids[i] = upload(ann);
    upload(ben);
    req.owner_id = ann;
    req.limit = 2;
    for (int i = 4; i >= 0; i -= 2) {
        expect_ok(ctx, media_list_media(ctx, &req, &page));
        ck_assert_uint_eq(page->n_media, i > 0 ? 2 : 1);
        ck_assert_int_eq(page->media[0]->id, ids[i]);
        ck_assert_int_eq(page->next, i > 0 ? ids[i - 1] : 0);
        req.before = page->next;
    }
}
END_TEST

START_TEST(nothing_remains_of_who_has_left) {
    Pb__EraseMediaRequest req = PB__ERASE_MEDIA_REQUEST__INIT;
    Pb__RequestDeletionRequest leave = PB__REQUEST_DELETION_REQUEST__INIT;
    int64_t id = upload(ann), other = upload(ben);

    expect_ok(ctx, attach(ann, &id, 1, "post", 11, false));
    fixture_as(ctx, 0);
    req.user_id = ann;
    expect_code(ctx, media_erase_media(ctx, &req, NULL), PRECONDITION);
    leave.user_id = ann;
    leave.now = true;
    expect_ok(ctx, user_request_deletion(ctx, &leave, NULL));
    fixture_events(ctx);
    ck_assert_str_eq(sql("SELECT count(*) FROM media.items WHERE owner_id = %" PRId64, ann), "0");
    ck_assert(!in_spool(id));
    ck_assert(!has_document(ann, id));
    ck_assert_int_eq(events("media.gone", id), 1);
    ck_assert_ptr_nonnull(see(0, other));
    ck_assert_str_eq(
        sql("SELECT count(*) FROM users.erasures WHERE user_id = %" PRId64 " AND done_at IS NULL", ann), "0");
}
END_TEST

int main(void) {
    Suite *s = suite_create("media");
    TCase *t = tcase_create("rules");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, an_upload_waits_for_a_worker);
    tcase_add_test(t, only_uploads_are_taken);
    tcase_add_loop_test(t, hostile_types_are_refused, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test(t, what_is_too_large_is_refused);
    tcase_add_test(t, the_quota_holds);
    tcase_add_test(t, words_and_focus_change);
    tcase_add_test(t, a_lost_document_is_no_lost_medium);
    tcase_add_test(t, what_failed_is_tried_again);
    tcase_add_test(t, deleted_is_gone);
    tcase_add_test(t, all_or_none_is_attached);
    tcase_add_test(t, what_is_not_named_is_let_go);
    tcase_add_test(t, only_what_fits_is_attached);
    tcase_add_test(t, lists_page_to_the_end);
    tcase_add_test(t, nothing_remains_of_who_has_left);
    suite_add_tcase(s, t);
    return fixture_main(s);
}
