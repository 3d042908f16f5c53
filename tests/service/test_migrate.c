#include "fcgi/migrate.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "fcgi/app.h"
#include "fcgi/config.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/pg.h"
#include "tests/service/servers.h"

static char name[64], admin[512], service_info[512], secrets[] = "/tmp/deeplink-secrets-XXXXXX";
static struct config config;
static struct ctx ctx;

/* A database of this test's own, empty; what it says goes into `said`. */
static char said[16384];

static void set_up(void) {
    char sql[128];
    snprintf(name, sizeof(name), "dl_migrate_%ld", (long)getpid());
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0", name);
    as_admin(sql);
    snprintf(admin, sizeof(admin), "%s dbname=%s", pg_admin_of_tests(), name);
    snprintf(service_info, sizeof(service_info), "%s dbname=%s", pg_of_tests(), name);
    config = (struct config){.postgresql = service_info,
                             .postgresql_admin = admin,
                             .postgresql_secrets = "",
                             .docs = "postgresql",
                             .server_timeout_ms = 5000};
    ctx = test_ctx(NULL);
}

static void tear_down(void) {
    char sql[128];
    snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", name);
    as_admin(sql);
    unlink(secrets);
    test_ctx_end();
}

static int migrate(void) {
    FILE *out = fmemopen(said, sizeof(said), "w");
    int status = migrate_run(&ctx, &config, out);
    fclose(out);
    return status;
}

/* One value out of the test's database, as the given role (NULL: the administrator). An error gives its
 * SQLSTATE. */
static const char *ask(const char *role, const char *sql) {
    static char value[1024];
    char info[640];
    snprintf(info, sizeof(info), "%s%s%s", role != NULL ? service_info : admin, role != NULL ? " user=" : "",
             role != NULL ? role : "");
    char *secret = role != NULL ? pg_secret(getenv("TEST_PG_SECRETS"), role) : NULL;
    const char *const keys[] = {"dbname", secret != NULL ? "password" : NULL, NULL}, *const values[] = {
                                                                                         info, secret, NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 1);
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
    PGresult *r = PQexec(conn, sql);
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    snprintf(value, sizeof(value), "%s", state != NULL ? state : PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(conn);
    free(secret);
    return value;
}

START_TEST(twice_changes_nothing) {
    FILE *out = fmemopen(said, sizeof(said), "w");
    int n = 0;
    while (migrations[n].number != 0)
        n++;
    ck_assert_int_eq(migrate_pending(&ctx, &config, out), n);
    fclose(out);
    ck_assert_msg(migrate() == 0, "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "0001_roles_and_events"));
    ck_assert_int_eq(atol(ask(NULL, "SELECT count(*) FROM deeplink.migrations")), n);
    ck_assert_msg(migrate() == 0, "%s", said);
    ck_assert_ptr_nonnull(strstr(said, "up to date"));
    ck_assert_int_eq(migrate_pending(&ctx, &config, stderr), 0);
}
END_TEST

START_TEST(a_changed_file_is_refused) {
    ck_assert_msg(migrate() == 0, "%s", said);
    ask(NULL, "UPDATE deeplink.migrations SET sha256 = 'other' WHERE number = 1");
    ck_assert_int_eq(migrate(), 1);
    ck_assert_ptr_nonnull(strstr(said, "was changed"));
}
END_TEST

START_TEST(a_newer_database_is_refused) {
    ck_assert_msg(migrate() == 0, "%s", said);
    ask(NULL, "INSERT INTO deeplink.migrations (number, name, sha256) VALUES (9999, 'future', '')");
    ck_assert_int_eq(migrate(), 1);
    ck_assert_ptr_nonnull(strstr(said, "ahead"));
    ck_assert_int_eq(migrate_pending(&ctx, &config, stderr), -1);
}
END_TEST

START_TEST(a_file_that_fails_leaves_nothing) {
    ask(NULL, "CREATE SCHEMA docs"); /* in the way of the first file */
    ck_assert_int_eq(migrate(), 1);
    ck_assert_str_eq(ask(NULL, "SELECT count(*) FROM deeplink.migrations"), "0");
    ck_assert_str_eq(ask(NULL, "SELECT count(*) FROM pg_namespace WHERE nspname = 'events'"), "0");
    ask(NULL, "DROP SCHEMA docs");
    ck_assert_msg(migrate() == 0, "%s", said);
}
END_TEST

START_TEST(two_at_once) {
    pid_t pid[3];
    for (int i = 0; i < 3; i++)
        if ((pid[i] = fork()) == 0)
            _exit(migrate());
    for (int i = 0, status; i < 3; i++) {
        waitpid(pid[i], &status, 0);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_str_eq(ask(NULL, "SELECT count(*) = count(DISTINCT number) FROM deeplink.migrations"), "t");
}
END_TEST

START_TEST(no_server_is_said) {
    config.postgresql_admin = "host=/nonexistent dbname=x";
    ck_assert_int_eq(migrate(), 1);
    ck_assert_ptr_nonnull(strstr(said, "cannot connect"));
    ck_assert_int_eq(migrate_pending(&ctx, &config, stderr), -1);
}
END_TEST

/* Each service may do what it needs in its own schema and nothing anywhere else. */
START_TEST(least_privilege) {
    ck_assert_msg(migrate() == 0, "%s", said);
    ask(NULL, "CREATE TABLE posts.test_thing (id bigint GENERATED ALWAYS AS IDENTITY, name text); "
              "CREATE FUNCTION posts.test_f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
    static const struct {
        const char *role, *sql, *want;
    } cases[] = {
        {"deeplink_post", "INSERT INTO test_thing (name) VALUES ('x') RETURNING name", "x"},
        {"deeplink_post", "UPDATE test_thing SET name = 'y' RETURNING name", "y"},
        {"deeplink_post", "SELECT test_f()", "1"},
        {"deeplink_post", "DELETE FROM test_thing RETURNING 'gone'", "gone"},
        {"deeplink_post", "SELECT events.emit('post.v1', 1, 'post.created', 'x') > 0", "t"},
        {"deeplink_post", "SELECT nextval('events.node') BETWEEN 1 AND 1023", "t"},
        {"deeplink_post", "DROP TABLE test_thing", "42501"},
        {"deeplink_post", "CREATE TABLE posts.other (a int)", "42501"},
        {"deeplink_post", "CREATE TABLE public.other (a int)", "42501"},
        {"deeplink_post", "CREATE TEMP TABLE other (a int)", "42501"},
        {"deeplink_post", "CREATE SCHEMA other", "42501"},
        {"deeplink_post", "TRUNCATE test_thing", "42501"},
        {"deeplink_post", "SELECT count(*) FROM events.outbox", "42501"},
        {"deeplink_post",
         "BEGIN; INSERT INTO events.outbox (topic, key, type, body) VALUES ('', 1, '', ''); ROLLBACK", ""},
        {"deeplink_post",
         "INSERT INTO events.outbox (xid, topic, key, type, body) VALUES ('1', '', 1, '', '')", "42501"},
        {"deeplink_post",
         "INSERT INTO events.outbox (topic, key, type, body, created_at) VALUES ('', 1, '', '', now())",
         "42501"},
        {"deeplink_post", "UPDATE events.outbox SET topic = ''", "42501"},
        {"deeplink_post", "DELETE FROM events.outbox", "42501"},
        {"deeplink_post", "SELECT count(*) FROM events.consumer", "42501"},
        {"deeplink_post", "SELECT count(*) FROM deeplink.migrations", "42501"},
        {"deeplink_post", "SELECT deeplink.set_password('deeplink_user', 'x')", "42501"},
        {"deeplink_post", "SELECT docs.statement('get', 'x', '{}')", "42501"},
        {"deeplink_user", "SELECT count(*) FROM posts.test_thing", "42501"},
        {"deeplink_user", "SELECT posts.test_f()", "42501"},
        {"deeplink_user", "SET ROLE deeplink_post", "42501"},
        {"deeplink_user", "SHOW search_path", "users"},
        {"deeplink_events", "SELECT count(*) FROM posts.test_thing", "42501"},
        {"deeplink_events", "SELECT count(*) >= 1 FROM outbox", "t"},
        {"deeplink_events", "UPDATE settings SET keep = '0'", "42501"},
        {"deeplink_events", "SHOW synchronous_commit", "off"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        ck_assert_msg(strcmp(ask(cases[i].role, cases[i].sql), cases[i].want) == 0, "%s: %s gives %s, not %s",
                      cases[i].role, cases[i].sql, ask(cases[i].role, cases[i].sql), cases[i].want);
    ck_assert_str_eq(ask(NULL, "SELECT has_database_privilege('public', current_database(), 'CONNECT')"),
                     "f");
}
END_TEST

START_TEST(an_event_goes_with_its_transaction) {
    ck_assert_msg(migrate() == 0, "%s", said);
    ask("deeplink_post", "BEGIN; SELECT events.emit('post.v1', 7, 'post.created', 'x'); ROLLBACK");
    ck_assert_str_eq(ask(NULL, "SELECT count(*) FROM events.outbox"), "0");
    ask("deeplink_post", "SELECT events.emit('post.v1', 7, 'post.created', NULL)");
    ck_assert_str_eq(ask(NULL, "SELECT topic || key || type || length(body) FROM events.outbox"),
                     "post.v17post.created0");
}
END_TEST

START_TEST(types_hold_what_is_written_often) {
    ck_assert_msg(migrate() == 0, "%s", said);
    ck_assert_str_eq(ask("deeplink_post",
                         "SELECT events.emit('post.v1', 7, 'post.created', repeat('x', 900000)::bytea) > 0"),
                     "t");
    ck_assert_str_eq(ask("deeplink_post",
                         "SELECT events.emit('post.v1', 7, 'post.created', repeat('x', 900001)::bytea) > 0"),
                     "23514");
    ck_assert_str_eq(ask(NULL, "SELECT count(*) FROM events.outbox"), "1");
    ck_assert_str_eq(ask("deeplink_post", "INSERT INTO stats (post_id) VALUES (1) RETURNING likes"), "0");
    ck_assert_str_eq(ask("deeplink_post", "UPDATE stats SET likes = likes - 1 RETURNING likes"), "23514");
}
END_TEST

/* The passwords: written once, kept, and set again for a role that has lost its own. Not on a server whose
 * passwords other tests use. */
START_TEST(passwords) {
    struct stat st;
    char before[2048] = "", after[2048] = "";
    if (getenv("TEST_PG_SECRETS") != NULL && getenv("TEST_PG_SECRETS")[0] != '\0')
        return;
    close(mkstemp(secrets));
    unlink(secrets);
    config.postgresql_secrets = secrets;
    ck_assert_msg(migrate() == 0, "%s", said);
    ck_assert_int_eq(stat(secrets, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    FILE *f = fopen(secrets, "r");
    size_t n = fread(before, 1, sizeof(before) - 1, f);
    fclose(f);
    ck_assert_uint_gt(n, 300);
    static const char *const roles[] = {"user",      "post",         "connection", "chat",   "media",
                                        "analytics", "notification", "search",     "events", "docs"};
    for (size_t i = 0; i < 10; i++) {
        char role[40];
        snprintf(role, sizeof(role), "deeplink_%s", roles[i]);
        char *secret = pg_secret(secrets, role);
        ck_assert_msg(secret != NULL && strlen(secret) >= 24, "%s", role);
        free(secret);
    }
    ck_assert_msg(migrate() == 0, "%s", said);
    f = fopen(secrets, "r");
    ck_assert_uint_eq(fread(after, 1, sizeof(after) - 1, f), n);
    fclose(f);
    ck_assert_str_eq(before, after);
    ck_assert_str_ne(ask(NULL, "SELECT deeplink.set_password('postgres', 'SCRAM-SHA-256$x')"), "");
}
END_TEST

START_TEST(collections_are_made) {
    static const struct collection collections[] = {{.name = "test_made"}, {0}};
    static const struct service service = {.name = "test", .collections = collections};
    static const struct service *const services[] = {&service, NULL};
    static const struct app app = {.services = services};
    static struct env env = {.app = &app};
    ctx.env = &env;
    config.postgresql_secrets = getenv("TEST_PG_SECRETS") != NULL ? getenv("TEST_PG_SECRETS") : "";
    ck_assert_msg(migrate() == 0, "%s", said);
    ck_assert_str_eq(ask(NULL, "SELECT to_regclass('docs.test_made') IS NOT NULL"), "t");
}
END_TEST

int main(void) {
    Suite *s = suite_create("migrate");
    TCase *t = tcase_create("migrate");
    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, twice_changes_nothing);
    tcase_add_test(t, a_changed_file_is_refused);
    tcase_add_test(t, a_newer_database_is_refused);
    tcase_add_test(t, a_file_that_fails_leaves_nothing);
    tcase_add_test(t, two_at_once);
    tcase_add_test(t, no_server_is_said);
    tcase_add_test(t, least_privilege);
    tcase_add_test(t, an_event_goes_with_its_transaction);
    tcase_add_test(t, types_hold_what_is_written_often);
    tcase_add_test(t, passwords);
    tcase_add_test(t, collections_are_made);
    suite_add_tcase(s, t);
    return run_suite(s);
}
