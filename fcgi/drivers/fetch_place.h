/* Where a URL leads: taken apart, its host in the letters of the DNS, and the addresses that the host stands
 * for, of which only those that may be called are left. What is connected to is one of these addresses: the
 * host is not looked up a second time. */
#ifndef DEEPLINK_DRIVERS_FETCH_PLACE_H
#define DEEPLINK_DRIVERS_FETCH_PLACE_H

#include <stdbool.h>

#include "fcgi/ctx.h"

struct sockaddr;
struct fetch_names;

struct fetch_place {
    const char *url;         /* as it is asked for: host in ASCII, no fragment, percent-encoded */
    const char *scheme;      /* "http" or "https" */
    const char *host, *port; /* the host as it stands in the URL */
    const char *pinned; /* "host:port:address,address", as libcurl takes it; NULL: the host is an address */
    struct fetch_names *names; /* being looked up; NULL: that is over */
};

/* Takes a URL apart and begins to look its host up. INVALID: no http:// or https:// URL, or one with a
 * log-in. UNAVAILABLE: there is no memory or thread to spare. Else fetch_place_end() has to come. */
enum code fetch_place_begin(struct ctx *ctx, const char *url, struct fetch_place *ret);

/* Whether the host's addresses are there. */
bool fetch_place_known(const struct fetch_place *place);

/* Leaves of them what may be called. DENIED: nothing. UNAVAILABLE: there is no such host, or nobody has said
 * so yet; then nobody waits for it any more. */
enum code fetch_place_end(struct ctx *ctx, struct fetch_place *place);

/* A URL as it is compared and kept: host in lower-case ASCII, no fragment, percent-encoded, "/" for an empty
 * path. NULL when it may not be fetched, whatever it stands for: not http(s), a log-in, over 2,000 bytes. In
 * the arena. */
const char *fetch_url(struct ctx *ctx, const char *url);

/* The same of an address that stands in the page `base`, and may be relative to it. */
const char *fetch_url_in(struct ctx *ctx, const char *base, const char *address);

/* The host of a URL as fetch_url() makes it, without "www."; "" when there is none. In the arena. */
const char *fetch_host(struct ctx *ctx, const char *url);

/* Whether this address may be connected to: of the public internet and at port 80 or 443, or named by
 * fetch_allow, or outbound_private is on. */
bool fetch_may_connect(const struct ctx *ctx, const struct sockaddr *sa);

#endif
