/* Lists that members keep of those they follow. */
#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_members.h"
#include "handlers/connection/api.h"
#include "handlers/connection/api_shared.h"
#include "handlers/connection/own_list.h"
#include "handlers/connection/policy.h"

struct list_view {
    int64_t id;
    const char *title, *replies;
    bool exclusive;
};
static const struct shape_field list_fields[] = {
    {.name = "id", .kind = SHAPE_ID, .at = offsetof(struct list_view, id)},
    {.name = "title", .kind = SHAPE_STR, .at = offsetof(struct list_view, title)},
    {.name = "replies_policy",
     .kind = SHAPE_STR,
     .at = offsetof(struct list_view, replies),
     .choices = POLICY_NAMES,
     .words =
         "comments shown: on what members of the list wrote, on what anybody wrote whom one follows, none"},
    {.name = "exclusive",
     .kind = SHAPE_BOOL,
     .at = offsetof(struct list_view, exclusive),
     .words = "posts of its members stay out of one's home timeline"},
    {0},
};
const struct shape api_list_shape = {"List", sizeof(struct list_view), list_fields,
                                     "Some whom the viewer follows, with a timeline of their own."};

static struct list_view view_of(const Pb__List *list) {
    return (struct list_view){list->id, list->title, policy_name(list->replies), list->exclusive};
}

static enum code answer(struct request *req, const Pb__List *list) {
    struct list_view view = view_of(list);

    return api_reply(req, &api_list_shape, &view);
}

/* What speaks against a change by the state of things is 422 to clients. */
static enum code refusal(struct request *req, enum code c) {
    if (c == PRECONDITION)
        req->ctx.error.http = 422;
    return c;
}

/* ---- Reads */

static enum code reply_lists(struct request *req, int64_t member) {
    Pb__ListsRequest ask = PB__LISTS_REQUEST__INIT;
    const Pb__ListsReply *found;
    struct list_view *views;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.member_id = member;
    if ((c = connection_get_lists(&req->ctx, &ask, &found)) != OK)
        return c;
    views = arena_many(req->ctx.arena, struct list_view, found->n_lists);
    for (size_t i = 0; i < found->n_lists; i++)
        views[i] = view_of(found->lists[i]);
    return api_reply_list(req, &api_list_shape, views, found->n_lists);
}

enum code connection_api_own_lists(struct request *req) { return reply_lists(req, 0); }

enum code connection_api_lists_with(struct request *req) {
    const Pb__UserCard *member;
    enum code c = api_member_shown(req, &member);

    return c != OK ? c : reply_lists(req, member->id);
}

enum code connection_api_list(struct request *req) {
    const Pb__List *list;
    enum code c = own_list_read(req, false, &list);

    return c != OK ? c : answer(req, list);
}

static enum code all_accounts(struct request *req) {
    const Pb__List *list;
    size_t n;
    enum code c = own_list_read(req, true, &list);

    if (c != OK)
        return c;
    n = list->n_member_ids;
    if ((c = api_members_visible(&req->ctx, list->member_ids, &n)) != OK)
        return c;
    return api_reply_members(req, list->member_ids, n);
}

enum code connection_api_list_accounts(struct request *req) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    enum code c = own_list_id(req, &ask.list_id);

    ask.user_id = req->ctx.viewer_id;
    if (c != OK)
        return c;
    if (field_present(req, "limit") && field_int(req, "limit") == 0)
        return all_accounts(req);
    return connection_api_page(req, connection_list_members, ask);
}

/* ---- Changes */

static enum code save(struct request *req, int64_t id) {
    Pb__SaveListRequest ask = PB__SAVE_LIST_REQUEST__INIT;
    const Pb__List *list;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.list_id = id;
    ask.set_title = field_present(req, "title");
    ask.title = field_text(req, "title");
    ask.replies = policy_named(field_text(req, "replies_policy"));
    if (field_present(req, "exclusive"))
        ask.exclusive = field_bool(req, "exclusive") ? PB__WISH__WISH_YES : PB__WISH__WISH_NO;
    if ((c = connection_save_list(&req->ctx, &ask, &list)) != OK)
        return refusal(req, c);
    return answer(req, list);
}

enum code connection_api_list_create(struct request *req) { return save(req, 0); }

enum code connection_api_list_change(struct request *req) {
    int64_t id;
    enum code c = own_list_id(req, &id);

    return c != OK ? c : save(req, id);
}

enum code connection_api_list_delete(struct request *req) {
    enum code c = own_list_delete(req);

    return c != OK ? c : api_reply_empty(req);
}

static enum code change_members(struct request *req, list_members_rpc *rpc) {
    Pb__ListMembersRequest ask = PB__LIST_MEMBERS_REQUEST__INIT;
    const struct field_value *ids = field_get(req, "account_ids");
    enum code c = own_list_id(req, &ask.list_id);

    ask.actor_id = req->ctx.viewer_id;
    ask.member_ids = arena_memdup(req->ctx.arena, ids->ids, ids->n_ids * sizeof *ids->ids);
    ask.n_member_ids = ids->n_ids;
    if (c != OK || (c = rpc(&req->ctx, &ask, NULL)) != OK)
        return refusal(req, c);
    return api_reply_empty(req);
}

enum code connection_api_list_add(struct request *req) { return change_members(req, connection_add_to_list); }

enum code connection_api_list_remove(struct request *req) {
    return change_members(req, connection_remove_from_list);
}
