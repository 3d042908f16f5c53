/* What stands in plain text and is worth a link: mentions, tags, addresses. A scanner made by re2c, linear in
 * its input. */
#ifndef DEEPLINK_COMMON_ENTITIES_H
#define DEEPLINK_COMMON_ENTITIES_H

#include <stdbool.h>
#include <stddef.h>

enum entity_kind { ENTITY_TEXT, ENTITY_MENTION, ENTITY_TAG, ENTITY_URL };

/* n bytes of the text at p; a mention with its '@', a tag with its '#'. */
struct entity {
    enum entity_kind kind;
    const char *p;
    size_t n;
};

#define ENTITY_TAG_MAX 60 /* code points of a tag, without '#'; longer ones stay text */

/* Where the scanner is. The text must be valid UTF-8, end in NUL and outlive it. */
struct entity_scan {
    const char *start;
    const char *at;
};

static inline struct entity_scan entity_begin(const char *text) { return (struct entity_scan){text, text}; }

/* Reads the next piece; false at the end. Pieces of text that follow each other come as one.
 * Mentions are as text_is_handle() has it, and stand neither within a word nor before '@' or '/'
 * ("ada@example.org",
 * "@scope/package"); tags have letters, marks, digits and '_', one letter at least, of any script; URLs are
 * as text_is_http_url() has it, without the punctuation that ends a sentence. */
bool entity_next(struct entity_scan *s, struct entity *ret);

/* Whether a whole text is a tag's name, without '#'. */
bool entity_is_tag(const char *name);

#endif
