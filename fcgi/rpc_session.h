/* The answering side of gRPC, without sockets: HTTP/2 sessions that take bytes, streams that are calls, and
 * the order in which calls are run. fcgi/rpc_server.c moves the bytes, fcgi/rpc_run.c runs the calls; what
 * stands here is for those two, the built-in services and the fuzz target.
 *
 * nghttp2's callbacks allocate by malloc only: a call that runs out of its arena leaves by longjmp, and may
 * only do so outside of them. */
#ifndef DEEPLINK_RPC_SESSION_H
#define DEEPLINK_RPC_SESSION_H

#include <nghttp2/nghttp2.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "fcgi/base/buf.h"
#include "fcgi/ctx.h"
#include "fcgi/rpc.h"

struct service;
struct rpc_stream;

/* What a built-in method does with its messages. */
enum rpc_kind {
    RPC_ONE,  /* one message, one reply */
    RPC_EACH, /* a reply to every message, as it comes */
    RPC_WATCH /* a reply to the first, and again whenever it would be another one */
};

struct rpc_builtin {
    const char *path;
    enum rpc_kind kind;
    enum rpc_peer least; /* who may ask */
    /* Appends the packed reply to the n bytes at p. */
    enum code (*answer)(struct ctx *ctx, const unsigned char *p, size_t n, struct buf *out);
};

/* Health and reflection; end with a row without path. */
extern const struct rpc_builtin rpc_health[], rpc_reflection[];

/* What the metadata of a call said. Cut to size: it came from outside. */
struct rpc_meta {
    char path[160];
    char request_id[65], ip[64];
    char agent[1536]; /* percent-encoded */
    int64_t viewer, session, token, app;
    uint64_t permissions;
    int64_t timeout_us; /* 0: none */
    unsigned depth;
    int lang;
    bool post, grpc, bad_timeout, compressed, outside; /* outside: the gateway says so */
    bool service_key, outside_key;
    char bearer[128]; /* a key that is none of the site's: a member's token, perhaps */
    size_t bytes;     /* of all fields */
};

/* A call. */
struct rpc_stream {
    struct rpc_session *session;
    struct rpc_stream *next, *queue_next; /* of the session; of its queue */
    int32_t id;
    bool queued;
    struct rpc_meta meta;
    enum rpc_peer peer;
    const struct service *service; /* and `method`, its index; or `builtin`; or nothing: refused */
    unsigned method, marks;
    const struct rpc_door *door; /* who may call that from outside; NULL: nobody */
    const struct rpc_builtin *builtin;
    struct buf in; /* messages as they came */
    size_t in_at;
    bool in_ended;
    ProtobufCMessage *request; /* of a stream that has begun; by malloc */
    struct buf out;            /* messages to be sent */
    size_t out_at;
    bool responded, waiting; /* the headers have gone; nghttp2 waits for more of out */
    bool done;               /* the status is known, and nothing further comes */
    enum code status;
    char *message, *detail; /* for the trailers; by malloc; may be NULL */
    int64_t deadline_us;    /* clock_mono_us(); 0: none */
};

struct rpc_session {
    struct rpc_host *host;
    nghttp2_session *http2;
    bool trusted; /* a process of our own user, on a unix socket, or one with a certificate of ours */
    bool known;   /* has made a call that was let in: `rpc_run` knows it of tokens */
    bool leaving; /* takes no further calls */
    struct rpc_stream *streams, *queue, **queue_end;
    unsigned n_streams;
    size_t in_bytes, out_bytes; /* held for its streams */
};

/* What the sessions of one process share. */
struct rpc_host {
    struct env *env;
    struct arena *arena; /* of the call that is being run */
    size_t in_bytes;     /* held for all sessions */
    uint64_t calls;      /* that were run */
    void *jump;          /* see rpc_run.c */
};

struct rpc_host *rpc_host_new(struct env *env);
void rpc_host_free(struct rpc_host *h);

struct rpc_session *rpc_session_new(struct rpc_host *h, bool trusted);
/* Frees it with its streams; the nghttp2 session too. */
void rpc_session_free(struct rpc_session *s);
/* No further calls; those that have come are still answered. */
void rpc_session_leave(struct rpc_session *s);
/* Whether nothing is left to be answered, or the peer has been told to go. */
bool rpc_session_is_over(const struct rpc_session *s);
/* Ends the calls whose time is up. Call about every second. */
void rpc_session_tick(struct rpc_session *s, int64_t now_us);

/* The call whose turn it is, and which may be run now; NULL when there is none. `outer`: also calls that may
 * call on. */
struct rpc_stream *rpc_session_next(const struct rpc_session *s, bool outer);
/* Runs a call, or the next piece of a stream (rpc_run.c). */
void rpc_run(struct rpc_stream *stream);

/* Like fail(), in words for who programs a client: they are in English, and no reader sees them. */
enum code rpc_refuse(struct ctx *ctx, enum code code, const char *words);

/* For rpc_run.c. A stream is put at the end of its session's queue; a packed message is appended to what is
 * sent; the end. Words that only we may read go only to services of ours. */
void rpc_stream_queue(struct rpc_stream *stream);
void rpc_stream_unqueue(struct rpc_stream *stream);
bool rpc_stream_send(struct rpc_stream *stream, const void *p, size_t n);
void rpc_stream_end(struct rpc_stream *stream, const struct error *e);

#endif
