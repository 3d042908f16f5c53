/* Lists that members keep: making and changing them, who is on them. Their timelines are the post service's.
 */
#include <inttypes.h>

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/edge.h"
#include "handlers/common/forms.h"
#include "handlers/common/members.h"
#include "handlers/common/page.h"
#include "handlers/connection/own_list.h"
#include "handlers/connection/pages.h"
#include "handlers/connection/pages_shared.h"
#include "handlers/connection/policy.h"
#include "handlers/connection/view.h"

static struct page *chrome(struct request *req, const char *title) {
    return page_new(req, PLACE_LISTS, tr(req->ctx.lang, title));
}

static const char *list_path(struct request *req, int64_t id, const char *behind) {
    return arena_printf(req->ctx.arena, "/lists/%" PRId64 "%s", id, behind);
}

/* With a member: those that it is on. */
static enum code read_lists(struct request *req, int64_t member, const Pb__ListsReply **ret) {
    Pb__ListsRequest ask = PB__LISTS_REQUEST__INIT;

    ask.viewer_id = req->ctx.viewer_id;
    ask.member_id = member;
    return connection_get_lists(&req->ctx, &ask, ret);
}

/* ---- The lists */

enum code connection_page_lists(struct request *req) {
    const Pb__ListsReply *found;
    struct lists_view v;
    enum code c;

    if ((c = read_lists(req, 0, &found)) != OK)
        return c;
    v = (struct lists_view){found->lists, found->n_lists};
    tpl_connection_lists(form_html(req), chrome(req, tr_mark("Lists")), &v);
    return OK;
}

enum code connection_page_list_create(struct request *req) {
    Pb__SaveListRequest ask = PB__SAVE_LIST_REQUEST__INIT;
    const Pb__List *list;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.title = field_text(req, "title");
    if ((c = connection_save_list(&req->ctx, &ask, &list)) != OK)
        return form_refused(req) ? connection_page_lists(req) : c;
    page_notice_next(req, "list-made");
    return respond_redirect(req, list_path(req, list->id, "/people"));
}

/* ---- One of them */

static enum code show(struct request *req, const char *title,
                      void (*template)(struct buf *, const struct page *, const struct list_view *)) {
    struct list_view v = {0};
    enum code c;

    if ((c = own_list_read(req, false, &v.list)) != OK)
        return c;
    v.policy = policy_name(v.list->replies);
    template(form_html(req), chrome(req, title), &v);
    return OK;
}

enum code connection_page_list_form(struct request *req) {
    return show(req, tr_mark("Change a list"), tpl_connection_list_form);
}

enum code connection_page_list_change(struct request *req) {
    Pb__SaveListRequest ask = PB__SAVE_LIST_REQUEST__INIT;
    enum code c = own_list_id(req, &ask.list_id);

    ask.actor_id = req->ctx.viewer_id;
    ask.set_title = true;
    ask.title = field_text(req, "title");
    ask.replies = policy_named(field_text(req, "replies"));
    ask.exclusive = field_bool(req, "exclusive") ? PB__WISH__WISH_YES : PB__WISH__WISH_NO;
    if (c != OK || (c = connection_save_list(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? connection_page_list_form(req) : c;
    page_notice_next(req, "saved");
    return respond_redirect(req, list_path(req, ask.list_id, ""));
}

enum code connection_page_list_delete_ask(struct request *req) {
    return show(req, tr_mark("Delete a list"), tpl_connection_list_delete);
}

enum code connection_page_list_delete(struct request *req) {
    enum code c = own_list_delete(req);

    if (c != OK)
        return c;
    page_notice_next(req, "list-deleted");
    return respond_redirect(req, "/lists");
}

/* ---- Who is on it */

enum code connection_page_list_members(struct request *req) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    struct list_members_view v = {0};
    enum code c = own_list_read(req, false, &v.list);

    if (c != OK)
        return c;
    ask.user_id = req->ctx.viewer_id;
    ask.list_id = v.list->id;
    if ((c = connection_page_of(req, connection_list_members, ask, &v.members)) != OK)
        return c;
    tpl_connection_list_members(form_html(req), chrome(req, tr_mark("Members of a list")), &v);
    return OK;
}

enum code connection_page_list_followed(struct request *req) {
    Pb__ListEdgesRequest ask = PB__LIST_EDGES_REQUEST__INIT;
    struct list_members_view v = {0};
    enum code c = own_list_read(req, true, &v.list);

    ask.user_id = req->ctx.viewer_id;
    if (c != OK || (c = connection_page_of(req, connection_list_following, ask, &v.members)) != OK)
        return c;
    tpl_connection_list_followed(form_html(req), chrome(req, tr_mark("Add people to a list")), &v);
    return OK;
}

static enum code change_member(struct request *req, list_members_rpc *rpc, const char *notice) {
    Pb__ListMembersRequest ask = PB__LIST_MEMBERS_REQUEST__INIT;
    int64_t member;
    enum code c = own_list_id(req, &ask.list_id);

    if (c == OK && !id_parse(req->args[1], &member))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such member."));
    ask.actor_id = req->ctx.viewer_id;
    ask.member_ids = &member;
    ask.n_member_ids = 1;
    if (c == OK && (c = rpc(&req->ctx, &ask, NULL)) == INVALID) { /* is there already */
        fail_clear(&req->ctx);
        c = OK;
    }
    return c != OK ? c : form_go_back(req, list_path(req, ask.list_id, "/members"), notice);
}

enum code connection_page_list_add(struct request *req) {
    return change_member(req, connection_add_to_list, "listed");
}

enum code connection_page_list_remove(struct request *req) {
    return change_member(req, connection_remove_from_list, "unlisted");
}

static bool is_among(const Pb__List *list, const Pb__ListsReply *some) {
    for (size_t i = 0; i < some->n_lists; i++)
        if (some->lists[i]->id == list->id)
            return true;
    return false;
}

enum code connection_page_lists_of(struct request *req) {
    const Pb__ListsReply *all, *with;
    struct lists_of_view v = {0};
    struct member_row row;
    int64_t member;
    bool *on;
    enum code c;

    if (!id_parse(req->args[0], &member))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such member."));
    if ((c = member_row_get(&req->ctx, member, &row)) != OK || (c = read_lists(req, 0, &all)) != OK ||
        (c = read_lists(req, member, &with)) != OK)
        return c;
    on = arena_many(req->ctx.arena, bool, all->n_lists);
    for (size_t i = 0; i < all->n_lists; i++)
        on[i] = is_among(all->lists[i], with);
    v = (struct lists_of_view){row.user, (row.edges & EDGE_FOLLOWING) != 0, all->lists, on, all->n_lists};
    tpl_connection_lists_of(form_html(req), chrome(req, tr_mark("Add to a list")), &v);
    return OK;
}
