/* Home timelines in Redis: candidates, newest first, that the rules judge when they are read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "handlers/post/store_read.h"

#define BUILD_S "30" /* a builder that takes longer has died */

/* The Lua function state(home, mark): the mark, when the rows are those that it speaks of; else nil. Either
 * key may vanish alone; the lowest member of the rows names the build that they came from. */
#define LUA_STATE                                                                    \
    "local function state(home, mark)\n"                                             \
    "  local m = redis.call('GET', mark)\n"                                          \
    "  if not m then return nil end\n"                                               \
    "  local build = string.match(m, '^%a %d+ (%d+)')\n"                             \
    "  if redis.call('ZRANGE', home, 0, 0)[1] ~= '!' .. build then return nil end\n" \
    "  return m\n"                                                                   \
    "end\n"

/* KEYS: post:home, post:mark, conn:rel, post:mine. ARGV: upper bound, limit, reader, marks of the two hashes
 * that the worker knows → "<mark> <token of conn:rel or ->", then what look() says; "m" without rows. */
static struct redis_script read_home = {
    .src = POST_LUA_LOOK LUA_STATE
    "local mark = state(KEYS[1], KEYS[2])\n"
    "if not mark then return 'm' end\n"
    "local rel_mark = call('HGET', KEYS[3], '_')\n"
    "local out = {mark .. ' ' .. (rel_mark or '-')}\n"
    "if string.sub(mark, 1, 1) ~= 'b' then\n"
    "  local rows = call('ZREVRANGEBYLEX', KEYS[1], ARGV[1], '(#', 'LIMIT', 0, ARGV[2])\n"
    "  look(out, rows, ARGV[3], KEYS[3], rel_mark, ARGV[4], KEYS[4], ARGV[5])\n"
    "end\n"
    "return table.concat(out, '\\n')",
};

/* KEYS: post:home, post:mark, conn:rel. ARGV: build, mark of the build → token of conn:rel ("" when there is
 * none), or nil when somebody else builds. */
static struct redis_script begin_home = {
    .src = LUA_STATE "local mark = state(KEYS[1], KEYS[2])\n"
                     "if mark and string.sub(mark, 1, 1) == 'b' then return false end\n"
                     "redis.call('DEL', KEYS[1])\n"
                     "redis.call('ZADD', KEYS[1], 0, '!' .. ARGV[1])\n"
                     "redis.call('EXPIRE', KEYS[1], " BUILD_S ")\n"
                     "redis.call('SET', KEYS[2], ARGV[2], 'EX', " BUILD_S ")\n"
                     "return redis.call('HGET', KEYS[3], '_') or ''",
};

/* KEYS: post:home, post:mark. ARGV: mark of the build, mark from now on, lowest row ("" when it reaches the
 * end), rows… What was pushed meanwhile stays, but for what is below the lowest row: there rows may be
 * missing. */
static struct redis_script finish_home = {
    .src = LUA_STATE "if state(KEYS[1], KEYS[2]) ~= ARGV[1] then return 0 end\n"
                     "local add = {'ZADD', KEYS[1]}\n"
                     "for i = 4, #ARGV do add[#add + 1] = 0 add[#add + 1] = ARGV[i] end\n"
                     "if #add > 2 then redis.call(unpack(add)) end\n"
                     "if ARGV[3] ~= '' then redis.call('ZREMRANGEBYLEX', KEYS[1], '(#', '(' .. ARGV[3]) end\n"
                     "redis.call('EXPIRE', KEYS[1], " POST_TTL_S ")\n"
                     "redis.call('SET', KEYS[2], ARGV[2], 'EX', " POST_TTL_S ")\n"
                     "return 1",
};

/* KEYS: post:mark. ARGV: mark as it was, mark from now on. */
static struct redis_script confirm_home = {
    .src =
        "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL') end\n"
        "return 1",
};

/* ---- Reading */

/* The look-up that a route has queued behind the session's. One request at a time runs in a worker. */
static struct {
    const struct ctx *ctx; /* NULL: none */
    char request[64];      /* whose: contexts are used again */
    int64_t viewer, max_id;
    unsigned limit;
} pending;

static bool is_pending(const struct ctx *ctx) {
    return pending.ctx == ctx && strncmp(pending.request, ctx->request_id, sizeof pending.request - 1) == 0;
}

static const char *key_of(struct ctx *ctx, const char *name, int64_t id) {
    size_t n = strlen(name);
    char *key = arena_alloc(ctx->arena, n + 1 + ID_STR_MAX);

    memcpy(key, name, n);
    key[n] = ':';
    id_format(id, key + n + 1);
    return key;
}

static void queue_read(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit) {
    const char **argv = arena_many(ctx->arena, const char *, 9);

    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = key_of(ctx, "post:mark", viewer);
    argv[2] = key_of(ctx, "conn:rel", viewer);
    argv[3] = key_of(ctx, "post:mine", viewer);
    argv[4] = max_id > 0 ? arena_printf(ctx->arena, "(%019" PRId64, max_id) : "+";
    argv[5] = arena_printf(ctx->arena, "%u", limit);
    argv[6] = id_str(ctx->arena, viewer);
    argv[7] = post_known_rel(ctx, viewer);
    argv[8] = post_known_mine(ctx, viewer);
    redis_add_script(ctx, ctx->env->redis, &read_home, 4, 9, argv, NULL);
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
    snprintf(pending.request, sizeof pending.request, "%s", ctx->request_id);
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

/* A mark: "<kind> <floor, 19 digits> <build> <token of conn:rel or -> <fingerprint>". */
static const char *mark_of(struct ctx *ctx, char kind, int64_t floor, const char *build, const char *rel,
                           uint64_t fingerprint) {
    return arena_printf(ctx->arena, "%c %019" PRId64 " %s %s %016" PRIx64, kind, floor, build,
                        *rel != '\0' ? rel : "-", fingerprint);
}

static const char *word_at(struct ctx *ctx, const char **at) {
    size_t n = strcspn(*at, " \n");
    const char *word = arena_strndup(ctx->arena, *at, n);

    *at += n + ((*at)[n] == ' ');
    return word;
}

/* The first line: a mark, and the token that conn:rel has now. Returns what is behind it. */
static const char *read_head(struct ctx *ctx, const char *at, struct home_page *page) {
    const char *start = at, *was;

    page->complete = *word_at(ctx, &at) == 'e';
    page->floor = strtoll(word_at(ctx, &at), NULL, 10);
    page->build = word_at(ctx, &at);
    was = word_at(ctx, &at);
    page->fingerprint = strtoull(word_at(ctx, &at), NULL, 16);
    page->mark = arena_strndup(ctx->arena, start, (size_t)(at - start - 1));
    page->rel = word_at(ctx, &at);
    page->checked = strcmp(was, "-") != 0 && strcmp(was, page->rel) == 0;
    return at + (*at == '\n');
}

enum code post_store_home(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit,
                          struct home_page *ret) {
    redisReply *r = take_pending(ctx, viewer, max_id, limit);
    const char *rows;

    *ret = (struct home_page){.state = HOME_MISSING};
    if (r == NULL) {
        queue_read(ctx, viewer, max_id, limit);
        r = redis_next_script(ctx, ctx->env->redis);
    }
    if (!post_answered(ctx, r) || r->type != REDIS_REPLY_STRING) {
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
static void run(struct ctx *ctx, struct redis_script *script, int n_keys, int argc, const char **argv) {
    redis_add_script(ctx, ctx->env->redis, script, n_keys, argc, argv, NULL);
    post_answered(ctx, redis_next_script(ctx, ctx->env->redis));
}

void post_store_home_confirm(struct ctx *ctx, int64_t viewer, const struct home_page *page) {
    const char *argv[3];

    if (strcmp(page->rel, "-") == 0)
        return; /* relations are being read anew: next time */
    argv[0] = key_of(ctx, "post:mark", viewer);
    argv[1] = page->mark;
    argv[2] =
        mark_of(ctx, page->complete ? 'e' : 'f', page->floor, page->build, page->rel, page->fingerprint);
    run(ctx, &confirm_home, 1, 3, argv);
}

bool post_store_home_begin(struct ctx *ctx, int64_t viewer, struct home_build *ret) {
    const char *argv[5];
    const redisReply *r;

    ret->build = id_str(ctx->arena, id_next());
    ret->mark = mark_of(ctx, 'b', 0, ret->build, "", 0);
    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = key_of(ctx, "post:mark", viewer);
    argv[2] = key_of(ctx, "conn:rel", viewer);
    argv[3] = ret->build;
    argv[4] = ret->mark;
    redis_add_script(ctx, ctx->env->redis, &begin_home, 3, 5, argv, NULL);
    r = redis_next_script(ctx, ctx->env->redis);
    if (!post_answered(ctx, r) || r->type != REDIS_REPLY_STRING)
        return false;
    ret->rel = r->str;
    return true;
}

void post_store_home_finish(struct ctx *ctx, int64_t viewer, const struct home_build *build,
                            uint64_t fingerprint, const struct post_row *rows, size_t n, bool complete) {
    const char **argv = arena_many(ctx->arena, const char *, n + 5);
    int64_t floor = complete ? 0 : rows[n - 1].id;

    argv[0] = key_of(ctx, "post:home", viewer);
    argv[1] = key_of(ctx, "post:mark", viewer);
    argv[2] = build->mark;
    argv[3] = mark_of(ctx, complete ? 'e' : 'f', floor, build->build, build->rel, fingerprint);
    argv[4] = complete ? "" : post_row_format(ctx, &rows[n - 1]);
    for (size_t i = 0; i < n; i++)
        argv[i + 5] = post_row_format(ctx, &rows[i]);
    run(ctx, &finish_home, 2, (int)n + 5, argv);
}

/* ---- Dropping */

enum code post_store_home_forget(struct ctx *ctx, const int64_t *members, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, 2 * n + 1);

    if (n == 0)
        return OK;
    argv[0] = "DEL";
    for (size_t i = 0; i < n; i++) {
        argv[2 * i + 1] = key_of(ctx, "post:mark", members[i]);
        argv[2 * i + 2] = key_of(ctx, "post:home", members[i]);
    }
    redis_add_argv(ctx->env->redis, 2 * (int)n + 1, argv, NULL);
    return redis_next(ctx, ctx->env->redis) != NULL ? OK : UNAVAILABLE;
}
