/* What our own API (/api/deeplink/v1) does with accounts: one function an endpoint. */
#ifndef DEEPLINK_USER_API_OWN_H
#define DEEPLINK_USER_API_OWN_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/request.h"
#include "fcgi/shape.h"

/* One's own account: api_own_me.c */
enum code user_api_own_me(struct request *req);
enum code user_api_own_settings(struct request *req);
enum code user_api_own_settings_change(struct request *req);
enum code user_api_own_profile(struct request *req);
enum code user_api_own_profile_change(struct request *req);
enum code user_api_own_password(struct request *req);
enum code user_api_own_email(struct request *req);

/* Where one is logged in, and what happened: api_own_security.c */
enum code user_api_own_sessions(struct request *req);
enum code user_api_own_session_end(struct request *req);
enum code user_api_own_sessions_end_others(struct request *req);
enum code user_api_own_activity(struct request *req);

/* Entering without a browser: api_own_security.c */
enum code user_api_own_confirm_send(struct request *req);
enum code user_api_own_confirm(struct request *req);
enum code user_api_own_reset_send(struct request *req);
enum code user_api_own_reset(struct request *req);

/* What was let in, leaving, own roles: api_own_more.c */
enum code user_api_own_access(struct request *req);
enum code user_api_own_app_end(struct request *req);
enum code user_api_own_token_end(struct request *req);
enum code user_api_own_leave(struct request *req);
enum code user_api_own_role(struct request *req);
enum code user_api_own_role_make(struct request *req);
enum code user_api_own_role_change(struct request *req);
enum code user_api_own_role_delete(struct request *req);

/* Administration: api_own_admin.c */
enum code user_api_own_members(struct request *req);
enum code user_api_own_member(struct request *req);
enum code user_api_own_member_approve(struct request *req);
enum code user_api_own_member_reject(struct request *req);
enum code user_api_own_member_suspend(struct request *req);
enum code user_api_own_member_restore(struct request *req);
enum code user_api_own_member_role(struct request *req);
enum code user_api_own_roles(struct request *req);
enum code user_api_own_invites(struct request *req);
enum code user_api_own_invite_make(struct request *req);
enum code user_api_own_invite_revoke(struct request *req);
enum code user_api_own_audit(struct request *req);

extern const struct shape user_me_shape, user_settings_shape, user_own_profile_shape, user_session_shape,
    user_activity_shape, user_member_shape, user_role_shape, user_invite_shape, user_audit_shape,
    user_access_shape, user_leaving_shape;

struct user_role {
    const char *name;
    struct shape_list permissions;
    int64_t rank, members;
};
struct user_role user_role_view(struct ctx *ctx, const Pb__Role *role);

/* The names of permission bits, in the arena. */
struct shape_list user_permission_names(struct arena *a, uint64_t bits);

#endif
