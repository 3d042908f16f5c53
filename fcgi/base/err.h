/* One error type for pages, JSON and gRPC. */
#ifndef DEEPLINK_BASE_ERR_H
#define DEEPLINK_BASE_ERR_H

#include <stdbool.h>

struct arena;

/* The canonical codes of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html), used everywhere. */
enum code {
    OK = 0,
    CANCELLED = 1,
    UNKNOWN = 2,
    INVALID = 3,       /* INVALID_ARGUMENT: HTTP 422, with fields; 400 when the request itself is malformed */
    DEADLINE = 4,      /* 504 */
    NOT_FOUND = 5,     /* 404, also what the viewer may not know of */
    EXISTS = 6,        /* ALREADY_EXISTS: 409 */
    DENIED = 7,        /* PERMISSION_DENIED: 403 */
    EXHAUSTED = 8,     /* RESOURCE_EXHAUSTED: 429 with Retry-After */
    PRECONDITION = 9,  /* FAILED_PRECONDITION: 409 */
    ABORTED = 10,      /* 409: somebody else was quicker; try again */
    OUT_OF_RANGE = 11, /* 400 */
    UNIMPLEMENTED = 12,  /* 501 */
    INTERNAL = 13,       /* 500 */
    UNAVAILABLE = 14,    /* 503 with Retry-After */
    DATA_LOSS = 15,      /* 500 */
    UNAUTHENTICATED = 16 /* 401, or a redirect to the log-in page */
};

/* What can be wrong with a field. Mastodon's clients know them as ERR_INVALID and so on
 * (https://docs.joinmastodon.org/methods/accounts/#create). */
#define FIELD_INVALID "invalid"
#define FIELD_BLANK "blank"
#define FIELD_TOO_LONG "too_long"
#define FIELD_TOO_SHORT "too_short"
#define FIELD_TAKEN "taken"
#define FIELD_RESERVED "reserved"
#define FIELD_ACCEPTED "accepted" /* it is not: agreement is missing */

struct field_error {
    const char *field; /* the form field's name */
    const char *kind;  /* what is wrong, for programs: FIELD_INVALID or another of these */
    const char *text;  /* public: what is wrong and how to fix it */
    struct field_error *next;
};

struct error {
    enum code code;
    const char *text;           /* public words; never NULL when code != OK */
    const char *detail;         /* for the log only; may be NULL */
    struct field_error *fields; /* in the order they were found; NULL when none */
    int retry_after;            /* seconds; 0 when not said */
    int http; /* an exact HTTP status where the code alone does not say it (400, 410, 413 …); 0 otherwise */
};

/* The HTTP status of an error: e->http when set, else by the code. */
int error_http_status(const struct error *e);

/* The canonical upper-case name of a code ("NOT_FOUND"). */
const char *code_name(enum code c);

/* Makes *e this error and nothing else; text is kept by reference. http may be 0. Returns code. */
enum code error_set(struct error *e, enum code code, int http, const char *text);

/* Adds one field to the error, after those that are there. All texts are kept by reference. */
void error_add_field(struct arena *a, struct error *e, const char *field, const char *kind, const char *text);

#endif
