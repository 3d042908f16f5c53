/* Views of the API reference: what the route tables and shapes say, as words. */
#ifndef DEEPLINK_REFERENCE_VIEW_H
#define DEEPLINK_REFERENCE_VIEW_H

#include "handlers/common/views.h"

struct reference_value { /* a field that is sent, or a member of an answer */
    const char *name;
    const char *type;        /* "text, at most 200 characters" */
    const char *object;      /* the shape's name, to link to; NULL: none */
    const char *words;       /* or NULL */
    bool required;           /* of fields */
    bool optional, nullable; /* of members */
};

struct reference_operation {
    const char *id, *method, *path, *summary;
    const char *scope; /* NULL: any token */
    bool needs_member, needs_app, by_page, if_match;
    bool in_query;
    const struct reference_value *fields;
    size_t n_fields;
    int status;
    const char *reply; /* the shape's name; NULL: none */
    bool reply_list;
    const char *refusals; /* "400 401 404" */
    const char *refusal;  /* their shape's name */
};

struct reference_group {
    const char *name;
    const struct reference_operation *operations;
    size_t n;
};

/* reference_index. */
struct reference_index_view {
    const struct reference_group *groups;
    size_t n;
    size_t n_objects;
};

/* reference_group. */
struct reference_group_view {
    const struct reference_group *group;
};

struct reference_object {
    const char *name, *words;
    const struct reference_value *members;
    size_t n;
};

/* reference_objects. */
struct reference_objects_view {
    const struct reference_object *objects;
    size_t n;
};

#endif
