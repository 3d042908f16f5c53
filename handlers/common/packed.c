#include "handlers/common/packed.h"

#include "fcgi/rpc.h"

struct pg_val packed_val(struct ctx *ctx, const ProtobufCMessage *m) {
    const unsigned char *p;
    size_t n;

    if (m == NULL)
        return pg_null();
    rpc_pack(ctx, m, &p, &n);
    return pg_bytes(p, n);
}

ProtobufCMessage *packed_get(struct ctx *ctx, const PGresult *r, int row, int col,
                             const ProtobufCMessageDescriptor *d) {
    const void *p;
    size_t n;

    if (pg_is_null(r, row, col))
        return NULL;
    p = pg_get_bytes(r, row, col, &n);
    return rpc_unpack(ctx, d, p, n);
}
