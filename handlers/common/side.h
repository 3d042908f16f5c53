/* The side column of a reader's pages: whom to follow, what is talked about, the reader's own numbers; and
 * with it the audience that the reader posts to by default, which the composer of every home page wants to
 * know.
 *
 * Redis key side:<uid>: "3 <version of the reader's card> <token of conn:rel:<uid>> <posts> <followers>
 * <following> <requests> <audience> <suggested id>…", for five minutes, unless the card or the reader's own
 * relations change before. Tags are the same for everybody and kept by each worker for as long. A page whose
 * route prefetches has all of it in the session's round. */
#ifndef DEEPLINK_COMMON_SIDE_H
#define DEEPLINK_COMMON_SIDE_H

#include "handlers/common/views.h"

/* For route->prefetch: the column's look-up goes along with the session's. */
void side_prefetch(struct request *req, int64_t claimed_user);

/* The column; for those not signed in, tags alone. What cannot be found out is left out, so it never fails.
 */
const struct side *side_get(struct request *req);

/* "public", "unlisted" or "followers": what the reader chose in the settings, and "followers" when that
 * cannot be found out. */
const char *side_audience(struct request *req);

/* Something in a member's column has changed: the next page reads it anew. */
void side_forget(struct ctx *ctx, int64_t user);

#endif
