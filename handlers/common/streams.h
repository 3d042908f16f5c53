/* Which streams there are, and what the hub that holds them looks at (fcgi/stream.h); Mastodon's names
 * (https://docs.joinmastodon.org/methods/streaming/). */
#ifndef DEEPLINK_COMMON_STREAMS_H
#define DEEPLINK_COMMON_STREAMS_H

#include "fcgi/request.h"
#include "fcgi/stream.h"
#include "fcgi/stream_ticket.h"

extern const struct stream_app stream_app;

/* What is asked for; the rest of the ticket is found out. */
struct stream_wish {
    enum stream_face face;
    const char *stream;    /* "" on a WebSocket that begins with nothing */
    const char *parameter; /* "" */
    const char *last;      /* what the client saw last; "" */
    const int64_t *posts;  /* that the reader may see */
    size_t n_posts;
};

/* Answers with a ticket, which the gateway takes to the hub (X-Accel-Redirect). The member's sequence is
 * begun before session or token are looked at once more: what ends them later comes by the stream itself. */
enum code stream_open(struct request *req, const struct stream_wish *wish);

/* For struct route: the token of a client that cannot send headers, out of ?access_token= or
 * Sec-WebSocket-Protocol; NULL: none. */
const char *stream_token(const struct request *req);

#endif
