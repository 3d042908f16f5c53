/* What service_oauth.c and service_grants.c share. Not for others. */
#ifndef DEEPLINK_USER_SERVICE_TOKENS_H
#define DEEPLINK_USER_SERVICE_TOKENS_H

#include "handlers/user/service_shared.h"
#include "handlers/user/store_tokens.h"

/* The app of these credentials, or UNAUTHENTICATED. */
enum code user_app_authenticate(struct ctx *ctx, const char *client_id, const char *secret, Pb__App **ret);

/* A new token's text, and the hash that is kept of it. */
const char *user_token_made(struct ctx *ctx, const char *prefix, int64_t user_id, unsigned char hash[32]);

/* The first token of an account that an app has just made: all that the app may ask for, but for what is
 * staff's. */
enum code user_token_of_newcomer(struct ctx *ctx, const Pb__App *app, int64_t user_id, Pb__TokenReply *reply);

/* The words of `asked`, or `most` where it is empty; OUT_OF_RANGE when `most` does not cover them. */
enum code user_scopes_of_grant(struct ctx *ctx, const char *asked, const char *most, const char **ret);

/* Whether the member's role lets them hand these on: those for staff only where it has more than every
 * member's. */
bool user_may_give(const struct person *p, const char *scopes);

/* Takes the read models of a member's tokens away after a change. Best effort: the worker repeats it. */
void user_tokens_forget(struct ctx *ctx, int64_t user_id);

#endif
