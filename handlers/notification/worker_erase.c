/* The part of an erasure that is this service's: a batch an event, so that others' work goes on in between.
 */
#include "gen/stubs.h"
#include "handlers/notification/store.h"
#include "handlers/notification/worker.h"

/* One member of an event: a batch, then either the next one is asked for, or the erasure acknowledged. */
static enum code erase_some(struct ctx *ctx, int64_t user) {
    Pb__EraseNotificationsRequest ask = PB__ERASE_NOTIFICATIONS_REQUEST__INIT;
    Pb__ErasureDone done = PB__ERASURE_DONE__INIT;
    const Pb__EraseNotificationsReply *reply;
    enum code c;

    ask.user_id = done.user_id = user;
    done.service = "notification";
    if ((c = notification_erase_notifications(ctx, &ask, &reply)) != OK)
        return c;
    return reply->done ? user_acknowledge_erasure(ctx, &done, NULL) : notification_store_erase_on(ctx, user);
}

enum code notification_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++)
        c = erase_some(ctx, events[i].key);
    return c;
}
