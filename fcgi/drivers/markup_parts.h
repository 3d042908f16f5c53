/* What the child that reads a page gathers (markup_reader.c), by malloc: the first that says something wins
 * in the order of how good a source is. */
#ifndef DEEPLINK_DRIVERS_MARKUP_PARTS_H
#define DEEPLINK_DRIVERS_MARKUP_PARTS_H

#include <stddef.h>

#define MARKUP_ADDRESS_MAX 2000 /* bytes of an address */

enum markup_field {
    M_TITLE,
    M_DESCRIPTION,
    M_SITE,
    M_AUTHOR,
    M_LANGUAGE,
    M_IMAGE,
    M_IMAGE_WORDS,
    M_BASE,
    M_ROBOTS,
    M_FIELDS
};
enum markup_source { FROM_OPEN_GRAPH, FROM_TWITTER, FROM_JSON_LD, FROM_HTML, FROM_NOTHING };

struct markup_parts {
    char *values[M_FIELDS];
    enum markup_source sources[M_FIELDS];
};

/* Takes a value, unless it is empty or a source as good has said something. */
void markup_part(struct markup_parts *p, enum markup_field field, enum markup_source source,
                 const char *value);

/* The same for all that a <script type="application/ld+json"> says (schema.org's Article, WebPage and the
 * like). */
void markup_json_ld(struct markup_parts *p, const char *text, size_t n);

#endif
