/* What the rows of the route tables imply: which answers can come, which shapes they have. */
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

#define SHAPES_MAX 512

/* ---- What a row implies ---- */

bool openapi_describes(const struct route *row) { return row->face == FACE_JSON && !health_is(row); }

static bool is_read(const struct route *row) { return row->method == METHOD_GET; }

static bool has_fields(const struct route *row) { return row->fields != NULL && row->fields->name != NULL; }

bool openapi_in_query(const struct route *row) {
    return (row->method & (METHOD_GET | METHOD_DELETE)) != 0 || route_body_is_file(row);
}

bool openapi_has_body(const struct route *row) {
    return !openapi_in_query(row) && has_fields(row) && !route_body_is_file(row);
}

static bool names_something(const struct route *row) {
    if (strchr(row->pattern, '{') != NULL)
        return true;
    for (const struct field *f = row->fields; f != NULL && f->name != NULL; f++)
        if (f->kind == FIELD_ID || f->kind == FIELD_HANDLE)
            return true;
    return false;
}

struct statuses {
    int *out;
    size_t n;
};

static void add_status(struct statuses *s, int status, bool when) {
    size_t at = 0;
    while (at < s->n && s->out[at] < status)
        at++;
    if (!when || s->n == OPENAPI_STATUSES_MAX || (at < s->n && s->out[at] == status))
        return;
    memmove(s->out + at + 1, s->out + at, (s->n - at) * sizeof *s->out);
    s->out[at] = status;
    s->n++;
}

size_t openapi_refusals(const struct route *row, int out[OPENAPI_STATUSES_MAX]) {
    struct statuses s = {out, 0};
    bool writes = !is_read(row), posts = row->method == METHOD_POST;

    add_status(&s, 400, true); /* an address or body that cannot be read */
    add_status(&s, 401, true); /* also a wrong token where none is needed */
    add_status(&s, 403, writes || row->scope != NULL || row->permission != 0);
    add_status(&s, 404, names_something(row));
    add_status(&s, 409, posts); /* Idempotency-Key in flight */
    add_status(&s, 412, row->if_match);
    add_status(&s, 413, true);
    add_status(&s, 414, openapi_in_query(row) && has_fields(row));
    add_status(&s, 415, !openapi_in_query(row));
    /* 422 is also what an app's token without a member gets where a member must ask. */
    add_status(&s, 422, has_fields(row) || posts || row->auth == AUTH_MEMBER || row->auth == AUTH_NEWCOMER);
    add_status(&s, 428, row->if_match);
    add_status(&s, 429, true);
    add_status(&s, 503, true);
    for (const int *also = row->also; also != NULL && *also != 0; also++)
        add_status(&s, *also, *also >= 400);
    return s.n;
}

const char *openapi_refusal_kind(const struct route *row) {
    return route_is_own_api(row) ? "Problem" : "Error";
}

/* "/api/v1/accounts/{id}/statuses" is v1_accounts_by_id_statuses. */
void openapi_operation_id(const struct route *row, char *out, size_t n) {
    const char *p = strncmp(row->pattern, "/api/", 5) == 0 ? row->pattern + 4 : row->pattern;
    struct buf b;

    buf_init(&b, NULL, 512);
    for (const char *m = method_name(row->method); *m != '\0'; m++)
        buf_putc(&b, (char)tolower((unsigned char)*m));
    for (; *p != '\0'; p++)
        if (*p == '{')
            buf_puts(&b, "by_");
        else if (*p != '}')
            buf_putc(&b, isalnum((unsigned char)*p) ? *p : '_');
    snprintf(out, n, "%s", buf_str(&b));
    buf_free(&b);
}

void openapi_body_name(const struct route *row, char *out, size_t n) {
    char id[OPENAPI_OPERATION_MAX];

    openapi_operation_id(row, id, sizeof id);
    snprintf(out, n, "%s.body", id);
}

/* ---- Shapes ---- */

struct shapes {
    const struct shape *items[SHAPES_MAX];
    size_t n;
};

static void add_shape(struct shapes *all, const struct shape *s);

static void add_shapes_of(struct shapes *all, const struct shape *s) {
    for (const struct shape_field *f = s->fields; f->name != NULL; f++)
        if (f->of != NULL && f->kind == SHAPE_SPLICE)
            add_shapes_of(all, f->of);
        else if (f->of != NULL)
            add_shape(all, f->of);
}

static void add_shape(struct shapes *all, const struct shape *s) {
    size_t at = 0;
    while (at < all->n && strcmp(all->items[at]->name, s->name) < 0)
        at++;
    if (at < all->n && strcmp(all->items[at]->name, s->name) == 0) {
        if (all->items[at] != s)
            router_bug("two shapes have one name", s->name, "");
        return;
    }
    if (all->n == SHAPES_MAX)
        router_bug("more shapes than the API's description takes", s->name, "");
    memmove(all->items + at + 1, all->items + at, (all->n - at) * sizeof *all->items);
    all->items[at] = s;
    all->n++;
    add_shapes_of(all, s);
}

static void add_row_shape(const char *service, const struct route *row, void *arg) {
    (void)service;
    if (openapi_describes(row) && row->reply != NULL)
        add_shape(arg, row->reply);
}

size_t openapi_shapes(const struct app *app, const struct openapi_about *about,
                      const struct shape *const **ret) {
    static struct shapes all;

    all.n = 0;
    add_shape(&all, about->error);
    add_shape(&all, about->problem);
    router_each(app, add_row_shape, &all);
    *ret = all.items;
    return all.n;
}
