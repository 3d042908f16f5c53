/* Mentions, tags and URLs in text; see entities.h. The scanner finds what begins like one; scripts are a
 * matter for Unicode's tables (in re2c they would make a scanner of 160 kB). */
#include "handlers/common/entities.h"

#include <string.h>
#include <utf8proc.h>

#include "fcgi/base/text.h"

#define URL_MAX 2000

/* One token at s, never empty but at the end. */
static struct entity token(const char *s) {
    const unsigned char *YYCURSOR = (const unsigned char *)s, *YYMARKER;
    enum entity_kind kind;

    /*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:yyfill:enable = 0;

    end = [\x00];
    word = [A-Za-z0-9_];
    wide = [\u0080-\U0010ffff];
    space = [\x01-\x20\x7f\u0080-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff];
    url = 'http' 's'? "://" ([^] \ (space | end | ["<>`{}|\\^]))+;

    *                                    { kind = ENTITY_TEXT; goto done; }
    end                                  { kind = ENTITY_TEXT; YYCURSOR--; goto done; }
    "@" [A-Za-z] [A-Za-z0-9_]*           { kind = ENTITY_MENTION; goto done; }
    "#" (word | wide)+                   { kind = ENTITY_TAG; goto done; }
    url                                  { kind = ENTITY_URL; goto done; }
    word+                                { kind = ENTITY_TEXT; goto done; }
    [^@#A-Za-z0-9_\x00]                  { kind = ENTITY_TEXT; goto done; }
    */
done:
    return (struct entity){kind, s, (size_t)((const char *)YYCURSOR - s)};
}

/* ---- Letters */

enum sort { SORT_OTHER, SORT_LETTER, SORT_JOINING };

static enum sort sort_of(int32_t code) {
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return SORT_LETTER;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return SORT_JOINING;
    default: /* the connectors that scripts need within a word */
        return code == '_' || code == 0xB7 || code == 0x200C || code == 0x200D ? SORT_JOINING : SORT_OTHER;
    }
}

/* The sort of the code point at s; *ret_n is its length. */
static enum sort sort_at(const char *s, size_t *ret_n) {
    utf8proc_int32_t code = -1;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &code);

    *ret_n = n > 0 ? (size_t)n : 1;
    return code <= 0 ? SORT_OTHER : sort_of(code);
}

static enum sort sort_before(const struct entity_scan *s, const char *at) {
    size_t n;

    if (at == s->start)
        return SORT_OTHER;
    do
        at--;
    while (at > s->start && (*at & 0xC0) == 0x80);
    return sort_at(at, &n);
}

/* The byte before, 0 at the start. */
static char byte_before(const struct entity_scan *s, const char *at) {
    return at == s->start ? '\0' : at[-1];
}

/* ---- Judging what looks like one */

static bool is_mention(const struct entity_scan *s, const struct entity *e) {
    const char *after = e->p + e->n;
    size_t n;

    return e->n <= 31 && sort_before(s, e->p) == SORT_OTHER && byte_before(s, e->p) != '/' &&
           byte_before(s, e->p) != '@' && *after != '@' && *after != '/' && sort_at(after, &n) == SORT_OTHER;
}

/* Length in bytes of the tag's name at s, which may have more behind it; 0 when it is none. */
static size_t tag_len(const char *s, size_t n) {
    size_t at = 0, step, count = 0;
    bool letter = false;
    enum sort sort;

    while (at < n && (sort = sort_at(s + at, &step)) != SORT_OTHER) {
        letter = letter || sort == SORT_LETTER;
        at += step;
        count++;
    }
    return letter && count <= ENTITY_TAG_MAX ? at : 0;
}

static bool is_tag(const struct entity_scan *s, struct entity *e) {
    char before = byte_before(s, e->p);
    size_t n = tag_len(e->p + 1, e->n - 1);

    if (n == 0 || sort_before(s, e->p) != SORT_OTHER || before == '#' || before == '&' || before == '/')
        return false;
    e->n = n + 1;
    return true;
}

bool entity_is_tag(const char *name) {
    size_t n = strlen(name);

    return text_utf8_valid(name, n) && n > 0 && tag_len(name, n) == n;
}

static size_t count_of(const char *s, size_t n, char c) {
    size_t found = 0;

    for (size_t i = 0; i < n; i++)
        found += s[i] == c;
    return found;
}

/* What ends a sentence is no part of the address; nor is a bracket that was opened before it. */
static size_t trim_url(const char *s, size_t n) {
    size_t opened = count_of(s, n, '('), closed = count_of(s, n, ')');

    for (; n > 0; n--) {
        char c = s[n - 1];
        if (c == ')' && closed > opened)
            closed--;
        else if (strchr(".,:;!?'*_~]", c) == NULL)
            break;
    }
    return n;
}

static bool is_url(const struct entity_scan *s, struct entity *e) {
    char url[URL_MAX + 1];

    e->n = trim_url(e->p, e->n);
    if (e->n > URL_MAX || sort_before(s, e->p) != SORT_OTHER)
        return false;
    memcpy(url, e->p, e->n);
    url[e->n] = '\0';
    return text_is_http_url(url);
}

/* A token that turns out not to be what it looks like becomes text. */
static struct entity judged(const struct entity_scan *s) {
    struct entity e = token(s->at);
    bool good = e.kind == ENTITY_TEXT || (e.kind == ENTITY_MENTION && is_mention(s, &e)) ||
                (e.kind == ENTITY_TAG && is_tag(s, &e)) || (e.kind == ENTITY_URL && is_url(s, &e));

    if (!good)
        e.kind = ENTITY_TEXT;
    return e;
}

bool entity_next(struct entity_scan *s, struct entity *ret) {
    *ret = (struct entity){ENTITY_TEXT, s->at, 0};
    while (*s->at != '\0') {
        struct entity e = judged(s);

        if (e.kind != ENTITY_TEXT && ret->n > 0)
            return true; /* the text before it first; it is read again */
        s->at += e.n;
        if (e.kind != ENTITY_TEXT) {
            *ret = e;
            return true;
        }
        ret->n += e.n;
    }
    return ret->n > 0;
}
