/* The table of translatable strings. */
#include <ctype.h>
#include <string.h>

#include "fcgi/i18n.h"
#include "tplc.h"

static struct message *messages;
static struct message **messages_end = &messages;

struct message *message_first(void) {
    return messages;
}

struct message *message_find(const char *id) {
    for (struct message *m = messages; m != NULL; m = m->next)
        if (strcmp(m->id, id) == 0)
            return m;
    return NULL;
}

int message_arg(const struct message *m, struct span name) {
    for (int i = 0; i < m->n_args; i++)
        if (m->args[i].n == name.n && memcmp(m->args[i].p, name.p, name.n) == 0)
            return i;
    return -1;
}

bool message_placeholder(const char *text, size_t from, size_t *ret_at, size_t *ret_end) {
    for (const char *p = strchr(text + from, '{'); p != NULL; p = strchr(p + 1, '{')) {
        const char *q = p + 1;
        if (!isalpha((unsigned char)*q) && *q != '_')
            continue;
        while (isalnum((unsigned char)*q) || *q == '_')
            q++;
        if (*q != '}')
            continue;
        *ret_at = (size_t)(p - text);
        *ret_end = (size_t)(q + 1 - text);
        return true;
    }
    return false;
}

static void add_args(struct message *m, const char *text, const char *file, int line) {
    for (size_t at, end = 0; message_placeholder(text, end, &at, &end);) {
        struct span name = {text + at + 1, end - at - 2};
        if (message_arg(m, name) >= 0)
            continue;
        if (m->n_args == MESSAGE_ARGS)
            fail(file, line, "a text has more than %d names in braces", MESSAGE_ARGS);
        m->args[m->n_args++] = name;
    }
}

static void add_ref(struct message *m, const char *file, int line) {
    for (const struct message_ref *r = m->refs; r != NULL; r = r->next)
        if (r->line == line && strcmp(r->file, file) == 0)
            return;
    struct message_ref *r = mem_alloc(sizeof(*r));
    *r = (struct message_ref){file, line, NULL};
    *m->refs_end = r;
    m->refs_end = &r->next;
}

static struct message *message_new(const char *id, const char *file, int line) {
    struct message *m = mem_alloc(sizeof(*m));
    struct str symbol = {0};
    str_printf(&symbol, "i18n_m_%08x", (unsigned)i18n_hash(id));
    for (const struct message *o = messages; o != NULL; o = o->next)
        if (strcmp(o->symbol, symbol.p) == 0)
            fail(file, line, "the texts \"%s\" and \"%s\" have the same hash: change one of them", o->id, id);
    m->id = id;
    m->symbol = symbol.p;
    m->refs_end = &m->refs;
    add_args(m, id, file, line);
    *messages_end = m;
    messages_end = &m->next;
    return m;
}

struct message *message_add(const char *id, const char *plural, const char *file, int line) {
    const char *where = file != NULL ? file : "locale";
    if (*id == '\0')
        fail(where, line, "the text to translate is empty");
    struct message *m = message_find(id);
    if (m == NULL)
        m = message_new(id, where, line);
    if (plural != NULL && m->plural != NULL && strcmp(m->plural, plural) != 0)
        fail(where, line, "\"%s\" has another plural elsewhere: \"%s\"", id, m->plural);
    if (plural != NULL && m->plural == NULL) {
        m->plural = plural;
        add_args(m, plural, where, line);
    }
    if (file != NULL)
        add_ref(m, file, line);
    return m;
}
