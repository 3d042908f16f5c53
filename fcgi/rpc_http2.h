/* What client and server do alike with libnghttp2: header fields, and a session's bytes through a socket that
 * does not wait, in TLS or plain. */
#ifndef DEEPLINK_RPC_HTTP2_H
#define DEEPLINK_RPC_HTTP2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>

#include "fcgi/base/buf.h"

struct rpc_tls;

/* Metadata that one service of ours tells another. Lower case, as HTTP/2 wants it. */
#define RPC_META_REQUEST "deeplink-request"
#define RPC_META_VIEWER "deeplink-viewer"
#define RPC_META_PERMISSIONS "deeplink-permissions"
#define RPC_META_SESSION "deeplink-session"
#define RPC_META_TOKEN "deeplink-token"
#define RPC_META_APP "deeplink-app"
#define RPC_META_IP "deeplink-ip"
#define RPC_META_AGENT "deeplink-agent" /* percent-encoded */
#define RPC_META_LANGUAGE "deeplink-language"
#define RPC_META_DEPTH "deeplink-depth"     /* how many calls led here: 1 from a page, 2 from a call */
#define RPC_META_OUTSIDE "deeplink-outside" /* set by the gateway: whoever calls is none of us */

#define RPC_DEPTH_MAX 2

/* A field by reference: both strings must live until the headers are submitted (nghttp2 copies them). */
nghttp2_nv rpc_field(const char *name, const char *value);

/* A socket and what is still to be written to it. */
struct rpc_pipe {
    int fd; /* -1: none */
    nghttp2_session *session;
    struct rpc_tls *tls; /* NULL: plain */
    struct buf out;
    size_t at; /* of out: what was written */
};

enum rpc_moved { RPC_MOVED, RPC_BLOCKED, RPC_DEAD };

/* Writes what the session has to say. RPC_BLOCKED: the rest when the socket is writable. */
enum rpc_moved rpc_pipe_send(struct rpc_pipe *p);
/* Reads once, at most 64 KiB, into the session. RPC_BLOCKED: nothing was there. RPC_DEAD: the peer has gone,
 * or speaks no HTTP/2; what the session has to say about that can still be sent. */
enum rpc_moved rpc_pipe_receive(struct rpc_pipe *p);
/* Whether the session's bytes go and come: not before a handshake is over. */
bool rpc_pipe_is_open(const struct rpc_pipe *p);
/* Frees the session, closes the socket. Safe to repeat. */
void rpc_pipe_close(struct rpc_pipe *p);

#endif
