/* Views of posts: in the worker, in Redis, out of PostgreSQL; and how they are published. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/lru.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/rpc.h"
#include "gen/queries.h"
#include "handlers/common/act.h"
#include "handlers/common/live.h"
#include "handlers/post/store_card.h"
#include "handlers/post/store_media.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

#define VIEWS_BYTES ((size_t)5 << 18)

/* ---- Views in this worker */

struct kept {
    Pb__PostView *view; /* by malloc */
    int64_t revision;
};

/* Views by post id. What falls out of it during a request may still be pointed to: the request's arena frees
 * it. */
static struct lru *views;
static struct arena *current;

static void kept_free(void *arg) {
    struct kept *k = arg;

    pb__post_view__free_unpacked(k->view, NULL);
    free(k); /* lint: memory-of-the-arena: the cache outlives it */
}

static void kept_drop(void *arg) {
    if (current != NULL)
        arena_defer(current, kept_free, arg);
    else
        kept_free(arg);
}

enum code post_store_start(struct ctx *ctx) {
    if (views == NULL)
        views = lru_new(VIEWS_BYTES);
    return views != NULL
               ? OK
               : fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "no memory for views");
}

/* Unpacks a view and keeps it; *ret_revision is what it says itself. NULL when it is broken; then it counts
 * as not there. */
static Pb__PostView *view_keep(struct ctx *ctx, int64_t id, const void *packed, size_t n,
                               int64_t *ret_revision) {
    Pb__PostView *view = pb__post_view__unpack(NULL, n, packed);
    struct kept *k =
        view != NULL && view->id == id ? malloc(sizeof *k) : NULL; /* lint: memory-of-the-arena */

    if (k == NULL) {
        if (view != NULL)
            pb__post_view__free_unpacked(view, NULL);
        return NULL;
    }
    *k = (struct kept){view, view->version};
    view->revision = view->version;
    *ret_revision = view->version;
    current = ctx->arena;
    lru_put(views, id, k, sizeof *k + sizeof *view + 2 * n, kept_drop);
    current = NULL;
    return view;
}

static Pb__PostView *view_kept(int64_t id, int64_t revision) {
    struct kept *k = lru_get(views, id);

    return k != NULL && (revision == POST_NONE || k->revision == revision) ? k->view : NULL;
}

const Pb__PostView *post_view_known(int64_t id) { return view_kept(id, POST_NONE); }

static void known_settle(struct known *k) {
    if (k->view == NULL)
        return;
    k->view->likes = k->counters.likes;
    k->view->reposts = k->counters.reposts;
    k->view->comments = k->counters.comments;
    k->view->version = k->revision + (k->counters.version > 0 ? k->counters.version : 0); /* both only grow */
}

/* ---- Out of PostgreSQL */

static void view_mentions(struct ctx *ctx, const PGresult *r, int row, Pb__PostView *v) {
    int64_t *ids;
    const char **handles;
    size_t n = pg_get_ids(ctx, r, row, 14, &ids), m = pg_get_texts(ctx, r, row, 15, &handles);

    v->mentions = arena_many(ctx->arena, Pb__Mention *, n);
    for (size_t i = 0; i < n && i < m; i++) {
        Pb__Mention *mention = v->mentions[v->n_mentions++] = arena_one(ctx->arena, Pb__Mention);

        pb__mention__init(mention);
        mention->user_id = ids[i];
        mention->handle = handles[i];
    }
}

/* A row of post_by_ids. */
static void view_read(struct ctx *ctx, const PGresult *r, int row, Pb__PostView *v, int64_t *ret_revision,
                      struct post_counters *ret_counters) {
    pb__post_view__init(v);
    v->id = pg_get_int(r, row, 0);
    v->author_id = pg_get_int(r, row, 1);
    v->in_reply_to_id = pg_get_int(r, row, 2);
    v->in_reply_to_author_id = pg_get_int(r, row, 3);
    v->root_id = pg_get_int(r, row, 4);
    v->repost_of_id = pg_get_int(r, row, 5);
    v->audience = (Pb__Audience)pg_get_int(r, row, 7);
    v->sensitive = pg_get_bool(r, row, 8);
    *ret_revision = pg_get_int(r, row, 9);
    v->html = pg_get_str(r, row, 10);
    v->text = pg_get_str(r, row, 11);
    v->warning = pg_get_str(r, row, 12);
    v->language = pg_get_str(r, row, 13);
    view_mentions(ctx, r, row, v);
    v->n_tags = pg_get_texts(ctx, r, row, 16, &v->tags);
    v->edited_ms = pg_get_time(r, row, 18);
    v->pinned_ms = pg_get_time(r, row, 19);
    v->created_ms = pg_get_bool(r, row, 20) ? 0 : pg_get_time(r, row, 17);
    v->app_name = pg_get_str(r, row, 25);
    v->app_website = pg_get_str(r, row, 26);
    v->n_media = post_media_read(ctx, r, row, 27, &v->media);
    v->card = post_card_read(ctx, r, row, 28);
    *ret_counters = (struct post_counters){pg_get_int(r, row, 21), pg_get_int(r, row, 22),
                                           pg_get_int(r, row, 23), pg_get_int(r, row, 24)};
}

enum code post_store_after(struct ctx *ctx, int64_t after, unsigned n, Pb__PostView ***ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_AFTER, &r, pg_i8(after), pg_i8(n));

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__PostView *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        struct post_counters counters;
        int64_t revision;
        Pb__PostView *v = (*ret)[i] = arena_one(ctx->arena, Pb__PostView);

        view_read(ctx, r, (int)i, v, &revision, &counters);
        v->version = counters.version;
        v->likes = counters.likes;
        v->reposts = counters.reposts;
        v->comments = counters.comments;
    }
    return OK;
}

static enum code load(struct ctx *ctx, const int64_t *ids, size_t n, PGresult **ret) {
    return pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_BY_IDS, ret, pg_ids(ids, n));
}

/* Takes what SQL says of those that Redis did not know, and gives it back to Redis. */
static void take_loaded(struct ctx *ctx, const PGresult *r, struct known *known, size_t n) {
    for (int row = 0; row < PQntuples(r); row++) {
        Pb__PostView v;
        struct post_counters counters;
        int64_t revision;
        const unsigned char *packed;
        size_t size;
        Pb__PostView *kept;

        view_read(ctx, r, row, &v, &revision, &counters);
        v.version = revision;
        rpc_pack(ctx, &v.base, &packed, &size);
        kept = view_keep(ctx, v.id, packed, size, &revision);
        post_store_publish(ctx, &v, revision, &counters);
        for (size_t i = 0; i < n; i++) {
            if (known[i].id != v.id)
                continue;
            known[i].view = kept;
            known[i].revision = revision;
            if (known[i].counters.version < counters.version)
                known[i].counters = counters;
        }
    }
}

static enum code fill_from_sql(struct ctx *ctx, struct known *known, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    PGresult *r;
    size_t missing = 0;
    enum code c;

    for (size_t i = 0; i < n; i++)
        if (known[i].id != 0 && known[i].view == NULL)
            ids[missing++] = known[i].id;
    if (missing == 0)
        return OK;
    if ((c = load(ctx, ids, missing, &r)) != OK)
        return c;
    take_loaded(ctx, r, known, n);
    if (post_store_published(ctx) != OK)
        fail_clear(ctx); /* the next reader tries again */
    return OK;
}

/* ---- Out of Redis */

/* The packed views of those that the worker lacks, in one MGET. */
static void fill_from_redis(struct ctx *ctx, struct known *known, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, n + 1);
    size_t *where = arena_many(ctx->arena, size_t, n), k = 0;
    const redisReply *r;

    argv[0] = "MGET";
    for (size_t i = 0; i < n; i++) {
        if (known[i].id != 0 && known[i].view == NULL && known[i].revision != POST_NONE) {
            where[k++] = i;
            argv[k] = arena_printf(ctx->arena, "post:view:%" PRId64, known[i].id);
        }
    }
    if (k == 0)
        return;
    r = redis_got(ctx, ctx->env->redis, redis_want(ctx, ctx->env->redis, (int)k + 1, argv));
    if (!post_answered(ctx, r) || r->type != REDIS_REPLY_ARRAY || r->elements != k)
        return;
    for (size_t i = 0; i < k; i++) {
        struct known *one = &known[where[i]];

        if (r->element[i]->type == REDIS_REPLY_STRING)
            one->view = view_keep(ctx, one->id, r->element[i]->str, r->element[i]->len, &one->revision);
    }
}

enum code post_known_fill(struct ctx *ctx, struct known *known, size_t n) {
    bool missing = false;
    enum code c = OK;

    for (size_t i = 0; i < n; i++) {
        if (known[i].id != 0 && known[i].revision != POST_NONE)
            known[i].view = view_kept(known[i].id, known[i].revision);
        missing = missing || (known[i].id != 0 && known[i].view == NULL);
    }
    if (missing) {
        fill_from_redis(ctx, known, n);
        c = fill_from_sql(ctx, known, n);
    }
    for (size_t i = 0; i < n; i++)
        known_settle(&known[i]);
    return c;
}

enum code post_views_any(struct ctx *ctx, const int64_t *ids, size_t n, Pb__PostView **ret) {
    struct known *known = arena_many(ctx->arena, struct known, n);
    bool missing = false;
    enum code c = OK;

    for (size_t i = 0; i < n; i++) {
        known[i] = (struct known){.id = ids[i], .revision = 0, .counters.version = POST_NONE};
        known[i].view = ids[i] != 0 ? view_kept(ids[i], POST_NONE) : NULL;
        missing = missing || (ids[i] != 0 && known[i].view == NULL);
    }
    if (missing) {
        fill_from_redis(ctx, known, n);
        c = fill_from_sql(ctx, known, n);
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = known[i].view;
    return c;
}

/* ---- Publishing */

/* The Lua function stat(key, view, v, d, n, counters): publishes a view with its revision, or counters with
 * theirs, or both; "" for what is not given. What is published already and newer stays. */
#define LUA_STAT                                                                             \
    "local function stat(key, view, v, d, n, counters)\n"                                    \
    "  local now = redis.call('GET', key) or '-1 -1 0 0 0'\n"                                \
    "  local old_v, old_n, rest = string.match(now, '^(%-?%d+) (%-?%d+) (.*)$')\n"           \
    "  if v == '' and tonumber(old_n) >= tonumber(n) then return end\n"                      \
    "  if v ~= '' and tonumber(old_v) <= tonumber(v) then\n"                                 \
    "    old_v = v\n"                                                                        \
    "    redis.call('SET', view, d, 'EX', " POST_TTL_S ")\n"                                 \
    "  end\n"                                                                                \
    "  if n ~= '' and tonumber(old_n) < tonumber(n) then old_n, rest = n, counters end\n"    \
    "  redis.call('SET', key, old_v .. ' ' .. old_n .. ' ' .. rest, 'EX', " POST_TTL_S ")\n" \
    "end\n"

/* KEYS: post:stat, post:view. ARGV: v or "", d, n or "", "l r c". */
static struct redis_script write_view = {
    .src = LUA_STAT "stat(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4])\n"
                    "return 1",
};

/* KEYS: post:stat, post:mine, for each reaction. ARGV, for each: n, "l r c", post, bit, 1 or 0, new mark.
 * What is there already costs a look. Older posts than the hash reaches stay with SQL; a build that is on its
 * way began before this change, and is stopped. */
static struct redis_script write_reactions = {
    .src = LUA_STAT
    "local function mine(key, n, id, kind, on, token)\n"
    "  local got = redis.call('HMGET', key, '_', id)\n"
    "  local mark, was = got[1], got[2] or '0'\n"
    "  if not mark then return end\n"
    "  if string.sub(mark, 1, 1) == 'b' then redis.call('DEL', key) return end\n"
    "  local floor = string.match(mark, '^%d+')\n"
    "  if #id < #floor or (#id == #floor and id < floor) then return end\n"
    "  local bits, a, b, c = string.match(was, '^(%d+):?(%d*):?(%d*):?(%d*)$')\n"
    "  local of = {['1'] = a ~= '' and a or '0', ['2'] = b ~= '' and b or '0', ['4'] = c ~= '' and c or '0'}\n"
    "  if tonumber(n) <= tonumber(of[kind]) then return end\n"
    "  of[kind] = n\n"
    "  bits = on == '1' and bit.bor(bits, kind) or bit.band(bits, bit.bnot(kind))\n"
    "  redis.call('HSET', key, id, table.concat({bits, of['1'], of['2'], of['4']}, ':'),\n"
    "             '_', floor .. '.' .. token)\n"
    "end\n"
    "for i = 1, #KEYS, 2 do\n"
    "  local at = 3 * i - 3\n"
    "  stat(KEYS[i], '', '', '', ARGV[at + 1], ARGV[at + 2])\n"
    "  mine(KEYS[i + 1], ARGV[at + 1], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6])\n"
    "end\n"
    "return 1",
};

/* What is queued and not waited for, in order: is it a script? */
#define QUEUE_MAX 1024
static bool queue[QUEUE_MAX];
static unsigned queued;

/* Notes one more; a full queue is waited for first. What fails then is found again by whoever repairs. */
static void note(struct ctx *ctx, bool is_script) {
    if (queued == QUEUE_MAX && post_store_published(ctx) != OK)
        fail_clear(ctx);
    queue[queued++] = is_script;
}

static void queue_script(struct ctx *ctx, struct redis_script *script, int n_keys, int argc,
                         const char **argv, const size_t *lens) {
    note(ctx, true);
    redis_add_script(ctx, ctx->env->redis, script, n_keys, argc, argv, lens);
}

static const char *number_str(struct ctx *ctx, int64_t v) { return arena_printf(ctx->arena, "%" PRId64, v); }

static const char *counters_str(struct ctx *ctx, const struct post_counters *k) {
    return arena_printf(ctx->arena, "%" PRId64 " %" PRId64 " %" PRId64, k->likes, k->reposts, k->comments);
}

static const char *key_of(struct ctx *ctx, const char *name, int64_t id) {
    return arena_printf(ctx->arena, "%s:%" PRId64, name, id);
}

const char *post_stat_key(struct ctx *ctx, int64_t id) {
    static const char name[] = "post:stat:";
    char *key = arena_alloc(ctx->arena, sizeof name + POST_DIGITS), *digits = key + sizeof name - 1;

    memcpy(key, name, sizeof name - 1);
    for (int i = POST_DIGITS - 1; i >= 0; i--, id /= 10)
        digits[i] = (char)('0' + id % 10);
    digits[POST_DIGITS] = '\0';
    return key;
}

/* Tells who has the post open. */
static void tell_counts(struct ctx *ctx, int64_t id, const struct post_counters *k) {
    live_counts(ctx, id, k->version, k->likes, k->reposts, k->comments);
}

void post_store_publish(struct ctx *ctx, const Pb__PostView *view, int64_t revision,
                        const struct post_counters *counters) {
    const char **argv = arena_many(ctx->arena, const char *, 6);
    size_t *lens = arena_many(ctx->arena, size_t, 6), n;
    const unsigned char *packed;
    Pb__PostView bare = *view;

    bare.likes = bare.reposts = bare.comments = 0;
    bare.version = revision;
    rpc_pack(ctx, &bare.base, &packed, &n);
    argv[0] = post_stat_key(ctx, view->id);
    argv[1] = key_of(ctx, "post:view", view->id);
    argv[2] = number_str(ctx, revision);
    argv[3] = (const char *)packed;
    argv[4] = number_str(ctx, counters->version);
    argv[5] = counters_str(ctx, counters);
    for (int i = 0; i < 6; i++)
        lens[i] = i == 3 ? n : strlen(argv[i]);
    queue_script(ctx, &write_view, 2, 6, argv, lens);
}

void post_store_tree_moved(struct ctx *ctx, int64_t root) {
    note(ctx, false);
    redis_add(ctx->env->redis, "SET post:tree:%lld %lld EX " POST_TTL_S, (long long)root,
              (long long)id_next());
}

void post_store_publish_new(struct ctx *ctx, const Pb__PostView *view) {
    const unsigned char *packed;
    Pb__PostView bare = *view;
    size_t n;

    bare.version = 1;
    note(ctx, false);
    note(ctx, false);
    rpc_pack(ctx, &bare.base, &packed, &n);
    redis_add(ctx->env->redis, "SET post:view:%lld %b EX " POST_TTL_S, (long long)view->id, packed, n);
    redis_add(ctx->env->redis, "SET post:stat:%019lld %s EX " POST_TTL_S " NX", (long long)view->id,
              "1 0 0 0 0");
    if (view->in_reply_to_id != 0)
        post_store_tree_moved(ctx, view->root_id);
}

void post_store_publish_counters(struct ctx *ctx, int64_t id, const struct post_counters *counters) {
    const char **argv = arena_many(ctx->arena, const char *, 6);

    argv[0] = post_stat_key(ctx, id);
    argv[1] = argv[2] = argv[3] = "";
    argv[4] = number_str(ctx, counters->version);
    argv[5] = counters_str(ctx, counters);
    queue_script(ctx, &write_view, 2, 6, argv, NULL);
    tell_counts(ctx, id, counters);
}

#define REACTIONS_AT_ONCE 100

static void queue_reactions(struct ctx *ctx, const struct post_reacted *r, size_t n) {
    const char **argv = arena_many(ctx->arena, const char *, 8 * n);

    for (size_t i = 0; i < n; i++) {
        const char **keys = argv + 2 * i, **args = argv + 2 * n + 6 * i;

        keys[0] = post_stat_key(ctx, r[i].id);
        keys[1] = key_of(ctx, "post:mine", r[i].viewer);
        args[0] = number_str(ctx, r[i].counters.version);
        args[1] = counters_str(ctx, &r[i].counters);
        args[2] = id_str(ctx->arena, r[i].id);
        args[3] = number_str(ctx, r[i].bit);
        args[4] = r[i].on ? "1" : "0";
        args[5] = id_str(ctx->arena, id_next());
    }
    queue_script(ctx, &write_reactions, 2 * (int)n, 8 * (int)n, argv, NULL);
}

void post_store_publish_reactions(struct ctx *ctx, const struct post_reacted *reactions, size_t n) {
    for (size_t at = 0; at < n; at += REACTIONS_AT_ONCE)
        queue_reactions(ctx, reactions + at, n - at < REACTIONS_AT_ONCE ? n - at : REACTIONS_AT_ONCE);
    for (size_t i = 0; i < n; i++)
        if (reactions[i].bit != ACT_BOOKMARKED) /* that nobody else sees */
            tell_counts(ctx, reactions[i].id, &reactions[i].counters);
}

static enum code took(struct ctx *ctx, const redisReply *r, enum code before) {
    if (r == NULL)
        return UNAVAILABLE;
    if (r->type == REDIS_REPLY_ERROR)
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: %s", r->str);
    return before;
}

enum code post_store_published(struct ctx *ctx) {
    struct redis *redis = ctx->env->redis;
    unsigned n = queued;
    enum code c = OK;

    queued = 0;
    for (unsigned i = 0; i < n; i++)
        c = took(ctx, queue[i] ? redis_next_script(ctx, redis) : redis_next(ctx, redis), c);
    return c;
}

void post_store_author_forget(struct ctx *ctx, int64_t author) {
    note(ctx, false);
    redis_add(ctx->env->redis, "DEL post:author:%lld side:%lld", (long long)author, (long long)author);
}

enum code post_store_republish(struct ctx *ctx, const int64_t *ids, size_t n) {
    PGresult *r;
    enum code c;

    if (n == 0)
        return OK;
    if ((c = load(ctx, ids, n, &r)) != OK)
        return c;
    for (int row = 0; row < PQntuples(r); row++) {
        Pb__PostView v;
        struct post_counters counters;
        int64_t revision;

        view_read(ctx, r, row, &v, &revision, &counters);
        post_store_publish(ctx, &v, revision, &counters);
    }
    return post_store_published(ctx);
}

enum code post_store_republish_counters(struct ctx *ctx, const int64_t *ids, size_t n) {
    PGresult *r;
    enum code c;

    if (n == 0)
        return OK;
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_STATS, &r, pg_ids(ids, n))) != OK)
        return c;
    for (int row = 0; row < PQntuples(r); row++)
        post_store_publish_counters(ctx, pg_get_int(r, row, 0),
                                    &(struct post_counters){pg_get_int(r, row, 1), pg_get_int(r, row, 2),
                                                            pg_get_int(r, row, 3), pg_get_int(r, row, 4)});
    return post_store_published(ctx);
}
