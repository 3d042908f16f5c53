/* TLS for gRPC between services (OpenSSL), without sockets: bytes go in and out by memory. So a handshake is
 * nothing special to the loops, and only a socket can be blocked.
 *
 * Both sides show a certificate that one CA has signed, and look at the other's (RFC 5280); the caller also
 * compares the name with the host that it called (RFC 6125). TLS 1.2 or later, with forward secrecy and AEAD
 * alone (RFC 9113 section 9.2), ALPN "h2" (RFC 7301). No session is resumed: every connection shows all. */
#ifndef DEEPLINK_RPC_TLS_H
#define DEEPLINK_RPC_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "fcgi/base/buf.h"

#define RPC_TLS_WORDS 256 /* room for why something failed */

/* What a process shows, and whom it believes. */
struct rpc_tls_keys;

/* Reads three PEM files: the CA's certificates, the own chain, its key without a passphrase. NULL, and which
 * file is wrong and how in `why`. The caller frees it, after all connections made with it. */
struct rpc_tls_keys *rpc_tls_keys_new(const char *ca, const char *cert, const char *key,
                                      char why[RPC_TLS_WORDS]);
void rpc_tls_keys_free(struct rpc_tls_keys *keys);

/* Looks those files over as a peer would: chain, purposes, dates. Writes names, or what is wrong, to out.
 * False: they are of no use. */
bool rpc_tls_look(const char *ca, const char *cert, const char *key, FILE *out);

/* One connection. */
struct rpc_tls;

/* The answering side, and the calling one of that host (a name, or an address as text). NULL: no memory. */
struct rpc_tls *rpc_tls_accept(const struct rpc_tls_keys *keys);
struct rpc_tls *rpc_tls_connect(const struct rpc_tls_keys *keys, const char *host);
void rpc_tls_free(struct rpc_tls *t);

/* Whether the handshake is over and the peer is who it must be: until then nothing of ours may be sealed, and
 * nothing of the peer's comes out. */
bool rpc_tls_is_open(const struct rpc_tls *t);

/* Takes n bytes that came by the socket. */
void rpc_tls_put(struct rpc_tls *t, const void *p, size_t n);
/* What they say, at most room bytes. 0: nothing more for now; -1: the connection is at its end. */
ssize_t rpc_tls_get(struct rpc_tls *t, void *to, size_t room);
/* Puts in the place of the plain bytes in `out` what goes by the socket: those bytes sealed, and what the
 * handshake has to say. False: the connection is at its end, and there is nothing left to be sent. */
bool rpc_tls_seal(struct rpc_tls *t, struct buf *out);
/* Appends the goodbye (close_notify). */
void rpc_tls_leave(struct rpc_tls *t, struct buf *out);

/* Why the connection failed; "" when it did not. */
const char *rpc_tls_why(const struct rpc_tls *t);

#endif
