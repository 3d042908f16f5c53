/* The description of the JSON API, made from the route tables and shapes: OpenAPI 3.1.0
 * (https://spec.openapis.org/oas/v3.1.0). No part of it is kept by hand, so what is described is what the
 * guard, the validation and the handlers do. */
#ifndef DEEPLINK_OPENAPI_H
#define DEEPLINK_OPENAPI_H

#include <stdbool.h>
#include <stddef.h>

struct app;
struct buf;
struct field;
struct route;
struct shape;

/* What the tables do not know. */
struct openapi_about {
    const char *title, *version, *description;
    const char *server;                            /* "https://social.example.org" */
    const char *cookie;                            /* the session cookie's name */
    const char *csrf_header;                       /* what writes by cookie must bring */
    const struct shape *error;                     /* of refusals under /api/v1, /api/v2 and /oauth */
    const struct shape *problem;                   /* … and under our own API */
    const char *(*scope_words)(const char *scope); /* what a scope allows; NULL: unknown */
};

/* The whole document as JSON. */
void openapi_write(struct buf *out, const struct app *app, const struct openapi_about *about);

#define OPENAPI_STATUSES_MAX 16

/* Whether a row belongs to the JSON API: those of health do not. */
bool openapi_describes(const struct route *row);

/* The statuses that a JSON route can refuse with, ascending, into out; returns how many. */
size_t openapi_refusals(const struct route *row, int out[OPENAPI_STATUSES_MAX]);

/* "get_v1_accounts_by_id": unique, since method and pattern are. `out` gets at most n bytes with the NUL. */
void openapi_operation_id(const struct route *row, char *out, size_t n);

/* How it refuses: "Error" or "Problem"; also the name of the shape. */
const char *openapi_refusal_kind(const struct route *row);

/* Whether fields are read from the query instead of a body. */
bool openapi_in_query(const struct route *row);

/* All shapes that answers of the JSON routes show, each once, in the order of their names; the same name for
 * two different shapes ends the program. Returns how many; *ret is allocated once and kept for the process.
 */
size_t openapi_shapes(const struct app *app, const struct openapi_about *about,
                      const struct shape *const **ret);

#endif
