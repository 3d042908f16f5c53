/* What pages and programs send alike: their routes declare the same fields, and count by the same rates, so
 * that neither is a way around the other. */
#ifndef DEEPLINK_USER_FIELDS_H
#define DEEPLINK_USER_FIELDS_H

#include "fcgi/router.h"

extern const struct field user_email_fields[];           /* an address of somebody who is not logged in */
extern const struct field user_email_change_fields[];    /* email, password */
extern const struct field user_password_change_fields[]; /* current, password */
extern const struct field user_leave_fields[];           /* password */
extern const struct field user_role_new_fields[];        /* name, rank, may_… */
extern const struct field user_role_change_fields[];     /* rank, may_… */
extern const struct field user_role_delete_fields[];     /* to */

extern const struct rate user_signup_rate, user_mail_rate, user_token_rate, user_password_rate;

/* Beginnings of what each goes on with by itself. */
#define USER_MEMBERS_FIELDS                                                                    \
    {.name = "state",                                                                          \
     .kind = FIELD_CHOICE,                                                                     \
     .choices = "all|pending|active|unconfirmed|suspended",                                    \
     .label = "State"},                                                                        \
        {.name = "role", .kind = FIELD_LINE, .max = 50, .label = "Role"}, {                    \
        .name = "q", .kind = FIELD_LINE, .max = 100, .label = "Name, handle or e-mail address" \
    }
#define USER_PRIVACY_FIELDS                                                           \
    {.name = "locked", .kind = FIELD_BOOL, .label = "Approve followers"},             \
        {.name = "discoverable", .kind = FIELD_BOOL, .label = "Be found"},            \
        {.name = "hide_network", .kind = FIELD_BOOL, .label = "Hide your network"}, { \
        .name = "noindex", .kind = FIELD_BOOL, .label = "Keep search engines out"     \
    }
#define USER_PROFILE_FIELDS                                                          \
    {.name = "name", .kind = FIELD_LINE, .max = 50, .label = "Name"},                \
        {.name = "headline", .kind = FIELD_LINE, .max = 120, .label = "Headline"}, { \
        .name = "bio", .kind = FIELD_TEXT, .max = 2000, .label = "About you"         \
    }

#endif
