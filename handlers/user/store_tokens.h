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

/* The first columns of live_tokens, or of what makes a token; NULL when there is no such row. */
Pb__AccessToken *user_store_access_of(struct ctx *ctx, const PGresult *r, int row);

/* A new token. `user_store_token_personal`: *ret is NULL when the member is not active,
 * `…_of_newcomer`: when there is no such account. */
enum code user_store_token_of_app(struct ctx *ctx, const unsigned char hash[32], int64_t app_id,
                                  const char *scopes, Pb__AccessToken **ret);
enum code user_store_token_of_newcomer(struct ctx *ctx, const unsigned char hash[32], int64_t app_id,
                                       int64_t user_id, const char *scopes, struct body security,
                                       Pb__AccessToken **ret);
enum code user_store_token_personal(struct ctx *ctx, const unsigned char hash[32],
                                    const Pb__PersonalTokenRequest *req, int64_t expires_ms,
                                    struct body security, Pb__AccessToken **ret);

/* What a token may do; *ret is NULL when it opens nothing (any more). */
enum code user_store_token_live(struct ctx *ctx, const unsigned char hash[32], Pb__AccessToken **ret);
enum code user_store_token_seen(struct ctx *ctx, int64_t id, const char *device);

/* A code or a refresh token as it stands. */
struct grant {
    int64_t family; /* 0: there is none */
    int64_t app_id, user_id;
    const char *redirect_uri, *scopes, *challenge; /* scopes alone of a refresh token */
    bool used, over;
};

/* Stands for a member's consent. Repeats change nothing; *ret as it then stands. */
enum code user_store_code_new(struct ctx *ctx, const unsigned char hash[32], const struct grant *g,
                              struct grant *ret);
enum code user_store_code(struct ctx *ctx, const unsigned char hash[32], struct grant *ret);
enum code user_store_refresh(struct ctx *ctx, const unsigned char hash[32], struct grant *ret);

/* The tokens that a grant becomes. */
struct pair {
    unsigned char access[32], refresh[32];
    bool has_refresh;
    int64_t expires_ms; /* of the access token; 0: never */
};
/* *ret is NULL when the grant was no good any more. */
enum code user_store_code_use(struct ctx *ctx, const unsigned char hash[32], const struct pair *p,
                              struct body security, Pb__AccessToken **ret);
enum code user_store_refresh_use(struct ctx *ctx, const unsigned char hash[32], const struct pair *p,
                                 const char *scopes, Pb__AccessToken **ret);

/* ret->family is 0 when there is no such access or refresh token. */
enum code user_store_token_owner(struct ctx *ctx, const unsigned char hash[32], struct grant *ret);
enum code user_store_family_end(struct ctx *ctx, const struct grant *g, struct body security);
enum code user_store_access_end(struct ctx *ctx, const Pb__EndAccessRequest *req, struct body security,
                                bool *ret_any);
enum code user_store_access_end_all(struct ctx *ctx, int64_t user_id);
enum code user_store_access(struct ctx *ctx, int64_t user_id, Pb__Access ***ret, size_t *ret_n);
enum code user_store_sweep_apps(struct ctx *ctx);

/* Takes what stands in Redis of a member's tokens away, or of one token. */
enum code user_store_tokens_forget(struct ctx *ctx, int64_t user_id);
enum code user_store_token_forget(struct ctx *ctx, const unsigned char hash[32]);

/* The read model. Whoever fills it takes a lease first, then reads the truth, then puts what was read: a
 * revocation in between takes the lease away, and nothing is put. */
enum code user_store_token_lease(struct ctx *ctx, const char *key, const char **ret_lease);
enum code user_store_token_put(struct ctx *ctx, const char *key, const char *lease,
                               const Pb__AccessToken *access);

#endif
