#include "handlers/user/store_tokens.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/rpc.h"
#include "gen/queries.h"
#include "handlers/services.h"

/* Keys: token:<hex> (Pb.AccessToken), token:<hex>:lease (a random word, of whoever is filling it). */

#define MEMBER_TTL_S INT64_C(86400)
#define APP_TTL_S INT64_C(600)
#define LEASE_S 10

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_USER]; }

/* ---- apps */

static Pb__App *app_of(struct ctx *ctx, const PGresult *r, const unsigned char **ret_secret_hash) {
    Pb__App *app;
    const char **uris;
    size_t n;

    if (PQntuples(r) == 0)
        return NULL;
    app = arena_one(ctx->arena, Pb__App);
    pb__app__init(app);
    app->id = pg_get_int(r, 0, 0);
    app->client_id = pg_get_str(r, 0, 1);
    *ret_secret_hash = pg_get_bytes(r, 0, 2, &n);
    app->name = pg_get_str(r, 0, 3);
    app->website = pg_get_str(r, 0, 4);
    app->n_redirect_uris = pg_get_texts(ctx, r, 0, 5, &uris);
    app->redirect_uris = uris;
    app->scopes = pg_get_str(r, 0, 6);
    app->created_ms = pg_get_time(r, 0, 7);
    return app;
}

enum code user_store_app_new(struct ctx *ctx, const Pb__CreateAppRequest *app, int64_t id,
                             const char *client_id, const unsigned char secret_hash[32], Pb__App **ret) {
    const unsigned char *hash;
    PGresult *r;
    enum code c =
        pg_run(ctx, db(ctx), &Q_USER_APP_NEW, &r, pg_i8(id), pg_text(client_id), pg_bytes(secret_hash, 32),
               pg_text(app->name), pg_text(app->website),
               pg_texts((const char *const *)app->redirect_uris, app->n_redirect_uris), pg_text(app->scopes));

    if (c == OK)
        *ret = app_of(ctx, r, &hash);
    return c;
}

enum code user_store_app(struct ctx *ctx, int64_t id, const char *client_id, struct stored_app *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_APP, &r, pg_i8(id), pg_text(client_id));

    if (c == OK)
        ret->app = app_of(ctx, r, &ret->secret_hash);
    return c;
}

/* ---- tokens */

Pb__AccessToken *user_store_access_of(struct ctx *ctx, const PGresult *r, int row) {
    Pb__AccessToken *a;

    if (PQntuples(r) <= row)
        return NULL;
    a = arena_one(ctx->arena, Pb__AccessToken);
    pb__access_token__init(a);
    a->id = pg_get_int(r, row, 0);
    a->app_id = pg_get_int(r, row, 1);
    a->user_id = pg_get_int(r, row, 2);
    a->scopes = pg_get_str(r, row, 3);
    a->created_ms = pg_get_time(r, row, 4);
    a->expires_ms = pg_get_time(r, row, 5);
    a->seen_ms = pg_get_time(r, row, 6);
    a->app_name = pg_get_str(r, row, 7);
    a->app_website = pg_get_str(r, row, 8);
    return a;
}

enum code user_store_token_of_app(struct ctx *ctx, const unsigned char hash[32], int64_t app_id,
                                  const char *scopes, Pb__AccessToken **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKEN_OF_APP, &r, pg_i8(id_next()), pg_bytes(hash, 32),
                         pg_i8(app_id), pg_text(scopes));

    if (c == OK)
        *ret = user_store_access_of(ctx, r, 0);
    return c;
}

/* A member's new token, told to the workers; NULL when there was nobody to make it for. */
static enum code made(struct ctx *ctx, enum code c, const PGresult *r, Pb__AccessToken **ret) {
    if (c != OK)
        return c;
    *ret = user_store_access_of(ctx, r, 0);
    if (*ret != NULL)
        bus_wake(ctx, db(ctx));
    return OK;
}

enum code user_store_token_of_newcomer(struct ctx *ctx, const unsigned char hash[32], int64_t app_id,
                                       int64_t user_id, const char *scopes, struct body security,
                                       Pb__AccessToken **ret) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKEN_OF_NEWCOMER, &r, pg_i8(id_next()), pg_bytes(hash, 32),
                         pg_i8(app_id), pg_i8(user_id), pg_text(scopes), pg_bytes(security.p, security.n));

    return made(ctx, c, r, ret);
}

enum code user_store_token_personal(struct ctx *ctx, const unsigned char hash[32],
                                    const Pb__PersonalTokenRequest *req, int64_t expires_ms,
                                    struct body security, Pb__AccessToken **ret) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKEN_PERSONAL, &r, pg_i8(id_next()), pg_bytes(hash, 32),
                         pg_i8(req->user_id), pg_text(req->name), pg_text(req->scopes), pg_time(expires_ms),
                         pg_bytes(security.p, security.n));

    return made(ctx, c, r, ret);
}

enum code user_store_token_live(struct ctx *ctx, const unsigned char hash[32], Pb__AccessToken **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKEN_LIVE, &r, pg_bytes(hash, 32));

    if (c == OK)
        *ret = user_store_access_of(ctx, r, 0);
    return c;
}

enum code user_store_token_seen(struct ctx *ctx, int64_t id, const char *device) {
    return pg_run(ctx, db(ctx), &Q_USER_TOKEN_SEEN, NULL, pg_i8(id), pg_text(ctx->ip), pg_text(device));
}

/* ---- the read model */

enum code user_store_token_lease(struct ctx *ctx, const char *key, const char **ret_lease) {
    *ret_lease = crypto_token(ctx->arena, 12);
    return redis_do(ctx, ctx->env->redis, "SET %s:lease %s EX %d", key, *ret_lease, LEASE_S) == NULL
               ? ctx->error.code
               : OK;
}

/* KEYS: read model, lease. ARGV: the lease's word, the read model, seconds. */
static struct redis_script put = {
    .src = "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end\n"
           "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])\n"
           "redis.call('DEL', KEYS[2])\n"
           "return 1",
};

/* Until the token ends, or for the time that a read model is kept. */
static int64_t ttl_s(const Pb__AccessToken *access) {
    int64_t most = access->user_id != 0 ? MEMBER_TTL_S : APP_TTL_S,
            left = (access->expires_ms - clock_now_ms()) / 1000 + 1;

    return access->expires_ms == 0 || left > most ? most : left < 1 ? 1 : left;
}

enum code user_store_token_put(struct ctx *ctx, const char *key, const char *lease,
                               const Pb__AccessToken *access) {
    const unsigned char *packed;
    const char *argv[5] = {key, arena_printf(ctx->arena, "%s:lease", key), lease, NULL,
                           arena_printf(ctx->arena, "%" PRId64, ttl_s(access))};
    size_t n, lens[5];

    rpc_pack(ctx, &access->base, &packed, &n);
    argv[3] = (const char *)packed;
    for (int i = 0; i < 5; i++)
        lens[i] = i == 3 ? n : strlen(argv[i]);
    redis_add_script(ctx, ctx->env->redis, &put, 2, 5, argv, lens);
    return redis_next_script(ctx, ctx->env->redis) == NULL ? ctx->error.code : OK;
}
