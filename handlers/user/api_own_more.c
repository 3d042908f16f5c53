/* Our own API: what was let in (apps and tokens), leaving, and roles of the site's own making. */
#include <stddef.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_own.h"
#include "handlers/common/device.h"
#include "handlers/user/api_own.h"
#include "handlers/user/rules.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

/* ---- Access ---- */

struct access {
    int64_t app_id, token_id, created_at, seen_at, expires_at;
    const char *name, *website, *ip, *device;
    struct shape_list scopes;
};

const struct shape user_access_shape = {
    .name = "Access",
    .size = sizeof(struct access),
    .words = "what one has let in: an app with all its tokens, or a personal token",
    .fields = (const struct shape_field[]){
        FIELD(access, app_id, SHAPE_ID, .nullable = true, .words = "of an app"),
        FIELD(access, token_id, SHAPE_ID, .nullable = true, .words = "of a personal token"),
        FIELD(access, name, SHAPE_STR),
        FIELD(access, website, SHAPE_STR),
        FIELD(access, scopes, SHAPE_STRS),
        FIELD(access, created_at, SHAPE_TIME),
        FIELD(access, seen_at, SHAPE_TIME, .nullable = true),
        FIELD(access, expires_at, SHAPE_TIME, .nullable = true),
        FIELD(access, ip, SHAPE_STR),
        FIELD(access, device, SHAPE_STR),
        {0}}};

enum code user_api_own_access(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ListAccessRequest ask = PB__LIST_ACCESS_REQUEST__INIT;
    const Pb__ListAccessReply *reply;
    struct access *views;
    enum code c;

    ask.user_id = ctx->viewer_id;
    if ((c = user_list_access(ctx, &ask, &reply)) != OK)
        return c;
    views = arena_many(ctx->arena, struct access, reply->n_items);
    for (size_t i = 0; i < reply->n_items; i++) {
        const Pb__Access *a = reply->items[i];

        views[i] = (struct access){.app_id = a->app_id,
                                   .token_id = a->token_id,
                                   .name = a->name,
                                   .website = a->website,
                                   .scopes = {a->scopes, a->n_scopes},
                                   .created_at = a->created_ms,
                                   .seen_at = a->seen_ms,
                                   .expires_at = a->expires_ms,
                                   .ip = a->ip,
                                   .device = device_words(ctx->arena, ctx->lang, a->device)};
    }
    return api_own_list(
        req, &(struct api_own_page){.shape = &user_access_shape, .items = views, .n = reply->n_items});
}

static enum code end_access(struct request *req, Pb__EndAccessRequest *ask) {
    enum code c;

    ask->user_id = req->ctx.viewer_id;
    c = user_end_access(&req->ctx, ask, NULL);
    return c != OK ? c : api_own_done(req);
}

enum code user_api_own_app_end(struct request *req) {
    Pb__EndAccessRequest ask = PB__END_ACCESS_REQUEST__INIT;
    enum code c = api_own_id(req, tr_mark("There is nothing here."), &ask.app_id);

    return c != OK ? c : end_access(req, &ask);
}

enum code user_api_own_token_end(struct request *req) {
    Pb__EndAccessRequest ask = PB__END_ACCESS_REQUEST__INIT;
    enum code c = api_own_id(req, tr_mark("There is nothing here."), &ask.token_id);

    return c != OK ? c : end_access(req, &ask);
}

/* ---- Leaving ---- */

struct leaving {
    int64_t erase_at;
};

const struct shape user_leaving_shape = {
    .name = "Leaving",
    .size = sizeof(struct leaving),
    .words = "an account that is deleted, and can be brought back for a while",
    .fields = (const struct shape_field[]){
        FIELD(leaving, erase_at, SHAPE_TIME, .nullable = true, .words = "when it is erased for good"), {0}}};

enum code user_api_own_leave(struct request *req) {
    Pb__RequestDeletionRequest ask = PB__REQUEST_DELETION_REQUEST__INIT;
    const Pb__RequestDeletionReply *reply;
    struct leaving v;
    enum code c;

    ask.actor_id = ask.user_id = req->ctx.viewer_id;
    ask.password = field_text(req, "password");
    if ((c = user_request_deletion(&req->ctx, &ask, &reply)) != OK)
        return c;
    v.erase_at = reply->erase_ms;
    return api_own_reply(req, &user_leaving_shape, &v);
}

/* ---- Roles ---- */

static enum code role_now(struct request *req, const char *name, struct user_role *ret) {
    Pb__Empty nothing = PB__EMPTY__INIT;
    const Pb__RolesReply *reply;
    enum code c = user_list_roles(&req->ctx, &nothing, &reply);

    for (size_t i = 0; c == OK && i < reply->n_roles; i++)
        if (strcmp(reply->roles[i]->name, name) == 0) {
            *ret = user_role_view(&req->ctx, reply->roles[i]);
            return OK;
        }
    return c != OK ? c
                   : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such role. Choose one from the list."));
}

static void change_of(struct request *req, const char *name, Pb__ChangeRoleRequest *ret) {
    ret->actor_id = req->ctx.viewer_id;
    ret->name = name;
    ret->rank = (int32_t)field_int(req, "rank");
    for (size_t i = 0; i < RULES_PERMISSIONS; i++)
        if (field_bool(req, arena_printf(req->ctx.arena, "may_%s", rules_permissions[i].name)))
            ret->permissions |= rules_permissions[i].bit;
}

static enum code answer_role(struct request *req, const char *name) {
    struct user_role v;
    enum code c = role_now(req, name, &v);

    return c != OK ? c : api_own_reply(req, &user_role_shape, &v);
}

enum code user_api_own_role(struct request *req) { return answer_role(req, req->args[0]); }

enum code user_api_own_role_make(struct request *req) {
    Pb__ChangeRoleRequest ask = PB__CHANGE_ROLE_REQUEST__INIT;
    enum code c;

    change_of(req, field_text(req, "name"), &ask);
    if ((c = user_create_role(&req->ctx, &ask, NULL)) != OK)
        return c;
    return answer_role(req, ask.name);
}

enum code user_api_own_role_change(struct request *req) {
    Pb__ChangeRoleRequest ask = PB__CHANGE_ROLE_REQUEST__INIT;
    struct user_role now;
    enum code c = role_now(req, req->args[0], &now);

    if (c != OK || (c = api_own_if_match(req, &user_role_shape, &now)) != OK)
        return c;
    change_of(req, req->args[0], &ask);
    if ((c = user_update_role(&req->ctx, &ask, NULL)) != OK)
        return c;
    return answer_role(req, ask.name);
}

enum code user_api_own_role_delete(struct request *req) {
    Pb__DeleteRoleRequest ask = PB__DELETE_ROLE_REQUEST__INIT;
    enum code c;

    ask.actor_id = req->ctx.viewer_id;
    ask.name = req->args[0];
    ask.to = field_text(req, "to");
    c = user_delete_role(&req->ctx, &ask, NULL);
    return c != OK ? c : api_own_done(req);
}
