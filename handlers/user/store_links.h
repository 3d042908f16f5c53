/* Links in profiles, and whether they link back. Only handlers/user/ includes this. */
#ifndef DEEPLINK_USER_STORE_LINKS_H
#define DEEPLINK_USER_STORE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

/* Notes which links stand in the profiles of these members now. Safe to repeat. */
enum code user_store_links_sync(struct ctx *ctx, const int64_t *ids, size_t n);

struct link_job {
    int64_t user, lease;
    const char *url, *handle;
    int attempts; /* with this one, since the last that came to something */
};
/* *ret NULL: nothing is due. */
enum code user_store_link_take(struct ctx *ctx, int64_t lease, struct link_job **ret);

/* What came of it. *ret_news: the profile shows something else now. */
enum code user_store_link_checked(struct ctx *ctx, const struct link_job *job, bool back, int64_t again_ms,
                                  bool *ret_news);
/* Nothing came of it: it stays as it was until then. */
enum code user_store_link_later(struct ctx *ctx, const struct link_job *job, int64_t again_ms);

#endif
