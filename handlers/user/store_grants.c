/* Codes and refresh tokens, and what members have let in. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/drivers/redis.h"
#include "gen/queries.h"
#include "handlers/common/token.h"
#include "handlers/services.h"
#include "handlers/user/store_tokens.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_USER]; }

static struct grant grant_of(const PGresult *r) {
    if (PQntuples(r) == 0)
        return (struct grant){0};
    return (struct grant){.family = pg_get_int(r, 0, 0),
                          .app_id = pg_get_int(r, 0, 1),
                          .user_id = pg_get_int(r, 0, 2),
                          .redirect_uri = pg_get_str(r, 0, 3),
                          .scopes = pg_get_str(r, 0, 4),
                          .challenge = pg_get_str(r, 0, 5),
                          .used = pg_get_bool(r, 0, 6),
                          .over = pg_get_bool(r, 0, 7)};
}

enum code user_store_code_new(struct ctx *ctx, const unsigned char hash[32], const struct grant *g,
                              struct grant *ret) {
    PGresult *r;
    enum code c =
        pg_run(ctx, db(ctx), &Q_USER_CODE_NEW, &r, pg_bytes(hash, 32), pg_i8(id_next()), pg_i8(g->app_id),
               pg_i8(g->user_id), pg_text(g->redirect_uri), pg_text(g->scopes), pg_text(g->challenge));

    return c != OK ? c : user_store_code(ctx, hash, ret);
}

enum code user_store_code(struct ctx *ctx, const unsigned char hash[32], struct grant *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_CODE, &r, pg_bytes(hash, 32));

    if (c == OK)
        *ret = grant_of(r);
    return c;
}

enum code user_store_refresh(struct ctx *ctx, const unsigned char hash[32], struct grant *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_REFRESH, &r, pg_bytes(hash, 32));

    if (c == OK)
        *ret = grant_of(r);
    return c;
}

static struct pg_val until(const struct pair *p) {
    return p->expires_ms != 0 ? pg_time(p->expires_ms) : pg_null();
}

enum code user_store_code_use(struct ctx *ctx, const unsigned char hash[32], const struct pair *p,
                              struct body security, Pb__AccessToken **ret) {
    PGresult *r;
    enum code c = pg_run(
        ctx, db(ctx), &Q_USER_CODE_USE, &r, pg_bytes(hash, 32), pg_i8(id_next()), pg_bytes(p->access, 32),
        until(p), p->has_refresh ? pg_bytes(p->refresh, 32) : pg_null(), pg_bytes(security.p, security.n));

    if (c != OK)
        return c;
    *ret = user_store_access_of(ctx, r, 0);
    if (*ret != NULL)
        bus_wake(ctx, db(ctx));
    return OK;
}

enum code user_store_refresh_use(struct ctx *ctx, const unsigned char hash[32], const struct pair *p,
                                 const char *scopes, Pb__AccessToken **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_REFRESH_USE, &r, pg_bytes(hash, 32), pg_i8(id_next()),
                         pg_bytes(p->access, 32), until(p), pg_bytes(p->refresh, 32), pg_text(scopes));

    if (c == OK)
        *ret = user_store_access_of(ctx, r, 0);
    return c;
}

/* ---- ends */

enum code user_store_token_owner(struct ctx *ctx, const unsigned char hash[32], struct grant *ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKEN_OWNER, &r, pg_bytes(hash, 32));

    if (c != OK)
        return c;
    *ret = (struct grant){0};
    if (PQntuples(r) > 0)
        *ret = (struct grant){
            .family = pg_get_int(r, 0, 0), .app_id = pg_get_int(r, 0, 1), .user_id = pg_get_int(r, 0, 2)};
    return OK;
}

enum code user_store_family_end(struct ctx *ctx, const struct grant *g, struct body security) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_FAMILY_END, &r, pg_i8(g->family), pg_i8(g->user_id),
                         pg_bytes(security.p, security.n));

    if (c == OK)
        bus_wake(ctx, db(ctx));
    return c;
}

enum code user_store_access_end(struct ctx *ctx, const Pb__EndAccessRequest *req, struct body security,
                                bool *ret_any) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_ACCESS_END, &r, pg_i8(req->user_id), pg_i8(req->app_id),
                         pg_i8(req->token_id), pg_bytes(security.p, security.n));

    if (c != OK)
        return c;
    *ret_any = pg_get_int(r, 0, 0) > 0;
    if (*ret_any)
        bus_wake(ctx, db(ctx));
    return OK;
}

enum code user_store_access_end_all(struct ctx *ctx, int64_t user_id) {
    return pg_run(ctx, db(ctx), &Q_USER_ACCESS_END_ALL, NULL, pg_i8(user_id));
}

static const char *only(struct ctx *ctx, const char **words, size_t n, const char *word) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return NULL;
    return arena_strdup(ctx->arena, word);
}

/* Each word once. */
static size_t split_scopes(struct ctx *ctx, const char *text, const char ***ret) {
    const char **words = arena_many(ctx->arena, const char *, strlen(text) / 2 + 1);
    size_t n = 0;

    for (const char *p = text; *p != '\0'; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        const char *word = only(ctx, words, n, arena_strndup(ctx->arena, p, len));

        if (word != NULL)
            words[n++] = word;
        p += len;
    }
    *ret = words;
    return n;
}

static Pb__Access *access_row(struct ctx *ctx, const PGresult *r, int row) {
    Pb__Access *a = arena_one(ctx->arena, Pb__Access);
    const char **words;

    pb__access__init(a);
    a->app_id = pg_get_int(r, row, 0);
    a->token_id = pg_get_int(r, row, 1);
    a->name = pg_get_str(r, row, 2);
    a->website = pg_get_str(r, row, 3);
    a->n_scopes = split_scopes(ctx, pg_get_str(r, row, 4), &words);
    a->scopes = words;
    a->created_ms = pg_get_time(r, row, 5);
    a->seen_ms = pg_get_time(r, row, 6);
    a->expires_ms = pg_get_time(r, row, 7);
    a->ip = pg_get_str(r, row, 8);
    a->device = pg_get_str(r, row, 9);
    return a;
}

enum code user_store_access(struct ctx *ctx, int64_t user_id, Pb__Access ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_ACCESS, &r, pg_i8(user_id));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__Access *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = access_row(ctx, r, (int)i);
    return OK;
}

enum code user_store_sweep_apps(struct ctx *ctx) { return pg_run(ctx, db(ctx), &Q_USER_SWEEP_APPS, NULL); }

/* ---- the read models */

static enum code forget_keys(struct ctx *ctx, const char **argv, size_t n) {
    redis_add_argv(ctx->env->redis, (int)n, argv, NULL);
    return redis_next(ctx, ctx->env->redis) == NULL ? ctx->error.code : OK;
}

/* The key, and the lease of whoever is filling it this moment. */
static void both_keys(struct ctx *ctx, const unsigned char *hash, const char *ret[2]) {
    ret[0] = token_key(ctx, hash);
    ret[1] = arena_printf(ctx->arena, "%s:lease", ret[0]);
}

enum code user_store_tokens_forget(struct ctx *ctx, int64_t user_id) {
    PGresult *r;
    const char **argv;
    size_t n, len;
    enum code c = pg_run(ctx, db(ctx), &Q_USER_TOKEN_HASHES, &r, pg_i8(user_id));

    if (c != OK || (n = (size_t)PQntuples(r)) == 0)
        return c;
    argv = arena_many(ctx->arena, const char *, 2 * n + 1);
    argv[0] = "DEL";
    for (size_t i = 0; i < n; i++)
        both_keys(ctx, pg_get_bytes(r, (int)i, 0, &len), argv + 1 + 2 * i);
    return forget_keys(ctx, argv, 2 * n + 1);
}

enum code user_store_token_forget(struct ctx *ctx, const unsigned char hash[32]) {
    const char *argv[3] = {"DEL"};

    both_keys(ctx, hash, argv + 1);
    return forget_keys(ctx, argv, 3);
}
