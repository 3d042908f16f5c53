/* The grammar of expressions: the part of C that only reads. Types are the C compiler's business. */
#include <ctype.h>
#include <string.h>

#include "tplc.h"

#define EXPR_DEPTH 60

static void parse_any(struct scan *s, int depth);

static const char *const binary[] = {"&&", "||", "==", "!=", "<", ">", "<=", ">=", "+", "-"};

static const char *const keywords[] = {
    "sizeof", "return",   "goto",   "if",       "else",     "for",    "while",    "do",       "switch",
    "case",   "break",    "int",    "char",     "struct",   "union",  "enum",     "long",     "short",
    "void",   "float",    "double", "static",   "unsigned", "signed", "typedef",  "extern",   "const",
    "asm",    "_Generic", "typeof", "continue", "default",  "inline", "register", "volatile", "auto"};

static bool is_one_of(const struct scan *s, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (scan_is(s, list[i]))
            return true;
    return false;
}

#define IS_ONE_OF(s, list) is_one_of(s, list, sizeof(list) / sizeof((list)[0]))

static _Noreturn void fail_token(const struct scan *s) {
    if (s->kind == SCAN_END)
        fail(s->file, s->line, "an expression is missing or ends too early");
    fail(s->file, s->line, "%.*s is not allowed in an expression", (int)s->token.n, s->token.p);
}

static void check_number(const struct scan *s) {
    struct span t = s->token;
    size_t i = 0;
    bool hex = t.n > 2 && t.p[0] == '0' && (t.p[1] | 0x20) == 'x';
    for (i = hex ? 2 : 0; i < t.n; i++)
        if (hex ? !isxdigit((unsigned char)t.p[i]) : !isdigit((unsigned char)t.p[i]))
            break;
    for (; i < t.n; i++)
        if (strchr("uUlL", t.p[i]) == NULL)
            fail(s->file, s->line, "%.*s is not a whole number", (int)t.n, t.p);
}

static void parse_list(struct scan *s, int depth) {
    scan_expect(s, "(");
    if (!scan_is(s, ")")) {
        do
            parse_any(s, depth);
        while (scan_take(s, ","));
    }
    scan_expect(s, ")");
}

static void parse_primary(struct scan *s, int depth) {
    if (scan_take(s, "(")) {
        parse_any(s, depth);
        scan_expect(s, ")");
        return;
    }
    if (s->kind == SCAN_PUNCT || s->kind == SCAN_END || IS_ONE_OF(s, keywords))
        fail_token(s);
    if (s->kind == SCAN_NUMBER)
        check_number(s);
    scan_next(s);
}

static void parse_unary(struct scan *s, int depth) {
    while (scan_is(s, "!") || scan_is(s, "-") || scan_is(s, "+"))
        scan_next(s);
    bool callable = s->kind == SCAN_IDENT;
    parse_primary(s, depth);
    for (;;) {
        if (scan_take(s, "->") || scan_take(s, ".")) {
            scan_ident(s, "a member's name");
            callable = true;
        } else if (scan_take(s, "[")) {
            parse_any(s, depth);
            scan_expect(s, "]");
        } else if (callable && scan_is(s, "(")) {
            parse_list(s, depth);
        } else {
            return;
        }
    }
}

static void parse_any(struct scan *s, int depth) {
    if (depth > EXPR_DEPTH)
        fail(s->file, s->line, "expression too deeply nested");
    parse_unary(s, depth + 1);
    while (IS_ONE_OF(s, binary)) {
        scan_next(s);
        parse_unary(s, depth + 1);
    }
    if (scan_take(s, "?")) {
        parse_any(s, depth + 1);
        scan_expect(s, ":");
        parse_any(s, depth + 1);
    }
}

struct span expr_parse(struct scan *s) {
    const char *begin = s->token.p;
    parse_any(s, 0);
    return (struct span){begin, (size_t)(s->last_end - begin)};
}

struct span expr_parse_args(struct scan *s) {
    const char *begin = s->token.p + 1;
    parse_list(s, 0);
    return (struct span){begin, (size_t)(s->last_end - 1 - begin)};
}
