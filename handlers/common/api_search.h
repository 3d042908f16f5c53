/* Finding members for programs: by name as clients write it, and by words. */
#ifndef DEEPLINK_COMMON_API_SEARCH_H
#define DEEPLINK_COMMON_API_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

/* The handle in "ada", "@ada", "ada@<this site>" or a profile's address here; NULL when it is none, or of
 * another site. In the arena. */
const char *api_search_handle(struct ctx *ctx, const char *text);

struct api_search {
    const char *q;
    bool following; /* only whom the viewer follows */
    uint32_t offset, limit;
};

/* Ids of members whom the viewer may see, the exact one and those followed first. In the arena. */
enum code api_search_members(struct ctx *ctx, const struct api_search *s, int64_t **ret_ids, size_t *ret_n);

#endif
