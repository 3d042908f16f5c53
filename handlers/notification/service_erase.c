/* Erasing what a member was told and what others were told of it, once the account is gone. */
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/notification/store.h"
#include "handlers/notification/store_deliver.h"

#define BATCH 500
#define BATCH_MAX 1000

enum code notification_service_erase_notifications(struct ctx *ctx, const Pb__EraseNotificationsRequest *req,
                                                   Pb__EraseNotificationsReply *reply) {
    unsigned limit = limit_of(req->limit, BATCH, BATCH_MAX);
    size_t n;
    enum code c;

    if ((c = card_check_erasing(ctx, req->user_id)) != OK ||
        (c = notification_store_erase(ctx, req->user_id, limit, &n)) != OK)
        return c;
    reply->erased = (int64_t)n;
    reply->done = n == 0;
    if (n > 0)
        return OK;
    c = notification_store_erase_rest(ctx, req->user_id);
    return c == OK ? notification_store_delivery_erase(ctx, req->user_id) : c;
}
