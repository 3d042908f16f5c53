/* Reads translations: gettext's .po files
 * (https://www.gnu.org/software/gettext/manual/html_node/PO-Files.html) with msgid, msgid_plural, msgstr and
 * msgstr[n]; fuzzy and obsolete entries are left out. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tplc.h"

/* The entry that is being read. */
struct entry {
    struct str id, plural, text[6];
    struct str *last; /* continued by a string on a line of its own */
    bool has_plural, fuzzy;
    int n;
    int line;
};

struct reader {
    struct locale *locale;
    const char *file;
    int line;
    struct entry entry;
    struct translation **end;
};

const struct translation *locale_find(const struct locale *l, const char *id) {
    for (const struct translation *t = l->first; t != NULL; t = t->next)
        if (strcmp(t->id, id) == 0)
            return t;
    return NULL;
}

static const char *text_of(const struct str *s) { return s->p != NULL ? s->p : ""; }

/* The header's plural forms must be those that the product's rule for the language uses. */
static void check_header(const struct reader *r, const char *header) {
    const char *p = strstr(header, "nplurals=");
    int forms = r->locale->lang->forms;
    if (p != NULL && strtol(p + 9, NULL, 10) != forms)
        fail(r->file, r->entry.line, "nplurals must be %d for %s", forms, r->locale->code);
}

static void check_names(const struct reader *r, const struct message *m, const char *text) {
    for (size_t at, end = 0; message_placeholder(text, end, &at, &end);) {
        struct span name = {text + at + 1, end - at - 2};
        if (message_arg(m, name) < 0)
            fail(r->file, r->entry.line, "{%.*s} is not in the original text", (int)name.n, name.p);
    }
}

static void keep_entry(struct reader *r) {
    struct entry *e = &r->entry;
    struct locale *l = r->locale;
    const char *id = text_of(&e->id);
    int forms = e->has_plural ? l->lang->forms : 1;
    if (locale_find(l, id) != NULL)
        fail(r->file, e->line, "\"%s\" is translated twice", id);
    struct message *m = message_add(id, e->has_plural ? text_of(&e->plural) : NULL, NULL, e->line);
    struct translation *t = mem_alloc(sizeof(*t));
    *t = (struct translation){.id = id, .n = e->n, .line = e->line};
    bool complete = !e->fuzzy;
    for (int i = 0; i < e->n; i++) {
        t->text[i] = mem_copy(text_of(&e->text[i]), e->text[i].n);
        complete = complete && e->text[i].n > 0;
        check_names(r, m, t->text[i]);
    }
    if (!complete)
        return;
    if (e->n != forms)
        fail(r->file, e->line, "\"%s\" has %d forms, %s needs %d", id, e->n, l->code, forms);
    *r->end = t;
    r->end = &t->next;
}

static void end_entry(struct reader *r) {
    struct entry *e = &r->entry;
    if (e->n > 0 && e->id.n == 0)
        check_header(r, text_of(&e->text[0]));
    else if (e->n > 0)
        keep_entry(r);
    else if (e->last != NULL)
        fail(r->file, e->line, "msgid without msgstr");
    *e = (struct entry){.line = r->line};
}

static const char *skip_blanks(const char *p) { return p + strspn(p, " \t\r"); }

/* Adds the string literal at p to the part that is being read. */
static void read_string(struct reader *r, const char *p) {
    p = skip_blanks(p);
    size_t n = strlen(p);
    while (n > 0 && strchr(" \t\r", p[n - 1]) != NULL)
        n--;
    if (r->entry.last == NULL || n < 2 || *p != '"' || p[n - 1] != '"')
        fail(r->file, r->line, "expected a keyword or a text in quotes");
    const char *text = scan_decode(r->file, r->line, (struct span){p, n});
    str_puts(r->entry.last, text);
}

static void read_msgstr(struct reader *r, const char *p) {
    struct entry *e = &r->entry;
    long i = 0;
    if (*p == '[') {
        char *end;
        i = strtol(p + 1, &end, 10);
        if (*end != ']' || i != e->n || i >= 6)
            fail(r->file, r->line, "msgstr[n] is out of order");
        p = end + 1;
    } else if (e->n > 0) {
        fail(r->file, r->line, "a second msgstr");
    }
    e->n = (int)i + 1;
    e->last = &e->text[i];
    read_string(r, p);
}

static void read_line(struct reader *r, const char *p) {
    struct entry *e = &r->entry;
    p = skip_blanks(p);
    if (*p == '#') {
        if (e->n > 0)
            end_entry(r);
        e->fuzzy = e->fuzzy || (p[1] == ',' && strstr(p, "fuzzy") != NULL);
    } else if (strncmp(p, "msgid_plural", 12) == 0) {
        e->has_plural = true;
        e->last = &e->plural;
        read_string(r, p + 12);
    } else if (strncmp(p, "msgid", 5) == 0) {
        if (e->last != NULL)
            end_entry(r);
        e->line = r->line;
        e->last = &e->id;
        read_string(r, p + 5);
    } else if (strncmp(p, "msgstr", 6) == 0) {
        read_msgstr(r, p + 6);
    } else if (*p != '\0') {
        read_string(r, p);
    }
}

static void read_file(struct locale *l) {
    struct reader r = {.locale = l, .file = l->file, .line = 1, .end = &l->first};
    size_t n;
    char *p = file_read(l->file, &n);
    char *end = p + n;
    for (; p < end; r.line++) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        if (nl == NULL)
            nl = end;
        *nl = '\0';
        read_line(&r, p);
        p = nl + 1;
    }
    end_entry(&r);
}

static int is_po(const struct dirent *e) {
    size_t n = strlen(e->d_name);
    return n > 3 && e->d_name[0] != '.' && strcmp(e->d_name + n - 3, ".po") == 0;
}

struct locale *po_read_dir(const char *dir) {
    struct dirent **list;
    struct locale *first = NULL, **end = &first;
    int n = scandir(dir, &list, is_po, alphasort);
    if (n < 0)
        fail(dir, 1, "cannot read the folder of translations");
    for (int i = 0; i < n; i++) {
        struct locale *l = mem_alloc(sizeof(*l));
        struct str path = {0};
        str_printf(&path, "%s/%s", dir, list[i]->d_name);
        l->code = mem_copy(list[i]->d_name, strlen(list[i]->d_name) - 3);
        l->file = path.p;
        l->lang = lang_find(l->code);
        *end = l;
        end = &l->next;
        free(list[i]);
    }
    free(list);
    for (struct locale *l = first; l != NULL; l = l->next) {
        if (l->lang == NULL)
            fail(l->file, 1, "unknown language %s: add it to templates/compiler/lang.c", l->code);
        if (strcmp(l->code, "en") == 0)
            fail(l->file, 1, "English is the language of the templates");
        read_file(l);
    }
    return first;
}
