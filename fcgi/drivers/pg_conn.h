/* Inside of the PostgreSQL driver: the connection and the statements prepared on it. */
#ifndef DEEPLINK_DRIVERS_PG_CONN_H
#define DEEPLINK_DRIVERS_PG_CONN_H

#include "fcgi/drivers/pg.h"
#include "fcgi/drivers/pg_wire.h"

#define PG_TEXT_INTERNAL "Something went wrong on our side."
#define PG_TEXT_UNAVAILABLE "A part of this site is not answering. Please try again in a moment."

/* A query as the server knows it. */
struct statement {
    const struct query *query;
    Oid *types; /* of its parameters */
    int n_types;
    unsigned epoch; /* the connection it is prepared on */
    bool wanted;    /* being prepared right now */
    bool late;      /* added after pg_open(): should it not prepare, only its own use fails */
};

/* A query that was sent ahead, until it is asked for or forgotten. */
struct pg_guess {
    const struct statement *statement;
    struct pg_params *params;
    PGresult *result; /* NULL: not here yet, or lost */
    struct pg_guess *next;
};

/* A query on its way in pipeline mode. */
struct sent {
    const struct statement *statement;
    unsigned epoch;
    bool ignored;           /* nobody fetches its result */
    bool synced;            /* a Sync follows it */
    struct pg_guess *guess; /* ignored: where its result is kept all the same; NULL: nowhere */
};

struct pg {
    char *conninfo, *role, *secret;
    int timeout_ms;

    struct statement **statements;
    size_t n_statements, cap_statements;
    unsigned *slots; /* hash of query addresses: index + 1 into statements; 0: free */
    size_t n_slots;  /* a power of two */

    PGconn *conn;   /* NULL: not connected */
    unsigned epoch; /* how many connections there were */
    int64_t dialed_us, used_us;
    bool down;
    bool broken_query; /* why: a query does not prepare */
    bool stale;        /* the schema has changed under the prepared statements: connect anew */
    char why[256];

    struct sent *sent; /* results to come, oldest first: sent[first..last) */
    size_t first, last, cap_sent;
    size_t wanted; /* of them to be fetched by pg_fetch() */
    struct pg_guess *guesses;

    bool in_tx, tx_pending; /* pending: BEGIN goes with the first query */
    unsigned tx_epoch;
    const char *tx_file;
    int tx_line;

    char violated[64];
};

/* NULL: not a query of this connection. */
struct statement *pg_conn_statement(const struct pg *db, const struct query *q);

/* Connected, and the transaction, if there is one, is still on this connection; else records why not. */
enum code pg_conn_ready(struct ctx *ctx, struct pg *db);

/* Records that there is no connection, or that a query of it does not prepare. */
enum code pg_conn_unavailable(struct ctx *ctx, const struct pg *db);

/* Closes the connection: quietly, or because it failed. */
void pg_conn_hang_up(struct pg *db);
void pg_conn_failed(struct pg *db, const char *what, const char *message);

/* Prepares what this connection does not know yet, in one round trip. false: not connected any more, or one
 * of pg_open()'s queries is wrong. */
bool pg_conn_prepare(struct pg *db);

/* What an SQLSTATE comes to (PostgreSQL's documentation, appendix A); INTERNAL: none of those known, or NULL.
 */
enum code pg_code_of(const char *state);

/* When an answer to what is sent now has to be there, clock_mono_us(). */
int64_t pg_conn_deadline(const struct pg *db);

/* The next result; NULL at the end of a statement, or when the connection failed (db->conn is NULL then). */
PGresult *pg_conn_result(struct pg *db, int64_t deadline_us);

#endif
