#include "handlers/common/kept.h"

#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"

#define BUILD_S "30"    /* a builder that takes longer has died */
#define KEEP_S "604800" /* 7 days */
#define WORDS_MAX ((size_t)256 << 10)

/* KEYS: the string. ARGV: the builder's token, what it read. A token begins with 'b', a string does not. */
static struct redis_script put = {
    .src = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
           "redis.call('SET', KEYS[1], ARGV[2], 'EX', " KEEP_S ")\n"
           "return 1",
};

static bool answered(struct ctx *ctx, const redisReply *r) {
    if (r == NULL)
        fail_clear(ctx);
    else if (r->type == REDIS_REPLY_ERROR)
        log_error(ctx, "redis refuses", "error=%s", r->str);
    return r != NULL && r->type != REDIS_REPLY_ERROR;
}

static const char *begin(struct ctx *ctx, const char *key) {
    const char *token = arena_printf(ctx->arena, "b%lld", (long long)id_next());
    const redisReply *r;

    redis_add(ctx->env->redis, "SET %s %s NX EX " BUILD_S, key, token);
    r = redis_next(ctx, ctx->env->redis);
    return answered(ctx, r) && r->type == REDIS_REPLY_STATUS ? token : NULL;
}

/* NULL: Redis is down. */
static const redisReply *look(struct ctx *ctx, const char *key) {
    const char *argv[] = {"GET", key};
    const redisReply *r = redis_got(ctx, ctx->env->redis, redis_want(ctx, ctx->env->redis, 2, argv));

    return answered(ctx, r) ? r : NULL;
}

static bool is_whole(const redisReply *r) {
    return r != NULL && r->type == REDIS_REPLY_STRING && r->str[0] != 'b';
}

const char *kept_look(struct ctx *ctx, const char *key) {
    const redisReply *r = look(ctx, key);

    return is_whole(r) ? r->str : NULL;
}

const char *kept_get(struct ctx *ctx, const char *key, const char **ret_token) {
    const redisReply *r = look(ctx, key);

    *ret_token = NULL;
    if (r != NULL && r->type == REDIS_REPLY_NIL)
        *ret_token = begin(ctx, key);
    return is_whole(r) ? r->str : NULL;
}

void kept_put(struct ctx *ctx, const char *key, const char *token, const char *text) {
    const char *argv[] = {key, token, text};

    redis_add_script(ctx, ctx->env->redis, &put, 1, 3, argv, NULL);
    answered(ctx, redis_next_script(ctx, ctx->env->redis));
}

size_t kept_words(struct ctx *ctx, const char *text, const char ***ret) {
    size_t n = 0, room = strlen(text) / 2 + 1;

    *ret = arena_many(ctx->arena, const char *, room);
    if (strcmp(text, "-") == 0)
        return 0;
    while (*text != '\0') {
        size_t size = strcspn(text, " ");

        (*ret)[n++] = arena_strndup(ctx->arena, text, size);
        text += size + (text[size] == ' ');
    }
    return n;
}

void kept_put_words(struct ctx *ctx, const char *key, const char *token, const char *const *words, size_t n) {
    struct buf b;

    buf_init(&b, ctx->arena, WORDS_MAX);
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, i > 0 ? " %s" : "%s", words[i]);
    if (!buf_overflowed(&b))
        kept_put(ctx, key, token, n > 0 ? buf_str(&b) : "-");
}

void kept_ahead(struct ctx *ctx, const char *key) {
    const char *argv[] = {"GET", key};

    redis_ahead(ctx, ctx->env->redis, 2, argv);
}
