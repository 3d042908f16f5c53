/* How much one question may ask for, how much one answer has, and what members may not ask at all. */
#ifndef DEEPLINK_COMMON_LIMIT_H
#define DEEPLINK_COMMON_LIMIT_H

#include <stddef.h>

#include "fcgi/ctx.h"

#define AT_ONCE_MAX 1000

/* As many as were asked for, but at most `most`; `usual` when nothing was said. */
static inline size_t limit_of(size_t asked, size_t usual, size_t most) {
    return asked == 0 ? usual : asked < most ? asked : most;
}

/* INVALID, with the field's name, for more than AT_ONCE_MAX things in one question. */
static inline enum code limit_at_once(struct ctx *ctx, const char *field, size_t n) {
    return n <= AT_ONCE_MAX ? OK : fail_field(ctx, field, "Ask for at most 1,000 at once.");
}

/* DENIED for whoever acts for a member: this is for workers and for the operator's commands. */
static inline enum code limit_to_workers(struct ctx *ctx) {
    return ctx->viewer_id == 0 ? OK : fail(ctx, DENIED, "Your role does not allow this.");
}

#endif
