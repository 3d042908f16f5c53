#include "gen/stubs.h"
#include "handlers/common/erasing.h"
#include "handlers/media/store.h"
#include "handlers/media/worker.h"

static enum code erase_some(struct ctx *ctx, int64_t user, bool *ret_done) {
    Pb__EraseMediaRequest ask = PB__ERASE_MEDIA_REQUEST__INIT;
    const Pb__EraseMediaReply *reply;
    enum code c;

    ask.user_id = user;
    if ((c = media_erase_media(ctx, &ask, &reply)) == OK)
        *ret_done = reply->done;
    return c;
}

static const struct erasing erasing = {"media", erase_some, media_store_erase_on};

enum code media_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    return erasing_events(ctx, &erasing, events, n);
}
