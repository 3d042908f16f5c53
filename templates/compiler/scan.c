/* C tokens inside a directive. */
#include <ctype.h>
#include <string.h>

#include "tplc.h"

static const char *const pairs[] = {
    "->", "&&", "||", "==", "!=", "<=", ">=", "++", "--", "<<", ">>", "//", "/*"};

static size_t ident_length(const char *p, const char *end) {
    size_t n = 0;
    while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
        n++;
    return n;
}

static size_t quoted_length(const struct scan *s) {
    const char *p = s->p + 1;
    while (p < s->end && *p != *s->p && *p != '\n')
        p += *p == '\\' && p + 1 < s->end ? 2 : 1;
    if (p >= s->end || *p != *s->p)
        fail(s->file, s->line, "a %c has no end on its line", *s->p);
    return (size_t)(p + 1 - s->p);
}

static size_t punct_length(const struct scan *s) {
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (s->end - s->p >= 2 && memcmp(s->p, pairs[i], 2) == 0)
            return 2;
    return 1;
}

void scan_next(struct scan *s) {
    s->last_end = s->token.p + s->token.n;
    for (; s->p < s->end && isspace((unsigned char)*s->p); s->p++)
        s->line += *s->p == '\n';
    size_t n = 0;
    if (s->p >= s->end) {
        s->kind = SCAN_END;
    } else if (isalpha((unsigned char)*s->p) || *s->p == '_') {
        s->kind = SCAN_IDENT;
        n = ident_length(s->p, s->end);
    } else if (isdigit((unsigned char)*s->p)) {
        s->kind = SCAN_NUMBER;
        n = ident_length(s->p, s->end);
    } else if (*s->p == '"' || *s->p == '\'') {
        s->kind = *s->p == '"' ? SCAN_STRING : SCAN_CHAR;
        n = quoted_length(s);
    } else {
        s->kind = SCAN_PUNCT;
        n = punct_length(s);
    }
    s->token = (struct span){s->p, n};
    s->p += n;
}

void scan_init(struct scan *s, const char *file, int line, struct span text) {
    *s = (struct scan){.file = file, .line = line, .token = {text.p, 0}, .p = text.p, .end = text.p + text.n};
    scan_next(s);
}

bool scan_is(const struct scan *s, const char *token) {
    return s->kind != SCAN_END && span_is(s->token, token);
}

bool scan_take(struct scan *s, const char *token) {
    if (!scan_is(s, token))
        return false;
    scan_next(s);
    return true;
}

static _Noreturn void unexpected(const struct scan *s, const char *wanted) {
    if (s->kind == SCAN_END)
        fail(s->file, s->line, "%s is missing at the end", wanted);
    fail(s->file, s->line, "expected %s instead of %.*s", wanted, (int)s->token.n, s->token.p);
}

void scan_expect(struct scan *s, const char *token) {
    if (!scan_take(s, token))
        unexpected(s, token);
}

struct span scan_ident(struct scan *s, const char *what) {
    if (s->kind != SCAN_IDENT)
        unexpected(s, what);
    struct span name = s->token;
    scan_next(s);
    return name;
}

char *scan_decode(const char *file, int line, struct span raw) {
    struct str out = {0};
    str_add(&out, "", 0);
    for (size_t i = 1; i + 1 < raw.n; i++) {
        char c = raw.p[i];
        if (c == '\\') {
            static const char from[] = "nt\"\\'?", to[] = "\n\t\"\\'?";
            const char *at = strchr(from, raw.p[++i]);
            if (at == NULL || *at == '\0')
                fail(file, line, "unknown escape \\%c", raw.p[i]);
            c = to[at - from];
        }
        if ((unsigned char)c < 0x20 && c != '\n' && c != '\t')
            fail(file, line, "control character in a text");
        str_putc(&out, c);
    }
    return out.p;
}

char *scan_string(struct scan *s, const char *what) {
    if (s->kind != SCAN_STRING)
        unexpected(s, what);
    char *text = scan_decode(s->file, s->line, s->token);
    scan_next(s);
    return text;
}

void scan_done(const struct scan *s) {
    if (s->kind != SCAN_END)
        fail(s->file, s->line, "unexpected %.*s", (int)s->token.n, s->token.p);
}
