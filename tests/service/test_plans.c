/* How PostgreSQL goes about each statement of the services, as the service's own role: that is told to plan
 * it once for all calls, and to read by an index wherever one fits (sql/migrations/0123_plans.sql). A table
 * that is read from its beginning to its end all the same has no index for the statement, and costs more with
 * every row. */
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/buf.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "tests/service/servers.h"

/* Tables that do not grow with what members do. */
static const char *const small[] = {"events.consumer", "events.settings", "notifications.hooks",
                                    "users.roles"};

/* What may read the whole of a table that grows. */
static const struct {
    const char *query, *table;
} exceptions[] = {
    {"user_role_set", "users.accounts"},    /* an administrator changes a role: */
    {"user_role_delete", "users.accounts"}, /* each of its members is told */
    {"media_kinds", "media.items"},         /* the administrators' page about storage counts all there is */
    {"media_sums", "media.items"},
    {"media_sums", "media.blobs"},
    {"media_unsettle_orphans", "media.unsettled"},             /* by hand; and it is a queue, empty mostly */
    {"notification_delivery_erase", "notifications.outgoing"}, /* once in the life of an account */
    {"events_replay", "events.failed"},                        /* by hand */
};

/* Nothing that is planned. */
static const char *const unplanned[] = {"events_listen"};

static struct ctx ctx;
static struct buf found;

static PGconn *log_in(const char *role) {
    char *secret = pg_secret(getenv("TEST_PG_SECRETS"), role);
    const char *const keys[] = {"dbname", "user", "password", NULL};
    const char *const values[] = {pg_of_tests(), role, secret, NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 1);

    free(secret);
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s: %s", role, PQerrorMessage(conn));
    return conn;
}

/* A result until the end of the test. */
static void clear(void *result) { PQclear(result); }
static PGresult *got(PGconn *conn, const struct query *q, PGresult *result) {
    ExecStatusType status = PQresultStatus(result);

    arena_defer(ctx.arena, clear, result);
    ck_assert_msg(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", q->name,
                  PQerrorMessage(conn));
    return result;
}

/* The plan, a row for each of its lines. Its tables are named with their schemas. */
static PGresult *plan_of(PGconn *conn, const struct query *q) {
    struct buf sql;

    got(conn, q, PQprepare(conn, q->name, q->sql, 0, NULL));
    buf_init(&sql, ctx.arena, 4096);
    buf_printf(&sql, "EXPLAIN (VERBOSE, COSTS OFF) EXECUTE %s", q->name);
    for (int i = 0, n = PQnparams(got(conn, q, PQdescribePrepared(conn, q->name))); i < n; i++)
        buf_printf(&sql, "%sNULL%s", i == 0 ? "(" : ", ", i == n - 1 ? ")" : "");
    return got(conn, q, PQexec(conn, sql.p));
}

static bool may_read(const char *query, const char *table) {
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        if (strcmp(small[i], table) == 0)
            return true;
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].query, query) == 0 && strcmp(exceptions[i].table, table) == 0)
            return true;
    return false;
}

static void look_at_line(const struct query *q, const char *line) {
    static const char words[] = "Seq Scan on ";
    const char *at = strstr(line, words), *table;

    if (at == NULL)
        return;
    at += sizeof words - 1;
    table = arena_printf(ctx.arena, "%.*s", (int)strcspn(at, " "), at);
    if (!may_read(q->name, table))
        buf_printf(&found, "%s reads all of %s\n", q->name, table);
}

static void look_at(PGconn *conn, const struct query *q) {
    PGresult *plan;

    for (size_t i = 0; i < sizeof unplanned / sizeof *unplanned; i++)
        if (strcmp(unplanned[i], q->name) == 0)
            return;
    plan = plan_of(conn, q);
    for (int i = 0; i < PQntuples(plan); i++)
        look_at_line(q, PQgetvalue(plan, i, 0));
}

static void look_at_all(const char *role, const struct query *const *queries) {
    PGconn *conn = log_in(role);

    for (const struct query *const *q = queries; *q != NULL; q++)
        look_at(conn, *q);
    PQfinish(conn);
}

static void set_up(void) {
    ctx = test_ctx(NULL);
    buf_init(&found, ctx.arena, 65536);
}

START_TEST(no_statement_reads_a_table_that_grows) {
    for (const struct service *const *s = deeplink_app.services; *s != NULL; s++)
        look_at_all(arena_printf(ctx.arena, "deeplink_%s", (*s)->name), (*s)->queries);
    look_at_all("deeplink_events", queries_events);
    look_at_all("deeplink_docs", queries_docs);
    ck_assert_msg(found.n == 0, "an index is missing:\n%s", found.p);
}
END_TEST

/* The test could say so. */
START_TEST(one_that_does_is_found) {
    static const struct query reads_all = {"reads_all", "SELECT id FROM accounts WHERE bio = $1", ROWS_MANY};
    static const struct query by_key = {"by_key", "SELECT bio FROM accounts WHERE id = $1", ROWS_MANY};
    const struct query *const queries[] = {&by_key, &reads_all, NULL};

    look_at_all("deeplink_user", queries);
    ck_assert_str_eq(found.p, "reads_all reads all of users.accounts\n");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plans");
    TCase *t = tcase_create("plans");

    tcase_add_checked_fixture(t, set_up, test_ctx_end);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, no_statement_reads_a_table_that_grows);
    tcase_add_test(t, one_that_does_is_found);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
