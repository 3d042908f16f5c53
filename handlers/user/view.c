#include "handlers/user/view.h"

#include <string.h>

#include "fcgi/i18n.h"

/* What stands in security histories and the audit log, in a reader's words. */
static const struct {
    const char *kind, *words;
    bool alarming;
} kinds[] = {
    {"registered", tr_mark("Account made"), false},
    {"login", tr_mark("Logged in"), false},
    {"login.new", tr_mark("Logged in from a new device"), false},
    {"login.failed", tr_mark("Log-in failed"), true},
    {"logout", tr_mark("Logged out"), false},
    {"password.wrong", tr_mark("Wrong password given"), true},
    {"password.changed", tr_mark("Password changed"), false},
    {"password.reset", tr_mark("Password reset by mail"), false},
    {"email.asked", tr_mark("Change of e-mail address begun"), false},
    {"email.changed", tr_mark("E-mail address changed"), false},
    {"email.confirmed", tr_mark("E-mail address confirmed"), false},
    {"session.ended", tr_mark("A session was ended"), false},
    {"sessions.ended", tr_mark("All other sessions were ended"), false},
    {"invite.made", tr_mark("Invite link made"), false},
    {"invite.revoked", tr_mark("Invite link taken back"), false},
    {"app.authorised", tr_mark("Let an app in"), false},
    {"app.left", tr_mark("An app logged out"), false},
    {"app.ended", tr_mark("Ended an app's access"), false},
    {"token.made", tr_mark("Access token made"), false},
    {"token.ended", tr_mark("Access token ended"), false},
    {"token.reused", tr_mark("A used code came again; the app's access was ended"), true},
    {"member.created", tr_mark("Made a member with a role"), false},
    {"member.approved", tr_mark("Approved a member"), false},
    {"member.rejected", tr_mark("Rejected a sign-up"), false},
    {"member.suspended", tr_mark("Suspended a member"), true},
    {"member.restored", tr_mark("Restored a member"), false},
    {"member.role", tr_mark("Changed a role"), false},
    {"member.password", tr_mark("Set a member's password"), true},
    {"role.created", tr_mark("Made a role"), false},
    {"role.changed", tr_mark("Changed what a role may do"), false},
    {"role.deleted", tr_mark("Deleted a role"), false},
    {"account.deleted", tr_mark("Account deleted"), true},
    {"account.restored", tr_mark("Account restored"), false},
    {"account.erased", tr_mark("An account was erased for good"), false},
};

const char *const user_view_rules[USER_RULES] = {
    tr_mark("Be who you are, and be kind. No harassment, no hate, no threats."),
    tr_mark("Share what is yours to share: no private data of others, no copies without leave."),
    tr_mark("Put a content warning before what others may not want to see unasked."),
    tr_mark("No spam, no bought attention, no machines that pose as people."),
};

const char *const user_view_privacy = tr_mark(
    "It stays on this server. One cookie keeps you logged in; there are no others, no advertisements and nothing loaded from elsewhere. Passwords are kept only as a hash. You can see and end your sessions, and hide from search engines and the list of members.");

const char *user_view_kind(int lang, const char *kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return tr(lang, kinds[i].words);
    return kind;
}

bool user_view_alarming(const char *kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].alarming;
    return false;
}
