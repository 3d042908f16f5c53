/* What the pieces of fcgi/openapi*.c share; nobody else includes it. */
#ifndef DEEPLINK_OPENAPI_PARTS_H
#define DEEPLINK_OPENAPI_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/json.h"
#include "fcgi/openapi.h"
#include "fcgi/router.h"

#define OPENAPI_ROWS_MAX 1024
#define OPENAPI_ID_PATTERN "^([1-9][0-9]{0,17}|[1-8][0-9]{18})$"
/* An empty one counts as not sent. */
#define OPENAPI_ID_OR_NONE "^([1-9][0-9]{0,17}|[1-8][0-9]{18})?$"
/* Of pages: 0 is none, too. */
#define OPENAPI_BOUND_PATTERN "^(0|[1-9][0-9]{0,17}|[1-8][0-9]{18})?$"
#define OPENAPI_OPERATION_MAX 200

/* One document that is being written. */
struct openapi_writing {
    struct json *j;
    const struct app *app;
    const struct openapi_about *about;
    struct {
        const char *service;
        const struct route *row;
    } rows[OPENAPI_ROWS_MAX];
    size_t n_rows;
};

/* Whether an operation has a body of declared fields. */
bool openapi_has_body(const struct route *row);

/* "$ref": "#/components/<section>/<name>" */
void openapi_put_ref(struct json *j, const char *section, const char *name);

/* "headers": references to those of these names, which end with NULL. */
void openapi_put_headers(struct json *j, const char *const *names);

/* The name of the schema of a body: "<operation>.body". */
void openapi_body_name(const struct route *row, char *out, size_t n);

/* The members of the schema of one declared field. */
void openapi_put_field(struct json *j, const struct field *f);

/* "components": everything that operations refer to. */
void openapi_put_components(struct openapi_writing *w);

#endif
