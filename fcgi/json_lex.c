#include "fcgi/json_lex.h"

#include <string.h>

#include "fcgi/base/text.h"

/* What is still to be read. */
struct lex {
    const char *s;
    size_t n;
    struct json_stats stats;
    size_t level;
};

static void skip(struct lex *l, size_t n) {
    l->s += n;
    l->n -= n;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits_len(const char *s, size_t n) {
    size_t i = 0;
    while (i < n && is_digit(s[i]))
        i++;
    return i;
}

/* Whether an integer of the right shape fits 64 bits: json-c would put the nearest one in its place. */
static bool integer_fits(const char *s, size_t n) {
    char copy[24];
    int64_t v;
    if (n >= sizeof(copy))
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    return text_parse_int(copy, INT64_MIN, INT64_MAX, &v);
}

static const char *lex_number(struct lex *l) {
    static const char broken[] = "The JSON has a number that is not written as one.";
    const char *s = l->s;
    size_t n = l->n;
    size_t i = s[0] == '-';
    size_t whole = digits_len(s + i, n - i);
    if (whole == 0 || (whole > 1 && s[i] == '0'))
        return broken;
    i += whole;
    bool integer = true;
    if (i < n && s[i] == '.') {
        size_t fraction = digits_len(s + i + 1, n - i - 1);
        if (fraction == 0)
            return broken;
        i += 1 + fraction;
        integer = false;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        i++;
        i += i < n && (s[i] == '+' || s[i] == '-');
        size_t exponent = digits_len(s + i, n - i);
        if (exponent == 0)
            return broken;
        i += exponent;
        integer = false;
    }
    if (integer && !integer_fits(s, i))
        return "The JSON has a whole number of more than 64 bits.";
    skip(l, i);
    return NULL;
}

/* The four digits of \uXXXX as a number, or -1. */
static int hex4(const char *s, size_t n) {
    int v = 0;
    if (n < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char low = s[i] | 0x20;
        if (is_digit(s[i]))
            v = v << 4 | (s[i] - '0');
        else if (low >= 'a' && low <= 'f')
            v = v << 4 | (low - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* After "\u". */
static const char *lex_unicode(struct lex *l) {
    int unit = hex4(l->s, l->n);
    if (unit < 0)
        return "The JSON has a string with a broken \\u escape.";
    skip(l, 4);
    if (unit == 0)
        l->stats.nuls++;
    if (unit < 0xD800 || unit > 0xDFFF)
        return NULL;
    int low = l->n >= 6 && l->s[0] == '\\' && l->s[1] == 'u' ? hex4(l->s + 2, l->n - 2) : -1;
    if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
        return "The JSON has a string with half a surrogate pair.";
    skip(l, 6);
    return NULL;
}

static const char *lex_escape(struct lex *l) {
    char c = l->n > 1 ? l->s[1] : '\0';
    if (c == 'u') {
        skip(l, 2);
        return lex_unicode(l);
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return "The JSON has a string with an escape that does not exist.";
    skip(l, 2);
    return NULL;
}

static const char *lex_string(struct lex *l) {
    skip(l, 1);
    while (l->n > 0 && l->s[0] != '"') {
        const char *wrong = NULL;
        size_t step = text_utf8_step(l->s, l->n);
        if ((unsigned char)l->s[0] < 0x20)
            return "The JSON has a control character inside a string.";
        if (step == 0)
            return "The JSON is not valid UTF-8.";
        if (l->s[0] == '\\')
            wrong = lex_escape(l);
        else
            skip(l, step);
        if (wrong != NULL)
            return wrong;
    }
    if (l->n == 0)
        return "The JSON ends inside a string.";
    skip(l, 1);
    return NULL;
}

/* One byte of structure, or of true, false and null. */
static const char *lex_other(struct lex *l) {
    char c = l->s[0];
    if (c == '\0' || strchr("{}[]:, \t\r\ntrufalsen", c) == NULL)
        return "The JSON has a character where none may stand.";
    if (c == '{' || c == '[') {
        l->stats.values++;
        l->level++;
        if (l->level > l->stats.depth)
            l->stats.depth = l->level;
    }
    if ((c == '}' || c == ']') && l->level > 0)
        l->level--;
    l->stats.values += c == ',';
    l->stats.names += c == ':';
    skip(l, 1);
    return NULL;
}

const char *json_lex(const char *s, size_t n, struct json_stats *ret_stats) {
    struct lex l = {.s = s, .n = n, .stats = {.values = 1}};
    while (l.n > 0) {
        char c = l.s[0];
        const char *wrong = c == '"'                  ? lex_string(&l)
                            : is_digit(c) || c == '-' ? lex_number(&l)
                                                      : lex_other(&l);
        if (wrong != NULL)
            return wrong;
    }
    *ret_stats = l.stats;
    return NULL;
}
