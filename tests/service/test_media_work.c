/* Uploads on their way to what is shown: made, refused, tried again, and workers killed in the middle. */
#include <dirent.h>
#include <signal.h>
#include <time.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "fcgi/env.h"
#include "fcgi/timer.h"
#include "gen/stubs.h"
#include "handlers/media/worker.h"
#include "handlers/media/worker_make.h"
#include "tests/service/fixture.h"
#include "tests/service/media.h"

#define SECOND INT64_C(1000000)
#define PATIENCE_S 60

static struct ctx *ctx;
static int64_t ann;

static void set_up(void) {
    media_derive_program = derive_program();
    mkdir(arena_printf(test_ctx(NULL).arena, "%s/media", server_of("TEST_DIR")), 0700);
    ctx = fixture_ctx();
    ann = fixture_member(ctx, fixture_handle(ctx, "ann"));
    fixture_as(ctx, ann);
}

/* ---- Short ways */

/* A file of the corpus, as nginx leaves it. */
static int64_t upload(const char *file) {
    static unsigned n;
    char out[16];
    Pb__CreateMediaRequest req = PB__CREATE_MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;
    const char *to = media_spool_path(ctx, arena_printf(ctx->arena, "came-%d-%u", (int)getpid(), ++n));
    const char *argv[] = {"cp", arena_printf(ctx->arena, "%s/%s", corpus(), file), to, NULL};
    must(run_program(argv, out, sizeof out) == 0, file);
    req.owner_id = ann;
    req.path = to;
    req.purpose = "post";
    req.file_name = file;
    req.description = "What it shows";
    expect_ok(ctx, media_create_media(ctx, &req, &reply));
    return reply->media->id;
}

static const Pb__MediaView *see(int64_t id) {
    Pb__GetMediaRequest req = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *reply;
    req.owner_id = ann;
    req.ids = &id;
    req.n_ids = 1;
    expect_ok(ctx, media_get_media(ctx, &req, &reply));
    ck_assert_uint_eq(reply->n_media, 1);
    return reply->media[0];
}

static void work(void) {
    int64_t wait_ms;
    expect_ok(ctx, media_make_run(ctx, &wait_ms));
}

static const char *of_row(const char *what, int64_t id) {
    return as_admin(
        arena_printf(ctx->arena, "select %s from media.items where id = %lld", what, (long long)id));
}

static void make_due(int64_t id) {
    as_admin(arena_printf(ctx->arena, "update media.items set due_at = now() where id = %lld returning id",
                          (long long)id));
}

static const Pb__MediaFile *file_of(const Pb__MediaView *v, const char *name) {
    for (size_t i = 0; i < v->n_files; i++)
        if (strcmp(v->files[i]->name, name) == 0)
            return v->files[i];
    return NULL;
}

/* What the store has of a file; its whole text, or the beginning. */
static const char *content(const Pb__MediaFile *f) {
    static char text[1 << 16];
    static unsigned n;
    const char *to = arena_printf(ctx->arena, "%s/got-%d-%u", server_of("TEST_DIR"), (int)getpid(), ++n);
    ck_assert_ptr_nonnull(f);
    expect_ok(ctx, blob_get(ctx, media_blobs(), f->key, to));
    FILE *in = fopen(to, "rb");
    size_t got = fread(text, 1, sizeof text - 1, in);
    fclose(in);
    text[got] = '\0';
    return text;
}

static int entries(const char *path) {
    DIR *d = opendir(path);
    int n = 0;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return n;
}

static void expect_nothing_left(void) { ck_assert_int_eq(entries(media_spool_path(ctx, "work")), 0); }

static int events_of(int64_t id, const char *type) {
    const char *n = as_admin(
        arena_printf(ctx->arena, "select count(*) from events.outbox where key = %lld and type = '%s'",
                     (long long)id, type));
    return (int)strtol(n, NULL, 10);
}

/* ---- how it goes */

START_TEST(an_upload_becomes_what_is_shown) {
    int64_t id = upload("large.jpg");
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_WAITING);
    work();
    const Pb__MediaView *v = see(id);
    ck_assert_int_eq(v->state, PB__MEDIA_STATE__MEDIA_READY);
    ck_assert_int_eq(v->kind, PB__MEDIA_KIND__MEDIA_IMAGE);
    ck_assert_uint_eq(v->progress, 100);
    ck_assert_uint_eq(v->n_files, 3);
    ck_assert_uint_eq(file_of(v, "large")->width, 2048);
    ck_assert_int_eq(strncmp(content(file_of(v, "large")), "RIFF", 4), 0);
    ck_assert_ptr_null(file_of(v, "original"));
    ck_assert_str_eq(v->description, "What it shows");
    ck_assert_int_eq(events_of(id, "media.ready"), 1);
    ck_assert_str_eq(of_row("source", id), "");
    ck_assert_int_ne(access(media_spool_path(ctx, arena_printf(ctx->arena, "%lld", (long long)id)), F_OK), 0);
    expect_nothing_left();
    /* What was uploaded is kept, to be made anew of. */
    make_due(id);
    work();
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_READY);
    ck_assert_str_eq(file_of(see(id), "large")->key, file_of(v, "large")->key);
    ck_assert_int_eq(events_of(id, "media.ready"), 2);
}
END_TEST

START_TEST(documents_are_kept_as_they_are) {
    int64_t id = upload("pages.pdf");
    work();
    const Pb__MediaView *v = see(id);
    ck_assert_int_eq(v->kind, PB__MEDIA_KIND__MEDIA_DOCUMENT);
    ck_assert_uint_eq(v->pages, 2);
    ck_assert_int_eq(strncmp(content(file_of(v, "document")), "%PDF-1.4", 8), 0);
    ck_assert_ptr_nonnull(file_of(v, "page"));
    id = upload("words.txt");
    work();
    ck_assert_str_eq(content(file_of(see(id), "document")), "Only words.\n");
}
END_TEST

START_TEST(a_playlist_names_its_piece_by_its_address) {
    int64_t id = upload("long.mp4");
    work();
    const Pb__MediaView *v = see(id);
    ck_assert_int_eq(v->kind, PB__MEDIA_KIND__MEDIA_VIDEO);
    ck_assert_ptr_nonnull(file_of(v, "video"));
    ck_assert_ptr_null(file_of(v, "hls/0001"));
    const char *text = content(file_of(v, "hls"));
    const char *key = as_admin(
        arena_printf(ctx->arena, "select key from media.files where media_id = %lld and name = 'hls/0001'",
                     (long long)id));
    ck_assert_uint_eq(strlen(key), 68);
    ck_assert_ptr_nonnull(strstr(text, arena_printf(ctx->arena, "\n%s\n", key)));
    ck_assert_ptr_nonnull(strstr(text, arena_printf(ctx->arena, "URI=\"%s\"", key)));
    ck_assert_ptr_null(strstr(text, "hls-0001"));
}
END_TEST

static const char *key_of(int64_t id, const char *name) {
    return arena_strdup(
        ctx->arena,
        as_admin(arena_printf(ctx->arena, "select key from media.files where media_id = %lld and name = '%s'",
                              (long long)id, name)));
}

/* The text of a playlist that no view shows. */
static const char *playlist(int64_t id, const char *name) {
    Pb__MediaFile f = PB__MEDIA_FILE__INIT;
    f.key = key_of(id, name);
    return content(&f);
}

START_TEST(playlists_of_two_qualities_name_each_other_by_address) {
    int64_t id = upload("long_large.mp4");
    work();
    const Pb__MediaView *v = see(id);
    ck_assert_int_eq(v->state, PB__MEDIA_STATE__MEDIA_READY);
    ck_assert_uint_eq(v->n_files, 4); /* video, poster, small, hls */
    const char *both = content(file_of(v, "hls"));
    ck_assert_ptr_nonnull(strstr(both, arena_printf(ctx->arena, "x720\n%s\n", key_of(id, "hls/high"))));
    ck_assert_ptr_nonnull(strstr(both, arena_printf(ctx->arena, "x480\n%s\n", key_of(id, "hls/low"))));
    ck_assert_ptr_null(strstr(both, "hls-"));
    ck_assert_ptr_nonnull(strstr(playlist(id, "hls/high"), key_of(id, "hls/0001")));
    ck_assert_ptr_nonnull(strstr(playlist(id, "hls/low"), key_of(id, "hls/0002")));
    ck_assert_ptr_null(strstr(playlist(id, "hls/low"), "hls-"));
    /* Made anew, it has as many. */
    const char *low = key_of(id, "hls/low");
    make_due(id);
    work();
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_READY);
    ck_assert_uint_eq(strlen(key_of(id, "hls/low")), strlen(low));
    ck_assert_str_eq(of_row("(select count(*) from media.files f where f.media_id = items.id)", id), "9");
}
END_TEST

START_TEST(what_is_broken_fails_with_words_and_may_be_tried_again) {
    Pb__MediaRequest again = PB__MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;
    int64_t id = upload("cut.jpg");
    work();
    const Pb__MediaView *v = see(id);
    ck_assert_int_eq(v->state, PB__MEDIA_STATE__MEDIA_FAILED);
    ck_assert_str_eq(v->error, derive_words(DERIVE_BROKEN));
    ck_assert_uint_eq(v->n_files, 0);
    ck_assert_int_eq(events_of(id, "media.failed"), 1);
    ck_assert_str_ne(of_row("error", id), "");
    expect_nothing_left();
    again.owner_id = ann;
    again.id = id;
    expect_ok(ctx, media_retry_media(ctx, &again, &reply));
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_WAITING);
    work();
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_FAILED);
}
END_TEST

/* Our side's fault: three times, then it has failed. */
START_TEST(what_keeps_failing_is_given_up) {
    int64_t id = upload("plain.png");
    media_derive_program = "/bin/false";
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_WAITING);
        make_due(id);
        work();
        ck_assert_int_eq(strtol(of_row("attempts", id), NULL, 10), i);
    }
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_FAILED);
    ck_assert_str_eq(see(id)->error, derive_words(DERIVE_INTERNAL));
    ck_assert_str_eq(of_row("due_at is null", id), "t");
}
END_TEST

/* ---- being woken */

static struct {
    int64_t id;
    int stage, rounds;
} woken;

static bool is_ready(int64_t id) { return see(id)->state == PB__MEDIA_STATE__MEDIA_READY; }

/* Between two rounds of a process that makes files: what comes is found without a look. */
static bool stop_once_woken(void) {
    ck_assert_int_lt(++woken.rounds, PATIENCE_S * 4); /* of a quarter of a second at most */
    if (woken.stage == 0 && woken.rounds > 2) {       /* it has looked, listened and looked again */
        woken.id = upload("plain.png");
        woken.stage++;
    } else if (woken.stage == 1 && is_ready(woken.id)) {
        as_admin("select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                 "where datname = current_database() and usename = 'deeplink_media'");
        make_due(woken.id); /* said to nobody */
        woken.stage++;
    } else if (woken.stage == 2 && events_of(woken.id, "media.ready") == 2) {
        make_due(woken.id); /* said to the new connection */
        woken.stage++;
    }
    env_settle(ctx->env);
    return woken.stage == 3 && events_of(woken.id, "media.ready") == 3;
}

START_TEST(work_that_comes_wakes_who_makes_files) {
    media_look_ms = 3600000;
    timer_work(ctx->env, TIMER_FILES, stop_once_woken);
}
END_TEST

/* ---- killed in the middle */

static bool is_at_work(const char *pid, const char *folder) {
    char name[64], at[512];
    snprintf(name, sizeof name, "/proc/%s/comm", pid);
    FILE *f = fopen(name, "r");
    bool is = f != NULL && fgets(at, sizeof at, f) != NULL && strcmp(at, "ffmpeg\n") == 0;
    if (f != NULL)
        fclose(f);
    snprintf(name, sizeof name, "/proc/%s/cwd", pid);
    ssize_t n = is ? readlink(name, at, sizeof at - 1) : -1;
    return n > 0 && strncmp(at, folder, strlen(folder)) == 0;
}

/* The number of the ffmpeg that works in our spool; 0: there is none. */
static pid_t find_ffmpeg(void) {
    char *folder = realpath(ctx->env->config->media_spool, NULL);
    DIR *d = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *e; found == 0 && (e = readdir(d)) != NULL;)
        if (strspn(e->d_name, "0123456789") == strlen(e->d_name) && is_at_work(e->d_name, folder))
            found = (pid_t)strtol(e->d_name, NULL, 10);
    closedir(d);
    free(folder);
    return found;
}

static void nap(void) { nanosleep(&(struct timespec){0, 20000000}, NULL); }

static pid_t await_ffmpeg(bool there) {
    int64_t deadline = clock_mono_us() + PATIENCE_S * SECOND;
    pid_t pid;
    while (((pid = find_ffmpeg()) != 0) != there) {
        ck_assert_msg(clock_mono_us() < deadline, there ? "no ffmpeg came" : "ffmpeg is still there");
        nap();
    }
    return pid;
}

/* `deeplink work`, as an operator starts it: its settings are in our environment. */
static pid_t start_worker(void) {
    pid_t pid = fork();
    if (pid == 0) {
        const char *program = server_of("TEST_DEEPLINK");
        setpgid(0, 0);
        execl(program, program, "work", (char *)NULL);
        _exit(127);
    }
    setpgid(pid, pid);
    return pid;
}

static int64_t await_state(int64_t id, Pb__MediaState state) {
    int64_t deadline = clock_mono_us() + PATIENCE_S * SECOND;
    while (see(id)->state != state) {
        ck_assert_msg(clock_mono_us() < deadline, "state %d, not %d", see(id)->state, state);
        env_settle(ctx->env);
        nap();
    }
    return id;
}

START_TEST(a_worker_that_is_killed_is_made_up_for) {
    int64_t id = upload("slow.mp4");
    pid_t worker = start_worker();
    await_ffmpeg(true);
    ck_assert_int_eq(kill(-worker, SIGKILL), 0);
    waitpid(worker, NULL, 0);
    await_ffmpeg(false); /* nobody works on for a parent that is gone */
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_WAITING);
    ck_assert_str_eq(of_row("lease is not null and due_at is not null", id), "t");
    make_due(id); /* as the end of its lease does */
    work();
    ck_assert_int_eq(see(id)->state, PB__MEDIA_STATE__MEDIA_READY);
    ck_assert_int_ge(see(id)->duration_ms, 11900);
}
END_TEST

START_TEST(an_ffmpeg_that_is_killed_is_made_up_for) {
    int64_t id = upload("slow.mp4");
    pid_t worker = start_worker();
    ck_assert_int_eq(kill(await_ffmpeg(true), SIGKILL), 0);
    await_state(id, PB__MEDIA_STATE__MEDIA_READY); /* by itself, some seconds later */
    kill(-worker, SIGTERM);
    waitpid(worker, NULL, 0);
    ck_assert_int_eq(events_of(id, "media.failed"), 0);
}
END_TEST

START_TEST(a_worker_that_is_asked_to_stop_gives_its_work_back) {
    int64_t id = upload("slow.mp4"), begun;
    pid_t worker = start_worker();
    int status;
    await_ffmpeg(true);
    begun = clock_mono_us();
    ck_assert_int_eq(kill(worker, SIGTERM), 0);
    ck_assert_int_eq(waitpid(worker, &status, 0), worker);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_lt(clock_mono_us() - begun, 15 * SECOND);
    await_ffmpeg(false);
    ck_assert_str_eq(of_row("lease is null and due_at <= now() and attempts = 0", id), "t");
}
END_TEST

int main(void) {
    Suite *s = suite_create("media work");
    TCase *t = tcase_create("media work");
    corpus();
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_set_timeout(t, 180);
    tcase_add_test(t, an_upload_becomes_what_is_shown);
    tcase_add_test(t, documents_are_kept_as_they_are);
    tcase_add_test(t, a_playlist_names_its_piece_by_its_address);
    tcase_add_test(t, playlists_of_two_qualities_name_each_other_by_address);
    tcase_add_test(t, what_is_broken_fails_with_words_and_may_be_tried_again);
    tcase_add_test(t, what_keeps_failing_is_given_up);
    tcase_add_test(t, work_that_comes_wakes_who_makes_files);
    tcase_add_test(t, a_worker_that_is_killed_is_made_up_for);
    tcase_add_test(t, an_ffmpeg_that_is_killed_is_made_up_for);
    tcase_add_test(t, a_worker_that_is_asked_to_stop_gives_its_work_back);
    suite_add_tcase(s, t);
    return fixture_main(s);
}
