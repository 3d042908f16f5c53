#include "handlers/common/erasing.h"

#include "gen/stubs.h"

static enum code erase_one(struct ctx *ctx, const struct erasing *what, int64_t user) {
    Pb__ErasureDone done = PB__ERASURE_DONE__INIT;
    bool is_done = false;
    enum code c = what->some(ctx, user, &is_done);

    if (c != OK)
        return c;
    done.user_id = user;
    done.service = what->service;
    return is_done ? user_acknowledge_erasure(ctx, &done, NULL) : what->on(ctx, user);
}

enum code erasing_events(struct ctx *ctx, const struct erasing *what, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++)
        c = erase_one(ctx, what, events[i].key);
    return c;
}
