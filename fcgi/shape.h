/* Shape: how a view struct looks as JSON. One const table a struct both writes its values and describes them
 * (JSON Schema 2020-12, as OpenAPI 3.1 uses it), so that what is documented is what is sent. */
#ifndef DEEPLINK_SHAPE_H
#define DEEPLINK_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;
struct shape;

enum shape_kind {
    SHAPE_STR = 1, /* const char *: text; NULL is "" unless nullable or optional */
    SHAPE_URL,     /* const char *: an absolute URL */
    SHAPE_INT,     /* int64_t */
    SHAPE_REAL,    /* double */
    SHAPE_BOOL,    /* bool */
    SHAPE_MAYBE,   /* enum shape_maybe: a boolean that may be absent */
    SHAPE_ID,      /* int64_t: a string of decimal digits */
    SHAPE_TIME,    /* int64_t, Unix ms: "2026-11-22T06:03:23.123Z" */
    SHAPE_DATE,    /* int64_t, Unix ms: "2026-11-22" */
    SHAPE_OBJECT,  /* const void *: a view of `of` */
    SHAPE_SPLICE,  /* a view of `of` that stands in this struct itself: its fields become ours */
    SHAPE_LIST,    /* struct shape_list: views of `of`, one behind the other */
    SHAPE_STRS,    /* struct shape_list: const char * */
    SHAPE_IDS,     /* struct shape_list: int64_t, as SHAPE_ID */
    SHAPE_RAW,     /* struct shape_json: JSON that is ready, of the shape `of` */
    SHAPE_RAWS,    /* struct shape_json: a list that is ready, of elements of the shape `of`; n == 0: [] */
    SHAPE_MAP,     /* struct shape_json: an object of free names that is ready; n == 0: {} */
    SHAPE_NULL,    /* no member: always null; `of` says what it would be, or NULL */
    SHAPE_NONE     /* no member: always []; `of` says of what */
};

enum shape_maybe { MAYBE_UNSAID, MAYBE_NO, MAYBE_YES };

/* Elements one behind the other; those of SHAPE_LIST have the size of their shape. */
struct shape_list {
    const void *items;
    size_t n;
};

/* One JSON value, n bytes, made by fcgi/json.h; trusted. */
struct shape_json {
    const char *p;
    size_t n;
};

struct shape_field {
    const char *name;
    enum shape_kind kind;
    size_t at; /* offset in the view */
    const struct shape *of;
    bool nullable;       /* NULL, 0 of ids, times and numbers, n == 0 of SHAPE_RAW, MAYBE_UNSAID are null */
    bool optional;       /* the same, and false of SHAPE_BOOL, are left out */
    const char *choices; /* SHAPE_STR: all values there are, separated by '|'; NULL: any */
    const char *words;   /* what it is, for the reference; may be NULL */
};

struct shape {
    const char *name;                 /* of the schema: "Account" */
    size_t size;                      /* of the view struct */
    const struct shape_field *fields; /* ends with a row without name; that alone, with the kind SHAPE_BOOL:
                                       * no object, but true or false */
    const char *words;
};

/* Writes one view as an object. */
void shape_write(struct json *j, const struct shape *s, const void *view);

/* Writes an object whose beginning is ready: n bytes from '{' on, a whole view without the last '}', and then
 * the fields of another view. */
void shape_write_on(struct json *j, const char *begun, size_t n, const struct shape *s, const void *view);

/* Writes n views, one behind the other, as a list. */
void shape_write_list(struct json *j, const struct shape *s, const void *items, size_t n);

/* Writes the schema of a shape as one JSON object; other shapes are named by {"$ref":
 * "#/components/schemas/<name>"}. */
void shape_schema(struct json *j, const struct shape *s);

#endif
