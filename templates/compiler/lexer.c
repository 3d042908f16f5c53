/* Cuts a template file into literal text, {{ expressions }} and {% directives %}; leaves {# comments #} out.
 */
#include <string.h>

#include "tplc.h"

static bool starts(const struct lexer *lx, const char *p, const char *text) {
    size_t n = strlen(text);
    return (size_t)(lx->end - p) >= n && memcmp(p, text, n) == 0;
}

static int count_lines(const char *p, const char *end) {
    int n = 0;
    for (; p < end; p++)
        n += *p == '\n';
    return n;
}

/* Where the string or character literal that begins at p ends. */
static const char *skip_quoted(const struct lexer *lx, const char *p) {
    char quote = *p;
    for (p++; p < lx->end && *p != quote; p++) {
        if (*p == '\\' && p + 1 < lx->end)
            p++;
        if (*p == '\n')
            break;
    }
    if (p >= lx->end || *p != quote)
        fail(lx->file, lx->line, "a %c has no end on its line", quote);
    return p + 1;
}

static struct span take_until(struct lexer *lx, const char *close, bool quotes) {
    const char *begin = lx->p + 2;
    const char *p = begin;
    while (p < lx->end && !starts(lx, p, close))
        p = quotes && (*p == '"' || *p == '\'') ? skip_quoted(lx, p) : p + 1;
    if (p >= lx->end)
        fail(lx->file, lx->line, "%.2s has no %s", lx->p, close);
    lx->p = p + 2;
    return (struct span){begin, (size_t)(p - begin)};
}

static struct span take_literal(struct lexer *lx) {
    const char *begin = lx->p;
    const char *p = begin;
    while (p < lx->end && !starts(lx, p, "{{") && !starts(lx, p, "{%") && !starts(lx, p, "{#"))
        p++;
    lx->p = p;
    return (struct span){begin, (size_t)(p - begin)};
}

struct token lexer_next(struct lexer *lx) {
    struct token t = {.line = lx->line};
    while (starts(lx, lx->p, "{#")) {
        struct span comment = take_until(lx, "#}", false);
        lx->line += count_lines(comment.p, comment.p + comment.n);
        t.line = lx->line;
    }
    if (lx->p >= lx->end)
        return t;
    if (starts(lx, lx->p, "{{")) {
        t.kind = TOKEN_EXPR;
        t.text = take_until(lx, "}}", true);
    } else if (starts(lx, lx->p, "{%")) {
        t.kind = TOKEN_DIRECTIVE;
        t.text = take_until(lx, "%}", true);
    } else {
        t.kind = TOKEN_LITERAL;
        t.text = take_literal(lx);
    }
    lx->line += count_lines(t.text.p, t.text.p + t.text.n);
    return t;
}
