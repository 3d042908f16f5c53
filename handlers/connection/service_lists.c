/* Lists that members keep of those they follow. Who is on an exclusive list is so by an edge, which the rules
 * of home look at: each change drops what is kept of the owner's relations. */
#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/connection/service_edges.h"
#include "handlers/connection/store.h"

#include <string.h>

#define TITLE_MAX 200 /* code points */

static enum code check_actor(struct ctx *ctx, int64_t actor) {
    return actor != 0 ? OK : fail(ctx, UNAUTHENTICATED, "Log in to go on.");
}

static enum code no_such_list(struct ctx *ctx) {
    return fail(ctx, NOT_FOUND, tr_mark("There is no such list."));
}

/* ---- Reads */

enum code connection_service_get_lists(struct ctx *ctx, const Pb__ListsRequest *req, Pb__ListsReply *reply) {
    enum code c = check_actor(ctx, req->viewer_id);

    return c != OK
               ? c
               : connection_store_lists(ctx, req->viewer_id, req->member_id, &reply->lists, &reply->n_lists);
}

enum code connection_service_get_list(struct ctx *ctx, const Pb__ListRequest *req, Pb__List *reply) {
    enum code c;

    if ((c = check_actor(ctx, req->viewer_id)) != OK ||
        (c = connection_store_own_list(ctx, req->viewer_id, req->list_id, reply)) != OK || !req->with_members)
        return c;
    return connection_store_list_ids(ctx, reply->id, &reply->member_ids, &reply->n_member_ids);
}

enum code connection_service_list_members(struct ctx *ctx, const Pb__ListEdgesRequest *req,
                                          Pb__EdgesPage *reply) {
    Pb__List list = PB__LIST__INIT;
    Pb__ListEdgesRequest of_list = *req;
    enum code c = connection_store_own_list(ctx, req->user_id, req->list_id, &list);

    of_list.user_id = req->list_id;
    return c != OK ? c : connection_edges_page(ctx, LIST_OF_LIST, &of_list, reply);
}

enum code connection_service_get_memberships(struct ctx *ctx, const Pb__MembershipsRequest *req,
                                             Pb__MembershipsReply *reply) {
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = limit_at_once(ctx, "user_ids", req->n_user_ids)) != OK)
        return c;
    return connection_store_memberships(ctx, req->user_ids, req->n_user_ids, &reply->memberships,
                                        &reply->n_memberships);
}

/* ---- Changes */

static enum code check_title(struct ctx *ctx, const char *text, const char **ret) {
    *ret = text_clean_line(ctx->arena, text, strlen(text));
    if (*ret == NULL)
        return fail_field(ctx, "title", tr_mark("This holds something that is no text. Type it again."));
    if (**ret == '\0')
        return fail_field_as(ctx, "title", FIELD_BLANK, tr_mark("Give the list a name."));
    if (text_utf8_count(*ret, strlen(*ret)) > TITLE_MAX)
        return fail_field_as(ctx, "title", FIELD_TOO_LONG,
                             tr_mark("The name of a list has at most 200 characters."));
    return OK;
}

enum code connection_service_save_list(struct ctx *ctx, const Pb__SaveListRequest *req, Pb__List *reply) {
    Pb__SaveListRequest clean = *req;
    bool is_done = false;
    enum code c = check_actor(ctx, req->actor_id);

    clean.set_title = req->set_title || req->list_id == 0;
    if (c != OK || (clean.set_title && (c = check_title(ctx, req->title, &clean.title)) != OK) ||
        (c = connection_store_list_save(ctx, &clean, reply, &is_done)) != OK)
        return c;
    if (!is_done && req->list_id == 0)
        return fail(ctx, PRECONDITION, tr_mark("You have 100 lists, which is the most. Delete one first."));
    if (!is_done)
        return no_such_list(ctx);
    connection_store_forget(ctx, &req->actor_id, 1);
    return OK;
}

/* Ends a change of somebody's list. */
static enum code settle(struct ctx *ctx, enum code c, bool is_done, int64_t owner) {
    if (c != OK)
        return c;
    if (!is_done)
        return no_such_list(ctx);
    connection_store_forget(ctx, &owner, 1);
    return OK;
}

enum code connection_service_delete_list(struct ctx *ctx, const Pb__ListRequest *req, Pb__Empty *reply) {
    bool is_done = false;
    enum code c = connection_store_list_delete(ctx, req->viewer_id, req->list_id, &is_done);

    (void)reply;
    return settle(ctx, c, is_done, req->viewer_id);
}

/* Each once. */
static Pb__ListMembersRequest distinct(struct ctx *ctx, const Pb__ListMembersRequest *req) {
    Pb__ListMembersRequest out = *req;

    out.member_ids = arena_many(ctx->arena, int64_t, req->n_member_ids);
    out.n_member_ids = 0;
    for (size_t i = 0; i < req->n_member_ids; i++)
        if (!id_among(req->member_ids[i], out.member_ids, out.n_member_ids))
            out.member_ids[out.n_member_ids++] = req->member_ids[i];
    return out;
}

enum code connection_service_add_to_list(struct ctx *ctx, const Pb__ListMembersRequest *req,
                                         Pb__Empty *reply) {
    struct list_addition state = {0};
    Pb__ListMembersRequest all;
    bool is_done = false;
    enum code c;

    (void)reply;
    if ((c = limit_at_once(ctx, "member_ids", req->n_member_ids)) != OK)
        return c;
    all = distinct(ctx, req);
    if ((c = connection_store_list_add(ctx, &all, &state, &is_done)) != OK)
        return c;
    if (!is_done)
        return no_such_list(ctx);
    if (!state.are_followed)
        return fail(ctx, NOT_FOUND, tr_mark("Only members whom you follow can be on your lists."));
    if (state.are_there)
        return fail_field_as(ctx, "account_ids", FIELD_TAKEN, tr_mark("This member is on the list already."));
    if (!state.has_room)
        return fail(ctx, PRECONDITION, tr_mark("A list holds at most 500 members."));
    connection_store_forget(ctx, &req->actor_id, 1);
    return OK;
}

enum code connection_service_remove_from_list(struct ctx *ctx, const Pb__ListMembersRequest *req,
                                              Pb__Empty *reply) {
    bool is_done = false;
    enum code c = connection_store_list_remove(ctx, req, &is_done);

    (void)reply;
    return settle(ctx, c, is_done, req->actor_id);
}
