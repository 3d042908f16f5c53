/* One suite for both engines: each test runs against PostgreSQL, and against MongoDB where TEST_MONGO says
 * where one is. */
#include "fcgi/drivers/docs.h"

#include <sys/wait.h>

#include "fcgi/base/clock.h"
#include "fcgi/drivers/pg.h"
#include "tests/service/servers.h"

static const struct collection collections[] = {
    {.name = "test_activity", .expire_days = 30, .indexes = {{"p,kind,-t"}, {"p,kind,actor,-t"}}},
    {.name = "test_plain"},
    {0},
};
static const struct collection *activity = &collections[0], *plain = &collections[1];

static const char *engines[2];
static struct docs *d;
static struct ctx ctx;

static struct docs *open_engine(int i) {
    char *secret = pg_secret(getenv("TEST_PG_SECRETS"), "deeplink_docs");
    struct docs *docs = docs_open(engines[i], pg_of_tests(), secret, 3000);
    free(secret);
    ck_assert_ptr_nonnull(docs);
    return docs;
}

static void start(int i) {
    ctx = test_ctx(NULL);
    d = open_engine(i);
    ck_ok(&ctx, docs_prepare(&ctx, d, collections));
    for (int64_t p = 0; p < 10; p++) {
        ck_ok(&ctx, docs_remove_all(&ctx, d, activity, p));
        ck_ok(&ctx, docs_remove_all(&ctx, d, plain, p));
    }
}

static void finish(void) {
    test_ctx_end();
    docs_close(d);
}

/* A document out of JSON, in the arena of the test. */
static void drop(void *doc) { json_object_put(doc); }
static json_object *json(const char *text) {
    json_object *doc = json_tokener_parse(text);
    ck_assert_msg(doc != NULL, "%s", text);
    arena_defer(ctx.arena, drop, doc);
    return doc;
}

static void insert(const struct collection *c, const char *text) {
    ck_ok(&ctx, docs_insert(&ctx, d, c, json(text)));
}

static json_object *get(const struct collection *c, int64_t p, const char *id) {
    json_object *doc = NULL;
    ck_ok(&ctx, docs_get(&ctx, d, c, p, id, &doc));
    return doc;
}

static int64_t field(json_object *doc, const char *name) {
    return json_object_get_int64(json_object_object_get(doc, name));
}

START_TEST(what_goes_in_comes_out) {
    start(_i);
    json_object *doc = json(
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1700000000000, \"text\": \"žluť \\\"quoted\\\" \\\\ <>&\", \"big\": "
        "9223372036854775807, \"neg\": -9223372036854775808, \"real\": 1.5, \"yes\": true, \"none\": null,"
        " \"list\": [1, \"two\", [], {\"x\": null}], \"deep\": {\"a\": {\"b\": [false]}, \"With Space\": 1},"
        " \"empty\": \"\"}");
    ck_ok(&ctx, docs_insert(&ctx, d, plain, doc));
    json_object *got = get(plain, 1, "a");
    ck_assert_msg(json_object_equal(doc, got), "%s", json_object_to_json_string(got));
    ck_assert_str_eq(docs_text(&ctx, got, "text"), "žluť \"quoted\" \\ <>&");
    ck_assert_int_eq(docs_int(got, "big"), INT64_MAX);
    ck_assert_double_eq(docs_real(got, "real"), 1.5);
    ck_assert_str_eq(docs_text(&ctx, got, "lost"), "");
    ck_assert(docs_int(got, "lost") == 0 && docs_real(got, "lost") == 0);
    ck_code(&ctx, docs_get(&ctx, d, plain, 2, "a", &got), NOT_FOUND); /* somebody else's partition */
    ck_code(&ctx, docs_get(&ctx, d, plain, 1, "b", &got), NOT_FOUND);
    insert(activity, "{\"_id\": \"a\", \"p\": 1, \"t\": 5}"); /* with an expiry, which does not show */
    ck_assert_int_eq(json_object_object_length(get(activity, 1, "a")), 3);
    finish();
}
END_TEST

START_TEST(an_id_is_taken_once) {
    start(_i);
    insert(plain, "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"n\": 1}");
    ck_code(&ctx, docs_insert(&ctx, d, plain, json("{\"_id\": \"a\", \"p\": 1, \"t\": 1}")), EXISTS);
    ck_code(&ctx, docs_insert(&ctx, d, plain, json("{\"_id\": \"a\", \"p\": 2, \"t\": 1}")), EXISTS);
    ck_code(&ctx, docs_put(&ctx, d, plain, json("{\"_id\": \"a\", \"p\": 2, \"t\": 1}")), EXISTS);
    json_object *many[] = {
        json("{\"_id\": \"b\", \"p\": 1, \"t\": 2}"), json("{\"_id\": \"a\", \"p\": 1, \"t\": 9, \"n\": 9}"),
        json("{\"_id\": \"c\", \"p\": 1, \"t\": 3}"), json("{\"_id\": \"b\", \"p\": 1, \"t\": 4}")};
    for (int round = 0; round < 2; round++) /* a replay changes nothing */
        ck_ok(&ctx, docs_insert_many(&ctx, d, plain, many, 4));
    ck_ok(&ctx, docs_insert_many(&ctx, d, plain, NULL, 0));
    ck_assert_int_eq(field(get(plain, 1, "a"), "n"), 1);
    ck_assert_int_eq(field(get(plain, 1, "b"), "t"), 2);
    int64_t n;
    ck_ok(&ctx, docs_count(&ctx, d, plain, 1, NULL, &n));
    ck_assert_int_eq(n, 3);
    finish();
}
END_TEST

START_TEST(put_replaces_whole) {
    start(_i);
    ck_ok(&ctx, docs_put(&ctx, d, activity, json("{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"old\": 1}")));
    ck_ok(&ctx, docs_put(&ctx, d, activity, json("{\"_id\": \"a\", \"p\": 1, \"t\": 2, \"new\": 2}")));
    json_object *doc = get(activity, 1, "a");
    ck_assert(json_object_equal(doc, json("{\"_id\": \"a\", \"p\": 1, \"t\": 2, \"new\": 2}")));
    finish();
}
END_TEST

START_TEST(fields_are_set) {
    start(_i);
    insert(activity, "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"x\": 1, \"kind\": \"k\"}");
    ck_ok(&ctx, docs_set(&ctx, d, activity, 1, "a", json("{\"x\": {\"y\": 2}, \"t\": 7, \"z\": null}")));
    ck_assert(json_object_equal(
        get(activity, 1, "a"),
        json("{\"_id\": \"a\", \"p\": 1, \"t\": 7, \"x\": {\"y\": 2}, \"z\": null, \"kind\": \"k\"}")));
    ck_ok(&ctx, docs_set(&ctx, d, activity, 1, "a", json("{}")));
    ck_code(&ctx, docs_set(&ctx, d, activity, 2, "a", json("{\"x\": 1}")), NOT_FOUND);
    ck_code(&ctx, docs_set(&ctx, d, activity, 2, "a", json("{}")), NOT_FOUND);
    ck_code(&ctx, docs_set(&ctx, d, activity, 1, "a", json("{\"p\": 2}")), INVALID);
    ck_code(&ctx, docs_set(&ctx, d, activity, 1, "a", json("{\"_id\": \"b\"}")), INVALID);
    ck_ok(&ctx, docs_set_if(&ctx, d, activity, 1, "a",
                            json("{\"kind\": \"k\", \"z\": null, \"absent\": null, \"t\": 7}"),
                            json("{\"kind\": \"l\"}")));
    ck_code(&ctx, docs_set_if(&ctx, d, activity, 1, "a", json("{\"kind\": \"k\"}"), json("{\"x\": 0}")),
            ABORTED);
    ck_code(&ctx, docs_set_if(&ctx, d, activity, 1, "b", json("{\"kind\": \"k\"}"), json("{\"x\": 0}")),
            NOT_FOUND);
    ck_assert_str_eq(json_object_get_string(json_object_object_get(get(activity, 1, "a"), "kind")), "l");
    finish();
}
END_TEST

START_TEST(numbers_are_added) {
    start(_i);
    int64_t n = 0;
    ck_code(&ctx, docs_add(&ctx, d, plain, 1, "c", "views", 1, 0, &n), NOT_FOUND);
    ck_ok(&ctx, docs_add(&ctx, d, plain, 1, "c", "views", 3, 99, &n));
    ck_assert_int_eq(n, 3);
    ck_ok(&ctx, docs_add(&ctx, d, plain, 1, "c", "views", -5, 100, &n));
    ck_assert_int_eq(n, -2);
    ck_ok(&ctx, docs_add(&ctx, d, plain, 1, "c", "other", 1, 0, NULL));
    ck_assert(json_object_equal(get(plain, 1, "c"),
                                json("{\"_id\": \"c\", \"p\": 1, \"t\": 99, \"views\": -2, \"other\": 1}")));
    ck_ok(&ctx, docs_set(&ctx, d, plain, 1, "c", json("{\"word\": \"5\"}")));
    ck_code(&ctx, docs_add(&ctx, d, plain, 1, "c", "word", 1, 0, &n), INVALID);
    ck_code(&ctx, docs_add(&ctx, d, plain, 1, "c", "p", 1, 0, &n), INVALID);
    ck_code(&ctx, docs_add(&ctx, d, plain, 2, "c", "views", 1, 5, &n), EXISTS);
    finish();
}
END_TEST

/* Two processes at once: no addition is lost, and exactly one wins each compare-and-set. */
START_TEST(additions_at_once_all_count) {
    enum { PROCESSES = 3, ROUNDS = 60 };
    start(_i);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            struct docs *own = open_engine(_i);
            struct ctx c = test_ctx(NULL);
            bool good = true;
            for (int k = 0; k < ROUNDS; k++)
                good &= docs_add(&c, own, plain, 1, "sum", "n", 1, 5, NULL) == OK;
            _exit(good ? 0 : 1);
        }
    for (int i = 0, status; i < PROCESSES; i++) {
        wait(&status);
        ck_assert_int_eq(status, 0);
    }
    ck_assert_int_eq(field(get(plain, 1, "sum"), "n"), PROCESSES * ROUNDS);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            struct docs *own = open_engine(_i);
            struct ctx c = test_ctx(NULL);
            int won = 0;
            for (int k = 0; k < ROUNDS; k++) {
                char expect[40], fields[40];
                snprintf(expect, sizeof(expect), "{\"turn\": %d}", k);
                snprintf(fields, sizeof(fields), "{\"turn\": %d}", k + 1);
                ctx = c;
                won += docs_set_if(&c, own, plain, 1, "turns", json(expect), json(fields)) == OK;
                fail_clear(&c);
            }
            _exit(won);
        } else if (i == 0) {
            insert(plain, "{\"_id\": \"turns\", \"p\": 1, \"t\": 1, \"turn\": 0}");
        }
    int won = 0;
    for (int i = 0, status; i < PROCESSES; i++) {
        wait(&status);
        won += WEXITSTATUS(status);
    }
    ck_assert_int_eq(won, field(get(plain, 1, "turns"), "turn"));
    finish();
}
END_TEST

static void fill(int64_t p, int n) {
    json_object **docs = arena_many(ctx.arena, json_object *, (size_t)n);
    for (int i = 0; i < n; i++) /* several at the same time */
        docs[i] = json(
            arena_printf(ctx.arena,
                         "{\"_id\": \"%lld-%03d\", \"p\": %lld, \"t\": %d, \"kind\": \"%s\", \"actor\": %d,"
                         " \"i\": %d}",
                         (long long)p, i, (long long)p, 1000 + i / 3, i % 2 ? "odd" : "even", i % 5, i));
    ck_ok(&ctx, docs_insert_many(&ctx, d, activity, docs, (size_t)n));
}

/* Walks a list to its end, page by page: everything once, newest first. */
static int walk(int64_t p, json_object *equal, size_t limit) {
    struct doc_from from = {0};
    int n = 0;
    int64_t last_t = INT64_MAX;
    char last_id[32] = "";
    struct doc_page page;
    do {
        ck_ok(&ctx, docs_list(&ctx, d, activity, p, equal, from, limit, &page));
        ck_assert_uint_le(page.n, limit);
        for (size_t i = 0; i < page.n; i++, n++) {
            const char *id = json_object_get_string(json_object_object_get(page.docs[i], "_id"));
            int64_t t = field(page.docs[i], "t");
            ck_assert(t < last_t || (t == last_t && strcmp(id, last_id) < 0));
            ck_assert_int_eq(field(page.docs[i], "p"), p);
            last_t = t;
            snprintf(last_id, sizeof(last_id), "%s", id);
        }
        ck_assert_int_eq(page.prev[0] == '\0', from.before == NULL || page.n == 0);
        from.before = page.next;
    } while (from.before[0] != '\0');
    return n;
}

/* Walks to the end, and back up to the top: the same documents on the way, none twice, none left out. */
static void walk_back(int64_t p, json_object *equal, size_t limit) {
    struct doc_page page;
    struct doc_from from = {0};
    int n = walk(p, equal, limit), seen = 0;
    int64_t last_t = INT64_MIN;
    char last_id[32] = "";
    do {
        ck_ok(&ctx, docs_list(&ctx, d, activity, p, equal, from, limit, &page));
        from.before = page.next;
    } while (page.next[0] != '\0');
    for (;;) {
        for (size_t i = page.n; i > 0; i--, seen++) {
            const char *id = json_object_get_string(json_object_object_get(page.docs[i - 1], "_id"));
            int64_t t = field(page.docs[i - 1], "t");
            ck_assert(t > last_t || (t == last_t && strcmp(id, last_id) > 0));
            last_t = t;
            snprintf(last_id, sizeof(last_id), "%s", id);
        }
        if (page.prev[0] == '\0')
            break;
        from = (struct doc_from){.after = page.prev};
        ck_ok(&ctx, docs_list(&ctx, d, activity, p, equal, from, limit, &page));
        ck_assert_str_ne(page.next, "");
    }
    ck_assert_int_eq(seen, n);
}

START_TEST(lists_page_by_page) {
    start(_i);
    fill(1, 100);
    fill(2, 7);
    for (size_t limit = 1; limit < 110; limit += limit < 8 ? 1 : 23)
        ck_assert_int_eq(walk(1, NULL, limit), 100);
    ck_assert_int_eq(walk(2, NULL, 3), 7);
    ck_assert_int_eq(walk(3, NULL, 3), 0);
    ck_assert_int_eq(walk(1, json("{\"kind\": \"odd\"}"), 7), 50);
    ck_assert_int_eq(walk(1, json("{\"kind\": \"odd\", \"actor\": 1}"), 3), 10);
    ck_assert_int_eq(walk(1, json("{\"kind\": \"odd\", \"actor\": 1.0}"), 3), 10);
    ck_assert_int_eq(walk(1, json("{\"t\": 1001}"), 2), 3);
    ck_assert_int_eq(walk(1, json("{\"kind\": \"none\"}"), 2), 0);
    ck_assert_int_eq(walk(1, json("{\"kind\": 5}"), 2), 0);
    for (size_t limit = 1; limit < 12; limit++)
        walk_back(1, NULL, limit);
    walk_back(1, json("{\"kind\": \"odd\"}"), 7);
    walk_back(1, json("{\"t\": 1001}"), 2);
    walk_back(3, NULL, 3);
    int64_t n;
    ck_ok(&ctx, docs_count(&ctx, d, activity, 1, json("{\"kind\": \"odd\"}"), &n));
    ck_assert_int_eq(n, 50);
    ck_ok(&ctx, docs_count(&ctx, d, activity, 5, NULL, &n));
    ck_assert_int_eq(n, 0);
    struct doc_page page;
    ck_code(&ctx, docs_list(&ctx, d, activity, 1, NULL, (struct doc_from){.before = "nonsense"}, 5, &page),
            INVALID);
    ck_code(&ctx, docs_list(&ctx, d, activity, 1, NULL, (struct doc_from){.after = "12"}, 5, &page), INVALID);
    ck_code(&ctx,
            docs_list(&ctx, d, activity, 1, json("{\"kind\": {\"$ne\": 1}}"), (struct doc_from){0}, 5, &page),
            INVALID);
    ck_code(&ctx,
            docs_list(&ctx, d, activity, 1, json("{\"$where\": \"1\"}"), (struct doc_from){0}, 5, &page),
            INVALID);
    ck_code(&ctx, docs_list(&ctx, d, activity, 1, json("{\"a'b\": 1}"), (struct doc_from){0}, 5, &page),
            INVALID);
    finish();
}
END_TEST

START_TEST(removal) {
    start(_i);
    fill(1, 10);
    fill(2, 10);
    ck_ok(&ctx, docs_remove(&ctx, d, activity, 1, "1-003"));
    ck_ok(&ctx, docs_remove(&ctx, d, activity, 1, "1-003"));
    ck_ok(&ctx, docs_remove(&ctx, d, activity, 1, "2-003")); /* not in this partition */
    ck_assert_int_eq(walk(1, NULL, 50), 9);
    ck_assert_int_eq(walk(2, NULL, 50), 10);
    ck_ok(&ctx, docs_remove_all(&ctx, d, activity, 1));
    ck_assert_int_eq(walk(1, NULL, 50), 0);
    ck_assert_int_eq(walk(2, NULL, 50), 10);
    finish();
}
END_TEST

START_TEST(expiry) {
    start(_i);
    int64_t day = INT64_C(86400000), now = clock_now_ms(), n;
    for (int i = 0; i < 5; i++)
        insert(activity, arena_printf(ctx.arena, "{\"_id\": \"%d\", \"p\": 1, \"t\": %lld}", i,
                                      (long long)(now - i * 10 * day)));
    ck_ok(&ctx, docs_expire(&ctx, d, activity, now + 1, &n));
    ck_assert_int_eq(n, _i == 0 ? 2 : 0); /* MongoDB's TTL index sees to it */
    ck_ok(&ctx, docs_expire(&ctx, d, activity, now + 1, &n));
    ck_assert_int_eq(n, 0);
    ck_ok(&ctx, docs_expire(&ctx, d, plain, now, &n));
    ck_assert_int_eq(walk(1, NULL, 9), _i == 0 ? 3 : 5);
    finish();
}
END_TEST

START_TEST(bad_documents_are_refused) {
    start(_i);
    static const char *const bad[] = {
        "[]",
        "{}",
        "{\"_id\": \"a\", \"p\": 1}",
        "{\"_id\": 1, \"p\": 1, \"t\": 1}",
        "{\"_id\": \"\", \"p\": 1, \"t\": 1}",
        "{\"_id\": \"a\", \"p\": \"1\", \"t\": 1}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1.5}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"$set\": 1}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"a.b\": 1}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"_x\": 1}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"\": 1}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"x\": \"nul \\u0000 inside\"}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"x\": {\"$ref\": 1}}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"x\": [NaN]}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"x\": 18446744073709551615}",
        "{\"_id\": \"a\", \"p\": 1, \"t\": 1, \"x\": [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        ck_assert_msg(docs_insert(&ctx, d, plain, json(bad[i])) == INVALID, "%s", bad[i]);
        fail_clear(&ctx);
        ck_code(&ctx, docs_put(&ctx, d, plain, json(bad[i])), INVALID);
    }
    int64_t n;
    ck_ok(&ctx, docs_count(&ctx, d, plain, 1, NULL, &n));
    ck_assert_int_eq(n, 0);
    finish();
}
END_TEST

START_TEST(preparing_again_changes_nothing) {
    start(_i);
    insert(plain, "{\"_id\": \"a\", \"p\": 1, \"t\": 1}");
    ck_ok(&ctx, docs_prepare(&ctx, d, collections));
    ck_ok(&ctx, docs_ping(&ctx, d));
    get(plain, 1, "a");
    finish();
}
END_TEST

START_TEST(no_server_is_unavailable) {
    ctx = test_ctx(NULL);
    struct docs *none = _i == 0 ? docs_open("postgresql", "host=/nonexistent dbname=x", NULL, 1000)
                                : docs_open("mongodb://127.0.0.1:1/x", NULL, NULL, 1000);
    json_object *doc;
    for (int i = 0; i < 3; i++) {
        int64_t begun = clock_mono_us();
        ck_code(&ctx, docs_get(&ctx, none, plain, 1, "a", &doc), UNAVAILABLE);
        ck_code(&ctx, docs_ping(&ctx, none), UNAVAILABLE);
        ck_code(&ctx, docs_insert(&ctx, none, plain, json("{\"_id\": \"a\", \"p\": 1, \"t\": 1}")),
                UNAVAILABLE);
        ck_assert(clock_mono_us() - begun < 2500000);
    }
    test_ctx_end();
    docs_close(none);
    ck_assert_ptr_null(docs_open("mongodb://127.0.0.1", NULL, NULL, 1000)); /* no database named */
    ck_assert_ptr_null(docs_open("oracle", NULL, NULL, 1000));
}
END_TEST

/* The indexes are there to be used: by a list, by a list with conditions, by expiry. */
START_TEST(indexes_are_used) {
    start(0);
    fill(1, 300);
    static const struct {
        const char *op, *fields, *values;
    } cases[] = {
        {"list", "{}", "1, 5000, '', 20"},
        {"list", "{kind}", "1, 5000, '', 20, '\"odd\"'"},
        {"list", "{kind,actor}", "1, 5000, '', 20, '\"odd\"', '1'"},
        {"count", "{kind}", "1, '\"odd\"'"},
        {"get", "{}", "1, '1-001'"},
        {"expire", "{}", "5"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *statement = arena_strdup(
            ctx.arena, as_admin(arena_printf(ctx.arena, "SELECT docs.statement('%s', 'test_activity', '%s')",
                                             cases[i].op, cases[i].fields)));
        const char *plan = as_admin(arena_printf(
            ctx.arena,
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; PREPARE s AS %s; "
            "EXPLAIN (FORMAT JSON) EXECUTE s(%s)",
            statement, cases[i].values));
        ck_assert_msg(strstr(plan, "Index") != NULL && strstr(plan, "Seq Scan") == NULL, "%s", plan);
        ck_assert_msg(strcmp(cases[i].op, "list") != 0 || strstr(plan, "\"Sort\"") == NULL, "%s", plan);
    }
    finish();
}
END_TEST

/* The role of the documents makes collections by that one function and can do nothing else of the kind. */
START_TEST(the_role_has_no_more_rights_than_it_needs) {
    PGconn *conn;
    char *info = NULL;
    ck_assert_int_gt(asprintf(&info, "%s user=deeplink_docs", pg_of_tests()), 0);
    char *secret = pg_secret(getenv("TEST_PG_SECRETS"), "deeplink_docs");
    const char *const keys[] = {"dbname", "password", NULL}, *const values[] = {info, secret, NULL};
    conn = PQconnectdbParams(keys, values, 1);
    ck_assert_msg(PQstatus(conn) == CONNECTION_OK, "%s", PQerrorMessage(conn));
    static const struct {
        const char *sql, *state;
    } cases[] = {
        {"CREATE TABLE docs.mine (a integer)", "42501"},
        {"DROP TABLE docs.test_activity", "42501"},
        {"CREATE INDEX ON docs.test_activity (p)", "42501"},
        {"SELECT docs.ensure_index('test_activity', 'p')", "42501"},
        {"SELECT * FROM events.outbox", "42501"},
        {"SELECT docs.ensure_collection('x; DROP TABLE y', false, '{}')", "22023"},
        {"SELECT docs.ensure_collection('pg_class', false, '{\"p,a''b\"}')", "22023"},
        {"SELECT docs.statement('list', 'test_activity', '{\"a'') OR (1=1\"}')", "22023"},
        {"SELECT docs.statement('drop', 'test_activity', '{}')", "22023"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        PGresult *r = PQexec(conn, cases[i].sql);
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        ck_assert_msg(state != NULL && strcmp(state, cases[i].state) == 0, "%s: %s", cases[i].sql,
                      PQresultErrorMessage(r));
        PQclear(r);
    }
    PQfinish(conn);
    free(secret);
    free(info);
}
END_TEST

int main(void) {
    engines[0] = "postgresql";
    engines[1] = getenv("TEST_MONGO");
    int n = engines[1] != NULL && engines[1][0] != '\0' ? 2 : 1;
    if (n == 1)
        fprintf(stderr, "TEST_MONGO is not set: only PostgreSQL is tested\n");
    Suite *s = suite_create("docs");
    TCase *t = tcase_create("docs");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, what_goes_in_comes_out, 0, n);
    tcase_add_loop_test(t, an_id_is_taken_once, 0, n);
    tcase_add_loop_test(t, put_replaces_whole, 0, n);
    tcase_add_loop_test(t, fields_are_set, 0, n);
    tcase_add_loop_test(t, numbers_are_added, 0, n);
    tcase_add_loop_test(t, additions_at_once_all_count, 0, n);
    tcase_add_loop_test(t, lists_page_by_page, 0, n);
    tcase_add_loop_test(t, removal, 0, n);
    tcase_add_loop_test(t, expiry, 0, n);
    tcase_add_loop_test(t, bad_documents_are_refused, 0, n);
    tcase_add_loop_test(t, preparing_again_changes_nothing, 0, n);
    tcase_add_loop_test(t, no_server_is_unavailable, 0, 2);
    tcase_add_test(t, indexes_are_used);
    tcase_add_test(t, the_role_has_no_more_rights_than_it_needs);
    suite_add_tcase(s, t);
    return run_suite(s);
}
