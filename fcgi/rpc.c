#include "fcgi/rpc.h"

#include <stddef.h>

#include "fcgi/app.h"
#include "fcgi/base/arena.h"

/* Every service lives in this process: its own table is what is called. */
ProtobufCService *rpc_service(struct ctx *ctx, unsigned service_index) {
    return ctx->env->app->services[service_index]->table;
}

/* A reply that is not there although the call went well would be taken for an empty one: it is an error
 * instead. */
void rpc_done(const ProtobufCMessage *reply, void *data) {
    struct rpc_call *call = data;
    call->reply = reply;
    if (call->code == OK && reply == NULL)
        call->code =
            fail_detail(call->ctx, INTERNAL, "Something went wrong on our side.", "a call gave no reply");
}

static void *allocate(void *ctx, size_t n) { return arena_alloc(((struct ctx *)ctx)->arena, n); }

static void release(void *ctx, void *p) {
    (void)ctx;
    (void)p;
}

ProtobufCAllocator *rpc_allocator(struct ctx *ctx) {
    ProtobufCAllocator *a = arena_alloc(ctx->arena, sizeof *a);
    *a = (ProtobufCAllocator){.alloc = allocate, .free = release, .allocator_data = ctx};
    return a;
}

void rpc_pack(struct ctx *ctx, const ProtobufCMessage *m, const unsigned char **ret_p, size_t *ret_n) {
    size_t n = protobuf_c_message_get_packed_size(m);
    unsigned char *p = arena_alloc(ctx->arena, n);
    *ret_n = protobuf_c_message_pack(m, p);
    *ret_p = p;
}

ProtobufCMessage *rpc_unpack(struct ctx *ctx, const ProtobufCMessageDescriptor *d, const void *p, size_t n) {
    ProtobufCAllocator a = {.alloc = allocate, .free = release, .allocator_data = ctx};
    return protobuf_c_message_unpack(d, &a, n, p);
}
