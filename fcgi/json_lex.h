/* The words of a JSON document, checked by RFC 8259 before json-c builds anything from them. */
#ifndef DEEPLINK_JSON_LEX_H
#define DEEPLINK_JSON_LEX_H

#include <stdbool.h>
#include <stddef.h>

/* What a document holds, for the caps and for the cross-check of the tree that is built from it. */
struct json_stats {
    size_t values; /* how many values, lists and objects included; an empty one counts twice */
    size_t names;  /* object members, duplicates included */
    size_t depth;  /* deepest level of lists and objects */
    size_t nuls;   /* characters U+0000 in strings */
};

/* Walks over n bytes. Checks strings, numbers and which other bytes may stand at all; that they stand in a
 * sensible order is left to the parser. Returns NULL, or public words for what is wrong. Takes time and
 * memory O(n) and O(1). */
const char *json_lex(const char *s, size_t n, struct json_stats *ret_stats);

#endif
