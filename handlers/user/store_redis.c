#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "handlers/user/store.h"

/* Keys: session:<hex> (Pb.Session), user:sessions:<uid> (hash: session id → its key; kept without an end,
 * cleaned when it is read), throttle:… (hash: n tries, open: Unix seconds when the next one may be made). */

#define CARD_TTL_S "604800"

static const char *index_key(struct ctx *ctx, int64_t user_id) {
    return arena_printf(ctx->arena, "user:sessions:%" PRId64, user_id);
}

static const char *number(struct ctx *ctx, int64_t v) { return arena_printf(ctx->arena, "%" PRId64, v); }

static int64_t session_ttl_s(const struct ctx *ctx) {
    return (int64_t)ctx->env->config->session_days * 86400;
}

static struct body packed(struct ctx *ctx, const ProtobufCMessage *m) {
    struct body b;

    rpc_pack(ctx, m, &b.p, &b.n);
    return b;
}

/* Fetches replies whose only interest is that they are no failure. */
static enum code fetch(struct ctx *ctx, int n) {
    enum code c = OK;

    for (int i = 0; i < n; i++) {
        redisReply *r = redis_next(ctx, ctx->env->redis);

        if (r == NULL)
            c = UNAVAILABLE;
        else if (r->type == REDIS_REPLY_ERROR && c == OK)
            c = fail_detail(ctx, INTERNAL, "Something went wrong on our side. Try again.", "redis: %s",
                            r->str);
    }
    return c;
}

/* ---- cards */

/* KEYS: card, version. ARGV: card, version, seconds. As card_publish(), but only where there is none. */
static struct redis_script fill = {
    .src = "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end\n"
           "local v = tonumber(redis.call('GET', KEYS[2]) or '-1')\n"
           "if v > tonumber(ARGV[2]) then return 0 end\n"
           "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])\n"
           "redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])\n"
           "return 1",
};

void user_store_cards_fill(struct ctx *ctx, Pb__UserCard *const *cards, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct body b = packed(ctx, &cards[i]->base);
        const char **argv = arena_many(ctx->arena, const char *, 5);
        size_t *lens = arena_many(ctx->arena, size_t, 5);

        argv[0] = arena_printf(ctx->arena, "user:card:%" PRId64, cards[i]->id);
        argv[1] = arena_printf(ctx->arena, "user:card:%" PRId64 ":v", cards[i]->id);
        argv[2] = (const char *)b.p;
        argv[3] = number(ctx, cards[i]->version);
        argv[4] = CARD_TTL_S;
        for (size_t k = 0; k < 5; k++)
            lens[k] = k == 2 ? b.n : strlen(argv[k]);
        redis_add_script(ctx, ctx->env->redis, &fill, 2, 5, argv, lens);
    }
    for (size_t i = 0; i < n; i++)
        if (redis_next_script(ctx, ctx->env->redis) == NULL)
            fail_clear(ctx); /* the next one who misses them tries again */
}

/* ---- sessions */

static Pb__Session *session_of(struct ctx *ctx, const redisReply *r) {
    if (r == NULL || r->type != REDIS_REPLY_STRING)
        return NULL;
    return (Pb__Session *)rpc_unpack(ctx, &pb__session__descriptor, r->str, r->len);
}

enum code user_store_session(struct ctx *ctx, const char *key, int64_t user_id, Pb__Session **ret_session,
                             struct body *ret_raw, Pb__UserCard **ret_card) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "MGET %s user:card:%lld", key, (long long)user_id);

    *ret_session = NULL;
    *ret_card = NULL;
    if (r == NULL)
        return ctx->error.code;
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2)
        return OK;
    *ret_session = session_of(ctx, r->element[0]);
    if (*ret_session != NULL)
        *ret_raw = (struct body){(const unsigned char *)r->element[0]->str, r->element[0]->len};
    if (r->element[1]->type == REDIS_REPLY_STRING)
        *ret_card = (Pb__UserCard *)rpc_unpack(ctx, &pb__user_card__descriptor, r->element[1]->str,
                                               r->element[1]->len);
    return OK;
}

enum code user_store_session_put(struct ctx *ctx, const char *key, const Pb__Session *s) {
    struct body b = packed(ctx, &s->base);

    redis_add(ctx->env->redis, "HSET %s %s %s", index_key(ctx, s->user_id), number(ctx, s->id), key);
    redis_add(ctx->env->redis, "SET %s %b EX %lld", key, b.p, b.n, (long long)session_ttl_s(ctx));
    return fetch(ctx, 2);
}

static struct redis_script touch = {
    .src = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
           "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])\n"
           "return 1",
};

enum code user_store_session_touch(struct ctx *ctx, const char *key, struct body raw, const Pb__Session *s) {
    struct body b = packed(ctx, &s->base);
    const char *argv[] = {key, (const char *)raw.p, (const char *)b.p, number(ctx, session_ttl_s(ctx))};
    size_t lens[] = {strlen(key), raw.n, b.n, strlen(argv[3])};

    redis_add_script(ctx, ctx->env->redis, &touch, 1, 4, argv, lens);
    return redis_next_script(ctx, ctx->env->redis) == NULL ? ctx->error.code : OK;
}

static int seen_last_first(const void *a, const void *b) {
    int64_t x = ((const struct stored_session *)a)->session->seen_ms,
            y = ((const struct stored_session *)b)->session->seen_ms;

    return (x < y) - (x > y);
}

/* Takes ids out of a member's index; best effort, they are harmless there. */
static void forget(struct ctx *ctx, int64_t user_id, const char *const *ids, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, n + 2);

    if (n == 0)
        return;
    argv[0] = "HDEL";
    argv[1] = index_key(ctx, user_id);
    for (size_t i = 0; i < n; i++)
        argv[i + 2] = ids[i];
    redis_add_argv(ctx->env->redis, (int)n + 2, argv, NULL);
    if (fetch(ctx, 1) != OK)
        fail_clear(ctx);
}

/* The records behind an index: HGETALL's names and values. */
static enum code read_sessions(struct ctx *ctx, int64_t user_id, const redisReply *index,
                               struct stored_session *to, size_t *ret_n) {
    size_t n = index->elements / 2, n_gone = 0;
    const char **argv = arena_many(ctx->arena, const char *, n + 1),
               **gone = arena_many(ctx->arena, const char *, n);
    const redisReply *r;

    argv[0] = "MGET";
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = index->element[2 * i + 1]->str;
    redis_add_argv(ctx->env->redis, (int)n + 1, argv, NULL);
    if ((r = redis_next(ctx, ctx->env->redis)) == NULL)
        return ctx->error.code;
    *ret_n = 0;
    for (size_t i = 0; r->type == REDIS_REPLY_ARRAY && i < n; i++) {
        Pb__Session *s = session_of(ctx, r->element[i]);

        if (s == NULL)
            gone[n_gone++] = index->element[2 * i]->str;
        else
            to[(*ret_n)++] = (struct stored_session){
                argv[i + 1], {(const unsigned char *)r->element[i]->str, r->element[i]->len}, s};
    }
    forget(ctx, user_id, gone, n_gone);
    return OK;
}

enum code user_store_sessions(struct ctx *ctx, int64_t user_id, struct stored_session **ret, size_t *ret_n) {
    const redisReply *index = redis_do(ctx, ctx->env->redis, "HGETALL %s", index_key(ctx, user_id));
    enum code c;

    *ret_n = 0;
    if (index == NULL)
        return ctx->error.code;
    *ret = arena_many(ctx->arena, struct stored_session, index->elements / 2 + 1);
    if (index->elements < 2)
        return OK;
    if ((c = read_sessions(ctx, user_id, index, *ret, ret_n)) != OK)
        return c;
    qsort(*ret, *ret_n, sizeof **ret, seen_last_first);
    return OK;
}

enum code user_store_sessions_end(struct ctx *ctx, int64_t user_id, const struct stored_session *sessions,
                                  size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, n + 1),
               **ids = arena_many(ctx->arena, const char *, n);
    enum code c;

    if (n == 0)
        return OK;
    argv[0] = "DEL";
    for (size_t i = 0; i < n; i++) {
        argv[i + 1] = sessions[i].key;
        ids[i] = number(ctx, sessions[i].session->id);
    }
    redis_add_argv(ctx->env->redis, (int)n + 1, argv, NULL);
    if ((c = fetch(ctx, 1)) == OK)
        forget(ctx, user_id, ids, n);
    return c;
}

/* ---- throttles */

/* ARGV, four a key: free tries, first wait, longest wait, seconds until forgotten. */
static struct redis_script take = {
    .src =
        "local now = tonumber(redis.call('TIME')[1])\n"
        "local wait = 0\n"
        "for i, key in ipairs(KEYS) do\n"
        "  wait = math.max(wait, tonumber(redis.call('HGET', key, 'open') or '0') - now)\n"
        "end\n"
        "if wait > 0 then return wait end\n"
        "for i, key in ipairs(KEYS) do\n"
        "  local a = 4 * (i - 1)\n"
        "  local over = redis.call('HINCRBY', key, 'n', 1) - tonumber(ARGV[a + 1])\n"
        "  if over >= 0 then\n"
        "    local delay = math.min(tonumber(ARGV[a + 2]) * 2 ^ math.min(over, 30), tonumber(ARGV[a + 3]))\n"
        "    redis.call('HSET', key, 'open', string.format('%d', now + delay))\n"
        "  end\n"
        "  redis.call('EXPIRE', key, ARGV[a + 4])\n"
        "end\n"
        "return 0",
};

enum code user_store_throttle(struct ctx *ctx, const struct throttle *t, size_t n, int64_t *ret_wait) {
    const char **argv = arena_many(ctx->arena, const char *, 5 * n);
    const redisReply *r;

    for (size_t i = 0; i < n; i++) {
        const int limits[] = {t[i].free, t[i].base_s, t[i].max_s, t[i].forget_s};

        argv[i] = t[i].key;
        for (size_t k = 0; k < 4; k++)
            argv[n + 4 * i + k] = number(ctx, limits[k]);
    }
    redis_add_script(ctx, ctx->env->redis, &take, (int)n, (int)(5 * n), argv, NULL);
    if ((r = redis_next_script(ctx, ctx->env->redis)) == NULL)
        return ctx->error.code;
    *ret_wait = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
    return OK;
}

void user_store_throttle_good(struct ctx *ctx, const struct throttle *t, size_t n) {
    redis_add(ctx->env->redis, "DEL %s", t[0].key);
    for (size_t i = 1; i < n; i++) {
        redis_add(ctx->env->redis, "HINCRBY %s n -1", t[i].key);
        redis_add(ctx->env->redis, "HDEL %s open", t[i].key);
        redis_add(ctx->env->redis, "EXPIRE %s %d", t[i].key, t[i].forget_s);
    }
    if (fetch(ctx, (int)(3 * n - 2)) != OK)
        fail_clear(ctx);
}

enum code user_store_mail_allowed(struct ctx *ctx, const char *kind, const char *email, int64_t id, int max,
                                  bool *ret) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    const char *folded = text_fold(ctx->arena, email), *key;
    const redisReply *r;
    enum code c;

    crypto_digest(hash, folded, strlen(folded));
    key = arena_printf(ctx->arena, "mails:%s:%s", kind, text_hex(ctx->arena, hash, 16));
    redis_add(ctx->env->redis, "SADD %s %lld", key, (long long)id);
    redis_add(ctx->env->redis, "EXPIRE %s 3600 NX", key);
    if ((c = fetch(ctx, 2)) != OK)
        return c;
    if ((r = redis_do(ctx, ctx->env->redis, "SCARD %s", key)) == NULL)
        return ctx->error.code;
    *ret = r->integer <= max;
    return OK;
}
