/* What JSON endpoints have in common: answers by shape, lists by pages. Under /api/v1, /api/v2 and /oauth the
 * words are those of Mastodon's client API (https://docs.joinmastodon.org), under /api/deeplink/v1 our own.
 */
#ifndef DEEPLINK_COMMON_API_H
#define DEEPLINK_COMMON_API_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

/* Answers 200 with one view, or with n of them as a list; ETag and 304 included. */
enum code api_reply(struct request *req, const struct shape *shape, const void *view);
enum code api_reply_list(struct request *req, const struct shape *shape, const void *items, size_t n);

/* Answers 200 with {} or with []. */
enum code api_reply_empty(struct request *req);
enum code api_reply_none(struct request *req);

/* The fields of a list's pages. max_id and since_id of 0 are no bound; min_id of 0 is below every id, and so
 * asks for the oldest page, as Mastodon reads it. `most` is the largest limit; more is taken for it, as
 * clients expect. */
#define API_PAGE_FIELDS API_PAGE_FIELDS_FROM(1)

/* The same where a limit may be as low as that. */
#define API_PAGE_FIELDS_FROM(least)                                                     \
    {.name = "max_id", .kind = FIELD_BOUND}, {.name = "since_id", .kind = FIELD_BOUND}, \
        {.name = "min_id", .kind = FIELD_BOUND, .min = 1}, {                            \
        .name = "limit", .kind = FIELD_INT, .min = (least), .max = 1000                 \
    }

/* The limit asked for, at most `most`, `otherwise` when it was not said. */
uint32_t api_limit(const struct request *req, uint32_t otherwise, uint32_t most);

/* Adds the Link header (RFC 8288) to the pages around this one: next by max_id, prev by min_id, each with the
 * other parameters of this request. 0: no such page. */
void api_link(struct request *req, int64_t next_max_id, int64_t prev_min_id);

/* The site's address with a local path behind it; in the request's arena. */
const char *api_url(struct ctx *ctx, const char *path);

#endif
