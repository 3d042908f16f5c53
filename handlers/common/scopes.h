/* Scopes: what a bearer token is allowed, as words separated by spaces, those of Mastodon's client API
 * (https://docs.joinmastodon.org/api/oauth-scopes/) and our own. "read" covers "read:statuses". */
#ifndef DEEPLINK_COMMON_SCOPES_H
#define DEEPLINK_COMMON_SCOPES_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct scope {
    const char *name;
    const char *words; /* what it allows, to be translated; NULL: a part of one above it, that says enough */
    bool staff;        /* only for members whose role gives them more than others */
};

/* Every scope there is, the wide before their parts; ends with a row without name. */
extern const struct scope scopes_all[];

/* Whether the words granted allow one of the scopes needed, which stand between '|'. needed NULL: always. */
bool scopes_allow(const char *granted, const char *needed);

/* Whether every word of `asked` is covered by a word of `most`. */
bool scopes_within(const char *asked, const char *most);

/* The words in their order, each once, between single spaces. NULL when one is no scope at all, or when there
 * are too many. `text` may be separated by any white space, or by '+'. "" gives `otherwise`. */
const char *scopes_clean(struct arena *a, const char *text, const char *otherwise);

/* Whether one of the words is for staff alone. */
bool scopes_need_staff(const char *words);

/* The words that are for every member, between single spaces. */
const char *scopes_of_member(struct arena *a, const char *words);

/* Whether exactly this word is among them. */
bool scopes_have(const char *words, const char *word);

#endif
