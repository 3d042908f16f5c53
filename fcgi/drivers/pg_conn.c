/* The connection to PostgreSQL: made, watched, made again, and the statements prepared on it. */
#include "fcgi/drivers/pg_conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fcgi/base/clock.h"
#include "fcgi/log.h"
#include "gen/queries.h"

#define RETRY_US INT64_C(1000000)
#define IDLE_US INT64_C(1000000) /* after this long without use, look whether the server has hung up */
#define GRACE_MS 500             /* the server's own time-out comes first */

/* The table of statements. */

static size_t slot_of(const struct pg *db, const struct query *q) {
    size_t i = ((uintptr_t)q >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    for (i &= db->n_slots - 1; db->slots[i] != 0; i = (i + 1) & (db->n_slots - 1))
        if (db->statements[db->slots[i] - 1]->query == q)
            break;
    return i;
}

struct statement *pg_conn_statement(const struct pg *db, const struct query *q) {
    unsigned at = db->slots[slot_of(db, q)];
    return at == 0 ? NULL : db->statements[at - 1];
}

static bool grow_slots(struct pg *db) {
    size_t n = db->n_slots == 0 ? 64 : db->n_slots * 2;
    unsigned *slots = calloc(n, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(db->slots);
    db->slots = slots;
    db->n_slots = n;
    for (size_t i = 0; i < db->n_statements; i++)
        slots[slot_of(db, db->statements[i]->query)] = (unsigned)i + 1;
    return true;
}

static bool add_query(struct pg *db, const struct query *q, bool late) {
    if (db->n_slots < (db->n_statements + 1) * 2 && !grow_slots(db))
        return false;
    if (pg_conn_statement(db, q) != NULL)
        return true;
    if (db->n_statements == db->cap_statements) {
        size_t cap = db->cap_statements == 0 ? 32 : db->cap_statements * 2;
        struct statement **grown = realloc(db->statements, cap * sizeof(struct statement *));
        if (grown == NULL)
            return false;
        db->statements = grown;
        db->cap_statements = cap;
    }
    struct statement *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return false;
    s->query = q;
    s->late = late;
    db->statements[db->n_statements++] = s;
    db->slots[slot_of(db, q)] = (unsigned)db->n_statements;
    return true;
}

bool pg_add_query(struct pg *db, const struct query *q) { return add_query(db, q, true); }

static bool add_queries(struct pg *db, const struct query *const *queries) {
    for (; queries != NULL && *queries != NULL; queries++)
        if (!add_query(db, *queries, false))
            return false;
    return true;
}

static char *copy_of(const char *s, bool *good) {
    char *copy = s == NULL ? NULL : strdup(s);
    *good &= s == NULL || copy != NULL;
    return copy;
}

struct pg *pg_open(const char *conninfo, const char *role, const char *secret,
                   const struct query *const *queries, int timeout_ms) {
    struct pg *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return NULL;
    bool good = true;
    db->conninfo = copy_of(conninfo, &good);
    db->role = copy_of(role, &good);
    db->secret = copy_of(secret, &good);
    db->timeout_ms = timeout_ms > 0 ? timeout_ms : 5000;
    db->dialed_us = -RETRY_US;
    if (!good || !add_queries(db, queries_driver) || !add_queries(db, queries)) {
        pg_close(db);
        return NULL;
    }
    return db;
}

unsigned pg_epoch(const struct pg *db) { return db->epoch; }

/* The connection. */

void pg_conn_hang_up(struct pg *db) {
    PQfinish(db->conn);
    db->conn = NULL;
    db->stale = false;
}

/* Copies a message of libpq without its line ends. */
static void say_why(struct pg *db, const char *what, const char *message) {
    size_t n = (size_t)snprintf(db->why, sizeof(db->why), "%s%s%s", what, *what != '\0' ? ": " : "", message);
    if (n >= sizeof(db->why))
        n = sizeof(db->why) - 1;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)db->why[i] < ' ')
            db->why[i] = ' ';
    while (n > 0 && db->why[n - 1] == ' ')
        db->why[--n] = '\0';
}

void pg_conn_failed(struct pg *db, const char *what, const char *message) {
    say_why(db, what, message);
    if (!db->down)
        log_warn(NULL, "postgresql is unavailable", "role=%s error=%s", db->role != NULL ? db->role : "",
                 db->why);
    db->down = true;
    pg_conn_hang_up(db);
}

/* Waits until the socket can be read or written; false at the deadline. */
static bool wait_socket(PGconn *conn, short events, int64_t deadline_us) {
    struct pollfd p = {PQsocket(conn), events, 0};
    for (;;) {
        int64_t left = deadline_us - clock_mono_us();
        if (left <= 0)
            return false;
        int n = poll(&p, 1, (int)(left / 1000) + 1);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

PGresult *pg_conn_result(struct pg *db, int64_t deadline_us) {
    while (PQisBusy(db->conn)) {
        if (!wait_socket(db->conn, POLLIN, deadline_us)) {
            pg_conn_failed(db, "", "no answer in time");
            return NULL;
        }
        if (!PQconsumeInput(db->conn))
            break; /* PQgetResult() says why */
    }
    PGresult *r = PQgetResult(db->conn);
    if (PQstatus(db->conn) == CONNECTION_BAD) {
        pg_conn_failed(db, "", r != NULL ? PQresultErrorMessage(r) : PQerrorMessage(db->conn));
        PQclear(r);
        return NULL;
    }
    return r;
}

int64_t pg_conn_deadline(const struct pg *db) {
    return clock_mono_us() + ((int64_t)db->timeout_ms + GRACE_MS) * 1000;
}

static void quiet(void *arg, const char *message) {
    (void)arg;
    log_debug(NULL, "postgresql notice", "text=%s", message);
}

static PGconn *dial_start(const struct pg *db) {
    const char *keys[24], *values[24];
    char options[128], user_timeout[16];
    int n = 0;
    snprintf(options, sizeof(options),
             "-c statement_timeout=%d -c idle_in_transaction_session_timeout=%d -c jit=off", db->timeout_ms,
             db->timeout_ms * 4);
    snprintf(user_timeout, sizeof(user_timeout), "%d", db->timeout_ms + GRACE_MS);
    const char *const before[][2] = {
        {"application_name", db->role != NULL ? db->role : "deeplink"},
        {"options", options},
        {"keepalives_idle", "30"},
        {"keepalives_interval", "10"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", user_timeout},
        {"gssencmode", "disable"},
        {"dbname", db->conninfo}, /* what it says goes before the above … */
        {"client_encoding", "UTF8"},
    };
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        keys[n] = before[i][0];
        values[n++] = before[i][1];
    }
    if (db->role != NULL) { /* … and this before what it says */
        keys[n] = "user";
        values[n++] = db->role;
    }
    if (db->secret != NULL) {
        keys[n] = "password";
        values[n++] = db->secret;
    }
    keys[n] = values[n] = NULL;
    return PQconnectStartParams(keys, values, 1);
}

static bool dial_wait(struct pg *db) {
    int64_t deadline = clock_mono_us() + (int64_t)db->timeout_ms * 1000;
    if (db->conn == NULL || PQstatus(db->conn) == CONNECTION_BAD)
        return false;
    for (PostgresPollingStatusType want = PGRES_POLLING_WRITING; want != PGRES_POLLING_OK;) {
        if (want == PGRES_POLLING_FAILED)
            return false;
        if (!wait_socket(db->conn, want == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) {
            pg_conn_failed(db, "", "no connection in time");
            return false;
        }
        want = PQconnectPoll(db->conn);
    }
    return true;
}

static bool keep_types(struct statement *s, const PGresult *described) {
    int n = PQnparams(described);
    Oid *types = calloc((size_t)n + 1, sizeof(*types));
    if (types == NULL)
        return false;
    for (int i = 0; i < n; i++)
        types[i] = PQparamtype(described, i);
    free(s->types);
    s->types = types;
    s->n_types = n;
    return true;
}

enum code pg_code_of(const char *state) {
    static const struct {
        const char *prefix;
        enum code code;
    } table[] = {
        {"23505", EXISTS},      {"23P01", EXISTS},    {"23", INVALID},     {"22", INVALID},
        {"40", ABORTED},        {"55P03", ABORTED},   {"25P02", ABORTED},  {"57014", DEADLINE},
        {"08", UNAVAILABLE},    {"57P", UNAVAILABLE}, {"53", UNAVAILABLE}, {"25006", UNAVAILABLE},
        {"26000", UNAVAILABLE}, {"0A000", INTERNAL},
    };
    for (size_t i = 0; state != NULL && i < sizeof(table) / sizeof(table[0]); i++)
        if (strncmp(state, table[i].prefix, strlen(table[i].prefix)) == 0)
            return table[i].code;
    return INTERNAL;
}

/* Whether the server could not just now: it is short of something, was told to stop or took too long, or a
 * lock was not to be had. */
static bool is_passing(const PGresult *r) {
    enum code code = pg_code_of(PQresultErrorField(r, PG_DIAG_SQLSTATE));
    return code == UNAVAILABLE || code == DEADLINE || code == ABORTED;
}

/* Takes the two answers about one statement. false, with the reason in db->why, when it is wrong. What will
 * pass says nothing about the statement: then the connection has failed. */
static bool take_prepared(struct pg *db, struct statement *s, int64_t deadline) {
    bool good = true;
    for (int step = 0; step < 2; step++) {
        PGresult *r = pg_conn_result(db, deadline);
        if (db->conn == NULL)
            return false;
        if (is_passing(r)) {
            pg_conn_failed(db, s->query->name, PQresultErrorMessage(r));
            PQclear(r);
            return false;
        }
        if (PQresultStatus(r) == PGRES_FATAL_ERROR)
            say_why(db, s->query->name, PQresultErrorMessage(r));
        good = good && PQresultStatus(r) == PGRES_COMMAND_OK && (step == 0 || keep_types(s, r));
        PQclear(r);
        PQclear(pg_conn_result(db, deadline)); /* the NULL after it */
        if (db->conn == NULL)
            return false;
    }
    if (good)
        s->epoch = db->epoch;
    return good;
}

/* Does a Sync come after this statement? One for all of pg_open()'s, and one for each added later. */
static bool sync_after(const struct pg *db, size_t i) {
    return db->statements[i]->late || i + 1 == db->n_statements || db->statements[i + 1]->late;
}

static bool send_prepares(struct pg *db) {
    if (!PQenterPipelineMode(db->conn))
        return false;
    for (size_t i = 0; i < db->n_statements; i++) {
        struct statement *s = db->statements[i];
        const struct query *q = s->query;
        s->wanted = s->epoch != db->epoch;
        if (s->wanted && (!PQsendPrepare(db->conn, q->name, q->sql, 0, NULL) ||
                          !PQsendDescribePrepared(db->conn, q->name)))
            return false;
        if (s->wanted && sync_after(db, i) && !PQpipelineSync(db->conn))
            return false;
    }
    return true;
}

bool pg_conn_prepare(struct pg *db) {
    int64_t deadline = pg_conn_deadline(db);
    if (!send_prepares(db)) {
        pg_conn_failed(db, "", PQerrorMessage(db->conn));
        return false;
    }
    for (size_t i = 0; i < db->n_statements; i++) {
        struct statement *s = db->statements[i];
        if (s->wanted && !take_prepared(db, s, deadline) && db->conn != NULL && !s->late)
            db->broken_query = true;
        if (db->conn == NULL || db->broken_query)
            return false; /* the connection is closed by the caller */
        if (s->wanted && sync_after(db, i))
            PQclear(pg_conn_result(db, deadline));
        if (db->conn == NULL)
            return false;
    }
    PQexitPipelineMode(db->conn);
    return true;
}

static bool dial(struct pg *db) {
    int64_t now = clock_mono_us();
    if (now - db->dialed_us < RETRY_US)
        return false;
    db->dialed_us = now;
    db->conn = dial_start(db);
    if (!dial_wait(db)) {
        if (db->conn != NULL || db->why[0] == '\0')
            pg_conn_failed(db, "", db->conn != NULL ? PQerrorMessage(db->conn) : "no memory");
        return false;
    }
    PQsetNoticeProcessor(db->conn, quiet, NULL);
    db->epoch++;
    db->broken_query = false;
    if (!pg_conn_prepare(db)) {
        if (db->broken_query)
            log_error(NULL, "a query does not prepare", "role=%s error=%s", db->role != NULL ? db->role : "",
                      db->why);
        pg_conn_hang_up(db);
        return false;
    }
    if (db->down)
        log_info(NULL, "postgresql is back", "role=%s", db->role != NULL ? db->role : "");
    db->down = false;
    db->used_us = now;
    return true;
}

enum code pg_conn_unavailable(struct ctx *ctx, const struct pg *db) {
    if (ctx->error.code != OK)
        return db->broken_query ? INTERNAL : UNAVAILABLE;
    if (db->broken_query)
        return fail_detail(ctx, INTERNAL, PG_TEXT_INTERNAL, "postgresql: %s", db->why);
    fail_detail(ctx, UNAVAILABLE, PG_TEXT_UNAVAILABLE, "postgresql: %s", db->why);
    ctx->error.retry_after = 1;
    return UNAVAILABLE;
}

static bool server_left(struct pg *db) {
    char byte;
    ssize_t n = recv(PQsocket(db->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) { /* its last words, or an answer that nobody waits for */
        PQconsumeInput(db->conn);
        n = recv(PQsocket(db->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    }
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) ||
           PQstatus(db->conn) == CONNECTION_BAD;
}

/* A server that was restarted while nobody asked has left a hung-up socket behind. */
static void drop_stale(struct pg *db) {
    int64_t now = clock_mono_us();
    if (PQstatus(db->conn) == CONNECTION_BAD || (now - db->used_us >= IDLE_US && server_left(db)))
        pg_conn_hang_up(db);
    else if (db->stale && !db->in_tx && db->first == db->last)
        pg_conn_hang_up(db);
    db->used_us = now;
}

enum code pg_conn_ready(struct ctx *ctx, struct pg *db) {
    if (db->conn != NULL)
        drop_stale(db);
    if (db->in_tx && !db->tx_pending && (db->conn == NULL || db->tx_epoch != db->epoch)) {
        if (db->why[0] == '\0')
            say_why(db, "", "the connection was lost within a transaction");
        return pg_conn_unavailable(ctx, db);
    }
    if (db->conn == NULL && !dial(db))
        return pg_conn_unavailable(ctx, db);
    if (ctx->deadline_us != 0 && clock_mono_us() > ctx->deadline_us)
        return fail(ctx, DEADLINE, "This took too long.");
    return OK;
}

enum code pg_connect(struct ctx *ctx, struct pg *db) { return pg_conn_ready(ctx, db); }

PGconn *pg_raw(struct ctx *ctx, struct pg *db) { return pg_conn_ready(ctx, db) == OK ? db->conn : NULL; }

bool pg_heard(PGconn *conn, const char *word, bool *ret_word) {
    bool any = false;
    *ret_word = false;
    for (PGnotify *n; (n = PQnotifies(conn)) != NULL; PQfreemem(n)) {
        any = true;
        *ret_word |= strcmp(n->extra, word) == 0;
    }
    return any;
}

char *pg_secret(const char *path, const char *role) {
    FILE *f = path == NULL || *path == '\0' ? NULL : fopen(path, "re");
    char line[256], *found = NULL;
    size_t n = strlen(role);
    while (f != NULL && found == NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, role, n) == 0 && line[n] == '=') {
            line[strcspn(line, "\r\n")] = '\0';
            found = strdup(line + n + 1);
        }
    if (f != NULL)
        fclose(f);
    return found;
}
