#include "handlers/user/routes.h"

#include "handlers/common/permission.h"
#include "handlers/common/post_cards.h"
#include "handlers/user/api_site.h"
#include "handlers/user/fields.h"
#include "handlers/user/pages.h"

/* ---- Fields
 * ------------------------------------------------------------------------------------------------------- */

static const struct field signup_fields[] = {
    {.name = "handle", .kind = FIELD_HANDLE, .required = true, .max = 30, .label = "Handle"},
    {.name = "name", .kind = FIELD_LINE, .max = 50, .label = "Your name"},
    {.name = "email", .kind = FIELD_EMAIL, .required = true, .max = 254, .label = "E-mail address"},
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "Password"},
    {.name = "reason", .kind = FIELD_TEXT, .max = 500, .label = "Your reason"},
    {.name = "invite", .kind = FIELD_LINE, .max = 100, .label = "Invite"},
    {.name = "agreement", .kind = FIELD_BOOL, .label = "The rules"},
    {0},
};

static const struct field login_show_fields[] = {
    {.name = "return_to", .kind = FIELD_PATH, .max = 2000, .label = "Way back"},
    {0},
};

static const struct field login_fields[] = {
    {.name = "login", .kind = FIELD_LINE, .required = true, .max = 254, .label = "E-mail address or handle"},
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "Password"},
    {.name = "return_to", .kind = FIELD_PATH, .max = 2000, .label = "Way back"},
    {0},
};

static const struct field new_password_fields[] = {
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "New password"},
    {0},
};

static const struct field directory_fields[] = {
    {.name = "q", .kind = FIELD_LINE, .max = 100, .label = "Name, handle or what they do"},
    {.name = "order", .kind = FIELD_CHOICE, .choices = "active|new", .label = "Order"},
    {.name = "before", .kind = FIELD_ID, .label = "Page"},
    {0},
};

static const struct field profile_fields[] = {
    USER_PROFILE_FIELDS,
    {.name = "field_name_1", .kind = FIELD_LINE, .max = 50, .label = "Label 1"},
    {.name = "field_value_1", .kind = FIELD_LINE, .max = 200, .label = "Content 1"},
    {.name = "field_name_2", .kind = FIELD_LINE, .max = 50, .label = "Label 2"},
    {.name = "field_value_2", .kind = FIELD_LINE, .max = 200, .label = "Content 2"},
    {.name = "field_name_3", .kind = FIELD_LINE, .max = 50, .label = "Label 3"},
    {.name = "field_value_3", .kind = FIELD_LINE, .max = 200, .label = "Content 3"},
    {.name = "field_name_4", .kind = FIELD_LINE, .max = 50, .label = "Label 4"},
    {.name = "field_value_4", .kind = FIELD_LINE, .max = 200, .label = "Content 4"},
    {0},
};

static const struct field picture_fields[] = {
    {.name = "kind", .kind = FIELD_CHOICE, .required = true, .choices = "avatar|banner", .label = "Kind"},
    {.name = "words", .kind = FIELD_TEXT, .max = 1500, .label = "The description"},
    {.name = "remove", .kind = FIELD_BOOL, .label = "Remove"},
    {0},
};

static const struct field privacy_fields[] = {
    USER_PRIVACY_FIELDS,
    {.name = "default_audience",
     .kind = FIELD_CHOICE,
     .required = true,
     .choices = "public|unlisted|followers",
     .label = "Audience of new posts"},
    {0},
};

static const struct field appearance_fields[] = {
    {.name = "theme", .kind = FIELD_CHOICE, .required = true, .choices = "auto|light|dark", .label = "Theme"},
    {.name = "language", .kind = FIELD_LINE, .max = 20, .label = "Language"},
    {0},
};

static const struct field document_page_fields[] = {
    {.name = "before", .kind = FIELD_LINE, .max = 100, .label = "Page"},
    {0},
};

static const struct field members_fields[] = {
    USER_MEMBERS_FIELDS,
    {.name = "before", .kind = FIELD_ID, .label = "Page"},
    {0},
};

static const struct field return_fields[] = {
    {.name = "return_to", .kind = FIELD_PATH, .max = 2000, .label = "Way back"}, {0}};

static const struct field suspend_fields[] = {
    {.name = "note", .kind = FIELD_TEXT, .max = 500, .label = "Why"},
    {.name = "return_to", .kind = FIELD_PATH, .max = 2000, .label = "Way back"},
    {0},
};

static const struct field role_fields[] = {
    {.name = "role", .kind = FIELD_LINE, .required = true, .max = 50, .label = "Role"},
    {.name = "return_to", .kind = FIELD_PATH, .max = 2000, .label = "Way back"},
    {0},
};

static const struct field invites_show_fields[] = {{.name = "fresh", .kind = FIELD_ID, .label = "New invite"},
                                                   {0}};

static const struct field invites_fields[] = {
    {.name = "max_uses",
     .kind = FIELD_INT,
     .required = true,
     .min = 0,
     .max = 1000,
     .label = "How many people"},
    {.name = "days", .kind = FIELD_INT, .required = true, .min = 0, .max = 365, .label = "For how many days"},
    {.name = "fresh", .kind = FIELD_ID, .label = "New invite"},
    {0},
};

static const struct field authorize_fields[] = {
    {.name = "response_type", .kind = FIELD_SECRET},
    {.name = "client_id", .kind = FIELD_SECRET},
    {.name = "redirect_uri", .kind = FIELD_SECRET, .max = 2000},
    {.name = "scope", .kind = FIELD_SECRET, .max = 1500},
    {.name = "state", .kind = FIELD_SECRET, .max = 4000},
    {.name = "code_challenge", .kind = FIELD_SECRET},
    {.name = "code_challenge_method", .kind = FIELD_SECRET},
    {.name = "force_login", .kind = FIELD_SECRET},
    {.name = "lang", .kind = FIELD_SECRET},
    {.name = "consent", .kind = FIELD_SECRET},
    {.name = "decision", .kind = FIELD_SECRET},
    {0},
};

static const struct field personal_token_fields[] = {
    {.name = "name", .kind = FIELD_LINE, .required = true, .max = 60, .label = "Name"},
    {.name = "days", .kind = FIELD_INT, .required = true, .min = 1, .max = 365, .label = "For how many days"},
    {0},
};

/* ---- Rates: entering costs a password hash or a mail, so it is counted by address, whoever is meant
 * ------------------- */

static const struct rate login_rate = {"login", 60, 300, true};

/* ---- Addresses
 * -------------------------------------------------------------------------------------------------------- */

#define GET .method = METHOD_GET
#define POST .method = METHOD_POST

const struct route user_routes[] = {
    {GET, .pattern = "/signup", .handler = user_page_signup, .auth = AUTH_NOBODY,
     .summary = "asks for what an account needs"},
    {POST, .pattern = "/signup", .handler = user_page_signup_send, .auth = AUTH_NOBODY,
     .fields = signup_fields, .invalid = user_page_signup_again, .rate = &user_signup_rate,
     .summary = "signs up"},
    {GET, .pattern = "/invite/{code}", .handler = user_page_invite, .auth = AUTH_NOBODY,
     .rate = &user_token_rate, .summary = "sign-up by invitation"},
    {GET, .pattern = "/confirm", .handler = user_page_confirm, .auth = AUTH_ANYBODY,
     .summary = "says that a mail is on its way"},
    {POST, .pattern = "/confirm", .handler = user_page_confirm_send, .auth = AUTH_ANYBODY,
     .fields = user_email_fields, .invalid = user_page_confirm, .rate = &user_mail_rate,
     .summary = "sends the confirmation again"},
    {GET, .pattern = "/confirm/{token}", .handler = user_page_confirm_token, .auth = AUTH_ANYBODY,
     .summary = "a button to confirm an address"},
    {POST, .pattern = "/confirm/{token}", .handler = user_page_confirm_token_send, .auth = AUTH_ANYBODY,
     .rate = &user_token_rate, .summary = "confirms an address"},
    {GET, .pattern = "/login", .handler = user_page_login, .auth = AUTH_NOBODY, .fields = login_show_fields,
     .summary = "asks for name and password"},
    {POST, .pattern = "/login", .handler = user_page_login_send, .auth = AUTH_NOBODY, .fields = login_fields,
     .invalid = user_page_login_again, .rate = &login_rate, .summary = "logs in"},
    {GET, .pattern = "/restore/{token}", .handler = user_page_restore, .auth = AUTH_NOBODY,
     .rate = &user_token_rate, .summary = "asks whether to bring a deleted account back"},
    {POST, .pattern = "/restore/{token}", .handler = user_page_restore_send, .auth = AUTH_NOBODY,
     .rate = &user_token_rate, .summary = "brings a deleted account back"},
    {POST, .pattern = "/logout", .handler = user_page_logout, .auth = AUTH_ANYBODY, .fields = return_fields,
     .summary = "logs out"},
    {GET, .pattern = "/reset", .handler = user_page_reset, .auth = AUTH_ANYBODY,
     .summary = "asks for the account's address"},
    {POST, .pattern = "/reset", .handler = user_page_reset_send, .auth = AUTH_ANYBODY,
     .fields = user_email_fields, .invalid = user_page_reset, .rate = &user_mail_rate,
     .summary = "mails a link for a new password"},
    {GET, .pattern = "/reset/{token}", .handler = user_page_reset_token, .auth = AUTH_ANYBODY,
     .summary = "asks for the new password"},
    {POST, .pattern = "/reset/{token}", .handler = user_page_reset_token_send, .auth = AUTH_ANYBODY,
     .fields = new_password_fields, .invalid = user_page_reset_token, .rate = &user_token_rate,
     .summary = "sets the new password"},

    {GET, .pattern = "/@{handle}/avatar.svg", .handler = user_page_avatar, .auth = AUTH_ANYBODY,
     .summary = "a member's generated picture"},
    {GET, .pattern = "/@{handle}/banner.svg", .handler = user_page_banner, .auth = AUTH_ANYBODY,
     .summary = "a member's generated banner"},
    {GET, .pattern = "/avatars/{file}", .handler = user_page_avatar_png, .auth = AUTH_ANYBODY,
     .summary = "a generated picture for programs"},
    {GET, .pattern = "/banners/{file}", .handler = user_page_banner_png, .auth = AUTH_ANYBODY,
     .summary = "a generated banner for programs"},
    {GET, .pattern = "/directory", .handler = user_page_directory, .auth = AUTH_ANYBODY,
     .fields = directory_fields, .summary = "members who want to be found"},
    {GET, .pattern = "/about", .handler = user_page_about, .auth = AUTH_ANYBODY,
     .summary = "about this site"},

    {GET, .pattern = "/.well-known/host-meta", .handler = user_api_host_meta, .auth = AUTH_ANYBODY,
     .face = FACE_FEED, .summary = "where WebFinger is"},
    {GET, .pattern = "/.well-known/change-password", .handler = user_api_change_password,
     .auth = AUTH_ANYBODY, .summary = "leads to where the password is changed"},
    {GET, .pattern = "/.well-known/security.txt", .handler = user_api_security_txt, .auth = AUTH_ANYBODY,
     .face = FACE_FEED, .summary = "whom to tell of a weakness"},

    {GET, .pattern = "/settings", .handler = user_page_settings_profile, .summary = "settings"},
    {GET, .pattern = "/settings/profile", .handler = user_page_settings_profile,
     .summary = "edit one's profile"},
    {POST, .pattern = "/settings/profile", .handler = user_page_settings_profile_send,
     .fields = profile_fields, .invalid = user_page_settings_profile, .summary = "saves the profile"},
    {GET, .pattern = "/settings/picture", .handler = user_page_settings_picture,
     .summary = "picture and banner"},
    {POST, .pattern = "/settings/picture", .handler = user_page_settings_picture_send,
     .fields = picture_fields, .invalid = user_page_settings_picture_again,
     .summary = "describes or removes one's picture or banner"},
    {GET, .pattern = "/settings/account", .handler = user_page_settings_account,
     .summary = "e-mail address and password"},
    {POST, .pattern = "/settings/email", .handler = user_page_settings_email_send,
     .fields = user_email_change_fields, .invalid = user_page_settings_account, .rate = &user_password_rate,
     .summary = "begins a change of address"},
    {POST, .pattern = "/settings/password", .handler = user_page_settings_password_send,
     .fields = user_password_change_fields, .invalid = user_page_settings_account,
     .rate = &user_password_rate, .summary = "changes the password"},
    {GET, .pattern = "/settings/account/delete", .handler = user_page_delete,
     .summary = "asks whether to delete one's account"},
    {POST, .pattern = "/settings/account/delete", .handler = user_page_delete_send,
     .fields = user_leave_fields, .invalid = user_page_delete, .rate = &user_password_rate,
     .summary = "deletes one's account"},
    {GET, .pattern = "/settings/sessions", .handler = user_page_settings_sessions,
     .summary = "where one is logged in"},
    {POST, .pattern = "/settings/sessions/{id}/end", .handler = user_page_settings_session_end,
     .summary = "ends a session"},
    {POST, .pattern = "/settings/sessions/end-others", .handler = user_page_settings_sessions_end_others,
     .summary = "ends all sessions but this one"},
    {GET, .pattern = "/settings/privacy", .handler = user_page_settings_privacy, .summary = "who sees what"},
    {POST, .pattern = "/settings/privacy", .handler = user_page_settings_privacy_send,
     .fields = privacy_fields, .invalid = user_page_settings_privacy, .summary = "saves who sees what"},
    {GET, .pattern = "/settings/appearance", .handler = user_page_settings_appearance,
     .summary = "theme and language"},
    {POST, .pattern = "/settings/appearance", .handler = user_page_settings_appearance_send,
     .fields = appearance_fields, .invalid = user_page_settings_appearance,
     .summary = "saves theme and language"},
    {GET, .pattern = "/settings/apps", .handler = user_page_settings_apps, .summary = "apps and tokens"},
    {POST, .pattern = "/settings/apps/{id}/end", .handler = user_page_settings_app_end,
     .summary = "ends an app's access"},
    {POST, .pattern = "/settings/tokens", .handler = user_page_settings_token_send,
     .fields = personal_token_fields, .invalid = user_page_settings_apps, .rate = &user_password_rate,
     .summary = "makes a personal access token"},
    {POST, .pattern = "/settings/tokens/{id}/end", .handler = user_page_settings_token_end,
     .summary = "ends a personal access token"},
    {GET, .pattern = "/oauth/authorize", .handler = user_page_authorize, .auth = AUTH_ANYBODY,
     .fields = authorize_fields, .summary = "asks whether an app may act for the reader"},
    {POST, .pattern = "/oauth/authorize", .handler = user_page_authorize_send, .fields = authorize_fields,
     .summary = "lets an app in, or not"},
    {GET, .pattern = "/settings/activity", .handler = user_page_settings_activity,
     .fields = document_page_fields, .summary = "one's own security history"},

    {GET, .pattern = "/admin/members", .handler = user_page_members, .permission = PERMISSION_MEMBERS,
     .fields = members_fields, .summary = "all members"},
    {POST, .pattern = "/admin/members/{id}/approve", .handler = user_page_member_approve,
     .permission = PERMISSION_MEMBERS, .fields = return_fields, .summary = "lets a new member in"},
    {POST, .pattern = "/admin/members/{id}/reject", .handler = user_page_member_reject,
     .permission = PERMISSION_MEMBERS, .fields = return_fields, .summary = "refuses a sign-up"},
    {GET, .pattern = "/admin/members/{id}/suspend", .handler = user_page_member_suspend,
     .permission = PERMISSION_MEMBERS, .fields = return_fields, .summary = "asks whether to suspend"},
    {POST, .pattern = "/admin/members/{id}/suspend", .handler = user_page_member_suspend_send,
     .permission = PERMISSION_MEMBERS, .fields = suspend_fields, .invalid = user_page_member_suspend,
     .summary = "suspends a member"},
    {POST, .pattern = "/admin/members/{id}/restore", .handler = user_page_member_restore,
     .permission = PERMISSION_MEMBERS, .fields = return_fields, .summary = "takes a suspension back"},
    {POST, .pattern = "/admin/members/{id}/role", .handler = user_page_member_role,
     .permission = PERMISSION_ROLES, .fields = role_fields, .summary = "gives a role"},
    {GET, .pattern = "/admin/roles", .handler = user_page_roles, .permission = PERMISSION_ROLES,
     .summary = "all roles and what they may do"},
    {GET, .pattern = "/admin/roles/new", .handler = user_page_role_new, .permission = PERMISSION_ROLES,
     .summary = "asks for what a role may do"},
    {POST, .pattern = "/admin/roles/new", .handler = user_page_role_new_send, .permission = PERMISSION_ROLES,
     .fields = user_role_new_fields, .invalid = user_page_role_new, .summary = "makes a role"},
    {GET, .pattern = "/admin/roles/{name}/edit", .handler = user_page_role_edit,
     .permission = PERMISSION_ROLES, .summary = "asks for what a role may do from now on"},
    {POST, .pattern = "/admin/roles/{name}/edit", .handler = user_page_role_edit_send,
     .permission = PERMISSION_ROLES, .fields = user_role_change_fields, .invalid = user_page_role_edit,
     .summary = "changes a role"},
    {GET, .pattern = "/admin/roles/{name}/delete", .handler = user_page_role_delete,
     .permission = PERMISSION_ROLES, .summary = "asks what its members become"},
    {POST, .pattern = "/admin/roles/{name}/delete", .handler = user_page_role_delete_send,
     .permission = PERMISSION_ROLES, .fields = user_role_delete_fields, .invalid = user_page_role_delete,
     .summary = "deletes a role"},
    {GET, .pattern = "/admin/audit", .handler = user_page_audit, .permission = PERMISSION_AUDIT,
     .fields = document_page_fields, .summary = "what was done with privileges"},
    {GET, .pattern = "/invites", .handler = user_page_invites, .permission = PERMISSION_INVITE,
     .fields = invites_show_fields, .summary = "one's invite links"},
    {POST, .pattern = "/invites", .handler = user_page_invites_send, .permission = PERMISSION_INVITE,
     .fields = invites_fields, .invalid = user_page_invites, .summary = "makes an invite link"},
    {POST, .pattern = "/invites/{id}/revoke", .handler = user_page_invite_revoke,
     .permission = PERMISSION_INVITE, .summary = "takes an invite link back"},
    {0},
};
