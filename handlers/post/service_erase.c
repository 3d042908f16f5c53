/* Erasing what a member wrote and did, once the account is gone: a batch at a time, behind what others wait
 * for. A batch is undone statement by statement, each whole by itself, so that a killed worker leaves nothing
 * half done and whoever goes on finds what is left. */
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/post/store.h"
#include "handlers/post/worker.h"

#define BATCH 100
#define BATCH_MAX 1000

enum code post_service_erase_author(struct ctx *ctx, const Pb__EraseAuthorRequest *req,
                                    Pb__EraseAuthorReply *reply) {
    size_t limit = req->limit == 0 ? BATCH : req->limit < BATCH_MAX ? req->limit : BATCH_MAX, n;
    enum code c;

    if ((c = card_check_erasing(ctx, req->user_id)) != OK ||
        (c = post_store_erase(ctx, req->user_id, limit, &n)) != OK)
        return c;
    reply->erased = (int64_t)n;
    reply->done = n == 0;
    return n == 0 ? post_store_erase_rest(ctx, req->user_id) : OK;
}

/* One member of an event: a batch, then either the next one is asked for, or the erasure acknowledged. */
static enum code erase_some(struct ctx *ctx, int64_t user) {
    Pb__EraseAuthorRequest ask = PB__ERASE_AUTHOR_REQUEST__INIT;
    Pb__ErasureDone done = PB__ERASURE_DONE__INIT;
    const Pb__EraseAuthorReply *reply;
    enum code c;

    ask.user_id = done.user_id = user;
    done.service = "post";
    if ((c = post_erase_author(ctx, &ask, &reply)) != OK)
        return c;
    return reply->done ? user_acknowledge_erasure(ctx, &done, NULL) : post_store_erase_on(ctx, user);
}

enum code post_erase_events(struct ctx *ctx, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++)
        c = erase_some(ctx, events[i].key);
    return c;
}
