/* The counts, for open pages and programs. */
#include <inttypes.h>
#include <string.h>

#include "handlers/common/live.h"
#include "handlers/notification/service_shared.h"

static void tell(struct ctx *ctx, int64_t user, const Pb__UnreadCounts *n) {
    const char *payload = arena_printf(
        ctx->arena, "{\"notifications\":%" PRId64 ",\"requests\":%" PRId64 ",\"last\":\"%" PRId64 "\"}",
        n->notifications, n->requests, n->last_id);

    live_push(ctx, &user, 1, "badge", payload, strlen(payload));
}

bool notification_ask_badges(struct ctx *ctx, const int64_t *users, size_t n) {
    if (n == 0)
        return false;
    if (notification_store_unread_queue(ctx, users, n) == OK)
        return true;
    fail_clear(ctx);
    return false;
}

void notification_tell_badges(struct ctx *ctx) {
    Pb__UnreadCounts *counts;
    int64_t *whose;
    size_t n;

    if (notification_store_unread_fetch(ctx, &whose, &counts, &n) != OK) {
        fail_clear(ctx);
        return;
    }
    for (size_t i = 0; i < n; i++)
        tell(ctx, whose[i], &counts[i]);
}

void notification_tell_badge(struct ctx *ctx, int64_t user) {
    bool is_listening;

    notification_store_listening(ctx, &user, 1, &is_listening);
    if (is_listening && notification_ask_badges(ctx, &user, 1))
        notification_tell_badges(ctx);
}
