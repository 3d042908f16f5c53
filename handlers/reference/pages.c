#include "handlers/reference/pages.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/openapi.h"
#include "fcgi/router.h"
#include "fcgi/shape.h"
#include "gen/templates.h"
#include "handlers/common/api_error.h"
#include "handlers/common/forms.h"
#include "handlers/common/scopes.h"
#include "handlers/reference/view.h"

#define DOCUMENT_MAX ((size_t)4 << 20)
#define GROUPS_MAX 32

static const char *scopes_words(const char *name) {
    for (const struct scope *s = scopes_all; s->name != NULL; s++)
        if (strcmp(s->name, name) == 0)
            return s->words;
    return NULL;
}

void reference_describe(struct ctx *ctx, struct openapi_about *ret) {
    const struct config *config = ctx->env->config;

    *ret = (struct openapi_about){
        .title = arena_printf(ctx->arena, "%s: JSON API", config->site_name),
        .version = "1",
        .description =
            "Under /api/v1, /api/v2 and /oauth as Mastodon's client API has it, so that its apps and libraries work. "
            "What it has no words for stands under /api/deeplink/v1: errors are RFC 9457 problems, lists have opaque "
            "cursors, changes name the state they mean by If-Match, and repeats are known by Idempotency-Key.",
        .server = config->base_url,
        .cookie = strncmp(config->base_url, "https:", 6) == 0 ? "__Host-sid" : "sid",
        .csrf_header = "X-CSRF-Token",
        .scope_words = scopes_words,
        .error = &api_error_shape,
        .problem = &api_problem_shape,
    };
}

/* The document never changes while a process lives, so each worker writes it once. */
enum code reference_page_document(struct request *req) {
    static struct buf document;
    struct openapi_about about;

    if (document.n == 0) {
        reference_describe(&req->ctx, &about);
        buf_init(&document, NULL, DOCUMENT_MAX);
        openapi_write(&document, &deeplink_app, &about);
        if (buf_overflowed(&document)) {
            buf_free(&document);
            return fail_detail(&req->ctx, INTERNAL, tr_mark("Something went wrong on our side."),
                               "the API's description is larger than %zu bytes", DOCUMENT_MAX);
        }
    }
    buf_add(respond(req, 200, "application/json"), document.p, document.n);
    respond_header(req, "Cache-Control", "public, no-cache");
    respond_etag(req);
    return OK;
}

/* ---- Words for fields ---- */

static const char *bounded(struct arena *a, const char *what, int64_t max, int64_t otherwise) {
    return arena_printf(a, "%s, at most %" PRId64 " characters", what, max != 0 ? max : otherwise);
}

static const char *choices_words(struct arena *a, const char *choices) {
    char *words = arena_strdup(a, choices);

    for (char *p = words; *p != '\0'; p++)
        *p = *p == '|' ? ' ' : *p;
    return arena_printf(a, "one of: %s", words);
}

static const char *field_type(struct arena *a, const struct field *f) {
    switch (f->kind) {
    case FIELD_LINE:
        return bounded(a, "one line", f->max, 200);
    case FIELD_TEXT:
        return bounded(a, "text", f->max, 20000);
    case FIELD_SECRET:
        return bounded(a, "secret", f->max, 200);
    case FIELD_HANDLE:
        return "handle";
    case FIELD_EMAIL:
        return "e-mail address";
    case FIELD_INT:
        return f->min == 0 && f->max == 0
                   ? "whole number"
                   : arena_printf(a, "whole number, %" PRId64 " to %" PRId64, f->min, f->max);
    case FIELD_ID:
    case FIELD_BOUND:
        return "id";
    case FIELD_IDS:
        return "list of ids";
    case FIELD_BOOL:
        return "true or false";
    case FIELD_CHOICE:
        return choices_words(a, f->choices);
    case FIELD_LINES:
        return "list of lines";
    case FIELD_TEXTS:
        return "text, or list of texts";
    case FIELD_PATH:
        return "path on this site";
    case FIELD_FILE:
        return "file";
    }
    return "";
}

static bool is_list(const struct field *f) { return f->kind == FIELD_IDS || f->kind == FIELD_LINES; }

static void fill_fields(struct arena *a, const struct field *fields, struct reference_operation *ret) {
    struct reference_value *out;
    size_t n = 0;

    for (const struct field *f = fields; f != NULL && f->name != NULL; f++)
        n++;
    ret->fields = out = arena_many(a, struct reference_value, n);
    ret->n_fields = n;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct reference_value){
            .name = is_list(&fields[i]) ? arena_printf(a, "%s[]", fields[i].name) : fields[i].name,
            .type = field_type(a, &fields[i]),
            .words = text_equal(fields[i].label, fields[i].name) ? NULL : fields[i].label,
            .required = fields[i].required};
}

/* ---- Operations ---- */

static const char *refusals_words(struct arena *a, const struct route *row) {
    int statuses[OPENAPI_STATUSES_MAX];
    size_t n = openapi_refusals(row, statuses);
    const char *words = "";

    for (size_t i = 0; i < n; i++)
        words = arena_printf(a, "%s%s%d", words, i > 0 ? " " : "", statuses[i]);
    return words;
}

static const char *sentence(struct arena *a, const char *summary) {
    char *words = arena_strdup(a, summary != NULL ? summary : "");

    words[0] = (char)toupper((unsigned char)words[0]);
    return words;
}

static struct reference_operation operation_of(struct arena *a, const struct route *row) {
    char id[200];
    struct reference_operation o = {.method = method_name(row->method),
                                    .path = row->pattern,
                                    .summary = sentence(a, row->summary),
                                    .scope = row->scope,
                                    .needs_member = row->auth == AUTH_MEMBER || row->auth == AUTH_NEWCOMER,
                                    .needs_app = row->auth == AUTH_APP,
                                    .by_page = row->paged || (row->reply_list && route_is_own_api(row)),
                                    .refusal = openapi_refusal_kind(row),
                                    .if_match = row->if_match,
                                    .in_query = openapi_in_query(row),
                                    .status = row->status != 0 ? row->status : 200,
                                    .reply = row->reply != NULL ? row->reply->name : NULL,
                                    .reply_list = row->reply_list,
                                    .refusals = refusals_words(a, row)};

    openapi_operation_id(row, id, sizeof id);
    o.id = arena_strdup(a, id);
    fill_fields(a, row->fields, &o);
    return o;
}

struct grouping {
    struct arena *arena;
    struct reference_group groups[GROUPS_MAX];
    struct reference_operation *rows[GROUPS_MAX];
    size_t n;
};

static const char *group_name(const char *service) { return service[0] != '\0' ? service : "site"; }

static size_t group_at(struct grouping *g, const char *name) {
    size_t i = 0;

    while (i < g->n && strcmp(g->groups[i].name, name) != 0)
        i++;
    if (i < g->n)
        return i;
    if (i == GROUPS_MAX)
        router_bug("more groups of operations than the reference takes", name, "");
    g->groups[i] = (struct reference_group){.name = name};
    g->n++;
    return i;
}

static void count_row(const char *service, const struct route *row, void *arg) {
    struct grouping *g = arg;

    if (openapi_describes(row))
        g->groups[group_at(g, group_name(service))].n++;
}

static void add_row(const char *service, const struct route *row, void *arg) {
    struct grouping *g = arg;
    struct reference_group *group;
    size_t i;

    if (!openapi_describes(row))
        return;
    i = group_at(g, group_name(service));
    group = &g->groups[i];
    if (g->rows[i] == NULL) {
        g->rows[i] = arena_many(g->arena, struct reference_operation, group->n);
        group->operations = g->rows[i];
        group->n = 0;
    }
    g->rows[i][group->n++] = operation_of(g->arena, row);
}

static struct grouping *groups_of(struct ctx *ctx) {
    struct grouping *g = arena_one(ctx->arena, struct grouping);

    g->arena = ctx->arena;
    router_each(&deeplink_app, count_row, g);
    router_each(&deeplink_app, add_row, g);
    return g;
}

/* ---- Objects ---- */

static const char *member_type(struct arena *a, const struct shape_field *f) {
    static const char *const words[] = {[SHAPE_STR] = "text",
                                        [SHAPE_URL] = "address",
                                        [SHAPE_INT] = "whole number",
                                        [SHAPE_REAL] = "number",
                                        [SHAPE_BOOL] = "true or false",
                                        [SHAPE_ID] = "id",
                                        [SHAPE_TIME] = "moment",
                                        [SHAPE_DATE] = "day",
                                        [SHAPE_OBJECT] = "object",
                                        [SHAPE_LIST] = "list of",
                                        [SHAPE_STRS] = "list of texts",
                                        [SHAPE_IDS] = "list of ids",
                                        [SHAPE_RAW] = "object",
                                        [SHAPE_MAP] = "object of free names",
                                        [SHAPE_NULL] = "always null",
                                        [SHAPE_NONE] = "always an empty list",
                                        [SHAPE_SPLICE] = ""};

    return f->choices != NULL ? choices_words(a, f->choices) : words[f->kind];
}

static size_t members_count(const struct shape *s) {
    size_t n = 0;

    for (const struct shape_field *f = s->fields; f->name != NULL; f++)
        n += f->kind == SHAPE_SPLICE ? members_count(f->of) : 1;
    return n;
}

static struct reference_value *put_members(struct arena *a, const struct shape *s,
                                           struct reference_value *out) {
    for (const struct shape_field *f = s->fields; f->name != NULL; f++) {
        if (f->kind == SHAPE_SPLICE) {
            out = put_members(a, f->of, out);
            continue;
        }
        *out++ = (struct reference_value){.name = f->name,
                                          .type = member_type(a, f),
                                          .object = f->of != NULL ? f->of->name : NULL,
                                          .words = f->words,
                                          .optional = f->optional,
                                          .nullable = f->nullable};
    }
    return out;
}

/* ---- Pages ---- */

static struct page *frame(struct request *req, const char *title) {
    return page_new(req, PLACE_NONE, tr(req->ctx.lang, title));
}

enum code reference_page_index(struct request *req) {
    struct grouping *g = groups_of(&req->ctx);
    struct openapi_about about;
    const struct shape *const *shapes;
    struct reference_index_view v = {.groups = g->groups, .n = g->n};

    reference_describe(&req->ctx, &about);
    v.n_objects = openapi_shapes(&deeplink_app, &about, &shapes);
    tpl_reference_index(form_html(req), frame(req, tr_mark("For programs")), &v);
    respond_etag(req);
    return OK;
}

enum code reference_page_group(struct request *req) {
    struct grouping *g = groups_of(&req->ctx);
    struct reference_group_view v = {0};

    for (size_t i = 0; i < g->n; i++)
        if (strcmp(g->groups[i].name, req->args[0]) == 0)
            v.group = &g->groups[i];
    if (v.group == NULL)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is nothing here."));
    tpl_reference_group(form_html(req), frame(req, tr_mark("For programs")), &v);
    return OK;
}

enum code reference_page_objects(struct request *req) {
    struct arena *a = req->ctx.arena;
    struct openapi_about about;
    const struct shape *const *shapes;
    struct reference_object *out;
    struct reference_value *members;
    struct reference_objects_view v;

    reference_describe(&req->ctx, &about);
    v.n = openapi_shapes(&deeplink_app, &about, &shapes);
    v.objects = out = arena_many(a, struct reference_object, v.n);
    for (size_t i = 0; i < v.n; i++) {
        size_t n = members_count(shapes[i]);

        members = arena_many(a, struct reference_value, n);
        put_members(a, shapes[i], members);
        out[i] = (struct reference_object){shapes[i]->name, shapes[i]->words, members, n};
    }
    tpl_reference_objects(form_html(req), frame(req, tr_mark("Objects of the API")), &v);
    return OK;
}
