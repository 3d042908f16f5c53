/* Strings in Redis that say what SQL says: whoever misses one makes it, and every change drops it. */
#ifndef DEEPLINK_COMMON_KEPT_H
#define DEEPLINK_COMMON_KEPT_H

#include "fcgi/ctx.h"

/* The string, which lives as long as the request, or NULL. Then *ret_token is what kept_put() wants, when it
 * may be made: the key is marked before SQL is read, so that a change in between drops the mark, and what was
 * read is not kept. NULL: somebody else is at it, or Redis is down (no failure is left in ctx). */
const char *kept_get(struct ctx *ctx, const char *key, const char **ret_token);
void kept_put(struct ctx *ctx, const char *key, const char *token, const char *text);

/* Lists as such a string: words with spaces between them, "-" for none. */
size_t kept_words(struct ctx *ctx, const char *text, const char ***ret);
void kept_put_words(struct ctx *ctx, const char *key, const char *token, const char *const *words, size_t n);

/* The string, or NULL: for readers who don't make it. */
const char *kept_look(struct ctx *ctx, const char *key);

/* For a route's prefetch: kept_get() and kept_look() then take no time. */
void kept_ahead(struct ctx *ctx, const char *key);

#endif
