/* Lists of members by what stands between them and somebody. */
#include <string.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/common/models.h"
#include "handlers/connection/api.h"
#include "handlers/connection/api_shared.h"

#define LIST_LIMIT 40
#define LIST_MOST 80
#define SUGGESTIONS_MOST 80

/* The page that the request asks for of what `ask` names, and the links to those around it. */
static enum code read_page_of(struct request *req, edges_rpc *rpc, Pb__ListEdgesRequest ask,
                              const Pb__EdgesPage **ret, int64_t **ret_ids) {
    enum code c;

    ask.before = field_int(req, "max_id");
    ask.after = field_int(req, "min_id");
    ask.since = field_int(req, "since_id");
    ask.limit = api_limit(req, LIST_LIMIT, LIST_MOST);
    if ((c = rpc(&req->ctx, &ask, ret)) != OK)
        return c;
    *ret_ids = arena_many(req->ctx.arena, int64_t, (*ret)->n_items);
    for (size_t i = 0; i < (*ret)->n_items; i++)
        (*ret_ids)[i] = (*ret)->items[i]->user_id;
    api_link(req, (*ret)->next, (*ret)->prev);
    return OK;
}

static enum code read_page(struct request *req, edges_rpc *rpc, int64_t user, const Pb__EdgesPage **ret,
                           int64_t **ret_ids) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;

    ask.user_id = user;
    return read_page_of(req, rpc, ask, ret, ret_ids);
}

enum code connection_api_page(struct request *req, edges_rpc *rpc, Pb__ListEdgesRequest ask) {
    const Pb__EdgesPage *page;
    int64_t *ids;
    size_t n;
    enum code c = read_page_of(req, rpc, ask, &page, &ids);

    if (c == DENIED) {
        fail_clear(&req->ctx);
        return api_reply_none(req);
    }
    if (c != OK)
        return c;
    n = page->n_items;
    if ((c = api_members_visible(&req->ctx, ids, &n)) != OK)
        return c;
    return api_reply_members(req, ids, n);
}

static enum code list_visible(struct request *req, edges_rpc *rpc, int64_t user) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;

    ask.user_id = user;
    return connection_api_page(req, rpc, ask);
}

static enum code list_of_member(struct request *req, edges_rpc *rpc) {
    const Pb__UserCard *card;
    enum code c = api_member_shown(req, &card);

    return c != OK ? c : list_visible(req, rpc, card->id);
}

enum code connection_api_followers(struct request *req) {
    return list_of_member(req, connection_list_followers);
}

enum code connection_api_following(struct request *req) {
    return list_of_member(req, connection_list_following);
}

enum code connection_api_requests(struct request *req) {
    return list_visible(req, connection_list_requests, req->ctx.viewer_id);
}

enum code connection_api_blocks(struct request *req) {
    const Pb__EdgesPage *page;
    int64_t *ids;
    enum code c = read_page(req, connection_list_blocks, req->ctx.viewer_id, &page, &ids);

    return c != OK ? c : api_reply_members(req, ids, page->n_items);
}

struct muted {
    struct api_account account;
    int64_t until_ms;
};
static const struct shape_field muted_fields[] = {
    {.name = "account",
     .kind = SHAPE_SPLICE,
     .at = offsetof(struct muted, account),
     .of = &api_account_shape},
    {.name = "mute_expires_at", .kind = SHAPE_TIME, .at = offsetof(struct muted, until_ms), .nullable = true},
    {0},
};
const struct shape api_muted_shape = {"MutedAccount", sizeof(struct muted), muted_fields,
                                      "An account that the viewer mutes."};

enum code connection_api_mutes(struct request *req) {
    const struct api_account **found;
    const Pb__EdgesPage *page;
    struct muted *views;
    size_t n = 0;
    int64_t *ids;
    enum code c = read_page(req, connection_list_mutes, req->ctx.viewer_id, &page, &ids);

    if (c != OK)
        return c;
    found = arena_many(req->ctx.arena, const struct api_account *, page->n_items);
    views = arena_many(req->ctx.arena, struct muted, page->n_items);
    if ((c = api_accounts_get(&req->ctx, ids, page->n_items, found)) != OK)
        return c;
    for (size_t i = 0; i < page->n_items; i++)
        if (found[i] != NULL)
            views[n++] = (struct muted){*found[i], page->items[i]->until_ms};
    return api_reply_list(req, &api_muted_shape, views, n);
}

enum code connection_api_none(struct request *req) { return api_reply_none(req); }

/* ---- Whom one knows in common ---- */

struct familiar {
    int64_t id;
    struct shape_json accounts;
};
static const struct shape_field familiar_fields[] = {
    {.name = "id", .kind = SHAPE_ID, .at = offsetof(struct familiar, id)},
    {.name = "accounts",
     .kind = SHAPE_RAWS,
     .at = offsetof(struct familiar, accounts),
     .of = &api_account_shape},
    {0},
};
const struct shape api_familiar_shape = {"FamiliarFollowers", sizeof(struct familiar), familiar_fields,
                                         "Who follows a member and is followed by the viewer."};

static enum code familiar_of(struct ctx *ctx, const Pb__Familiar *f, struct familiar *ret) {
    size_t n = f->n_user_ids;
    enum code c;

    ret->id = f->target_id;
    if ((c = api_members_visible(ctx, f->user_ids, &n)) != OK)
        return c;
    return api_members_ready(ctx, f->user_ids, n, &ret->accounts);
}

enum code connection_api_familiar(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__GetRelationshipsRequest ask = PB__GET_RELATIONSHIPS_REQUEST__INIT;
    const struct field_value *ids = field_get(req, "id");
    const Pb__FamiliarReply *found;
    struct familiar *views;
    enum code c;

    ask.viewer_id = ctx->viewer_id;
    ask.target_ids = arena_memdup(ctx->arena, ids->ids, ids->n_ids * sizeof *ids->ids);
    ask.n_target_ids = ids->n_ids;
    if (ids->n_ids == 0)
        return api_reply_none(req);
    if ((c = connection_familiar_followers(ctx, &ask, &found)) != OK)
        return c;
    views = arena_many(ctx->arena, struct familiar, found->n_members);
    for (size_t i = 0; i < found->n_members && c == OK; i++)
        c = familiar_of(ctx, found->members[i], &views[i]);
    return c != OK ? c : api_reply_list(req, &api_familiar_shape, views, found->n_members);
}

/* ---- Whom one may want to follow ---- */

struct suggestion {
    const char *source;
    struct shape_list sources;
    struct shape_json account;
};
static const struct shape_field suggestion_fields[] = {
    {.name = "source",
     .kind = SHAPE_STR,
     .at = offsetof(struct suggestion, source),
     .choices = "staff|past_interactions|global"},
    {.name = "sources",
     .kind = SHAPE_STRS,
     .at = offsetof(struct suggestion, sources),
     .words = "friends_of_friends: followed by those the viewer follows; most_followed: by many"},
    {.name = "account",
     .kind = SHAPE_RAW,
     .at = offsetof(struct suggestion, account),
     .of = &api_account_shape},
    {0},
};
const struct shape api_suggestion_shape = {"Suggestion", sizeof(struct suggestion), suggestion_fields,
                                           "Whom the viewer may want to follow, and why."};

static struct suggestion suggestion_of(const Pb__EdgeItem *item) {
    static const char *const near[] = {"friends_of_friends"}, *const known[] = {"most_followed"};

    if (item->in_common > 0)
        return (struct suggestion){.source = "past_interactions", .sources = {near, 1}};
    return (struct suggestion){.source = "global", .sources = {known, 1}};
}

/* Those who want to be found, at most as many as asked for. */
static enum code suggested(struct request *req, struct suggestion **ret, int64_t **ret_ids, size_t *ret_n) {
    struct ctx *ctx = &req->ctx;
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    uint32_t limit = api_limit(req, LIST_LIMIT, LIST_MOST);
    const Pb__EdgesPage *page;
    const Pb__UserCard **cards;
    int64_t *all;
    size_t n = 0;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.limit = SUGGESTIONS_MOST;
    if ((c = connection_suggest_follows(ctx, &ask, &page)) != OK)
        return c;
    all = arena_many(ctx->arena, int64_t, page->n_items);
    cards = arena_many(ctx->arena, const Pb__UserCard *, page->n_items);
    for (size_t i = 0; i < page->n_items; i++)
        all[i] = page->items[i]->user_id;
    if ((c = cards_get(ctx, all, page->n_items, cards)) != OK)
        return c;
    *ret = arena_many(ctx->arena, struct suggestion, page->n_items);
    *ret_ids = arena_many(ctx->arena, int64_t, page->n_items);
    for (size_t i = 0; i < page->n_items && n < limit; i++) {
        if (cards[i] == NULL || cards[i]->state != PB__ACCOUNT_STATE__STATE_ACTIVE || !cards[i]->discoverable)
            continue;
        (*ret)[n] = suggestion_of(page->items[i]);
        (*ret_ids)[n++] = all[i];
    }
    *ret_n = n;
    return OK;
}

enum code connection_api_suggestions(struct request *req) {
    struct suggestion *views;
    struct shape_json *ready;
    int64_t *ids;
    size_t n, k = 0;
    enum code c = suggested(req, &views, &ids, &n);

    if (c != OK)
        return c;
    ready = arena_many(req->ctx.arena, struct shape_json, n);
    if ((c = api_accounts_json(&req->ctx, ids, n, ready)) != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        if (ready[i].n == 0)
            continue;
        views[k] = views[i];
        views[k++].account = ready[i];
    }
    return api_reply_list(req, &api_suggestion_shape, views, k);
}

enum code connection_api_suggestions_v1(struct request *req) {
    struct suggestion *views;
    int64_t *ids;
    size_t n;
    enum code c = suggested(req, &views, &ids, &n);

    return c != OK ? c : api_reply_members(req, ids, n);
}

enum code connection_api_dismiss(struct request *req) {
    Pb__EdgeRequest ask = PB__EDGE_REQUEST__INIT;
    const Pb__UserCard *target;
    enum code c = api_member_card(req, &target);

    if (c != OK)
        return c;
    ask.actor_id = req->ctx.viewer_id;
    ask.target_id = target->id;
    if ((c = connection_dismiss_suggestion(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_reply_empty(req);
}
