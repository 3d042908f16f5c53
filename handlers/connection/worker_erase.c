#include "gen/stubs.h"
#include "handlers/common/erasing.h"
#include "handlers/connection/store.h"
#include "handlers/connection/worker.h"

static enum code erase_some(struct ctx *ctx, int64_t user, bool *ret_done) {
    Pb__EraseEdgesRequest ask = PB__ERASE_EDGES_REQUEST__INIT;
    const Pb__EraseEdgesReply *reply;
    enum code c;

    ask.user_id = user;
    if ((c = connection_erase_edges(ctx, &ask, &reply)) == OK)
        *ret_done = reply->done;
    return c;
}

static const struct erasing erasing = {"connection", erase_some, connection_store_erase_on};

enum code connection_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    return erasing_events(ctx, &erasing, events, n);
}
