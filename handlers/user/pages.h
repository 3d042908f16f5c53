/* The user service's pages, one function an endpoint; addresses stand in routes.c. */
#ifndef DEEPLINK_USER_PAGES_H
#define DEEPLINK_USER_PAGES_H

#include "fcgi/request.h"

/* pages_enter.c */
enum code user_page_signup(struct request *req);
enum code user_page_signup_send(struct request *req);
enum code user_page_signup_again(struct request *req);
enum code user_page_invite(struct request *req);
enum code user_page_confirm(struct request *req);
enum code user_page_confirm_send(struct request *req);
enum code user_page_confirm_token(struct request *req);
enum code user_page_confirm_token_send(struct request *req);
enum code user_page_login(struct request *req);
enum code user_page_login_send(struct request *req);
enum code user_page_login_again(struct request *req);
enum code user_page_logout(struct request *req);
enum code user_page_reset(struct request *req);
enum code user_page_reset_send(struct request *req);
enum code user_page_reset_token(struct request *req);
enum code user_page_reset_token_send(struct request *req);

/* pages_members.c */
enum code user_page_avatar(struct request *req);
enum code user_page_banner(struct request *req);
enum code user_page_avatar_png(struct request *req);
enum code user_page_banner_png(struct request *req);
enum code user_page_directory(struct request *req);
enum code user_page_about(struct request *req);

/* pages_settings.c */
enum code user_page_settings_profile(struct request *req);
enum code user_page_settings_profile_send(struct request *req);
enum code user_page_settings_account(struct request *req);
enum code user_page_settings_email_send(struct request *req);
enum code user_page_settings_password_send(struct request *req);
enum code user_page_settings_sessions(struct request *req);
enum code user_page_settings_session_end(struct request *req);
enum code user_page_settings_sessions_end_others(struct request *req);
enum code user_page_settings_privacy(struct request *req);
enum code user_page_settings_privacy_send(struct request *req);
enum code user_page_settings_appearance(struct request *req);
enum code user_page_settings_appearance_send(struct request *req);
enum code user_page_settings_activity(struct request *req);

/* pages_picture.c */
enum code user_page_settings_picture(struct request *req);
enum code user_page_settings_picture_again(struct request *req);
enum code user_page_settings_picture_send(struct request *req);

/* pages_oauth.c */
enum code user_page_authorize(struct request *req);
enum code user_page_authorize_send(struct request *req);

/* pages_apps.c */
enum code user_page_settings_apps(struct request *req);
enum code user_page_settings_app_end(struct request *req);
enum code user_page_settings_token_end(struct request *req);
enum code user_page_settings_token_send(struct request *req);

/* pages_admin.c */
enum code user_page_members(struct request *req);
enum code user_page_member_approve(struct request *req);
enum code user_page_member_reject(struct request *req);
enum code user_page_member_restore(struct request *req);
enum code user_page_member_role(struct request *req);
enum code user_page_member_suspend(struct request *req);
enum code user_page_member_suspend_send(struct request *req);
enum code user_page_audit(struct request *req);
enum code user_page_invites(struct request *req);
enum code user_page_invites_send(struct request *req);
enum code user_page_invite_revoke(struct request *req);

/* pages_roles.c */
enum code user_page_roles(struct request *req);
enum code user_page_role_new(struct request *req);
enum code user_page_role_new_send(struct request *req);
enum code user_page_role_edit(struct request *req);
enum code user_page_role_edit_send(struct request *req);
enum code user_page_role_delete(struct request *req);
enum code user_page_role_delete_send(struct request *req);

/* pages_leave.c */
enum code user_page_delete(struct request *req);
enum code user_page_delete_send(struct request *req);
enum code user_page_restore(struct request *req);
enum code user_page_restore_send(struct request *req);

#endif
