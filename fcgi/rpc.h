/* One contract, two transports: a caller asks for a service and gets a protobuf-c service; a call on it is a
 * plain function call when the service lives in this process, and gRPC when it lives elsewhere. gen/stubs.h
 * (made from proto/ by proto/stubs.awk) has the typed calls:
 *
 *     const Pb__GetUsersReply *reply;
 *     enum code c = user_get_users(ctx, &request, &reply);          the caller's side
 *
 *     enum code user_service_get_users(struct ctx *ctx, const Pb__GetUsersRequest *req,
 *                                      Pb__GetUsersReply *reply);   the rules
 *
 * and for an rpc that gives a stream:
 *
 *     enum code c = connection_stream_followers(ctx, &request, each, arg);   each(ctx, message, arg) for all
 *
 *     enum code connection_service_stream_followers(struct ctx *ctx, Pb__IdsRequest *req,
 *                                                   Pb__IdsReply *reply, bool *ret_more);
 *
 * The rules give one message and move *req on to what comes after it; they are asked again while *ret_more.
 * So a stream holds no worker: between two messages others are served, and whoever stops reading is not asked
 * for.
 *
 * A reply and all it points to live in ctx->arena. */
#ifndef DEEPLINK_RPC_H
#define DEEPLINK_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdio.h>

#include "fcgi/ctx.h"

struct buf;
struct config;
struct service;

/* What the transport has to know of an rpc; struct service has one for each, in the order of the contract. */
enum rpc_mark {
    RPC_STREAM = 1, /* gives many messages */
    RPC_SAFE = 2    /* may be sent twice */
};

/* Who calls. Only services of ours may say in whose name. */
enum rpc_peer {
    RPC_NOBODY,
    RPC_OUTSIDE, /* a program with the site's key: sees what strangers see */
    RPC_MEMBER,  /* a program with a token: acts for its member, within its scopes */
    RPC_SERVICE
};

/* Who from outside may call an rpc; struct service has one for each. All zero: nobody. */
struct rpc_door {
    enum rpc_peer least;
    const char *scope;   /* what its token must allow; several stand between '|'; NULL: any will do */
    const char *actor;   /* the field that says who acts, beside viewer_id and actor_id; NULL: none */
    uint64_t permission; /* bits that the member must have */
};

/* Takes one message of a stream; anything but OK ends it. */
typedef enum code rpc_each(struct ctx *ctx, const ProtobufCMessage *message, void *arg);

/* The service of that index, as something to call. Never NULL. */
ProtobufCService *rpc_service(struct ctx *ctx, unsigned service_index);

/* What the closure of a call is given: where the reply goes. Used by the generated code. */
struct rpc_call {
    struct ctx *ctx;
    enum code code;
    const ProtobufCMessage *reply;
    rpc_each *each; /* a stream: takes its messages; NULL: the reply is kept */
    void *arg;
    bool more; /* a stream: there is more to be asked for */
};
void rpc_done(const ProtobufCMessage *reply, void *call);

/* Where a service lives: here, when its table is. */
bool rpc_is_here(const struct service *service);

/* The services of `all` with only those of this process complete: the ones named in `names` (n of them), or
 * without names those that the configuration calls local. The others keep their name and contract. Says what
 * is wrong on `err` (a name that is none, a service without an address) and returns NULL. Lives as long as
 * the process. */
struct app;
const struct app *rpc_app(const struct app *all, const struct config *config, char *const *names, int n,
                          FILE *err);

/* Whether a service that lives elsewhere answers and says that it can work. */
bool rpc_answers(struct ctx *ctx, unsigned service_index);

/* Registers the metrics of calls; before the fork. */
void rpc_init(const struct app *app);

/* Closes this process's connections to services. */
void rpc_close(void);

/* protobuf-c allocating from the arena; frees are no-ops. */
ProtobufCAllocator *rpc_allocator(struct ctx *ctx);

/* Packs into the arena; unpacks from bytes into the arena (NULL when malformed). */
void rpc_pack(struct ctx *ctx, const ProtobufCMessage *m, const unsigned char **ret_p, size_t *ret_n);
ProtobufCMessage *rpc_unpack(struct ctx *ctx, const ProtobufCMessageDescriptor *d, const void *p, size_t n);

#endif
