/* Finds the texts that C code translates at run time: tr(lang, "…"), tr_n(lang, "one", "many", n),
 * tr_fill(arena, lang, "…", …) and tr_mark("…"); and those that are translated where they are shown: what
 * fail() and its kin tell the reader, and the labels of fields (.label = "…"). A text that is not a literal
 * is somebody else's literal. */
#include <ctype.h>
#include <string.h>

#include "tplc.h"

struct source {
    const char *file;
    const char *p;
    const char *end;
    int line;
};

/* One step: a comment, a string, a character or any other byte. */
static void step(struct source *s) {
    const char *begin = s->p;
    size_t left = (size_t)(s->end - s->p);
    if (left >= 2 && memcmp(begin, "//", 2) == 0) {
        while (s->p < s->end && *s->p != '\n')
            s->p++;
    } else if (left >= 2 && memcmp(begin, "/*", 2) == 0) {
        const char *close = strstr(begin + 2, "*/");
        s->p = close != NULL ? close + 2 : s->end;
    } else if (*begin == '"' || *begin == '\'') {
        for (s->p++; s->p < s->end && *s->p != *begin && *s->p != '\n'; s->p++)
            s->p += *s->p == '\\' && s->p + 1 < s->end;
        s->p += s->p < s->end;
    } else {
        s->p++;
    }
    for (; begin < s->p; begin++)
        s->line += *begin == '\n';
}

static void skip_blanks(struct source *s) {
    while (s->p < s->end &&
           (isspace((unsigned char)*s->p) || (s->end - s->p > 1 && memcmp(s->p, "/*", 2) == 0)))
        step(s);
}

/* Behind the next comma of this call; false when the call ends. */
static bool skip_argument(struct source *s) {
    for (int depth = 0; s->p < s->end; step(s)) {
        if (*s->p == '(' || *s->p == '[')
            depth++;
        else if ((*s->p == ')' || *s->p == ']') && depth-- == 0)
            return false;
        else if (*s->p == ',' && depth == 0) {
            step(s);
            return true;
        }
    }
    return false;
}

/* Adjacent string literals as one text; NULL when there is none. */
static char *read_text(struct source *s) {
    struct str out = {0};
    for (skip_blanks(s); s->p < s->end && *s->p == '"'; skip_blanks(s)) {
        const char *begin = s->p;
        int line = s->line;
        step(s);
        str_puts(&out, scan_decode(s->file, line, (struct span){begin, (size_t)(s->p - begin)}));
    }
    bool whole = s->p < s->end && (*s->p == ',' || *s->p == ')' || *s->p == '}');
    return whole ? out.p : NULL; /* "%" PRId64 and the like are no texts */
}

static void read_call(struct source *s, int skip, bool plural) {
    int line = s->line;
    for (step(s); skip > 0; skip--)
        if (!skip_argument(s))
            return;
    char *one = read_text(s), *many = NULL;
    if (one != NULL && plural && skip_argument(s))
        many = read_text(s);
    if (one != NULL)
        message_add(one, many, s->file, line);
}

static const struct {
    const char *name;
    int skip;
    bool plural;
} functions[] = {
    {"tr", 1, false},         {"tr_n", 1, true},       {"tr_fill", 2, false},
    {"tr_mark", 0, false},    {"fail", 2, false},      {"fail_detail", 2, false},
    {"fail_field", 2, false}, {"fail_http", 3, false}, {"fail_retry", 3, false},
};

static struct span take_word(struct source *s) {
    struct span word = {s->p, 0};
    while (s->p < s->end && (isalnum((unsigned char)*s->p) || *s->p == '_'))
        s->p++;
    word.n = (size_t)(s->p - word.p);
    return word;
}

static void read_word(struct source *s) {
    struct span word = take_word(s);
    struct source call = *s;
    skip_blanks(&call);
    if (call.p >= call.end || *call.p != '(')
        return;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (span_is(word, functions[i].name))
            read_call(&call, functions[i].skip, functions[i].plural);
}

/* At a dot: `.label = "…"` in the initialiser of a field. */
static void read_member(struct source *s) {
    step(s);
    struct source value = *s;
    struct span word = take_word(&value);
    if (!span_is(word, "label"))
        return;
    skip_blanks(&value);
    if (value.p >= value.end || *value.p != '=')
        return;
    step(&value);
    int line = value.line;
    char *text = read_text(&value);
    if (text != NULL)
        message_add(text, NULL, value.file, line);
}

void csource_read(const char *path) {
    size_t n;
    char *text = file_read(path, &n);
    struct source s = {.file = path, .p = text, .end = text + n, .line = 1};
    while (s.p < s.end) {
        if (isalnum((unsigned char)*s.p) || *s.p == '_')
            read_word(&s);
        else if (*s.p == '.')
            read_member(&s);
        else
            step(&s);
    }
}
