#include "fcgi/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/json_lex.h"

const struct param_limits json_limits_body = {
    .total = 1024 * 1024, .count = 4096, .name = 256, .value = 512 * 1024, .depth = 16, .header = 0};

/* ---- Reading ---- */

/* A walk over a tree, in order. path is the name that a form would give to where it stands. */
struct walk {
    const struct param_limits *limits;
    struct params *params; /* NULL: only check */
    struct arena *arena;
    struct buf path;
    size_t names;
    struct error *error;
};

static enum code walk_value(struct walk *w, struct json_object *value);
static enum code add_empty(struct walk *w, const char *mark);

static enum code refuse_here(struct walk *w, const char *text) {
    return params_refuse_named(w->arena, w->error, buf_str(&w->path), w->path.n, text);
}

static enum code check_scalar(struct walk *w, struct json_object *value) {
    if (json_object_is_type(value, json_type_string)) {
        size_t n = (size_t)json_object_get_string_len(value);
        if (n > w->limits->value)
            return refuse_here(w, "This value is too long.");
        if (memchr(json_object_get_string(value), '\0', n) != NULL)
            return refuse_here(w, "This value holds the character NUL.");
    }
    if (json_object_is_type(value, json_type_double) && !isfinite(json_object_get_double(value)))
        return refuse_here(w, "This number is too large.");
    return OK;
}

static enum code add_scalar(struct walk *w, struct json_object *value) {
    enum code code = check_scalar(w, value);
    if (code != OK || w->params == NULL)
        return code;
    if (value == NULL) /* as if not said; in a list it is something without a value */
        return w->path.n > 2 && memcmp(w->path.p + w->path.n - 2, "[]", 2) == 0
                   ? add_empty(w, PARAM_EMPTY_LIST)
                   : OK;
    bool text = json_object_is_type(value, json_type_string);
    const char *s = json_object_get_string(value);
    size_t n = text ? (size_t)json_object_get_string_len(value) : strlen(s);
    struct param param = {
        .name = arena_strndup(w->arena, buf_str(&w->path), w->path.n),
        .value = arena_strndup(w->arena, s, n),
        .n = n,
        .kind = text                                            ? PARAM_TEXT
                : json_object_is_type(value, json_type_boolean) ? PARAM_TRUTH
                                                                : PARAM_NUMBER,
    };
    return params_add_checked(w->params, w->limits, param, w->path.n, w->error);
}

/* Back to where the path was before a name was added. */
static void path_cut(struct walk *w, size_t n) {
    w->path.n = n;
    if (w->path.p != NULL)
        w->path.p[n] = '\0';
}

static enum code walk_object(struct walk *w, struct json_object *object) {
    size_t before = w->path.n;
    json_object_object_foreach(object, name, value) {
        size_t name_n = strlen(name);
        if (name_n > w->limits->name)
            return refuse_here(w, "The name of a value in here is too long.");
        w->names++;
        if (before > 0)
            buf_putc(&w->path, '[');
        buf_add(&w->path, name, name_n);
        if (before > 0)
            buf_putc(&w->path, ']');
        enum code code = walk_value(w, value);
        if (code != OK)
            return code;
        path_cut(w, before);
    }
    return OK;
}

/* Elements that are lists or objects themselves keep their number, so that their parts stay together. */
static enum code walk_array(struct walk *w, struct json_object *array) {
    size_t before = w->path.n;
    size_t n = json_object_array_length(array);
    for (size_t i = 0; i < n; i++) {
        struct json_object *value = json_object_array_get_idx(array, i);
        bool nested =
            json_object_is_type(value, json_type_array) || json_object_is_type(value, json_type_object);
        buf_putc(&w->path, '[');
        if (nested)
            buf_int(&w->path, (int64_t)i);
        buf_putc(&w->path, ']');
        enum code code = walk_value(w, value);
        if (code != OK)
            return code;
        path_cut(w, before);
    }
    return OK;
}

static bool is_empty(struct json_object *value) {
    return (json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0) ||
           (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0);
}

/* A list or an object without anything in it has no value to be named. That it stands there is said by a name
 * that nothing else has. */
static enum code add_empty(struct walk *w, const char *mark) {
    size_t before = w->path.n;

    if (w->params == NULL)
        return OK;
    buf_puts(&w->path, mark);
    params_add(w->params, arena_strndup(w->arena, buf_str(&w->path), w->path.n), "", 0);
    path_cut(w, before);
    return OK;
}

/* Recurses as deep as the document; json_read() has bounded that. */
static enum code walk_value(struct walk *w, struct json_object *value) {
    if (w->path.n > 0 && is_empty(value))
        return add_empty(w, json_object_is_type(value, json_type_array) ? PARAM_EMPTY_LIST : PARAM_EMPTY);
    if (json_object_is_type(value, json_type_object))
        return walk_object(w, value);
    if (json_object_is_type(value, json_type_array))
        return walk_array(w, value);
    return add_scalar(w, value);
}

/* The longest path: every level adds a name or a number and two brackets. */
static struct walk walk_begin(struct arena *a, const struct param_limits *limits, struct error *ret_error) {
    struct walk w = {.limits = limits, .arena = a, .error = ret_error};
    buf_init(&w.path, a, (limits->name + 24) * (limits->depth + 1));
    return w;
}

static void put_object(void *object) { json_object_put(object); }

/* What json-c makes of it; NULL with *ret_ok false when it makes nothing. */
static struct json_object *tokenize(const char *s, size_t n, size_t depth, bool *ret_ok) {
    struct json_tokener *t = json_tokener_new_ex((int)depth + 1);
    *ret_ok = false;
    if (t == NULL)
        return NULL;
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(t, s, (int)n);
    if (json_tokener_get_error(t) == json_tokener_continue)
        object = json_tokener_parse_ex(t, "", 1); /* its own way to say that no more bytes come */
    *ret_ok = json_tokener_get_error(t) == json_tokener_success;
    json_tokener_free(t);
    return object;
}

static enum code check_tree(struct arena *a, struct json_object *object, const struct param_limits *limits,
                            const struct json_stats *stats, struct error *ret_error) {
    struct walk w = walk_begin(a, limits, ret_error);
    enum code code = walk_value(&w, object);
    if (code != OK)
        return code;
    if (stats->nuls > 0)
        return params_refuse(ret_error, "The JSON holds the character NUL in a name.");
    if (stats->names != w.names)
        return params_refuse(ret_error, "The JSON has two values of the same name in one object.");
    return OK;
}

enum code json_read(struct arena *a, const char *s, size_t n, const struct param_limits *limits,
                    struct json_object **ret_object, struct error *ret_error) {
    if (n > limits->total || n >= INT_MAX)
        return params_refuse_size(ret_error);
    struct json_stats stats;
    const char *wrong = json_lex(s, n, &stats);
    if (wrong != NULL)
        return params_refuse(ret_error, wrong);
    if (stats.depth > limits->depth)
        return params_refuse(ret_error, "The JSON is nested too deeply.");
    if (stats.values > limits->count)
        return params_refuse(ret_error, "The JSON has too many values.");
    bool ok;
    struct json_object *object = tokenize(s, n, limits->depth, &ok);
    if (object != NULL)
        arena_defer(a, put_object, object);
    if (!ok)
        return params_refuse(ret_error, "The request is not well-formed JSON.");
    enum code code = check_tree(a, object, limits, &stats, ret_error);
    if (code == OK)
        *ret_object = object;
    return code;
}

enum code json_parse_params(struct params *p, const char *s, size_t n, const struct param_limits *limits,
                            struct error *ret_error) {
    struct json_object *object;
    enum code code = json_read(p->arena, s, n, limits, &object, ret_error);
    if (code != OK)
        return code;
    if (!json_object_is_type(object, json_type_object))
        return params_refuse(ret_error, "The JSON of a request must be an object.");
    struct walk w = walk_begin(p->arena, limits, ret_error);
    w.params = p;
    return walk_value(&w, object);
}

/* ---- Writing ---- */

void json_init(struct json *j, struct buf *out) { *j = (struct json){.out = out}; }

static void before_value(struct json *j) {
    if (j->comma)
        buf_putc(j->out, ',');
    j->comma = true;
}

static void open(struct json *j, char c) {
    before_value(j);
    buf_putc(j->out, c);
    j->comma = false;
    j->depth++;
}

static void close(struct json *j, char c) {
    buf_putc(j->out, c);
    j->comma = true;
    j->depth--;
}

void json_open_object(struct json *j) { open(j, '{'); }
void json_close_object(struct json *j) { close(j, '}'); }
void json_open_array(struct json *j) { open(j, '['); }
void json_close_array(struct json *j) { close(j, ']'); }

void json_key(struct json *j, const char *name) {
    json_str(j, name);
    buf_putc(j->out, ':');
    j->comma = false;
}

void json_str(struct json *j, const char *s) {
    if (s == NULL)
        json_null(j);
    else
        json_strn(j, s, strlen(s));
}

void json_strn(struct json *j, const char *s, size_t n) {
    before_value(j);
    buf_putc(j->out, '"');
    buf_json(j->out, s, n);
    buf_putc(j->out, '"');
}

void json_int(struct json *j, int64_t v) {
    before_value(j);
    buf_int(j->out, v);
}

void json_real(struct json *j, double v) {
    char digits[32];
    if (!isfinite(v)) {
        json_null(j);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*g", precision, v == 0 ? 0.0 : v); /* no "-0" */
        if (strtod(digits, NULL) == v)
            break;
    }
    json_raw(j, digits, strlen(digits));
}

void json_id(struct json *j, int64_t id) {
    char digits[ID_STR_MAX];
    if (id == 0)
        json_null(j);
    else
        json_strn(j, digits, (size_t)id_format(id, digits));
}

void json_boolean(struct json *j, bool v) { v ? json_raw(j, "true", 4) : json_raw(j, "false", 5); }

void json_null(struct json *j) { json_raw(j, "null", 4); }

void json_time(struct json *j, int64_t unix_ms) {
    char text[CLOCK_ISO_MAX];
    if (unix_ms == 0) {
        json_null(j);
        return;
    }
    clock_iso_write(unix_ms, text);
    json_strn(j, text, CLOCK_ISO_MAX - 1);
}

void json_raw(struct json *j, const char *s, size_t n) {
    before_value(j);
    buf_add(j->out, s, n);
}

void json_put_str(struct json *j, const char *name, const char *s) {
    json_key(j, name);
    json_str(j, s);
}

void json_put_int(struct json *j, const char *name, int64_t v) {
    json_key(j, name);
    json_int(j, v);
}

void json_put_real(struct json *j, const char *name, double v) {
    json_key(j, name);
    json_real(j, v);
}

void json_put_id(struct json *j, const char *name, int64_t id) {
    json_key(j, name);
    json_id(j, id);
}

void json_put_bool(struct json *j, const char *name, bool v) {
    json_key(j, name);
    json_boolean(j, v);
}

void json_put_null(struct json *j, const char *name) {
    json_key(j, name);
    json_null(j);
}

void json_put_time(struct json *j, const char *name, int64_t unix_ms) {
    json_key(j, name);
    json_time(j, unix_ms);
}

void json_put_object(struct json *j, const char *name) {
    json_key(j, name);
    json_open_object(j);
}

void json_put_array(struct json *j, const char *name) {
    json_key(j, name);
    json_open_array(j);
}
