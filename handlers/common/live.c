#include "handlers/common/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/crypto.h"
#include "fcgi/config.h"
#include "fcgi/drivers/redis.h"
#include "fcgi/log.h"
#include "fcgi/stream_wire.h"

#define EVENT_MAX ((size_t)256 * 1024)
#define MEMBERS_AT_ONCE 500
#define BODY_MIN 200 /* a shorter payload is not worth a look-up of its own */
#define TEXT_OF(n) TEXT_OF_(n)
#define TEXT_OF_(n) #n

/* KEYS: members' streams; ARGV: the event, what stands before a channel's name. Who has no stream is passed
 * over. */
static const char tell_script[] =
    "for i, key in ipairs(KEYS) do\n"
    "  local id = redis.call('XADD', key, 'NOMKSTREAM', 'MAXLEN', '~', " TEXT_OF(
        STREAM_KEEP_MAX) ", '*', 'm', ARGV[1])\n"
                         "  if id then redis.call('PUBLISH', ARGV[2] .. key, id .. ' ' .. ARGV[1]) end\n"
                         "end\n"
                         "return 1";

/* The event as text ending in NUL: commands are taken as such. NULL: it is larger than any may be. */
static const char *written(struct ctx *ctx, const struct live *live, const char *ref) {
    struct stream_event e = {.key = live->key,
                             .authors = {live->authors[0], live->authors[1]},
                             .payload = live->payload,
                             .n = ref[0] == '\0' ? live->n : 0};
    struct buf out;

    snprintf(e.name, sizeof e.name, "%s", live->event);
    snprintf(e.ref, sizeof e.ref, "%s", ref);
    buf_init(&out, ctx->arena, EVENT_MAX);
    stream_event_write(&out, &e);
    if (buf_overflowed(&out)) {
        log_warn(ctx, "an event is too large for streams", "event=%s bytes=%zu", live->event, live->n);
        return NULL;
    }
    return out.p;
}

/* Keeps the payload for all, and returns where. */
static const char *keep_body(struct ctx *ctx, const struct live *live) {
    const char *ref = crypto_token(ctx->arena, 12);
    const char *set[] = {"SET", arena_printf(ctx->arena, STREAM_BODY_KEY "%s", ref),
                         arena_strndup(ctx->arena, live->payload, live->n), "EX", TEXT_OF(STREAM_KEEP_S)};

    redis_want(ctx, ctx->env->redis, 5, set);
    return ref;
}

static const char *site_of(struct ctx *ctx) {
    char *site = arena_alloc(ctx->arena, STREAM_SITE_MAX);

    stream_site(config_secret(ctx->env->config), site);
    return site;
}

static void tell_some(struct ctx *ctx, const int64_t *members, size_t n, const char *event) {
    const char **argv = arena_many(ctx->arena, const char *, n + 5);

    argv[0] = "EVAL";
    argv[1] = tell_script;
    argv[2] = arena_printf(ctx->arena, "%zu", n);
    for (size_t i = 0; i < n; i++)
        argv[3 + i] = arena_printf(ctx->arena, STREAM_MEMBER_KEY "%" PRId64, members[i]);
    argv[3 + n] = event;
    argv[4 + n] = site_of(ctx);
    redis_want(ctx, ctx->env->redis, (int)n + 5, argv); /* nobody wants the reply: it is dropped */
}

void live_tell(struct ctx *ctx, const int64_t *members, size_t n, const struct live *live) {
    const char *event;

    if (n == 0)
        return;
    event = written(ctx, live, n > 1 && live->n > BODY_MIN ? keep_body(ctx, live) : "");
    for (size_t i = 0; event != NULL && i < n; i += MEMBERS_AT_ONCE)
        tell_some(ctx, members + i, n - i < MEMBERS_AT_ONCE ? n - i : MEMBERS_AT_ONCE, event);
}

static const char *channel_key(struct ctx *ctx, const char *channel) {
    return arena_printf(ctx->arena, "%s" STREAM_CHANNEL_KEY "%s", site_of(ctx), channel);
}

void live_tell_channel(struct ctx *ctx, const char *channel, const struct live *live) {
    const char *argv[] = {"PUBLISH", channel_key(ctx, channel), written(ctx, live, "")};

    if (argv[2] != NULL)
        redis_want(ctx, ctx->env->redis, 3, argv);
}

void live_push(struct ctx *ctx, const int64_t *members, size_t n, const char *event, const char *payload,
               size_t n_payload) {
    live_tell(ctx, members, n, &(struct live){.event = event, .payload = payload, .n = n_payload});
}

void live_publish(struct ctx *ctx, const char *channel, const char *event, const char *payload,
                  size_t n_payload) {
    live_tell_channel(ctx, channel, &(struct live){.event = event, .payload = payload, .n = n_payload});
}

void live_counts_write(struct buf *out, int64_t post_id, int64_t version, int64_t likes, int64_t reposts,
                       int64_t comments) {
    buf_printf(out,
               "{\"id\":\"%" PRId64 "\",\"version\":%" PRId64 ",\"likes\":%" PRId64 ",\"reposts\":%" PRId64
               ",\"comments\":%" PRId64 "}",
               post_id, version, likes, reposts, comments);
}

void live_counts(struct ctx *ctx, int64_t post_id, int64_t version, int64_t likes, int64_t reposts,
                 int64_t comments) {
    struct buf out;

    buf_init(&out, ctx->arena, 1024);
    live_counts_write(&out, post_id, version, likes, reposts, comments);
    live_tell_channel(ctx, arena_printf(ctx->arena, "post:%" PRId64, post_id),
                      &(struct live){.event = "counts", .key = version, .payload = out.p, .n = out.n});
}

const char *live_list(struct ctx *ctx, int64_t owner, int64_t list) {
    return arena_printf(ctx->arena, LIVE_LIST "%" PRId64 ":%" PRId64, owner, list);
}

/* The reply has each channel and, behind it, how many listen. */
static void heard_some(struct ctx *ctx, const char *const *channels, size_t n, bool *ret) {
    const char **argv = arena_many(ctx->arena, const char *, n + 2);
    const redisReply *r;

    argv[0] = "PUBSUB";
    argv[1] = "NUMSUB";
    for (size_t i = 0; i < n; i++)
        argv[2 + i] = channel_key(ctx, channels[i]);
    redis_add_argv(ctx->env->redis, (int)n + 2, argv, NULL);
    if ((r = redis_next(ctx, ctx->env->redis)) == NULL)
        fail_clear(ctx);
    for (size_t i = 0; i < n; i++)
        ret[i] = r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements == 2 * n &&
                 r->element[2 * i + 1]->integer > 0;
}

void live_heard(struct ctx *ctx, const char *const *channels, size_t n, bool *ret) {
    for (size_t i = 0; i < n; i += MEMBERS_AT_ONCE)
        heard_some(ctx, channels + i, n - i < MEMBERS_AT_ONCE ? n - i : MEMBERS_AT_ONCE, ret + i);
}

bool live_anybody(struct ctx *ctx) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "EXISTS " STREAM_OPEN_KEY);

    if (r == NULL)
        fail_clear(ctx);
    return r != NULL && r->integer > 0;
}
