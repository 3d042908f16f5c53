/* Pages and pictures of other sites, whose addresses members typed: by libcurl, GET only, within caps on
 * time, size, redirects and headers, and with no way into the site's own network. Several go on side by side,
 * so that a slow site holds up none but its own: at most FETCH_SAME_HOST at once with one host. A host is
 * looked up once, its addresses are checked (fetch_place.h), one of them is connected to and checked again at
 * that moment; every redirect begins anew. No cookies, no log-in, no proxy; TLS is verified. */
#ifndef DEEPLINK_DRIVERS_FETCH_H
#define DEEPLINK_DRIVERS_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/ctx.h"

#define FETCH_REDIRECTS 4
#define FETCH_HEADERS_MAX (32 * 1024) /* bytes of all header lines of one answer */
#define FETCH_SAME_HOST 2

struct fetches;

struct fetch_reply {
    const char *url;     /* where it was found in the end */
    const char *type;    /* its media type in lower case, without parameters */
    const char *charset; /* as the header says; "" when it does not */
    const char *robots;  /* X-Robots-Tag in lower case, several joined by commas; "" */
    const char *body;    /* ends with NUL; NULL with to_file */
    size_t n;
    bool cut;
};

struct fetch_request {
    const char *url;
    const char *schemes;      /* of the address and of all that it is redirected to: "https", "http,https" */
    const char *accept;       /* the header Accept */
    const char *language;     /* the header Accept-Language; NULL: none */
    const char *const *types; /* media types that are taken, "image/" for all of a kind; ends with NULL */
    size_t max;               /* bytes, when unpacked */
    bool cut;                 /* what is longer is cut there; else it is refused */
    bool to_file;             /* the body goes into `fd` and is not kept in memory */
    int fd;
    int timeout_ms; /* for all of it, redirects and looking up included */
    /* Runs once, within fetch_step() or fetches_stop(), when all is over; may begin other calls. OK: an
     * answer 2xx of a type that is taken, in the call's arena. Else, for good: INVALID (no such URL, another
     * type, redirected in circles), DENIED (leads where nothing may be called), NOT_FOUND (4xx), EXHAUSTED
     * (too large); for now: UNAVAILABLE (no answer, 5xx, 429), DEADLINE (too slow), CANCELLED (fetches_stop).
     * Errors are recorded in the call's context. */
    void (*done)(void *arg, enum code code, const struct fetch_reply *reply);
    void *arg;
};

/* NULL: no memory. */
struct fetches *fetches_open(void);
void fetches_close(struct fetches *all); /* what is under way is given up, and never done */

/* Begins a call. What the request points to, and ctx with its arena, live until `done`. */
void fetch_begin(struct ctx *ctx, struct fetches *all, const struct fetch_request *req);

/* Lets all calls go on; waits at most wait_ms for something to happen. Gives back how many are under way. */
size_t fetch_step(struct fetches *all, int wait_ms);

/* Ends all of them: CANCELLED. */
void fetches_stop(struct fetches *all);

/* Whether a failure of the other side may pass by itself. */
bool fetch_may_pass(enum code code);

#endif
