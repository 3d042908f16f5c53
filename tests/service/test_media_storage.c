/* Where files are kept: what is shown to everybody, what goes when nothing needs it any more, and what stays.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "gen/stubs.h"
#include "handlers/common/media.h"
#include "handlers/common/permission.h"
#include "handlers/media/service_file.h"
#include "handlers/media/store_storage.h"
#include "tests/service/fixture_post.h"
#include "tests/service/servers.h"

struct ctx *ctx;

#define WEBP "image/webp"
#define sql(...) as_admin(arena_printf(ctx->arena, __VA_ARGS__))

static void start(void) {
    char folder[512];

    snprintf(folder, sizeof folder, "%s/media", server_of("TEST_DIR"));
    mkdir(folder, 0755);
    set_up();
    fixture_as(ctx, 0);
}

static void set_intranet(bool on) { ((struct config *)(uintptr_t)ctx->env->config)->intranet = on; }

/* Nothing is there but what a test makes. */
static void start_empty(void) {
    struct blob_page page;

    start();
    set_intranet(false);
    as_admin("TRUNCATE media.items, media.blobs, media.files, media.uploads, media.unsettled");
    expect_ok(ctx, blob_list(ctx, media_blobs(), "", 1000, &page));
    for (size_t i = 0; i < page.n; i++)
        expect_ok(ctx, blob_remove(ctx, media_blobs(), page.keys[i]));
}

/* ---- Short ways: a medium as a worker leaves it */

static const char *content(const char *words) {
    static unsigned n;
    const char *path =
        media_spool_path(ctx, arena_printf(ctx->arena, "made-%d-%u-%s", (int)getpid(), ++n, "x"));
    FILE *f = fopen(path, "wb");

    ck_assert_msg(f != NULL, "%s", path);
    fputs(words, f);
    fclose(f);
    return path;
}

static const char *put(const char *words) {
    const char *path = content(words), *key;

    expect_ok(ctx, blob_key_of(ctx, path, "webp", &key));
    sql("INSERT INTO media.blobs (key, bytes) VALUES ('%s', %zu) ON CONFLICT DO NOTHING", key, strlen(words));
    expect_ok(ctx, blob_put(ctx, media_blobs(), key, path, WEBP));
    unlink(path);
    return key;
}

static int64_t medium(int64_t owner) {
    int64_t id = id_next();

    sql("INSERT INTO media.items (id, owner_id, state, kind, purpose, bytes, source) VALUES (%" PRId64
        ", %" PRId64 ", 1, 1, 'post', 1000, '')",
        id, owner);
    return id;
}

/* One file of it; its words are its content. */
static const char *with(int64_t id, const char *name, const char *words) {
    const char *key = put(words);

    sql("INSERT INTO media.files VALUES (%" PRId64 ", '%s', '%s')", id, name, key);
    return key;
}

static void settle(void) {
    struct media_settled s;

    do
        expect_ok(ctx, media_store_settle(ctx, &s));
    while (s.looked_at > 0);
}

static bool stored(const char *key) {
    struct blob_info info;
    enum code c = blob_stat(ctx, media_blobs(), key, &info);

    fail_clear(ctx);
    return c == OK;
}

static bool shown(const char *key) {
    struct blob_info info = {0};

    if (blob_stat(ctx, media_blobs(), key, &info) != OK)
        fail_clear(ctx);
    return info.is_public;
}

static bool has_row(const char *key) {
    return sql("SELECT 1 FROM media.blobs WHERE key = '%s'", key)[0] == '1';
}

static void attach(int64_t owner, int64_t id, int64_t target, bool public) {
    Pb__AttachMediaRequest req = PB__ATTACH_MEDIA_REQUEST__INIT;

    req.owner_id = owner;
    req.ids = &id;
    req.n_ids = 1;
    req.target_kind = "post";
    req.target_id = target;
    req.public_ = public;
    expect_ok(ctx, media_attach_media(ctx, &req, NULL));
}

static void detach(int64_t target) {
    Pb__DetachTargetsRequest req = PB__DETACH_TARGETS_REQUEST__INIT;

    req.target_kind = "post";
    req.target_ids = &target;
    req.n_target_ids = 1;
    expect_ok(ctx, media_detach_targets(ctx, &req, NULL));
}

static void drop(int64_t owner, int64_t id) {
    Pb__MediaRequest req = PB__MEDIA_REQUEST__INIT;

    req.owner_id = owner;
    req.id = id;
    expect_ok(ctx, media_delete_media(ctx, &req, NULL));
}

static bool is_there(int64_t id) {
    return sql("SELECT 1 FROM media.items WHERE id = %" PRId64, id)[0] == '1';
}

/* The whole sweep; what it did. */
static Pb__SweepMediaReply sweep(bool dry) {
    Pb__SweepMediaRequest req = PB__SWEEP_MEDIA_REQUEST__INIT;
    Pb__SweepMediaReply all = PB__SWEEP_MEDIA_REPLY__INIT;
    const Pb__SweepMediaReply *reply;

    req.dry_run = dry;
    req.limit = 3; /* so that it takes several steps */
    req.after = "";
    fixture_as(ctx, 0);
    do {
        expect_ok(ctx, media_sweep_media(ctx, &req, &reply));
        all.media += reply->media;
        all.blobs += reply->blobs;
        all.bytes += reply->bytes;
        all.files += reply->files;
        req.after = reply->next;
    } while (!reply->done);
    return all;
}

static void age(int64_t id, const char *column, const char *by) {
    sql("UPDATE media.items SET %s = %s - interval '%s' WHERE id = %" PRId64, column, column, by, id);
}

static void age_file(const char *path, int64_t hours) {
    struct timespec old = {(time_t)(clock_now_ms() / 1000 - hours * 3600), 0}, both[] = {old, old};

    ck_assert_int_eq(utimensat(AT_FDCWD, path, both, 0), 0);
}

/* ---- What is shown, and to whom */

START_TEST(what_is_for_everybody_is_shown_and_no_more) {
    int64_t id = medium(ann);
    const char *large = with(id, "large", "shown large"), *original = with(id, "original", "shown original");
    struct media_place place;

    settle();
    ck_assert(!shown(large));
    expect_code(ctx, media_file_place(ctx, large, 0, &place), NOT_FOUND);
    attach(ann, id, 901, true);
    expect_ok(ctx, media_file_place(ctx, large, 0, &place)); /* before the store knows */
    ck_assert(place.is_public);
    expect_code(ctx, media_file_place(ctx, original, 0, &place), NOT_FOUND);
    expect_ok(ctx, media_file_place(ctx, original, 60, &place)); /* signed */
    settle();
    ck_assert(shown(large));
    ck_assert(!shown(original));
    attach(ann, id, 901, false); /* the post is for followers now */
    expect_code(ctx, media_file_place(ctx, large, 0, &place), NOT_FOUND);
    settle();
    ck_assert(!shown(large));
    ck_assert(stored(large));
    attach(ann, id, 901, true);
    detach(901);
    settle();
    ck_assert(!shown(large));
}
END_TEST

START_TEST(what_another_medium_shows_stays_shown) {
    int64_t one = medium(ann), two = medium(ben);
    const char *key = with(one, "large", "the same picture");

    ck_assert_str_eq(with(two, "large", "the same picture"), key);
    attach(ann, one, 902, true);
    attach(ben, two, 903, true);
    settle();
    ck_assert(shown(key));
    detach(902);
    settle();
    ck_assert(shown(key));
    drop(ann, one);
    settle();
    ck_assert(shown(key));
    ck_assert(stored(key));
    detach(903);
    drop(ben, two);
    settle();
    ck_assert(!stored(key));
    ck_assert(!has_row(key));
}
END_TEST

START_TEST(files_that_come_late_are_shown) {
    int64_t id = medium(ann);
    const char *key;

    attach(ann, id, 904, true); /* before a worker has made them */
    key = with(id, "large", "late");
    settle();
    ck_assert(shown(key));
    /* what a worker is still at is nobody's yet, and the original never is */
    const char *made = with(id, "new/small", "in the making"), *original = with(id, "new/original", "raw");
    settle();
    ck_assert(!shown(made) && !shown(original));
    sql("UPDATE media.files SET name = substr(name, 5) WHERE name LIKE 'new/%%'");
    settle();
    ck_assert(shown(made) && !shown(original));
    /* a row whose blob is still on its way is nobody's harm */
    const char *away = "0000000000000000000000000000000000000000000000000000000000000001.webp";
    sql("INSERT INTO media.blobs (key, bytes) VALUES ('%s', 1)", away);
    sql("INSERT INTO media.files VALUES (%" PRId64 ", 'poster', '%s')", id, away);
    settle();
    ck_assert_str_eq(sql("SELECT count(*) FROM media.unsettled WHERE key = '%s'", away), "1");
    detach(904);
    drop(ann, id);
    settle();
    ck_assert(!has_row(away));
}
END_TEST

START_TEST(nothing_of_an_intranet_is_for_everybody) {
    int64_t id = medium(ann);
    const char *key = with(id, "large", "of the house");
    Pb__MediaView view = PB__MEDIA_VIEW__INIT;
    Pb__MediaFile file = PB__MEDIA_FILE__INIT;
    struct media_place place;

    set_intranet(true);
    attach(ann, id, 907, true);
    settle();
    ck_assert(!shown(key));
    expect_code(ctx, media_file_place(ctx, key, 0, &place), NOT_FOUND);
    expect_ok(ctx, media_file_place(ctx, key, 60, &place));
    view.is_public = true;
    file.key = (char *)(uintptr_t)key;
    ck_assert_ptr_nonnull(strstr(media_path(ctx, &view, &file), "&s="));
}
END_TEST

/* ---- Delete means gone */

START_TEST(deleted_is_gone_in_all_variants) {
    int64_t id = medium(ann);
    const char *keys[] = {with(id, "original", "gone 1"), with(id, "large", "gone 2"),
                          with(id, "small", "gone 3"), with(id, "hls/0001", "gone 4")};

    attach(ann, id, 905, true);
    settle();
    ck_assert(shown(keys[3]));
    detach(905);
    drop(ann, id);
    settle();
    for (size_t i = 0; i < 4; i++) {
        ck_assert(!stored(keys[i]));
        ck_assert(!has_row(keys[i]));
        ck_assert_int_ne(access(arena_printf(ctx->arena, "%s/media/public/%s", server_of("TEST_DIR"),
                                             blob_path(ctx->arena, keys[i])),
                                F_OK),
                         0);
    }
}
END_TEST

/* Somebody refers to a blob in a transaction that is not over: it is left alone until then. */
START_TEST(who_comes_to_need_it_keeps_it) {
    int64_t gone = medium(ann), id = medium(ann);
    const char *key = with(gone, "large", "wanted again");
    PGconn *other = PQconnectdb(pg_admin_of_tests());

    drop(ann, gone);
    PQclear(PQexec(other, "BEGIN"));
    PQclear(
        PQexec(other, arena_printf(ctx->arena, "INSERT INTO media.files VALUES (%" PRId64 ", 'large', '%s')",
                                   id, key)));
    settle();
    ck_assert(stored(key));
    ck_assert(has_row(key));
    PQclear(PQexec(other, "COMMIT"));
    PQfinish(other);
    sql("UPDATE media.unsettled SET at = now()");
    settle();
    ck_assert(stored(key));
    ck_assert(has_row(key));
    ck_assert_str_eq(sql("SELECT count(*) FROM media.unsettled"), "0");
}
END_TEST

/* Workers bring the same content again and again, and let it go, while the store is settled: whoever has made
 * sure of it has it until it lets go. */
static int bring_and_let_go(int64_t owner, int rounds) {
    for (int i = 0; i < rounds; i++) {
        const char *path = content("everybody's favourite"), *key;
        int64_t id = medium(owner);
        struct blob_info info;
        if (blob_key_of(ctx, path, "webp", &key) != OK)
            return 1;
        sql("WITH b AS (INSERT INTO media.blobs (key, bytes) VALUES ('%s', 21) ON CONFLICT (key) DO UPDATE SET "
            "bytes = 21 RETURNING key) SELECT key FROM b",
            key);
        /* between the two the sweep may have taken the row: then it is begun anew */
        if (sql("INSERT INTO media.files SELECT %" PRId64
                ", 'large', key FROM media.blobs WHERE key = '%s' FOR "
                "KEY SHARE RETURNING 1",
                id, key)[0] != '1')
            continue;
        if (blob_put(ctx, media_blobs(), key, path, WEBP) != OK)
            return 2;
        unlink(path);
        usleep(2000);
        if (blob_stat(ctx, media_blobs(), key, &info) != OK || info.bytes != 21)
            return 3;
        sql("DELETE FROM media.items WHERE id = %" PRId64, id);
    }
    return 0;
}

START_TEST(a_race_for_the_same_content_is_safe) {
    pid_t child[3];

    for (int i = 0; i < 3; i++)
        if ((child[i] = fork()) == 0) {
            start();
            _exit(bring_and_let_go(ann, 40));
        }
    int left = 3, status;
    while (left > 0) {
        struct media_settled s;
        sql("UPDATE media.unsettled SET at = now()");
        expect_ok(ctx, media_store_settle(ctx, &s));
        for (int i = 0; i < 3; i++)
            if (child[i] > 0 && waitpid(child[i], &status, WNOHANG) == child[i]) {
                ck_assert(WIFEXITED(status));
                ck_assert_int_eq(WEXITSTATUS(status), 0);
                child[i] = 0;
                left--;
            }
    }
    sql("UPDATE media.unsettled SET at = now()");
    settle();
    const char *path = content("everybody's favourite"), *key;
    expect_ok(ctx, blob_key_of(ctx, path, "webp", &key));
    ck_assert(!stored(key));
}
END_TEST

/* ---- The sweep */

START_TEST(what_is_used_for_nothing_goes_after_its_hours) {
    int64_t old = medium(ann), fresh = medium(ann), used = medium(ann), made = medium(ann);
    const char *key = with(old, "large", "loose"), *kept = with(used, "large", "used");
    Pb__SweepMediaReply dry, wet;

    attach(ann, used, post(ann, "With a picture", PUBLIC, 0), true);
    sql("UPDATE media.items SET version = 0 WHERE id = %" PRId64, made); /* it never came to be */
    age(old, "changed_at", "25 hours");
    age(made, "changed_at", "25 hours");
    age(fresh, "changed_at", "23 hours");
    age(used, "changed_at", "400 days");
    dry = sweep(true);
    ck_assert(is_there(old) && stored(key));
    wet = sweep(false);
    ck_assert_int_eq(dry.media, 2);
    ck_assert_int_eq(wet.media, 2);
    ck_assert(!is_there(old) && !is_there(made) && !stored(key) && !has_row(key));
    ck_assert(is_there(fresh) && is_there(used) && stored(kept));
    wet = sweep(false);
    ck_assert_int_eq(wet.media + wet.blobs + wet.files + wet.bytes, 0);
}
END_TEST

START_TEST(what_a_post_that_is_gone_had_is_let_go) {
    int64_t kept = medium(ann), lost = medium(ann), here = post(ann, "Here", FOLLOWERS, 0),
            there = post(ann, "There", PUBLIC, 0);
    const char *key = with(lost, "large", "of a post that is gone");

    attach(ann, kept, here, false);
    attach(ann, lost, there, true);
    del(ann, there);
    sql("UPDATE media.items SET target_kind = 'post', target_id = %" PRId64
        ", public = true WHERE id = %" PRId64,
        there, lost); /* as if nobody had told us */
    fixture_as(ctx, 0);
    sweep(false);
    ck_assert_str_eq(sql("SELECT target_id FROM media.items WHERE id = %" PRId64, lost),
                     arena_printf(ctx->arena, "%" PRId64, there)); /* looked after a moment ago */
    age(kept, "checked_at", "8 days");
    age(lost, "checked_at", "8 days");
    sweep(false);
    ck_assert_str_eq(sql("SELECT target_id IS NULL FROM media.items WHERE id = %" PRId64, lost), "t");
    ck_assert_str_eq(sql("SELECT target_id FROM media.items WHERE id = %" PRId64, kept),
                     arena_printf(ctx->arena, "%" PRId64, here));
    ck_assert(stored(key)); /* it has its hours now */
    age(lost, "changed_at", "25 hours");
    sweep(false);
    ck_assert(!is_there(lost) && !stored(key) && is_there(kept));
}
END_TEST

START_TEST(blobs_that_nobody_needs_go) {
    const char *old = put("orphan 1"), *fresh = put("orphan 2");
    Pb__SweepMediaReply dry, wet;

    sql("UPDATE media.blobs SET created_at = now() - interval '2 hours' WHERE key = '%s'", old);
    dry = sweep(true);
    ck_assert_int_eq(dry.blobs, 1);
    ck_assert_int_eq(dry.bytes, 8);
    wet = sweep(false);
    ck_assert_int_eq(wet.blobs, 1);
    ck_assert_int_eq(wet.bytes, 8);
    ck_assert(!stored(old) && !has_row(old) && stored(fresh) && has_row(fresh));
}
END_TEST

START_TEST(files_that_no_row_knows_go) {
    enum { N = 7 };
    const char *old[N], *fresh = put("stray fresh"), *known = put("known");
    Pb__SweepMediaReply dry, wet;

    for (int i = 0; i < N; i++) {
        old[i] = put(arena_printf(ctx->arena, "stray %d", i));
        sql("DELETE FROM media.blobs WHERE key = '%s'", old[i]);
        age_file(arena_printf(ctx->arena, "%s/media/files/%s", server_of("TEST_DIR"),
                              blob_path(ctx->arena, old[i])),
                 25);
    }
    age_file(
        arena_printf(ctx->arena, "%s/media/files/%s", server_of("TEST_DIR"), blob_path(ctx->arena, known)),
        999);
    sql("DELETE FROM media.blobs WHERE key = '%s'", fresh);
    dry = sweep(true);
    ck_assert_int_eq(dry.blobs, N);
    ck_assert(stored(old[0]));
    wet = sweep(false);
    ck_assert_int_eq(wet.blobs, N);
    for (int i = 0; i < N; i++)
        ck_assert(!stored(old[i]) && !has_row(old[i]));
    ck_assert(stored(fresh) && stored(known));
}
END_TEST

START_TEST(leftovers_in_the_spool_go) {
    int64_t waits = medium(ann), parts = id_next(), stale = id_next();
    const char *source = media_spool_path(ctx, id_str(ctx->arena, waits)), *left = content("left over"),
               *unknown = media_spool_path(ctx, id_str(ctx->arena, id_next())), *fresh = content("fresh"),
               *going =
                   media_spool_path(ctx, arena_printf(ctx->arena, "parts/%s", id_str(ctx->arena, parts))),
               *stopped =
                   media_spool_path(ctx, arena_printf(ctx->arena, "parts/%s", id_str(ctx->arena, stale)));
    const char *all[] = {source, left, unknown, going, stopped};

    sql("UPDATE media.items SET source = id::text, state = 0, target_kind = 'post', target_id = 1 WHERE id = %" PRId64,
        waits);
    sql("INSERT INTO media.uploads (id, owner_id, bytes, changed_at) VALUES (%" PRId64
        ", 1, 9, now()), (%" PRId64 ", 1, 9, now() - interval '3 days')",
        parts, stale);
    for (size_t i = 0; i < 5; i++) {
        FILE *f = fopen(all[i], "wb");
        ck_assert_msg(f != NULL, "%s", all[i]);
        fputs("123456789", f);
        fclose(f);
        age_file(all[i], 25);
    }
    ck_assert_int_eq(sweep(true).files, 2); /* of uploads in pieces the rows tell */
    ck_assert_int_eq(access(left, F_OK), 0);
    ck_assert_int_eq(sweep(false).files, 3);
    ck_assert_int_eq(access(source, F_OK) | access(going, F_OK) | access(fresh, F_OK), 0);
    ck_assert_int_ne(access(left, F_OK), 0);
    ck_assert_int_ne(access(unknown, F_OK), 0);
    ck_assert_int_ne(access(stopped, F_OK), 0);
    ck_assert_str_eq(sql("SELECT count(*) FROM media.uploads WHERE id = %" PRId64, stale), "0");
    unlink(source);
    unlink(going);
    unlink(fresh);
}
END_TEST

START_TEST(a_store_that_is_away_is_waited_for) {
    int64_t id = medium(ann);
    const char *key = with(id, "large", "away"),
               *folder = arena_printf(ctx->arena, "%s/media", server_of("TEST_DIR")),
               *away = arena_printf(ctx->arena, "%s-away", folder);
    struct media_settled s;

    attach(ann, id, 906, true);
    settle();
    detach(906);
    drop(ann, id);
    ck_assert_int_eq(rename(folder, away), 0);
    Pb__SweepMediaRequest req = PB__SWEEP_MEDIA_REQUEST__INIT;
    req.after = "store:";
    expect_code(ctx, media_sweep_media(ctx, &req, NULL), UNAVAILABLE);
    fail_clear(ctx);
    ck_assert_int_eq(rename(away, folder), 0);
    ck_assert(stored(key));
    expect_ok(ctx, media_store_settle(ctx, &s));
    settle();
    ck_assert(!stored(key));
}
END_TEST

/* ---- Sums, and who may ask */

START_TEST(administrators_see_sums) {
    Pb__StorageRequest req = PB__STORAGE_REQUEST__INIT;
    Pb__SweepMediaRequest step = PB__SWEEP_MEDIA_REQUEST__INIT;
    const Pb__Storage *s;
    int64_t id = medium(ann);

    with(id, "large", "sum");
    sql("UPDATE media.items SET bytes = 900000000000, state = 2 WHERE id = %" PRId64, id);
    fixture_as(ctx, ann);
    expect_code(ctx, media_get_storage(ctx, &req, &s), DENIED);
    expect_code(ctx, media_sweep_media(ctx, &step, NULL), DENIED);
    fixture_as(ctx, ann);
    ctx->permissions = PERMISSION_SETTINGS;
    expect_ok(ctx, media_get_storage(ctx, &req, &s));
    ck_assert_str_eq(s->store, "folder");
    ck_assert_int_ge(s->bytes, 900000000000);
    ck_assert_int_ge(s->failed, 1);
    ck_assert_int_ge(s->blobs, 1);
    ck_assert_int_eq(s->owners[0]->user_id, ann);
    ck_assert_int_eq(s->failures[0]->id, id);
    ck_assert_int_eq(s->kinds[s->n_kinds - 1]->kind, PB__MEDIA_KIND__MEDIA_IMAGE);
    expect_code(ctx, media_sweep_media(ctx, &step, NULL), DENIED); /* only the operator's own work */
}
END_TEST

START_TEST(files_are_made_anew_on_demand) {
    int64_t one = medium(ann), two = medium(ann), n, last, lost;
    const char *large = with(one, "large", "made of it"), *original = with(one, "original", "the original");

    with(two, "large", "without an original");
    expect_ok(ctx, media_store_rederive(ctx, 0, 0, one - 1, 10, &n, &last));
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(last, one);
    ck_assert_str_eq(sql("SELECT due_at <= now() FROM media.items WHERE id = %" PRId64, one), "t");
    expect_ok(ctx, media_store_rederive(ctx, 0, 0, last, 10, &n, &last));
    ck_assert_int_eq(n, 0);
    sql("UPDATE media.items SET due_at = NULL");
    expect_ok(ctx, media_store_remake(ctx, large, true, &n, &lost));
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(lost, 0);
    expect_ok(ctx, media_store_remake(ctx, original, true, &n, &lost));
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(lost, 1);
    ck_assert_str_eq(sql("SELECT due_at IS NULL FROM media.items WHERE id = %" PRId64, two), "t");
}
END_TEST

int main(void) {
    Suite *s = suite_create("media storage");
    TCase *t = tcase_create("storage");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, start_empty, NULL);
    tcase_add_test(t, what_is_for_everybody_is_shown_and_no_more);
    tcase_add_test(t, what_another_medium_shows_stays_shown);
    tcase_add_test(t, files_that_come_late_are_shown);
    tcase_add_test(t, nothing_of_an_intranet_is_for_everybody);
    tcase_add_test(t, deleted_is_gone_in_all_variants);
    tcase_add_test(t, who_comes_to_need_it_keeps_it);
    tcase_add_test(t, a_race_for_the_same_content_is_safe);
    tcase_add_test(t, what_is_used_for_nothing_goes_after_its_hours);
    tcase_add_test(t, what_a_post_that_is_gone_had_is_let_go);
    tcase_add_test(t, blobs_that_nobody_needs_go);
    tcase_add_test(t, files_that_no_row_knows_go);
    tcase_add_test(t, leftovers_in_the_spool_go);
    tcase_add_test(t, a_store_that_is_away_is_waited_for);
    tcase_add_test(t, administrators_see_sums);
    tcase_add_test(t, files_are_made_anew_on_demand);
    suite_add_tcase(s, t);
    return fixture_main(s);
}
