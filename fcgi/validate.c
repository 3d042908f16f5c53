/* Validation of declared fields: what a handler reads has the type, length and range that its route says. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/form.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"

#define LINE_MAX_CHARS 200
#define TEXT_MAX_CHARS 20000
#define IDS_MAX 100
#define LINES_MAX 20

/* One field being read. */
struct reading {
    struct request *req;
    const struct params *from;
    const struct field *field;
    struct field_value *out;
    const char *raw; /* NULL: not sent */
};

static char *number(struct reading *r, int64_t v) { return arena_printf(r->req->ctx.arena, "%" PRId64, v); }

/* Records what is wrong: `text` with {label}, {min} and {max} filled in. */
static void wrong_as(struct reading *r, const char *kind, const char *text) {
    const struct field *f = r->field;
    struct ctx *ctx = &r->req->ctx;
    int64_t max = f->max;
    if (max == 0)
        max = f->kind == FIELD_TEXT || f->kind == FIELD_TEXTS ? TEXT_MAX_CHARS
              : f->kind == FIELD_IDS                          ? IDS_MAX
                                                              : LINE_MAX_CHARS;
    const char *label = f->label != NULL ? tr(ctx->lang, f->label) : f->name;
    fail_field_as(ctx, f->name, kind,
                  tr_fill(ctx->arena, ctx->lang, text, "label", label, "min", number(r, f->min), "max",
                          number(r, max), NULL));
}

static void wrong(struct reading *r, const char *text) { wrong_as(r, FIELD_INVALID, text); }

static void missing(struct reading *r) { wrong_as(r, FIELD_BLANK, tr_mark("{label} is missing.")); }

static void check_length(struct reading *r, int64_t max) {
    int64_t n = (int64_t)text_utf8_count(r->out->text, strlen(r->out->text));
    if (n == 0 && !r->field->required)
        return;
    if (n == 0)
        missing(r);
    else if (n > max)
        wrong_as(r, FIELD_TOO_LONG, tr_mark("{label} is too long: at most {max} characters."));
    else if (n < r->field->min)
        wrong_as(r, FIELD_TOO_SHORT, tr_mark("{label} is too short: at least {min} characters."));
}

/* Characters but for spaces: what of a length is not forgiven, also when it is cleaned away. */
static int64_t count_visible(const char *s) {
    size_t n = text_utf8_count(s, strlen(s));
    for (; *s != '\0'; s++)
        n -= *s == ' ' || *s == '\t' || *s == '\r' || *s == '\n';
    return (int64_t)n;
}

static void read_cleaned(struct reading *r, char *clean(struct arena *a, const char *s, size_t n),
                         int64_t otherwise_max) {
    int64_t max = r->field->max != 0 ? r->field->max : otherwise_max;
    r->out->text = clean(r->req->ctx.arena, r->raw, strlen(r->raw));
    if (r->out->text == NULL)
        wrong(r, tr_mark("{label} holds characters that are not valid."));
    else if (count_visible(r->raw) > max)
        wrong_as(r, FIELD_TOO_LONG, tr_mark("{label} is too long: at most {max} characters."));
    else
        check_length(r, max);
}

static void read_secret(struct reading *r) {
    r->out->text = r->raw;
    check_length(r, r->field->max != 0 ? r->field->max : LINE_MAX_CHARS);
}

static void read_handle(struct reading *r) {
    char *s = text_clean_line(r->req->ctx.arena, r->raw, strlen(r->raw));
    if (s != NULL && *s == '@')
        s++;
    r->out->text = s;
    if (s == NULL || (*s != '\0' && !text_is_handle(s)))
        wrong(
            r,
            tr_mark(
                "{label} may have letters a to z, digits and _, must begin with a letter, and has at most 30 of them."));
    else
        check_length(r, 30);
}

static void read_email(struct reading *r) {
    char *s = text_clean_line(r->req->ctx.arena, r->raw, strlen(r->raw));
    r->out->text = s;
    if (s == NULL || (*s != '\0' && !text_is_email(s)))
        wrong(r, tr_mark("{label} must be an e-mail address, such as name@example.org."));
    else
        check_length(r, 254);
}

/* Empty counts as not sent. */
static void read_int(struct reading *r) {
    const struct field *f = r->field;
    bool bounded = f->min != 0 || f->max != 0;
    r->out->present = *r->raw != '\0';
    if (*r->raw == '\0') {
        if (f->required)
            missing(r);
    } else if (!text_parse_int(r->raw, bounded ? f->min : INT64_MIN, bounded ? f->max : INT64_MAX,
                               &r->out->number)) {
        wrong(r, bounded ? tr_mark("{label} must be a whole number from {min} to {max}.")
                         : tr_mark("{label} must be a whole number."));
    }
}

static void read_id(struct reading *r) {
    r->out->present = *r->raw != '\0';
    r->out->text = r->raw;
    if (*r->raw == '\0') {
        if (r->field->required)
            missing(r);
    } else if (!id_parse(r->raw, &r->out->number)) {
        wrong(r, tr_mark("{label} is not a valid number."));
    }
}

/* Clients send 0 where they know no bound. */
static void read_bound(struct reading *r) {
    if (strcmp(r->raw, "0") != 0) {
        read_id(r);
        return;
    }
    r->out->text = r->raw;
    r->out->number = r->field->min;
}

static void read_bool(struct reading *r) {
    static const char *const words[] = {"1", "true", "on", "yes", "0", "false", "off", "no", ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(r->raw, words[i]) == 0) {
            r->out->number = i < 4;
            return;
        }
    wrong(r, tr_mark("{label} must be yes or no."));
}

static void read_choice(struct reading *r) {
    size_t n = strlen(r->raw);
    for (const char *p = r->field->choices; p != NULL; p = strchr(p, '|') != NULL ? strchr(p, '|') + 1 : NULL)
        if (strcspn(p, "|") == n && strncmp(p, r->raw, n) == 0) {
            r->out->text = r->raw;
            return;
        }
    r->out->present = false;
    if (n > 0)
        wrong(r, tr_mark("{label} is none of the choices."));
    else if (r->field->required)
        missing(r);
}

static void read_path(struct reading *r) {
    r->out->text = r->raw;
    r->out->present = *r->raw != '\0';
    if (*r->raw != '\0' && !text_is_local_path(r->raw))
        wrong(r, tr_mark("{label} must be a path on this site."));
    else if (*r->raw == '\0' && r->field->required)
        missing(r);
}

/* Empty ones are left out: so an empty list is said in a form. */
static void read_ids(struct reading *r) {
    struct arena *a = r->req->ctx.arena;
    size_t n, max = r->field->max > 0 ? (size_t)r->field->max : IDS_MAX;
    const char **texts = params_all(r->from, r->field->name, &n);
    r->out->present = params_has_list(r->from, r->field->name);
    if (n == 0 && r->field->required)
        missing(r);
    if (n > max) {
        wrong(r, tr_mark("{label}: at most {max} at a time."));
        return;
    }
    int64_t *ids = arena_many(a, int64_t, n);
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (*texts[i] != '\0' && !id_parse(texts[i], &ids[k++])) {
            wrong(r, tr_mark("{label} is not a valid number."));
            return;
        }
    r->out->ids = ids;
    r->out->n_ids = k;
}

/* Whether a JSON body says one value where a list belongs. A form may: there a list of one looks like that.
 */
static bool is_single_of_json(const struct reading *r) {
    return r->from == &r->req->form && form_type_is(r->req->content_type, "application/json") &&
           params_value(r->from, r->field->name) != NULL;
}

/* Each is read as one line; empty ones are left out. */
static void read_lines(struct reading *r) {
    size_t n;
    const char **raw = params_all(r->from, r->field->name, &n), **lines;

    r->out->present = params_has_list(r->from, r->field->name);
    if (!params_all_texts(r->from, r->field->name) || is_single_of_json(r)) {
        wrong(r, tr_mark("{label} must be a list of texts."));
        return;
    }
    if (n > LINES_MAX) {
        wrong(r, tr_mark("{label}: too many at a time."));
        return;
    }
    lines = arena_many(r->req->ctx.arena, const char *, n);
    for (size_t i = 0; i < n; i++) {
        r->raw = raw[i];
        read_cleaned(r, text_clean_line, LINE_MAX_CHARS);
        if (r->out->text != NULL && *r->out->text != '\0')
            lines[r->out->n_texts++] = r->out->text;
    }
    r->out->texts = lines;
    r->out->text = NULL;
}

/* Whether a list or an object was sent where one value belongs, which a JSON body can do. */
static bool refused_as_parts(struct reading *r) {
    if (!params_has_parts(r->from, r->field->name))
        return false;
    wrong(r, tr_mark("{label} must be one value, not a list or an object."));
    return true;
}

static void read_file(struct reading *r) {
    const struct param *file = params_file(&r->req->form, r->field->name);

    r->out->present = file != NULL;
    if (file != NULL)
        r->out->number = (int64_t)file->n;
    else if (!refused_as_parts(r) && r->field->required)
        missing(r);
}

static void read_list(struct reading *r) {
    if (params_has_nested(r->from, r->field->name))
        wrong(r, tr_mark("{label} must be a list of single values."));
    else if (r->field->kind == FIELD_IDS)
        read_ids(r);
    else
        read_lines(r);
}

/* What is more than one text. */
static bool read_parts(struct reading *r) {
    if (r->field->kind == FIELD_IDS || r->field->kind == FIELD_LINES)
        read_list(r);
    else if (r->field->kind == FIELD_FILE)
        read_file(r);
    else
        return false;
    return true;
}

/* Whether JSON said a number, true or false where a text belongs. */
static bool refused_as_no_text(struct reading *r, enum param_kind said) {
    unsigned texts = 1u << FIELD_LINE | 1u << FIELD_TEXT | 1u << FIELD_SECRET | 1u << FIELD_HANDLE |
                     1u << FIELD_EMAIL | 1u << FIELD_CHOICE | 1u << FIELD_PATH | 1u << FIELD_TEXTS;
    if (said == PARAM_TEXT || (texts & 1u << r->field->kind) == 0)
        return false;
    wrong(r, tr_mark("{label} must be a text."));
    return true;
}

/* Where no single value is. */
static void read_nothing(struct reading *r) {
    bool is_list = r->field->kind == FIELD_TEXTS && params_has_parts(r->from, r->field->name) &&
                   !params_has_nested(r->from, r->field->name);
    r->out->present = is_list;
    if (!is_list && !refused_as_parts(r) && r->field->required)
        missing(r);
}

static void read_field(struct reading *r) {
    if (read_parts(r))
        return;
    const struct param *said = params_value(r->from, r->field->name);
    r->out->present = said != NULL;
    if (said == NULL) {
        read_nothing(r);
        return;
    }
    if (refused_as_no_text(r, said->kind))
        return;
    r->raw = said->value;
    switch (r->field->kind) {
    case FIELD_LINE:
        read_cleaned(r, text_clean_line, LINE_MAX_CHARS);
        break;
    case FIELD_TEXT:
    case FIELD_TEXTS:
        read_cleaned(r, text_clean, TEXT_MAX_CHARS);
        break;
    case FIELD_SECRET:
        read_secret(r);
        break;
    case FIELD_HANDLE:
        read_handle(r);
        break;
    case FIELD_EMAIL:
        read_email(r);
        break;
    case FIELD_INT:
        read_int(r);
        break;
    case FIELD_ID:
        read_id(r);
        break;
    case FIELD_BOUND:
        read_bound(r);
        break;
    case FIELD_BOOL:
        read_bool(r);
        break;
    case FIELD_CHOICE:
        read_choice(r);
        break;
    case FIELD_PATH:
        read_path(r);
        break;
    case FIELD_IDS:
    case FIELD_LINES:
    case FIELD_FILE:
        break;
    }
}

/* Where a route's fields come from: the body, or the query for requests that have none. Programs may send
 * any request without a body; a browser's form always has one. */
static const struct params *source(const struct request *req) {
    bool may_lack = req->method == METHOD_DELETE || req->route->face == FACE_JSON;
    bool bodiless = (req->method & (METHOD_GET | METHOD_HEAD)) != 0 || (may_lack && req->form.n == 0);
    return bodiless ? &req->query : &req->form;
}

enum code router_validate(struct request *req) {
    req->n_fields = 0;
    if (req->route->fields == NULL)
        return OK;
    struct reading r = {.req = req, .from = source(req)};
    for (const struct field *f = req->route->fields; f->name != NULL; f++) {
        r.field = f;
        r.out = &req->fields[req->n_fields++];
        *r.out = (struct field_value){.field = f};
        read_field(&r);
    }
    return req->ctx.error.fields != NULL ? req->ctx.error.code : OK;
}

/* ---- what handlers read ---- */

const struct field_value *field_get(const struct request *req, const char *name) {
    for (size_t i = 0; i < req->n_fields; i++)
        if (strcmp(req->fields[i].field->name, name) == 0)
            return &req->fields[i];
    router_bug("a handler reads a field that its route does not declare",
               req->route != NULL ? req->route->pattern : "", name);
}

const char *field_text(const struct request *req, const char *name) {
    const struct field_value *v = field_get(req, name);
    return v->text != NULL ? v->text : "";
}

int64_t field_int(const struct request *req, const char *name) { return field_get(req, name)->number; }

bool field_bool(const struct request *req, const char *name) { return field_get(req, name)->number != 0; }

bool field_present(const struct request *req, const char *name) { return field_get(req, name)->present; }

const char *field_typed(const struct request *req, const char *name) {
    if (req->route == NULL || req->route->fields == NULL)
        return "";
    for (const struct field *f = req->route->fields; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0) {
            const char *s =
                f->kind != FIELD_SECRET ? params_get(source(req), name) : NULL; /* secrets are typed anew */
            return s != NULL ? s : "";
        }
    return "";
}
