/* Erasing what a member wrote and did, once the account is gone: a batch at a time, behind what others wait
 * for. A batch is undone statement by statement, each whole by itself, so that a killed worker leaves nothing
 * half done and whoever goes on finds what is left. */
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/post/store.h"

#define BATCH 100
#define BATCH_MAX 1000

enum code post_service_erase_author(struct ctx *ctx, const Pb__EraseAuthorRequest *req,
                                    Pb__EraseAuthorReply *reply) {
    size_t limit = limit_of(req->limit, BATCH, BATCH_MAX), n;
    enum code c;

    if ((c = card_check_erasing(ctx, req->user_id)) != OK ||
        (c = post_store_erase(ctx, req->user_id, limit, &n)) != OK)
        return c;
    reply->erased = (int64_t)n;
    reply->done = n == 0;
    return n == 0 ? post_store_erase_rest(ctx, req->user_id) : OK;
}
