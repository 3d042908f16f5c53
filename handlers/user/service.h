/* The user service: accounts, log-in, sessions, profiles, settings, administration of members. */
#ifndef DEEPLINK_USER_SERVICE_H
#define DEEPLINK_USER_SERVICE_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/app.h"
#include "handlers/user/audit.h"

extern const struct service user_service;

/* ---- What the service's own pages and commands ask beyond its rpcs */

/* An invitation that can still be used. NOT_FOUND when the code is unknown, used up, revoked or too old. */
enum code user_service_invite_open(struct ctx *ctx, const char *code, const Pb__Invite **ret_invite);

/* Members in all (without sign-ups not confirmed), and those who look after the site, highest rank first. The
 * cards live in the arena. */
struct user_site {
    int64_t members;
    int64_t month, halfyear; /* those who were here within 30, within 180 days */
    const Pb__UserCard **staff;
    size_t n_staff;
};
enum code user_service_site(struct ctx *ctx, struct user_site *ret_site);

/* How much the site is used: members who were here, and who signed up, in each week, this one first. Some
 * minutes old. */
#define USER_WEEKS 12
struct user_week {
    int64_t begins_ms, members, registrations;
};
enum code user_service_weeks(struct ctx *ctx, struct user_week ret[USER_WEEKS]);

/* The audit log. DENIED when a member asks without PERMISSION_AUDIT. limit: at most 200. */
enum code user_service_audit(struct ctx *ctx, const struct audit_filter *filter, size_t limit,
                             struct audit_page *ret_page);

/* Reads the whole log and checks its chain: each entry's hash is made of the one before it and its own
 * content. OK and the number of entries; DATA_LOSS when one was changed, removed or put in between, *ret_seq
 * is then its number. */
enum code user_service_audit_verify(struct ctx *ctx, int64_t *ret_n, int64_t *ret_seq);

#endif
