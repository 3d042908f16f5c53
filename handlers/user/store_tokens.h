/* What the user service keeps of apps and tokens: PostgreSQL has the truth, Redis a read model of each token
 * in use. */
#ifndef DEEPLINK_USER_STORE_TOKENS_H
#define DEEPLINK_USER_STORE_TOKENS_H

#include "handlers/user/store.h"

struct stored_app {
    Pb__App *app; /* without its secret */
    const unsigned char *secret_hash;
};

enum code user_store_app_new(struct ctx *ctx, const Pb__CreateAppRequest *app, int64_t id,
                             const char *client_id, const unsigned char secret_hash[32], Pb__App **ret);
/* By id, or by client_id when id is 0. ret->app is NULL when there is none. */
enum code user_store_app(struct ctx *ctx, int64_t id, const char *client_id, struct stored_app *ret);

/* A new token. `user_store_token_personal`: *ret is NULL when the member is not active. */
enum code user_store_token_of_app(struct ctx *ctx, const unsigned char hash[32], int64_t app_id,
                                  const char *scopes, Pb__AccessToken **ret);
enum code user_store_token_personal(struct ctx *ctx, const unsigned char hash[32],
                                    const Pb__PersonalTokenRequest *req, int64_t expires_ms,
                                    struct body security, Pb__AccessToken **ret);

/* What a token may do; *ret is NULL when it opens nothing (any more). */
enum code user_store_token_live(struct ctx *ctx, const unsigned char hash[32], Pb__AccessToken **ret);
enum code user_store_token_seen(struct ctx *ctx, int64_t id, const char *device);

/* The read model. Whoever fills it takes a lease first, then reads the truth, then puts what was read: a
 * revocation in between takes the lease away, and nothing is put. */
enum code user_store_token_lease(struct ctx *ctx, const char *key, const char **ret_lease);
enum code user_store_token_put(struct ctx *ctx, const char *key, const char *lease,
                               const Pb__AccessToken *access);

#endif
