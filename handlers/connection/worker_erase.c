/* The part of an erasure that is this service's: a batch an event, so that others' work goes on in between.
 */
#include "gen/stubs.h"
#include "handlers/connection/store.h"
#include "handlers/connection/worker.h"

/* One member of an event: a batch, then either the next one is asked for, or the erasure acknowledged. */
static enum code erase_some(struct ctx *ctx, int64_t user) {
    Pb__EraseEdgesRequest ask = PB__ERASE_EDGES_REQUEST__INIT;
    Pb__ErasureDone done = PB__ERASURE_DONE__INIT;
    const Pb__EraseEdgesReply *reply;
    enum code c;

    ask.user_id = done.user_id = user;
    done.service = "connection";
    if ((c = connection_erase_edges(ctx, &ask, &reply)) != OK)
        return c;
    return reply->done ? user_acknowledge_erasure(ctx, &done, NULL) : connection_store_erase_on(ctx, user);
}

enum code connection_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++)
        c = erase_some(ctx, events[i].key);
    return c;
}
