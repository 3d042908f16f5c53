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
