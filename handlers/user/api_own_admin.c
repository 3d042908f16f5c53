/* Our own API: administration of members, roles, invites, the audit log. */
#include <stddef.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_own.h"
#include "handlers/common/device.h"
#include "handlers/common/models.h"
#include "handlers/user/api_own.h"
#include "handlers/user/rules.h"
#include "handlers/user/service.h"
#include "handlers/user/view.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

/* ---- Members ---- */

struct member {
    int64_t id, created_at, confirmed_at, seen_at, invited_by;
    const char *handle, *name, *headline, *email, *role, *state, *reason, *url;
};

const struct shape user_member_shape = {
    .name = "AdminMember",
    .size = sizeof(struct member),
    .words = "a member as those see them who look after the site",
    .fields = (const struct shape_field[]){
        FIELD(member, id, SHAPE_ID),
        FIELD(member, handle, SHAPE_STR),
        FIELD(member, name, SHAPE_STR),
        FIELD(member, headline, SHAPE_STR),
        FIELD(member, url, SHAPE_URL, .words = "of the profile"),
        FIELD(member, email, SHAPE_STR),
        FIELD(member, role, SHAPE_STR),
        FIELD(member, state, SHAPE_STR, .choices = "unconfirmed|pending|active|suspended|deleted"),
        FIELD(member, reason, SHAPE_STR, .words = "why they want to join, where approval is asked for"),
        FIELD(member, created_at, SHAPE_TIME),
        FIELD(member, confirmed_at, SHAPE_TIME, .nullable = true),
        FIELD(member, seen_at, SHAPE_TIME, .nullable = true, .words = "when they were last active"),
        FIELD(member, invited_by, SHAPE_ID, .nullable = true),
        {0}}};

static const char *state_name(Pb__AccountState state) {
    static const char *const names[] = {"unconfirmed", "pending", "active", "suspended", "deleted"};

    return (unsigned)state < sizeof names / sizeof *names ? names[state] : names[4];
}

static struct member member_view(struct ctx *ctx, const Pb__Member *m) {
    const Pb__UserCard *u = m->card;

    return (struct member){.id = u->id,
                           .handle = u->handle,
                           .name = u->name,
                           .headline = u->headline,
                           .url = api_url(ctx, arena_printf(ctx->arena, "/@%s", u->handle)),
                           .email = m->email,
                           .role = u->role,
                           .state = state_name(u->state),
                           .reason = m->reason,
                           .created_at = u->created_ms,
                           .confirmed_at = m->confirmed_ms,
                           .seen_at = m->seen_ms,
                           .invited_by = m->invited_by};
}

enum code user_api_own_members(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__MembersRequest ask = PB__MEMBERS_REQUEST__INIT;
    const Pb__MembersReply *found;
    struct member *views;
    enum code c;

    ask.state = field_text(req, "state");
    ask.role = field_text(req, "role");
    ask.query = field_text(req, "q");
    ask.limit = api_own_limit(req);
    if ((c = api_own_cursor_id(req, &ask.before, &ask.after)) != OK ||
        (c = user_list_members(ctx, &ask, &found)) != OK)
        return c;
    views = arena_many(ctx->arena, struct member, found->n_members);
    for (size_t i = 0; i < found->n_members; i++)
        views[i] = member_view(ctx, found->members[i]);
    return api_own_list(req, &(struct api_own_page){.shape = &user_member_shape,
                                                    .items = views,
                                                    .n = found->n_members,
                                                    .next = api_own_at(ctx, found->next),
                                                    .prev = api_own_at(ctx, found->prev)});
}

static enum code no_member(struct request *req, int64_t *ret_id) {
    return api_own_id(req, tr_mark("There is no such member."), ret_id);
}

static enum code member_now(struct request *req, struct member *ret) {
    Pb__MembersRequest ask = PB__MEMBERS_REQUEST__INIT;
    const Pb__MembersReply *found;
    enum code c;

    if ((c = no_member(req, &ask.id)) != OK || (c = user_list_members(&req->ctx, &ask, &found)) != OK)
        return c;
    *ret = member_view(&req->ctx, found->members[0]);
    return OK;
}

enum code user_api_own_member(struct request *req) {
    struct member v;
    enum code c = member_now(req, &v);

    return c != OK ? c : api_own_reply(req, &user_member_shape, &v);
}

static enum code set_state(struct request *req, const char *action, const char *note) {
    Pb__SetStateRequest ask = PB__SET_STATE_REQUEST__INIT;
    struct member v;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.action = action;
    ask.note = note;
    if ((c = no_member(req, &ask.user_id)) != OK || (c = user_set_state(&req->ctx, &ask, NULL)) != OK ||
        (c = member_now(req, &v)) != OK)
        return c;
    return api_own_reply(req, &user_member_shape, &v);
}

enum code user_api_own_member_approve(struct request *req) { return set_state(req, "approve", ""); }

enum code user_api_own_member_restore(struct request *req) { return set_state(req, "restore", ""); }

enum code user_api_own_member_suspend(struct request *req) {
    return set_state(req, "suspend", field_text(req, "note"));
}

/* A sign-up that is refused is gone. */
enum code user_api_own_member_reject(struct request *req) {
    Pb__SetStateRequest ask = PB__SET_STATE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.action = "reject";
    ask.note = field_text(req, "note");
    if ((c = no_member(req, &ask.user_id)) != OK || (c = user_set_state(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_own_done(req);
}

enum code user_api_own_member_role(struct request *req) {
    Pb__SetRoleRequest ask = PB__SET_ROLE_REQUEST__INIT;
    struct member v;
    enum code c;

    if ((c = member_now(req, &v)) != OK || (c = api_own_if_match(req, &user_member_shape, &v)) != OK)
        return c;
    ask.actor_id = req->ctx.viewer_id;
    ask.user_id = v.id;
    ask.role = field_text(req, "role");
    if ((c = user_set_role(&req->ctx, &ask, NULL)) != OK || (c = member_now(req, &v)) != OK)
        return c;
    return api_own_reply(req, &user_member_shape, &v);
}

/* ---- Roles ---- */

const struct shape user_role_shape = {
    .name = "OwnRole",
    .size = sizeof(struct user_role),
    .words = "what members of one kind may do",
    .fields = (const struct shape_field[]){
        FIELD(user_role, name, SHAPE_STR),
        FIELD(user_role, permissions, SHAPE_STRS),
        FIELD(user_role, members, SHAPE_INT, .words = "how many have it"),
        FIELD(user_role, rank, SHAPE_INT,
              .words = "who has a higher one may give this role and act on those who have it"),
        {0}}};

struct user_role user_role_view(struct ctx *ctx, const Pb__Role *role) {
    return (struct user_role){.name = role->name,
                              .permissions = user_permission_names(ctx->arena, role->permissions),
                              .rank = role->rank,
                              .members = role->members};
}

enum code user_api_own_roles(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__Empty nothing = PB__EMPTY__INIT;
    const Pb__RolesReply *reply;
    struct user_role *views;
    enum code c = user_list_roles(ctx, &nothing, &reply);

    if (c != OK)
        return c;
    views = arena_many(ctx->arena, struct user_role, reply->n_roles);
    for (size_t i = 0; i < reply->n_roles; i++)
        views[i] = user_role_view(ctx, reply->roles[i]);
    return api_own_list(
        req, &(struct api_own_page){.shape = &user_role_shape, .items = views, .n = reply->n_roles});
}

/* ---- Invites ---- */

struct invite {
    int64_t id, by_id, max_uses, uses, expires_at, created_at;
    const char *code, *url;
    bool spent;
};

const struct shape user_invite_shape = {
    .name = "Invite",
    .size = sizeof(struct invite),
    .words = "a link by which people may sign up",
    .fields =
        (const struct shape_field[]){FIELD(invite, id, SHAPE_ID),
                                     FIELD(invite, code, SHAPE_STR),
                                     FIELD(invite, url, SHAPE_URL),
                                     FIELD(invite, by_id, SHAPE_ID, .nullable = true, .words = "who made it"),
                                     FIELD(invite, max_uses, SHAPE_INT),
                                     FIELD(invite, uses, SHAPE_INT),
                                     FIELD(invite, spent, SHAPE_BOOL, .words = "used up, ended or too old"),
                                     FIELD(invite, expires_at, SHAPE_TIME, .nullable = true),
                                     FIELD(invite, created_at, SHAPE_TIME),
                                     {0}}};

static struct invite invite_view(struct ctx *ctx, const Pb__Invite *k) {
    struct invite_row row = user_view_invite(ctx, k);

    return (struct invite){.id = k->id,
                           .by_id = k->by_id,
                           .max_uses = k->max_uses,
                           .uses = k->uses,
                           .spent = row.spent,
                           .expires_at = k->expires_ms,
                           .created_at = k->created_ms,
                           .code = k->code,
                           .url = row.url};
}

enum code user_api_own_invites(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__InvitesRequest ask = PB__INVITES_REQUEST__INIT;
    const Pb__InvitesReply *reply;
    struct invite *views;
    enum code c;

    ask.actor_id = ctx->viewer_id;
    if ((c = user_list_invites(ctx, &ask, &reply)) != OK)
        return c;
    views = arena_many(ctx->arena, struct invite, reply->n_invites);
    for (size_t i = 0; i < reply->n_invites; i++)
        views[i] = invite_view(ctx, reply->invites[i]);
    return api_own_list(
        req, &(struct api_own_page){.shape = &user_invite_shape, .items = views, .n = reply->n_invites});
}

enum code user_api_own_invite_make(struct request *req) {
    Pb__CreateInviteRequest ask = PB__CREATE_INVITE_REQUEST__INIT;
    const Pb__Invite *made;
    struct invite v;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.max_uses = (int32_t)field_int(req, "max_uses");
    ask.days = (int32_t)field_int(req, "days");
    if ((c = user_create_invite(&req->ctx, &ask, &made)) != OK)
        return c;
    v = invite_view(&req->ctx, made);
    return api_own_reply(req, &user_invite_shape, &v);
}

enum code user_api_own_invite_revoke(struct request *req) {
    Pb__RevokeInviteRequest ask = PB__REVOKE_INVITE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    if ((c = api_own_id(req, tr_mark("There is no such invite."), &ask.id)) != OK ||
        (c = user_revoke_invite(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_own_done(req);
}

/* ---- Audit log ---- */

struct audit {
    int64_t seq, at, actor_id, target_id;
    const char *actor, *target, *kind, *what, *ip, *device, *detail;
};

const struct shape user_audit_shape = {
    .name = "AuditEntry",
    .size = sizeof(struct audit),
    .words = "something that was done with privileges, or that concerned anybody's security",
    .fields = (const struct shape_field[]){
        FIELD(audit, seq, SHAPE_INT, .words = "1, 2, 3 … without gaps"),
        FIELD(audit, at, SHAPE_TIME),
        FIELD(audit, actor_id, SHAPE_ID, .nullable = true,
              .words = "who did it; null: the operator, or a stranger"),
        FIELD(audit, actor, SHAPE_STR, .nullable = true, .words = "their handle"),
        FIELD(audit, target_id, SHAPE_ID, .nullable = true, .words = "whose account"),
        FIELD(audit, target, SHAPE_STR, .nullable = true, .words = "their handle"),
        FIELD(audit, kind, SHAPE_STR, .words = "for programs"),
        FIELD(audit, what, SHAPE_STR, .words = "in the reader's words"),
        FIELD(audit, ip, SHAPE_STR),
        FIELD(audit, device, SHAPE_STR),
        FIELD(audit, detail, SHAPE_STR),
        {0}}};

static enum code audit_views(struct ctx *ctx, const struct audit_page *found, struct audit *ret) {
    const struct audit_row *rows;
    enum code c = user_view_audit(ctx, found, &rows);

    if (c != OK)
        return c;
    for (size_t i = 0; i < found->n; i++) {
        const struct audit_item *e = &found->items[i];

        ret[i] = (struct audit){.seq = e->seq,
                                .at = e->at_ms,
                                .actor_id = e->actor_id,
                                .actor = rows[i].actor != NULL ? rows[i].actor->handle : NULL,
                                .target_id = e->target_id,
                                .target = rows[i].target != NULL ? rows[i].target->handle : NULL,
                                .kind = e->kind,
                                .what = rows[i].what,
                                .ip = e->ip,
                                .device = device_words(ctx->arena, ctx->lang, e->device),
                                .detail = e->detail};
    }
    return OK;
}

enum code user_api_own_audit(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct audit_filter filter = {.actor_id = field_int(req, "actor_id"),
                                  .target_id = field_int(req, "target_id"),
                                  .kind = field_text(req, "kind")};
    struct audit_page found;
    struct audit *views;
    enum code c;

    if ((c = api_own_cursor(req, &filter.before, &filter.after)) != OK ||
        (c = user_service_audit(ctx, &filter, api_own_limit(req), &found)) != OK)
        return c;
    views = arena_many(ctx->arena, struct audit, found.n);
    if ((c = audit_views(ctx, &found, views)) != OK)
        return c;
    return api_own_list(req, &(struct api_own_page){.shape = &user_audit_shape,
                                                    .items = views,
                                                    .n = found.n,
                                                    .next = found.next,
                                                    .prev = found.prev});
}
