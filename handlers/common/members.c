#include "handlers/common/members.h"

#include "handlers/common/edge.h"
#include "handlers/common/models.h"

enum code member_rows(struct ctx *ctx, const int64_t *ids, size_t n, struct member_row **ret_rows,
                      size_t *ret_n) {
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, n);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, n);
    struct member_row *rows = arena_many(ctx->arena, struct member_row, n);
    size_t k = 0;
    enum code c;

    if ((c = cards_get(ctx, ids, n, cards)) != OK ||
        (c = edges_get(ctx, ctx->viewer_id, ids, n, edges)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (cards[i] != NULL && cards[i]->state == PB__ACCOUNT_STATE__STATE_ACTIVE &&
            (edges[i] & EDGE_SEVERED) == 0)
            rows[k++] = (struct member_row){.user = cards[i], .edges = edges[i]};
    *ret_rows = rows;
    *ret_n = k;
    return OK;
}

enum code member_row_get(struct ctx *ctx, int64_t id, struct member_row *ret_row) {
    enum code c;

    *ret_row = (struct member_row){0};
    if ((c = card_get(ctx, id, &ret_row->user)) != OK)
        return c;
    return edges_get(ctx, ctx->viewer_id, &id, 1, &ret_row->edges);
}
