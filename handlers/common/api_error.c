#include "handlers/common/api_error.h"

#include <stddef.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"

struct problem_field {
    const char *field, *pointer, *code, *message;
};

struct problem {
    const char *error, *error_description, *type, *title, *code, *detail, *request_id;
    int64_t status;
    struct shape_list errors; /* struct problem_field */
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
        FIELD(problem_field, code, SHAPE_STR, .words = "invalid"),
        FIELD(problem_field, message, SHAPE_STR, .words = "what is wrong and how to mend it"),
        {0}}};

/* What may be left out is what the gateway in front does not know when it refuses by itself. */
static const struct shape_field problem_fields[] = {
    FIELD(problem, error, SHAPE_STR, .words = "what went wrong, in the reader's language"),
    FIELD(problem, error_description, SHAPE_STR, .optional = true,
          .words = "OAuth alone (RFC 6749 section 5.2)"),
    FIELD(problem, type, SHAPE_STR, .words = "urn:deeplink:error:<code>"),
    FIELD(problem, title, SHAPE_STR, .words = "the kind of problem, in the reader's language"),
    FIELD(problem, status, SHAPE_INT, .words = "the HTTP status"),
    FIELD(problem, code, SHAPE_STR, .optional = true, .words = "the kind of problem, for programs"),
    FIELD(problem, detail, SHAPE_STR, .optional = true, .words = "what went wrong, each field named"),
    FIELD(problem, errors, SHAPE_LIST, .of = &problem_field_shape, .optional = true,
          .words = "every field that is wrong"),
    FIELD(problem, request_id, SHAPE_STR, .optional = true,
          .words = "names this request in the server's log"),
    {0}};

const struct shape api_problem_shape = {.name = "Problem",
                                        .size = sizeof(struct problem),
                                        .words = "a refusal (RFC 9457)",
                                        .fields = problem_fields};

const struct shape api_error_shape = {
    .name = "Error",
    .size = sizeof(struct problem),
    .words = "a refusal as Mastodon's clients know it, with the members of RFC 9457",
    .fields = problem_fields};

/* What is wrong in one line: of fields, all that is said of them. */
static const char *summary(struct ctx *ctx) {
    const char *out = "";

    if (ctx->error.fields == NULL)
        return tr(ctx->lang, ctx->error.text);
    for (const struct field_error *f = ctx->error.fields; f != NULL; f = f->next)
        out = arena_printf(ctx->arena, "%s%s%s: %s", out, *out != '\0' ? " " : "", f->field,
                           tr(ctx->lang, f->text));
    return out;
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
        *items++ = (struct problem_field){f->field, arena_printf(ctx->arena, "#/%s", f->field), "invalid",
                                          tr(ctx->lang, f->text)};
    return list;
}

static struct problem problem_of(struct ctx *ctx, int status, const char *words) {
    const char *code = code_name(ctx->error.code);

    return (struct problem){.error = words,
                            .type = arena_printf(ctx->arena, "urn:deeplink:error:%s", code),
                            .title = tr(ctx->lang, ctx->error.text),
                            .status = status,
                            .code = code,
                            .detail = words,
                            .errors = fields_of(ctx),
                            .request_id = ctx->request_id};
}

static void reply(struct request *req, int status, const struct problem *p) {
    bool own = text_starts(req->path, "/api/deeplink/");
    struct json j;

    json_init(&j, respond(req, status, own ? "application/problem+json" : "application/json"));
    shape_write(&j, own ? &api_problem_shape : &api_error_shape, p);
}

void api_error_show(struct request *req, int status) {
    struct problem p = problem_of(&req->ctx, status, summary(&req->ctx));

    reply(req, status, &p);
}

void api_oauth_error_show(struct request *req, int status, const char *error, const char *description) {
    struct problem p = problem_of(&req->ctx, status, description);

    p.error = error;
    p.error_description = description;
    reply(req, status, &p);
}
