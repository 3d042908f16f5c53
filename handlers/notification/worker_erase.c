#include "gen/stubs.h"
#include "handlers/common/erasing.h"
#include "handlers/notification/store.h"
#include "handlers/notification/worker.h"

static enum code erase_some(struct ctx *ctx, int64_t user, bool *ret_done) {
    Pb__EraseNotificationsRequest ask = PB__ERASE_NOTIFICATIONS_REQUEST__INIT;
    const Pb__EraseNotificationsReply *reply;
    enum code c;

    ask.user_id = user;
    if ((c = notification_erase_notifications(ctx, &ask, &reply)) == OK)
        *ret_done = reply->done;
    return c;
}

static const struct erasing erasing = {"notification", erase_some, notification_store_erase_on};

enum code notification_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    return erasing_events(ctx, &erasing, events, n);
}
