#include "fcgi/form.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/json.h"

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

const struct param_limits form_limits_query = {
    .total = 16 * KIB, .count = 256, .name = 256, .value = 8 * KIB, .depth = 4, .header = 0};
const struct param_limits form_limits_body = {
    .total = MIB, .count = 1024, .name = 256, .value = 512 * KIB, .depth = 4, .header = 0};
const struct param_limits form_limits_multipart = {
    .total = 64 * MIB, .count = 256, .name = 256, .value = 512 * KIB, .depth = 4, .header = 4 * KIB};

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes n bytes of s into out, which has room for n + 1; '+' becomes plus. False when a %XX is broken. */
static bool percent_decode(const char *s, size_t n, char plus, char *out, size_t *ret_n) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        char c = s[i] == '+' ? plus : s[i];
        if (s[i] == '%') {
            int high = n - i > 2 ? hex_value(s[i + 1]) : -1;
            int low = high >= 0 ? hex_value(s[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    *ret_n = len;
    return true;
}

/* One "name=value" of n > 0 bytes. */
static enum code parse_pair(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                            struct error *ret_error) {
    const char *eq = memchr(s, '=', n);
    size_t name_n = eq != NULL ? (size_t)(eq - s) : n;
    const char *raw = eq != NULL ? eq + 1 : s + n;
    size_t raw_n = (size_t)(s + n - raw);
    /* Sizes before copies: three bytes are at most one. The exact check follows. */
    if (p->n >= limits->count || name_n / 3 > limits->name)
        return params_add_checked(p, limits, (struct param){.name = s, .value = ""}, name_n, ret_error);
    char *name = arena_alloc(p->arena, n + 2);
    if (!percent_decode(s, name_n, ' ', name, &name_n))
        return params_refuse(ret_error, "The name of a parameter is not valid percent-encoding.");
    char *value = name + name_n + 1;
    size_t value_n;
    if (!percent_decode(raw, raw_n, ' ', value, &value_n))
        return params_refuse_named(p->arena, ret_error, name, name_n,
                                   "This value is not valid percent-encoding.");
    return params_add_checked(p, limits, (struct param){.name = name, .value = value, .n = value_n}, name_n,
                              ret_error);
}

enum code form_parse(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                     struct error *ret_error) {
    if (n > limits->total)
        return params_refuse_size(ret_error);
    const char *end = s + n;
    while (s < end) {
        const char *amp = memchr(s, '&', (size_t)(end - s));
        const char *stop = amp != NULL ? amp : end;
        if (stop > s) {
            enum code code = parse_pair(p, s, (size_t)(stop - s), limits, ret_error);
            if (code != OK)
                return code;
        }
        s = amp != NULL ? amp + 1 : end;
    }
    return OK;
}

/* ---- Header values with parameters: type; name=token; name="quoted" (RFC 9110 section 5.6.6) ---- */

static bool is_token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t token_len(const char *s, size_t n) {
    size_t i = 0;
    while (i < n && is_token_char(s[i]))
        i++;
    return i;
}

static size_t blank_len(const char *s, size_t n) {
    size_t i = 0;
    while (i < n && (s[i] == ' ' || s[i] == '\t'))
        i++;
    return i;
}

/* What is still to be read of one header value. */
struct rest {
    const char *s;
    size_t n;
};

static void skip(struct rest *r, size_t n) {
    r->s += n;
    r->n -= n;
}

/* Reads a quoted string after its opening quote. Only \" and \\ are escapes: some clients send a Windows path
 * as it is. */
static char *read_quoted(struct arena *a, struct rest *r) {
    char *out = arena_alloc(a, r->n + 1);
    size_t len = 0;
    while (r->n > 0 && r->s[0] != '"') {
        if (r->s[0] == '\\' && r->n > 1 && (r->s[1] == '"' || r->s[1] == '\\'))
            skip(r, 1);
        out[len++] = r->s[0];
        skip(r, 1);
    }
    if (r->n == 0)
        return NULL;
    skip(r, 1);
    out[len] = '\0';
    return out;
}

/* Reads the next "; name=value". False at the end of the header or where it is broken: ret_name is NULL at
 * the end. */
static bool next_attribute(struct arena *a, struct rest *r, const char **ret_name, const char **ret_value) {
    *ret_name = NULL;
    skip(r, blank_len(r->s, r->n));
    if (r->n == 0)
        return false;
    *ret_name = "";
    if (r->s[0] != ';')
        return false;
    skip(r, 1);
    skip(r, blank_len(r->s, r->n));
    if (r->n == 0) {
        *ret_name = NULL; /* a ';' at the end says nothing */
        return false;
    }
    size_t len = token_len(r->s, r->n);
    if (len == 0 || len == r->n || r->s[len] != '=')
        return false;
    const char *name = arena_strndup(a, r->s, len);
    skip(r, len + 1);
    if (r->n > 0 && r->s[0] == '"') {
        skip(r, 1);
        *ret_value = read_quoted(a, r);
    } else {
        len = token_len(r->s, r->n);
        *ret_value = len > 0 ? arena_strndup(a, r->s, len) : NULL;
        skip(r, len);
    }
    if (*ret_value == NULL)
        return false;
    *ret_name = name;
    return true;
}

static size_t type_len(const char *s, size_t n) {
    size_t i = 0;
    while (i < n && (is_token_char(s[i]) || s[i] == '/'))
        i++;
    return i;
}

bool form_type_is(const char *content_type, const char *type) {
    if (content_type == NULL)
        return false;
    size_t n = strlen(content_type);
    size_t from = blank_len(content_type, n);
    size_t len = type_len(content_type + from, n - from);
    const char *after = content_type + from + len;
    after += blank_len(after, strlen(after));
    return len == strlen(type) && strncasecmp(content_type + from, type, len) == 0 &&
           (*after == '\0' || *after == ';');
}

/* ---- multipart/form-data ---- */

/* 1 to 70 characters of RFC 2046 section 5.1.1, the last no space. */
static bool boundary_ok(const char *s) {
    size_t n = strlen(s);
    if (n == 0 || n > 70 || s[n - 1] == ' ')
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] <= 0x1F || (unsigned char)s[i] >= 0x7F)
            return false;
    return true;
}

/* The boundary a Content-Type names, or NULL. A second one, or a broken header, is NULL too: nobody may guess
 * which. */
static const char *boundary_of(struct arena *a, const char *content_type) {
    if (!form_type_is(content_type, "multipart/form-data"))
        return NULL;
    struct rest r = {content_type, strlen(content_type)};
    skip(&r, blank_len(r.s, r.n));
    skip(&r, type_len(r.s, r.n));
    const char *boundary = NULL;
    const char *name;
    const char *value;
    while (next_attribute(a, &r, &name, &value)) {
        if (strcasecmp(name, "boundary") != 0)
            continue;
        if (boundary != NULL)
            return NULL;
        boundary = value;
    }
    return name == NULL && boundary != NULL && boundary_ok(boundary) ? boundary : NULL;
}

/* A body being cut at its boundary lines. */
struct cutter {
    const char *body;
    size_t n;
    const char *line; /* CRLF "--" boundary */
    size_t line_n;
    size_t at; /* where the next part, or what is before the first, begins */
    bool last; /* the closing boundary was read */
};

/* After a boundary: "--" closes, blanks and CRLF begin a part. Returns false when this is a longer line and
 * no boundary. */
static bool boundary_ends(struct cutter *c, size_t at) {
    const char *s = c->body + at;
    size_t n = c->n - at;
    if (n >= 2 && memcmp(s, "--", 2) == 0) {
        c->last = true;
        c->at = at + 2;
        return true;
    }
    size_t blank = blank_len(s, n);
    if (n - blank < 2 || memcmp(s + blank, "\r\n", 2) != 0)
        return false;
    c->at = at + blank + 2;
    return true;
}

/* Moves past the next boundary. False when there is none. *ret_n is how many bytes stood before its line. */
static bool next_boundary(struct cutter *c, size_t *ret_n) {
    size_t from = c->at;
    size_t search = from;
    while (search < c->n) {
        const char *hit = memmem(c->body + search, c->n - search, c->line, c->line_n);
        if (hit == NULL)
            return false;
        size_t at = (size_t)(hit - c->body);
        if (boundary_ends(c, at + c->line_n)) {
            *ret_n = at - from;
            return true;
        }
        search = at + 1;
    }
    return false;
}

/* The first boundary may stand at the very beginning, without a CRLF before it. */
static bool first_boundary(struct cutter *c) {
    size_t n;
    if (c->n >= c->line_n - 2 && memcmp(c->body, c->line + 2, c->line_n - 2) == 0 &&
        boundary_ends(c, c->line_n - 2))
        return true;
    return next_boundary(c, &n);
}

/* What the headers of one part say. */
struct part {
    const char *name;
    const char *filename;
    const char *extended; /* filename* as sent */
    const char *type;
};

static const char *base_name(const char *path) {
    const char *base = path;
    for (const char *s = path; *s != '\0'; s++)
        if (*s == '/' || *s == '\\')
            base = s + 1;
    return base;
}

static enum code parse_disposition(struct arena *a, struct rest r, struct part *part,
                                   struct error *ret_error) {
    size_t len = token_len(r.s, r.n);
    if (len != 9 || strncasecmp(r.s, "form-data", 9) != 0)
        return params_refuse(ret_error, "A part of the form is not form-data.");
    skip(&r, len);
    const char *name;
    const char *value;
    while (next_attribute(a, &r, &name, &value)) {
        const char **slot = strcasecmp(name, "name") == 0        ? &part->name
                            : strcasecmp(name, "filename") == 0  ? &part->filename
                            : strcasecmp(name, "filename*") == 0 ? &part->extended
                                                                 : NULL;
        if (slot != NULL && *slot != NULL)
            return params_refuse(ret_error, "A part of the form has two names.");
        if (slot != NULL)
            *slot = value;
    }
    if (name != NULL)
        return params_refuse(ret_error, "A part of the form has a broken Content-Disposition header.");
    return OK;
}

static bool has_control(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7F)
            return true;
    return false;
}

static enum code parse_header(struct arena *a, struct rest line, struct part *part, struct error *ret_error) {
    size_t len = token_len(line.s, line.n);
    if (len == 0 || len == line.n || line.s[len] != ':' || has_control(line.s, line.n))
        return params_refuse(ret_error, "A part of the form has a broken header.");
    struct rest value = line;
    skip(&value, len + 1);
    skip(&value, blank_len(value.s, value.n));
    if (len == 19 && strncasecmp(line.s, "Content-Disposition", len) == 0)
        return parse_disposition(a, value, part, ret_error);
    if (len == 12 && strncasecmp(line.s, "Content-Type", len) == 0)
        part->type = arena_strndup(a, value.s, value.n);
    if (len == 25 && strncasecmp(line.s, "Content-Transfer-Encoding", len) == 0) {
        size_t n = token_len(value.s, value.n);
        if ((n != 6 || strncasecmp(value.s, "binary", n) != 0) &&
            (n != 4 || strncasecmp(value.s, "8bit", n) != 0) &&
            (n != 4 || strncasecmp(value.s, "7bit", n) != 0))
            return params_refuse(ret_error, "A part of the form uses a transfer encoding; send it as it is.");
    }
    return OK;
}

/* The file name of filename*=UTF-8''percent-encoded (RFC 8187), which some clients send in place of filename.
 */
static const char *extended_name(struct arena *a, const char *s) {
    if (strncasecmp(s, "utf-8'", 6) != 0)
        return NULL;
    const char *text = strchr(s + 6, '\'');
    if (text == NULL)
        return NULL;
    size_t n = strlen(text + 1);
    char *out = arena_alloc(a, n + 1);
    return percent_decode(text + 1, n, '+', out, &n) && !has_control(out, n) ? out : NULL;
}

/* Reads header lines up to the empty one; *ret_head is their size with it. */
static enum code parse_part_head(struct arena *a, const char *s, size_t n, size_t max, struct part *part,
                                 size_t *ret_head, struct error *ret_error) {
    size_t at = 0;
    for (;;) {
        size_t window = n - at < max - at ? n - at : max - at;
        const char *eol = memmem(s + at, window, "\r\n", 2);
        if (eol == NULL)
            return params_refuse(ret_error, "A part of the form has headers that are broken or too long.");
        size_t len = (size_t)(eol - (s + at));
        if (len == 0)
            break;
        enum code code = parse_header(a, (struct rest){s + at, len}, part, ret_error);
        if (code != OK)
            return code;
        at += len + 2;
    }
    if (part->name == NULL)
        return params_refuse(ret_error, "A part of the form has no name.");
    *ret_head = at + 2;
    return OK;
}

static enum code add_part(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                          struct error *ret_error) {
    struct part part = {0};
    size_t head = 0;
    enum code code = parse_part_head(p->arena, s, n, limits->header, &part, &head, ret_error);
    if (code != OK)
        return code;
    struct param param = {.name = part.name, .value = s + head, .n = n - head, .type = part.type};
    size_t name_n = strlen(part.name);
    if (part.filename == NULL && part.extended != NULL) {
        part.filename = extended_name(p->arena, part.extended);
        if (part.filename == NULL)
            return params_refuse_named(p->arena, ret_error, part.name, name_n,
                                       "The name of this file is broken.");
    }
    if (part.filename != NULL) {
        param.filename = base_name(part.filename);
        if (!text_utf8_valid(param.filename, strlen(param.filename)))
            return params_refuse_named(p->arena, ret_error, part.name, name_n,
                                       "The name of this file is not valid UTF-8 text.");
    }
    code = params_add_checked(p, limits, param, name_n, ret_error);
    if (code == OK && param.filename == NULL)
        p->items[p->n - 1].value = arena_strndup(p->arena, param.value, param.n);
    return code;
}

enum code form_parse_multipart(struct params *p, const char *content_type, const char *body, size_t n,
                               const struct param_limits *limits, struct error *ret_error) {
    if (n > limits->total)
        return params_refuse_size(ret_error);
    const char *boundary = boundary_of(p->arena, content_type);
    if (boundary == NULL)
        return params_refuse(ret_error, "The Content-Type of the form names no usable boundary.");
    char *line = arena_printf(p->arena, "\r\n--%s", boundary);
    struct cutter c = {.body = body, .n = n, .line = line, .line_n = strlen(line)};
    if (!first_boundary(&c))
        return params_refuse(ret_error, "The form does not contain its boundary.");
    while (!c.last) {
        size_t from = c.at;
        size_t part_n;
        if (!next_boundary(&c, &part_n))
            return params_refuse(ret_error, "The form ends before its closing boundary.");
        enum code code = add_part(p, body + from, part_n, limits, ret_error);
        if (code != OK)
            return code;
    }
    return OK;
}

enum code form_parse_body(struct params *p, const char *content_type, const char *body, size_t n,
                          struct error *ret_error) {
    if (n == 0)
        return OK;
    if (form_type_is(content_type, "application/x-www-form-urlencoded"))
        return form_parse(p, body, n, &form_limits_body, ret_error);
    if (form_type_is(content_type, "multipart/form-data"))
        return form_parse_multipart(p, content_type, body, n, &form_limits_multipart, ret_error);
    if (form_type_is(content_type, "application/json"))
        return json_parse_params(p, body, n, &json_limits_body, ret_error);
    return error_set(ret_error, INVALID, 415, "Send a form or JSON: this Content-Type is not supported.");
}
