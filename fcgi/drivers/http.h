/* HTTPS to servers of other people, whose addresses members and administrators typed: by libcurl, POST only,
 * with caps on time and size, no redirects, no proxy, and no way into the site's own network. An address is
 * checked at the moment it is connected to, so no answer of a name server can change between check and use.
 * Calls go on side by side, so that a slow server holds up none but its own. */
#ifndef DEEPLINK_DRIVERS_HTTP_H
#define DEEPLINK_DRIVERS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/ctx.h"

struct http;

struct http_header {
    const char *name, *value; /* trusted: no line ends */
};

#define HTTP_REPLY_MAX 4096

struct http_reply {
    int status;       /* 0: no answer came */
    const char *body; /* at most HTTP_REPLY_MAX of it; ends with NUL */
    size_t n;
    int retry_after; /* seconds; 0: not said */
    bool sent;       /* the body has begun to go out: without a status nobody knows what came of it */
};

struct http_request {
    const char *url;
    const struct http_header *headers;
    size_t n_headers;
    const void *body;
    size_t n;
    /* Runs once, before the first byte of the body goes out: until then the other side can not have acted.
     * False: nothing is sent. May be NULL. */
    bool (*before)(void *arg);
    /* Runs once, within http_step(), when all is over. OK: there is an answer, whatever its status. DENIED:
     * the address may not be called. UNAVAILABLE: no answer; see `sent`. CANCELLED: `before` said no. Errors
     * are recorded in the call's context. May begin other calls. */
    void (*done)(void *arg, enum code code, const struct http_reply *reply);
    void *arg; /* of both */
};

/* may_private: also http:// and addresses of one's own network; for tests and closed networks. NULL: no
 * memory. */
struct http *http_open(int timeout_ms, bool may_private);
void http_close(struct http *h); /* what is under way is given up, and never done */

/* Begins a call. What the request points to, and ctx with its arena, live until `done`. INVALID: the address
 * is none, and there is no call. */
enum code http_begin(struct ctx *ctx, struct http *h, const struct http_request *req);

/* Lets all calls go on; waits at most wait_ms for something to happen. Gives back how many are under way. */
size_t http_step(struct http *h, int wait_ms);

/* Whether a URL may be called at all: https (or http, may_private), a host, no log-in, at most 2,000 bytes.
 * Does not ask a name server. */
bool http_url_ok(const char *url, bool may_private);

#endif
