/* The calling side of gRPC: one kept HTTP/2 connection to a service, one call at a time, waiting with a
 * deadline. */
#ifndef DEEPLINK_RPC_CLIENT_H
#define DEEPLINK_RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct rpc_client;
struct rpc_tls_keys;

/* address: "grpc://host:port", "grpcs://host:port" (TLS) or "grpc+unix:/path"; secret: sent as a bearer
 * token,
 * "" sends none. Both are copied. keys: for TLS, they must outlive the client; may be NULL without. Connects
 * when first called. NULL when the address is none, or has no keys. The caller frees it. */
struct rpc_client *rpc_client_new(const char *address, const char *secret, const struct rpc_tls_keys *keys);
void rpc_client_free(struct rpc_client *c);

/* Whether an address is one, and whether it asks for TLS. */
bool rpc_address_valid(const char *address);
bool rpc_address_is_tls(const char *address);

/* Takes the bytes of one message; anything but OK ends the call, and is its result. */
typedef enum code rpc_take(struct ctx *ctx, const unsigned char *p, size_t n, void *arg);

struct rpc_exchange {
    const char *path;       /* "/deeplink.v1.User/GetUsers" */
    const unsigned char *p; /* the request, packed */
    size_t n;
    bool stream;         /* many messages, or none; else there must be exactly one */
    bool fresh;          /* on a connection of its own, so that whoever is free takes it */
    int64_t deadline_us; /* clock_mono_us(); of the whole call */
    int64_t quiet_us;    /* a stream: no longer than this between two messages; 0: no matter */
    rpc_take *take;
    void *arg;
    /* What became of it: */
    bool reached; /* it may have come to a handler */
    bool failed;  /* the service, or the way to it, did not work: no answer of its rules */
    size_t taken; /* messages */
};

/* Makes the call and waits for its end. Tells the service whose call it is (request, viewer, …, the time that
 * is left). The error of the other side is recorded in ctx as if it had happened here. */
enum code rpc_client_exchange(struct ctx *ctx, struct rpc_client *c, struct rpc_exchange *x);

#endif
