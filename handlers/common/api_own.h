/* The house rules of our own API, /api/deeplink/v1: objects carry a strong ETag, lists are pages with opaque
 * cursors, a change says by If-Match which state it means. */
#ifndef DEEPLINK_COMMON_API_OWN_H
#define DEEPLINK_COMMON_API_OWN_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

#define API_OWN "/api/deeplink/v1"
#define API_OWN_LIMIT 40
#define API_OWN_LIMIT_MAX 80

/* The fields of a list's pages. */
#define API_OWN_PAGE_FIELDS                                                    \
    {.name = "cursor", .kind = FIELD_LINE, .max = 600}, {                      \
        .name = "limit", .kind = FIELD_INT, .min = 1, .max = API_OWN_LIMIT_MAX \
    }

/* Answers with one object: 200 or what the route says; ETag, and 304 to a reader who has it. */
enum code api_own_reply(struct request *req, const struct shape *shape, const void *view);

/* 204. */
enum code api_own_done(struct request *req);

/* A page of a list. next and prev: where it ends, as the list itself says it, for the page behind it and the
 * page before it; NULL or "": there is none. They reach the client as cursors, and as Link. */
struct api_own_page {
    const struct shape *shape;
    const void *items;
    size_t n;
    const char *next, *prev;
};
enum code api_own_list(struct request *req, const struct api_own_page *page);

/* Which page is asked for: the one behind what api_own_list() was told as next, or the one before what it was
 * told as prev; the other is "", and both for the first page. A cursor that was not made here, for this very
 * list, is INVALID (400). */
enum code api_own_cursor(struct request *req, const char **ret_behind, const char **ret_before);

/* The same for lists that are walked by a number; 0 in place of "". */
enum code api_own_cursor_id(struct request *req, int64_t *ret_behind, int64_t *ret_before);
const char *api_own_at(struct ctx *ctx, int64_t id); /* NULL for 0 */

/* The absolute address of a list, from `at` on (NULL: from its beginning). */
const char *api_own_url(struct request *req, const char *path, const char *at);

/* The limit asked for. */
uint32_t api_own_limit(const struct request *req);

/* Whether the client means the object as it is: PRECONDITION as 428 without If-Match, as 412 when it means an
 * older one. */
enum code api_own_if_match(struct request *req, const struct shape *shape, const void *now);

/* The argument {id}; NOT_FOUND with these words when it is none. */
enum code api_own_id(struct request *req, const char *otherwise, int64_t *ret_id);

#endif
