#include "gen/stubs.h"
#include "handlers/common/erasing.h"
#include "handlers/post/store.h"
#include "handlers/post/worker.h"

static enum code erase_some(struct ctx *ctx, int64_t user, bool *ret_done) {
    Pb__EraseAuthorRequest ask = PB__ERASE_AUTHOR_REQUEST__INIT;
    const Pb__EraseAuthorReply *reply;
    enum code c;

    ask.user_id = user;
    if ((c = post_erase_author(ctx, &ask, &reply)) == OK)
        *ret_done = reply->done;
    return c;
}

static const struct erasing erasing = {"post", erase_some, post_store_erase_on};

enum code post_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    return erasing_events(ctx, &erasing, events, n);
}
