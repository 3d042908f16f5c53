/* Parameters: what a query string, a form, a JSON body or a Cookie header says, as one flat list of names and
 * values in the order they came. Duplicates are kept. */
#ifndef DEEPLINK_PARAMS_H
#define DEEPLINK_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/base/err.h"

struct arena;

/* How JSON said a value; forms and addresses have texts alone. */
enum param_kind {
    PARAM_TEXT,
    PARAM_NUMBER,
    PARAM_TRUTH, /* true or false */
};

struct param {
    const char *name;
    const char *value; /* text: valid UTF-8 that ends in NUL and holds no other; a file: n bytes of the body,
                          no NUL */
    size_t n;          /* bytes of value */
    const char *filename; /* a file's name without folders, "" when the form's file field was left empty;
                             NULL: text */
    const char *type;     /* a part's Content-Type as sent, to be distrusted; NULL when not said */
    enum param_kind kind; /* value holds a number or a truth as it is written */
};

struct params {
    struct param *items;
    size_t n;
    size_t room;
    struct arena *arena;
};

/* Behind the name of an object of JSON that is empty, and of a list. */
#define PARAM_EMPTY "{}"
#define PARAM_EMPTY_LIST "[]{}"

bool param_is_empty(const struct param *p);

/* What a parser takes before it refuses. Sizes in bytes, after decoding but for total and header. */
struct param_limits {
    size_t total;  /* the whole input */
    size_t count;  /* parameters in the list, those of earlier parsers included */
    size_t name;   /* one name */
    size_t value;  /* one text value; files are bounded by total alone */
    size_t depth;  /* brackets in a name ("a[b][]" has 2), or levels of a JSON document */
    size_t header; /* the headers of one multipart part */
};

/* An empty list. The parsers add to it, so a query and a body may share one. The arena owns all that is
 * added. */
void params_init(struct params *p, struct arena *arena);

/* Adds one at the end and returns it, valid until the next is added. The strings are kept by reference. */
struct param *params_add(struct params *p, const char *name, const char *value, size_t n);

/* The first that is no file of exactly this name, and its text; NULL when there is none. */
const struct param *params_value(const struct params *p, const char *name);
const char *params_get(const struct params *p, const char *name);

/* Whether a list or an object stands at this name: "a" of "a[]", "a[b]", and of JSON's empty ones. */
bool params_has_parts(const struct params *p, const char *name);

/* Whether something stands in a list that is no text: an object, or a value with a name ("id[a]" in "id"). */
bool params_has_nested(const struct params *p, const char *name);

/* Whether a list has only texts in it, no number, true or false of JSON. */
bool params_all_texts(const struct params *p, const char *name);

/* Whether a list is said: by what stands in it, or by an empty one of JSON. */
bool params_has_list(const struct params *p, const char *name);

/* The first file of this name that was chosen (file name or content not empty); NULL when there is none. */
const struct param *params_file(const struct params *p, const char *name);

/* Every text of a list, in order: for "id" (or "id[]") the values of id, id[], id[0], id[1], id[][] … *ret_n
 * is how many; the array is in the list's arena. */
const char **params_all(const struct params *p, const char *name, size_t *ret_n);

/* Checks and adds a text parameter whose strings end in NUL and are kept by reference: sizes, count, depth,
 * UTF-8, NUL. For parsers. On failure nothing is added. INVALID (HTTP 400), naming the parameter in
 * ret_error->fields. */
enum code params_add_checked(struct params *p, const struct param_limits *limits, struct param text,
                             size_t name_n, struct error *ret_error);

/* The refusals of parsers: INVALID with HTTP 400 and public words; the second names a parameter, which may be
 * broken itself: then it is left out. name is copied. */
enum code params_refuse(struct error *ret_error, const char *text);
enum code params_refuse_named(struct arena *a, struct error *ret_error, const char *name, size_t name_n,
                              const char *text);

/* HTTP 413: the input is larger than limits->total. */
enum code params_refuse_size(struct error *ret_error);

#endif
