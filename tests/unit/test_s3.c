/* The bucket's address, and the signatures that Amazon publishes as examples:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and
 * …/sigv4-query-string-auth.html */
#include <check.h>
#undef fail /* an old name of Check for ck_abort() */
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/drivers/s3_place.h"
#include "fcgi/drivers/s3_sign.h"

#define HOST \
    { "host", "examplebucket.s3.amazonaws.com" }
#define DATE \
    { "x-amz-date", "20130524T000000Z" }
#define EMPTY \
    { "x-amz-content-sha256", S3_EMPTY_SHA256 }
#define MAY_24 INT64_C(1369353600000)

static const struct s3_keys keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                    "us-east-1"};
static struct arena *a;

static void start(void) { a = arena_new(1 << 20); }
static void finish(void) { arena_free(a); }

static void signs(const struct s3_signed *req, const char *names, const char *signature) {
    const char *want = arena_printf(a,
                                    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                                    "aws4_request,SignedHeaders=%s,Signature=%s",
                                    names, signature);
    ck_assert_str_eq(s3_authorization(a, &keys, req), want);
}

START_TEST(a_get_of_a_range) {
    const struct s3_pair h[] = {HOST, {"range", "bytes=0-9"}, EMPTY, DATE};
    signs(&(struct s3_signed){.method = "GET",
                              .path = "/test.txt",
                              .headers = h,
                              .n_headers = 4,
                              .payload = S3_EMPTY_SHA256,
                              .at_ms = MAY_24},
          "host;range;x-amz-content-sha256;x-amz-date",
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}
END_TEST

START_TEST(a_put) {
    const char *hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const struct s3_pair h[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                HOST,
                                {"x-amz-content-sha256", hash},
                                DATE,
                                {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    signs(&(struct s3_signed){.method = "PUT",
                              .path = "/test%24file.text",
                              .headers = h,
                              .n_headers = 5,
                              .payload = hash,
                              .at_ms = MAY_24},
          "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}
END_TEST

START_TEST(a_query) {
    const struct s3_pair h[] = {HOST, EMPTY, DATE}, one[] = {{"lifecycle", ""}},
                         two[] = {{"max-keys", "2"}, {"prefix", "J"}};
    struct s3_signed req = {.method = "GET",
                            .path = "/",
                            .query = one,
                            .n_query = 1,
                            .headers = h,
                            .n_headers = 3,
                            .payload = S3_EMPTY_SHA256,
                            .at_ms = MAY_24};
    signs(&req, "host;x-amz-content-sha256;x-amz-date",
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    req.query = two;
    req.n_query = 2;
    signs(&req, "host;x-amz-content-sha256;x-amz-date",
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}
END_TEST

START_TEST(an_address_for_a_day) {
    const struct s3_pair h[] = {HOST};
    const struct s3_signed req = {
        .method = "GET", .path = "/test.txt", .headers = h, .n_headers = 1, .at_ms = MAY_24};
    ck_assert_str_eq(
        s3_presign(a, &keys, &req, 86400),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
        "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}
END_TEST

static const char *refused(const char *setting) {
    struct s3_place p;
    const char *problem = NULL;
    if (s3_place_read(&p, setting, &problem)) {
        s3_place_free(&p);
        return NULL;
    }
    ck_assert_ptr_nonnull(problem);
    return problem;
}

START_TEST(the_place_is_read) {
    struct s3_place p;
    const char *problem = NULL;
    ck_assert(
        s3_place_read(&p, "s3://media/a/b/?endpoint=https://s3.example.org:8443/x/&region=eu-1", &problem));
    ck_assert_str_eq(p.bucket, "media");
    ck_assert_str_eq(p.prefix, "a/b/");
    ck_assert_str_eq(p.scheme, "https");
    ck_assert_str_eq(p.host, "s3.example.org:8443");
    ck_assert_str_eq(p.path, "/x");
    ck_assert_str_eq(p.region, "eu-1");
    s3_place_free(&p);
    ck_assert(s3_place_read(&p, "s3://media?endpoint=http://127.0.0.1:7070", &problem));
    ck_assert_str_eq(p.prefix, "");
    ck_assert_str_eq(p.path, "");
    ck_assert_str_eq(p.region, "us-east-1");
    s3_place_free(&p);
}
END_TEST

START_TEST(what_is_no_place_is_refused) {
    static const char *const bad[] = {
        "s3://",
        "s3://media",
        "s3://me?endpoint=https://x",
        "s3://me dia?endpoint=https://x",
        "s3://media/a%20b?endpoint=https://x",
        "s3://media?endpoint=ftp://x",
        "s3://media?endpoint=https://",
        "s3://media?endpoint=https://user@x",
        "s3://media?endpoint=https://x&region=a/b",
        "s3://media?endpoint=http://s3.example.org", /* in the open, over the internet */
        "s3://media?endpoint=http://8.8.8.8:9000",
        "s3://media?endpoint=http://172.32.0.1",
        "s3://media?endpoint=http://10.evil.example",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(refused(bad[i]) != NULL, "%s", bad[i]);
    static const char *const good[] = {
        "s3://media?endpoint=http://localhost:9000",
        "s3://media?endpoint=http://10.0.0.7:9000",
        "s3://media?endpoint=http://172.16.3.4",
        "s3://media?endpoint=http://192.168.1.2",
        "s3://media?endpoint=http://[::1]:9000",
        "s3://media?endpoint=http://garage:3900",
        "s3://media?endpoint=http://s3.example.org&plain=yes",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(refused(good[i]) == NULL, "%s", good[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("s3");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, start, finish);
    tcase_add_test(tc, a_get_of_a_range);
    tcase_add_test(tc, a_put);
    tcase_add_test(tc, a_query);
    tcase_add_test(tc, an_address_for_a_day);
    tcase_add_test(tc, the_place_is_read);
    tcase_add_test(tc, what_is_no_place_is_refused);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
