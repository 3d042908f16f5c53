/* Roles: giving them, and making one's own. Nobody gives a permission that they lack, nor touches a role that
 * is not below their own; the roles that come with the site stay, and the administrators' stays whole. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/user/rules.h"
#include "handlers/user/service_shared.h"

#define AT_ONCE 2000 /* cards published before the answer; the consumer of events does the rest */

static bool is_admin(const char *role) { return strcmp(role, "admin") == 0; }

static bool is_built_in(const char *role) {
    return is_admin(role) || strcmp(role, "member") == 0 || strcmp(role, "moderator") == 0;
}

const Pb__Role *user_role_find(Pb__Role *const *roles, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(roles[i]->name, name) == 0)
            return roles[i];
    return NULL;
}

static enum code role_named(struct ctx *ctx, const char *field, const char *name, const Pb__Role **ret) {
    Pb__Role **roles;
    size_t n;
    enum code c = user_store_roles(ctx, false, &roles, &n);

    if (c != OK)
        return c;
    *ret = user_role_find(roles, n, name);
    return *ret != NULL ? OK
                        : fail_field(ctx, field, tr_mark("There is no such role. Choose one from the list."));
}

enum code user_service_list_roles(struct ctx *ctx, const Pb__Empty *req, Pb__RolesReply *reply) {
    enum code c = user_store_roles(ctx, true, &reply->roles, &reply->n_roles);

    (void)req;
    for (size_t i = 0; c == OK && i < reply->n_roles; i++)
        reply->roles[i]->built_in = is_built_in(reply->roles[i]->name);
    return c;
}

/* ---- giving */

/* What of some permissions an actor lacks; the operator lacks nothing. */
static uint64_t lacking(const struct person *actor, uint64_t permissions) {
    return actor == NULL ? 0 : permissions & ~actor->card->permissions;
}

static enum code may_give(struct ctx *ctx, const struct person *actor, const Pb__Role *role) {
    if (actor != NULL && !is_admin(actor->card->role) && role->rank >= actor->rank)
        return fail(ctx, DENIED, tr_mark("You can only give roles below your own."));
    if (lacking(actor, role->permissions) != 0)
        return fail(ctx, DENIED, tr_mark("This role allows more than yours. Ask an administrator."));
    return OK;
}

enum code user_service_set_role(struct ctx *ctx, const Pb__SetRoleRequest *req, Pb__UserCard *reply) {
    struct person *actor, *p;
    const Pb__Role *role;
    const char *detail;
    bool ok;
    enum code c;

    if ((c = user_actor(ctx, req->actor_id, PERMISSION_ROLES, &actor)) != OK ||
        (c = user_person(ctx, req->user_id, &p)) != OK ||
        (c = role_named(ctx, "role", req->role, &role)) != OK || (c = may_give(ctx, actor, role)) != OK ||
        (c = user_actor_above(ctx, actor, p)) != OK)
        return c;
    *reply = *p->card;
    if (strcmp(p->card->role, role->name) == 0)
        return OK;
    detail = arena_printf(ctx->arena, "%s → %s", p->card->role, role->name);
    c = user_store_set_role(ctx, p->card->id, p->card->role, role->name,
                            user_security_body(ctx, user_actor_id(actor), "member.role", detail, 0), &ok);
    if (c != OK)
        return c;
    if (!ok)
        return user_not_changed(ctx, p);
    reply->role = role->name;
    reply->permissions = role->permissions;
    user_publish(ctx, p->card->id);
    return OK;
}

/* ---- making, changing, deleting */

/* "post, invite": permissions as the audit log has them. */
static const char *permission_names(struct ctx *ctx, uint64_t permissions) {
    const char *names = "";

    for (size_t i = 0; i < RULES_PERMISSIONS; i++)
        if ((permissions & rules_permissions[i].bit) != 0)
            names = arena_printf(ctx->arena, "%s%s%s", names, *names != '\0' ? ", " : "",
                                 rules_permissions[i].name);
    return names;
}

static uint64_t known_permissions(void) {
    uint64_t all = 0;

    for (size_t i = 0; i < RULES_PERMISSIONS; i++)
        all |= rules_permissions[i].bit;
    return all;
}

/* before: NULL for a new role. Bits in either that change must be the actor's own. */
static enum code check_role(struct ctx *ctx, const struct person *actor, const Pb__ChangeRoleRequest *req,
                            const Pb__Role *before) {
    uint64_t old = before != NULL ? before->permissions : 0;
    bool fixed = before != NULL && is_built_in(before->name);

    if (lacking(actor, old ^ req->permissions) != 0 || ((old ^ req->permissions) & ~known_permissions()) != 0)
        fail_field(ctx, "permissions",
                   tr_mark("You can only give and take permissions that you have yourself."));
    if (fixed && req->rank != before->rank)
        fail_field(ctx, "rank", tr_mark("The rank of this role stays as it is."));
    else if (!fixed && (req->rank < 1 || req->rank > RULES_RANK_MAX))
        fail_field(ctx, "rank", tr_mark("A rank is a number from 1 to 99."));
    else if (actor != NULL && req->rank >= actor->rank)
        fail_field(ctx, "rank",
                   tr_fill(ctx->arena, ctx->lang, "Choose a rank below your own, which is {rank}.", "rank",
                           arena_printf(ctx->arena, "%lld", (long long)actor->rank), NULL));
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

static enum code may_touch(struct ctx *ctx, const struct person *actor, const Pb__Role *role) {
    if (is_admin(role->name))
        return fail(ctx, PRECONDITION, tr_mark("The administrators' role stays as it is."));
    if (actor != NULL && role->rank >= actor->rank)
        return fail(ctx, DENIED, tr_mark("This role is not below your own. Ask an administrator."));
    return OK;
}

static struct body role_event(struct ctx *ctx, const struct person *actor, const char *kind,
                              const Pb__ChangeRoleRequest *req) {
    const char *detail = arena_printf(ctx->arena, "%s (%d): %s", req->name, (int)req->rank,
                                      permission_names(ctx, req->permissions));

    return user_security_body(ctx, user_actor_id(actor), kind, detail, 0);
}

static void role_reply(struct ctx *ctx, const Pb__ChangeRoleRequest *req, Pb__Role *reply) {
    reply->name = arena_strdup(ctx->arena, req->name);
    reply->permissions = req->permissions;
    reply->rank = req->rank;
    reply->built_in = is_built_in(req->name);
}

enum code user_service_create_role(struct ctx *ctx, const Pb__ChangeRoleRequest *req, Pb__Role *reply) {
    struct person *actor;
    bool ok;
    enum code c;

    if ((c = user_actor(ctx, req->actor_id, PERMISSION_ROLES, &actor)) != OK)
        return c;
    if (!rules_is_role_name(req->name))
        fail_field(
            ctx, "name",
            tr_mark("A role's name has 1 to 30 small letters (a to z), digits, - and _, a letter first."));
    if ((c = check_role(ctx, actor, req, NULL)) != OK)
        return c;
    role_reply(ctx, req, reply);
    c = user_store_role_new(ctx, reply, user_actor_id(actor), role_event(ctx, actor, "role.created", req),
                            &ok);
    if (c == OK && !ok)
        return fail_field(ctx, "name", tr_mark("There is a role of this name already."));
    return c;
}

/* Running sessions ask the card what they may: so it is published before the answer, for those who were here
 * last; the others' by the consumer. */
static void publish_holders(struct ctx *ctx, const struct role_holders *holders) {
    size_t n = holders->n < AT_ONCE ? holders->n : AT_ONCE, n_cards;
    Pb__UserCard **cards;

    if (n == 0)
        return;
    if (user_store_cards(ctx, holders->ids, n, &cards, &n_cards) != OK) {
        log_warn(ctx, "cards not published", "members=%zu", n);
        fail_clear(ctx);
        return;
    }
    for (size_t i = 0; i < n_cards; i++)
        card_publish(ctx, cards[i]);
}

static enum code role_changed_meanwhile(struct ctx *ctx) {
    return fail(ctx, ABORTED, tr_mark("This role has just been changed by somebody else. Look at it again."));
}

/* How every change of a role ends. */
static enum code changed_role(struct ctx *ctx, enum code c, bool ok, const struct role_holders *holders) {
    if (c == OK && !ok)
        return role_changed_meanwhile(ctx);
    if (c == OK)
        publish_holders(ctx, holders);
    return c;
}

enum code user_service_update_role(struct ctx *ctx, const Pb__ChangeRoleRequest *req, Pb__Role *reply) {
    struct person *actor;
    const Pb__Role *before;
    struct role_holders holders;
    bool ok = false;
    enum code c;

    if ((c = user_actor(ctx, req->actor_id, PERMISSION_ROLES, &actor)) != OK ||
        (c = role_named(ctx, "name", req->name, &before)) != OK ||
        (c = may_touch(ctx, actor, before)) != OK || (c = check_role(ctx, actor, req, before)) != OK)
        return c;
    role_reply(ctx, req, reply);
    if (before->permissions == req->permissions && before->rank == req->rank)
        return OK;
    c = user_store_role_set(ctx, before, reply, user_actor_id(actor),
                            role_event(ctx, actor, "role.changed", req), &ok, &holders);
    return changed_role(ctx, c, ok, &holders);
}

enum code user_service_delete_role(struct ctx *ctx, const Pb__DeleteRoleRequest *req, Pb__Empty *reply) {
    struct person *actor;
    const Pb__Role *role, *to;
    struct role_holders holders;
    struct body security, each;
    const char *detail;
    bool ok = false;
    enum code c;

    (void)reply;
    if ((c = user_actor(ctx, req->actor_id, PERMISSION_ROLES, &actor)) != OK ||
        (c = role_named(ctx, "name", req->name, &role)) != OK ||
        (c = role_named(ctx, "to", req->to, &to)) != OK)
        return c;
    if (is_built_in(role->name))
        return fail(ctx, PRECONDITION, tr_mark("This role comes with the site and can't be deleted."));
    if (strcmp(role->name, to->name) == 0)
        return fail_field(ctx, "to", tr_mark("Choose another role: this one is about to go."));
    if ((c = may_touch(ctx, actor, role)) != OK || (c = may_give(ctx, actor, to)) != OK)
        return c;
    detail = arena_printf(ctx->arena, "%s → %s", role->name, to->name);
    security = user_security_body(ctx, user_actor_id(actor), "role.deleted", detail, 0);
    each = user_security_body(ctx, user_actor_id(actor), "member.role", detail, 0);
    c = user_store_role_delete(ctx, role->name, to->name, user_actor_id(actor), security, each, &ok,
                               &holders);
    if (c == INVALID) { /* somebody was given it in this very moment */
        fail_clear(ctx);
        return role_changed_meanwhile(ctx);
    }
    return changed_role(ctx, c, ok, &holders);
}
