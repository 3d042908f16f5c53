#include "handlers/common/api_members.h"

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"
#include "handlers/common/api_account.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"

static const struct shape_field nothing_fields[] = {{0}};
const struct shape api_nothing_shape = {"Nothing", 1, nothing_fields, "There is none: the list is empty."};

enum code api_member_card(struct request *req, const Pb__UserCard **ret) {
    int64_t id;

    if (!id_parse(req->args[0], &id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such member."));
    return card_get(&req->ctx, id, ret);
}

enum code api_member_shown(struct request *req, const Pb__UserCard **ret) {
    struct ctx *ctx = &req->ctx;
    uint32_t edges;
    enum code c = api_member_card(req, ret);

    if (c != OK)
        return c;
    if ((*ret)->state == PB__ACCOUNT_STATE__STATE_SUSPENDED ||
        (*ret)->state == PB__ACCOUNT_STATE__STATE_DELETED)
        return fail_http(ctx, 410, NOT_FOUND, tr_mark("This member is not here any more."));
    if ((*ret)->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    if ((c = edges_get(ctx, ctx->viewer_id, &(*ret)->id, 1, &edges)) != OK)
        return c;
    if ((edges & EDGE_BLOCKED_BY) != 0)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such member."));
    return OK;
}

enum code api_members_visible(struct ctx *ctx, int64_t *ids, size_t *n) {
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, *n);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, *n);
    size_t k = 0;
    enum code c;

    if ((c = cards_get(ctx, ids, *n, cards)) != OK ||
        (c = edges_get(ctx, ctx->viewer_id, ids, *n, edges)) != OK)
        return c;
    for (size_t i = 0; i < *n; i++)
        if (cards[i] != NULL && cards[i]->state == PB__ACCOUNT_STATE__STATE_ACTIVE &&
            (edges[i] & EDGE_SEVERED) == 0)
            ids[k++] = ids[i];
    *n = k;
    return OK;
}

static enum code write_members(struct ctx *ctx, const int64_t *ids, size_t n, struct buf *out) {
    struct shape_json *ready = arena_many(ctx->arena, struct shape_json, n);
    struct json j;
    enum code c = api_accounts_json(ctx, ids, n, ready);

    if (c != OK)
        return c;
    json_init(&j, out);
    json_open_array(&j);
    for (size_t i = 0; i < n; i++)
        if (ready[i].n > 0)
            json_raw(&j, ready[i].p, ready[i].n);
    json_close_array(&j);
    return OK;
}

enum code api_reply_members(struct request *req, const int64_t *ids, size_t n) {
    enum code c = write_members(&req->ctx, ids, n, respond(req, 200, "application/json"));

    if (c == OK)
        respond_etag(req);
    return c;
}

enum code api_members_ready(struct ctx *ctx, const int64_t *ids, size_t n, struct shape_json *ret) {
    struct buf out;
    enum code c;

    buf_init(&out, ctx->arena, RESPONSE_MAX);
    if ((c = write_members(ctx, ids, n, &out)) == OK)
        *ret = (struct shape_json){out.p, out.n};
    return c;
}

int64_t *api_card_ids(struct ctx *ctx, Pb__UserCard *const *cards, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);

    for (size_t i = 0; i < n; i++)
        ids[i] = cards[i]->id;
    return ids;
}
