#include "handlers/connection/pages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/edge.h"
#include "handlers/common/forms.h"
#include "handlers/common/members.h"
#include "handlers/common/models.h"
#include "handlers/common/page.h"
#include "handlers/common/side.h"
#include "handlers/connection/pages_shared.h"
#include "handlers/connection/view.h"

#define LIST_LIMIT 40
#define SUGGESTIONS 12

static const char *words(struct request *req, const char *text) { return tr(req->ctx.lang, text); }

/* ---- Lists
 * ------------------------------------------------------------------------------------------------------- */

enum code connection_page_of(struct request *req, edges_rpc *rpc, Pb__ListEdgesRequest ask,
                             struct member_list *ret) {
    struct ctx *ctx = &req->ctx;
    const Pb__EdgesPage *edges;
    struct member_row *rows;
    int64_t *ids;
    enum code c;

    ask.before = field_int(req, "before");
    ask.limit = LIST_LIMIT;
    if ((c = rpc(ctx, &ask, &edges)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, edges->n_items);
    for (size_t i = 0; i < edges->n_items; i++)
        ids[i] = edges->items[i]->user_id;
    if ((c = member_rows(ctx, ids, edges->n_items, &rows, &ret->n)) != OK)
        return c;
    for (size_t i = 0, k = 0; i < edges->n_items && k < ret->n; i++)
        if (rows[k].user->id == edges->items[i]->user_id)
            rows[k++].until_ms = edges->items[i]->until_ms;
    ret->rows = rows;
    if (edges->next != 0)
        ret->pager.older = arena_printf(ctx->arena, "%s?before=%" PRId64, req->path, edges->next);
    if (ask.before != 0)
        ret->pager.newer = req->path;
    return OK;
}

static enum code list_members(struct request *req, edges_rpc *rpc, int64_t user, struct member_list *ret) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;

    ask.user_id = user;
    return connection_page_of(req, rpc, ask, ret);
}

/* Followers or following of the member in the address. */
static enum code show_edges(struct request *req, edges_rpc *rpc, bool following) {
    struct ctx *ctx = &req->ctx;
    struct edges_view v = {.following = following};
    struct page *page;
    enum code c;

    if ((c = card_by_handle(ctx, req->args[0], &v.user)) != OK)
        return c;
    if (v.user->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(ctx, NOT_FOUND, "There is no member of this name. Check the spelling.");
    v.own = v.user->id == ctx->viewer_id;
    c = list_members(req, rpc, v.user->id, &v.members);
    if (c == DENIED) {
        fail_clear(ctx);
        v.hidden = true;
    } else if (c != OK || (c = network_counts_get(ctx, v.user->id, &v.counts)) != OK) {
        return c;
    }
    page = page_new(req, PLACE_NONE,
                    tr_fill(ctx->arena, ctx->lang,
                            following ? tr_mark("Followed by {name}") : tr_mark("Followers of {name}"),
                            "name", v.user->name, NULL));
    page->noindex = true;
    tpl_connection_edges(form_html(req), page, &v);
    return OK;
}

enum code connection_page_followers(struct request *req) {
    return show_edges(req, connection_list_followers, false);
}

enum code connection_page_following(struct request *req) {
    return show_edges(req, connection_list_following, true);
}

static enum code show_severed(struct request *req, edges_rpc *rpc, const char *title,
                              void (*template)(struct buf *, const struct page *,
                                               const struct severed_view *)) {
    struct severed_view v = {0};
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *edges;
    struct member_row *rows;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.before = field_int(req, "before");
    ask.limit = LIST_LIMIT;
    if ((c = rpc(&req->ctx, &ask, &edges)) != OK)
        return c;
    /* Blocked members are severed, so member_rows() would leave them out: each row is made by itself. */
    rows = arena_many(req->ctx.arena, struct member_row, edges->n_items);
    for (size_t i = 0; i < edges->n_items; i++) {
        c = member_row_get(&req->ctx, edges->items[i]->user_id, &rows[v.members.n]);
        if (c == OK)
            rows[v.members.n++].until_ms = edges->items[i]->until_ms;
        else if (c == NOT_FOUND)
            fail_clear(&req->ctx);
        else
            return c;
    }
    v.members.rows = rows;
    if (edges->next != 0)
        v.members.pager.older = arena_printf(req->ctx.arena, "%s?before=%" PRId64, req->path, edges->next);
    template(form_html(req), page_new(req, PLACE_SETTINGS, words(req, title)), &v);
    return OK;
}

enum code connection_page_blocks(struct request *req) {
    return show_severed(req, connection_list_blocks, tr_mark("Blocked members"), tpl_connection_blocks);
}

enum code connection_page_mutes(struct request *req) {
    return show_severed(req, connection_list_mutes, tr_mark("Muted members"), tpl_connection_mutes);
}

static enum code suggestions(struct ctx *ctx, struct network_view *v) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    const Pb__EdgesPage *edges;
    struct member_row *rows;
    int64_t *ids;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.limit = SUGGESTIONS;
    if ((c = connection_suggest_follows(ctx, &ask, &edges)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, edges->n_items);
    for (size_t i = 0; i < edges->n_items; i++)
        ids[i] = edges->items[i]->user_id;
    c = member_rows(ctx, ids, edges->n_items, &rows, &v->n_suggestions);
    v->suggestions = rows;
    return c;
}

enum code connection_page_network(struct request *req) {
    struct network_view v = {0};
    enum code c;

    if ((c = list_members(req, connection_list_requests, req->ctx.viewer_id, &v.requests)) != OK ||
        (c = suggestions(&req->ctx, &v)) != OK ||
        (c = network_counts_get(&req->ctx, req->ctx.viewer_id, &v.counts)) != OK)
        return c;
    tpl_connection_network(form_html(req), page_new(req, PLACE_NETWORK, words(req, tr_mark("Network"))), &v);
    return OK;
}

/* ---- Changes
 * ------------------------------------------------------------------------------------------------------ */

static enum code target_of(struct request *req, int64_t *ret_id) {
    if (!id_parse(req->args[0], ret_id))
        return fail(&req->ctx, NOT_FOUND, "There is no such member.");
    return OK;
}

/* After a change: the changed buttons for a script, else back to where the reader was, with a notice. */
static enum code answer(struct request *req, int64_t target, uint32_t edges, const char *notice) {
    struct member_row row = {.edges = edges};
    const char *back = field_text(req, "return_to");
    enum code c;

    if ((c = card_get(&req->ctx, target, &row.user)) != OK)
        return c;
    if (form_is_fetch(req)) {
        tpl_member_actions(form_html(req), page_new(req, PLACE_NONE, NULL), &row);
        return OK;
    }
    page_notice_next(req, notice);
    return respond_redirect(req, text_is_empty(back) ? arena_printf(req->ctx.arena, "/@%s", row.user->handle)
                                                     : back);
}

typedef enum code edge_rpc(struct ctx *ctx, const Pb__EdgeRequest *req, const Pb__Relationship **ret_reply);

static enum code change(struct request *req, edge_rpc *rpc, int64_t duration_s, const char *notice) {
    Pb__EdgeRequest ask = PB__EDGE_REQUEST__INIT;
    const Pb__Relationship *now;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.duration_s = duration_s;
    if ((c = target_of(req, &ask.target_id)) != OK || (c = rpc(&req->ctx, &ask, &now)) != OK)
        return c;
    return answer(req, ask.target_id, now->edges, notice);
}

enum code connection_page_follow(struct request *req) {
    Pb__EdgeRequest ask = PB__EDGE_REQUEST__INIT;
    const Pb__Relationship *now;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    if ((c = target_of(req, &ask.target_id)) != OK || (c = connection_follow(&req->ctx, &ask, &now)) != OK)
        return c;
    return answer(req, ask.target_id, now->edges,
                  (now->edges & EDGE_REQUESTED) != 0 ? "requested" : "followed");
}

enum code connection_page_unfollow(struct request *req) {
    return change(req, connection_unfollow, 0, "unfollowed");
}

enum code connection_page_remove_follower(struct request *req) {
    return change(req, connection_remove_follower, 0, "removed");
}

enum code connection_page_block(struct request *req) { return change(req, connection_block, 0, "blocked"); }

enum code connection_page_unblock(struct request *req) {
    return change(req, connection_unblock, 0, "unblocked");
}

enum code connection_page_mute(struct request *req) {
    return change(req, connection_mute, strtoll(field_text(req, "duration"), NULL, 10), "muted");
}

enum code connection_page_unmute(struct request *req) { return change(req, connection_unmute, 0, "unmuted"); }

/* The member whom a page asks about. */
static enum code asked_about(struct request *req, struct member_row *ret) {
    int64_t id;
    enum code c = target_of(req, &id);

    return c == OK ? member_row_get(&req->ctx, id, ret) : c;
}

enum code connection_page_block_ask(struct request *req) {
    struct member_row row;
    struct block_view v;
    enum code c = asked_about(req, &row);

    if (c != OK)
        return c;
    v = (struct block_view){row.user, row.edges, field_text(req, "return_to")};
    tpl_connection_block(form_html(req), page_new(req, PLACE_NONE, words(req, tr_mark("Block"))), &v);
    return OK;
}

enum code connection_page_mute_ask(struct request *req) {
    struct member_row row;
    struct mute_view v;
    enum code c = asked_about(req, &row);

    if (c != OK)
        return c;
    v = (struct mute_view){row.user, row.edges, 0, field_text(req, "return_to")};
    tpl_connection_mute(form_html(req), page_new(req, PLACE_NONE, words(req, tr_mark("Mute"))), &v);
    return OK;
}

static enum code respond_to(struct request *req, bool accept, const char *notice) {
    Pb__RespondRequest ask = PB__RESPOND_REQUEST__INIT;
    const Pb__Relationship *now;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.accept = accept;
    if ((c = target_of(req, &ask.requester_id)) != OK ||
        (c = connection_respond_to_request(&req->ctx, &ask, &now)) != OK)
        return c;
    side_forget(&req->ctx, req->ctx.viewer_id);
    if (text_is_empty(field_text(req, "return_to"))) {
        page_notice_next(req, notice);
        return respond_redirect(req, "/network");
    }
    return answer(req, ask.requester_id, now->edges, notice);
}

enum code connection_page_accept(struct request *req) { return respond_to(req, true, "accepted"); }

enum code connection_page_reject(struct request *req) { return respond_to(req, false, "rejected"); }
