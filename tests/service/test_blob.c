/* One suite for both stores: each test runs against a folder, and against a bucket of a real S3 server.
 * harness: s3
 */
#include "fcgi/drivers/blob.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "tests/service/servers.h"

#define MB ((size_t)1024 * 1024)
#define LATE_US INT64_C(60000000)
#define CDN "https://cdn.example.org/media"

enum { FOLDER, S3 };

static struct config config;
static struct blob_store *s;
static struct ctx ctx;
static char dir[256], settings[2][512];

static const char *line_of(const char *folder, const char *name) {
    static char lines[2][200];
    static int at;
    char path[512], *line = lines[at++ % 2];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(line, 200, f));
    fclose(f);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

/* A store that nothing is in yet: each test has a folder and a prefix of its own. */
static void start(int i) {
    const char *problem = NULL;
    static int number;
    ctx = test_ctx(NULL);
    snprintf(dir, sizeof dir, "%s/blob-%d-%d", server_of("TEST_DIR"), i, ++number * 1000 + (int)getpid());
    ck_assert_int_eq(mkdir(dir, 0755), 0);
    const char *root = arena_printf(ctx.arena, "%s/store", dir), *s3 = server_of("TEST_S3");
    ck_assert_int_eq(mkdir(root, 0755), 0);
    snprintf(settings[FOLDER], sizeof settings[0], "folder:%s", root);
    snprintf(settings[S3], sizeof settings[0], "s3://media/%s%s", strrchr(dir, '/') + 1, strchr(s3, '?'));
    config = (struct config){.server_timeout_ms = 3000,
                             .media_cdn = CDN,
                             .media_s3_key = line_of(server_of("TEST_S3_DIR"), "key"),
                             .media_s3_secret = line_of(server_of("TEST_S3_DIR"), "secret")};
    s = blob_open(&config, settings[i], &problem);
    ck_assert_msg(s != NULL, "%s", problem);
    ck_ok(&ctx, blob_ping(&ctx, s));
}

static void finish(void) {
    blob_close(s);
    test_ctx_end();
}

static const char *local(const char *name) { return arena_printf(ctx.arena, "%s/%s", dir, name); }

/* A file of `n` bytes that differ by seed; its key. */
static const char *make_file(const char *path, size_t n, uint64_t seed) {
    const char *key = NULL;
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < n; i += sizeof seed) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
        fwrite(&seed, 1, n - i < sizeof seed ? n - i : sizeof seed, f);
    }
    fclose(f);
    ck_ok(&ctx, blob_key_of(&ctx, path, "webp", &key));
    return key;
}

static const char *put_new(size_t n, uint64_t seed) {
    const char *path = local(arena_printf(ctx.arena, "in-%d", (int)seed)), *key = make_file(path, n, seed);
    ck_ok(&ctx, blob_put(&ctx, s, key, path, "image/webp"));
    unlink(path);
    return key;
}

static void is_whole(const char *key) {
    const char *to = local("out"), *found = NULL;
    ck_ok(&ctx, blob_get(&ctx, s, key, to));
    ck_ok(&ctx, blob_key_of(&ctx, to, strchr(key, '.') + 1, &found));
    ck_assert_str_eq(found, key);
    unlink(to);
}

static bool is_there(const char *key) {
    struct blob_info info;
    enum code code = blob_stat(&ctx, s, key, &info);
    ck_assert_msg(code == OK || code == NOT_FOUND, "%s", ctx.error.detail);
    fail_clear(&ctx);
    return code == OK;
}

START_TEST(what_goes_in_comes_out) {
    start(_i);
    const char *key = put_new(100000, 1), *empty = put_new(0, 2);
    struct blob_info info;
    is_whole(key);
    is_whole(empty);
    ck_ok(&ctx, blob_stat(&ctx, s, key, &info));
    ck_assert_int_eq(info.bytes, 100000);
    ck_assert(!info.is_public);
    put_new(100000, 1); /* again */
    is_whole(key);
    ck_assert_str_eq(blob_kind(s), _i == S3 ? "s3" : "folder");
    finish();
}
END_TEST

START_TEST(what_is_not_there_is_not_found) {
    start(_i);
    const char *key = make_file(local("never"), 10, 3);
    struct blob_info info;
    ck_code(&ctx, blob_get(&ctx, s, key, local("out")), NOT_FOUND);
    ck_assert_int_ne(access(local("out"), F_OK), 0); /* no half file either */
    ck_code(&ctx, blob_stat(&ctx, s, key, &info), NOT_FOUND);
    ck_code(&ctx, blob_publish(&ctx, s, key, true), NOT_FOUND);
    ck_ok(&ctx, blob_publish(&ctx, s, key, false));
    ck_ok(&ctx, blob_remove(&ctx, s, key));
    static const char *const bad[] = {
        "",
        "x",
        "../../../../etc/passwd",
        "a.webp",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855.webp",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.we/bp",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_code(&ctx, blob_put(&ctx, s, bad[i], local("never"), "image/webp"), NOT_FOUND);
        ck_code(&ctx, blob_get(&ctx, s, bad[i], local("out")), NOT_FOUND);
        ck_ok(&ctx, blob_remove(&ctx, s, bad[i]));
    }
    ck_code(&ctx, blob_put(&ctx, s, key, local("nothing"), "image/webp"), UNAVAILABLE);
    finish();
}
END_TEST

START_TEST(everybody_may_have_it_or_not) {
    start(_i);
    const char *key = put_new(5000, 4);
    struct blob_info info;
    for (int round = 0; round < 2; round++) {
        ck_ok(&ctx, blob_publish(&ctx, s, key, true));
        ck_ok(&ctx, blob_stat(&ctx, s, key, &info));
        ck_assert(info.is_public);
    }
    for (int round = 0; round < 2; round++) {
        ck_ok(&ctx, blob_publish(&ctx, s, key, false));
        ck_ok(&ctx, blob_stat(&ctx, s, key, &info));
        ck_assert(!info.is_public);
    }
    is_whole(key);
    finish();
}
END_TEST

START_TEST(gone_is_gone_from_everywhere) {
    start(_i);
    const char *key = put_new(5000, 5), *other = put_new(5000, 6);
    ck_ok(&ctx, blob_publish(&ctx, s, key, true));
    for (int round = 0; round < 2; round++) {
        ck_ok(&ctx, blob_remove(&ctx, s, key));
        ck_assert(!is_there(key));
    }
    if (_i == FOLDER)
        ck_assert_int_ne(
            access(local(arena_printf(ctx.arena, "store/public/%s", blob_path(ctx.arena, key))), F_OK), 0);
    put_new(5000, 5); /* anew, and for nobody in particular: the public copy is gone, too */
    struct blob_info info;
    ck_ok(&ctx, blob_stat(&ctx, s, key, &info));
    ck_assert(!info.is_public);
    is_whole(other);
    finish();
}
END_TEST

START_TEST(all_are_listed_in_order) {
    enum { N = 25, PAGE = 7 };
    start(_i);
    for (int i = 0; i < N; i++)
        put_new((size_t)(100 + i), (uint64_t)(100 + i));
    struct blob_page page;
    const char *after = "";
    size_t n = 0;
    int64_t bytes = 0, now = clock_now_ms();
    do {
        ck_ok(&ctx, blob_list(&ctx, s, after, PAGE, &page));
        ck_assert(page.n <= PAGE && (page.n == PAGE || !page.more));
        for (size_t i = 0; i < page.n; i++) {
            ck_assert_int_lt(strcmp(after, page.keys[i]), 0);
            ck_assert(page.changed_ms[i] > now - 600000 && page.changed_ms[i] < now + 600000);
            after = page.keys[i];
            bytes += page.bytes[i];
            n++;
        }
    } while (page.more);
    ck_assert_int_eq(n, N);
    ck_assert_int_eq(bytes, N * 100 + N * (N - 1) / 2);
    finish();
}
END_TEST

/* How many puts that came to no end were cleared away, of those begun before then. */
static int64_t tidied(int64_t before_ms) {
    int64_t n = 0;
    ck_ok(&ctx, blob_tidy(&ctx, s, before_ms, &n));
    return n;
}

START_TEST(a_large_file_comes_in_pieces) {
    start(_i);
    const char *key = put_new(37 * MB + 11, 7);
    struct blob_info info;
    is_whole(key);
    ck_ok(&ctx, blob_stat(&ctx, s, key, &info));
    ck_assert_int_eq(info.bytes, 37 * MB + 11);
    ck_ok(&ctx, blob_publish(&ctx, s, key, true));
    ck_assert_int_eq(tidied(clock_now_ms() + 60000), 0);
    finish();
}
END_TEST

/* Puts until it is killed: afterwards the blob is there and whole, or not there. */
START_TEST(a_killed_put_leaves_nothing_half) {
    start(_i);
    char in[] = "/dev/shm/deeplink-blob-XXXXXX"; /* another file system: so that bytes must be copied */
    int fd = mkstemp(in), there = 0;
    ck_assert_int_ge(fd, 0);
    close(fd);
    const char *key = make_file(in, 40 * MB, 8);
    for (int round = 1; round <= 8; round++) {
        pid_t child = fork();
        if (child == 0) {
            const char *problem;
            struct blob_store *own = blob_open(&config, settings[_i], &problem);
            _exit(own != NULL && blob_put(&ctx, own, key, in, "image/webp") == OK ? 0 : 1);
        }
        usleep((useconds_t)round * round * 4000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (is_there(key)) {
            there++;
            is_whole(key);
            ck_ok(&ctx, blob_remove(&ctx, s, key));
        }
    }
    ck_assert_int_lt(there, 8);
    ck_assert_int_eq(tidied(clock_now_ms() - 3600000), 0); /* what may still be at work is left alone */
    ck_assert_int_gt(tidied(clock_now_ms() + 60000), 0);
    ck_ok(&ctx, blob_put(&ctx, s, key, in, "image/webp"));
    is_whole(key);
    int64_t until = clock_mono_us() + LATE_US, left; /* a server may still be at work for the killed */
    while ((left = tidied(clock_now_ms() + 60000)) > 0 && clock_mono_us() < until)
        is_whole(key);
    ck_assert_int_eq(left, 0);
    unlink(in);
    finish();
}
END_TEST

/* ---- a folder's own ---- */

START_TEST(a_damaged_file_is_replaced) {
    start(FOLDER);
    const char *key = put_new(5000, 9),
               *path = local(arena_printf(ctx.arena, "store/files/%s", blob_path(ctx.arena, key)));
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(truncate(path, 100), 0);
    put_new(5000, 9);
    is_whole(key);
    finish();
}
END_TEST

START_TEST(a_full_disk_is_said_so) {
    start(FOLDER);
    char in[] = "/dev/shm/deeplink-blob-XXXXXX";
    close(mkstemp(in));
    const char *key = make_file(in, MB, 10);
    struct rlimit small = {MB / 2, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN); /* the limit of a file's size is met as a full disk is */
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum code code = blob_put(&ctx, s, key, in, "image/webp");
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
    ck_code(&ctx, code, EXHAUSTED);
    ck_assert(!is_there(key));
    int64_t left = 0;
    ck_ok(&ctx, blob_tidy(&ctx, s, clock_now_ms() + 60000, &left));
    ck_assert_int_eq(left, 0); /* it tidied up after itself */
    ck_ok(&ctx, blob_put(&ctx, s, key, in, "image/webp"));
    unlink(in);
    finish();
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_not_made) {
    start(FOLDER);
    const char *key = make_file(local("in"), 100, 11), *away = local("away");
    ck_assert_int_eq(rename(local("store"), away), 0);
    ck_code(&ctx, blob_ping(&ctx, s), UNAVAILABLE);
    ck_code(&ctx, blob_put(&ctx, s, key, local("in"), "image/webp"), UNAVAILABLE);
    struct blob_page page;
    ck_code(&ctx, blob_list(&ctx, s, "", 10, &page), UNAVAILABLE); /* not: empty */
    ck_assert_int_ne(access(local("store"), F_OK), 0);
    ck_assert_ptr_null(blob_url(&ctx, s, key, true, 60));
    finish();
}
END_TEST

/* ---- a bucket's own ---- */

static size_t drop(char *p, size_t size, size_t n, void *arg) {
    (void)p;
    *(size_t *)arg += size * n;
    return size * n;
}

/* The status that anybody gets for an address. */
static long fetched(const char *url, size_t *ret_bytes) {
    CURL *curl = curl_easy_init();
    long status = 0;
    *ret_bytes = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_bytes);
    ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    return status;
}

START_TEST(a_signed_address_opens_one_object_for_a_while) {
    start(S3);
    const char *key = put_new(5000, 12), *other = put_new(6000, 13),
               *url = blob_url(&ctx, s, key, false, 300);
    size_t n;
    ck_assert_int_eq(fetched(url, &n), 200);
    ck_assert_int_eq(n, 5000);
    ck_assert_int_eq(fetched(arena_strndup(ctx.arena, url, strcspn(url, "?")), &n), 403);
    ck_assert_int_eq(fetched(arena_printf(ctx.arena, "%.*s%s", (int)strcspn(url, "?"),
                                          blob_url(&ctx, s, other, false, 300), strchr(url, '?')),
                             &n),
                     403); /* another object's */
    char *cut = arena_strdup(ctx.arena, url);
    cut[strlen(cut) - 1] ^= 1;
    ck_assert_int_eq(fetched(cut, &n), 403);
    const char *brief = blob_url(&ctx, s, key, false, 1);
    int64_t end = clock_mono_us() + 10000000;
    long status;
    while ((status = fetched(brief, &n)) == 200 && clock_mono_us() < end)
        usleep(100000);
    ck_assert_int_eq(status, 403);
    ck_assert_str_eq(blob_url(&ctx, s, key, true, 300),
                     arena_printf(ctx.arena, CDN "/%s", blob_path(ctx.arena, key)));
    finish();
}
END_TEST

START_TEST(wrong_keys_are_refused) {
    start(S3);
    const char *problem, *key = make_file(local("in"), 100, 14);
    struct config wrong = config;
    wrong.media_s3_secret = "not the secret at all";
    struct blob_store *own = blob_open(&wrong, settings[S3], &problem);
    ck_code(&ctx, blob_ping(&ctx, own), UNAVAILABLE);
    ck_code(&ctx, blob_put(&ctx, own, key, local("in"), "image/webp"), UNAVAILABLE);
    ck_assert(!is_there(key));
    blob_close(own);
    ck_assert_ptr_null(blob_open(&config, "s3://media?endpoint=http://s3.example.org", &problem));
    ck_assert_ptr_nonnull(strstr(problem, "https"));
    ck_assert_ptr_null(blob_open(&config, "ftp://x", &problem));
    finish();
}
END_TEST

static void server(const char *verb) {
    const char *words = arena_printf(ctx.arena, "'%s/tests/harness/stack.sh' server %s s3 >/dev/null 2>&1",
                                     server_of("TEST_ROOT"), verb);
    ck_assert_int_eq(system(words), 0);
}

/* The server dies while pieces are on their way. What was ready stays; what was not is put again. */
START_TEST(a_killed_store_loses_nothing) {
    start(S3);
    const char *kept = put_new(3 * MB, 15), *in = local("large"), *key = make_file(in, 48 * MB, 16);
    pid_t child = fork();
    if (child == 0)
        _exit(blob_put(&ctx, s, key, in, "image/webp") == OK ? 0 : 1);
    usleep(60000);
    server("kill");
    int status;
    waitpid(child, &status, 0);
    bool said = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    struct blob_info info;
    ck_code(&ctx, blob_stat(&ctx, s, kept, &info), UNAVAILABLE);
    server("start");
    is_whole(kept);
    ck_assert(!said || is_there(key));
    if (is_there(key))
        is_whole(key);
    ck_ok(&ctx, blob_put(&ctx, s, key, in, "image/webp"));
    is_whole(key);
    finish();
}
END_TEST

int main(void) {
    Suite *suite = suite_create("blob");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, what_goes_in_comes_out, 0, 2);
    tcase_add_loop_test(tc, what_is_not_there_is_not_found, 0, 2);
    tcase_add_loop_test(tc, everybody_may_have_it_or_not, 0, 2);
    tcase_add_loop_test(tc, gone_is_gone_from_everywhere, 0, 2);
    tcase_add_loop_test(tc, all_are_listed_in_order, 0, 2);
    tcase_add_loop_test(tc, a_large_file_comes_in_pieces, 0, 2);
    tcase_add_loop_test(tc, a_killed_put_leaves_nothing_half, 0, 2);
    tcase_add_test(tc, a_damaged_file_is_replaced);
    tcase_add_test(tc, a_full_disk_is_said_so);
    tcase_add_test(tc, a_folder_that_is_not_there_is_not_made);
    tcase_add_test(tc, a_signed_address_opens_one_object_for_a_while);
    tcase_add_test(tc, wrong_keys_are_refused);
    tcase_add_test(tc, a_killed_store_loses_nothing);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
