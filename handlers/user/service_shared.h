/* What the parts of the user service's rules share. Not for others. */
#ifndef DEEPLINK_USER_SERVICE_SHARED_H
#define DEEPLINK_USER_SERVICE_SHARED_H

#include <stdint.h>

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/ctx.h"
#include "handlers/user/store.h"

#define LINK_HOURS 24 /* how long a mailed link works */

/* The account, or NOT_FOUND. */
enum code user_person(struct ctx *ctx, int64_t id, struct person **ret);

/* Who acts: an active member whose role allows it, else DENIED. actor_id 0 is the operator, who may do
 * everything: then *ret is NULL. Who comes from a page or an API is never 0 there, since their routes ask for
 * a member. */
enum code user_actor(struct ctx *ctx, int64_t actor_id, uint64_t permission, struct person **ret);

/* Whether the actor may act on this account: its rank is lower, or the actor is an admin. DENIED otherwise.
 */
enum code user_actor_above(struct ctx *ctx, const struct person *actor, const struct person *target);

/* The actor's id; 0 for the operator. */
int64_t user_actor_id(const struct person *actor);

/* A statement changed nothing though all looked well: which of its conditions was it? Always a failure. */
enum code user_not_changed(struct ctx *ctx, const struct person *before);

/* A packed UserStateChanged. */
struct body user_state_body(struct ctx *ctx, int64_t id, Pb__AccountState state, int64_t actor,
                            const char *note);

/* The role of that name among n, or NULL. */
const Pb__Role *user_role_find(Pb__Role *const *roles, size_t n, const char *name);

/* Publishes the card as it is now, after a change. Best effort: the worker repeats it. */
void user_publish(struct ctx *ctx, int64_t id);

/* Ends a member's sessions that began before `before_ms`, but for the one named. */
/* These sessions end, and with them the streams that they opened. */
struct stored_session;
enum code user_sessions_end_these(struct ctx *ctx, int64_t user_id, const struct stored_session *sessions,
                                  size_t n);
/* Streams of a member are closed at once: {"session":"<id>"}, {"token":"*"} (of all tokens: those that are
 * still good come back), {} for all. */
void user_streams_end(struct ctx *ctx, int64_t user_id, const char *which);
/* All sessions of a member that began up to and in that millisecond, but for one (0: none). */
enum code user_sessions_end(struct ctx *ctx, int64_t user_id, int64_t except_id, int64_t until_ms);

/* A packed UserSecurity: who did it, what, from where (of ctx). The event's key says whose account it
 * concerns. */
struct body user_security_body(struct ctx *ctx, int64_t who, const char *kind, const char *detail,
                               int64_t session_id);

/* argon2id at the configured cost; NULL and UNAVAILABLE recorded when there is no memory for it. */
const char *user_password_hash(struct ctx *ctx, const char *password);

/* Judges a new password; INVALID for `field`. */
enum code user_password_check(struct ctx *ctx, const char *field, const char *password,
                              const struct person *p);

/* Whether the password is the account's, within the throttles of name and address. person NULL, or one
 * that has no password: takes as long and fails alike. login: what was typed, so that unknown names are
 * throttled alike. EXHAUSTED while one must wait, UNAUTHENTICATED when it is wrong (after noting it in the
 * history). `field`: then INVALID for that field instead; NULL: none. */
enum code user_password_verify(struct ctx *ctx, const struct person *p, const char *login,
                               const char *password, const char *field);
/* Whether its hash was made at another cost than the configured one. */
bool user_password_is_old(struct ctx *ctx, const struct person *p);

/* Checks and cleans text: at most `max` code points on one line (or several). INVALID for `field`. *ret is
 * never NULL. */
enum code user_line(struct ctx *ctx, const char *field, const char *text, int max, const char **ret);
enum code user_text(struct ctx *ctx, const char *field, const char *text, int max, const char **ret);

/* The words that the directory finds a member by. */
size_t user_words(struct ctx *ctx, const char *handle, const char *name, const char *headline,
                  const char ***ret);

/* An OK answer of a statement that found nothing to change any more. */
enum code user_changed_or_gone(struct ctx *ctx, enum code c, const bool *ok);

/* The same for a change of one version alone (0: any): ABORTED when it was another. */
enum code user_changed_or_stale(struct ctx *ctx, enum code c, const bool *ok, int64_t if_version);
/* In place of a session, for who logs in to an account that is being deleted: what it takes to bring it back.
 */
enum code user_restore_offer(struct ctx *ctx, const struct person *p, Pb__LogInReply *reply);

/* Erases what this service has of a member whose erasure has begun, and says that it did. May be repeated. */
enum code user_erase(struct ctx *ctx, int64_t id);

#endif
