/* Rates: how often an account or address may do something. Counted in Redis by fixed windows, in the
 * session's round. */
#ifndef DEEPLINK_COMMON_RATE_H
#define DEEPLINK_COMMON_RATE_H

#include "fcgi/drivers/redis.h"
#include "fcgi/router.h"

struct rate_check {
    const struct rate *rate; /* NULL: not limited */
    const char *key;
    int64_t count;
    int64_t left_s; /* until the window ends */
};

/* The route's rate or the default of its method, for the claimed member or the address (IPv6 by /64). */
void rate_choose(struct rate_check *c, struct request *req, int64_t claimed_user);
void rate_ask(const struct rate_check *c, struct redis *redis);
void rate_answer(struct ctx *ctx, struct rate_check *c, struct redis *redis);
/* For a claim that was not true: the count goes from the member who was named to the address that named
 * them, so that nobody uses up what somebody else may do. */
void rate_unclaim(struct rate_check *c, struct request *req);
/* Says in the answer's headers what is left (Mastodon's X-RateLimit-…, and RateLimit as of the IETF's draft
 * httpapi-ratelimit-headers-11), whatever becomes of it. */
void rate_tell(struct request *req, const struct rate_check *c);
/* EXHAUSTED with the seconds to wait when there were too many. */
enum code rate_judge(struct ctx *ctx, const struct rate_check *c);

/* Counts and judges a call by gRPC with a token: with the member's other programs, and with what else writes
 * so; an app's own token by itself. scope: what the call needs; NULL: none. A Redis that is down limits
 * nothing. */
enum code rate_call(struct ctx *ctx, int64_t user_id, int64_t token_id, const char *scope);

/* What an address counts as: itself, or its /64 for IPv6. */
const char *rate_address(struct ctx *ctx);

#endif
