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
    struct shape_json details;
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
        FIELD(problem_field, code, SHAPE_STR,
              .words = "invalid, blank, too_long, too_short, taken, reserved or accepted (it is not)"),
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
    FIELD(problem, details, SHAPE_MAP, .optional = true,
          .words = "the same as Mastodon's clients know it: by field, {error: ERR_…, description}"),
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
        *items++ = (struct problem_field){f->field, arena_printf(ctx->arena, "#/%s", f->field), f->kind,
                                          tr(ctx->lang, f->text)};
    return list;
}

/* ERR_TOO_LONG, say. */
static const char *mastodon_kind(struct arena *a, const char *kind) {
    char *out = arena_printf(a, "ERR_%s", kind);

    for (char *p = out; *p != '\0'; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
    return out;
}

/* Whether it is the first that is said of its field. */
static bool begins(const struct field_error *all, const struct field_error *f) {
    while (all != f && strcmp(all->field, f->field) != 0)
        all = all->next;
    return all == f;
}

static void put_details_of(struct ctx *ctx, struct json *j, const struct field_error *f) {
    json_put_array(j, f->field);
    for (const struct field_error *e = f; e != NULL; e = e->next) {
        if (strcmp(e->field, f->field) != 0)
            continue;
        json_open_object(j);
        json_put_str(j, "error", mastodon_kind(ctx->arena, e->kind));
        json_put_str(j, "description", tr(ctx->lang, e->text));
        json_close_object(j);
    }
    json_close_array(j);
}

static struct shape_json details_of(struct ctx *ctx) {
    struct buf out;
    struct json j;

    if (ctx->error.fields == NULL)
        return (struct shape_json){NULL, 0};
    buf_init(&out, ctx->arena, RESPONSE_MAX);
    json_init(&j, &out);
    json_open_object(&j);
    for (const struct field_error *f = ctx->error.fields; f != NULL; f = f->next)
        if (begins(ctx->error.fields, f))
            put_details_of(ctx, &j, f);
    json_close_object(&j);
    return (struct shape_json){buf_str(&out), out.n};
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
    struct problem whole = *p;
    struct json j;

    if (!own)
        whole.details = details_of(&req->ctx);
    json_init(&j, respond(req, status, own ? "application/problem+json" : "application/json"));
    shape_write(&j, own ? &api_problem_shape : &api_error_shape, &whole);
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
