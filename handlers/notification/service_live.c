/* The counts, for open pages and programs. */
#include <inttypes.h>
#include <string.h>

#include "handlers/common/live.h"
#include "handlers/notification/service_shared.h"

void notification_tell_badge(struct ctx *ctx, int64_t user) {
    Pb__UnreadCounts n = PB__UNREAD_COUNTS__INIT;
    const char *payload;

    if (!live_anybody(ctx))
        return;
    if (notification_store_unread(ctx, user, &n) != OK) {
        fail_clear(ctx);
        return;
    }
    payload = arena_printf(
        ctx->arena, "{\"notifications\":%" PRId64 ",\"requests\":%" PRId64 ",\"last\":\"%" PRId64 "\"}",
        n.notifications, n.requests, n.last_id);
    live_push(ctx, &user, 1, "badge", payload, strlen(payload));
}
