/* Writes the C of one template function. */
#include <string.h>

#include "tplc.h"

static void indent(struct unit *u, int extra) {
    for (int i = 0; i < u->depth + extra; i++)
        str_puts(&u->body, "    ");
}

void emit_literal(struct unit *u) {
    if (u->literal.n == 0)
        return;
    indent(u, 1);
    str_puts(&u->body, "buf_add(out, \"");
    const char *p = u->literal.p, *end = p + u->literal.n;
    while (p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        const char *stop = nl != NULL ? nl + 1 : end;
        str_add_quoted(&u->body, p, (size_t)(stop - p));
        if (stop < end) {
            str_puts(&u->body, "\"\n");
            indent(u, 2);
            str_puts(&u->body, "\"");
        }
        p = stop;
    }
    str_printf(&u->body, "\", %zu);\n", u->literal.n);
    u->literal.n = 0;
}

void emit(struct unit *u, const char *fmt, ...) {
    va_list ap;
    emit_literal(u);
    indent(u, 1);
    va_start(ap, fmt);
    str_vprintf(&u->body, fmt, ap);
    va_end(ap);
    str_putc(&u->body, '\n');
}

void emit_line(struct unit *u, int line) {
    emit_literal(u);
    str_printf(&u->body, "#line %d \"", line);
    str_add_quoted(&u->body, u->file, strlen(u->file));
    str_puts(&u->body, "\"\n");
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* A parameter's name is its last word; naming it keeps the compiler from calling it unused. */
static void emit_void(struct unit *u, const char *p, const char *end) {
    while (end > p && !is_name_char(end[-1]))
        end--;
    const char *begin = end;
    while (begin > p && is_name_char(begin[-1]))
        begin--;
    if (begin < end)
        str_printf(&u->functions, "    (void)%.*s;\n", (int)(end - begin), begin);
}

void emit_function(struct unit *u, const char *suffix) {
    const struct template *t = u->current;
    emit_literal(u);
    str_printf(&u->functions, "\nvoid tpl_%s%s(struct buf *out, const struct page *page%s%s) {\n", t->name,
               suffix, *t->params != '\0' ? ", " : "", t->params);
    str_puts(&u->functions, "    (void)out;\n    (void)page;\n");
    for (const char *p = t->params; *p != '\0';) {
        size_t n = strcspn(p, ",");
        emit_void(u, p, p + n);
        p += n + (p[n] == ',');
    }
    str_add(&u->functions, u->body.p != NULL ? u->body.p : "", u->body.n);
    str_puts(&u->functions, "}\n");
    u->body.n = 0;
}

struct name *name_add(struct name *list, const char *text) {
    struct name **at = &list;
    for (; *at != NULL; at = &(*at)->next)
        if (strcmp((*at)->text, text) == 0)
            return list;
    *at = mem_alloc(sizeof(**at));
    (*at)->text = text;
    return list;
}
