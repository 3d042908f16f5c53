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

/* ---- Parameters ---- */

/* "id", "account_id" are numbers of ours; other arguments are words. */
static bool is_id_name(const char *p, size_t n) {
    return (n == 2 && memcmp(p, "id", 2) == 0) || (n > 3 && memcmp(p + n - 3, "_id", 3) == 0);
}

static void put_path_parameters(struct json *j, const struct route *row) {
    for (const char *p = strchr(row->pattern, '{'); p != NULL; p = strchr(p, '{')) {
        size_t n = strcspn(++p, "}");

        json_open_object(j);
        json_key(j, "name");
        json_strn(j, p, n);
        json_put_str(j, "in", "path");
        json_put_bool(j, "required", true);
        json_put_object(j, "schema");
        json_put_str(j, "type", "string");
        if (is_id_name(p, n))
            json_put_str(j, "pattern", OPENAPI_ID_PATTERN);
        else
            json_put_int(j, "minLength", 1);
        json_close_object(j);
        json_close_object(j);
    }
}

static void put_query_parameters(struct json *j, const struct route *row) {
    char name[128];

    for (const struct field *f = row->fields; f != NULL && f->name != NULL; f++) {
        snprintf(name, sizeof name, "%s%s", f->name,
                 f->kind == FIELD_IDS || f->kind == FIELD_LINES ? "[]" : "");
        json_open_object(j);
        json_put_str(j, "name", name);
        json_put_str(j, "in", "query");
        json_put_bool(j, "required", f->required);
        if (f->label != NULL)
            json_put_str(j, "description", f->label);
        json_put_object(j, "schema");
        openapi_put_field(j, f);
        json_close_object(j);
        json_close_object(j);
    }
}

static void put_shared_parameter(struct json *j, const char *name, bool when) {
    if (!when)
        return;
    json_open_object(j);
    openapi_put_ref(j, "parameters", name);
    json_close_object(j);
}

static void put_parameters(struct json *j, const struct route *row) {
    json_put_array(j, "parameters");
    put_path_parameters(j, row);
    if (openapi_in_query(row))
        put_query_parameters(j, row);
    put_shared_parameter(j, "IdempotencyKey", row->method == METHOD_POST);
    put_shared_parameter(j, "IfMatch", row->if_match);
    put_shared_parameter(j, "IfNoneMatch", row->method == METHOD_GET);
    json_close_array(j);
}

static void put_content(struct json *j, const struct route *row, const char *type) {
    char name[OPENAPI_OPERATION_MAX + 8];

    openapi_body_name(row, name, sizeof name);
    json_put_object(j, type);
    json_put_object(j, "schema");
    if (openapi_has_body(row))
        openapi_put_ref(j, "schemas", name);
    json_close_object(j);
    json_close_object(j);
}

/* Whether a body must come, and whether a file with it. */
static bool is_required(const struct route *row, bool *ret_file) {
    bool required = false;

    *ret_file = false;
    for (const struct field *f = row->fields; f != NULL && f->name != NULL; f++) {
        required = required || f->required;
        *ret_file = *ret_file || (f->kind == FIELD_FILE && f->required);
    }
    return required;
}

static void put_request_body(struct json *j, const struct route *row) {
    static const char *const types[] = {"application/json", "application/x-www-form-urlencoded",
                                        "multipart/form-data"};
    bool is_file = route_body_is_file(row), needs_file, required = is_required(row, &needs_file);

    if (!is_file && !openapi_has_body(row))
        return;
    json_put_object(j, "requestBody");
    json_put_bool(j, "required", required || is_file);
    json_put_object(j, "content");
    if (is_file)
        put_content(j, row, "application/octet-stream");
    for (size_t i = needs_file ? 2 : 0; !is_file && i < sizeof types / sizeof *types; i++)
        put_content(j, row, types[i]);
    json_close_object(j);
    json_close_object(j);
}

/* ---- Answers ---- */

static void put_good_headers(struct json *j, const struct route *row) {
    const char *names[8];
    size_t n = 0;

    names[n++] = "X-Request-Id";
    names[n++] = "X-RateLimit-Limit";
    names[n++] = "X-RateLimit-Remaining";
    names[n++] = "X-RateLimit-Reset";
    if (row->method == METHOD_GET || row->if_match)
        names[n++] = "ETag";
    if (row->paged)
        names[n++] = "Link";
    names[n] = NULL;
    openapi_put_headers(j, names);
}

static void put_items(struct json *j, const struct shape *of) {
    json_put_str(j, "type", "array");
    json_put_object(j, "items");
    if (of != NULL)
        openapi_put_ref(j, "schemas", of->name);
    json_close_object(j);
}

static void put_cursor(struct json *j, const char *name, const char *words) {
    json_put_object(j, name);
    json_put_array(j, "type");
    json_str(j, "string");
    json_str(j, "null");
    json_close_array(j);
    json_put_str(j, "description", words);
    json_close_object(j);
}

/* {"items": […], "next": …, "prev": …} */
static void put_page(struct json *j, const struct shape *of) {
    json_put_str(j, "type", "object");
    json_put_object(j, "properties");
    json_put_object(j, "items");
    put_items(j, of);
    json_close_object(j);
    put_cursor(j, "next", "pass as `cursor` for the page after this one; null: the end");
    put_cursor(j, "prev", "pass as `cursor` for the page before this one; null: the beginning");
    json_close_object(j);
    json_put_array(j, "required");
    json_str(j, "items");
    json_str(j, "next");
    json_str(j, "prev");
    json_close_array(j);
}

static void put_reply_schema(struct json *j, const struct route *row) {
    json_put_object(j, "schema");
    if (row->reply_list && route_is_own_api(row))
        put_page(j, row->reply);
    else if (row->reply_list)
        put_items(j, row->reply);
    else if (row->reply != NULL)
        openapi_put_ref(j, "schemas", row->reply->name);
    else
        json_put_str(j, "type", "object");
    json_close_object(j);
}

static void open_status(struct json *j, int status) {
    char name[16];

    snprintf(name, sizeof name, "%d", status);
    json_put_object(j, name);
}

static void put_good(struct json *j, const struct route *row, int status) {
    open_status(j, status);
    json_put_str(j, "description", status == 204 ? "done" : status == 202 ? "accepted" : "as asked");
    put_good_headers(j, row);
    if (status != 204) {
        json_put_object(j, "content");
        json_put_object(j, "application/json");
        put_reply_schema(j, row);
        json_close_object(j);
        json_close_object(j);
    }
    json_close_object(j);
}

static void put_responses(struct json *j, const struct route *row) {
    int statuses[OPENAPI_STATUSES_MAX], good = row->status != 0 ? row->status : 200;
    size_t n = openapi_refusals(row, statuses);
    char ref[32];

    json_put_object(j, "responses");
    put_good(j, row, good);
    for (const int *also = row->also; also != NULL && *also != 0; also++)
        if (*also < 300 && *also != good)
            put_good(j, row, *also);
    if (row->method == METHOD_GET) {
        open_status(j, 304);
        openapi_put_ref(j, "responses", "NotModified");
        json_close_object(j);
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(ref, sizeof ref, "%s%d", openapi_refusal_kind(row), statuses[i]);
        open_status(j, statuses[i]);
        openapi_put_ref(j, "responses", ref);
        json_close_object(j);
    }
    json_close_object(j);
}

/* ---- Operations ---- */

/* One way to be let in: {"oauth2": ["read:accounts"]}, or {} for anybody. */
static void put_way(struct json *j, const char *scheme, const char *scope) {
    json_open_object(j);
    if (scheme != NULL) {
        json_put_array(j, scheme);
        if (scope != NULL)
            json_str(j, scope);
        json_close_array(j);
    }
    json_close_object(j);
}

/* Alternatives stand between '|'. */
static void put_scope_ways(struct json *j, const char *scopes) {
    char scope[64];

    if (scopes == NULL)
        put_way(j, "oauth2", NULL);
    for (const char *p = scopes; p != NULL && *p != '\0';) {
        size_t n = strcspn(p, "|");

        snprintf(scope, sizeof scope, "%.*s", (int)n, p);
        put_way(j, "oauth2", scope);
        p += n + (p[n] == '|');
    }
}

static void put_security(struct json *j, const struct route *row) {
    json_put_array(j, "security");
    if (row->auth == AUTH_ANYBODY || row->auth == AUTH_NOBODY)
        put_way(j, NULL, NULL);
    put_scope_ways(j, row->scope);
    put_way(j, "bearer", NULL);
    put_way(j, "session", NULL);
    json_close_array(j);
}

static void put_summary(struct json *j, const char *summary) {
    char text[256];

    snprintf(text, sizeof text, "%s", summary != NULL ? summary : "");
    text[0] = (char)toupper((unsigned char)text[0]);
    json_put_str(j, "summary", text);
}

static void put_operation(struct json *j, const char *service, const struct route *row) {
    char id[OPENAPI_OPERATION_MAX], method[16];

    openapi_operation_id(row, id, sizeof id);
    snprintf(method, sizeof method, "%s", method_name(row->method));
    for (char *p = method; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    json_put_object(j, method);
    json_put_str(j, "operationId", id);
    put_summary(j, row->summary);
    json_put_array(j, "tags");
    json_str(j, service[0] != '\0' ? service : "site");
    json_close_array(j);
    put_parameters(j, row);
    put_request_body(j, row);
    put_security(j, row);
    put_responses(j, row);
    json_close_object(j);
}

static void collect_row(const char *service, const struct route *row, void *arg) {
    struct openapi_writing *w = arg;

    if (!openapi_describes(row))
        return;
    if (w->n_rows == OPENAPI_ROWS_MAX)
        router_bug("more JSON routes than the API's description takes", row->pattern, "");
    w->rows[w->n_rows].service = service;
    w->rows[w->n_rows++].row = row;
}

static bool stands_before(const struct openapi_writing *w, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(w->rows[k].row->pattern, w->rows[i].row->pattern) == 0)
            return true;
    return false;
}

static void put_paths(struct openapi_writing *w) {
    json_put_object(w->j, "paths");
    for (size_t i = 0; i < w->n_rows; i++) {
        if (stands_before(w, i))
            continue;
        json_put_object(w->j, w->rows[i].row->pattern);
        for (size_t k = i; k < w->n_rows; k++)
            if (strcmp(w->rows[k].row->pattern, w->rows[i].row->pattern) == 0)
                put_operation(w->j, w->rows[k].service, w->rows[k].row);
        json_close_object(w->j);
    }
    json_close_object(w->j);
}

/* ---- The document ---- */

static void put_info(struct openapi_writing *w) {
    struct json *j = w->j;

    json_put_str(j, "openapi", "3.1.0");
    json_put_object(j, "info");
    json_put_str(j, "title", w->about->title);
    json_put_str(j, "version", w->about->version);
    json_put_str(j, "description", w->about->description);
    json_close_object(j);
    json_put_array(j, "servers");
    json_open_object(j);
    json_put_str(j, "url", w->about->server);
    json_close_object(j);
    json_close_array(j);
}

static void put_tags(struct openapi_writing *w) {
    json_put_array(w->j, "tags");
    for (size_t i = 0; i < w->n_rows; i++) {
        const char *service = w->rows[i].service;

        if (i > 0 && strcmp(w->rows[i - 1].service, service) == 0)
            continue;
        json_open_object(w->j);
        json_put_str(w->j, "name", service[0] != '\0' ? service : "site");
        json_close_object(w->j);
    }
    json_close_array(w->j);
}

void openapi_write(struct buf *out, const struct app *app, const struct openapi_about *about) {
    static struct openapi_writing w; /* too large for a stack, and a process describes itself once */
    struct json j;

    json_init(&j, out);
    w.j = &j;
    w.app = app;
    w.about = about;
    w.n_rows = 0;
    router_each(app, collect_row, &w);
    json_open_object(&j);
    put_info(&w);
    put_tags(&w);
    put_paths(&w);
    openapi_put_components(&w);
    json_close_object(&j);
}
