/* The configuration: files, the environment, mistakes, printing, reloading, the secret. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/config.h"
#include "fcgi/suggest.h"

static char folder[64], file[128];
static char *said; /* what was written to err */

static void setup(void) {
    snprintf(folder, sizeof folder, "/tmp/deeplink-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/deeplink.conf", folder);
    said = NULL;
}

static void teardown(void) {
    static const char *const names[] = {"deeplink.conf", "value", "secret"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
    free(said);
}

static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static struct config *read_text(const char *text) {
    size_t n;
    free(said);
    write_file(file, text);
    FILE *err = open_memstream(&said, &n);
    struct config *c = config_read(file, err);
    fclose(err);
    return c;
}

static void refused(const char *text, const char *words) {
    struct config *c = read_text(text);
    ck_assert_msg(c == NULL, "taken: %s", text);
    ck_assert_msg(strstr(said, words) != NULL, "%s does not say %s", said, words);
}

START_TEST(defaults) {
    struct config *c = config_read(NULL, stderr);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->site_name, "DeepLink");
    ck_assert_str_eq(c->registration, "open");
    ck_assert_int_eq(c->max_body_bytes, 1 << 20);
    ck_assert(c->rate_limits);
    ck_assert(!c->intranet);
    ck_assert_ptr_null(config_path(c));
    ck_assert_int_ge(config_workers(c), 2);
    config_free(c);
}
END_TEST

START_TEST(reads) {
    struct config *c = read_text(
        "# comment\n\n  site_name =  A & B  \nworkers=3 # three\r\naccent = #123456\nintranet = on\n"
        "site_description = one # two\nrate_limits = no");
    ck_assert_msg(c != NULL, "%s", said);
    ck_assert_str_eq(c->site_name, "A & B");
    ck_assert_int_eq(c->workers, 3);
    ck_assert_int_eq(config_workers(c), 3);
    ck_assert_str_eq(c->accent, "#123456");
    ck_assert(c->intranet);
    ck_assert(!c->rate_limits);
    ck_assert_str_eq(c->site_description, "one");
    ck_assert_str_eq(config_path(c), file);
    config_free(c);
}
END_TEST

START_TEST(says_what_is_wrong) {
    refused("workers = 2\nlistn = x\n",
            "deeplink.conf:2: there is no setting \"listn\"; did you mean listen?");
    refused("workers = many\n",
            "deeplink.conf:1: workers is \"many\": it must be a whole number from 0 to 200");
    refused("workers = 201\n", "from 0 to 200");
    refused("workers = 1.5\n", "from 0 to 200");
    refused("workers =\n", "from 0 to 200");
    refused("\n\nfoo\n", "deeplink.conf:3: \"foo\" is not `name = value`");
    refused("intranet = maybe\n", "must be yes or no");
    refused("registration = ope\n", "must be one of open|approval|invite|closed");
    refused("registration = open|approval\n", "must be one of");
    refused("workers = 2\nworkers = 3\n", "deeplink.conf:2: workers is set twice");
    refused("site_name = \xff\n", "not valid UTF-8");
    refused("redis = @/nonexistent/file\n", "redis: cannot read /nonexistent/file");
    refused("= x\n", "there is no setting");
    FILE *err = fopen("/dev/null", "w");
    ck_assert_ptr_null(config_read("/nonexistent/deeplink.conf", err));
    fclose(err);
}
END_TEST

START_TEST(values_in_files) {
    char text[256];
    write_file(in_folder("value"), "redis://:password@host:1/0\nsecond line\n");
    snprintf(text, sizeof text, "redis = @%s\n", in_folder("value"));
    struct config *c = read_text(text);
    ck_assert_msg(c != NULL, "%s", said);
    ck_assert_str_eq(c->redis, "redis://:password@host:1/0");
    config_free(c);
}
END_TEST

START_TEST(environment_goes_first) {
    setenv("DEEPLINK_WORKERS", "7", 1);
    struct config *c = read_text("workers = 3\n");
    ck_assert_int_eq(c->workers, 7);
    config_free(c);
    setenv("DEEPLINK_WORKERS", "x", 1);
    refused("", "environment: workers is \"x\"");
    unsetenv("DEEPLINK_WORKERS");
}
END_TEST

static char *printed(const struct config *c) {
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    config_print(c, out);
    fclose(out);
    return text;
}

START_TEST(prints_what_it_reads) {
    struct config *c = read_text("site_name = Elsewhere\nworkers = 5\n");
    char *once = printed(c);
    config_free(c);
    ck_assert_ptr_nonnull(strstr(once, "\nsite_name = Elsewhere\n"));
    c = read_text(once);
    ck_assert_msg(c != NULL, "%s", said);
    char *twice = printed(c);
    ck_assert_str_eq(once, twice);
    config_free(c);
    free(once);
    free(twice);
}
END_TEST

START_TEST(hides_secrets) {
    char text[256];
    struct config *c = read_text(
        "redis = redis://:hunter2@h:1\nmail = smtp://u:hunter2@h:25\npostgresql_admin = password=hunter2\n");
    char *out = printed(c);
    ck_assert_ptr_null(strstr(out, "hunter2"));
    free(out);
    config_free(c);
    write_file(in_folder("value"), "redis://:hunter2@h:1");
    snprintf(text, sizeof text, "redis = @%s\n", in_folder("value"));
    c = read_text(text);
    out = printed(c);
    ck_assert_ptr_null(strstr(out, "hunter2"));
    ck_assert_ptr_nonnull(strstr(out, text));
    free(out);
    config_free(c);
}
END_TEST

START_TEST(reloads) {
    struct config *c = read_text("site_name = One\nlisten = unix:/a\nworkers = 2\nintranet = no\n");
    struct config *fresh =
        read_text("site_name = Two\nlisten = unix:/b\nworkers = 4\nintranet = yes\npost_max_chars = 500\n");
    ck_assert_int_eq(config_reload(c, fresh), 2);
    config_free(fresh);
    ck_assert_str_eq(c->site_name, "Two");
    ck_assert_str_eq(c->listen, "unix:/a");
    ck_assert_int_eq(c->workers, 2);
    ck_assert(c->intranet);
    ck_assert_int_eq(c->post_max_chars, 500);
    config_free(c);
}
END_TEST

START_TEST(makes_the_secret_once) {
    static const unsigned char zeros[32];
    unsigned char first[32];
    char text[256];
    struct stat st;
    snprintf(text, sizeof text, "secret_file = %s\n", in_folder("secret"));
    struct config *c = read_text(text);
    ck_assert(memcmp(config_secret(c), zeros, 32) == 0);
    ck_assert(config_secret_load(c, stderr));
    ck_assert(memcmp(config_secret(c), zeros, 32) != 0);
    memcpy(first, config_secret(c), 32);
    ck_assert_int_eq(stat(in_folder("secret"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    config_free(c);
    c = read_text(text);
    ck_assert(config_secret_load(c, stderr));
    ck_assert(memcmp(config_secret(c), first, 32) == 0);
    write_file(in_folder("secret"), "short\n");
    FILE *err = fopen("/dev/null", "w");
    ck_assert(!config_secret_load(c, err));
    fclose(err);
    config_free(c);
}
END_TEST

static int problems(const char *text) {
    char whole[2048];
    size_t n;
    snprintf(
        whole, sizeof whole,
        "secret_file = %s\nstatic_dir = /tmp\nmail = folder:/tmp\nlisten = unix:%s/s\npostgresql_secrets = %s\n%s",
        in_folder("secret"), folder, file, text);
    struct config *c = read_text(whole);
    ck_assert_msg(c != NULL, "%s", said);
    chmod(file, 0600);
    free(said);
    FILE *err = open_memstream(&said, &n);
    int count = config_check(c, err);
    fclose(err);
    config_free(c);
    return count;
}

START_TEST(checks) {
    ck_assert_msg(problems("") == 0, "%s", said);
    ck_assert_int_eq(problems("base_url = https://a.example/\n"), 1);
    ck_assert_int_eq(problems("base_url = https://a.example/x\n"), 1);
    ck_assert_int_eq(problems("base_url = ftp://a.example\n"), 1);
    ck_assert_int_eq(problems("redis = localhost\n"), 1);
    ck_assert_int_eq(problems("docs = mysql\n"), 1);
    ck_assert_int_eq(problems("pages_dir = /nonexistent\n"), 1);
    ck_assert_int_eq(problems("pages_dir = /dev/null\n"), 1);
    ck_assert_int_eq(problems("pid_file = /nonexistent/pid\nlog_file = /nonexistent/log\n"), 2);
    ck_assert_int_eq(problems("contact_email = nobody\n"), 1);
}
END_TEST

static int warnings(const char *text) {
    struct config *c = read_text(text);
    FILE *out = fopen("/dev/null", "w");
    int n = config_warn(c, out);
    fclose(out);
    config_free(c);
    return n;
}

START_TEST(calls_in_the_open_are_warned_of) {
    ck_assert_int_eq(warnings(""), 0);
    ck_assert_int_eq(warnings("service_user = grpc://127.0.0.1:1\nservice_post = grpc://localhost:1\n"), 0);
    ck_assert_int_eq(warnings("service_user = grpcs://a.example:1\nservice_post = grpc+unix:/a\n"), 0);
    ck_assert_int_eq(warnings("service_user = grpc://a.example:1\nservice_post = grpc://10.0.0.1:1\n"), 2);
    ck_assert_int_eq(warnings("grpc_listen = 0.0.0.0:1\n"), 1);
    ck_assert_int_eq(warnings("grpc_listen = grpcs://0.0.0.0:1\n"), 0);
    ck_assert_int_eq(warnings("grpc_listen = unix:/a\n"), 0);
}
END_TEST

START_TEST(tls_asks_for_certificates) {
    ck_assert_int_eq(problems("grpc_listen = grpcs://127.0.0.1:9000\n"), 3);
    ck_assert_int_eq(problems("service_user = grpcs://a:1\ngrpc_ca = /dev/null\ngrpc_cert = /nonexistent\n"),
                     2);
    ck_assert_int_eq(problems("grpc_listen = grpcs://nowhere\n"), 4);
    ck_assert_int_eq(problems("grpc_listen = 127.0.0.1:9000\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "grpcs://"));
}
END_TEST

START_TEST(brokers_ask_for_what_belongs_together) {
    ck_assert_msg(problems("bus = kafka://a:1\n") == 0, "%s", said);
    ck_assert_msg(problems("bus = kafkas://a:1,b:2/site\n") == 0, "%s", said);
    ck_assert_int_eq(problems("bus = kafka://a:1\nbus_ca = /dev/null\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "bus_ca: /dev/null: it is for TLS: let bus begin with kafkas://"));
    ck_assert_int_eq(problems("bus = kafkas://a:1\nbus_ca = /nonexistent\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "bus_ca: /nonexistent: No such file"));
    ck_assert_int_eq(problems("bus = kafkas://a:1\nbus_cert = /dev/null\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "bus_key: (empty): it is needed, since bus_cert is set"));
    ck_assert_int_eq(problems("bus = kafkas://a:1\nbus_cert = /dev/null\nbus_key = /dev/null\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "bus_key: /dev/null: others may read it: chmod 600"));
    ck_assert_int_eq(problems("bus = kafkas://a:1\nbus_sasl = SCRAM-SHA-512\n"), 2);
    ck_assert_int_eq(problems("bus = kafka://a:1\nbus_sasl = SCRAM-SHA-512\nbus_user = u\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "bus_password: (empty): it is needed, since bus_sasl is set"));
    ck_assert_int_eq(problems("bus = kafka://a:1\nbus_user = u\n"), 1);
    ck_assert_ptr_nonnull(strstr(said, "bus_sasl: none: it must say how to log in"));
    ck_assert_int_eq(problems("bus = kafka://a:1\nbus_sasl = PLAIN\nbus_user = u\nbus_password = secret\n"
                              "bus_options = sasl.password=secret\n"),
                     1);
    ck_assert_ptr_nonnull(strstr(said, "sasl.password is said by bus_password"));
    ck_assert_ptr_null(strstr(said, "secret"));
    ck_assert_int_eq(problems("bus = builtin\nbus_ca = /nonexistent\nbus_user = u\n"), 0);
    ck_assert_int_eq(warnings("bus = kafka://10.0.0.1:1\nbus_sasl = PLAIN\n"), 1);
    ck_assert_int_eq(warnings("bus = kafka://127.0.0.1:1\nbus_sasl = PLAIN\n"), 0);
    ck_assert_int_eq(warnings("bus = kafkas://10.0.0.1:1\nbus_sasl = PLAIN\n"), 0);
    ck_assert_int_eq(warnings("bus = kafka://10.0.0.1:1\nbus_sasl = SCRAM-SHA-256\n"), 0);
    refused("bus_sasl = GSSAPI\n", "one of none|PLAIN|SCRAM-SHA-256|SCRAM-SHA-512");
    refused("bus_password = @/nonexistent\n", "bus_password: cannot read /nonexistent");
}
END_TEST

static const char *nearest(const char *word) {
    struct suggest s;
    suggest_init(&s, word);
    suggest_add(&s, "serve");
    suggest_add(&s, "migrate");
    suggest_add(&s, "user create");
    return suggest_best(&s);
}

START_TEST(suggests) {
    ck_assert_str_eq(nearest("serv"), "serve");
    ck_assert_str_eq(nearest("srevee"), "serve");
    ck_assert_str_eq(nearest("migarte"), "migrate");
    ck_assert_str_eq(nearest("user creat"), "user create");
    ck_assert_ptr_null(nearest("elephant"));
    ck_assert_ptr_null(
        nearest("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
}
END_TEST

int main(void) {
    Suite *s = suite_create("config");
    TCase *t = tcase_create("config");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, defaults);
    tcase_add_test(t, reads);
    tcase_add_test(t, says_what_is_wrong);
    tcase_add_test(t, values_in_files);
    tcase_add_test(t, environment_goes_first);
    tcase_add_test(t, prints_what_it_reads);
    tcase_add_test(t, hides_secrets);
    tcase_add_test(t, reloads);
    tcase_add_test(t, makes_the_secret_once);
    tcase_add_test(t, checks);
    tcase_add_test(t, calls_in_the_open_are_warned_of);
    tcase_add_test(t, tls_asks_for_certificates);
    tcase_add_test(t, brokers_ask_for_what_belongs_together);
    tcase_add_test(t, suggests);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
