/* What the parts of the user service's store in PostgreSQL share. Not for others. */
#ifndef DEEPLINK_USER_STORE_SQL_H
#define DEEPLINK_USER_STORE_SQL_H

#include "fcgi/drivers/bus.h"
#include "handlers/services.h"
#include "handlers/user/store.h"

static inline struct pg *user_store_db(struct ctx *ctx) { return ctx->env->pg[SVC_USER]; }

static inline struct pg_val user_store_bytes(struct body b) { return pg_bytes(b.p, b.n); }

/* What every change ends with: whether a row was changed, and the consumers are woken if so. */
static inline enum code user_store_changed(struct ctx *ctx, enum code c, const PGresult *r, bool *ret_ok) {
    if (c != OK)
        return c;
    *ret_ok = PQntuples(r) > 0;
    if (*ret_ok)
        bus_wake(ctx, user_store_db(ctx));
    return OK;
}

#endif
