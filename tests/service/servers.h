/* What tests of the drivers share: where the servers are, and contexts to work in. */
#ifndef DEEPLINK_TESTS_SERVICE_SERVERS_H
#define DEEPLINK_TESTS_SERVICE_SERVERS_H

#include <check.h>
#undef fail /* an old name of Check for ck_abort(); ours is in fcgi/ctx.h */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/ctx.h"

/* Of the environment; without it there is nothing to test against. */
static inline const char *server_of(const char *name) {
    const char *value = getenv(name);
    if (value == NULL || *value == '\0') {
        fprintf(stderr, "%s is not set: run this by tests/run or tests/harness/stack.sh\n", name);
        exit(1);
    }
    return value;
}

/* The conninfo without user and that of the administrator. */
static inline const char *pg_of_tests(void) { return server_of("TEST_PG"); }
static inline const char *pg_admin_of_tests(void) {
    const char *admin = getenv("TEST_PG_ADMIN");
    return admin != NULL ? admin : pg_of_tests();
}

static struct arena *test_arena;

static inline struct ctx test_ctx(struct env *env) {
    if (test_arena == NULL)
        test_arena = arena_new((size_t)64 * 1024 * 1024);
    arena_reset(test_arena);
    return (struct ctx){
        .arena = test_arena, .env = env, .request_id = "test", .ip = "127.0.0.1", .user_agent = ""};
}

static inline void test_ctx_end(void) {
    arena_free(test_arena);
    test_arena = NULL;
}

/* Runs the suite; main's exit status. */
static inline int run_suite(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}

static inline void no_notice(void *arg, const char *message) {
    (void)arg;
    (void)message;
}

/* Runs SQL as the administrator; the first value of the first row, or "", in a static buffer. Fails the test
 * on an error. */
static inline const char *as_admin(const char *sql) {
    static char value[4096];
    PGconn *conn = PQconnectdb(pg_admin_of_tests());
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
    PQsetNoticeProcessor(conn, no_notice, NULL);
    PGresult *r = PQexec(conn, sql);
    ck_assert_msg(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s",
                  sql, PQerrorMessage(conn));
    snprintf(value, sizeof(value), "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(conn);
    return value;
}

#define ck_ok(ctx, expr)                                               \
    do {                                                               \
        enum code got_ = (expr);                                       \
        ck_assert_msg(got_ == OK, "%s: %s %s", #expr, code_name(got_), \
                      (ctx)->error.detail ? (ctx)->error.detail        \
                      : (ctx)->error.text ? (ctx)->error.text          \
                                          : "");                       \
    } while (0)

#define ck_code(ctx, expr, want)                                                                     \
    do {                                                                                             \
        enum code got_ = (expr);                                                                     \
        ck_assert_msg(got_ == (want), "%s: %s, not %s; %s", #expr, code_name(got_), code_name(want), \
                      (ctx)->error.detail ? (ctx)->error.detail : "");                               \
        ck_assert_int_eq((ctx)->error.code, (want));                                                 \
        fail_clear(ctx);                                                                             \
    } while (0)

#endif
