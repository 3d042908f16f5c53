/* Messages of the contract in columns of a table: events, read models, cards. */
#ifndef DEEPLINK_COMMON_PACKED_H
#define DEEPLINK_COMMON_PACKED_H

#include <protobuf-c/protobuf-c.h>

#include "fcgi/drivers/pg.h"

/* A parameter: the message's bytes, in the arena; NULL when there is none. */
struct pg_val packed_val(struct ctx *ctx, const ProtobufCMessage *m);

/* The message of a column, in the arena; NULL where the column is, or can't be read. */
ProtobufCMessage *packed_get(struct ctx *ctx, const PGresult *r, int row, int col,
                             const ProtobufCMessageDescriptor *d);

#endif
