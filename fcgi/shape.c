#include "fcgi/shape.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/json.h"

#define DATE_CHARS 10

/* ---- Writing ---- */

static const void *member(const struct shape_field *f, const void *view) {
    return (const char *)view + f->at;
}

static const char *text_of(const struct shape_field *f, const void *view) {
    return *(const char *const *)member(f, view);
}

static int64_t number_of(const struct shape_field *f, const void *view) {
    return *(const int64_t *)member(f, view);
}

/* Whether there is nothing to say: null, or left out. */
static bool is_absent(const struct shape_field *f, const void *view) {
    switch (f->kind) {
    case SHAPE_STR:
    case SHAPE_URL:
    case SHAPE_OBJECT:
        return text_of(f, view) == NULL;
    case SHAPE_INT:
    case SHAPE_ID:
    case SHAPE_TIME:
    case SHAPE_DATE:
        return number_of(f, view) == 0;
    case SHAPE_REAL:
        return *(const double *)member(f, view) == 0;
    case SHAPE_BOOL:
        return !*(const bool *)member(f, view);
    case SHAPE_MAYBE:
        return *(const enum shape_maybe *)member(f, view) == MAYBE_UNSAID;
    case SHAPE_RAW:
    case SHAPE_RAWS:
    case SHAPE_MAP:
        return ((const struct shape_json *)member(f, view))->n == 0;
    case SHAPE_LIST:
    case SHAPE_STRS:
    case SHAPE_IDS:
        return ((const struct shape_list *)member(f, view))->items == NULL;
    default:
        return false;
    }
}

static void write_date(struct json *j, int64_t unix_ms) {
    char text[CLOCK_ISO_MAX];

    clock_iso_write(unix_ms, text);
    json_strn(j, text, DATE_CHARS);
}

static void write_strs(struct json *j, const struct shape_list *list) {
    json_open_array(j);
    for (size_t i = 0; i < list->n; i++)
        json_str(j, ((const char *const *)list->items)[i]);
    json_close_array(j);
}

static void write_ids(struct json *j, const struct shape_list *list) {
    json_open_array(j);
    for (size_t i = 0; i < list->n; i++)
        json_id(j, ((const int64_t *)list->items)[i]);
    json_close_array(j);
}

static void write_ready(struct json *j, const struct shape_json *ready, const char *otherwise) {
    if (ready->n > 0)
        json_raw(j, ready->p, ready->n);
    else
        json_raw(j, otherwise, strlen(otherwise));
}

static void write_value(struct json *j, const struct shape_field *f, const void *view) {
    const struct shape_list *list = member(f, view);

    switch (f->kind) {
    case SHAPE_STR:
    case SHAPE_URL:
        json_str(j, text_of(f, view) != NULL ? text_of(f, view) : "");
        break;
    case SHAPE_INT:
        json_int(j, number_of(f, view));
        break;
    case SHAPE_REAL:
        json_real(j, *(const double *)member(f, view));
        break;
    case SHAPE_BOOL:
        json_boolean(j, *(const bool *)member(f, view));
        break;
    case SHAPE_MAYBE:
        json_boolean(j, *(const enum shape_maybe *)member(f, view) == MAYBE_YES);
        break;
    case SHAPE_ID:
        json_id(j, number_of(f, view));
        break;
    case SHAPE_TIME:
        json_time(j, number_of(f, view));
        break;
    case SHAPE_DATE:
        write_date(j, number_of(f, view));
        break;
    case SHAPE_OBJECT:
        shape_write(j, f->of, *(const void *const *)member(f, view));
        break;
    case SHAPE_LIST:
        shape_write_list(j, f->of, list->items, list->n);
        break;
    case SHAPE_STRS:
        write_strs(j, list);
        break;
    case SHAPE_IDS:
        write_ids(j, list);
        break;
    case SHAPE_RAW:
        write_ready(j, member(f, view), "null");
        break;
    case SHAPE_RAWS:
        write_ready(j, member(f, view), "[]");
        break;
    case SHAPE_MAP:
        write_ready(j, member(f, view), "{}");
        break;
    case SHAPE_NULL:
        json_null(j);
        break;
    case SHAPE_NONE:
        json_raw(j, "[]", 2);
        break;
    case SHAPE_SPLICE: /* written by write_fields() */
        break;
    }
}

/* As json_key(); but names of shapes are plain words, in which nothing needs to be escaped. */
static void put_name(struct json *j, const char *name) {
    if (j->comma)
        buf_add(j->out, ",\"", 2);
    else
        buf_putc(j->out, '"');
    buf_puts(j->out, name);
    buf_add(j->out, "\":", 2);
    j->comma = false;
}

static void write_fields(struct json *j, const struct shape *s, const void *view) {
    for (const struct shape_field *f = s->fields; f->name != NULL; f++) {
        if (f->kind == SHAPE_SPLICE) {
            write_fields(j, f->of, member(f, view));
            continue;
        }
        if (f->optional && is_absent(f, view))
            continue;
        put_name(j, f->name);
        if (f->nullable && is_absent(f, view))
            json_null(j);
        else
            write_value(j, f, view);
    }
}

void shape_write(struct json *j, const struct shape *s, const void *view) {
    json_open_object(j);
    write_fields(j, s, view);
    json_close_object(j);
}

void shape_write_on(struct json *j, const char *begun, size_t n, const struct shape *s, const void *view) {
    json_raw(j, begun, n);
    j->depth++;
    write_fields(j, s, view);
    json_close_object(j);
}

void shape_write_list(struct json *j, const struct shape *s, const void *items, size_t n) {
    json_open_array(j);
    for (size_t i = 0; i < n; i++)
        shape_write(j, s, (const char *)items + i * s->size);
    json_close_array(j);
}

/* ---- Describing ---- */

static void put_ref(struct json *j, const struct shape *of) {
    char ref[128];

    snprintf(ref, sizeof ref, "#/components/schemas/%s", of->name);
    json_put_str(j, "$ref", ref);
}

static void put_type(struct json *j, const char *type, bool nullable) {
    if (!nullable) {
        json_put_str(j, "type", type);
        return;
    }
    json_put_array(j, "type");
    json_str(j, type);
    json_str(j, "null");
    json_close_array(j);
}

static void put_choices(struct json *j, const struct shape_field *f) {
    json_put_array(j, "enum");
    for (const char *p = f->choices; *p != '\0';) {
        size_t n = strcspn(p, "|");

        json_strn(j, p, n);
        p += n + (p[n] == '|');
    }
    if (f->nullable)
        json_null(j);
    json_close_array(j);
}

static void put_text(struct json *j, const struct shape_field *f, const char *format, const char *pattern) {
    put_type(j, "string", f->nullable);
    if (format != NULL)
        json_put_str(j, "format", format);
    if (pattern != NULL)
        json_put_str(j, "pattern", pattern);
    if (f->choices != NULL)
        put_choices(j, f);
}

/* {"$ref": …}, or that or null. */
static void put_object(struct json *j, const struct shape_field *f) {
    if (!f->nullable) {
        put_ref(j, f->of);
        return;
    }
    json_put_array(j, "anyOf");
    json_open_object(j);
    put_ref(j, f->of);
    json_close_object(j);
    json_open_object(j);
    json_put_str(j, "type", "null");
    json_close_object(j);
    json_close_array(j);
}

static void put_list(struct json *j, const struct shape_field *f) {
    put_type(j, "array", f->nullable);
    json_put_object(j, "items");
    if (f->kind == SHAPE_LIST || f->kind == SHAPE_RAWS || (f->kind == SHAPE_NONE && f->of != NULL))
        put_ref(j, f->of);
    else if (f->kind != SHAPE_NONE)
        json_put_str(j, "type", "string");
    json_close_object(j);
    if (f->kind == SHAPE_NONE)
        json_put_int(j, "maxItems", 0);
}

static void put_schema(struct json *j, const struct shape_field *f) {
    switch (f->kind) {
    case SHAPE_STR:
        put_text(j, f, NULL, NULL);
        break;
    case SHAPE_URL:
        put_text(j, f, "uri", NULL);
        break;
    case SHAPE_ID:
        put_text(j, f, NULL, "^[0-9]+$");
        break;
    case SHAPE_TIME:
        put_text(j, f, "date-time", NULL);
        break;
    case SHAPE_DATE:
        put_text(j, f, "date", NULL);
        break;
    case SHAPE_INT:
        put_type(j, "integer", f->nullable);
        break;
    case SHAPE_REAL:
        put_type(j, "number", f->nullable);
        break;
    case SHAPE_BOOL:
    case SHAPE_MAYBE:
        put_type(j, "boolean", f->kind == SHAPE_MAYBE && f->nullable);
        break;
    case SHAPE_OBJECT:
    case SHAPE_RAW:
        put_object(j, f);
        break;
    case SHAPE_MAP:
        put_type(j, "object", f->nullable);
        break;
    case SHAPE_NULL:
        json_put_str(j, "type", "null");
        break;
    case SHAPE_LIST:
    case SHAPE_RAWS:
    case SHAPE_STRS:
    case SHAPE_IDS:
    case SHAPE_NONE:
        put_list(j, f);
        break;
    case SHAPE_SPLICE: /* described by put_properties() */
        break;
    }
}

static void put_properties(struct json *j, const struct shape *s) {
    for (const struct shape_field *f = s->fields; f->name != NULL; f++) {
        if (f->kind == SHAPE_SPLICE) {
            put_properties(j, f->of);
            continue;
        }
        json_put_object(j, f->name);
        put_schema(j, f);
        if (f->words != NULL)
            json_put_str(j, "description", f->words);
        json_close_object(j);
    }
}

static void put_required(struct json *j, const struct shape *s) {
    for (const struct shape_field *f = s->fields; f->name != NULL; f++)
        if (f->kind == SHAPE_SPLICE)
            put_required(j, f->of);
        else if (!f->optional)
            json_str(j, f->name);
}

static bool is_boolean(const struct shape *s) {
    return s->fields->name == NULL && s->fields->kind == SHAPE_BOOL;
}

void shape_schema(struct json *j, const struct shape *s) {
    json_open_object(j);
    json_put_str(j, "type", is_boolean(s) ? "boolean" : "object");
    if (s->words != NULL)
        json_put_str(j, "description", s->words);
    if (is_boolean(s)) {
        json_close_object(j);
        return;
    }
    json_put_object(j, "properties");
    put_properties(j, s);
    json_close_object(j);
    json_put_array(j, "required");
    put_required(j, s);
    json_close_array(j);
    json_close_object(j);
}
