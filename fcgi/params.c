#include "fcgi/params.h"

#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"

void params_init(struct params *p, struct arena *arena) { *p = (struct params){.arena = arena}; }

static void grow(struct params *p) {
    size_t room = p->room == 0 ? 16 : p->room * 2;
    size_t size = sizeof(*p->items);
    if (p->items == NULL || !arena_extend(p->arena, p->items, p->room * size, room * size)) {
        struct param *items = arena_calloc(p->arena, room, size);
        if (p->n > 0)
            memcpy(items, p->items, p->n * size);
        p->items = items;
    }
    p->room = room;
}

struct param *params_add(struct params *p, const char *name, const char *value, size_t n) {
    if (p->n == p->room)
        grow(p);
    struct param *item = &p->items[p->n++];
    *item = (struct param){.name = name, .value = value, .n = n};
    return item;
}

bool param_is_empty(const struct param *p) {
    size_t n = strlen(p->name), mark = sizeof PARAM_EMPTY - 1;
    return n >= mark && strcmp(p->name + n - mark, PARAM_EMPTY) == 0;
}

bool params_has_parts(const struct params *p, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < p->n; i++) {
        const char *at = p->items[i].name;
        if (strncmp(at, name, n) == 0 && (at[n] == '[' || strcmp(at + n, PARAM_EMPTY) == 0))
            return true;
    }
    return false;
}

const struct param *params_value(const struct params *p, const char *name) {
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].filename == NULL && strcmp(p->items[i].name, name) == 0)
            return &p->items[i];
    return NULL;
}

const char *params_get(const struct params *p, const char *name) {
    const struct param *value = params_value(p, name);
    return value != NULL ? value->value : NULL;
}

const struct param *params_file(const struct params *p, const char *name) {
    for (size_t i = 0; i < p->n; i++) {
        const struct param *item = &p->items[i];
        if (item->filename != NULL && (item->n > 0 || item->filename[0] != '\0') &&
            strcmp(item->name, name) == 0)
            return item;
    }
    return NULL;
}

/* Whether name is the n bytes of base, alone or with "[]" or "[digits]" behind; also twice, as some clients
 * write it. */
static bool in_list(const char *name, const char *base, size_t n) {
    if (strncmp(name, base, n) != 0)
        return false;
    const char *s = name + n;
    for (int i = 0; i < 2 && *s == '['; i++) {
        s += 1 + strspn(s + 1, "0123456789");
        if (*s++ != ']')
            return false;
    }
    return *s == '\0';
}

const char **params_all(const struct params *p, const char *name, size_t *ret_n) {
    size_t len = strlen(name);
    if (len > 2 && strcmp(name + len - 2, "[]") == 0)
        len -= 2;
    const char **all = arena_many(p->arena, const char *, p->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].filename == NULL && in_list(p->items[i].name, name, len))
            all[n++] = p->items[i].value;
    *ret_n = n;
    return all;
}

bool params_has_nested(const struct params *p, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < p->n; i++) {
        const char *at = p->items[i].name;
        if (strncmp(at, name, n) == 0 && (at[n] == '[' || strcmp(at + n, PARAM_EMPTY) == 0) &&
            strcmp(at + n, PARAM_EMPTY_LIST) != 0 && !in_list(at, name, n))
            return true;
    }
    return false;
}

bool params_all_texts(const struct params *p, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].kind != PARAM_TEXT && in_list(p->items[i].name, name, n))
            return false;
    return true;
}

bool params_has_list(const struct params *p, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < p->n; i++) {
        const char *at = p->items[i].name;
        if (p->items[i].filename == NULL &&
            (in_list(at, name, n) || (strncmp(at, name, n) == 0 && strcmp(at + n, PARAM_EMPTY_LIST) == 0)))
            return true;
    }
    return false;
}

enum code params_refuse(struct error *ret_error, const char *text) {
    return error_set(ret_error, INVALID, 400, text);
}

enum code params_refuse_named(struct arena *a, struct error *ret_error, const char *name, size_t name_n,
                              const char *text) {
    params_refuse(ret_error, text);
    if (name_n > 0 && text_utf8_valid(name, name_n))
        error_add_field(a, ret_error, arena_strndup(a, name, name_n), FIELD_INVALID, text);
    return INVALID;
}

enum code params_refuse_size(struct error *ret_error) {
    return error_set(ret_error, INVALID, 413, tr_mark("The request is larger than this server takes."));
}

static size_t brackets(const char *name, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += name[i] == '[';
    return count;
}

enum code params_add_checked(struct params *p, const struct param_limits *limits, struct param text,
                             size_t name_n, struct error *ret_error) {
    struct arena *a = p->arena;
    if (p->n >= limits->count)
        return params_refuse(ret_error, "The request has too many parameters.");
    if (name_n > limits->name)
        return params_refuse(ret_error, "The name of a parameter is too long.");
    if (!text_utf8_valid(text.name, name_n))
        return params_refuse(ret_error, "The name of a parameter is not valid UTF-8 text.");
    if (brackets(text.name, name_n) > limits->depth)
        return params_refuse_named(a, ret_error, text.name, name_n, "This parameter is nested too deeply.");
    if (text.filename == NULL && text.n > limits->value)
        return params_refuse_named(a, ret_error, text.name, name_n, tr_mark("This value is too long."));
    if (text.filename == NULL && !text_utf8_valid(text.value, text.n))
        return params_refuse_named(a, ret_error, text.name, name_n,
                                   tr_mark("This value is not valid UTF-8 text."));
    *params_add(p, text.name, text.value, text.n) = text;
    return OK;
}
