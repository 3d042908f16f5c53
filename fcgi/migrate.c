#include "fcgi/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/app.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/crypto.h"
#include "fcgi/config.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"

#define INDEX_MS 3600000 /* a new index on a large collection takes its time */
#define LOCK_TRIES 3000  /* times 200 ms: ten minutes */

/* The owner's connection and where to say what happens. */
struct work {
    struct ctx *ctx;
    const struct config *config;
    FILE *out;
    PGconn *conn;
};

static void quiet(void *arg, const char *message) {
    (void)arg;
    (void)message;
}

static bool failed(const struct work *w, const char *what, const char *why) {
    fprintf(w->out, "%s: %s%s", what, why, *why != '\0' && why[strlen(why) - 1] == '\n' ? "" : "\n");
    return false;
}

static bool connect_owner(struct work *w) {
    /* A migration that waits for a lock holds up everybody behind it: better give up and say so. */
    const char *const keys[] = {"options", "application_name", "dbname", NULL};
    const char *const values[] = {"-c lock_timeout=30000", "deeplink migrate", w->config->postgresql_admin,
                                  NULL};
    w->conn = PQconnectdbParams(keys, values, 1);
    if (PQstatus(w->conn) != CONNECTION_OK)
        return failed(w, "cannot connect to the database", PQerrorMessage(w->conn));
    PQsetNoticeProcessor(w->conn, quiet, NULL);
    return true;
}

/* Runs one query with n parameters as text. NULL, and said, when it fails. The caller clears the result. */
static PGresult *ask(const struct work *w, const struct query *q, int n, const char *const *params) {
    PGresult *r = PQexecParams(w->conn, q->sql, n, NULL, params, NULL, NULL, 0);
    if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
        return r;
    failed(w, q->name, PQresultErrorMessage(r));
    PQclear(r);
    return NULL;
}

static bool run(const struct work *w, const struct query *q, int n, const char *const *params) {
    PGresult *r = ask(w, q, n, params);
    PQclear(r);
    return r != NULL;
}

/* One query whose answer is true or false; -1 when it fails. */
static int ask_bool(const struct work *w, const struct query *q) {
    PGresult *r = ask(w, q, 0, NULL);
    int yes = r == NULL ? -1 : strcmp(PQgetvalue(r, 0, 0), "t") == 0;
    PQclear(r);
    return yes;
}

static bool lock(const struct work *w) {
    for (int i = 0; i < LOCK_TRIES; i++) {
        int mine = ask_bool(w, &Q_MIGRATE_LOCK);
        if (mine != 0)
            return mine > 0;
        if (i == 0)
            fprintf(w->out, "another migration is running: waiting for it\n");
        usleep(200 * 1000);
    }
    return failed(w, "migrate", "another migration does not end");
}

static size_t count_migrations(void) {
    size_t n = 0;
    while (migrations[n].number != 0)
        n++;
    return n;
}

static const struct migration *by_number(int number) {
    for (const struct migration *m = migrations; m->number != 0; m++)
        if (m->number == number)
            return m;
    return NULL;
}

/* Marks in applied[] what the database has. false when it is not a past state of this program. */
static bool compare(const struct work *w, bool *applied) {
    PGresult *r = ask(w, &Q_MIGRATE_APPLIED, 0, NULL);
    bool good = r != NULL;
    for (int i = 0; good && i < PQntuples(r); i++) {
        int number = (int)strtol(PQgetvalue(r, i, 0), NULL, 10);
        const struct migration *m = by_number(number);
        if (m == NULL) {
            fprintf(w->out,
                    "the database is ahead of this program: it has migration %04d_%s; use a newer deeplink\n",
                    number, PQgetvalue(r, i, 1));
            good = false;
        } else if (strcmp(m->sha256, PQgetvalue(r, i, 2)) != 0) {
            fprintf(w->out,
                    "migration %04d_%s was changed since it was applied (checksum %.12s, now %.12s)\n",
                    number, m->name, PQgetvalue(r, i, 2), m->sha256);
            good = false;
        } else {
            applied[m - migrations] = true;
        }
    }
    PQclear(r);
    return good;
}

static bool apply(const struct work *w, const struct migration *m) {
    char number[16], what[128];
    snprintf(number, sizeof(number), "%d", m->number);
    snprintf(what, sizeof(what), "migration %04d_%s", m->number, m->name);
    const char *const record[] = {number, m->name, m->sha256};
    if (!run(w, &Q_TX_BEGIN, 0, NULL))
        return false;
    PGresult *r = PQexec(w->conn, m->sql); /* several statements */
    ExecStatusType status = PQresultStatus(r);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        failed(w, what, PQresultErrorMessage(r));
    PQclear(r);
    good = good && run(w, &Q_MIGRATE_RECORD, 3, record);
    if (!run(w, good ? &Q_TX_COMMIT : &Q_TX_ROLLBACK, 0, NULL) || !good)
        return false;
    fprintf(w->out, "%s\n", what);
    return true;
}

static bool apply_missing(const struct work *w, const bool *applied) {
    int n = 0;
    for (const struct migration *m = migrations; m->number != 0; m++) {
        if (applied[m - migrations])
            continue;
        if (!apply(w, m))
            return false;
        n++;
    }
    if (n == 0)
        fprintf(w->out, "the database is up to date\n");
    return true;
}

/* Passwords of the services' roles. */

/* Writes the file anew, readable by its owner alone, so that a crash leaves either the old one or the new
 * one. */
static bool write_secrets(const struct work *w, const struct buf *lines) {
    const char *path = w->config->postgresql_secrets;
    char *fresh = arena_printf(w->ctx->arena, "%s.new", path);
    struct stat old;
    unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return failed(w, fresh, strerror(errno));
    bool good = write(fd, lines->p, lines->n) == (ssize_t)lines->n;
    if (good && stat(path, &old) == 0 && (old.st_uid != geteuid() || old.st_gid != getegid()))
        good = fchown(fd, old.st_uid, old.st_gid) == 0;
    good = good && fsync(fd) == 0;
    close(fd);
    if (!good || rename(fresh, path) != 0)
        return failed(w, path, strerror(errno));
    return true;
}

static bool can_log_in(const struct work *w, const char *role, const char *password) {
    const char *const keys[] = {"dbname", "user", "password", NULL};
    const char *const values[] = {w->config->postgresql, role, password, NULL};
    PGconn *conn = PQconnectdbParams(keys, values, 1);
    bool good = PQstatus(conn) == CONNECTION_OK;
    PQfinish(conn);
    return good;
}

static bool set_password(const struct work *w, const char *role, const char *password) {
    char *verifier = PQencryptPasswordConn(w->conn, password, role, "scram-sha-256");
    const char *const params[] = {role, verifier};
    bool good = verifier != NULL && run(w, &Q_MIGRATE_PASSWORD, 2, params);
    PQfreemem(verifier);
    return good;
}

struct role_password {
    const char *role, *password;
    bool is_fresh; /* the file had none */
};

/* Of each of the roles; *ret_fresh counts the fresh ones. */
static struct role_password *passwords_of(const struct work *w, const PGresult *roles, int *ret_fresh) {
    struct role_password *all = arena_many(w->ctx->arena, struct role_password, (size_t)PQntuples(roles) + 1);
    *ret_fresh = 0;
    for (int i = 0; i < PQntuples(roles); i++) {
        const char *role = PQgetvalue(roles, i, 0);
        char *known = pg_secret(w->config->postgresql_secrets, role);
        all[i] = (struct role_password){
            role, known != NULL ? arena_strdup(w->ctx->arena, known) : crypto_token(w->ctx->arena, 24),
            known == NULL};
        *ret_fresh += all[i].is_fresh;
        free(known);
    }
    return all;
}

/* The file first: a password that only the server knows is worth nothing. One that the file had before is
 * tried, since a role may be used by a site that runs; a fresh one would only fail, and stand in the server's
 * log. */
static bool keep_passwords(const struct work *w, const PGresult *roles) {
    int fresh;
    struct role_password *all = passwords_of(w, roles, &fresh);
    struct buf lines;
    buf_init(&lines, w->ctx->arena, 64 * 1024);
    for (int i = 0; i < PQntuples(roles); i++)
        buf_printf(&lines, "%s=%s\n", all[i].role, all[i].password);
    if (fresh > 0 && !write_secrets(w, &lines))
        return false;
    if (fresh > 0)
        fprintf(w->out, "%d passwords written to %s\n", fresh, w->config->postgresql_secrets);
    for (int i = 0; i < PQntuples(roles); i++) {
        const struct role_password *r = &all[i];
        if ((r->is_fresh || !can_log_in(w, r->role, r->password)) && !set_password(w, r->role, r->password))
            return false;
    }
    return true;
}

static bool give_passwords(const struct work *w) {
    if (w->config->postgresql_secrets == NULL || w->config->postgresql_secrets[0] == '\0')
        return true; /* the server trusts its sockets' users */
    PGresult *roles = ask(w, &Q_MIGRATE_ROLES, 0, NULL);
    bool good = roles != NULL && keep_passwords(w, roles);
    PQclear(roles);
    return good;
}

static bool prepare_documents(const struct work *w) {
    const struct app *app = w->ctx->env != NULL ? w->ctx->env->app : NULL;
    if (app == NULL)
        return true;
    char *secret = pg_secret(w->config->postgresql_secrets, "deeplink_docs");
    bool ours = strcmp(w->config->docs, "postgresql") == 0;
    struct docs *d = docs_open(w->config->docs, w->config->postgresql, secret,
                               ours ? INDEX_MS : w->config->server_timeout_ms);
    free(secret);
    if (d == NULL)
        return failed(w, "documents",
                      "the setting `docs` is neither postgresql nor a mongodb:// address with a database");
    bool good = true;
    for (const struct service *const *s = app->services; good && *s != NULL; s++)
        if ((*s)->collections != NULL)
            good = docs_prepare(w->ctx, d, (*s)->collections) == OK;
    docs_close(d);
    return good ||
           failed(w, "documents", w->ctx->error.detail != NULL ? w->ctx->error.detail : w->ctx->error.text);
}

static bool work(struct work *w) {
    bool *applied = arena_many(w->ctx->arena, bool, count_migrations() + 1);
    return connect_owner(w) && lock(w) && run(w, &Q_MIGRATE_SCHEMA, 0, NULL) &&
           run(w, &Q_MIGRATE_TABLE, 0, NULL) && compare(w, applied) && apply_missing(w, applied) &&
           give_passwords(w) && prepare_documents(w);
}

int migrate_run(struct ctx *ctx, const struct config *config, FILE *out) {
    struct work w = {ctx, config, out, NULL};
    bool good = work(&w);
    PQfinish(w.conn);
    return good ? 0 : 1;
}

static int pending(struct work *w) {
    bool *applied = arena_many(w->ctx->arena, bool, count_migrations() + 1);
    int begun = connect_owner(w) ? ask_bool(w, &Q_MIGRATE_BEGUN) : -1, n = 0;
    if (begun < 0 || (begun > 0 && !compare(w, applied)))
        return -1;
    for (size_t i = 0; migrations[i].number != 0; i++)
        n += !applied[i];
    return n;
}

int migrate_pending(struct ctx *ctx, const struct config *config, FILE *out) {
    struct work w = {ctx, config, out, NULL};
    int n = pending(&w);
    PQfinish(w.conn);
    return n;
}
