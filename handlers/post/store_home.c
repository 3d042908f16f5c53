/* Home timelines in Redis: candidates, newest first, that the rules judge when they are read. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/log.h"
#include "handlers/post/store_read.h"

#define BUILD_S "30"      /* a builder that takes longer has died */
#define PUSH_KEYS 500     /* members in one push */
#define HOME_SLACK "900"  /* trimmed to HOME_MAX when it has grown past this */
#define HOME_KEEP "-801"  /* the rank below which members go: HOME_MAX stay */

/* What every script begins with: kind and lowest row of a home key. Of a mark "!e…" kind is "e"; no key: nil. */
#define LUA_STATE                                           \
    "local function state(key)\n"                           \
    "  local low = redis.call('ZRANGE', key, 0, 1)\n"       \
    "  if not low[1] then return nil end\n"                 \
    "  return string.sub(low[1], 2, 2), low[1], low[2]\n"   \
    "end\n"

/* KEYS: post:home, conn:rel, post:mine. ARGV: upper bound, limit, reader, marks of the two hashes that the worker knows → "<kind> <floor or
 * 0> <mark> <token of conn:rel or ->", then what look() says; "m" without a key. */
static struct redis_script read_home = {
    .src = POST_LUA_LOOK LUA_STATE
           "local kind, mark, low = state(KEYS[1])\n"
           "if not kind then return 'm' end\n"
           "local floor = '0'\n"
           "if kind == 'f' and low then floor = string.sub(low, 1, 19) end\n"
           "local out = {table.concat({kind, floor, mark, redis.call('HGET', KEYS[2], '_') or '-'}, ' ')}\n"
           "if kind ~= 'b' then\n"
           "  look(out, redis.call('ZREVRANGEBYLEX', KEYS[1], ARGV[1], '(#', 'LIMIT', 0, ARGV[2]), ARGV[3], KEYS[2], KEYS[3],\n"
           "       ARGV[4], ARGV[5])\n"
           "end\n"
           "return table.concat(out, '\\n')",
};

/* KEYS: post:home, conn:rel. ARGV: mark of the build → token of conn:rel ("" when there is none), or nil when somebody else builds. */
static struct redis_script begin_home = {
    .src = LUA_STATE "if state(KEYS[1]) == 'b' then return false end\n"
                     "redis.call('DEL', KEYS[1])\n"
                     "redis.call('ZADD', KEYS[1], 0, ARGV[1])\n"
                     "redis.call('EXPIRE', KEYS[1], " BUILD_S ")\n"
                     "return redis.call('HGET', KEYS[2], '_') or ''",
};

/* KEYS: post:home. ARGV: mark of the build, mark from now on, lowest row ("" when it reaches the end), rows… What was pushed meanwhile
 * stays, but for what is below the lowest row: there rows may be missing. */
static struct redis_script finish_home = {
    .src = "if redis.call('ZRANGE', KEYS[1], 0, 0)[1] ~= ARGV[1] then return 0 end\n"
           "redis.call('ZREM', KEYS[1], ARGV[1])\n"
           "local add = {'ZADD', KEYS[1], 0, ARGV[2]}\n"
           "for i = 4, #ARGV do add[#add + 1] = 0 add[#add + 1] = ARGV[i] end\n"
           "redis.call(unpack(add))\n"
           "if ARGV[3] ~= '' then redis.call('ZREMRANGEBYLEX', KEYS[1], '(#', '(' .. ARGV[3]) end\n"
           "redis.call('EXPIRE', KEYS[1], " POST_TTL_S ")\n"
           "return 1",
};

/* KEYS: post:home. ARGV: mark as it was, mark from now on. */
static struct redis_script confirm_home = {
    .src = "if ARGV[1] == ARGV[2] or not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end\n"
           "redis.call('ZADD', KEYS[1], 0, ARGV[2])\n"
           "redis.call('ZREM', KEYS[1], ARGV[1])\n"
           "return 1",
};

/* KEYS: home timelines. ARGV: 1 to trim them (every few pushes will do), a row. Those without a key are left alone; a row below what a
 * timeline reaches down to is not for it. */
static struct redis_script push_home = {
    .src = LUA_STATE
           "local call, row, trim = redis.call, ARGV[2], ARGV[1] == '1'\n"
           "for i = 1, #KEYS do\n"
           "  local kind, mark, low = state(KEYS[i])\n"
           "  if kind then\n"
           "    if kind ~= 'f' or (low and row > low) then call('ZADD', KEYS[i], 0, row) end\n"
           "    if trim and kind ~= 'b' and call('ZCARD', KEYS[i]) > " HOME_SLACK " then\n"
           "      call('ZREMRANGEBYRANK', KEYS[i], 0, " HOME_KEEP ")\n"
           "      call('ZADD', KEYS[i], 0, '!f' .. string.sub(mark, 3))\n"
           "    end\n"
           "  end\n"
           "end\n"
           "return 1",
};

/* ---- Reading */

/* The look-up that a route has queued behind the session's. One request at a time runs in a worker. */
static struct {
    const struct ctx *ctx;  /* NULL: none */
    char request[64];       /* whose: contexts are used again */
    int64_t viewer, max_id;
    unsigned limit;
} pending;

static bool is_pending(const struct ctx *ctx) {
    return pending.ctx == ctx && strncmp(pending.request, ctx->request_id, sizeof pending.request - 1) == 0;
}

static const char *key_of(struct ctx *ctx, const char *name, int64_t id) {
    return arena_printf(ctx->arena, "%s:%" PRId64, name, id);
}

static void queue_read(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit) {
    const char **argv = arena_many(ctx->arena, const char *, 8);

    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = key_of(ctx, "conn:rel", viewer);
    argv[2] = key_of(ctx, "post:mine", viewer);
    argv[3] = max_id > 0 ? arena_printf(ctx->arena, "(%019" PRId64, max_id) : "+";
    argv[4] = arena_printf(ctx->arena, "%u", limit);
    argv[5] = id_str(ctx->arena, viewer);
    argv[6] = post_known_rel(ctx, viewer);
    argv[7] = post_known_mine(ctx, viewer);
    redis_add_script(ctx, ctx->env->redis, &read_home, 3, 8, argv, NULL);
}

void post_store_home_prefetch(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit) {
    if (viewer == 0) {
        if (is_pending(ctx) && redis_next_script(ctx, ctx->env->redis) == NULL)
            fail_clear(ctx);
        pending.ctx = NULL;
        return;
    }
    queue_read(ctx, viewer, max_id, limit);
    pending.ctx = ctx;
    pending.viewer = viewer;
    pending.max_id = max_id;
    pending.limit = limit;
    strncpy(pending.request, ctx->request_id, sizeof pending.request - 1);
}

/* The answer that is on its way already, when it is for this question. */
static redisReply *take_pending(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit) {
    bool same = pending.viewer == viewer && pending.max_id == max_id && pending.limit == limit;
    redisReply *r;

    if (!is_pending(ctx))
        return NULL;
    pending.ctx = NULL;
    r = redis_next_script(ctx, ctx->env->redis);
    if (r == NULL)
        fail_clear(ctx);
    return same ? r : NULL;
}

/* "<kind> <floor> <mark> <rel>", and the token and fingerprint within the mark: "!e<token>:<fingerprint>". */
static const char *read_head(struct ctx *ctx, const char *at, struct home_page *page) {
    const char *end = strchrnul(at, '\n'), *floor = at + 2, *mark = strchr(floor, ' ') + 1;
    const char *rel = memrchr(at, ' ', (size_t)(end - at)), *colon;
    size_t token_n;

    page->complete = at[0] == 'e';
    page->floor = strtoll(floor, NULL, 10);
    page->mark = arena_strndup(ctx->arena, mark, (size_t)(rel - mark));
    page->rel = arena_strndup(ctx->arena, rel + 1, (size_t)(end - rel - 1));
    colon = strrchr(page->mark, ':');
    if (colon != NULL) {
        token_n = (size_t)(colon - page->mark) - 2;
        page->fingerprint = strtoull(colon + 1, NULL, 16);
        page->checked = token_n > 0 && strlen(page->rel) == token_n && memcmp(page->mark + 2, page->rel, token_n) == 0;
    }
    return *end == '\n' ? end + 1 : end;
}

enum code post_store_home(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit, struct home_page *ret) {
    redisReply *r = take_pending(ctx, viewer, max_id, limit);
    const char *rows;

    *ret = (struct home_page){.state = HOME_MISSING};
    if (r == NULL) {
        queue_read(ctx, viewer, max_id, limit);
        r = redis_next_script(ctx, ctx->env->redis);
    }
    if (!post_answered(ctx, r) || r->type != REDIS_REPLY_STRING) {
        log_warn(ctx, "home timeline read without redis", "why=%s",
                 r != NULL && r->type == REDIS_REPLY_ERROR ? r->str : "unavailable");
        ret->state = HOME_BUILDING;
        return OK;
    }
    if (r->str[0] == 'm')
        return OK;
    rows = read_head(ctx, r->str, ret);
    ret->state = r->str[0] == 'b' ? HOME_BUILDING : HOME_READY;
    return post_read_look(ctx, viewer, rows, &ret->reads, &ret->n);
}

/* ---- Building */

/* A script that answers nothing of interest. */
static void run(struct ctx *ctx, struct redis_script *script, int argc, const char **argv) {
    redis_add_script(ctx, ctx->env->redis, script, 1, argc, argv, NULL);
    if (redis_next_script(ctx, ctx->env->redis) == NULL)
        fail_clear(ctx);
}

static const char *mark_of(struct ctx *ctx, bool complete, const char *rel, uint64_t fingerprint) {
    return arena_printf(ctx->arena, "!%c%s:%016" PRIx64, complete ? 'e' : 'f', rel, fingerprint);
}

void post_store_home_confirm(struct ctx *ctx, int64_t viewer, const struct home_page *page) {
    const char *argv[3];

    if (strcmp(page->rel, "-") == 0)
        return; /* relations are being read anew: next time */
    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = page->mark;
    argv[2] = mark_of(ctx, page->complete, page->rel, page->fingerprint);
    run(ctx, &confirm_home, 3, argv);
}

bool post_store_home_begin(struct ctx *ctx, int64_t viewer, const char **ret_mark, const char **ret_rel) {
    const char *argv[3];
    const redisReply *r;

    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = key_of(ctx, "conn:rel", viewer);
    argv[2] = *ret_mark = arena_printf(ctx->arena, "!b%" PRId64, id_next());
    redis_add_script(ctx, ctx->env->redis, &begin_home, 2, 3, argv, NULL);
    r = redis_next_script(ctx, ctx->env->redis);
    if (r == NULL)
        fail_clear(ctx);
    *ret_rel = r != NULL && r->type == REDIS_REPLY_STRING ? r->str : NULL;
    return *ret_rel != NULL;
}

void post_store_home_finish(struct ctx *ctx, int64_t viewer, const char *mark, const char *rel, uint64_t fingerprint,
                            const struct post_row *rows, size_t n, bool complete) {
    const char **argv = arena_many(ctx->arena, const char *, n + 4);

    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = mark;
    argv[2] = mark_of(ctx, complete, rel, fingerprint);
    argv[3] = complete || n == 0 ? "" : post_row_format(ctx, &rows[n - 1]);
    for (size_t i = 0; i < n; i++)
        argv[i + 4] = post_row_format(ctx, &rows[i]);
    run(ctx, &finish_home, (int)n + 4, argv);
}

/* ---- Pushing */

static unsigned pushing; /* scripts queued and not waited for */

void post_store_home_push(struct ctx *ctx, const int64_t *members, size_t n, const struct post_row *row) {
    const char *line = post_row_format(ctx, row);

    for (size_t at = 0; at < n; at += PUSH_KEYS) {
        size_t keys = n - at < PUSH_KEYS ? n - at : PUSH_KEYS;
        const char **argv = arena_many(ctx->arena, const char *, keys + 2);

        for (size_t i = 0; i < keys; i++)
            argv[i] = key_of(ctx, "post:home", members[at + i]);
        argv[keys] = id_time_ms(row->id) % 8 == 0 ? "1" : "0";
        argv[keys + 1] = line;
        redis_add_script(ctx, ctx->env->redis, &push_home, (int)keys, (int)keys + 2, argv, NULL);
        pushing++;
    }
}

enum code post_store_home_push_fetch(struct ctx *ctx) {
    enum code c = OK;

    for (; pushing > 0; pushing--) {
        const redisReply *r = redis_next_script(ctx, ctx->env->redis);

        if (r == NULL)
            c = UNAVAILABLE;
        else if (r->type == REDIS_REPLY_ERROR)
            c = fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: %s", r->str);
    }
    return c;
}

enum code post_store_home_forget(struct ctx *ctx, const int64_t *members, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, n + 1);

    if (n == 0)
        return OK;
    argv[0] = "DEL";
    for (size_t i = 0; i < n; i++)
        argv[i + 1] = key_of(ctx, "post:home", members[i]);
    redis_add_argv(ctx->env->redis, (int)n + 1, argv, NULL);
    return redis_next(ctx, ctx->env->redis) != NULL ? OK : UNAVAILABLE;
}
