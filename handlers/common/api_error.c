#include "handlers/common/api_error.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"

struct problem_field {
    const char *field, *pointer, *message;
};

struct problem {
    const char *type, *title, *code, *detail, *request_id;
    int64_t status;
    struct shape_list errors; /* struct problem_field */
};

struct error_view {
    const char *error, *error_description;
    struct problem problem;
};

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

static const struct shape problem_field_shape = {
    .name = "ProblemField",
    .size = sizeof(struct problem_field),
    .words = "one thing that is wrong with what was sent",
    .fields = (const struct shape_field[]){
        FIELD(problem_field, field, SHAPE_STR, .words = "the parameter's name"),
        FIELD(problem_field, pointer, SHAPE_STR, .words = "where it stands in a JSON body"),
        FIELD(problem_field, message, SHAPE_STR, .words = "what is wrong and how to mend it"),
        {0}}};

const struct shape api_problem_shape = {
    .name = "Problem",
    .size = sizeof(struct problem),
    .words = "a refusal (RFC 9457)",
    .fields = (const struct shape_field[]){
        FIELD(problem, type, SHAPE_STR, .words = "urn:deeplink:problem:<code>"),
        FIELD(problem, title, SHAPE_STR, .words = "the kind of problem, in English"),
        FIELD(problem, status, SHAPE_INT, .words = "the HTTP status"),
        FIELD(problem, code, SHAPE_STR, .words = "the kind of problem, for programs"),
        FIELD(problem, detail, SHAPE_STR, .words = "what went wrong, in the reader's language"),
        FIELD(problem, errors, SHAPE_LIST, .of = &problem_field_shape, .words = "every field that is wrong"),
        FIELD(problem, request_id, SHAPE_STR, .words = "names this request in the server's log"),
        {0}}};

const struct shape api_error_shape = {
    .name = "Error",
    .size = sizeof(struct error_view),
    .words = "a refusal as Mastodon's clients know it, with the members of RFC 9457",
    .fields = (const struct shape_field[]){FIELD(error_view, error, SHAPE_STR, .words = "what went wrong"),
                                           FIELD(error_view, error_description, SHAPE_STR, .optional = true,
                                                 .words = "OAuth alone (RFC 6749 section 5.2)"),
                                           FIELD(error_view, problem, SHAPE_SPLICE, .of = &api_problem_shape),
                                           {0}}};

/* "NOT_FOUND" is urn:deeplink:problem:not-found, titled "Not found". */
static void name_kind(struct ctx *ctx, struct problem *p) {
    char *type = arena_printf(ctx->arena, "urn:deeplink:problem:%s", p->code), *title;

    for (char *c = type + strlen("urn:deeplink:problem:"); *c != '\0'; c++)
        *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    title = arena_strdup(ctx->arena, type + strlen("urn:deeplink:problem:"));
    for (char *c = title; *c != '\0'; c++)
        *c = *c == '-' ? ' ' : *c;
    title[0] = (char)toupper((unsigned char)title[0]);
    p->type = type;
    p->title = title;
}

static struct shape_list fields_of(struct ctx *ctx) {
    struct shape_list list = {"", 0};
    struct problem_field *items;

    for (const struct field_error *f = ctx->error.fields; f != NULL; f = f->next)
        list.n++;
    if (list.n == 0)
        return list;
    list.items = items = arena_many(ctx->arena, struct problem_field, list.n);
    for (const struct field_error *f = ctx->error.fields; f != NULL; f = f->next)
        *items++ = (struct problem_field){f->field, arena_printf(ctx->arena, "#/%s", f->field),
                                          tr(ctx->lang, f->text)};
    return list;
}

/* What is wrong in one line: of fields, all that is said of them. */
static const char *summary(const struct ctx *ctx) {
    const char *out = "";

    if (ctx->error.fields == NULL)
        return tr(ctx->lang, ctx->error.text);
    for (const struct field_error *f = ctx->error.fields; f != NULL; f = f->next)
        out = arena_printf(ctx->arena, "%s%s%s: %s", out, *out != '\0' ? " " : "", f->field,
                           tr(ctx->lang, f->text));
    return out;
}

static struct problem problem_of(struct ctx *ctx, int status, const char *words) {
    struct problem p = {.status = status,
                        .code = code_name(ctx->error.code),
                        .detail = words,
                        .errors = fields_of(ctx),
                        .request_id = ctx->request_id};

    name_kind(ctx, &p);
    return p;
}

static void reply(struct request *req, int status, const char *type, const struct shape *shape,
                  const void *view) {
    struct json j;

    json_init(&j, respond(req, status, type));
    shape_write(&j, shape, view);
}

void api_error_show(struct request *req, int status) {
    const char *words = summary(&req->ctx);
    struct error_view v = {.error = words, .problem = problem_of(&req->ctx, status, words)};

    if (text_starts(req->path, "/api/deeplink/"))
        reply(req, status, "application/problem+json", &api_problem_shape, &v.problem);
    else
        reply(req, status, "application/json", &api_error_shape, &v);
}

void api_oauth_error_show(struct request *req, int status, const char *error, const char *description) {
    struct error_view v = {.error = error,
                           .error_description = description,
                           .problem = problem_of(&req->ctx, status, description)};

    reply(req, status, "application/json", &api_error_shape, &v);
}
