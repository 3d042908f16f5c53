/* Erasing a member's edges, once the account is gone: a batch at a time, each edge by the statement that ends
 * it for anybody, so that both sides' numbers and models are right. */
#include "deeplink/v1/connection.pb-c.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/connection/store.h"

#define BATCH 200
#define BATCH_MAX 1000

static enum code end_edge(struct ctx *ctx, const struct erased_edge *e) {
    bool is_changed;

    switch (e->kind) {
    case 'f':
        return connection_store_unfollow(ctx, e->from, e->to, &is_changed);
    case 'r':
        return connection_store_reject(ctx, e->to, e->from, &is_changed);
    case 'b':
        return connection_store_unblock(ctx, e->from, e->to, &is_changed);
    default:
        return connection_store_unmute(ctx, e->from, e->to, &is_changed);
    }
}

enum code connection_service_erase_edges(struct ctx *ctx, const Pb__EraseEdgesRequest *req,
                                         Pb__EraseEdgesReply *reply) {
    unsigned limit = limit_of(req->limit, BATCH, BATCH_MAX);
    struct erased_edge *edges;
    size_t n;
    enum code c;

    if ((c = card_check_erasing(ctx, req->user_id)) != OK ||
        (c = connection_store_erase_edges(ctx, req->user_id, limit, &edges, &n)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if ((c = end_edge(ctx, &edges[i])) != OK)
            return c;
    reply->erased = (int64_t)n;
    reply->done = n == 0;
    connection_store_forget(ctx, &req->user_id, 1);
    return n == 0 ? connection_store_erase_rest(ctx, req->user_id) : OK;
}
