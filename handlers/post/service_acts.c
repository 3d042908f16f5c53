/* What workers of other services ask before they tell anybody of something: whether it still stands. */
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/post/store_read.h"

#define REPOSTERS_MAX 1000

static bool are_triples(const Pb__ActsRequest *req) {
    return req->n_user_ids == req->n_post_ids && req->n_told_ids == req->n_post_ids;
}

enum code post_service_get_acts(struct ctx *ctx, const Pb__ActsRequest *req, Pb__ActsReply *reply) {
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = limit_at_once(ctx, "post_ids", req->n_post_ids)) != OK)
        return c;
    if (!are_triples(req))
        return fail_field(ctx, "post_ids", "There are as many of them as of user_ids and of told_ids.");
    reply->n_acts = req->n_post_ids;
    reply->acts = arena_many(ctx->arena, uint32_t, reply->n_acts);
    return post_store_acts(ctx, req, reply->acts);
}

void post_service_get_acts_ahead(struct ctx *ctx, const Pb__ActsRequest *req) {
    if (are_triples(req) && req->n_post_ids <= AT_ONCE_MAX)
        post_store_acts_ahead(ctx, req);
}

enum code post_service_stream_reposters(struct ctx *ctx, Pb__RepostersRequest *req, Pb__RepostersReply *reply,
                                        bool *ret_more) {
    size_t limit = limit_of(req->limit, REPOSTERS_MAX, REPOSTERS_MAX);
    struct post_range range = {.min = req->after, .up = true, .limit = limit};
    struct post_reaction *rows;
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK ||
        (c = post_store_reposters(ctx, req->post_id, &range, &rows, &reply->n_user_ids)) != OK)
        return c;
    reply->user_ids = arena_many(ctx->arena, int64_t, reply->n_user_ids);
    for (size_t i = 0; i < reply->n_user_ids; i++)
        reply->user_ids[i] = rows[i].user;
    *ret_more = reply->n_user_ids == limit;
    if (*ret_more)
        req->after = rows[limit - 1].id;
    return OK;
}
