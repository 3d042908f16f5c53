/* Inside of the PostgreSQL driver: parameters as they go over the wire. */
#ifndef DEEPLINK_DRIVERS_PG_WIRE_H
#define DEEPLINK_DRIVERS_PG_WIRE_H

#include "fcgi/drivers/pg.h"

#define PG_PARAMS_MAX 64

/* What PQsendQueryPrepared() wants; numbers stand in `room`, all else stays where the caller has it or in the
 * arena. */
struct pg_params {
    int n;
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    char room[PG_PARAMS_MAX][24];
};

/* Encodes n values for parameters of these types. false when one does not fit its type; *ret_bad is then its
 * index. */
bool pg_params_fill(struct ctx *ctx, struct pg_params *to, const struct pg_val *vals, size_t n,
                    const Oid *types, size_t *ret_bad);

/* A copy with all its bytes, in one piece that the caller frees; NULL: no memory. */
struct pg_params *pg_params_copy(const struct pg_params *p);

/* Whether both say the same, byte by byte. */
bool pg_params_same(const struct pg_params *a, const struct pg_params *b);

#endif
