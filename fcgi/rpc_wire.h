/* What gRPC puts on an HTTP/2 stream: messages behind five bytes, timeouts, percent-encoded words, the error.
 * No I/O. Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
#ifndef DEEPLINK_RPC_WIRE_H
#define DEEPLINK_RPC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

#define RPC_MESSAGE_MAX ((size_t)4 << 20) /* of one message, both ways */
#define RPC_HEAD 5                        /* bytes before each message */
#define RPC_TIMEOUT_MAX 16                /* room for a timeout as text */

/* Deadlines by which nobody waits longer than anybody can mean. */
#define RPC_TIMEOUT_US_MAX (INT64_C(86400) * 1000000)

/* Writes the five bytes before a message of n bytes: not compressed, length. */
void rpc_head_write(unsigned char out[RPC_HEAD], size_t n);

enum rpc_framing { RPC_PART, RPC_WHOLE, RPC_COMPRESSED, RPC_TOO_LARGE };

/* Looks at the n bytes at p for one message. RPC_WHOLE: it is ret_message, ret_n bytes of p, after RPC_HEAD.
 * RPC_PART: more bytes are needed. */
enum rpc_framing rpc_message_find(const unsigned char *p, size_t n, const unsigned char **ret_message,
                                  size_t *ret_n);

/* "100m" … Digits (at most eight) and a unit; false for anything else. At most RPC_TIMEOUT_US_MAX. */
bool rpc_timeout_parse(const char *s, int64_t *ret_us);
/* The shortest unit that has room; never longer than asked, at least one unit of time. */
void rpc_timeout_write(int64_t us, char out[RPC_TIMEOUT_MAX]);

/* grpc-message: bytes from space to '~', without '%', as they are, all others as %XX. Decoding leaves alone
 * what is no %XX, and makes U+FFFD of what is not UTF-8. Both in the arena. */
char *rpc_percent_encode(struct arena *a, const char *s);
char *rpc_percent_decode(struct arena *a, const char *s);

/* Base64 of RFC 4648 section 4, for metadata whose name ends in "-bin": without padding; with or without it
 * when read. */
char *rpc_base64(struct arena *a, const void *p, size_t n);
bool rpc_base64_decode(struct arena *a, const char *s, unsigned char **ret_p, size_t *ret_n);

/* The status of a call that ended without grpc-status: by the HTTP status, or by why the stream was reset. */
enum code rpc_code_of_http(int status);
enum code rpc_code_of_reset(uint32_t h2_error);

/* The number of a grpc-status; UNKNOWN for what is none. */
enum code rpc_code_parse(const char *s);

/* An error as the value of grpc-status-details-bin, and back into ctx, as if it had happened here. `detail`:
 * with the words for the log. Unpacking is false, and changes nothing, for what is no error of ours. */
char *rpc_error_pack(struct arena *a, const struct error *e, bool detail);
bool rpc_error_unpack(struct ctx *ctx, const char *base64);

#endif
