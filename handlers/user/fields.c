#include "handlers/user/fields.h"

const struct field user_email_fields[] = {
    {.name = "email", .kind = FIELD_EMAIL, .required = true, .max = 254, .label = "E-mail address"},
    {0},
};

const struct field user_email_change_fields[] = {
    {.name = "email", .kind = FIELD_EMAIL, .required = true, .max = 254, .label = "New address"},
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "Your password"},
    {0},
};

const struct field user_password_change_fields[] = {
    {.name = "current", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "Password at present"},
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "New password"},
    {0},
};

const struct field user_leave_fields[] = {
    {.name = "password", .kind = FIELD_SECRET, .required = true, .max = 1000, .label = "Your password"},
    {0},
};

#define MAY(field, words) \
    { .name = field, .kind = FIELD_BOOL, .label = words }
#define ROLE_FIELDS                                                               \
    {.name = "rank", .kind = FIELD_INT, .min = 0, .max = 1000, .label = "Rank"},  \
        MAY("may_post", "Take part"), MAY("may_invite", "Invite people"),         \
        MAY("may_members", "Look after members"), MAY("may_roles", "Give roles"), \
        MAY("may_moderate", "Moderate"), MAY("may_audit", "Read the audit log"),  \
        MAY("may_settings", "Change the site")

const struct field user_role_new_fields[] = {
    {.name = "name", .kind = FIELD_LINE, .required = true, .max = 30, .label = "Name"},
    ROLE_FIELDS,
    {0},
};

const struct field user_role_change_fields[] = {ROLE_FIELDS, {0}};

const struct field user_role_delete_fields[] = {
    {.name = "to", .kind = FIELD_LINE, .required = true, .max = 30, .label = "Its members become"},
    {0},
};

/* Entering costs a password hash or a mail, so it is counted by address, whoever is meant. */
const struct rate user_signup_rate = {"signup", 20, 3600, true};
const struct rate user_mail_rate = {"mail", 20, 3600, true};
const struct rate user_token_rate = {"token", 60, 3600, true};
const struct rate user_password_rate = {"password", 20, 3600, false};
