/* Sessions: a cookie "<user id>.<secret>", a record in Redis under the hash of the secret. */
#ifndef DEEPLINK_COMMON_SESSION_H
#define DEEPLINK_COMMON_SESSION_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/request.h"

#define SESSION_COOKIE "sid"

/* The app's guard: one Redis round for session, card, card epoch and what the route prefetches; then
 * authentication, permission, CSRF and rate. */
enum code session_guard(struct request *req);

/* Keeps the session alive (sliding expiry), at most every ten minutes; called by the app's finish hook. */
void session_touch(struct request *req);

/* After a log-in or sign-up: sets the cookie. */
void session_cookie_set(struct request *req, const char *token);
void session_cookie_clear(struct request *req);

/* Redis key of a token's record; NULL when the token is malformed. *ret_user is the id it claims. */
const char *session_key(struct ctx *ctx, const char *token, int64_t *ret_user);

#endif
