/* Bearer tokens as text: "<user id>.<secret>" of a member, "0.<secret>" of an app that acts for itself, and
 * "deeplink_pat_<user id>.<secret>" of a member's own making, so that scanners for leaked secrets know it.
 * The id stands there so that the guard can ask for the member in the same breath as for the token. */
#ifndef DEEPLINK_COMMON_TOKEN_H
#define DEEPLINK_COMMON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/ctx.h"

#define TOKEN_PERSONAL_PREFIX "deeplink_pat_"

/* A new token of a member, or of an app when user_id is 0. In the arena. */
const char *token_new(struct ctx *ctx, const char *prefix, int64_t user_id);

/* The hash that stands for a token, and the id that it claims. False when it cannot be one. */
bool token_hash(const char *token, unsigned char ret_hash[32], int64_t *ret_user);

/* Redis key of its read model, Pb.AccessToken; in the arena. */
const char *token_key(struct ctx *ctx, const unsigned char hash[32]);

#endif
