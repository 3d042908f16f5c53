/* Queries, pipelines and transactions on a connection of pg_conn.c. */
#include "fcgi/drivers/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/drivers/pg_conn.h"
#include "fcgi/drivers/pg_wire.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define IGNORED_MAX 64

/* Errors. */

static const char *text_of(enum code code) {
    switch (code) {
    case EXISTS:
        return "That exists already.";
    case INVALID:
        return "Some of what was sent cannot be stored.";
    case ABORTED:
        return "Somebody else changed this at the same moment. Please try again.";
    case DEADLINE:
        return "This took too long.";
    case UNAVAILABLE:
        return PG_TEXT_UNAVAILABLE;
    default:
        return PG_TEXT_INTERNAL;
    }
}

/* The result was freed by the arena or is about to be. */
static enum code sql_failed(struct ctx *ctx, struct pg *db, const struct query *q, const PGresult *r) {
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    const char *primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    enum code code = PQresultStatus(r) == PGRES_PIPELINE_ABORTED ? ABORTED : pg_code_of(state);
    if (state != NULL && strcmp(state, "0A000") == 0 && primary != NULL &&
        strstr(primary, "cached plan") != NULL)
        code = UNAVAILABLE; /* a migration changed what the query gives */
    if (state != NULL && code == UNAVAILABLE)
        db->stale = true;
    snprintf(db->violated, sizeof(db->violated), "%s", constraint != NULL ? constraint : "");
    if (ctx->error.code == OK && constraint != NULL && code == EXISTS)
        fail_detail(ctx, code, text_of(code), "%s", constraint);
    else
        fail_detail(ctx, code, text_of(code), "%s: %s %s", q->name, state != NULL ? state : "",
                    primary != NULL ? primary : PQresultErrorMessage(r));
    if (code == UNAVAILABLE && ctx->error.code == UNAVAILABLE && ctx->error.retry_after == 0)
        ctx->error.retry_after = 1;
    return code;
}

static void clear_result(void *r) { PQclear(r); }

static enum code check_rows(struct ctx *ctx, const struct query *q, const PGresult *r) {
    int n = PQntuples(r);
    if (q->rows == ROWS_ONE && n == 0)
        return fail(ctx, NOT_FOUND, "That does not exist, or not any more.");
    if (n > 1 && (q->rows == ROWS_ONE || q->rows == ROWS_MAYBE))
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "%s: %d rows", q->name, n);
    return OK;
}

/* Hands the result to the arena and looks at it. */
static enum code take_result(struct ctx *ctx, struct pg *db, const struct query *q, PGresult *r,
                             PGresult **ret_rows) {
    if (ret_rows != NULL)
        *ret_rows = NULL;
    if (db->conn == NULL) {
        PQclear(r);
        return pg_conn_unavailable(ctx, db);
    }
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_COMMAND_OK && ret_rows == NULL) {
        PQclear(r);
        return OK;
    }
    arena_defer(ctx->arena, clear_result, r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return sql_failed(ctx, db, q, r);
    enum code code = check_rows(ctx, q, r);
    if (ret_rows != NULL && code == OK)
        *ret_rows = r;
    return code;
}

/* Pipeline mode. */

static bool sent_push(struct pg *db, const struct statement *s, bool ignored, bool synced) {
    if (db->first == db->last)
        db->first = db->last = 0;
    if (db->last == db->cap_sent) {
        size_t cap = db->cap_sent == 0 ? 16 : db->cap_sent * 2;
        struct sent *grown = realloc(db->sent, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        db->sent = grown;
        db->cap_sent = cap;
    }
    db->sent[db->last++] = (struct sent){s, db->epoch, ignored, synced, NULL};
    db->wanted += !ignored;
    return true;
}

static void leave_pipeline(struct pg *db) {
    if (db->first == db->last && db->conn != NULL && PQpipelineStatus(db->conn) != PQ_PIPELINE_OFF)
        PQexitPipelineMode(db->conn);
}

/* The result of the oldest query on its way, which it takes off the list. NULL when its connection is gone.
 */
static PGresult *sent_pop(struct pg *db, int64_t deadline) {
    const struct sent sent = db->sent[db->first++];
    PGresult *r = NULL;
    db->wanted -= !sent.ignored;
    if (db->conn != NULL && sent.epoch == db->epoch) {
        r = pg_conn_result(db, deadline);
        if (db->conn != NULL)
            PQclear(pg_conn_result(db, deadline)); /* the NULL after it */
        if (db->conn != NULL && sent.synced)
            PQclear(pg_conn_result(db, deadline));
    }
    leave_pipeline(db);
    return r;
}

/* The oldest of what nobody fetches: a guess keeps its result. */
static void pop_ignored(struct pg *db, int64_t deadline) {
    struct pg_guess *guess = db->sent[db->first].guess;
    PGresult *r = sent_pop(db, deadline);
    if (guess != NULL)
        guess->result = r;
    else
        PQclear(r);
}

/* Reads what nobody fetches, up to the first result that somebody wants. */
static void drop_ignored(struct pg *db) {
    if (db->first == db->last || !db->sent[db->first].ignored)
        return;
    int64_t deadline = pg_conn_deadline(db);
    while (db->first < db->last && db->sent[db->first].ignored)
        pop_ignored(db, deadline);
}

static bool send_one(struct pg *db, const struct statement *s, const struct pg_params *p) {
    if (PQsendQueryPrepared(db->conn, s->query->name, p->n, p->values, p->lengths, p->formats, 1))
        return true;
    pg_conn_failed(db, s->query->name, PQerrorMessage(db->conn));
    return false;
}

/* Sends into the pipeline, with a Sync after it where `synced`. */
static bool send_queued(struct pg *db, const struct statement *s, const struct pg_params *p, bool ignored,
                        bool synced) {
    if (PQpipelineStatus(db->conn) == PQ_PIPELINE_OFF && !PQenterPipelineMode(db->conn)) {
        pg_conn_failed(db, s->query->name, PQerrorMessage(db->conn));
        return false;
    }
    if (!send_one(db, s, p))
        return false;
    if (synced && !PQpipelineSync(db->conn)) {
        pg_conn_failed(db, s->query->name, PQerrorMessage(db->conn));
        return false;
    }
    if (!sent_push(db, s, ignored, synced)) {
        pg_conn_failed(db, s->query->name, "no memory");
        return false;
    }
    return true;
}

/* BEGIN goes out with the first query, before the same Sync: should it fail, the query is not run. */
static bool send_begin(struct pg *db) {
    if (!db->tx_pending)
        return true;
    struct pg_params none = {.n = 0};
    db->tx_pending = false;
    db->tx_epoch = db->epoch;
    return send_queued(db, pg_conn_statement(db, &Q_TX_BEGIN), &none, true, false);
}

static enum code prepare_late(struct ctx *ctx, struct pg *db, const struct statement *s) {
    if (db->wanted > 0 || db->in_tx)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "%s: not prepared yet", s->query->name);
    drop_ignored(db);
    if (db->conn == NULL || !pg_conn_prepare(db)) {
        pg_conn_hang_up(db);
        return pg_conn_unavailable(ctx, db);
    }
    if (s->epoch != db->epoch)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "postgresql: %s", db->why);
    return OK;
}

/* Finds the statement, prepares it where it is new to this connection, and encodes its parameters. */
static enum code bind_params(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                             size_t n, struct statement **ret_statement, struct pg_params *params) {
    struct statement *s = pg_conn_statement(db, q);
    size_t bad = 0;
    if (s == NULL)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "%s: not a query of this connection", q->name);
    enum code code = pg_conn_ready(ctx, db);
    if (code != OK)
        return code;
    if (s->epoch != db->epoch) {
        code = prepare_late(ctx, db, s);
        if (code != OK)
            return code;
    }
    if (n != (size_t)s->n_types || n > PG_PARAMS_MAX)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "%s: %zu parameters, not %d", q->name, n,
                           s->n_types);
    if (!pg_params_fill(ctx, params, vals, n, s->types, &bad))
        return fail_detail(ctx, INVALID, text_of(INVALID), "%s: parameter $%zu does not fit its type",
                           q->name, bad + 1);
    db->violated[0] = '\0';
    *ret_statement = s;
    return OK;
}

/* Guesses. */

static void guess_free(struct pg_guess *guess) {
    PQclear(guess->result);
    free(guess->params);
    free(guess);
}

static void forget_guesses(struct pg *db) {
    for (size_t i = db->first; i < db->last; i++)
        db->sent[i].guess = NULL;
    for (struct pg_guess *g; (g = db->guesses) != NULL;) {
        db->guesses = g->next;
        guess_free(g);
    }
}

void pg_ahead_vals(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                   size_t n) {
    struct statement *s = pg_conn_statement(db, q);
    struct pg_guess *guess;
    struct pg_params params;
    if (ctx_failed(ctx) || s == NULL || db->conn == NULL || db->in_tx || db->wanted > 0 ||
        s->epoch != db->epoch || db->last - db->first >= IGNORED_MAX)
        return;
    if (bind_params(ctx, db, q, vals, n, &s, &params) != OK) {
        fail_clear(ctx); /* who asks in earnest is told */
        return;
    }
    if ((guess = calloc(1, sizeof *guess)) == NULL)
        return;
    guess->statement = s;
    guess->params = pg_params_copy(&params);
    if (guess->params == NULL || !send_queued(db, s, &params, true, true)) {
        guess_free(guess);
        return;
    }
    guess->next = db->guesses;
    db->guesses = db->sent[db->last - 1].guess = guess;
}

/* The guess that asked the same, taken off the list. */
static struct pg_guess *guess_of(struct pg *db, const struct statement *s, const struct pg_params *p) {
    for (struct pg_guess **at = &db->guesses; *at != NULL; at = &(*at)->next) {
        struct pg_guess *found = *at;
        if (found->statement != s || !pg_params_same(found->params, p))
            continue;
        *at = found->next;
        return found;
    }
    return NULL;
}

/* Whether it is still on its way. */
static bool is_coming(const struct pg *db, const struct pg_guess *guess) {
    for (size_t i = db->first; i < db->last; i++)
        if (db->sent[i].guess == guess)
            return true;
    return false;
}

/* The result of a guess that asked the same. NULL: there is none, or it failed; all are forgotten then. */
static PGresult *take_guess(struct pg *db, const struct statement *s, const struct pg_params *p) {
    struct pg_guess *guess = guess_of(db, s, p);
    PGresult *r = NULL;
    if (guess != NULL) {
        int64_t deadline = pg_conn_deadline(db);
        while (is_coming(db, guess))
            pop_ignored(db, deadline);
        if (PQresultStatus(guess->result) == PGRES_TUPLES_OK) {
            r = guess->result;
            guess->result = NULL;
        }
        guess_free(guess);
    }
    if (r == NULL)
        forget_guesses(db);
    return r;
}

static enum code queue(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                       size_t n, bool synced) {
    struct pg_params params;
    struct statement *s;
    enum code code = bind_params(ctx, db, q, vals, n, &s, &params);
    if (code != OK)
        return code;
    forget_guesses(db);
    if (!send_begin(db) || !send_queued(db, s, &params, false, synced))
        return pg_conn_unavailable(ctx, db);
    return OK;
}

/* Within a transaction one failure undoes all anyway. */
enum code pg_queue_vals(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                        size_t n) {
    return queue(ctx, db, q, vals, n, !db->in_tx);
}

/* libpq keeps what has no Sync yet in its buffer: all of it leaves, and comes back, in one piece. */
enum code pg_queue_read_vals(struct ctx *ctx, struct pg *db, const struct query *q, const struct pg_val *vals,
                             size_t n) {
    return queue(ctx, db, q, vals, n, false);
}

/* Sends the Sync that what was queued last still lacks. */
void pg_send_queued(struct pg *db) {
    if (db->conn == NULL || db->first == db->last || db->sent[db->last - 1].synced)
        return;
    if (PQpipelineSync(db->conn))
        db->sent[db->last - 1].synced = true;
    else
        pg_conn_failed(db, "", PQerrorMessage(db->conn));
}

enum code pg_fetch(struct ctx *ctx, struct pg *db, PGresult **ret_rows) {
    pg_send_queued(db);
    drop_ignored(db);
    if (db->first == db->last)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "postgresql: a result without a query");
    const struct sent sent = db->sent[db->first];
    PGresult *r = sent_pop(db, pg_conn_deadline(db));
    if (r == NULL) {
        if (ret_rows != NULL)
            *ret_rows = NULL;
        return pg_conn_unavailable(ctx, db);
    }
    return take_result(ctx, db, sent.statement->query, r, ret_rows);
}

bool pg_send_ignored(struct pg *db, const struct query *q) {
    struct pg_params none = {.n = 0};
    const struct statement *s = pg_conn_statement(db, q);
    if (s == NULL || db->conn == NULL || db->in_tx || s->epoch != db->epoch ||
        db->last - db->first >= IGNORED_MAX)
        return false;
    return send_queued(db, s, &none, true, true);
}

/* One query. */

/* Sends and waits, outside of pipeline mode. */
static PGresult *run_alone(struct pg *db, const struct statement *s, const struct pg_params *p) {
    int64_t deadline = pg_conn_deadline(db);
    if (!send_one(db, s, p))
        return NULL;
    PGresult *r = pg_conn_result(db, deadline);
    while (db->conn != NULL && r != NULL) {
        PGresult *more = pg_conn_result(db, deadline);
        if (more == NULL)
            break;
        PQclear(more);
    }
    return r;
}

static PGresult *run_queued(struct pg *db, const struct statement *s, const struct pg_params *p) {
    if (!send_begin(db) || !send_queued(db, s, p, false, true))
        return NULL;
    drop_ignored(db);
    return db->first < db->last ? sent_pop(db, pg_conn_deadline(db)) : NULL;
}

enum code pg_run_vals(struct ctx *ctx, struct pg *db, const struct query *q, PGresult **ret_rows,
                      const struct pg_val *vals, size_t n) {
    struct pg_params params;
    struct statement *s;
    if (ret_rows != NULL)
        *ret_rows = NULL;
    if (db->wanted > 0)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "%s: results queued before it were not fetched",
                           q->name);
    enum code code = bind_params(ctx, db, q, vals, n, &s, &params);
    if (code != OK)
        return code;
    PGresult *r = take_guess(db, s, &params);
    if (r != NULL)
        return take_result(ctx, db, q, r, ret_rows);
    bool alone = db->first == db->last && !db->tx_pending;
    r = alone ? run_alone(db, s, &params) : run_queued(db, s, &params);
    if (r == NULL) {
        while (db->first < db->last)
            sent_pop(db, 0); /* lost with the connection */
        return pg_conn_unavailable(ctx, db);
    }
    return take_result(ctx, db, q, r, ret_rows);
}

/* Transactions. */

enum code pg_begin_at(struct ctx *ctx, struct pg *db, const char *file, int line) {
    if (db->in_tx)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "%s:%d: within the transaction of %s:%d", file,
                           line, db->tx_file, db->tx_line);
    enum code code = pg_conn_ready(ctx, db);
    if (code != OK)
        return code;
    forget_guesses(db);
    db->in_tx = db->tx_pending = true;
    db->tx_file = file;
    db->tx_line = line;
    return OK;
}

static void drop_sent(struct pg *db) {
    int64_t deadline = pg_conn_deadline(db);
    pg_send_queued(db);
    while (db->first < db->last)
        PQclear(sent_pop(db, deadline));
}

enum code pg_commit(struct ctx *ctx, struct pg *db) {
    if (!db->in_tx)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "postgresql: a commit without a transaction");
    PGresult *r = NULL;
    if (db->tx_pending) {
        db->in_tx = db->tx_pending = false;
        return OK;
    }
    enum code code = pg_run(ctx, db, &Q_TX_COMMIT, &r);
    if (code == OK && strcmp(PQcmdStatus(r), "COMMIT") != 0)
        code = fail_detail(ctx, ABORTED, text_of(ABORTED), "postgresql: rolled back instead of committed");
    if (code == OK || db->conn == NULL || db->tx_epoch != db->epoch ||
        PQtransactionStatus(db->conn) == PQTRANS_IDLE)
        db->in_tx = false;
    else
        pg_rollback(ctx, db);
    return code;
}

/* Ends the transaction of this connection, if it still has one. */
static void roll_back(struct pg *db) {
    struct pg_params none = {.n = 0};
    bool begun = !db->tx_pending && db->conn != NULL && db->tx_epoch == db->epoch;
    db->in_tx = db->tx_pending = false;
    drop_sent(db);
    if (!begun || db->conn == NULL)
        return;
    PGresult *r = run_alone(db, pg_conn_statement(db, &Q_TX_ROLLBACK), &none);
    if (db->conn != NULL && PQresultStatus(r) != PGRES_COMMAND_OK)
        pg_conn_failed(db, "rollback", PQresultErrorMessage(r));
    PQclear(r);
}

void pg_rollback(struct ctx *ctx, struct pg *db) {
    (void)ctx;
    if (db->in_tx)
        roll_back(db);
}

void pg_settle(struct pg *db) {
    db->violated[0] = '\0';
    forget_guesses(db);
    if (db->wanted > 0)
        drop_sent(db);
    if (db->in_tx) {
        log_warn(NULL, "a transaction was left open", "begun=%s:%d", db->tx_file, db->tx_line);
        roll_back(db);
    }
    if (db->conn != NULL && db->first == db->last && PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        pg_conn_hang_up(db);
}

void pg_close(struct pg *db) {
    if (db == NULL)
        return;
    forget_guesses(db);
    if (db->conn != NULL && db->wanted == 0)
        drop_ignored(db); /* the server would have nobody to answer, and say so in its log */
    PQfinish(db->conn);
    for (size_t i = 0; i < db->n_statements; i++) {
        free(db->statements[i]->types);
        free(db->statements[i]);
    }
    free(db->statements);
    free(db->slots);
    free(db->sent);
    free(db->conninfo);
    free(db->role);
    free(db->secret);
    free(db);
}

const char *pg_violated(const struct pg *db) { return db->violated; }

enum code pg_next_node(struct ctx *ctx, struct pg *db, unsigned *ret_node) {
    PGresult *r;
    if (!pg_add_query(db, &Q_EVENTS_NEXT_NODE))
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "no memory");
    enum code code = pg_run(ctx, db, &Q_EVENTS_NEXT_NODE, &r);
    if (code == OK)
        *ret_node = (unsigned)pg_get_int(r, 0, 0);
    return code;
}
