/* Languages and translated texts. A language is an int: 0 is English, the language of the sources; the others
 * come from templates/locale/<code>.po, compiled into gen/messages.c. Any int is taken; one out of range
 * means English. */
#ifndef DEEPLINK_I18N_H
#define DEEPLINK_I18N_H

#include <stddef.h>
#include <stdint.h>

#include "fcgi/base/buf.h"

struct arena;

/* Families of plural rules (Unicode CLDR); the number of forms in brackets. */
enum i18n_plural {
    I18N_PLURAL_EN, /* [2] 1 | rest */
    I18N_PLURAL_FR, /* [2] 0, 1 | rest */
    I18N_PLURAL_RU, /* [3] 1, 21, 31 … | 2–4, 22–24 … | rest */
    I18N_PLURAL_PL, /* [3] 1 | 2–4, 22–24 … | rest */
    I18N_PLURAL_CS, /* [3] 1 | 2–4 | rest */
    I18N_PLURAL_AR, /* [6] 0 | 1 | 2 | n % 100 in 3–10 | n % 100 in 11–99 | rest */
    I18N_PLURAL_ZH  /* [1] all */
};

struct i18n_lang {
    const char *code; /* "de", "pt-BR": right for the lang attribute */
    const char *name; /* in the language itself */
    const char *dir;  /* "ltr" or "rtl" */
    enum i18n_plural plural;
};

/* ---- languages */

int i18n_count(void);

/* The language with this code, or with its part before '-'; -1 when there is none. NULL gives -1. */
int i18n_find(const char *code);

/* The best language for an Accept-Language header (RFC 9110, section 12.5.4); 0 when none fits. NULL gives 0.
 */
int i18n_negotiate(const char *accept_language);

const char *i18n_code(int lang);
const char *i18n_name(int lang);
const char *i18n_dir(int lang);

/* Which form of a plural, from 0, n takes. */
int i18n_plural_form(enum i18n_plural rule, int64_t n);

/* ---- texts in C code */

/* The translation of a text, or the text itself. Not escaped; names in braces are left as they are. */
const char *tr(int lang, const char *text);

/* The right one of singular and plural, translated; {n} is left in it. */
const char *tr_n(int lang, const char *one, const char *many, int64_t n);

/* The translation with its names filled in: tr_fill(a, lang, "Hello {name}", "name", name, NULL). Pairs of
 * names and texts, ended by NULL; a NULL value prints nothing. Lives in the arena. */
char *tr_fill(struct arena *a, int lang, const char *text, ...) __attribute__((sentinel));

/* Marks a text in a constant table for translation by tr() later on. */
#define tr_mark(text) text

/* ---- generated code */

struct i18n_text {
    const char *
        html; /* escaped; a name in braces is byte 1 and the argument's number plus 1. NULL: not translated */
    size_t n; /* its bytes */
    const char *raw; /* as the translator wrote it */
};

struct i18n_message {
    const char *id;                /* the English text */
    const struct i18n_text *texts; /* language l, form f at l * stride + f */
    int stride;
};

extern const struct i18n_lang i18n_langs[];
extern const int i18n_n_langs;

/* All messages in a hash table with open addressing; i18n_n_slots is a power of two. */
extern const struct i18n_message *const i18n_slots[];
extern const uint32_t i18n_n_slots;

/* FNV-1a, 32 bits. */
static inline uint32_t i18n_hash(const char *s) {
    uint32_t h = 2166136261u;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

/* The text of a message in a language, never NULL html. */
const struct i18n_text *i18n_text_of(const struct i18n_message *m, int lang);
const struct i18n_text *i18n_plural_of(const struct i18n_message *m, int lang, int64_t n);

/* Writes a message without arguments as HTML. */
static inline void i18n_put(struct buf *out, int lang, const struct i18n_message *m) {
    const struct i18n_text *t = i18n_text_of(m, lang);
    buf_add(out, t->html, t->n);
}

/* Writes a message piece by piece: each call of i18n_walk_next() writes up to the next argument and returns
 * its number, which the caller then writes; -1 at the end. */
struct i18n_walk {
    struct buf *out;
    const char *p;
    const char *end;
};

struct i18n_walk i18n_walk_text(struct buf *out, int lang, const struct i18n_message *m);
struct i18n_walk i18n_walk_plural(struct buf *out, int lang, const struct i18n_message *m, int64_t n);
int i18n_walk_next(struct i18n_walk *w);

#endif
