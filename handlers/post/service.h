/* The post service: posts, comments, reposts, reactions, timelines. Others reach it by gen/stubs.h; here
 * stands what its own pages need besides. */
#ifndef DEEPLINK_POST_SERVICE_H
#define DEEPLINK_POST_SERVICE_H

#include "fcgi/app.h"

extern const struct service post_service;

/* For a route's prefetch: queues what HomeTimeline reads for this viewer, max_id and limit behind the
 * session's look-up, so that it costs no round of its own; HomeTimeline then takes the answer, and must be
 * the next to read from Redis. viewer 0: fetches the answer that is on its way and drops it; nothing when
 * there is none. */
void post_home_prefetch(struct ctx *ctx, int64_t viewer, int64_t max_id, uint32_t limit);

/* The same for what MutedThreads reads; before post_home_prefetch(), and then fetched before HomeTimeline is
 * asked. */
void post_muted_prefetch(struct ctx *ctx, int64_t viewer);
void post_muted_take(struct ctx *ctx);

#endif
