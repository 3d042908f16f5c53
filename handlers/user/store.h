/* What the user service keeps: accounts in PostgreSQL, sessions and log-in throttles in Redis, histories as
 * documents. Everything returned lives in the arena. Functions return OK or the failure recorded in ctx. */
#ifndef DEEPLINK_USER_STORE_H
#define DEEPLINK_USER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/ctx.h"
#include "fcgi/drivers/docs.h"
#include "fcgi/drivers/pg.h"

struct event;

/* Packed protobuf bytes. */
struct body {
    const unsigned char *p;
    size_t n;
};

/* ---- accounts (store.c) */

/* One account with all that its member and administrators may know of it. */
struct person {
    Pb__UserCard *card;
    int64_t rank;
    const char *email, *new_email; /* "" when none */
    const char *password_hash;     /* "": cannot log in */
    int64_t auth_version;
    int64_t password_changed_ms;
    bool needs_approval;
    const char *reason, *note;
    int64_t invited_by;
    const char *default_audience, *theme, *language;
    int64_t confirmed_ms; /* 0: never */
    int64_t active_id;
    int64_t erase_ms; /* being deleted: until when it can be brought back; 0: not */
};

/* *ret is NULL when there is none; that is no failure. */
enum code user_store_person(struct ctx *ctx, int64_t id, struct person **ret);
enum code user_store_person_by_handle(struct ctx *ctx, const char *handle, struct person **ret);
enum code user_store_person_by_email(struct ctx *ctx, const char *email, struct person **ret);

enum code user_store_cards(struct ctx *ctx, const int64_t *ids, size_t n, Pb__UserCard ***ret, size_t *ret_n);
/* At most n cards with an id above `after`, in the order of ids. */
enum code user_store_cards_after(struct ctx *ctx, int64_t after, unsigned n, Pb__UserCard ***ret,
                                 size_t *ret_n);
enum code user_store_cards_by_handle(struct ctx *ctx, const char *const *folded, size_t n,
                                     Pb__UserCard ***ret, size_t *ret_n);
/* By id, or by handle when id is 0. *ret is NULL when there is none. */
enum code user_store_profile(struct ctx *ctx, int64_t id, const char *handle, Pb__Profile **ret);
/* Those of these ids that exist, in any order. */
enum code user_store_profiles(struct ctx *ctx, const int64_t *ids, size_t n, Pb__Profile ***ret,
                              size_t *ret_n);
void user_store_profiles_ahead(struct ctx *ctx, const int64_t *ids, size_t n); /* see pg_ahead() */
enum code user_store_handle_taken(struct ctx *ctx, const char *handle, bool *ret);

struct new_account {
    int64_t id;
    const char *handle, *email, *password_hash, *name, *reason, *language;
    bool needs_approval;      /* unless the invitation holds */
    const char *invite;       /* NULL: none */
    const char *const *words; /* for the directory, see rules_words() */
    size_t n_words;
};
/* *ret_ok is false, and nothing done, when the invitation cannot be used. EXISTS when the handle is taken. */
enum code user_store_sign_up(struct ctx *ctx, const struct new_account *a, struct body security,
                             bool *ret_ok);

/* Columns of n members to be made; every array has n elements. words: separated by single spaces. */
struct new_members {
    size_t n;
    const int64_t *ids, *discoverable;
    const char **handles, **emails, **password_hashes, **names, **roles, **headlines, **bios, **bio_htmls,
        **words;
};
/* All or none. EXISTS when a handle or an address is taken. security: for those who get a role. */
enum code user_store_create_many(struct ctx *ctx, const struct new_members *m, struct body security);
/* The constraint that the last EXISTS was about ("handles_pkey", "accounts_email"). */
const char *user_store_violated(struct ctx *ctx);

struct link_state {
    int64_t user_id;     /* 0: there is no such link */
    const char *purpose; /* signup, email, reset */
    bool used, expired;
};
enum code user_store_link_new(struct ctx *ctx, const unsigned char hash[32], int64_t user_id,
                              const char *purpose, const char *email, int64_t expires_ms);
enum code user_store_link_peek(struct ctx *ctx, const unsigned char hash[32], struct link_state *ret);
/* *ret_id is 0 when the link was not to be used any more. EXISTS when the address is somebody else's by now.
 */
enum code user_store_confirm(struct ctx *ctx, const unsigned char hash[32], struct body security,
                             int64_t *ret_id, Pb__AccountState *ret_state);
enum code user_store_reset(struct ctx *ctx, const unsigned char hash[32], const char *password_hash,
                           struct body security, int64_t *ret_id);
/* Asks once more to confirm an address, another one unless `email` is empty; *ret_ok is false when nothing
 * waits to be confirmed. */
enum code user_store_confirm_again(struct ctx *ctx, int64_t id, const char *email, bool *ret_ok);
enum code user_store_mail_for_address(struct ctx *ctx, const char *kind, const char *email);

/* The end of a log-in. *ret_ok is false when password or state have changed since they were checked.
 * new_hash: NULL keeps the old one. */
enum code user_store_logged_in(struct ctx *ctx, const struct person *p, const char *new_hash,
                               const char *device, struct body security, bool *ret_ok);
enum code user_store_security(struct ctx *ctx, int64_t user_id, struct body security);
enum code user_store_seen(struct ctx *ctx, int64_t user_id);

/* These set *ret_ok to false, and change nothing, when the account is gone or no longer as expected. */
enum code user_store_password(struct ctx *ctx, int64_t id, int64_t auth_version, const char *hash,
                              struct body security, bool *ret_ok);
enum code user_store_email_ask(struct ctx *ctx, int64_t id, const char *email, struct body security,
                               bool *ret_ok);
enum code user_store_settings(struct ctx *ctx, const Pb__UpdateSettingsRequest *s, bool *ret_ok);
enum code user_store_appearance(struct ctx *ctx, int64_t id, const char *theme, const char *language,
                                bool *ret_ok);

enum code user_store_defaults(struct ctx *ctx, int64_t id, bool *ret_sensitive, const char **ret_language);
enum code user_store_defaults_set(struct ctx *ctx, const Pb__UpdateDefaultsRequest *d, bool *ret_ok);

/* How far a member has read. set: all or none; *ret_ok is false, and nothing changed, when one was not of the
 * version expected. */
enum code user_store_markers(struct ctx *ctx, int64_t id, const char *const *timelines, size_t n,
                             Pb__ReadMarker ***ret, size_t *ret_n);
enum code user_store_markers_set(struct ctx *ctx, int64_t id, Pb__ReadMarker *const *markers, size_t n,
                                 Pb__ReadMarker **ret, bool *ret_ok);

struct profile_words {
    const char *name, *headline, *bio, *bio_html;
    const char *const *field_names, *const *field_values;
    size_t n_fields;
    const char *const *words;
    size_t n_words;
    int64_t if_version; /* only while the account has this one; 0: any */
};
enum code user_store_profile_set(struct ctx *ctx, int64_t id, const struct profile_words *p, bool *ret_ok);

/* Discoverable, active members below the cursor `before` (0: from the top). tsquery: NULL for all. *ret_next:
 * the next cursor, 0 at the end. */
enum code user_store_directory(struct ctx *ctx, bool by_activity, const char *tsquery, int64_t before,
                               size_t offset, size_t limit, Pb__UserCard ***ret, size_t *ret_n,
                               int64_t *ret_next);

/* Members by words (a tsquery): discoverable ones and those of `known`, the latter first; or these alone. */
struct member_search {
    const char *tsquery, *handle; /* handle: whoever has exactly this comes first */
    const int64_t *known;
    size_t n_known;
    bool known_only;
    size_t offset, limit;
};
enum code user_store_search(struct ctx *ctx, const struct member_search *s, Pb__UserCard ***ret,
                            size_t *ret_n);

struct member_filter {
    int state;                /* -1: any */
    const char *role;         /* NULL: any */
    const char *tsquery;      /* NULL: any */
    const char *email_prefix; /* the beginning of an address; counts with tsquery alone */
    int64_t before;           /* 0: from the top */
    int64_t after;            /* those right above this one instead; 0: as before says */
    size_t limit;
};
struct member_page {
    struct person **items;
    size_t n;
    int64_t next, prev; /* the page below, as before, and the one above, as after; 0: none */
};
enum code user_store_members(struct ctx *ctx, const struct member_filter *f, struct member_page *ret);
struct member_counts {
    int64_t pending, total;  /* total: pending ones too */
    int64_t month, halfyear; /* were here within 30, within 180 days */
};
/* Members who were here and those who signed up, of n weeks (ID_WEEK_MS), that of number `week` first. */
enum code user_store_weeks(struct ctx *ctx, int64_t week, int64_t *ret_members, int64_t *ret_registrations,
                           size_t n);
enum code user_store_member_counts(struct ctx *ctx, struct member_counts *ret);
enum code user_store_staff(struct ctx *ctx, int limit, Pb__UserCard ***ret, size_t *ret_n);

struct state_change {
    int64_t id;
    Pb__AccountState from, to;
    const char *note;
    const char *mail; /* kind, NULL: none */
};
enum code user_store_set_state(struct ctx *ctx, const struct state_change *s, struct body changed,
                               struct body security, bool *ret_ok);
enum code user_store_reject(struct ctx *ctx, int64_t id, const char *note, struct body changed,
                            struct body security, bool *ret_ok);

/* ---- roles (store_roles.c) */

/* By rank. counted: with how many members have each, which takes a while on a large site. */
enum code user_store_roles(struct ctx *ctx, bool counted, Pb__Role ***ret, size_t *ret_n);
enum code user_store_set_role(struct ctx *ctx, int64_t id, const char *from, const char *to,
                              struct body security, bool *ret_ok);
/* The members whom a change of a role has changed, those who were here last first. */
struct role_holders {
    int64_t *ids;
    size_t n;
};
/* actor 0: the operator. *ret_ok false: there is one of that name. */
enum code user_store_role_new(struct ctx *ctx, const Pb__Role *role, int64_t actor, struct body security,
                              bool *ret_ok);
/* *ret_ok false: it is no longer what `before` says. */
enum code user_store_role_set(struct ctx *ctx, const Pb__Role *before, const Pb__Role *role, int64_t actor,
                              struct body security, bool *ret_ok, struct role_holders *ret_holders);
/* Its members become `to`. each: for the history of each of them. INVALID when somebody got the role just
 * now. */
enum code user_store_role_delete(struct ctx *ctx, const char *name, const char *to, int64_t actor,
                                 struct body security, struct body each, bool *ret_ok,
                                 struct role_holders *ret_holders);

/* ---- leaving (store_leave.c) */

struct leaving {
    int64_t id, erase_ms, auth_version; /* auth_version 0: whatever it is */
    const char *mail_detail;
};
/* Hides the account. *ret_ok false: its state or password is another, or it is the last administrator's. */
enum code user_store_delete_ask(struct ctx *ctx, const struct leaving *l, struct body state,
                                struct body security, bool *ret_ok);
enum code user_store_delete_now(struct ctx *ctx, int64_t id);
/* *ret_id 0: the link was not to be used any more. */
enum code user_store_delete_cancel(struct ctx *ctx, const unsigned char hash[32], struct body security,
                                   int64_t *ret_id, const char **ret_handle);
/* Tells all services to erase those whose days are over; those again whom a service has not answered for. */
enum code user_store_erase_begin(struct ctx *ctx, size_t *ret_n);
enum code user_store_erase_again(struct ctx *ctx, size_t *ret_n);
/* Accounts, links, mails, devices, invitations. *ret_ok false: there is nothing to be erased. */
enum code user_store_erase(struct ctx *ctx, int64_t id, bool *ret_ok);
/* Number of the erasure of a member; 0: none. */
enum code user_store_erasure(struct ctx *ctx, int64_t user_id, int64_t *ret_id);
/* One of `all` services is done; the last one writes the proof. Repeats change nothing. */
enum code user_store_erasure_done(struct ctx *ctx, int64_t user_id, const char *service,
                                  const char *const *all, size_t n_all, struct body proof);

enum code user_store_invite_new(struct ctx *ctx, int64_t by, int max_uses, int64_t expires_ms,
                                struct body security, Pb__Invite **ret);
enum code user_store_invites(struct ctx *ctx, int64_t by, Pb__Invite ***ret,
                             size_t *ret_n); /* by 0: everybody's */
enum code user_store_invite_by_code(struct ctx *ctx, const char *code, Pb__Invite **ret); /* NULL: none */
enum code user_store_invite_revoke(struct ctx *ctx, int64_t id, int64_t by, struct body security,
                                   bool *ret_ok); /* by 0: whosever */

/* A mail to be sent, and what its account says now. */
struct mail_job {
    int64_t id;
    const char *kind;
    int64_t user_id;   /* 0: not about an account */
    const char *email; /* where it goes */
    const char *detail, *ip, *language;
    int64_t created_ms;
    const char *name; /* of the account, "" without one */
    Pb__AccountState state;
    bool needs_approval;
    const char *handle, *new_email;
};
enum code user_store_mails(struct ctx *ctx, const int64_t *ids, size_t n, struct mail_job **ret,
                           size_t *ret_n);
enum code user_store_mail_done(struct ctx *ctx, int64_t id);
enum code user_store_sweep(struct ctx *ctx);

/* ---- Redis (store_redis.c) */

/* Publishes cards that were missing from Redis; never over a newer one, and without waking the other workers'
 * caches. Best effort. */
void user_store_cards_fill(struct ctx *ctx, Pb__UserCard *const *cards, size_t n);

/* Session and card in one round; both NULL when they are not there. *ret_raw: the session's bytes, for
 * user_store_session_touch(). */
enum code user_store_session(struct ctx *ctx, const char *key, int64_t user_id, Pb__Session **ret_session,
                             struct body *ret_raw, Pb__UserCard **ret_card);
enum code user_store_session_put(struct ctx *ctx, const char *key, const Pb__Session *s);
/* Replaces the session if it still is what `raw` says, and lets it live on; so that one that was ended stays
 * ended. */
enum code user_store_session_touch(struct ctx *ctx, const char *key, struct body raw, const Pb__Session *s);

struct stored_session {
    const char *key;
    struct body raw;
    Pb__Session *session;
};
/* A member's sessions, the one seen last first; forgets those that ran out. */
enum code user_store_sessions(struct ctx *ctx, int64_t user_id, struct stored_session **ret, size_t *ret_n);
enum code user_store_sessions_end(struct ctx *ctx, int64_t user_id, const struct stored_session *sessions,
                                  size_t n);

/* A throttle: after `free` tries each further one must wait, `base_s` seconds at first, doubling up to
 * `max_s`. */
struct throttle {
    const char *key;
    int free, base_s, max_s, forget_s;
};
/* Counts a try under every key unless one of them is still closed: *ret_wait is then the seconds to wait, and
 * nothing is counted. */
enum code user_store_throttle(struct ctx *ctx, const struct throttle *t, size_t n, int64_t *ret_wait);
/* The try was a good one: the first key is forgotten, one try is taken back from the others. Best effort. */
void user_store_throttle_good(struct ctx *ctx, const struct throttle *t, size_t n);

/* Whether this mail may still go to this address: at most `max` of a kind an hour. Asking again for the same
 * id changes nothing. */
enum code user_store_mail_allowed(struct ctx *ctx, const char *kind, const char *email, int64_t id, int max,
                                  bool *ret);

/* ---- documents (store_docs.c) */

extern const struct collection user_collections[]; /* activity, audit */

/* A security event as it is remembered. */
struct remembered {
    int64_t event_id;
    int64_t user_id; /* whose history; 0: nobody's */
    const Pb__UserSecurity *what;
};
/* Adds to the members' histories. Repeats change nothing. */
enum code user_store_activity_add(struct ctx *ctx, const struct remembered *r, size_t n);
enum code user_store_activity_erase(struct ctx *ctx, int64_t user_id);
enum code user_store_activity(struct ctx *ctx, int64_t user_id, struct doc_from from, size_t limit,
                              Pb__ActivityReply *ret);

/* Adds to the audit log, each entry chained to the one before it. Repeats change nothing. ABORTED when
 * somebody else was quicker. */
enum code user_store_audit_add(struct ctx *ctx, const struct remembered *r, size_t n);
struct audit_entry {
    int64_t seq, at_ms, actor_id, target_id;
    const char *kind, *ip, *device, *detail;
    const char *prev, *hash; /* hexadecimal */
    bool whole;              /* hash is what prev and the content make */
};
struct audit_match {
    int64_t actor_id, target_id; /* 0: any */
    const char *kind;            /* NULL or "": any */
};
struct audit_entries {
    struct audit_entry *items;
    size_t n;
    const char *next, *prev; /* as of struct doc_page */
};
enum code user_store_audit(struct ctx *ctx, const struct audit_match *match, struct doc_from from,
                           size_t limit, struct audit_entries *ret);

/* Contacts of those ids that are active accounts. */
enum code user_store_contacts(struct ctx *ctx, const int64_t *ids, size_t n, Pb__ContactsReply *ret);
/* Which of these tokens still open something of the member. */
enum code user_store_tokens_alive(struct ctx *ctx, int64_t user_id, const int64_t *ids, size_t n,
                                  int64_t **ret, size_t *ret_n);

#endif
