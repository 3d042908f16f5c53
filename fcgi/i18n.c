/* Languages and translated texts. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "fcgi/base/arena.h"
#include "fcgi/i18n.h"

/* ---- languages */

static int valid(int lang) { return lang > 0 && lang < i18n_n_langs ? lang : 0; }

int i18n_count(void) { return i18n_n_langs; }
const char *i18n_code(int lang) { return i18n_langs[valid(lang)].code; }
const char *i18n_name(int lang) { return i18n_langs[valid(lang)].name; }
const char *i18n_dir(int lang) { return i18n_langs[valid(lang)].dir; }

static int find_exact(const char *code, size_t n) {
    for (int i = 0; i < i18n_n_langs; i++)
        if (strlen(i18n_langs[i].code) == n && strncasecmp(i18n_langs[i].code, code, n) == 0)
            return i;
    return -1;
}

static int find_range(const char *code, size_t n) {
    int lang = find_exact(code, n);
    const char *dash = memchr(code, '-', n);
    return lang < 0 && dash != NULL ? find_exact(code, (size_t)(dash - code)) : lang;
}

int i18n_find(const char *code) { return code != NULL ? find_range(code, strlen(code)) : -1; }

/* The weight after a language range, in thousandths: ";q=0.8" is 800, nothing is 1000. */
static int read_weight(const char *p) {
    p += strspn(p, " \t");
    if (*p != ';')
        return 1000;
    p++;
    p += strspn(p, " \t");
    if (strncasecmp(p, "q=", 2) != 0)
        return 1000;
    p += 2;
    if (*p == '1')
        return 1000;
    int weight = 0, place = 100;
    if (p[0] == '0' && p[1] == '.')
        for (p += 2; isdigit((unsigned char)*p) && place > 0; p++, place /= 10)
            weight += (*p - '0') * place;
    return weight;
}

int i18n_negotiate(const char *accept_language) {
    int best = 0, best_weight = 0;
    for (const char *p = accept_language; p != NULL && *p != '\0';) {
        p += strspn(p, " \t,");
        size_t n = strcspn(p, " \t,;");
        int lang = n == 1 && *p == '*' ? 0 : find_range(p, n);
        int weight = read_weight(p + n);
        if (lang >= 0 && weight > best_weight) {
            best = lang;
            best_weight = weight;
        }
        p += n;
        p += strcspn(p, ",");
    }
    return best;
}

/* ---- plural rules */

static int form_slavic(uint64_t n, int one) {
    uint64_t unit = n % 10, ten = n / 10 % 10;
    if (one)
        return 0;
    return unit >= 2 && unit <= 4 && ten != 1 ? 1 : 2;
}

static int form_arabic(uint64_t n) {
    uint64_t last = n % 100;
    if (n <= 2)
        return (int)n;
    if (last >= 3 && last <= 10)
        return 3;
    return last >= 11 ? 4 : 5;
}

int i18n_plural_form(enum i18n_plural rule, int64_t count) {
    uint64_t n = count < 0 ? -(uint64_t)count : (uint64_t)count;
    switch (rule) {
    case I18N_PLURAL_EN:
        return n != 1;
    case I18N_PLURAL_FR:
        return n > 1;
    case I18N_PLURAL_RU:
        return form_slavic(n, n % 10 == 1 && n % 100 != 11);
    case I18N_PLURAL_PL:
        return form_slavic(n, n == 1);
    case I18N_PLURAL_CS:
        return n == 1 ? 0 : n >= 2 && n <= 4 ? 1 : 2;
    case I18N_PLURAL_AR:
        return form_arabic(n);
    case I18N_PLURAL_ZH:
        return 0;
    }
    return 0;
}

/* ---- messages */

const struct i18n_text *i18n_text_of(const struct i18n_message *m, int lang) {
    const struct i18n_text *t = &m->texts[valid(lang) * m->stride];
    return t->html != NULL ? t : m->texts;
}

const struct i18n_text *i18n_plural_of(const struct i18n_message *m, int lang, int64_t n) {
    lang = valid(lang);
    if (m->texts[lang * m->stride].html == NULL)
        lang = 0;
    const struct i18n_text *t = &m->texts[lang * m->stride + i18n_plural_form(i18n_langs[lang].plural, n)];
    return t->html != NULL ? t : m->texts;
}

static struct i18n_walk walk(struct buf *out, const struct i18n_text *t) {
    return (struct i18n_walk){out, t->html, t->html + t->n};
}

struct i18n_walk i18n_walk_text(struct buf *out, int lang, const struct i18n_message *m) {
    return walk(out, i18n_text_of(m, lang));
}

struct i18n_walk i18n_walk_plural(struct buf *out, int lang, const struct i18n_message *m, int64_t n) {
    return walk(out, i18n_plural_of(m, lang, n));
}

int i18n_walk_next(struct i18n_walk *w) {
    const char *mark = memchr(w->p, '\1', (size_t)(w->end - w->p));
    const char *stop = mark != NULL ? mark : w->end;
    buf_add(w->out, w->p, (size_t)(stop - w->p));
    w->p = mark != NULL ? mark + 2 : w->end;
    return mark != NULL ? (unsigned char)mark[1] - 1 : -1;
}

static const struct i18n_message *find_message(const char *id) {
    for (uint32_t at = i18n_hash(id);; at++) {
        const struct i18n_message *m = i18n_slots[at & (i18n_n_slots - 1)];
        if (m == NULL || strcmp(m->id, id) == 0)
            return m;
    }
}

const char *tr(int lang, const char *text) {
    if (valid(lang) == 0)
        return text;
    const struct i18n_message *m = find_message(text);
    return m != NULL ? i18n_text_of(m, lang)->raw : text;
}

const char *tr_n(int lang, const char *one, const char *many, int64_t n) {
    const char *english = i18n_plural_form(I18N_PLURAL_EN, n) == 0 ? one : many;
    if (valid(lang) == 0)
        return english;
    const struct i18n_message *m = find_message(one);
    if (m == NULL || m->texts[lang * m->stride].html == NULL)
        return english;
    return i18n_plural_of(m, lang, n)->raw;
}

/* The value of a name in braces among the pairs; NULL when it is not there. */
static const char *find_value(va_list pairs, const char *name, size_t n) {
    const char *found = NULL, *key;
    va_list ap;
    va_copy(ap, pairs);
    while (found == NULL && (key = va_arg(ap, const char *)) != NULL) {
        const char *value = va_arg(ap, const char *);
        if (strlen(key) == n && memcmp(key, name, n) == 0)
            found = value != NULL ? value : "";
    }
    va_end(ap);
    return found;
}

char *tr_fill(struct arena *a, int lang, const char *text, ...) {
    struct buf out;
    va_list pairs;
    buf_init(&out, a, 1 << 20);
    va_start(pairs, text);
    for (const char *p = tr(lang, text); *p != '\0';) {
        size_t n = *p == '{' ? strcspn(p, "}") : 0;
        const char *value = n > 0 && p[n] == '}' ? find_value(pairs, p + 1, n - 1) : NULL;
        if (value != NULL) {
            buf_puts(&out, value);
            p += n + 1;
        } else {
            buf_putc(&out, *p++);
        }
    }
    va_end(pairs);
    return arena_strdup(a, buf_str(&out));
}
