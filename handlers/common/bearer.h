/* Bearer tokens of requests (RFC 6750): what the guard does with "Authorization: Bearer …". */
#ifndef DEEPLINK_COMMON_BEARER_H
#define DEEPLINK_COMMON_BEARER_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/request.h"

struct rpc_door;

/* What came with the request. */
struct bearer {
    const char *token; /* NULL: none was sent, or the route takes none */
    const char *key;   /* of the read model; NULL: it cannot be a token of ours */
    int64_t user_id;   /* that it claims; 0: an app's own */
};
void bearer_read(struct request *req, struct bearer *ret);

/* The read model out of Redis' answer; NULL when it is not there, or says something else than the token. */
const Pb__AccessToken *bearer_unpack(struct ctx *ctx, const redisReply *r, const struct bearer *b);

/* The same from its owner, who knows all. NULL and OK when the token opens nothing. */
enum code bearer_ask(struct ctx *ctx, const struct bearer *b, const Pb__AccessToken **ret);

/* 401 with WWW-Authenticate: the token is none, or there is none where one is needed. */
enum code bearer_refuse(struct request *req);

/* Whether the token may do what the route is for: DENIED when it is outside its scopes. */
enum code bearer_judge(struct request *req, const Pb__AccessToken *access);

/* What an account that is not active is told by its apps, in Mastodon's words. DENIED. */
enum code bearer_unavailable(struct ctx *ctx, Pb__AccountState state);

/* Notes the token's use, at most every ten minutes; called by the app's finish hook. */
void bearer_touch(struct request *req);

/* The app's let_in hook: the token of a program that came by gRPC. bearer_call.c */
enum code bearer_let_in(struct ctx *ctx, const char *token, const struct rpc_door *door);

/* Notes the use of a token that opened something, at most every ten minutes. Never fails. */
void bearer_note(struct ctx *ctx, const char *token, const Pb__AccessToken *access);

#endif
