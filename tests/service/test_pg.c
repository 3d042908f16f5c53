#include "fcgi/drivers/pg.h"

#include <inttypes.h>
#include <signal.h>

#include "fcgi/base/clock.h"
#include "fcgi/drivers/bus.h"
#include "tests/service/servers.h"

#define QUERY(var, rows, sql) static const struct query var = {#var, sql, rows}

QUERY(echo_int8, ROWS_ONE, "SELECT $1::bigint, $2::integer, $3::smallint, $4::boolean, $5::text, $6::bytea");
QUERY(echo_arrays, ROWS_ONE, "SELECT $1::bigint[], $2::text[], cardinality($1::bigint[]), $3::integer[]");
QUERY(echo_time, ROWS_ONE, "SELECT $1::timestamptz, extract(epoch FROM $1::timestamptz)::bigint, now()");
QUERY(echo_other, ROWS_ONE, "SELECT $1::jsonb, ($2::numeric + 1)::text, $3::text, host($4::inet)");
QUERY(insert_thing, ROWS_ONE, "INSERT INTO thing (id, name) VALUES ($1, $2) RETURNING id");
QUERY(insert_quiet, ROWS_NONE, "INSERT INTO thing (id, name) VALUES ($1, $2)");
QUERY(thing_by_id, ROWS_ONE, "SELECT name FROM thing WHERE id = $1");
QUERY(thing_maybe, ROWS_MAYBE, "SELECT name FROM thing WHERE id = $1");
QUERY(thing_two, ROWS_ONE, "SELECT name FROM thing WHERE id >= $1 LIMIT 2");
QUERY(things, ROWS_MANY, "SELECT id, name FROM thing ORDER BY id LIMIT $1");
QUERY(update_things, ROWS_NONE, "UPDATE thing SET name = $1");
QUERY(divide, ROWS_ONE, "SELECT 1 / $1::integer");
QUERY(snooze, ROWS_ONE, "SELECT pg_sleep($1::float8)");
QUERY(pid, ROWS_ONE, "SELECT pg_backend_pid()");
QUERY(all_of_it, ROWS_MANY, "SELECT * FROM shape");
QUERY(later, ROWS_ONE, "SELECT 42::integer");
QUERY(broken, ROWS_ONE, "SELECT nothing FROM nowhere");
QUERY(foreign_key, ROWS_NONE, "INSERT INTO part (thing_id) VALUES ($1)");
QUERY(serial, ROWS_NONE, "SELECT 1");
QUERY(insert_late, ROWS_NONE, "INSERT INTO thing SELECT 9, 'late' FROM pg_sleep(0.2)");

static const struct query *const queries[] = {
    &echo_int8,   &echo_arrays, &echo_time, &echo_other,    &insert_thing, &insert_quiet, &thing_by_id,
    &thing_maybe, &thing_two,   &things,    &update_things, &divide,       &snooze,       &pid,
    &all_of_it,   &foreign_key, &serial,    &insert_late,   NULL};

static struct pg *db;
static struct ctx ctx;

static void set_up(void) {
    as_admin(
        "DROP TABLE IF EXISTS part, thing, shape; CREATE TABLE thing (id bigint PRIMARY KEY, name text NOT NULL "
        "CONSTRAINT thing_short CHECK (length(name) < 20)); CREATE TABLE part (thing_id bigint REFERENCES thing); "
        "CREATE TABLE shape (a integer); INSERT INTO shape VALUES (1)");
    db = pg_open(pg_admin_of_tests(), NULL, NULL, queries, 2000);
    ctx = test_ctx(NULL);
    ck_ok(&ctx, pg_connect(&ctx, db));
}

static void tear_down(void) {
    test_ctx_end();
    pg_close(db);
}

START_TEST(values_come_back) {
    PGresult *r;
    ck_ok(&ctx, pg_run(&ctx, db, &echo_int8, &r, pg_i8(INT64_MIN), pg_i8(-7), pg_i4(-3), pg_bool(true),
                       pg_text("žluť"), pg_bytes("a\0b", 3)));
    size_t n;
    ck_assert(pg_get_int(r, 0, 0) == INT64_MIN);
    ck_assert_int_eq(pg_get_int(r, 0, 1), -7);
    ck_assert_int_eq(pg_get_int(r, 0, 2), -3);
    ck_assert(pg_get_bool(r, 0, 3));
    ck_assert_str_eq(pg_get_str(r, 0, 4), "žluť");
    ck_assert_mem_eq(pg_get_bytes(r, 0, 5, &n), "a\0b", 3);
    ck_assert_uint_eq(n, 3);
    ck_ok(&ctx, pg_run(&ctx, db, &echo_int8, &r, pg_null(), pg_null(), pg_null(), pg_null(), pg_text(NULL),
                       pg_null()));
    for (int i = 0; i < 6; i++)
        ck_assert(pg_is_null(r, 0, i));
    ck_assert_int_eq(pg_get_int(r, 0, 0), 0);
    ck_assert_str_eq(pg_get_str(r, 0, 4), "");
    ck_assert(!pg_get_bool(r, 0, 3));
    ck_assert(!pg_is_null(r, 0, 0) == false);
}
END_TEST

START_TEST(arrays_come_back) {
    PGresult *r;
    const int64_t ids[] = {1, -2, INT64_MAX};
    const char *const texts[] = {"", "two words", "ž,\"{}"};
    int64_t *got;
    const char **words;
    ck_ok(&ctx, pg_run(&ctx, db, &echo_arrays, &r, pg_ids(ids, 3), pg_texts(texts, 3), pg_ids(ids, 2)));
    ck_assert_uint_eq(pg_get_ids(&ctx, r, 0, 0, &got), 3);
    ck_assert_mem_eq(got, ids, sizeof(ids));
    ck_assert_uint_eq(pg_get_texts(&ctx, r, 0, 1, &words), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(words[i], texts[i]);
    ck_assert_uint_eq(pg_get_ids(&ctx, r, 0, 3, &got), 2);
    ck_assert(got[1] == -2);
    ck_ok(&ctx, pg_run(&ctx, db, &echo_arrays, &r, pg_ids(NULL, 0), pg_texts(NULL, 0), pg_null()));
    ck_assert_uint_eq(pg_get_ids(&ctx, r, 0, 0, &got), 0);
    ck_assert_uint_eq(pg_get_texts(&ctx, r, 0, 1, &words), 0);
    ck_assert_int_eq(pg_get_int(r, 0, 2), 0);
    ck_assert(!pg_is_null(r, 0, 0));
    ck_assert_uint_eq(pg_get_ids(&ctx, r, 0, 3, &got), 0);
    const int64_t wide[] = {INT64_C(1) << 40};
    ck_code(&ctx, pg_run(&ctx, db, &echo_arrays, &r, pg_ids(ids, 3), pg_texts(texts, 3), pg_ids(wide, 1)),
            INVALID);
}
END_TEST

START_TEST(times_and_other_types) {
    PGresult *r;
    int64_t at = INT64_C(1795413803123);
    ck_ok(&ctx, pg_run(&ctx, db, &echo_time, &r, pg_time(at)));
    ck_assert(pg_get_time(r, 0, 0) == at);
    ck_assert(pg_get_int(r, 0, 1) == at / 1000);
    ck_assert(llabs(pg_get_time(r, 0, 2) - clock_now_ms()) < 60000);
    ck_ok(&ctx, pg_run(&ctx, db, &echo_time, &r, pg_time(-1)));
    ck_assert(pg_get_time(r, 0, 0) == -1);
    ck_ok(&ctx, pg_run(&ctx, db, &echo_other, &r, pg_text("{\"a\": 1}"), pg_i8(41), pg_i8(-5),
                       pg_text("10.0.0.1")));
    ck_assert_str_eq(pg_get_str(r, 0, 0), "{\"a\": 1}");
    ck_assert_str_eq(pg_get_str(r, 0, 1), "42");
    ck_assert_str_eq(pg_get_str(r, 0, 2), "-5");
    ck_assert_str_eq(pg_get_str(r, 0, 3), "10.0.0.1");
    ck_code(&ctx,
            pg_run(&ctx, db, &echo_int8, &r, pg_i8(1), pg_i8(INT64_C(1) << 33), pg_null(), pg_null(),
                   pg_null(), pg_null()),
            INVALID);
    ck_code(&ctx, pg_run(&ctx, db, &echo_int8, &r, pg_i8(1)), INTERNAL);
}
END_TEST

START_TEST(cardinality_holds) {
    PGresult *r;
    ck_code(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(1)), NOT_FOUND);
    ck_assert_ptr_null(r);
    ck_ok(&ctx, pg_run(&ctx, db, &thing_maybe, &r, pg_i8(1)));
    ck_assert_int_eq(PQntuples(r), 0);
    ck_ok(&ctx, pg_run(&ctx, db, &insert_thing, &r, pg_i8(1), pg_text("one")));
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(2), pg_text("two")));
    ck_ok(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(2)));
    ck_assert_str_eq(pg_get_str(r, 0, 0), "two");
    ck_code(&ctx, pg_run(&ctx, db, &thing_two, &r, pg_i8(1)), INTERNAL);
    ck_ok(&ctx, pg_run(&ctx, db, &update_things, &r, pg_text("new")));
    ck_assert_int_eq(pg_affected(r), 2);
    ck_ok(&ctx, pg_run(&ctx, db, &things, &r, pg_i4(10)));
    ck_assert_int_eq(PQntuples(r), 2);
    ck_ok(&ctx, pg_run(&ctx, db, &serial, NULL));
}
END_TEST

START_TEST(errors_are_told_apart) {
    PGresult *r;
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(1), pg_text("one")));
    ck_assert_int_eq(pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(1), pg_text("one")), EXISTS);
    ck_assert_str_eq(ctx.error.detail, "thing_pkey");
    ck_assert_str_eq(pg_violated(db), "thing_pkey");
    fail_clear(&ctx);
    ck_code(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(2), pg_text("much too long, really")), INVALID);
    ck_assert_str_eq(pg_violated(db), "thing_short");
    ck_code(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(2), pg_null()), INVALID);
    ck_code(&ctx, pg_run(&ctx, db, &foreign_key, NULL, pg_i8(99)), INVALID);
    ck_code(&ctx, pg_run(&ctx, db, &divide, &r, pg_i4(0)), INVALID);
    ck_code(&ctx, pg_run(&ctx, db, &echo_other, &r, pg_text("{"), pg_null(), pg_null(), pg_null()), INVALID);
    ck_code(&ctx, pg_run(&ctx, db, &later, &r), INTERNAL);
    ck_code(&ctx, pg_fetch(&ctx, db, &r), INTERNAL);
    ck_code(&ctx, pg_commit(&ctx, db), INTERNAL);
    ck_ok(&ctx, pg_run(&ctx, db, &divide, &r, pg_i4(1)));
    ck_assert_str_eq(pg_violated(db), "");
}
END_TEST

START_TEST(pipeline_in_order) {
    PGresult *r;
    for (int i = 1; i <= 50; i++)
        ck_ok(&ctx, pg_queue(&ctx, db, &insert_thing, pg_i8(i % 40), pg_text("x")));
    for (int i = 1; i <= 50; i++) {
        enum code code = pg_fetch(&ctx, db, &r);
        ck_assert_int_eq(code, i <= 40 ? OK : EXISTS); /* each is its own transaction */
        if (code == OK)
            ck_assert_int_eq(pg_get_int(r, 0, 0), i % 40);
        fail_clear(&ctx);
    }
    ck_ok(&ctx, pg_run(&ctx, db, &things, &r, pg_i8(100)));
    ck_assert_int_eq(PQntuples(r), 40);
    ck_ok(&ctx, pg_queue(&ctx, db, &thing_by_id, pg_i8(3)));
    ck_ok(&ctx, pg_queue(&ctx, db, &thing_by_id, pg_i8(1000)));
    ck_code(&ctx, pg_run(&ctx, db, &pid, &r), INTERNAL); /* between queue and fetch */
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
    ck_code(&ctx, pg_fetch(&ctx, db, &r), NOT_FOUND);
    ck_ok(&ctx, pg_queue(&ctx, db, &thing_by_id, pg_i8(3)));
    pg_settle(db); /* nobody fetched it */
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
}
END_TEST

START_TEST(reads_in_one_piece) {
    PGresult *r;
    for (int i = 1; i <= 30; i++)
        ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(i), pg_text("x")));
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i <= 30; i++)
            ck_ok(&ctx, pg_queue_read(&ctx, db, &thing_by_id, pg_i8(i + round)));
        for (int i = 1; i <= 29; i++)
            ck_assert_int_eq(pg_fetch(&ctx, db, &r), i + round <= 30 ? OK : NOT_FOUND);
        ck_ok(&ctx, pg_queue_read(&ctx, db, &pid)); /* more while some are on their way */
        ck_ok(&ctx, pg_queue(&ctx, db, &pid));
        fail_clear(&ctx);
        ck_assert_int_eq(pg_fetch(&ctx, db, &r), round == 0 ? OK : NOT_FOUND);
        fail_clear(&ctx);
        ck_ok(&ctx, pg_fetch(&ctx, db, &r));
        ck_ok(&ctx, pg_fetch(&ctx, db, &r));
        ck_assert_int_gt(pg_get_int(r, 0, 0), 0);
    }
    ck_ok(&ctx, pg_queue_read(&ctx, db, &divide, pg_i4(1)));
    ck_ok(&ctx, pg_queue_read(&ctx, db, &divide, pg_i4(0)));
    ck_ok(&ctx, pg_queue_read(&ctx, db, &divide, pg_i4(1)));
    ck_ok(&ctx, pg_queue_read(&ctx, db, &divide, pg_i4(1)));
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
    ck_code(&ctx, pg_fetch(&ctx, db, &r), INVALID);
    ck_code(&ctx, pg_fetch(&ctx, db, &r), ABORTED);
    pg_settle(db);
    ck_ok(&ctx, pg_queue_read(&ctx, db, &pid));
    pg_settle(db); /* never sent, never fetched */
    ck_ok(&ctx, pg_begin(&ctx, db));
    ck_ok(&ctx, pg_queue(&ctx, db, &insert_quiet, pg_i8(100), pg_text("x")));
    ck_ok(&ctx, pg_queue(&ctx, db, &divide, pg_i4(0)));
    ck_ok(&ctx, pg_queue(&ctx, db, &pid));
    ck_ok(&ctx, pg_fetch(&ctx, db, NULL));
    ck_code(&ctx, pg_fetch(&ctx, db, &r), INVALID);
    ck_code(&ctx, pg_fetch(&ctx, db, &r), ABORTED);
    pg_rollback(&ctx, db);
    ck_code(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(100)), NOT_FOUND);
}
END_TEST

static void cut(void) {
    as_admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'deeplink'");
    usleep(50 * 1000);
}

static const char *name_of(int64_t id) {
    PGresult *r;
    ck_ok(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(id)));
    return pg_get_str(r, 0, 0);
}

/* A guess is told by its age: what it says was so when it was sent. */
START_TEST(asked_ahead) {
    PGresult *r;
    as_admin("INSERT INTO thing VALUES (1, 'one'), (2, 'two')");
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(2));
    pg_ahead(&ctx, db, &divide, pg_i4(0));
    ck_ok(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(2))); /* all of them are here */
    as_admin("UPDATE thing SET name = 'new'");
    ck_assert_str_eq(name_of(1), "one");
    ck_assert_str_eq(name_of(1), "new"); /* once only */
    ck_assert_str_eq(name_of(2), "new");
    ck_code(&ctx, pg_run(&ctx, db, &divide, &r, pg_i4(0)), INVALID);
    pg_ahead(&ctx, db, &divide, pg_i4(0));
    ck_code(&ctx, pg_run(&ctx, db, &divide, &r, pg_i4(0)), INVALID);
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(2));
    ck_assert_str_eq(name_of(1), "new");
    ck_ok(&ctx, pg_run(&ctx, db, &update_things, NULL, pg_text("by another query")));
    ck_assert_str_eq(name_of(2), "by another query");
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    ck_ok(&ctx, pg_queue(&ctx, db, &update_things, pg_text("by a queued one")));
    ck_ok(&ctx, pg_queue(&ctx, db, &thing_by_id, pg_i8(1)));
    ck_ok(&ctx, pg_fetch(&ctx, db, NULL));
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
    ck_assert_str_eq(pg_get_str(r, 0, 0), "by a queued one");
}
END_TEST

START_TEST(guesses_are_forgotten) {
    PGresult *r;
    as_admin("INSERT INTO thing VALUES (1, 'one')");
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    ck_ok(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(1)));
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    pg_settle(db); /* the end of a request */
    as_admin("UPDATE thing SET name = 'new'");
    ck_assert_str_eq(name_of(1), "new");
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    ck_ok(&ctx, pg_begin(&ctx, db));
    ck_ok(&ctx, pg_run(&ctx, db, &update_things, NULL, pg_text("within")));
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1)); /* does nothing */
    ck_ok(&ctx, pg_run(&ctx, db, &update_things, NULL, pg_text("at its end")));
    ck_assert_str_eq(name_of(1), "at its end");
    ck_ok(&ctx, pg_commit(&ctx, db));
    ck_assert_str_eq(name_of(1), "at its end");
    for (int i = 0; i < 100; i++) /* more than are kept */
        pg_ahead(&ctx, db, &thing_by_id, pg_i8(i % 2));
    ck_assert_str_eq(name_of(1), "at its end");
    ck_code(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(0)), NOT_FOUND);
    ck_code(&ctx, pg_run(&ctx, db, &thing_by_id, &r, pg_i8(3)), NOT_FOUND);
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1));
    cut();
    pg_run(&ctx, db, &thing_by_id, &r, pg_i8(1)); /* here already, or lost with the connection */
    fail_clear(&ctx);
    usleep(1100 * 1000);
    ck_ok(&ctx, pg_connect(&ctx, db));
    pg_ahead(&ctx, db, &thing_by_id, pg_i8(1)); /* the tear-down closes over it */
}
END_TEST

START_TEST(transactions) {
    PGresult *r;
    ck_ok(&ctx, pg_begin(&ctx, db));
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(1), pg_text("one")));
    ck_ok(&ctx, pg_queue(&ctx, db, &insert_quiet, pg_i8(2), pg_text("two")));
    ck_ok(&ctx, pg_fetch(&ctx, db, NULL));
    ck_code(&ctx, pg_begin(&ctx, db), INTERNAL);
    ck_assert_str_eq(as_admin("SELECT count(*) FROM thing"), "0");
    ck_ok(&ctx, pg_commit(&ctx, db));
    ck_assert_str_eq(as_admin("SELECT count(*) FROM thing"), "2");

    ck_ok(&ctx, pg_begin(&ctx, db));
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(3), pg_text("three")));
    pg_rollback(&ctx, db);
    ck_ok(&ctx, pg_begin(&ctx, db)); /* one in which something fails cannot be committed */
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(3), pg_text("three")));
    ck_code(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(1), pg_text("again")), EXISTS);
    ck_code(&ctx, pg_run(&ctx, db, &pid, &r), ABORTED);
    ck_code(&ctx, pg_commit(&ctx, db), ABORTED);

    ck_ok(&ctx, pg_begin(&ctx, db)); /* left open */
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(4), pg_text("four")));
    pg_settle(db);
    ck_ok(&ctx, pg_begin(&ctx, db)); /* empty */
    ck_ok(&ctx, pg_commit(&ctx, db));
    ck_ok(&ctx, pg_begin(&ctx, db));
    pg_settle(db);
    ck_ok(&ctx, pg_begin(&ctx, db)); /* the first query fails: nothing of it stays */
    ck_code(&ctx, pg_run(&ctx, db, &divide, &r, pg_i4(0)), INVALID);
    pg_rollback(&ctx, db);
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    ck_assert_str_eq(as_admin("SELECT count(*) FROM thing"), "2");
}
END_TEST

/* Ends the server's side of the connection as a restart would. */
/* Until the server has sent all that it was asked for. */
static void until_idle(void) {
    as_admin("DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'deeplink' "
             "AND state <> 'idle') LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$");
}

START_TEST(connection_comes_back) {
    PGresult *r;
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    int64_t first = pg_get_int(r, 0, 0);
    usleep(1100 * 1000);
    cut();
    usleep(1100 * 1000); /* after a pause it is noticed before anything is sent */
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    ck_assert(pg_get_int(r, 0, 0) != first);
    usleep(1100 * 1000);
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    cut();
    ck_code(&ctx, pg_run(&ctx, db, &pid, &r), UNAVAILABLE); /* in full flight it is not */
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    ck_assert_uint_eq(pg_epoch(db), 3);
    cut();
    ck_code(&ctx, pg_run(&ctx, db, &pid, &r), UNAVAILABLE);
    int64_t begun = clock_mono_us();
    ck_code(&ctx, pg_run(&ctx, db, &pid, &r), UNAVAILABLE); /* at most one attempt a second */
    ck_assert(clock_mono_us() - begun < 100000);
}
END_TEST

START_TEST(transaction_does_not_survive_its_connection) {
    PGresult *r;
    ck_ok(&ctx, pg_begin(&ctx, db));
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(1), pg_text("one")));
    usleep(1100 * 1000);
    cut();
    ck_code(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(2), pg_text("two")), UNAVAILABLE);
    ck_code(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(3), pg_text("three")), UNAVAILABLE);
    ck_code(&ctx, pg_commit(&ctx, db), UNAVAILABLE);
    ck_ok(&ctx, pg_run(&ctx, db, &things, &r, pg_i8(10)));
    ck_assert_int_eq(PQntuples(r), 0);
    ck_ok(&ctx, pg_queue(&ctx, db, &pid));
    ck_ok(&ctx, pg_queue(&ctx, db, &pid));
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
    until_idle();
    cut();
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
}
END_TEST

START_TEST(slow_query_ends) {
    PGresult *r;
    int64_t begun = clock_mono_us();
    ck_code(&ctx, pg_run(&ctx, db, &snooze, &r, pg_i8(10)), DEADLINE);
    ck_assert(clock_mono_us() - begun < 3500000);
    ctx.deadline_us = clock_mono_us() - 1;
    ck_code(&ctx, pg_run(&ctx, db, &pid, &r), DEADLINE);
    ctx.deadline_us = 0;
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
}
END_TEST

START_TEST(no_server_is_unavailable_at_once) {
    struct pg *none = pg_open("host=/nonexistent dbname=x", "deeplink_post", NULL, queries, 2000);
    PGresult *r;
    int64_t begun = clock_mono_us();
    ck_code(&ctx, pg_connect(&ctx, none), UNAVAILABLE);
    ck_assert_int_eq(pg_run(&ctx, none, &pid, &r), UNAVAILABLE);
    ck_assert_int_gt(ctx.error.retry_after, 0);
    fail_clear(&ctx);
    ck_code(&ctx, pg_queue(&ctx, none, &pid), UNAVAILABLE);
    ck_code(&ctx, pg_begin(&ctx, none), UNAVAILABLE);
    ck_assert_ptr_null(pg_raw(&ctx, none));
    ck_assert(clock_mono_us() - begun < 500000);
    pg_settle(none);
    pg_close(none);
}
END_TEST

START_TEST(broken_query_is_named) {
    const struct query *const bad[] = {&pid, &broken, &thing_by_id, NULL};
    struct pg *other = pg_open(pg_admin_of_tests(), NULL, NULL, bad, 2000);
    ck_assert_int_eq(pg_connect(&ctx, other), INTERNAL);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "broken"));
    fail_clear(&ctx);
    pg_close(other);
    PGresult *r;
    ck_assert(pg_add_query(db, &broken)); /* one added later spoils nothing but itself */
    ck_assert(pg_add_query(db, &later));
    ck_code(&ctx, pg_run(&ctx, db, &broken, &r), INTERNAL);
    ck_ok(&ctx, pg_run(&ctx, db, &later, &r));
    ck_assert_int_eq(pg_get_int(r, 0, 0), 42);
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
}
END_TEST

/* A table that is locked while somebody connects makes its queries wait, not wrong. */
START_TEST(locked_while_connecting) {
    PGconn *locker = PQconnectdb(pg_admin_of_tests());
    struct pg *other = pg_open(pg_admin_of_tests(), NULL, NULL, queries, 300);
    PQclear(PQexec(locker, "BEGIN; LOCK TABLE thing"));
    ck_assert_int_eq(PQtransactionStatus(locker), PQTRANS_INTRANS);
    ck_assert_int_eq(pg_connect(&ctx, other), UNAVAILABLE);
    ck_assert_int_gt(ctx.error.retry_after, 0);
    fail_clear(&ctx);
    PQfinish(locker);
    usleep(1100 * 1000); /* at most one attempt a second */
    ck_ok(&ctx, pg_connect(&ctx, other));
    pg_close(other);
}
END_TEST

START_TEST(schema_changes_under_way) {
    PGresult *r;
    ck_ok(&ctx, pg_run(&ctx, db, &all_of_it, &r));
    as_admin("ALTER TABLE shape ADD COLUMN b integer");
    ck_code(&ctx, pg_run(&ctx, db, &all_of_it, &r),
            UNAVAILABLE); /* cached plan must not change result type */
    usleep(1100 * 1000);
    ck_ok(&ctx, pg_run(&ctx, db, &all_of_it, &r));
    ck_assert_int_eq(PQnfields(r), 2);
}
END_TEST

START_TEST(wake_goes_along) {
    PGresult *r;
    PGconn *ear = PQconnectdb(pg_admin_of_tests());
    PQclear(PQexec(ear, "LISTEN outbox"));
    bus_wake(&ctx, db);
    bus_wake(&ctx, db); /* too soon: one is enough */
    ck_ok(&ctx, pg_run(&ctx, db, &insert_quiet, NULL, pg_i8(1), pg_text("one")));
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    usleep(60 * 1000);
    bus_wake(&ctx, db);
    ck_ok(&ctx, pg_queue(&ctx, db, &pid));
    ck_ok(&ctx, pg_queue(&ctx, db, &thing_by_id, pg_i8(1)));
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
    ck_ok(&ctx, pg_fetch(&ctx, db, &r));
    ck_assert_str_eq(pg_get_str(r, 0, 0), "one");
    usleep(60 * 1000);
    bus_wake(&ctx, db);
    pg_settle(db);
    ck_ok(&ctx, pg_begin(&ctx, db));
    ck_ok(&ctx, pg_run(&ctx, db, &pid, &r));
    ck_ok(&ctx, pg_commit(&ctx, db));
    PQclear(PQexec(ear, "SELECT 1"));
    int n = 0;
    for (PGnotify *note; (note = PQnotifies(ear)) != NULL; PQfreemem(note))
        n++;
    ck_assert_int_eq(n, 3);
    PQfinish(ear);
}
END_TEST

/* Else the server would find nobody to answer, and say so in its log. */
START_TEST(closing_waits_for_what_nobody_fetches) {
    ck_assert(pg_send_ignored(db, &insert_late));
    pg_close(db);
    db = NULL;
    ck_assert_str_eq(as_admin("SELECT name FROM thing WHERE id = 9"), "late");
}
END_TEST

START_TEST(big_values) {
    PGresult *r;
    size_t n = 3 * 1000 * 1000;
    char *big = arena_alloc(ctx.arena, n);
    memset(big, 'x', n);
    for (int i = 0; i < 3; i++)
        ck_ok(&ctx, pg_queue(&ctx, db, &echo_int8, pg_null(), pg_null(), pg_null(), pg_null(), pg_null(),
                             pg_bytes(big, n)));
    for (int i = 0; i < 3; i++) {
        size_t got;
        ck_ok(&ctx, pg_fetch(&ctx, db, &r));
        ck_assert_mem_eq(pg_get_bytes(r, 0, 5, &got), big, n);
        ck_assert_uint_eq(got, n);
    }
}
END_TEST

START_TEST(secrets_file) {
    char path[] = "/tmp/deeplink-secrets-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    fputs("deeplink_post=abc=d\ndeeplink_postman=x\n", f);
    fclose(f);
    char *s = pg_secret(path, "deeplink_post");
    ck_assert_str_eq(s, "abc=d");
    free(s);
    ck_assert_ptr_null(pg_secret(path, "deeplink_chat"));
    ck_assert_ptr_null(pg_secret("", "deeplink_post"));
    ck_assert_ptr_null(pg_secret("/nonexistent", "deeplink_post"));
    unlink(path);
}
END_TEST

int main(void) {
    Suite *s = suite_create("pg");
    TCase *t = tcase_create("pg");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, values_come_back);
    tcase_add_test(t, arrays_come_back);
    tcase_add_test(t, times_and_other_types);
    tcase_add_test(t, cardinality_holds);
    tcase_add_test(t, errors_are_told_apart);
    tcase_add_test(t, pipeline_in_order);
    tcase_add_test(t, reads_in_one_piece);
    tcase_add_test(t, asked_ahead);
    tcase_add_test(t, guesses_are_forgotten);
    tcase_add_test(t, transactions);
    tcase_add_test(t, connection_comes_back);
    tcase_add_test(t, transaction_does_not_survive_its_connection);
    tcase_add_test(t, slow_query_ends);
    tcase_add_test(t, no_server_is_unavailable_at_once);
    tcase_add_test(t, broken_query_is_named);
    tcase_add_test(t, locked_while_connecting);
    tcase_add_test(t, schema_changes_under_way);
    tcase_add_test(t, wake_goes_along);
    tcase_add_test(t, closing_waits_for_what_nobody_fetches);
    tcase_add_test(t, big_values);
    tcase_add_test(t, secrets_file);
    suite_add_tcase(s, t);
    return run_suite(s);
}
