/* The post service: posts, comments, reposts, reactions, timelines. Others reach it by gen/stubs.h; here
 * stands what its own pages need besides. */
#ifndef DEEPLINK_POST_SERVICE_H
#define DEEPLINK_POST_SERVICE_H

#include "fcgi/app.h"

extern const struct service post_service;

/* For a route's prefetch: asks Redis ahead for what HomeTimeline reads for this viewer, max_id and limit, and
 * for the posts that stood there last. */
void post_home_prefetch(struct ctx *ctx, int64_t viewer, int64_t max_id, uint32_t limit);

/* The same for what MutedThreads reads. */
void post_muted_prefetch(struct ctx *ctx, int64_t viewer);

/* The same for one post, which a change of it reads first. */
void post_one_prefetch(struct ctx *ctx, int64_t viewer, int64_t id);

/* The same for GetThread. */
void post_thread_prefetch(struct ctx *ctx, int64_t viewer, int64_t id);

/* The same for the first page of AuthorTimeline. */
void post_author_prefetch(struct ctx *ctx, int64_t viewer, int64_t author, bool with_replies);

#endif
