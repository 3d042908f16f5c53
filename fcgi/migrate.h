/* Migrations: the files of sql/migrations, in order, once each, forward only. */
#ifndef DEEPLINK_MIGRATE_H
#define DEEPLINK_MIGRATE_H

#include <stdio.h>

#include "fcgi/ctx.h"

struct config;

/* Made by sql/migrations.sh into gen/migrations.c; ends with number 0. */
struct migration {
    int number;
    const char *name;
    const char *sha256; /* of the file, hexadecimal */
    const char *sql;
};
extern const struct migration migrations[];

/* Brings the database of config->postgresql_admin up to date: applies what is missing, each file in a
 * transaction of its own, with an advisory lock held so that only one process does; makes the collections of
 * documents (docs_prepare) of the services of ctx->env->app, if there is one; gives the services' roles
 * passwords where config->postgresql_secrets names a file: those in the file, which is written (0600) with
 * new ones for roles that it lacks. Says on `out` what it does. Returns an exit status: 0, or 1 with the
 * reason on `out`: no connection, a file that fails (its changes are undone), a file changed since it was
 * applied, or a database that is ahead of this program. */
int migrate_run(struct ctx *ctx, const struct config *config, FILE *out);

/* How many migrations are missing in the database of config->postgresql_admin, without changing anything; -1
 * with the reason on `out` when that cannot be said or the database is ahead or different. For `doctor`. */
int migrate_pending(struct ctx *ctx, const struct config *config, FILE *out);

#endif
