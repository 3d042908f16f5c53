#include "handlers/common/once.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"

#define KEY_MAX 255
#define ANSWER_MAX ((size_t)256 * 1024)
#define FLIGHT_S "60" /* longer than any request may take */
#define PRINT_CHARS 64

/* Kept under once:<hex>: the fingerprint of what was sent, and behind it, once there is one, "<status>
 * <type>\n<body>". */

static bool applies(const struct request *req) {
    return req->route->face == FACE_JSON && req->method == METHOD_POST && !req->res.done &&
           (req->ctx.viewer_id != 0 || req->ctx.token_id != 0) && !text_starts(req->path, "/oauth/");
}

static const char *digest(struct request *req, const char *text, size_t n) {
    unsigned char hash[CRYPTO_HASH_BYTES];

    crypto_digest(hash, text, n);
    return text_hex(req->ctx.arena, hash, sizeof hash);
}

static const char *key_of(struct request *req, const char *sent) {
    const char *who = arena_printf(req->ctx.arena, "%" PRId64 "\n%" PRId64 "\n%s\n%s", req->ctx.viewer_id,
                                   req->ctx.token_id, req->path, sent);

    return arena_printf(req->ctx.arena, "once:%s", digest(req, who, strlen(who)));
}

static const char *print_of(struct request *req) {
    struct buf all;

    buf_init(&all, req->ctx.arena, (size_t)64 << 20);
    buf_puts(&all, req->query_string);
    buf_putc(&all, '\n');
    buf_puts(&all, req->content_type);
    buf_putc(&all, '\n');
    if (req->upload.path != NULL)
        buf_puts(&all, digest(req, req->upload.map, req->upload.n));
    else if (req->body_n > 0)
        buf_add(&all, req->body, req->body_n);
    return digest(req, buf_str(&all), all.n);
}

/* KEYS: the key. ARGV: fingerprint, seconds. What stands there, or nothing after taking it. */
static struct redis_script take = {
    .src = "local v = redis.call('GET', KEYS[1])\n"
           "if v then return v end\n"
           "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])\n"
           "return false",
};

/* The answer that was given before. */
static enum code again(struct request *req, const char *kept, size_t n) {
    const char *line = memchr(kept, '\n', n), *type = memchr(kept, ' ', n);

    if (line == NULL || type == NULL || type > line)
        return fail_detail(&req->ctx, INTERNAL, tr_mark("Something went wrong on our side."),
                           "a kept answer can't be read");
    buf_add(respond(req, (int)strtol(kept, NULL, 10),
                    arena_strndup(req->ctx.arena, type + 1, (size_t)(line - type - 1))),
            line + 1, n - (size_t)(line + 1 - kept));
    respond_header(req, "Idempotency-Replayed", "true");
    return OK;
}

static enum code judge(struct request *req, const char *print, const redisReply *r) {
    if (r->len < PRINT_CHARS || memcmp(r->str, print, PRINT_CHARS) != 0)
        return fail(&req->ctx, INVALID,
                    tr_mark("This Idempotency-Key came with something else before. Use a new one."));
    if (r->len == PRINT_CHARS) {
        return fail_retry(&req->ctx, ABORTED, 1,
                          tr_mark("The same request is under way. Wait for its answer."));
    }
    return again(req, r->str + PRINT_CHARS, r->len - PRINT_CHARS);
}

enum code once_begin(struct request *req) {
    const char *sent = request_header(req, "Idempotency-Key"), *argv[3];
    const redisReply *r;

    if (sent == NULL || *sent == '\0' || !applies(req))
        return OK;
    if (strlen(sent) > KEY_MAX)
        return fail(&req->ctx, INVALID, tr_mark("An Idempotency-Key has at most 255 characters."));
    argv[0] = key_of(req, sent);
    argv[1] = print_of(req);
    argv[2] = FLIGHT_S;
    redis_settle(req->ctx.env->redis); /* what was fetched ahead is asked anew by who needs it */
    if (req->route->prefetch != NULL)
        req->route->prefetch(req, 0);
    redis_add_script(&req->ctx, req->ctx.env->redis, &take, 1, 3, argv, NULL);
    if ((r = redis_next_script(&req->ctx, req->ctx.env->redis)) == NULL) {
        fail_clear(&req->ctx);
        return OK;
    }
    if (r->type == REDIS_REPLY_STRING)
        return judge(req, argv[1], r);
    req->once.key = argv[0];
    req->once.fingerprint = argv[1];
    return OK;
}

/* Answers that the same request would get again anyhow. */
static bool worth_keeping(const struct request *req) {
    int s = req->res.status;

    return s < 500 && s != 401 && s != 403 && s != 409 && s != 429 && req->res.body.n <= ANSWER_MAX;
}

void once_finish(struct request *req) {
    struct redis *redis = req->ctx.env->redis;
    bool hour = strcmp(req->path, "/api/v1/statuses") == 0;
    struct buf kept;

    if (req->once.key == NULL)
        return;
    if (worth_keeping(req)) {
        buf_init(&kept, req->ctx.arena, ANSWER_MAX + 1024);
        buf_printf(&kept, "%s%d %s\n", req->once.fingerprint, req->res.status, req->res.type);
        if (req->res.body.n > 0)
            buf_add(&kept, req->res.body.p, req->res.body.n);
        redis_add(redis, "SET %s %b EX %d", req->once.key, kept.p, kept.n, hour ? 3600 : 86400);
    } else {
        redis_add(redis, "DEL %s", req->once.key);
    }
    if (redis_next(&req->ctx, redis) == NULL)
        fail_clear(&req->ctx);
}
