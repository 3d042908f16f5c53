/* The administrators' pages of roles: the list, and making, changing and deleting one's own. */
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/user/pages.h"
#include "handlers/user/rules.h"
#include "handlers/user/view.h"

static struct page *desk(struct request *req, const char *title) {
    return page_new(req, PLACE_ADMIN, tr(req->ctx.lang, title));
}

static enum code all_roles(struct ctx *ctx, const Pb__RolesReply **ret) {
    Pb__Empty nothing = PB__EMPTY__INIT;

    return user_list_roles(ctx, &nothing, ret);
}

static const Pb__Role *named(const Pb__RolesReply *roles, const char *name) {
    for (size_t i = 0; i < roles->n_roles; i++)
        if (strcmp(roles->roles[i]->name, name) == 0)
            return roles->roles[i];
    return NULL;
}

static int32_t own_rank(const struct request *req, const Pb__RolesReply *roles) {
    const Pb__UserCard *me = req->session.card;
    const Pb__Role *own = named(roles, me->role);

    return own != NULL ? own->rank : 0;
}

/* ---- the list */

static struct permission_row *permission_rows(struct request *req, const Pb__Role *role) {
    struct permission_row *rows = arena_many(req->ctx.arena, struct permission_row, RULES_PERMISSIONS);

    for (size_t i = 0; i < RULES_PERMISSIONS; i++) {
        const struct rules_permission *p = &rules_permissions[i];

        rows[i].words = tr(req->ctx.lang, p->words);
        rows[i].why = tr(req->ctx.lang, p->why);
        rows[i].field = arena_printf(req->ctx.arena, "may_%s", p->name);
        rows[i].on = role != NULL && (role->permissions & p->bit) != 0;
        rows[i].fixed = (req->ctx.permissions & p->bit) == 0;
    }
    return rows;
}

enum code user_page_roles(struct request *req) {
    struct roles_view v = {.n_permissions = RULES_PERMISSIONS};
    const Pb__RolesReply *roles;
    struct role_row *rows;
    int32_t rank;
    enum code c = all_roles(&req->ctx, &roles);

    if (c != OK)
        return c;
    rank = own_rank(req, roles);
    v.n = roles->n_roles;
    v.rows = rows = arena_many(req->ctx.arena, struct role_row, v.n);
    for (size_t i = 0; i < v.n; i++) { /* the highest first */
        rows[i].role = roles->roles[v.n - 1 - i];
        rows[i].permissions = permission_rows(req, rows[i].role);
        rows[i].may_touch = rows[i].role->rank < rank;
    }
    tpl_user_roles(form_html(req), desk(req, tr_mark("Roles")), &v);
    return OK;
}

/* ---- making and changing */

static enum code show_form(struct request *req, const Pb__Role *role, int32_t rank) {
    struct role_form_view v = {.role = role, .own_rank = rank, .n = RULES_PERMISSIONS};

    v.permissions = permission_rows(req, role);
    tpl_user_role_form(form_html(req),
                       desk(req, role == NULL ? tr_mark("New role") : tr_mark("Change a role")), &v);
    return OK;
}

/* The role in the address; NULL and OK without one. A failure recorded before stays what it is. */
static enum code form_of(struct request *req, const char *name) {
    struct error wrong = req->ctx.error;
    const Pb__RolesReply *roles;
    const Pb__Role *role = NULL;
    enum code c;

    fail_clear(&req->ctx);
    if ((c = all_roles(&req->ctx, &roles)) != OK)
        return c;
    if (name != NULL && (role = named(roles, name)) == NULL)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such role. Choose one from the list."));
    req->ctx.error = wrong;
    return show_form(req, role, own_rank(req, roles));
}

enum code user_page_role_new(struct request *req) { return form_of(req, NULL); }

enum code user_page_role_edit(struct request *req) { return form_of(req, req->args[0]); }

/* What was ticked; where a box is not the reader's to tick, it stays as it was. */
static uint64_t ticked(const struct request *req, uint64_t before) {
    uint64_t permissions = before & ~req->ctx.permissions;

    for (size_t i = 0; i < RULES_PERMISSIONS; i++) {
        const struct rules_permission *p = &rules_permissions[i];

        if ((req->ctx.permissions & p->bit) != 0 &&
            field_bool(req, arena_printf(req->ctx.arena, "may_%s", p->name)))
            permissions |= p->bit;
    }
    return permissions;
}

enum code user_page_role_new_send(struct request *req) {
    Pb__ChangeRoleRequest ask = PB__CHANGE_ROLE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.name = field_text(req, "name");
    ask.rank = (int32_t)field_int(req, "rank");
    ask.permissions = ticked(req, 0);
    if ((c = user_create_role(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_role_new(req) : c;
    return form_go_back(req, "/admin/roles", "role-made");
}

enum code user_page_role_edit_send(struct request *req) {
    Pb__ChangeRoleRequest ask = PB__CHANGE_ROLE_REQUEST__INIT;
    const Pb__RolesReply *roles;
    const Pb__Role *before;
    enum code c;

    if ((c = all_roles(&req->ctx, &roles)) != OK)
        return c;
    if ((before = named(roles, req->args[0])) == NULL)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such role. Choose one from the list."));
    ask.actor_id = req->ctx.viewer_id;
    ask.name = before->name;
    ask.rank = before->built_in ? before->rank : (int32_t)field_int(req, "rank");
    ask.permissions = ticked(req, before->permissions);
    if ((c = user_update_role(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_role_edit(req) : c;
    return form_go_back(req, "/admin/roles", "role-changed");
}

/* ---- deleting */

enum code user_page_role_delete(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = ctx->error;
    struct role_delete_view v = {0};
    const Pb__RolesReply *roles;
    const Pb__Role **others;
    int32_t rank;
    enum code c;

    fail_clear(ctx);
    if ((c = all_roles(ctx, &roles)) != OK)
        return c;
    if ((v.role = named(roles, req->args[0])) == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such role. Choose one from the list."));
    if (v.role->built_in)
        return fail(ctx, PRECONDITION, tr_mark("This role comes with the site and can't be deleted."));
    rank = own_rank(req, roles);
    v.others = others = arena_many(ctx->arena, const Pb__Role *, roles->n_roles);
    for (size_t i = 0; i < roles->n_roles; i++) {
        const Pb__Role *to = roles->roles[i];

        if (to != v.role && to->rank < rank && (to->permissions & ~ctx->permissions) == 0)
            others[v.n_others++] = to;
    }
    ctx->error = wrong;
    tpl_user_role_delete(form_html(req), desk(req, tr_mark("Delete a role")), &v);
    return OK;
}

enum code user_page_role_delete_send(struct request *req) {
    Pb__DeleteRoleRequest ask = PB__DELETE_ROLE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.name = req->args[0];
    ask.to = field_text(req, "to");
    if ((c = user_delete_role(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_role_delete(req) : c;
    return form_go_back(req, "/admin/roles", "role-deleted");
}
