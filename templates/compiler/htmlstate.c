/* Where in the HTML the literal text stands: element text, a tag, an attribute value. Follows the tokenizer
 * of the HTML standard (https://html.spec.whatwg.org/multipage/parsing.html) but is stricter: every element
 * is closed by its own end tag, and what would be a parse error there is a build error here. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tplc.h"

/* A place in literal text. */
struct cursor {
    struct html *h;
    struct str *out;
    const char *file;
    int line;
    const char *p;
    const char *end;
};

static const char *const void_elements[] = {"area",  "base", "br",   "col",    "embed", "hr",  "img",
                                            "input", "link", "meta", "source", "track", "wbr", NULL};
static const char *const url_attributes[] = {"href",     "src",        "action",   "formaction", "poster",
                                             "cite",     "data",       "ping",     "background", "manifest",
                                             "codebase", "xlink:href", "longdesc", NULL};
/* Elements whose content is not parsed as HTML. */
static const char *const raw_elements[] = {"script", "iframe", "noembed", "noframes", "xmp", NULL};
static const char *const banned_elements[] = {"style", "plaintext", NULL};
static const char *const banned_schemes[] = {"javascript", "vbscript", "data", NULL};

static bool in_list(const char *const *list, const char *name) {
    for (; *list != NULL; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

/* Mails carry their looks with them, since nothing else does: there, and only there, literal styles are
 * allowed. */
static bool is_mail(const char *file) { return strstr(file, "templates/mail/") != NULL; }

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }

static bool is_open(const struct html *h, const char *name) {
    for (int i = 0; i < h->depth; i++)
        if (strcmp(h->open[i].name, name) == 0)
            return true;
    return false;
}

static bool is_foreign(const struct html *h) { return is_open(h, "svg") || is_open(h, "math"); }
static bool keeps_space(const struct html *h) { return is_open(h, "pre") || is_open(h, "textarea"); }

/* ---- writing */

void html_settle(struct html *h, struct str *out) {
    if (h->pending != '\0') {
        str_putc(out, h->pending);
        h->space = true;
    }
    h->pending = '\0';
}

void html_wrote(struct html *h) {
    h->space = false;
    h->begun = true;
}

/* Copies n bytes as they stand. */
static void copy(struct cursor *c, size_t n) {
    if (n == 0)
        return;
    html_settle(c->h, c->out);
    str_add(c->out, c->p, n);
    for (size_t i = 0; i < n; i++)
        c->line += c->p[i] == '\n';
    c->p += n;
    c->h->space = false;
}

/* Holds a run of white space back as one blank or one new line. */
static void skip_space(struct cursor *c) {
    struct html *h = c->h;
    for (; c->p < c->end && is_space(*c->p); c->p++) {
        c->line += *c->p == '\n';
        if (h->space)
            continue;
        if (h->pending == '\0' || (*c->p == '\n' && h->where != HTML_TAG))
            h->pending = *c->p == '\n' && h->where != HTML_TAG ? '\n' : ' ';
    }
}

static bool looking_at(const struct cursor *c, const char *text) {
    size_t n = strlen(text);
    return (size_t)(c->end - c->p) >= n && strncasecmp(c->p, text, n) == 0;
}

/* ---- names */

static size_t name_length(const struct cursor *c, size_t from) {
    size_t n = 0;
    while (c->p + from + n < c->end && strchr(" \n\t\r\f/>=\"'<", c->p[from + n]) == NULL)
        n++;
    return n;
}

/* The name in lower case. */
static void read_name(const struct cursor *c, size_t from, char ret_name[HTML_NAME]) {
    size_t n = name_length(c, from);
    if (n >= HTML_NAME)
        n = HTML_NAME - 1; /* no name that matters is so long */
    for (size_t i = 0; i < n; i++)
        ret_name[i] = (char)tolower((unsigned char)c->p[from + i]);
    ret_name[n] = '\0';
}

/* ---- tags */

static void push(struct cursor *c) {
    struct html *h = c->h;
    if (h->depth == HTML_DEPTH)
        fail(c->file, c->line, "elements are nested too deeply");
    struct html_element *e = &h->open[h->depth++];
    memcpy(e->name, h->tag, sizeof(e->name));
    e->line = h->tag_line;
}

/* Scripts and frames hold nothing between their tags. */
static void check_empty(struct cursor *c) {
    const char *p = c->p;
    while (p < c->end && is_space(*p))
        p++;
    size_t n = strlen(c->h->tag);
    if (c->end - p < (ptrdiff_t)n + 2 || memcmp(p, "</", 2) != 0 || strncasecmp(p + 2, c->h->tag, n) != 0)
        fail(c->file, c->line, "<%s> can not have inline content", c->h->tag);
    c->p = p;
}

static void end_start_tag(struct cursor *c, bool self_closed) {
    struct html *h = c->h;
    h->pending = '\0';
    copy(c, self_closed ? 2 : 1);
    h->where = HTML_TEXT;
    if (in_list(void_elements, h->tag))
        return;
    bool foreign = is_foreign(h) || strcmp(h->tag, "svg") == 0 || strcmp(h->tag, "math") == 0;
    if (self_closed && !foreign)
        fail(c->file, c->line, "<%s/> does not close a %s element in HTML", h->tag, h->tag);
    if (self_closed)
        return;
    push(c);
    if (foreign)
        return;
    if (strcmp(h->tag, "title") == 0 || strcmp(h->tag, "textarea") == 0 || strcmp(h->tag, "style") == 0)
        h->where = HTML_RCDATA;
    if (in_list(raw_elements, h->tag))
        check_empty(c);
}

static void begin_start_tag(struct cursor *c) {
    struct html *h = c->h;
    read_name(c, 1, h->tag);
    bool may = strcmp(h->tag, "style") == 0 && is_mail(c->file);
    if ((in_list(banned_elements, h->tag) && !may) || (strcmp(h->tag, "script") == 0 && is_foreign(h)))
        fail(c->file, c->line, "<%s> is not allowed", h->tag);
    h->tag_line = c->line;
    copy(c, 1 + name_length(c, 1));
    h->where = HTML_TIGHT;
}

static void read_end_tag(struct cursor *c) {
    struct html *h = c->h;
    char name[HTML_NAME];
    read_name(c, 2, name);
    size_t n = 2 + name_length(c, 2);
    const char *p = c->p + n;
    while (p < c->end && is_space(*p))
        p++;
    if (p >= c->end || *p != '>')
        fail(c->file, c->line, "</%s has no >", name);
    if (h->depth == 0)
        fail(c->file, c->line, "</%s> closes nothing", name);
    struct html_element *e = &h->open[h->depth - 1];
    if (strcmp(e->name, name) != 0)
        fail(c->file, c->line, "</%s> stands where <%s> of line %d is open", name, e->name, e->line);
    copy(c, n);
    str_putc(c->out, '>');
    c->p = p + 1;
    h->depth--;
    h->where = HTML_TEXT;
}

static void skip_comment(struct cursor *c) {
    const char *p = c->p + 4;
    while (c->end - p >= 3 && memcmp(p, "-->", 3) != 0)
        p++;
    if (c->end - p < 3)
        fail(c->file, c->line, "an HTML comment has no end, or holds an expression or directive");
    for (; c->p < p + 3; c->p++)
        c->line += *c->p == '\n';
}

static void read_declaration(struct cursor *c) {
    const char *p = memchr(c->p, '>', (size_t)(c->end - c->p));
    if (p == NULL)
        fail(c->file, c->line, "<! has no >, or holds an expression or directive");
    copy(c, (size_t)(p + 1 - c->p));
}

/* ---- element text */

static void feed_markup(struct cursor *c) {
    if (looking_at(c, "<!--"))
        skip_comment(c);
    else if (looking_at(c, "<!"))
        read_declaration(c);
    else if (looking_at(c, "</"))
        read_end_tag(c);
    else if (c->end - c->p > 1 && isalpha((unsigned char)c->p[1]))
        begin_start_tag(c);
    else
        fail(c->file, c->line, "< begins no tag: write &lt;, or a tag with a literal name");
}

static void feed_text(struct cursor *c) {
    if (*c->p == '<') {
        feed_markup(c);
    } else if (is_space(*c->p) && !keeps_space(c->h)) {
        skip_space(c);
    } else {
        size_t n = 1;
        while (c->p + n < c->end && c->p[n] != '<' && (!is_space(c->p[n]) || keeps_space(c->h)))
            n++;
        copy(c, n);
    }
}

static void feed_rcdata(struct cursor *c) {
    const char *name = c->h->open[c->h->depth - 1].name;
    size_t n = strlen(name);
    if (looking_at(c, "</") && (size_t)(c->end - c->p) >= n + 2 && strncasecmp(c->p + 2, name, n) == 0)
        read_end_tag(c);
    else if (is_space(*c->p) && !keeps_space(c->h))
        skip_space(c);
    else
        copy(c, 1);
}

/* ---- attributes */

static enum html_attr attribute_kind(const struct cursor *c, const char *name) {
    if (strcmp(name, "style") == 0 && is_mail(c->file))
        return HTML_ATTR_STYLE;
    if (strncmp(name, "on", 2) == 0 || strcmp(name, "style") == 0 || strcmp(name, "srcdoc") == 0)
        fail(c->file, c->line, "the attribute %s is not allowed", name);
    if (strcmp(name, "srcset") == 0 || strcmp(name, "imagesrcset") == 0)
        return HTML_ATTR_SRCSET;
    return in_list(url_attributes, name) ? HTML_ATTR_URL : HTML_ATTR_PLAIN;
}

/* The scheme of a URL that begins at p. */
static void check_scheme(const struct cursor *c, const char *p, size_t n) {
    while (n > 0 && is_space(*p)) {
        p++;
        n--;
    }
    for (const char *const *s = banned_schemes; *s != NULL; s++) {
        size_t len = strlen(*s);
        if (n > len && strncasecmp(p, *s, len) == 0 && p[len] == ':')
            fail(c->file, c->line, "%s: is not allowed in a URL", *s);
    }
}

static void read_unquoted(struct cursor *c, enum html_attr kind) {
    size_t n = 0;
    while (c->p + n < c->end && !is_space(c->p[n]) && c->p[n] != '>')
        n++;
    if (n == 0 && c->p >= c->end)
        fail(c->file, c->line, "an attribute value with an expression or directive needs quotes");
    if (n == 0 || memchr(c->p, '"', n) != NULL || memchr(c->p, '\'', n) != NULL)
        fail(c->file, c->line, "an attribute value is missing or ill-formed");
    if (kind != HTML_ATTR_PLAIN)
        check_scheme(c, c->p, n);
    copy(c, n);
    c->h->where = HTML_UNQUOTED;
}

static void read_attribute(struct cursor *c) {
    struct html *h = c->h;
    char name[HTML_NAME];
    size_t n = name_length(c, 0);
    if (n == 0)
        fail(c->file, c->line, "unexpected %c in the tag <%s", *c->p, h->tag);
    read_name(c, 0, name);
    enum html_attr kind = attribute_kind(c, name);
    copy(c, n);
    h->where = HTML_TIGHT;
    const char *p = c->p;
    while (p < c->end && is_space(*p))
        p++;
    if (p >= c->end || *p != '=')
        return;
    c->p = p;
    copy(c, 1);
    while (c->p < c->end && is_space(*c->p))
        c->line += *c->p++ == '\n';
    if (c->p < c->end && (*c->p == '"' || *c->p == '\'')) {
        h->where = HTML_VALUE;
        h->attr = kind;
        h->quote = *c->p;
        copy(c, 1);
        h->begun = false;
    } else {
        read_unquoted(c, kind);
    }
}

static void feed_tag(struct cursor *c) {
    struct html *h = c->h;
    if (is_space(*c->p)) {
        h->where = HTML_TAG;
        skip_space(c);
    } else if (*c->p == '>') {
        end_start_tag(c, false);
    } else if (h->where != HTML_UNQUOTED && looking_at(c, "/>")) {
        end_start_tag(c, true);
    } else if (h->where != HTML_TAG) {
        fail(c->file, c->line, "white space is missing before an attribute of <%s>", h->tag);
    } else {
        read_attribute(c);
    }
}

static void feed_value(struct cursor *c) {
    struct html *h = c->h;
    const char *p = memchr(c->p, h->quote, (size_t)(c->end - c->p));
    size_t n = p != NULL ? (size_t)(p - c->p) : (size_t)(c->end - c->p);
    if (h->attr != HTML_ATTR_PLAIN && !h->begun)
        check_scheme(c, c->p, n);
    for (size_t i = 0; i < n; i++) {
        if (h->attr == HTML_ATTR_SRCSET && c->p[i] == ',')
            h->begun = false;
        else if (!is_space(c->p[i]))
            h->begun = true;
    }
    copy(c, n);
    if (p != NULL) {
        copy(c, 1);
        h->where = HTML_TIGHT;
    }
}

/* ---- the whole */

void html_begin(struct html *h) { *h = (struct html){.where = HTML_TEXT, .space = true}; }

void html_feed(struct html *h, struct str *out, const char *file, int line, struct span text) {
    struct cursor c = {.h = h, .out = out, .file = file, .line = line, .p = text.p, .end = text.p + text.n};
    while (c.p < c.end) {
        switch (h->where) {
        case HTML_TEXT:
            feed_text(&c);
            break;
        case HTML_RCDATA:
            feed_rcdata(&c);
            break;
        case HTML_TAG:
        case HTML_TIGHT:
        case HTML_UNQUOTED:
            feed_tag(&c);
            break;
        case HTML_VALUE:
            feed_value(&c);
            break;
        }
    }
}

const char *html_output(const struct html *h, const char *file, int line) {
    switch (h->where) {
    case HTML_TEXT:
        return "html_text";
    case HTML_RCDATA:
        if (is_open(h, "style"))
            fail(file, line, "a style holds no expression");
        return "html_rcdata";
    case HTML_VALUE:
        if (h->attr == HTML_ATTR_STYLE)
            fail(file, line, "a style holds no expression");
        if (h->attr == HTML_ATTR_PLAIN)
            return "html_attr";
        return h->begun ? "html_url_part" : "html_url_start";
    case HTML_UNQUOTED:
        fail(file, line, "an attribute value with an expression needs quotes");
    case HTML_TAG:
    case HTML_TIGHT:
        break;
    }
    fail(file, line, "an expression can not stand in the tag <%s>, only in an attribute value in quotes",
         h->tag);
}

static bool in_start_tag(const struct html *h) { return h->where >= HTML_TAG; }

static bool same_place(const struct html *a, const struct html *b) {
    if (in_start_tag(a) && in_start_tag(b))
        return strcmp(a->tag, b->tag) == 0;
    if (a->where != b->where)
        return false;
    return a->where != HTML_VALUE || (a->attr == b->attr && a->quote == b->quote &&
                                      (a->attr == HTML_ATTR_PLAIN || a->begun == b->begun));
}

void html_join(struct html *a, const struct html *b, const char *file, int line, const char *what) {
    bool same = same_place(a, b) && a->depth == b->depth;
    for (int i = 0; same && i < a->depth; i++)
        same = strcmp(a->open[i].name, b->open[i].name) == 0;
    if (!same) {
        const struct html *deep = a->depth > b->depth ? a : b;
        const char *open = a->depth != b->depth ? deep->open[deep->depth - 1].name : "";
        fail(file, line, "%s ends in another place of the HTML than it should%s%s%s", what,
             *open != '\0' ? " (<" : "", open, *open != '\0' ? "> is open on one way only)" : "");
    }
    if (b->where > a->where)
        a->where = b->where; /* in a start tag: the stricter */
    a->space = a->space && b->space;
    a->begun = a->begun && b->begun;
}

void html_finish(const struct html *h, const char *file, int line) {
    if (in_start_tag(h) || h->where == HTML_VALUE)
        fail(file, line, "the tag <%s of line %d has no >", h->tag, h->tag_line);
    if (h->depth > 0) {
        const struct html_element *e = &h->open[h->depth - 1];
        fail(file, line, "<%s> of line %d is not closed", e->name, e->line);
    }
}
