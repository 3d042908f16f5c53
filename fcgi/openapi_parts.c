/* Components of the description: schemas of bodies and answers, shared answers, parameters and headers, ways
 * to be let in. */
#include "fcgi/openapi.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/buf.h"
#include "fcgi/health.h"
#include "fcgi/json.h"
#include "fcgi/openapi_parts.h"
#include "fcgi/router.h"
#include "fcgi/shape.h"

#define SCOPES_MAX 128

/* ---- Small pieces ---- */

void openapi_put_ref(struct json *j, const char *section, const char *name) {
    char ref[256];

    snprintf(ref, sizeof ref, "#/components/%s/%s", section, name);
    json_put_str(j, "$ref", ref);
}

static void put_list_of_words(struct json *j, const char *words) {
    for (const char *p = words; *p != '\0';) {
        size_t n = strcspn(p, "|");

        json_strn(j, p, n);
        p += n + (p[n] == '|');
    }
}

void openapi_put_headers(struct json *j, const char *const *names) {
    json_put_object(j, "headers");
    for (; *names != NULL; names++) {
        json_put_object(j, *names);
        openapi_put_ref(j, "headers", *names);
        json_close_object(j);
    }
    json_close_object(j);
}

/* ---- Fields ---- */

/* In JSON null is as what is not said. */
static void open_nullable(struct json *j) {
    json_put_array(j, "anyOf");
    json_open_object(j);
}

static void close_nullable(struct json *j) {
    json_close_object(j);
    json_open_object(j);
    json_put_str(j, "type", "null");
    json_close_object(j);
    json_close_array(j);
}

static void put_text(struct json *j, const struct field *f, int64_t otherwise_max) {
    int64_t min = f->min > 0 ? f->min : f->required ? 1 : 0;

    json_put_str(j, "type", "string");
    /* An empty text is one that was not sent. */
    if (min > 0 && f->required)
        json_put_int(j, "minLength", min);
    json_put_int(j, "maxLength", f->max != 0 ? f->max : otherwise_max);
}

static void put_pattern(struct json *j, const char *pattern) {
    json_put_str(j, "type", "string");
    json_put_str(j, "pattern", pattern);
}

static void put_integer(struct json *j, const struct field *f) {
    json_put_str(j, "type", "integer");
    if (f->min != 0 || f->max != 0) {
        json_put_int(j, "minimum", f->min);
        json_put_int(j, "maximum", f->max);
    }
}

/* An empty one is as one that is not said. */
static void put_number(struct json *j, const struct field *f) {
    if (f->required) {
        put_integer(j, f);
        return;
    }
    json_put_array(j, "anyOf");
    json_open_object(j);
    put_integer(j, f);
    json_close_object(j);
    json_open_object(j);
    json_put_str(j, "const", "");
    json_close_object(j);
    json_close_array(j);
}

static void put_choice(struct json *j, const struct field *f) {
    json_put_str(j, "type", "string");
    json_put_array(j, "enum");
    put_list_of_words(j, f->choices);
    if (!f->required)
        json_str(j, ""); /* as one that is not said */
    json_close_array(j);
}

/* Empty ones are left out, so that a form can say that there are none. */
static void put_ids(struct json *j, const struct field *f) {
    json_put_str(j, "type", "array");
    json_put_object(j, "items");
    put_pattern(j, OPENAPI_ID_OR_NONE);
    json_close_object(j);
    if (f->max > 0)
        json_put_int(j, "maxItems", f->max);
}

static void put_lines(struct json *j, const struct field *f) {
    json_put_str(j, "type", "array");
    json_put_object(j, "items");
    put_text(j, f, 200);
    json_close_object(j);
    json_put_int(j, "maxItems", 20);
}

static void put_texts(struct json *j, const struct field *f) {
    json_put_array(j, "anyOf");
    json_open_object(j);
    put_text(j, f, 20000);
    json_close_object(j);
    json_open_object(j);
    put_lines(j, f);
    json_close_object(j);
    json_close_array(j);
}

/* As forms say it, too. */
static void put_boolean(struct json *j) {
    json_put_array(j, "anyOf");
    json_open_object(j);
    json_put_str(j, "type", "boolean");
    json_close_object(j);
    json_open_object(j);
    json_put_array(j, "enum");
    put_list_of_words(j, "1|true|on|yes|0|false|off|no");
    json_str(j, "");
    json_int(j, 0);
    json_int(j, 1);
    json_close_array(j);
    json_close_object(j);
    json_close_array(j);
}

void openapi_put_field(struct json *j, const struct field *f) {
    switch (f->kind) {
    case FIELD_LINE:
        put_text(j, f, 200);
        break;
    case FIELD_TEXT:
        put_text(j, f, 20000);
        break;
    case FIELD_TEXTS:
        put_texts(j, f);
        break;
    case FIELD_SECRET:
        put_text(j, f, 200);
        json_put_str(j, "format", "password");
        break;
    case FIELD_HANDLE:
        put_pattern(j, "^@?[A-Za-z][A-Za-z0-9_]{0,29}$");
        break;
    case FIELD_EMAIL:
        put_text(j, f, 254);
        json_put_str(j, "format", "email");
        break;
    case FIELD_INT:
        put_number(j, f);
        break;
    case FIELD_ID:
        put_pattern(j, f->required ? OPENAPI_ID_PATTERN : OPENAPI_ID_OR_NONE);
        break;
    case FIELD_BOUND:
        put_pattern(j, OPENAPI_BOUND_PATTERN);
        break;
    case FIELD_IDS:
        put_ids(j, f);
        break;
    case FIELD_BOOL:
        put_boolean(j);
        break;
    case FIELD_CHOICE:
        put_choice(j, f);
        break;
    case FIELD_LINES:
        put_lines(j, f);
        break;
    case FIELD_PATH:
        put_pattern(j, "^/");
        break;
    case FIELD_FILE:
        json_put_str(j, "type", "string");
        json_put_str(j, "format", "binary");
        break;
    }
}

static void put_body_field(struct json *j, const struct field *f) {
    if (!f->required)
        open_nullable(j);
    openapi_put_field(j, f);
    if (!f->required)
        close_nullable(j);
}

static void put_body_schema(struct json *j, const struct field *fields) {
    bool any = false;

    json_open_object(j);
    json_put_str(j, "type", "object");
    json_put_object(j, "properties");
    for (const struct field *f = fields; f->name != NULL; f++) {
        json_put_object(j, f->name);
        put_body_field(j, f);
        if (f->label != NULL)
            json_put_str(j, "description", f->label);
        json_close_object(j);
        any = any || f->required;
    }
    json_close_object(j);
    if (any) {
        json_put_array(j, "required");
        for (const struct field *f = fields; f->name != NULL; f++)
            if (f->required)
                json_str(j, f->name);
        json_close_array(j);
    }
    json_close_object(j);
}

/* ---- Components ---- */

static void put_schemas(struct openapi_writing *w) {
    const struct shape *const *shapes;
    size_t n = openapi_shapes(w->app, w->about, &shapes);
    char name[OPENAPI_OPERATION_MAX + 8];

    json_put_object(w->j, "schemas");
    for (size_t i = 0; i < n; i++) {
        json_key(w->j, shapes[i]->name);
        shape_schema(w->j, shapes[i]);
    }
    for (size_t i = 0; i < w->n_rows; i++) {
        const struct route *row = w->rows[i].row;

        if (!openapi_has_body(row))
            continue;
        openapi_body_name(row, name, sizeof name);
        json_key(w->j, name);
        put_body_schema(w->j, row->fields);
    }
    json_close_object(w->j);
}

static const struct {
    int status;
    const char *words;
} refusals[] = {
    {400, "The request could not be read: its address, its body, or a cursor."},
    {401, "Not signed in, or the token is not valid any more."},
    {403, "The token's scopes, the role, or the form token do not allow this."},
    {404, "There is no such thing, or the asker may not know of it."},
    {406, "None of the formats asked for is there."},
    {409, "This does not fit what has happened meanwhile."},
    {410, "This is gone for good."},
    {412, "If-Match names an older state: read it again."},
    {414, "The address is longer than the gateway reads; what it answers is not ours."},
    {413, "The request is larger than this server takes."},
    {415, "The body's Content-Type is none of JSON, form and multipart form."},
    {422, "What was sent is not valid; the fields are named."},
    {423, "Too many wrong tries: wait."},
    {428, "If-Match is missing: send the ETag of what is changed."},
    {429, "Too many requests: wait as long as Retry-After says."},
    {507, "There is no room left for that: remove something first."},
    {503, "A server behind this one does not answer: try again after Retry-After."},
};

static void put_refusal(struct json *j, const char *kind, size_t i, const struct shape *shape,
                        const char *type) {
    static const char *const headers[] = {"X-Request-Id", NULL}, *const waiting[] = {"X-Request-Id",
                                                                                     "Retry-After", NULL};
    char name[32];

    snprintf(name, sizeof name, "%s%d", kind, refusals[i].status);
    json_put_object(j, name);
    json_put_str(j, "description", refusals[i].words);
    openapi_put_headers(j, refusals[i].status == 429 || refusals[i].status == 503 ? waiting : headers);
    if (refusals[i].status != 414) {
        json_put_object(j, "content");
        json_put_object(j, type);
        json_put_object(j, "schema");
        openapi_put_ref(j, "schemas", shape->name);
        json_close_object(j);
        json_close_object(j);
        json_close_object(j);
    }
    json_close_object(j);
}

static void put_shared_responses(struct openapi_writing *w) {
    static const char *const headers[] = {"ETag", NULL};

    json_put_object(w->j, "responses");
    json_put_object(w->j, "NotModified");
    json_put_str(w->j, "description", "If-None-Match names what is there: nothing new.");
    openapi_put_headers(w->j, headers);
    json_close_object(w->j);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        put_refusal(w->j, "Error", i, w->about->error, "application/json");
        put_refusal(w->j, "Problem", i, w->about->problem, "application/problem+json");
    }
    json_close_object(w->j);
}

static void put_shared_parameters(struct json *j) {
    static const struct {
        const char *key, *name, *words;
    } headers[] = {
        {"IdempotencyKey", "Idempotency-Key",
         "A word of the client's own: the same request sent again with it is done once, and answered alike."},
        {"IfMatch", "If-Match", "The ETag of the state that is being changed."},
        {"IfNoneMatch", "If-None-Match", "The ETag of what the client has: 304 when it is still the same."},
    };

    json_put_object(j, "parameters");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        json_put_object(j, headers[i].key);
        json_put_str(j, "name", headers[i].name);
        json_put_str(j, "in", "header");
        json_put_bool(j, "required", i == 1);
        json_put_str(j, "description", headers[i].words);
        json_put_object(j, "schema");
        json_put_str(j, "type", "string");
        json_close_object(j);
        json_close_object(j);
    }
    json_close_object(j);
}

static void put_shared_headers(struct json *j) {
    static const struct {
        const char *name, *type, *words;
    } headers[] = {
        {"X-Request-Id", "string", "Names this request in the server's log."},
        {"X-RateLimit-Limit", "integer", "How many requests are allowed in the time at hand."},
        {"X-RateLimit-Remaining", "integer", "How many of them are left."},
        {"X-RateLimit-Reset", "string", "When the count begins anew (ISO 8601)."},
        {"ETag", "string", "Names this state of the answer."},
        {"Link", "string", "Pages around this one (RFC 8288): rel=\"next\" and rel=\"prev\"."},
        {"Retry-After", "integer", "Seconds to wait."},
    };

    json_put_object(j, "headers");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        json_put_object(j, headers[i].name);
        json_put_str(j, "description", headers[i].words);
        json_put_object(j, "schema");
        json_put_str(j, "type", headers[i].type);
        json_close_object(j);
        json_close_object(j);
    }
    json_close_object(j);
}

/* ---- Security schemes ---- */

static void put_scopes(struct openapi_writing *w) {
    const char *seen[SCOPES_MAX];
    size_t n = 0, k;

    json_put_object(w->j, "scopes");
    for (size_t i = 0; i < w->n_rows; i++) {
        const char *scope = w->rows[i].row->scope, *words;

        for (k = 0; scope != NULL && k < n && strcmp(seen[k], scope) != 0; k++)
            ;
        if (scope == NULL || k < n || n == SCOPES_MAX)
            continue;
        seen[n++] = scope;
        words = w->about->scope_words != NULL ? w->about->scope_words(scope) : NULL;
        json_put_str(w->j, scope, words != NULL ? words : scope);
    }
    json_close_object(w->j);
}

static void put_url(struct openapi_writing *w, const char *name, const char *path) {
    char url[2200];

    snprintf(url, sizeof url, "%s%s", w->about->server, path);
    json_put_str(w->j, name, url);
}

static void put_schemes(struct openapi_writing *w) {
    struct json *j = w->j;
    char words[256];

    json_put_object(j, "securitySchemes");
    json_put_object(j, "oauth2");
    json_put_str(j, "type", "oauth2");
    json_put_object(j, "flows");
    json_put_object(j, "authorizationCode");
    put_url(w, "authorizationUrl", "/oauth/authorize");
    put_url(w, "tokenUrl", "/oauth/token");
    put_scopes(w);
    json_close_object(j);
    json_put_object(j, "clientCredentials");
    put_url(w, "tokenUrl", "/oauth/token");
    put_scopes(w);
    json_close_object(j);
    json_close_object(j);
    json_close_object(j);
    json_put_object(j, "bearer");
    json_put_str(j, "type", "http");
    json_put_str(j, "scheme", "bearer");
    json_put_str(j, "description", "An access token, of an app or one's own.");
    json_close_object(j);
    json_put_object(j, "session");
    json_put_str(j, "type", "apiKey");
    json_put_str(j, "in", "cookie");
    json_put_str(j, "name", w->about->cookie);
    snprintf(words, sizeof words, "The browser's session; what changes something also needs the header %s.",
             w->about->csrf_header);
    json_put_str(j, "description", words);
    json_close_object(j);
    json_close_object(j);
}

void openapi_put_components(struct openapi_writing *w) {
    json_put_object(w->j, "components");
    put_schemas(w);
    put_shared_responses(w);
    put_shared_parameters(w->j);
    put_shared_headers(w->j);
    put_schemes(w);
    json_close_object(w->j);
}
