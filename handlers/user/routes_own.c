/* Accounts in our own API, /api/deeplink/v1: what Mastodon's has no words for. */
#include "handlers/common/api_own.h"
#include "handlers/common/permission.h"
#include "handlers/user/api_own.h"
#include "handlers/user/fields.h"
#include "handlers/user/routes.h"

#define GET .method = METHOD_GET, .face = FACE_JSON
#define POST .method = METHOD_POST, .face = FACE_JSON
#define PUT .method = METHOD_PUT, .face = FACE_JSON, .if_match = true
#define PATCH .method = METHOD_PATCH, .face = FACE_JSON, .if_match = true
#define DELETE .method = METHOD_DELETE, .face = FACE_JSON
#define LIST .reply_list = true, .paged = true
#define READ_ADMIN .permission = PERMISSION_MEMBERS, .scope = "admin:read:accounts"
#define WRITE_ADMIN .permission = PERMISSION_MEMBERS, .scope = "admin:write:accounts"

static const struct field page_fields[] = {API_OWN_PAGE_FIELDS, {0}};

static const struct field settings_fields[] = {
    USER_PRIVACY_FIELDS,
    {.name = "default_audience",
     .kind = FIELD_CHOICE,
     .choices = "public|unlisted|followers",
     .label = "Audience of new posts"},
    {.name = "theme", .kind = FIELD_CHOICE, .choices = "auto|light|dark", .label = "Theme"},
    {.name = "language", .kind = FIELD_LINE, .max = 20, .label = "Language"},
    {0},
};

#define LINE(i, name_label, value_label)                                                      \
    {.name = "fields[" #i "][name]", .kind = FIELD_LINE, .max = 50, .label = name_label}, {   \
        .name = "fields[" #i "][value]", .kind = FIELD_LINE, .max = 200, .label = value_label \
    }

static const struct field profile_fields[] = {
    USER_PROFILE_FIELDS,
    LINE(0, "Label 1", "Content 1"),
    LINE(1, "Label 2", "Content 2"),
    LINE(2, "Label 3", "Content 3"),
    LINE(3, "Label 4", "Content 4"),
    {0},
};

static const struct field token_fields[] = {
    {.name = "token", .kind = FIELD_LINE, .required = true, .max = 200, .label = "Token"},
    {0},
};

static const struct field reset_fields[] = {
    {.name = "token", .kind = FIELD_LINE, .required = true, .max = 200, .label = "Token"},
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "New password"},
    {0},
};

static const struct field members_fields[] = {
    USER_MEMBERS_FIELDS,
    API_OWN_PAGE_FIELDS,
    {0},
};

static const struct field note_fields[] = {{.name = "note", .kind = FIELD_TEXT, .max = 500, .label = "Why"},
                                           {0}};

static const struct field role_fields[] = {
    {.name = "role", .kind = FIELD_LINE, .required = true, .max = 50, .label = "Role"},
    {0},
};

static const struct field invite_fields[] = {
    {.name = "max_uses",
     .kind = FIELD_INT,
     .required = true,
     .min = 1,
     .max = 1000,
     .label = "How many people"},
    {.name = "days", .kind = FIELD_INT, .required = true, .min = 1, .max = 365, .label = "For how many days"},
    {0},
};

static const struct field audit_fields[] = {
    {.name = "actor_id", .kind = FIELD_ID, .label = "Who did it"},
    {.name = "target_id", .kind = FIELD_ID, .label = "Whose account"},
    {.name = "kind", .kind = FIELD_LINE, .max = 60, .label = "What it was"},
    API_OWN_PAGE_FIELDS,
    {0},
};

static const int conflict[] = {409, 0};
static const int used_up[] = {404, 410, 0};

const struct route user_own_routes[] = {
    {GET, .pattern = API_OWN "/me", .handler = user_api_own_me, .scope = "read:accounts",
     .reply = &user_me_shape, .summary = "who asks: account, role and what it allows"},
    {GET, .pattern = API_OWN "/me/settings", .handler = user_api_own_settings, .scope = "read:accounts",
     .reply = &user_settings_shape, .summary = "one's own settings"},
    {PATCH, .pattern = API_OWN "/me/settings", .handler = user_api_own_settings_change,
     .scope = "write:accounts", .fields = settings_fields, .reply = &user_settings_shape,
     .summary = "changes the settings that are sent"},
    {GET, .pattern = API_OWN "/me/profile", .handler = user_api_own_profile, .scope = "read:accounts",
     .reply = &user_own_profile_shape, .summary = "one's own profile as it was typed"},
    {PATCH, .pattern = API_OWN "/me/profile", .handler = user_api_own_profile_change,
     .scope = "write:accounts", .fields = profile_fields, .reply = &user_own_profile_shape,
     .summary = "changes what is sent of one's profile"},
    {POST, .pattern = API_OWN "/me/password", .handler = user_api_own_password, .scope = "write:accounts",
     .fields = user_password_change_fields, .rate = &user_password_rate, .status = 204,
     .summary = "changes the password"},
    {POST, .pattern = API_OWN "/me/email", .handler = user_api_own_email, .scope = "write:accounts",
     .fields = user_email_change_fields, .rate = &user_password_rate, .status = 204,
     .summary = "begins a change of address: a mail goes there"},
    {GET, .pattern = API_OWN "/me/sessions", .handler = user_api_own_sessions, .scope = "read:accounts",
     .reply = &user_session_shape, .reply_list = true, .summary = "browsers where one is logged in"},
    {DELETE, .pattern = API_OWN "/me/sessions", .handler = user_api_own_sessions_end_others,
     .scope = "write:accounts", .status = 204,
     .summary = "ends all sessions but the one that asks, and all access of apps and tokens"},
    {DELETE, .pattern = API_OWN "/me/sessions/{id}", .handler = user_api_own_session_end,
     .scope = "write:accounts", .status = 204, .summary = "ends a session"},
    {GET, .pattern = API_OWN "/me/activity", .handler = user_api_own_activity, .scope = "read:accounts",
     .fields = page_fields, .reply = &user_activity_shape, LIST,
     .summary = "one's own security history, the newest first"},

    {POST, .pattern = API_OWN "/auth/confirm/mail", .handler = user_api_own_confirm_send,
     .auth = AUTH_ANYBODY, .csrf_exempt = true, .fields = user_email_fields, .rate = &user_mail_rate,
     .status = 202, .summary = "sends the mail again that asks to confirm an address"},
    {POST, .pattern = API_OWN "/auth/confirm", .handler = user_api_own_confirm, .auth = AUTH_ANYBODY,
     .csrf_exempt = true, .fields = token_fields, .rate = &user_token_rate, .status = 204, .also = used_up,
     .summary = "confirms an address by the token that was mailed"},
    {POST, .pattern = API_OWN "/auth/reset/mail", .handler = user_api_own_reset_send, .auth = AUTH_ANYBODY,
     .csrf_exempt = true, .fields = user_email_fields, .rate = &user_mail_rate, .status = 202,
     .summary = "mails a link for a new password"},
    {POST, .pattern = API_OWN "/auth/reset", .handler = user_api_own_reset, .auth = AUTH_ANYBODY,
     .csrf_exempt = true, .fields = reset_fields, .rate = &user_token_rate, .status = 204, .also = used_up,
     .summary = "sets a new password by the token that was mailed"},

    {GET, .pattern = API_OWN "/admin/members", .handler = user_api_own_members, READ_ADMIN,
     .fields = members_fields, .reply = &user_member_shape, LIST, .summary = "all members, the newest first"},
    {GET, .pattern = API_OWN "/admin/members/{id}", .handler = user_api_own_member, READ_ADMIN,
     .reply = &user_member_shape, .summary = "one member"},
    {POST, .pattern = API_OWN "/admin/members/{id}/approve", .handler = user_api_own_member_approve,
     WRITE_ADMIN, .reply = &user_member_shape, .summary = "lets a new member in"},
    {POST, .pattern = API_OWN "/admin/members/{id}/reject", .handler = user_api_own_member_reject,
     WRITE_ADMIN, .fields = note_fields, .status = 204, .summary = "refuses a sign-up"},
    {POST, .pattern = API_OWN "/admin/members/{id}/suspend", .handler = user_api_own_member_suspend,
     WRITE_ADMIN, .fields = note_fields, .reply = &user_member_shape, .summary = "suspends a member"},
    {POST, .pattern = API_OWN "/admin/members/{id}/restore", .handler = user_api_own_member_restore,
     WRITE_ADMIN, .reply = &user_member_shape, .summary = "takes a suspension back"},
    {PUT, .pattern = API_OWN "/admin/members/{id}/role", .handler = user_api_own_member_role,
     .permission = PERMISSION_ROLES, .scope = "admin:write:accounts", .fields = role_fields,
     .reply = &user_member_shape, .also = conflict, .summary = "gives a role; If-Match is the member's ETag"},
    {GET, .pattern = API_OWN "/admin/audit", .handler = user_api_own_audit, .permission = PERMISSION_AUDIT,
     .scope = "admin:read:audit", .fields = audit_fields, .reply = &user_audit_shape, LIST,
     .summary = "what was done with privileges, the newest first"},

    {GET, .pattern = API_OWN "/me/access", .handler = user_api_own_access, .scope = "read:accounts",
     .reply = &user_access_shape, .reply_list = true, .summary = "apps and tokens that one has let in"},
    {DELETE, .pattern = API_OWN "/me/access/apps/{id}", .handler = user_api_own_app_end,
     .scope = "write:accounts", .status = 204, .summary = "ends an app's access"},
    {DELETE, .pattern = API_OWN "/me/access/tokens/{id}", .handler = user_api_own_token_end,
     .scope = "write:accounts", .status = 204, .summary = "ends a personal token"},
    {POST, .pattern = API_OWN "/me/deletion", .handler = user_api_own_leave, .scope = "write:accounts",
     .fields = user_leave_fields, .rate = &user_password_rate, .reply = &user_leaving_shape,
     .summary = "deletes one's account; it can be brought back for some days"},

    {POST, .pattern = API_OWN "/roles", .handler = user_api_own_role_make, .permission = PERMISSION_ROLES,
     .scope = "admin:write:accounts", .fields = user_role_new_fields, .reply = &user_role_shape,
     .status = 201, .summary = "makes a role"},
    {GET, .pattern = API_OWN "/roles/{name}", .handler = user_api_own_role, .scope = "read:accounts",
     .reply = &user_role_shape, .summary = "one role"},
    {PUT, .pattern = API_OWN "/roles/{name}", .handler = user_api_own_role_change,
     .permission = PERMISSION_ROLES, .scope = "admin:write:accounts", .fields = user_role_change_fields,
     .reply = &user_role_shape, .also = conflict, .summary = "changes a role"},
    {DELETE, .pattern = API_OWN "/roles/{name}", .handler = user_api_own_role_delete,
     .permission = PERMISSION_ROLES, .scope = "admin:write:accounts", .fields = user_role_delete_fields,
     .status = 204, .also = conflict, .summary = "deletes a role; its members become another"},
    {GET, .pattern = API_OWN "/roles", .handler = user_api_own_roles, .scope = "read:accounts",
     .reply = &user_role_shape, .reply_list = true, .summary = "all roles and what they allow"},
    {GET, .pattern = API_OWN "/invites", .handler = user_api_own_invites, .permission = PERMISSION_INVITE,
     .scope = "read:accounts", .reply = &user_invite_shape, .reply_list = true,
     .summary = "one's invite links"},
    {POST, .pattern = API_OWN "/invites", .handler = user_api_own_invite_make,
     .permission = PERMISSION_INVITE, .scope = "write:accounts", .fields = invite_fields,
     .reply = &user_invite_shape, .status = 201, .summary = "makes an invite link"},
    {DELETE, .pattern = API_OWN "/invites/{id}", .handler = user_api_own_invite_revoke,
     .permission = PERMISSION_INVITE, .scope = "write:accounts", .status = 204,
     .summary = "takes an invite link back"},
    {0},
};
