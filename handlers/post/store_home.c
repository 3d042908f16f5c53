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

static const char *key_of(struct ctx *ctx, const char *name, int64_t id) {
    size_t n = strlen(name);
    char *key = arena_alloc(ctx->arena, n + 1 + ID_STR_MAX);

    memcpy(key, name, n);
    key[n] = ':';
    id_format(id, key + n + 1);
    return key;
}

/* What a page is read by: the mark, how many members the timeline has, the rows, the lowest member, which
 * tells of which build they are. As each build has a member of its own and is there when the rows have been
 * read, these are of the mark's build. And as members only come while the mark is the same, rows that were
 * read with as many are what they were: so long they need not be asked for. */
enum { ASK_MARK, ASK_SIZE, ASK_ROWS, ASK_LOWEST, ASKS };
struct command {
    int argc;
    const char *argv[7];
};

static void commands_of(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit,
                        struct command *ret) {
    const char *home = key_of(ctx, "post:home", viewer);

    ret[ASK_MARK] = (struct command){2, {"GET", key_of(ctx, "post:mark", viewer)}};
    ret[ASK_SIZE] = (struct command){2, {"ZCARD", home}};
    ret[ASK_ROWS] = (struct command){7,
                                     {"ZREVRANGEBYLEX", home,
                                      max_id > 0 ? arena_printf(ctx->arena, "(%019" PRId64, max_id) : "+",
                                      "(#", "LIMIT", "0", arena_printf(ctx->arena, "%u", limit)}};
    ret[ASK_LOWEST] = (struct command){4, {"ZRANGE", home, "0", "0"}};
}

/* The newest page as it was read last, when it is likely that this is what it is now. */
static const struct post_newest *guess_of(int64_t viewer, int64_t max_id) {
    const struct post_newest *known = max_id == 0 ? post_rows_newest(viewer, POST_ROWS_HOME) : NULL;

    return known != NULL && known->steady ? known : NULL;
}

void post_store_home_prefetch(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit) {
    bool guessed = guess_of(viewer, max_id) != NULL;
    struct command commands[ASKS];

    commands_of(ctx, viewer, max_id, limit, commands);
    for (size_t i = 0; i < ASKS; i++)
        if (i != ASK_ROWS || !guessed)
            redis_ahead(ctx, ctx->env->redis, commands[i].argc, commands[i].argv);
    if (max_id == 0)
        post_rows_ahead(ctx, viewer, viewer, POST_ROWS_HOME);
}

/* A mark: "<kind> <floor, 19 digits> <build> <token of conn:rel or -> <fingerprint>". */
static const char *mark_of(struct ctx *ctx, char kind, int64_t floor, const char *build, const char *rel,
                           uint64_t fingerprint) {
    return arena_printf(ctx->arena, "%c %019" PRId64 " %s %s %016" PRIx64, kind, floor, build,
                        *rel != '\0' ? rel : "-", fingerprint);
}

static const char *word_at(struct ctx *ctx, const char **at) {
    size_t n = strcspn(*at, " ");
    const char *word = arena_strndup(ctx->arena, *at, n);

    *at += n + ((*at)[n] == ' ');
    return word;
}

/* Returns the token of conn:rel that it was built by. */
static const char *read_mark(struct ctx *ctx, const char *at, struct home_page *page) {
    const char *was;

    page->mark = at;
    page->state = *at == 'b' ? HOME_BUILDING : HOME_READY;
    page->complete = *word_at(ctx, &at) == 'e';
    page->floor = strtoll(word_at(ctx, &at), NULL, 10);
    page->build = word_at(ctx, &at);
    was = word_at(ctx, &at);
    page->fingerprint = strtoull(at, NULL, 16);
    return was;
}

/* Whether the lowest member says that the rows are the mark's. */
static bool is_of_build(const redisReply *lowest, const char *build) {
    return lowest->elements == 1 && lowest->element[0]->str[0] == '!' &&
           strcmp(lowest->element[0]->str + 1, build) == 0;
}

/* Whether the timeline still reaches as far down as it did when its rows were asked for. */
static bool is_as_deep(struct ctx *ctx, int64_t viewer, const char *mark) {
    const redisReply *r = redis_do(ctx, ctx->env->redis, "GET %s", key_of(ctx, "post:mark", viewer));

    return post_answered(ctx, r) && r->type == REDIS_REPLY_STRING && strcmp(r->str, mark) == 0;
}

static const struct post_row *rows_of(struct ctx *ctx, const redisReply *r) {
    struct post_row *rows = arena_many(ctx->arena, struct post_row, r->elements);

    for (size_t i = 0; i < r->elements; i++) {
        const char *at = r->element[i]->str;

        post_row_parse(&at, &rows[i]);
    }
    return rows;
}

/* The replies; with `guessed`, rows are not asked for. false: Redis does not answer. */
static bool ask(struct ctx *ctx, struct command *commands, bool guessed, const redisReply **ret) {
    const struct redis_want *wants[ASKS] = {0};
    bool good = true;

    for (size_t i = 0; i < ASKS; i++)
        if (i != ASK_ROWS || !guessed)
            wants[i] = redis_want(ctx, ctx->env->redis, commands[i].argc, commands[i].argv);
    for (size_t i = 0; i < ASKS; i++) {
        ret[i] = NULL;
        if (wants[i] == NULL)
            continue;
        ret[i] = redis_got(ctx, ctx->env->redis, wants[i]);
        good = post_answered(ctx, ret[i]) && good;
    }
    return good && ret[ASK_SIZE]->type == REDIS_REPLY_INTEGER && ret[ASK_LOWEST]->type == REDIS_REPLY_ARRAY &&
           (guessed || ret[ASK_ROWS]->type == REDIS_REPLY_ARRAY);
}

static const char *tag_of(struct ctx *ctx, const redisReply *const *replies, unsigned limit) {
    return arena_printf(ctx->arena, "%s %lld %u", replies[ASK_MARK]->str, replies[ASK_SIZE]->integer, limit);
}

/* Reads mark and rows, into page->state what they are worth. Returns the token of conn:rel that it was built
 * by. */
static const char *find_rows(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit,
                             struct home_page *page, const struct post_row **ret_rows) {
    const struct post_newest *guess = guess_of(viewer, max_id);
    const redisReply *replies[ASKS];
    struct command commands[ASKS];
    const char *was = "", *tag;

    *page = (struct home_page){.state = HOME_BUILDING};
    commands_of(ctx, viewer, max_id, limit, commands);
    if (!ask(ctx, commands, guess != NULL, replies))
        return was;
    page->state = HOME_MISSING;
    if (replies[ASK_MARK]->type != REDIS_REPLY_STRING)
        return was;
    was = read_mark(ctx, replies[ASK_MARK]->str, page);
    if (!is_of_build(replies[ASK_LOWEST], page->build))
        page->state = HOME_MISSING;
    if (page->state != HOME_READY)
        return was;
    tag = tag_of(ctx, replies, limit);
    if (guess != NULL && strcmp(guess->tag, tag) != 0) {
        post_rows_remember_as(viewer, POST_ROWS_HOME, tag, guess->rows, 0); /* no guess any more */
        return find_rows(ctx, viewer, max_id, limit, page, ret_rows);
    }
    page->n = guess != NULL ? guess->n : replies[ASK_ROWS]->elements;
    *ret_rows = guess != NULL ? arena_memdup(ctx->arena, guess->rows, guess->n * sizeof guess->rows[0])
                              : rows_of(ctx, replies[ASK_ROWS]);
    if (max_id == 0)
        post_rows_remember_as(viewer, POST_ROWS_HOME, tag, *ret_rows, page->n);
    if (!page->complete && page->n < limit && !is_as_deep(ctx, viewer, page->mark))
        page->state = HOME_BUILDING;
    return was;
}

enum code post_store_home(struct ctx *ctx, int64_t viewer, int64_t max_id, unsigned limit,
                          struct home_page *ret) {
    const struct post_row *rows = NULL;
    const char *was = find_rows(ctx, viewer, max_id, limit, ret, &rows), *mark;
    enum code c;

    if (ret->state != HOME_READY)
        return OK;
    ret->reads = arena_many(ctx->arena, struct post_read, ret->n);
    if ((c = post_read_marked(ctx, viewer, rows, ret->n, ret->reads, &mark)) != OK)
        return c;
    ret->rel = mark != NULL ? mark : "-";
    ret->checked = mark != NULL && strcmp(was, mark) == 0;
    return OK;
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
