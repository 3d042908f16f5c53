/* Routes are data: a const row says everything about an endpoint. Default deny: what no row allows is
 * refused. */
#ifndef DEEPLINK_ROUTER_H
#define DEEPLINK_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fcgi/base/err.h"
#include "fcgi/request.h"

enum auth {
    AUTH_MEMBER,  /* the default: a confirmed, active member */
    AUTH_ANYBODY, /* signed in or not; pages show themselves accordingly */
    AUTH_NOBODY,  /* only for those not signed in (log in, sign up); members are redirected home */
    AUTH_APP,     /* FACE_JSON: whoever brings a bearer token, also an app that acts for no member */
    AUTH_NEWCOMER /* FACE_JSON: a member, also one who has not confirmed their address or waits for approval
                   */
};

struct shape;

enum face { FACE_PAGE, FACE_JSON, FACE_FEED };

enum field_kind {
    FIELD_LINE = 1, /* one line of text: NFC, trimmed, white space folded */
    FIELD_TEXT,     /* lines of text: NFC, trimmed */
    FIELD_SECRET,   /* taken as it is (passwords, tokens): only valid UTF-8 and length */
    FIELD_HANDLE,   /* a member's handle, a leading '@' dropped */
    FIELD_EMAIL,
    FIELD_INT, /* within min..max */
    FIELD_ID,
    FIELD_BOUND,  /* an id that bounds a page and need not exist; 0 stands for `min` */
    FIELD_IDS,    /* name[] or repeated; at most max ids */
    FIELD_BOOL,   /* 1 true on yes / 0 false off no / empty */
    FIELD_CHOICE, /* one of `choices`, separated by '|' */
    FIELD_PATH,   /* a path on this site, for "return to" */
    FIELD_FILE,   /* a file, by request_file(); the field's number is its bytes */
    FIELD_LINES,  /* name[] or repeated: lines, at most 20; min and max are of each one's length */
    FIELD_TEXTS   /* a FIELD_TEXT, or name[] with several, which params_all() has */
};

struct field {
    const char *name;
    enum field_kind kind;
    bool required;
    int64_t min,
        max; /* lengths in code points, or bounds of the number; max 0: 200 for lines, 20,000 for text */
    const char *choices; /* FIELD_CHOICE */
    const char *label;   /* what a reader calls it ("Display name"); used in messages */
};

/* How often: `count` in `seconds`, per account (signed in) or address (else; IPv6 by /64). Rows of the same
 * name share. */
struct rate {
    const char *name;
    unsigned count, seconds;
    bool by_address;
};

struct route {
    enum method method;
    const char *
        pattern; /* "/", "/@{handle}", "/posts/{id}/edit": {…} matches one whole segment or the rest of one */
    enum code (*handler)(struct request *req);
    enum auth auth;
    enum face face;
    uint64_t permission;        /* bits that the viewer must all have */
    bool csrf_exempt;           /* only for requests that no browser form makes */
    bool cacheable;             /* anonymous GET without query may be kept as a file for nginx, see
                                   handlers/common/page_cache.h */
    const struct rate *rate;    /* NULL: the default for the method */
    const struct field *fields; /* ends with a row without name; NULL: none */
    enum code (*invalid)(
        struct request *req); /* shows the form again when fields are wrong; NULL: the error page */
    /* Asks Redis ahead (redis_ahead()) for what the handler will want, in the round of the session look-up.
     * What it asks for is a guess: the claim may be wrong, and then nobody takes the replies. */
    void (*prefetch)(struct request *req, int64_t claimed_user);
    /* Where a bearer token stands when it is not in Authorization; NULL: nowhere else. */
    const char *(*token)(const struct request *req);
    const char *summary; /* what it does, for `deeplink routes` and the API reference */
    /* What FACE_JSON routes say of themselves, for the guard and the API reference. */
    const char *scope;         /* what a bearer token must be allowed ("read:statuses"); NULL: any token */
    const struct shape *reply; /* of the answer; NULL: an empty object, or what `status` implies */
    bool reply_list;           /* a list of those */
    bool paged;                /* … with a Link header to the pages around it */
    int status;                /* of the good answer; 0: 200 */
    bool if_match; /* PUT and PATCH of what others may change meanwhile: 428 without If-Match, 412 when stale
                    */
    bool upload;   /* takes files: the gateway hands its body over as one (nginx/snippets/locations.conf).
                      Without a FIELD_FILE the body itself is the file, whatever its type */
    const int *also; /* further statuses that this one can answer with, ends with 0 */
};

/* Our own API's house rules hold here, instead of Mastodon's words: lists are pages with cursors, errors are
 * application/problem+json. */
static inline bool route_is_own_api(const struct route *row) {
    return strncmp(row->pattern, "/api/deeplink/", 14) == 0;
}

/* Whether the body of such a request is a file, of whatever type; its fields stand in the query then. */
bool route_body_is_file(const struct route *row);

/* Builds the look-up structure from every service's rows; aborts with the two rows named when two patterns
 * collide. */
struct router;
struct router *router_new(const struct app *app);
void router_free(struct router *r);

/* Finds the row; sets req->route and req->args. NOT_FOUND, or UNIMPLEMENTED with http 405 (Allow is set) when
 * only the method is wrong. */
enum code router_find(const struct router *r, struct request *req);

/* The whole way: find, guard, validate, handle, or show the error. Never fails: afterwards req->res is an
 * answer. */
void router_dispatch(const struct router *r, struct request *req);

/* Answers with the error of req->ctx; `code` counts when none was recorded there. Also for requests that
 * never came to a route. */
void router_show_error(const struct router *r, struct request *req, enum code code);

/* Every row in the order of its service, the built-in ones first, for `deeplink routes`. `service` is "" for
 * built-in rows. */
typedef void router_each_fn(const char *service, const struct route *row, void *arg);
void router_each(const struct app *app, router_each_fn *fn, void *arg);

/* A mistake in the program itself: says so and aborts. */
_Noreturn void router_bug(const char *what, const char *one, const char *other);

/* Reads the declared fields out of query (GET) or body into req->fields; INVALID with every wrong field
 * named. */
enum code router_validate(struct request *req);

#endif
