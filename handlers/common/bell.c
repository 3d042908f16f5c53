#include "handlers/common/bell.h"

#include <inttypes.h>
#include <stdio.h>

#include "gen/stubs.h"
#include "handlers/common/kept.h"

static const char *key_of(struct ctx *ctx, int64_t user) {
    return arena_printf(ctx->arena, "notify:unread:%" PRId64, user);
}

void bell_ahead(struct ctx *ctx, int64_t user) { kept_ahead(ctx, key_of(ctx, user)); }

static bool parse(const char *text, struct bell *ret) {
    return sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &ret->unread, &ret->requests, &ret->last_id) == 3;
}

static void ask(struct ctx *ctx, struct bell *ret) {
    Pb__UnreadRequest req = PB__UNREAD_REQUEST__INIT;
    const Pb__UnreadCounts *n;
    const char *token, *text = kept_get(ctx, key_of(ctx, ctx->viewer_id), &token);

    if (text != NULL && parse(text, ret)) {
        ret->known = true;
        return;
    }
    req.user_id = ctx->viewer_id;
    if (notification_get_unread(ctx, &req, &n) != OK)
        return;
    *ret = (struct bell){true, n->notifications, n->requests, n->last_id};
    if (token != NULL)
        kept_put(ctx, key_of(ctx, ctx->viewer_id), token,
                 arena_printf(ctx->arena, "%" PRId64 " %" PRId64 " %" PRId64, ret->unread, ret->requests,
                              ret->last_id));
}

void bell_get(struct ctx *ctx, struct bell *ret) {
    struct error before = ctx->error;

    *ret = (struct bell){0};
    if (ctx->viewer_id == 0)
        return;
    fail_clear(ctx);
    ask(ctx, ret);
    ctx->error = before;
}
