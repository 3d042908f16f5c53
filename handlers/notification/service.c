#include "handlers/notification/service.h"

#include "gen/stubs.h"
#include "handlers/notification/store.h"

enum code notification_service_get_unread(struct ctx *ctx, const Pb__UnreadRequest *req,
                                          Pb__UnreadCounts *reply) {
    if (req->user_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    return notification_store_unread(ctx, req->user_id, reply);
}
