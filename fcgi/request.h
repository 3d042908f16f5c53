/* A request as handlers see it. Only request.c and response.c know libfcgi. */
#ifndef DEEPLINK_REQUEST_H
#define DEEPLINK_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/base/buf.h"
#include "fcgi/ctx.h"
#include "fcgi/form.h"
#include "fcgi/upload.h"

enum method {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_PUT = 8,
    METHOD_PATCH = 16,
    METHOD_DELETE = 32
};

#define REQUEST_PATH_ARGS 4
#define REQUEST_FIELDS 32
#define RESPONSE_MAX (8u << 20)

struct route;
struct field;

struct header {
    const char *name, *value;
    bool always; /* an error that takes the answer's place keeps it */
    struct header *next;
};

struct response {
    int status;               /* 200 until said otherwise */
    const char *type;         /* "text/html; charset=utf-8" until said otherwise */
    struct header *headers;   /* in order */
    struct buf body;          /* built whole before the first byte is sent */
    bool done;                /* a handler has answered */
    bool form_action_widened; /* CSP form-action gets `form_action` added */
    const char *form_action;
};

/* A declared field after validation; absent ones have present == false. */
struct field_value {
    const struct field *field;
    bool present;
    const char *text; /* text kinds: cleaned; NULL when absent */
    int64_t number;   /* FIELD_INT, FIELD_ID, FIELD_BOUND, FIELD_BOOL (0/1) */
    const int64_t *ids;
    size_t n_ids; /* FIELD_IDS */
    const char **texts;
    size_t n_texts; /* FIELD_LINES */
};

struct session_view {    /* what the session guard found; all zero for nobody */
    const char *token;   /* the cookie's whole value, or the bearer token */
    const char *csrf;    /* the token that forms must bring */
    const void *card;    /* const Pb__UserCard * of the viewer */
    const void *session; /* const Pb__Session *; NULL with a bearer token */
    const void *access;  /* const Pb__AccessToken *; NULL without one */
};

struct request {
    struct ctx ctx;
    enum method method;       /* HEAD is answered as GET without the body */
    const char *path;         /* decoded, normalised, begins with '/', no trailing '/' but for "/" itself */
    const char *query_string; /* raw; "" when none */
    const char *content_type; /* "" when none */
    const char *body;
    size_t body_n;
    struct upload upload; /* where the body came as a file */
    struct params query;  /* from the query string */
    struct params form;   /* from the body, whatever its type */
    struct params cookies;
    const struct route *route;           /* NULL when nothing matched */
    const char *args[REQUEST_PATH_ARGS]; /* what stood for {…} in the pattern, decoded */
    struct field_value fields[REQUEST_FIELDS];
    size_t n_fields;
    struct session_view session;
    void *prefetched; /* what route->prefetch left */
    struct {          /* under what the answer is kept for a repeat, see handlers/common/once.h */
        const char *key, *fingerprint;
    } once;
    bool https;           /* TLS at the gateway */
    char *const *gateway; /* what the gateway said: "NAME=value", ends with NULL; for request_header() */
    struct response res;
};

/* "GET" … */
const char *method_name(enum method m);

/* Header by name ("If-None-Match"), NULL when not sent. */
const char *request_header(const struct request *req, const char *name);

/* Validated fields by name; asking for a name that the route does not declare is a bug and aborts. */
const char *field_text(const struct request *req, const char *name); /* "" when absent */
int64_t field_int(const struct request *req, const char *name);      /* 0 when absent */
bool field_bool(const struct request *req, const char *name);        /* false when absent */
bool field_present(const struct request *req, const char *name);
const struct field_value *field_get(const struct request *req, const char *name);

/* As the client typed it (valid UTF-8, capped), for showing a form again; "" when absent. Also for fields
 * that failed. */
const char *field_typed(const struct request *req, const char *name);

/* ---- Answering (response.c) ---- */

/* The body to write into; capped at RESPONSE_MAX. */
struct buf *respond(struct request *req, int status, const char *type);
void respond_header(struct request *req, const char *name, const char *value);
/* The same, and an error that takes the answer's place keeps it. */
void respond_header_always(struct request *req, const char *name, const char *value);
/* 303 See Other to a path on this site (anything else becomes "/"). */
enum code respond_redirect(struct request *req, const char *local_path);
/* Adds ETag of the body and answers 304 to a matching If-None-Match. Call last. */
void respond_etag(struct request *req);
/* The same by a hash of all that the body says, made by the caller with respond_hash(); true: the answer is
 * 304 and needs no body. */
bool respond_etag_of(struct request *req, uint64_t hash);
/* A 64-bit hash of n bytes, going on from another one (0: none). Not a defence against anybody. */
uint64_t respond_hash(const void *p, size_t n, uint64_t seed);
/* The same with a strong tag, for objects that are changed by If-Match; also on answers to changes. */
void respond_etag_strong(struct request *req);
/* The opaque part of a body's tag, quotes included; whether it is in the list of an If-Match or If-None-Match
 * header. */
const char *respond_tag(struct arena *a, const struct buf *body);
bool respond_etag_matches(const char *list, const char *opaque);
/* Cookie; max_age in seconds, 0: until the browser closes, negative: delete. HttpOnly, SameSite=Lax, Path=/,
 * and with TLS the prefix __Host- and Secure. */
void respond_cookie(struct request *req, const char *name, const char *value, int max_age);
/* The cookie of that name, with the __Host- prefix where TLS is on; NULL when not sent. */
const char *request_cookie(const struct request *req, const char *name);

/* ---- The life of one request (used by serve.c) ---- */

/* Decodes the n bytes of a request's path once, drops empty segments and with them a slash at the end. In the
 * arena; NULL when it is no path that may be asked for: not from '/', broken %XX, NUL or other control
 * characters, "." or ".." segments, not UTF-8. */
const char *request_normal_path(struct arena *a, const char *raw, size_t n);

/* Opens the listening socket: "unix:/path" (mode 0660) or "127.0.0.1:9000"; returns the descriptor or -1. */
int request_listen(const char *address, int backlog);

/* Accepts and answers requests on fd until stop() says so; each one on a fresh arena. Returns the number
 * answered. */
uint64_t request_loop(int fd, struct env *env, bool (*stop)(void));

#endif
