/* How the JSON API refuses: RFC 9457 problems, with Mastodon's `error` beside them where its clients ask. */
#ifndef DEEPLINK_COMMON_API_ERROR_H
#define DEEPLINK_COMMON_API_ERROR_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

extern const struct shape api_error_shape;   /* "Error": under /api/v1, /api/v2 and /oauth */
extern const struct shape api_problem_shape; /* "Problem": under /api/deeplink/ */

/* Writes req->ctx.error as the answer's body: application/problem+json under /api/deeplink/, elsewhere
 * application/json, since Mastodon's clients refuse other types. */
void api_error_show(struct request *req, int status);

/* The same with the words of RFC 6749 section 5.2: `error` is one of that section's, and what is said of it
 * in ASCII stands beside it as error_description. */
void api_oauth_error_show(struct request *req, int status, const char *error, const char *description);

#endif
