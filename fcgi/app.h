/* What the runtime is told about the program it runs: services, guards, the look of errors. fcgi/ knows no
 * service; handlers/app.c fills this in. */
#ifndef DEEPLINK_APP_H
#define DEEPLINK_APP_H

#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

#define DEEPLINK_VERSION "0.1.0"

struct buf;
struct request;
struct route;
struct query;
struct collection;
struct consumer;
struct timer;
struct command;
struct openapi_about;
struct rpc_door;
struct stream_app;

struct service {
    const char *name;       /* also its database schema and, as deeplink_<name>, its login role */
    const void *descriptor; /* const ProtobufCServiceDescriptor * */
    void *table; /* ProtobufCService *: the rules, see gen/stubs.h; NULL: the service lives elsewhere */
    const unsigned char *marks;           /* enum rpc_mark of each rpc; NULL: none has any */
    const struct rpc_door *doors;         /* who may call it from outside, of each rpc; NULL: nobody */
    const struct route *routes;           /* pages and feeds; ends with a row without pattern */
    const struct route *api_routes;       /* FACE_JSON; the same; may be NULL */
    const struct route *own_routes;       /* FACE_JSON, our own API; the same; may be NULL */
    const struct query *const *queries;   /* ends with NULL; prepared by every worker at start */
    const struct collection *collections; /* ends with a row without name; may be NULL */
    const struct consumer *consumers;     /* ends with a row without name; may be NULL */
    const struct timer *timers;           /* ends with a row without name; may be NULL */
    enum code (*start)(struct ctx *ctx);  /* in each worker after connecting; may be NULL */
    /* Adds rows to /metrics that only the service's own database knows. Leaves out what can't be had, and may
     * leave an error in ctx. May be NULL. */
    void (*metrics)(struct ctx *ctx, struct buf *out);
};

struct app {
    const struct service *const *services; /* ends with NULL; the index is the service's number */
    const struct route *routes;            /* of no service; ends with a row without pattern; may be NULL */
    /* Finds out who asks and checks route->auth and permission, CSRF and rate. Fills ctx.viewer_id and the
     * rest. */
    enum code (*guard)(struct request *req);
    /* Finds out for whom a program acts that came by gRPC with this token, and whether it may go through that
     * door. Fills ctx.viewer_id and the rest. UNAUTHENTICATED: the token opens nothing. NULL: none does. */
    enum code (*let_in)(struct ctx *ctx, const char *token, const struct rpc_door *door);
    /* Writes req->ctx.error as the answer: page, JSON or feed by route and Accept. Must not need any server.
     */
    void (*show_error)(struct request *req);
    /* Runs after every request (also failed ones), for what must not outlive it. May be NULL. */
    void (*finish)(struct request *req);
    /* Runs after every piece of work that is no request: a call by gRPC, a delivery of events. May be NULL.
     */
    void (*settle)(void);
    /* Runs about once an hour in `deeplink work`, for what has grown old. May be NULL. */
    void (*tidy)(struct ctx *ctx);
    /* Says what the API's description cannot take from the tables; in the arena. May be NULL. */
    void (*describe)(struct ctx *ctx, struct openapi_about *ret);
    const struct stream_app *streams; /* what `deeplink stream` holds */
    const struct command
        *commands; /* subcommands of `deeplink` that need services; ends with a row without name */
};

/* The program's own description; defined once in handlers/app.c. */
extern const struct app deeplink_app;

#endif
