/* One contract, two transports: a caller asks for a service and gets a protobuf-c service; a call on it is a
 * plain function call when the service lives in this process, and gRPC when it lives elsewhere. gen/stubs.h
 * (made from proto/ by proto/stubs.awk) has the typed calls:
 *
 *     const Pb__GetUsersReply *reply;
 *     enum code c = user_get_users(ctx, &request, &reply);          the caller's side
 *
 *     enum code user_service_get_users(struct ctx *ctx, const Pb__GetUsersRequest *req, Pb__GetUsersReply
 * *reply);   the rules
 *
 * A reply and all it points to live in ctx->arena. */
#ifndef DEEPLINK_RPC_H
#define DEEPLINK_RPC_H

#include <protobuf-c/protobuf-c.h>

#include "fcgi/ctx.h"

/* The service of that index, as something to call. Never NULL. */
ProtobufCService *rpc_service(struct ctx *ctx, unsigned service_index);

/* What the closure of a call is given: where the reply goes. Used by the generated code. */
struct rpc_call {
    struct ctx *ctx;
    enum code code;
    const ProtobufCMessage *reply;
};
void rpc_done(const ProtobufCMessage *reply, void *call);

/* protobuf-c allocating from the arena; frees are no-ops. */
ProtobufCAllocator *rpc_allocator(struct ctx *ctx);

/* Packs into the arena; unpacks from bytes into the arena (NULL when malformed). */
void rpc_pack(struct ctx *ctx, const ProtobufCMessage *m, const unsigned char **ret_p, size_t *ret_n);
ProtobufCMessage *rpc_unpack(struct ctx *ctx, const ProtobufCMessageDescriptor *d, const void *p, size_t n);

#endif
