/* Bodies that came as files: which paths are believed, what is found in them, and that nothing stays. */
#include <check.h>
#undef fail
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/request.h"

#define FORM "multipart/form-data; boundary=b"
#define HEAD(name, file) \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file "\"\r\n\r\n"

static const char two_files[] = "--b\r\nContent-Disposition: form-data; name=\"words\"\r\n\r\nhello\r\n" HEAD(
    "file", "a.png") "first\r\n" HEAD("file", "b.png") "se\0cond\r\n" HEAD("file", "") "\r\n--b--\r\n";

static char root[64], spool[96];
static struct config *config;
static struct env env;
static struct request req;

static void setup(void) {
    snprintf(root, sizeof root, "/tmp/deeplink-upload-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(spool, sizeof spool, "%s/spool", root);
    ck_assert_int_eq(mkdir(spool, 0700), 0);
    setenv("DEEPLINK_MEDIA_SPOOL", spool, 1);
    config = config_read(NULL, stderr);
    config->max_body_bytes = 1000;
    env = (struct env){.config = config};
    memset(&req, 0, sizeof req);
    req.ctx.arena = arena_new(1 << 20);
    req.ctx.env = &env;
    params_init(&req.form, req.ctx.arena);
}

static int count(const char *path) {
    DIR *d = opendir(path);
    int n = -2; /* . and .. */

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return d != NULL ? n : 0;
}

static const char *in_spool(const char *name) {
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", spool, name);
    return path;
}

static void teardown(void) {
    arena_free(req.ctx.arena);
    ck_assert_int_eq(count(in_spool("incoming")), 0); /* whatever was made is gone with the request */
    rmdir(in_spool("incoming"));
    unlink(in_spool("body"));
    ck_assert_int_eq(rmdir(spool), 0);
    ck_assert_int_eq(rmdir(root), 0);
    config_free(config);
}

static const char *write_file(const char *path, const char *p, size_t n) {
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(p, 1, n, f), n);
    fclose(f);
    return path;
}

static void expect_file(const char *path, const char *p, size_t n) {
    char got[256];
    FILE *f = fopen(path, "rb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(got, 1, sizeof got, f), n);
    ck_assert_mem_eq(got, p, n);
    fclose(f);
}

static enum code take(const char *type, const char *p, size_t n, const char *length) {
    req.content_type = type;
    return upload_take(&req, write_file(in_spool("body"), p, n), length);
}

START_TEST(parts_are_places_in_the_file) {
    struct request_file file;
    const char *saved;

    ck_assert_int_eq(take(FORM, two_files, sizeof two_files - 1, NULL), OK);
    ck_assert_str_eq(params_get(&req.form, "words"), "hello");
    ck_assert_int_eq(request_file(&req, "file", &file), OK);
    ck_assert_str_eq(file.file_name, "a.png");
    ck_assert_int_eq(file.bytes, 5);
    ck_assert_int_eq(request_file_nth(&req, "file", 1, &file), OK);
    ck_assert_int_eq(file.bytes, 7);
    ck_assert_int_eq(request_file_save(&req, &file, &saved), OK);
    ck_assert_str_ne(saved, file.path);
    expect_file(saved, "se\0cond", 7);
    ck_assert_int_eq(request_file_nth(&req, "file", 2, &file), OK); /* an empty field is no file */
    ck_assert_ptr_null(file.path);
    ck_assert_int_eq(request_file(&req, "words", &file), OK); /* nor is a text */
    ck_assert_ptr_null(file.path);
}
END_TEST

START_TEST(a_body_is_a_file_itself) {
    struct request_file file;
    const char *saved;

    ck_assert_int_eq(take("image/png", "picture", 7, "7"), OK);
    ck_assert(req.upload.raw);
    ck_assert_int_eq(request_file(&req, NULL, &file), OK);
    ck_assert_int_eq(file.bytes, 7);
    ck_assert_int_eq(request_file_save(&req, &file, &saved), OK);
    ck_assert_str_eq(saved, file.path); /* it can be taken away as it is */
}
END_TEST

START_TEST(small_forms_are_read_as_ever) {
    char large[2000];

    ck_assert_int_eq(take("application/x-www-form-urlencoded", "a=1", 3, "3"), OK);
    ck_assert_str_eq(params_get(&req.form, "a"), "1");
    ck_assert_int_eq(take("application/json", "{\"b\":\"2\"}", 9, "9"), OK);
    ck_assert_str_eq(params_get(&req.form, "b"), "2");
    memset(large, 'a', sizeof large);
    ck_assert_int_eq(take("application/x-www-form-urlencoded", large, sizeof large, NULL), INVALID);
    ck_assert_int_eq(req.ctx.error.http, 413);
}
END_TEST

START_TEST(only_paths_below_the_spool_are_believed) {
    char outside[160], link_path[160];

    req.content_type = "image/png";
    snprintf(outside, sizeof outside, "%s/outside", root);
    snprintf(link_path, sizeof link_path, "%s/link", spool);
    write_file(outside, "secret", 6);
    ck_assert_int_eq(symlink(outside, link_path), 0);
    ck_assert_int_eq(upload_take(&req, outside, NULL), INTERNAL);
    ck_assert_int_eq(upload_take(&req, in_spool("../outside"), NULL), INTERNAL);
    ck_assert_int_eq(upload_take(&req, link_path, NULL), INTERNAL);
    ck_assert_int_eq(upload_take(&req, in_spool("none"), NULL), INTERNAL);
    ck_assert_int_eq(upload_take(&req, spool, NULL), INTERNAL);
    ck_assert_int_eq(upload_take(&req, "", NULL), INTERNAL);
    ck_assert_ptr_null(req.upload.path);
    unlink(link_path);
    unlink(outside);
}
END_TEST

START_TEST(what_is_not_whole_is_refused) {
    ck_assert_int_eq(take(FORM, two_files, sizeof two_files - 1, "9"), INVALID);
    ck_assert_int_eq(req.ctx.error.http, 400);
    fail_clear(&req.ctx);
    ck_assert_int_eq(take(FORM, two_files, sizeof two_files - 9, NULL), INVALID);
    ck_assert_int_eq(req.ctx.error.http, 400);
    fail_clear(&req.ctx);
    ck_assert_int_eq(take("image/png", "", 0, "0"), OK); /* empty, and said to be */
    ck_assert_int_eq(take(FORM, "", 0, NULL), OK);       /* no body at all */
    ck_assert(!req.upload.raw);
}
END_TEST

START_TEST(without_a_gateway_a_file_is_made) {
    struct request_file file;
    const char *saved;

    params_add(&req.form, "file", "in memory", 9)->filename = "m.txt";
    ck_assert_int_eq(request_file(&req, "file", &file), OK);
    ck_assert_int_eq(request_file_save(&req, &file, &saved), OK);
    expect_file(saved, "in memory", 9);
    req.body = "raw";
    req.body_n = 3;
    ck_assert_int_eq(request_file(&req, NULL, &file), OK);
    expect_file(file.path, "raw", 3);
    ck_assert_int_eq(count(in_spool("incoming")), 2);
}
END_TEST

int main(void) {
    Suite *s = suite_create("upload");
    TCase *t = tcase_create("upload");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, parts_are_places_in_the_file);
    tcase_add_test(t, a_body_is_a_file_itself);
    tcase_add_test(t, small_forms_are_read_as_ever);
    tcase_add_test(t, only_paths_below_the_spool_are_believed);
    tcase_add_test(t, what_is_not_whole_is_refused);
    tcase_add_test(t, without_a_gateway_a_file_is_made);
    suite_add_tcase(s, t);
    runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
