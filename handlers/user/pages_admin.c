/* Administration of members, the audit log, and invites. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/models.h"
#include "handlers/common/page.h"
#include "handlers/user/pages.h"
#include "handlers/user/service.h"
#include "handlers/user/view.h"

#define MEMBERS_LIMIT 40
#define AUDIT_LIMIT 50

static struct page *desk(struct request *req, const char *title) {
    return page_new(req, PLACE_ADMIN, tr(req->ctx.lang, title));
}

/* ---- The list
 * ---------------------------------------------------------------------------------------------------- */

static const Pb__Role *role_named(const Pb__RolesReply *roles, const char *name) {
    for (size_t i = 0; i < roles->n_roles; i++)
        if (strcmp(roles->roles[i]->name, name) == 0)
            return roles->roles[i];
    return NULL;
}

static int32_t rank_of(const Pb__RolesReply *roles, const char *name) {
    const Pb__Role *r = role_named(roles, name);

    return r != NULL ? r->rank : 0;
}

static bool is_admin(const Pb__UserCard *card) { return strcmp(card->role, "admin") == 0; }

/* Roles that the reader may give: those below their own, for an admin all. */
static void fill_grantable(struct ctx *ctx, const Pb__RolesReply *roles, const Pb__UserCard *me,
                           struct admin_members_view *v) {
    Pb__Role **out = arena_many(ctx->arena, Pb__Role *, roles->n_roles);

    for (size_t i = 0; i < roles->n_roles; i++)
        if (is_admin(me) || roles->roles[i]->rank < rank_of(roles, me->role))
            out[v->n_grantable++] = roles->roles[i];
    v->grantable = out;
    v->roles = roles->roles;
    v->n_roles = roles->n_roles;
}

static enum code fill_rows(struct ctx *ctx, const Pb__MembersReply *found, const Pb__RolesReply *roles,
                           const Pb__UserCard *me, struct admin_members_view *v) {
    struct admin_member_row *rows = arena_many(ctx->arena, struct admin_member_row, found->n_members);
    int64_t *inviters = arena_many(ctx->arena, int64_t, found->n_members);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, found->n_members);
    enum code c;

    for (size_t i = 0; i < found->n_members; i++)
        inviters[i] = found->members[i]->invited_by;
    if ((c = cards_get(ctx, inviters, found->n_members, cards)) != OK)
        return c;
    for (size_t i = 0; i < found->n_members; i++) {
        const Pb__Member *m = found->members[i];
        bool below = is_admin(me) || rank_of(roles, m->card->role) < rank_of(roles, me->role);

        rows[i].member = m;
        rows[i].inviter = cards[i];
        rows[i].may_act = below && m->card->id != me->id;
        rows[i].may_role = rows[i].may_act && (me->permissions & PERMISSION_ROLES) != 0;
    }
    v->rows = rows;
    v->n = found->n_members;
    return OK;
}

/* The address of the list with its filters, and the page. */
static const char *members_url(struct request *req, const struct admin_members_view *v, int64_t before) {
    struct buf url;

    buf_init(&url, req->ctx.arena, 2048);
    buf_printf(&url, "/admin/members?state=%s&q=", v->state);
    buf_url(&url, v->q, strlen(v->q));
    buf_puts(&url, "&role=");
    buf_url(&url, v->role, strlen(v->role));
    if (before != 0)
        buf_printf(&url, "&before=%" PRId64, before);
    return buf_str(&url);
}

enum code user_page_members(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const Pb__UserCard *me = req->session.card;
    Pb__MembersRequest ask = PB__MEMBERS_REQUEST__INIT;
    Pb__Empty nothing = PB__EMPTY__INIT;
    const Pb__MembersReply *found;
    const Pb__RolesReply *roles;
    struct admin_members_view v = {
        .state = field_text(req, "state"), .role = field_text(req, "role"), .q = field_text(req, "q")};
    enum code c;

    if (text_is_empty(v.state))
        v.state = "all";
    ask.state = v.state;
    ask.role = v.role;
    ask.query = v.q;
    ask.before = field_int(req, "before");
    ask.limit = MEMBERS_LIMIT;
    if ((c = user_list_members(ctx, &ask, &found)) != OK ||
        (c = user_list_roles(ctx, &nothing, &roles)) != OK ||
        (c = fill_rows(ctx, found, roles, me, &v)) != OK)
        return c;
    fill_grantable(ctx, roles, me, &v);
    v.pending = found->pending;
    v.total = found->total;
    if (found->next != 0)
        v.pager.older = members_url(req, &v, found->next);
    if (ask.before != 0)
        v.pager.newer = members_url(req, &v, 0);
    tpl_user_admin_members(form_html(req), desk(req, tr_mark("Members")), &v);
    return OK;
}

/* ---- Acts on one member
 * --------------------------------------------------------------------------------------------- */

static enum code member_id(struct request *req, int64_t *ret_id) {
    if (!id_parse(req->args[0], ret_id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such member."));
    return OK;
}

static enum code set_state(struct request *req, const char *action, const char *note, const char *notice) {
    Pb__SetStateRequest ask = PB__SET_STATE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.action = action;
    ask.note = note;
    if ((c = member_id(req, &ask.user_id)) != OK || (c = user_set_state(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/admin/members", notice);
}

enum code user_page_member_approve(struct request *req) { return set_state(req, "approve", "", "approved"); }

enum code user_page_member_reject(struct request *req) { return set_state(req, "reject", "", "refused"); }

enum code user_page_member_restore(struct request *req) { return set_state(req, "restore", "", "restored"); }

enum code user_page_member_suspend(struct request *req) {
    struct error wrong = req->ctx.error;
    struct suspend_view v = {0};
    int64_t id;
    enum code c;

    fail_clear(&req->ctx);
    if ((c = member_id(req, &id)) != OK || (c = card_get(&req->ctx, id, &v.user)) != OK)
        return c;
    req->ctx.error = wrong;
    tpl_user_admin_suspend(form_html(req), desk(req, tr_mark("Suspend a member")), &v);
    return OK;
}

enum code user_page_member_suspend_send(struct request *req) {
    enum code c = set_state(req, "suspend", field_text(req, "note"), "suspended");

    return c != OK && form_refused(req) ? user_page_member_suspend(req) : c;
}

enum code user_page_member_role(struct request *req) {
    Pb__SetRoleRequest ask = PB__SET_ROLE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.role = field_text(req, "role");
    if ((c = member_id(req, &ask.user_id)) != OK || (c = user_set_role(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/admin/members", "role");
}

/* ---- Audit log
 * ------------------------------------------------------------------------------------------------------- */

enum code user_page_audit(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const char *before = field_text(req, "before");
    struct audit_page found;
    struct audit_view v = {0};
    enum code c;

    if ((c = user_service_audit(ctx, &(struct audit_filter){.before = before}, AUDIT_LIMIT, &found)) != OK ||
        (c = user_view_audit(ctx, &found, &v.rows)) != OK)
        return c;
    v.n = found.n;
    if (!text_is_empty(found.next)) {
        struct buf next;

        buf_init(&next, ctx->arena, 1024);
        buf_puts(&next, "/admin/audit?before=");
        buf_url(&next, found.next, strlen(found.next));
        v.pager.older = buf_str(&next);
    }
    if (!text_is_empty(before))
        v.pager.newer = "/admin/audit";
    tpl_user_admin_audit(form_html(req), desk(req, tr_mark("Audit log")), &v);
    return OK;
}

/* ---- Invites
 * ---------------------------------------------------------------------------------------------------------
 */

enum code user_page_invites(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = ctx->error;
    Pb__InvitesRequest ask = PB__INVITES_REQUEST__INIT;
    const Pb__InvitesReply *reply;
    struct invites_view v = {0};
    struct invite_row *rows;
    enum code c;

    fail_clear(ctx);
    ask.actor_id = ctx->viewer_id;
    if ((c = user_list_invites(ctx, &ask, &reply)) != OK)
        return c;
    ctx->error = wrong;
    v.n = reply->n_invites;
    v.rows = rows = arena_many(ctx->arena, struct invite_row, v.n);
    for (size_t i = 0; i < v.n; i++) {
        rows[i] = user_view_invite(ctx, reply->invites[i]);
        if (rows[i].invite->id == field_int(req, "fresh"))
            v.fresh = rows[i].url;
    }
    tpl_user_invites(form_html(req), desk(req, tr_mark("Invites")), &v);
    return OK;
}

enum code user_page_invites_send(struct request *req) {
    Pb__CreateInviteRequest ask = PB__CREATE_INVITE_REQUEST__INIT;
    const Pb__Invite *made;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.max_uses = (int32_t)field_int(req, "max_uses");
    ask.days = (int32_t)field_int(req, "days");
    if ((c = user_create_invite(&req->ctx, &ask, &made)) != OK)
        return form_refused(req) ? user_page_invites(req) : c;
    return form_go_back(req, arena_printf(req->ctx.arena, "/invites?fresh=%" PRId64, made->id), "invited");
}

enum code user_page_invite_revoke(struct request *req) {
    Pb__RevokeInviteRequest ask = PB__REVOKE_INVITE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    if (!id_parse(req->args[0], &ask.id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such invite."));
    if ((c = user_revoke_invite(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/invites", "revoked");
}
