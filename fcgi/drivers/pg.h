/* PostgreSQL by libpq: one connection a service and worker, statements prepared at connect, binary parameters
 * and results, results freed by the arena, reconnecting by itself (after a failure at most one attempt a
 * second; UNAVAILABLE meanwhile). */
#ifndef DEEPLINK_DRIVERS_PG_H
#define DEEPLINK_DRIVERS_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

/* A named query out of sql/queries/<service>.sql, made a constant by sql/queries.awk:
 *     -- name: post_by_id :one
 *     -- What it is for.
 *     SELECT … WHERE id = $1;
 * gives `extern const struct query Q_POST_BY_ID` in gen/queries.h and the list `queries_post[]`.
 * Cardinality: :one (NOT_FOUND when there is none), :maybe (0 or 1), :many, :exec (no rows). */
enum cardinality { ROWS_ONE, ROWS_MAYBE, ROWS_MANY, ROWS_NONE };
struct query {
    const char *name, *sql;
    enum cardinality rows;
};

/* A parameter: made by the functions below, sent in binary. */
enum pg_kind { PG_NULL, PG_INT8, PG_INT4, PG_BOOL, PG_TEXT, PG_BYTES, PG_INT8_ARRAY, PG_TEXT_ARRAY, PG_TIME };
struct pg_val {
    enum pg_kind kind;
    int64_t i;
    const void *p;
    size_t n;
};

static inline struct pg_val pg_i8(int64_t v) { return (struct pg_val){PG_INT8, v, 0, 0}; }
static inline struct pg_val pg_i4(int v) { return (struct pg_val){PG_INT4, v, 0, 0}; }
static inline struct pg_val pg_bool(bool v) { return (struct pg_val){PG_BOOL, v, 0, 0}; }
struct pg_val pg_text(const char *s);         /* NULL: SQL NULL */
struct pg_val pg_text_or_null(const char *s); /* NULL or "": SQL NULL */
static inline struct pg_val pg_bytes(const void *p, size_t n) { return (struct pg_val){PG_BYTES, 0, p, n}; }
static inline struct pg_val pg_ids(const int64_t *ids, size_t n) {
    return (struct pg_val){PG_INT8_ARRAY, 0, ids, n};
}
static inline struct pg_val pg_texts(const char *const *s, size_t n) {
    return (struct pg_val){PG_TEXT_ARRAY, 0, s, n};
}
static inline struct pg_val pg_time(int64_t unix_ms) {
    return (struct pg_val){PG_TIME, unix_ms, 0, 0};
} /* timestamptz */
static inline struct pg_val pg_null(void) { return (struct pg_val){PG_NULL, 0, 0, 0}; }
/* NULL when v is 0. */
static inline struct pg_val pg_i8_or_null(int64_t v) { return v ? pg_i8(v) : pg_null(); }

struct pg;

/* conninfo without user; role is the login role ("deeplink_post"), secret its password (may be NULL). queries
 * ends with NULL. Does not connect yet. The caller closes it. */
struct pg *pg_open(const char *conninfo, const char *role, const char *secret,
                   const struct query *const *queries, int timeout_ms);
/* Waits for what pg_send_ignored() has sent. NULL is fine. */
void pg_close(struct pg *db);

/* Connects and prepares now; for the boot check. UNAVAILABLE, or INTERNAL with the query's name when one does
 * not prepare. */
enum code pg_connect(struct ctx *ctx, struct pg *db);

/* Runs one prepared query and waits. *ret_rows may be NULL for :exec. Errors by SQLSTATE: 23505 EXISTS
 * (constraint name in error.detail, see pg_violated()), 23503/23514/22xxx INVALID, 40001/40P01 ABORTED, 57014
 * DEADLINE, connection UNAVAILABLE, else INTERNAL. */
#define pg_run(ctx, db, query, ret_rows, ...)                                                   \
    pg_run_vals((ctx), (db), (query), (ret_rows),                                               \
                (const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}},          \
                sizeof((const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}}) / \
                        sizeof(struct pg_val) -                                                 \
                    1)
enum code pg_run_vals(struct ctx *ctx, struct pg *db, const struct query *q, PGresult **ret_rows,
                      const struct pg_val *vals, size_t n);

/* Pipeline: queue several, then fetch their results in order. Each queued query is its own transaction (a
 * Sync after each). */
enum code pg_queue_vals(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                        size_t n);
#define pg_queue(ctx, db, query, ...)                                                             \
    pg_queue_vals((ctx), (db), (query),                                                           \
                  (const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}},          \
                  sizeof((const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}}) / \
                          sizeof(struct pg_val) -                                                 \
                      1)
/* The same for queries that only read: all of them go with one Sync when the first result is fetched, in one
 * piece and at half the cost. When one fails, those queued after it are ABORTED. */
enum code pg_queue_read_vals(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                             size_t n);
#define pg_queue_read(ctx, db, query, ...)                                                             \
    pg_queue_read_vals((ctx), (db), (query),                                                           \
                       (const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}},          \
                       sizeof((const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}}) / \
                               sizeof(struct pg_val) -                                                 \
                           1)
enum code pg_fetch(struct ctx *ctx, struct pg *db, PGresult **ret_rows);
/* Sends what is queued now, and does not wait: for who has something else to do before the first result. */
void pg_send_queued(struct pg *db);

/* Sends a query that only reads and will be wanted later in this request, so that several services look
 * things up at the same time: pg_run() of the same query with the same parameters takes its result, unless
 * another query was run or queued on this connection in between, which might change something. A guess that
 * nobody asks for costs no more than itself; does nothing within a transaction, or where there is no
 * connection. */
#define pg_ahead(ctx, db, query, ...)                                                             \
    pg_ahead_vals((ctx), (db), (query),                                                           \
                  (const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}},          \
                  sizeof((const struct pg_val[]){__VA_ARGS__ __VA_OPT__(, ){PG_NULL, 0, 0, 0}}) / \
                          sizeof(struct pg_val) -                                                 \
                      1)
void pg_ahead_vals(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                   size_t n);

/* Transactions, for what one statement cannot do. One left open is rolled back by pg_settle() and logged with
 * where it began. */
#define pg_begin(ctx, db) pg_begin_at((ctx), (db), __FILE__, __LINE__)
enum code pg_begin_at(struct ctx *ctx, struct pg *db, const char *file, int line);
enum code pg_commit(struct ctx *ctx, struct pg *db);
void pg_rollback(struct ctx *ctx, struct pg *db);

/* Rows touched by an INSERT, UPDATE or DELETE (rows given by a SELECT). */
int64_t pg_affected(const PGresult *r);

/* Sends a query of sql/queries/driver.sql and never looks at the result; false, and nothing sent, within a
 * transaction and when there is no connection. */
bool pg_send_ignored(struct pg *db, const struct query *q);

/* Adds a query after pg_open(); prepared when first used. `q` must live as long as db. False: no memory. */
bool pg_add_query(struct pg *db, const struct query *q);

/* Counts the connections made: unlike before means that the session's state (LISTEN, locks) is gone. */
unsigned pg_epoch(const struct pg *db);

/* The password of a role out of the file of role=password lines; NULL when path is empty or it is not in
 * there. The caller frees it. */
char *pg_secret(const char *path, const char *role);

/* A number for id_set_node(): 1..1023, any role may ask. */
enum code pg_next_node(struct ctx *ctx, struct pg *db, unsigned *ret_node);

/* Name of the constraint that the last EXISTS/INVALID of this context was about; "" when none. */
const char *pg_violated(const struct pg *db);

/* Drops whatever the last request left behind: called by the dispatcher between requests. */
void pg_settle(struct pg *db);

/* For loops that wait for NOTIFY: the raw connection (NULL when down) and its socket. */
PGconn *pg_raw(struct ctx *ctx, struct pg *db);
/* Drops what NOTIFY has sent, without waiting for more. Returns whether there was anything; *ret_word:
 * whether some of it was `word`. */
bool pg_heard(PGconn *conn, const char *word, bool *ret_word);

/* Values of a result (binary). NULLs: 0, "", false. pg_str is copied into no arena: it lives as long as the
 * result (the request). */
int64_t pg_get_int(const PGresult *r, int row, int col); /* int2, int4, int8 */
const char *pg_get_str(const PGresult *r, int row, int col);
bool pg_get_bool(const PGresult *r, int row, int col);
int64_t pg_get_time(const PGresult *r, int row, int col); /* timestamptz → Unix ms */
const void *pg_get_bytes(const PGresult *r, int row, int col, size_t *ret_n);
bool pg_is_null(const PGresult *r, int row, int col);
size_t pg_get_ids(struct ctx *ctx, const PGresult *r, int row, int col, int64_t **ret_ids); /* int8[] */
size_t pg_get_texts(struct ctx *ctx, const PGresult *r, int row, int col,
                    const char ***ret_texts); /* text[] */

#endif
