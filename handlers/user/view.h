/* Views of the user service's pages; each is filled by pages.c and view.c and written by the template named
 * above it. */
#ifndef DEEPLINK_USER_VIEW_H
#define DEEPLINK_USER_VIEW_H

#include "fcgi/config.h"
#include "handlers/common/views.h"

/* How long a password must be. */
static inline int password_min(const struct page *page) { return page->req->ctx.env->config->password_min; }

/* ---- entering */

/* user_signup. page->registration says whether anybody may. */
struct signup_view {
    const char *invite;          /* the code of a valid invite, or NULL */
    const Pb__UserCard *inviter; /* whose it is; NULL: none, or not said */
    bool invite_bad;             /* the code that was brought is unknown, used up or too old */
    bool wants_reason;           /* registration by approval and no invite */
};

/* user_confirm: asks to open the mail, and sends it again (also where sign-up leads to). */
struct confirm_view {
    const char *email; /* where the mail went, when it is the reader's own to see; else NULL */
};

/* user_confirm_token: a button, since mail scanners open links. */
struct token_view {
    const char *token;
};

/* user_confirmed: what comes next. */
struct confirmed_view {
    Pb__AccountState state; /* PENDING: an administrator looks at it first; ACTIVE */
    bool email_changed;     /* it was a new address of an old account */
};

/* user_login. */
struct login_view {
    const char *return_to; /* local path, or NULL */
    bool needed;           /* the reader wanted a page that needs it */
};

/* user_reset: asks for the address. user_reset_sent: says that a mail is on its way if there is such an
 * account. user_reset_token: new password. */
struct reset_view {
    const char *token; /* user_reset_token alone */
};

/* ---- profiles */

/* user_avatar and user_banner: image/svg+xml. */
struct picture_view {
    const Pb__UserCard *user;
};

/* Colours behind the classes c0 … c11, the same as in static/app.css; white letters on each pass 4.5 : 1. */
static inline const char *avatar_colour(int64_t id) {
    static const char *const colours[12] = {"#a8323e", "#a4481b", "#85590a", "#5b6a14", "#2b7240", "#13726a",
                                            "#12698c", "#2b5db0", "#5450b8", "#7747a8", "#96398e", "#a6326a"};
    return colours[strtoul(avatar_class(id) + 1, NULL, 10) % 12];
}

/* user_directory. */
struct directory_view {
    const char *q;     /* what is looked for, or "" */
    const char *order; /* active or new */
    struct member_list members;
};

/* ---- settings */

/* user_settings_profile. What was typed comes back by page_typed(). */
struct settings_profile_view {
    const Pb__Profile *profile;
};

/* user_settings_account. The two forms there post to /settings/email and /settings/password; field errors
 * tell which. */
struct settings_account_view {
    const Pb__Account *account;
};

/* A profile's field by its place from 0, "" where there is none. */
static inline const char *profile_field_name(const Pb__Profile *p, size_t i) {
    return i < p->n_fields ? p->fields[i]->name : "";
}
static inline const char *profile_field_value(const Pb__Profile *p, size_t i) {
    return i < p->n_fields ? p->fields[i]->value : "";
}

struct session_row {
    const Pb__Session *session;
    const char *device; /* "Firefox on Linux" */
    bool phone;
    bool current;
};
/* user_settings_sessions. */
struct settings_sessions_view {
    const struct session_row *rows;
    size_t n;
};

/* user_settings_privacy. */
struct settings_privacy_view {
    const Pb__Account *account;
};

struct language_choice {
    const char *tag;  /* "de" */
    const char *name; /* "Deutsch", in itself */
};
/* user_settings_appearance. */
struct settings_appearance_view {
    const char *theme;    /* auto, light or dark */
    const char *language; /* tag; "": the browser's */
    const struct language_choice *languages;
    size_t n_languages;
};

/* user_settings_picture: what is there of one of the two, and the form for another. */
struct picture_form {
    const char *kind; /* avatar or banner */
    bool banner;
    bool wrong;                     /* the page's error is about this form */
    int64_t media;                  /* the medium shown; 0: none */
    const struct media_item *shown; /* the same; NULL: none, or not known now */
    const struct media_item *next;  /* what was sent last and is not shown yet; NULL: nothing */
};
struct settings_picture_view {
    const Pb__UserCard *card;
    int max_mb;
    struct picture_form avatar, banner;
};

/* user_settings_activity. */
struct activity_row {
    const Pb__Activity *activity;
    const char *what;   /* in words, translated: "Password changed" */
    const char *device; /* translated */
    const char *detail; /* "" or more about it */
    bool alarming;      /* a failed sign-in and the like */
};
struct settings_activity_view {
    const struct activity_row *rows;
    size_t n;
    struct pager pager;
};

/* ---- apps and tokens */

/* user_authorize: whether an app may act for the reader. */
struct authorize_view {
    const char *app, *website, *site; /* website "" where there is none; site: what the reader knows of it */
    const char *const *words;         /* what it asks for, translated */
    size_t n_words;
    bool staff;       /* some of it is for staff alone */
    bool ask_who;     /* the app wants the reader to say as whom */
    const char *here; /* this page, without that wish: the way back after another log-in */
    const char *client_id, *redirect_uri, *scope, *state, *challenge; /* for the form */
    bool has_state;
};

/* user_authorized: the code, to be copied into the app. */
struct authorized_view {
    const char *app, *code;
};

struct access_row {
    const Pb__Access *access;
    const char *const *words; /* what it may do, translated */
    size_t n_words;
    const char *device; /* translated; "" when it was never used */
};

struct scope_choice {
    const char *name, *words; /* words translated */
    bool part;                /* stands below the wide one before it */
    bool chosen;
};

/* user_settings_apps. */
struct settings_apps_view {
    const struct access_row *apps, *tokens;
    size_t n_apps, n_tokens;
    const struct scope_choice *scopes;
    size_t n_scopes;
    const char *fresh; /* the token just made, to be shown this once; NULL: none */
};

/* ---- invites, about */

struct invite_row {
    const Pb__Invite *invite;
    const char *url; /* absolute */
    bool spent;      /* used up or too old */
};
struct invite_row user_view_invite(struct ctx *ctx, const Pb__Invite *invite); /* view_admin.c */
/* user_invites. */
struct invites_view {
    const struct invite_row *rows;
    size_t n;
    const char *fresh; /* absolute address of the one just made, or NULL */
};

/* user_about. */
struct about_view {
    int64_t members, posts;           /* 0: not said */
    const Pb__UserCard *const *staff; /* administrators and moderators */
    size_t n_staff;
    const char *const *rules; /* to be translated */
    size_t n_rules;
};

/* The rules of the site and what is said of data, to be translated. view.c */
#define USER_RULES 4
extern const char *const user_view_rules[USER_RULES];
extern const char *const user_view_privacy;

/* ---- administration */

struct admin_member_row {
    const Pb__Member *member;
    const Pb__UserCard *inviter; /* or NULL */
    bool may_act;                /* the reader's rank is above */
    bool may_role;               /* … and they may give roles */
};
/* user_admin_members. */
struct admin_members_view {
    const char *state;      /* filter: all, pending, unconfirmed, active, suspended */
    const char *role;       /* filter: a role's name, or "" */
    const char *q;          /* "" when none */
    Pb__Role *const *roles; /* all of them */
    size_t n_roles;
    Pb__Role *const *grantable; /* those that the reader may give */
    size_t n_grantable;
    const struct admin_member_row *rows;
    size_t n;
    int64_t pending, total;
    struct pager pager;
};

/* user_admin_suspend: asks, with a note. */
struct suspend_view {
    const Pb__UserCard *user;
};

struct audit_row {
    int64_t at_ms;
    const Pb__UserCard *actor;  /* NULL: the system, or nobody any more */
    const Pb__UserCard *target; /* NULL: none */
    const char *what;           /* in words, translated: "Suspended a member" */
    const char *note;           /* or NULL */
    const char *ip;             /* or NULL */
};
/* Those of a page of the log (audit.h), in order. view_admin.c */
struct audit_page;
enum code user_view_audit(struct ctx *ctx, const struct audit_page *found, const struct audit_row **ret);
/* user_admin_audit. */
struct audit_view {
    const struct audit_row *rows;
    size_t n;
    struct pager pager;
};

/* What scopes allow, in a reader's words, each once. pages_oauth.c */
size_t user_view_scopes(struct ctx *ctx, const char *scopes, const char *const **ret);
/* ---- roles */

struct permission_row {
    const char *words, *why; /* translated */
    const char *field;       /* its box in the form: may_invite */
    bool on;                 /* the role has it */
    bool fixed;              /* not the reader's to give or take */
};
struct role_row {
    const Pb__Role *role;
    const struct permission_row *permissions;
    bool may_touch; /* its rank is below the reader's */
};
/* user_roles: the highest rank first. */
struct roles_view {
    const struct role_row *rows;
    size_t n, n_permissions;
};
/* user_role_form. */
struct role_form_view {
    const Pb__Role *role; /* NULL: a new one */
    int32_t own_rank;     /* the reader's */
    const struct permission_row *permissions;
    size_t n;
};
static inline int role_rank_max(const struct role_form_view *v) {
    return v->own_rank > 1 ? v->own_rank - 1 : 1;
}
static inline const char *role_rank(const struct page *page, const struct role_form_view *v) {
    return arena_printf(page->arena, "%d", v->role != NULL ? (int)v->role->rank : 10);
}
/* user_role_delete: asks. */
struct role_delete_view {
    const Pb__Role *role;
    const Pb__Role *const *others; /* what its members can become */
    size_t n_others;
};

/* ---- leaving */

/* user_delete: asks. */
struct delete_account_view {
    int days; /* in which it can be restored */
};
/* user_restore: asks. */
struct restore_view {
    const char *token;
    const Pb__RestoreReply *account;
};

/* A kind of event in the security history or audit log, in a reader's words; the kind itself when it has
 * none. view.c */
const char *user_view_kind(int lang, const char *kind);
/* Whether it deserves a second look. */
bool user_view_alarming(const char *kind);

#endif
