/* Views of posts: in the worker, in Redis, out of PostgreSQL; and what a reader did to them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/lru.h"
#include "fcgi/drivers/pg.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "gen/queries.h"
#include "handlers/common/act.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

#define VIEWS_BYTES ((size_t)4 << 20)
#define MINE_BUILD 2000 /* reactions of each kind that a build reads; what is older is asked for one by one */
#define BUILD_S "30"
#define NONE (-1)       /* no number where Redis said nil */

/* ---- Views in this worker */

struct kept {
    Pb__PostView *view; /* by malloc */
    int64_t revision;
};

/* Views by post id. What falls out of it during a request may still be pointed to: the request's arena frees it. */
static struct lru *views;
static struct arena *current;

static void kept_free(void *arg) {
    struct kept *k = arg;

    pb__post_view__free_unpacked(k->view, NULL);
    free(k);
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
    return views != NULL ? OK : fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "no memory for views");
}

/* Unpacks a view and keeps it. NULL when it is broken; then it counts as not there. */
static Pb__PostView *view_keep(struct ctx *ctx, int64_t id, int64_t revision, const void *packed, size_t n) {
    Pb__PostView *view = pb__post_view__unpack(NULL, n, packed);
    struct kept *k = view != NULL && view->id == id ? malloc(sizeof *k) : NULL;

    if (k == NULL) {
        if (view != NULL)
            pb__post_view__free_unpacked(view, NULL);
        return NULL;
    }
    *k = (struct kept){view, revision};
    current = ctx->arena;
    lru_put(views, id, k, sizeof *k + sizeof *view + 2 * n, kept_drop);
    current = NULL;
    return view;
}

static Pb__PostView *view_kept(int64_t id, int64_t revision) {
    struct kept *k = lru_get(views, id);

    return k != NULL && (revision == NONE || k->revision == revision) ? k->view : NULL;
}

/* ---- What is known of one post while it is being read */

struct known {
    int64_t id;                   /* 0: not wanted */
    int64_t revision;             /* NONE: Redis has no view */
    struct post_counters counters;/* version NONE: Redis has none */
    Pb__PostView *view;
};

static void known_settle(struct known *k) {
    if (k->view == NULL)
        return;
    k->view->likes = k->counters.likes;
    k->view->reposts = k->counters.reposts;
    k->view->comments = k->counters.comments;
    k->view->version = k->revision + (k->counters.version > 0 ? k->counters.version : 0);
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
    *ret_counters = (struct post_counters){pg_get_int(r, row, 21), pg_get_int(r, row, 22), pg_get_int(r, row, 23),
                                           pg_get_int(r, row, 24)};
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
        rpc_pack(ctx, &v.base, &packed, &size);
        kept = view_keep(ctx, v.id, revision, packed, size);
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

static int64_t number_of(const redisReply *r) { return r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : NONE; }

/* A failed look into Redis is no failure of the work: somebody else knows. Says whether there is a reply. */
static bool answered(struct ctx *ctx, const redisReply *r) {
    if (r == NULL)
        fail_clear(ctx);
    return r != NULL;
}

static bool has_elements(const redisReply *r, size_t n) {
    return r->type == REDIS_REPLY_ARRAY && r->elements == n;
}

/* The packed views of those that the worker lacks, in one round. */
static void fill_from_redis(struct ctx *ctx, struct known *known, size_t n) {
    struct redis *redis = ctx->env->redis;
    size_t asked = 0;

    for (size_t i = 0; i < n; i++) {
        if (known[i].id != 0 && known[i].view == NULL && known[i].revision != NONE) {
            redis_add(redis, "HMGET post:view:%lld v d", (long long)known[i].id);
            asked++;
        }
    }
    for (size_t i = 0; asked > 0 && i < n; i++) {
        const redisReply *r;

        if (known[i].id == 0 || known[i].view != NULL || known[i].revision == NONE)
            continue;
        r = redis_next(ctx, redis);
        asked--;
        if (!answered(ctx, r) || !has_elements(r, 2) || r->element[0]->type != REDIS_REPLY_STRING || r->element[1]->type != REDIS_REPLY_STRING)
            continue;
        known[i].revision = number_of(r->element[0]);
        known[i].view = view_keep(ctx, known[i].id, known[i].revision, r->element[1]->str, r->element[1]->len);
    }
}

/* Completes views: the worker's where the revision is right, then Redis', then SQL's. */
static enum code known_fill(struct ctx *ctx, struct known *known, size_t n) {
    bool missing = false;
    enum code c = OK;

    for (size_t i = 0; i < n; i++) {
        if (known[i].id != 0 && known[i].revision != NONE)
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

/* ---- What the reader did */

/* Rows of post_mine or post_mine_of: bits of one post. */
static uint32_t bits_in(const PGresult *r, int64_t id) {
    uint32_t bits = 0;

    for (int row = 0; row < PQntuples(r); row++)
        if (pg_get_int(r, row, 0) == id)
            bits |= (uint32_t)pg_get_int(r, row, 1);
    return bits;
}

static int64_t target_of(const struct post_read *read) { return read->row.inner != 0 ? read->row.inner : read->row.id; }

static enum code mine_from_sql(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n, const bool *wanted) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    size_t k = 0;
    PGresult *r;
    enum code c;

    for (size_t i = 0; i < n; i++)
        if (wanted[i])
            ids[k++] = target_of(&reads[i]);
    if (k == 0)
        return OK;
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE_OF, &r, pg_i8(viewer), pg_ids(ids, k))) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (wanted[i])
            reads[i].mine = bits_in(r, target_of(&reads[i]));
    return OK;
}

/* KEYS: post:mine. ARGV: the builder's token → 1 when it may build. */
static struct redis_script mine_begin = {
    .src = "if redis.call('HSETNX', KEYS[1], '_', ARGV[1]) == 0 then return 0 end\n"
           "redis.call('EXPIRE', KEYS[1], " BUILD_S ")\n"
           "return 1",
};

/* KEYS: post:mine. ARGV: token, floor, field, value … */
static struct redis_script mine_finish = {
    .src = "if redis.call('HGET', KEYS[1], '_') ~= ARGV[1] then return 0 end\n"
           "for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end\n"
           "redis.call('HSET', KEYS[1], '_', ARGV[2])\n"
           "redis.call('EXPIRE', KEYS[1], " POST_TTL_S ")\n"
           "return 1",
};

/* Reactions are complete down to this post: older ones of a kind may be missing when that kind filled its share. */
static int64_t mine_floor(const PGresult *r) {
    int64_t floor = 0;

    for (unsigned bit = ACT_LIKED; bit <= ACT_BOOKMARKED; bit <<= 1) {
        int64_t lowest = 0;
        size_t n = 0;

        for (int row = 0; row < PQntuples(r); row++) {
            if (pg_get_int(r, row, 1) == bit) {
                lowest = pg_get_int(r, row, 0);
                n++;
            }
        }
        if (n == MINE_BUILD && lowest > floor)
            floor = lowest;
    }
    return floor;
}

static int by_post(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* Pairs of post and bits, each post once, at or above the floor; returns how many. */
static size_t mine_pairs(const PGresult *r, int64_t floor, int64_t (*pairs)[2]) {
    size_t n = 0, m = 0;

    for (int row = 0; row < PQntuples(r); row++) {
        pairs[n][0] = pg_get_int(r, row, 0);
        pairs[n][1] = pg_get_int(r, row, 1);
        n += pairs[n][0] >= floor;
    }
    qsort(pairs, n, sizeof *pairs, by_post);
    for (size_t i = 0; i < n; i++) {
        if (m > 0 && pairs[m - 1][0] == pairs[i][0]) {
            pairs[m - 1][1] |= pairs[i][1];
        } else {
            memmove(pairs[m++], pairs[i], sizeof *pairs);
        }
    }
    return m;
}

static void mine_store(struct ctx *ctx, const char *key, const char *token, const PGresult *r) {
    int64_t floor = mine_floor(r);
    int64_t(*pairs)[2] = arena_calloc(ctx->arena, (size_t)PQntuples(r) + 1, sizeof *pairs);
    size_t n = mine_pairs(r, floor, pairs);
    const char **argv = arena_many(ctx->arena, const char *, 2 * n + 3);
    int argc = 0;

    argv[argc++] = key;
    argv[argc++] = token;
    argv[argc++] = arena_printf(ctx->arena, "%" PRId64, floor);
    for (size_t i = 0; i < n; i++) {
        argv[argc++] = id_str(ctx->arena, pairs[i][0]);
        argv[argc++] = arena_printf(ctx->arena, "%" PRId64, pairs[i][1]);
    }
    redis_add_script(ctx, ctx->env->redis, &mine_finish, 1, argc, argv, NULL);
    answered(ctx, redis_next_script(ctx, ctx->env->redis));
}

/* Reads the reader's reactions for Redis, unless somebody is at it. Marked before SQL is read: a reaction in between undoes the mark. */
static enum code mine_build(struct ctx *ctx, int64_t viewer) {
    const char *argv[2];
    const redisReply *begun;
    PGresult *r;
    enum code c;

    argv[0] = arena_printf(ctx->arena, "post:mine:%" PRId64, viewer);
    argv[1] = arena_printf(ctx->arena, "b%" PRId64, id_next());
    redis_add_script(ctx, ctx->env->redis, &mine_begin, 1, 2, argv, NULL);
    begun = redis_next_script(ctx, ctx->env->redis);
    if (!answered(ctx, begun) || begun->type != REDIS_REPLY_INTEGER || begun->integer != 1)
        return OK;
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_MINE, &r, pg_i8(viewer), pg_i8(MINE_BUILD))) != OK)
        return c;
    mine_store(ctx, argv[0], argv[1], r);
    return OK;
}

/* ---- Reading what look() said */

static int64_t take_number(const char **at) {
    char *end;
    int64_t v;

    while (**at == ' ')
        (*at)++;
    if (**at == '-') {
        (*at)++;
        return NONE;
    }
    v = strtoll(*at, &end, 10);
    *at = end;
    return v;
}

static void take_view(const char **at, int64_t id, struct known *k) {
    *k = (struct known){.id = id};
    k->revision = take_number(at);
    k->counters.version = take_number(at);
    k->counters.likes = take_number(at);
    k->counters.reposts = take_number(at);
    k->counters.comments = take_number(at);
    if (k->counters.version == NONE) {
        k->counters = (struct post_counters){.version = NONE};
        k->revision = NONE; /* half of it is missing: SQL knows both */
    }
}

static void take_row(const char **at, struct post_read *read, struct known *known) {
    struct post_row *row = &read->row;

    row->id = row->cursor = take_number(at);
    row->author = take_number(at);
    if (**at == ' ') {
        row->inner = take_number(at);
        row->inner_author = take_number(at);
    }
    known[1].id = 0;
    (*at)++; /* tab */
    take_view(at, row->id, &known[0]);
    if (**at == '\t') {
        (*at)++;
        take_view(at, row->inner, &known[1]);
    }
    if (**at == '\n')
        (*at)++;
}

/* The next word of a line, "" at its end. */
static const char *take_word(struct ctx *ctx, const char **at) {
    size_t n;

    while (**at == ' ')
        (*at)++;
    n = strcspn(*at, " \n");
    *at += n;
    return arena_strndup(ctx->arena, *at - n, n);
}

static uint32_t edge_of(struct ctx *ctx, const char **at, int64_t viewer, int64_t author, int64_t now) {
    const char *word = take_word(ctx, at);

    return (word[0] != '-' ? edges_parse(word, now) : 0) | (viewer == author ? EDGE_SELF : 0);
}

/* The line of conn:rel; false when the hash is not complete. */
static bool take_edges(struct ctx *ctx, const char **at, int64_t viewer, struct post_read *reads, size_t n) {
    bool complete = take_word(ctx, at)[0] != '-';
    int64_t now = clock_now_ms();

    for (size_t i = 0; i < n; i++) {
        reads[i].edges = edge_of(ctx, at, viewer, reads[i].row.author, now);
        if (reads[i].row.inner != 0)
            reads[i].inner_edges = edge_of(ctx, at, viewer, reads[i].row.inner_author, now);
    }
    return complete;
}

static enum code edges_ask(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, 2 * n);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, 2 * n);
    enum code c;

    for (size_t i = 0; i < n; i++) {
        ids[2 * i] = reads[i].row.author;
        ids[2 * i + 1] = reads[i].row.inner_author;
    }
    if ((c = edges_get(ctx, viewer, ids, 2 * n, edges)) != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        reads[i].edges = edges[2 * i];
        reads[i].inner_edges = edges[2 * i + 1];
    }
    return OK;
}

/* The line of post:mine, and what it cannot say. */
static enum code take_mine(struct ctx *ctx, const char **at, int64_t viewer, struct post_read *reads, size_t n) {
    const char *mark = take_word(ctx, at);
    bool built = mark[0] != '-' && mark[0] != 'b', *wanted = arena_many(ctx->arena, bool, n);
    int64_t floor = built ? strtoll(mark, NULL, 10) : INT64_MAX;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        const char *word = take_word(ctx, at);

        if (target_of(&reads[i]) < floor)
            wanted[i] = true;
        else if (word[0] != '-')
            reads[i].mine = (uint32_t)strtoul(word, NULL, 10);
    }
    if (mark[0] == '-' && (c = mine_build(ctx, viewer)) != OK)
        return c;
    return mine_from_sql(ctx, viewer, reads, n, wanted);
}

enum code post_read_look(struct ctx *ctx, int64_t viewer, const char *at, size_t n_max, struct post_read **ret, size_t *ret_n) {
    struct post_read *reads = arena_many(ctx->arena, struct post_read, n_max + 1);
    struct known *known = arena_many(ctx->arena, struct known, 2 * n_max + 2);
    size_t n = 0;
    const char *edges;
    enum code c;

    for (; n < n_max && *at >= '0' && *at <= '9' && strchr(at, '\t') != NULL; n++)
        take_row(&at, &reads[n], &known[2 * n]);
    *ret = reads;
    *ret_n = n;
    if (n == 0)
        return OK;
    edges = at;
    at = strchr(at, '\n') != NULL ? strchr(at, '\n') + 1 : "";
    if (viewer != 0 && !take_edges(ctx, &edges, viewer, reads, n) && (c = edges_ask(ctx, viewer, reads, n)) != OK)
        return c;
    if ((c = known_fill(ctx, known, 2 * n)) != OK || (viewer != 0 && (c = take_mine(ctx, &at, viewer, reads, n)) != OK))
        return c;
    for (size_t i = 0; i < n; i++) {
        reads[i].post = known[2 * i].view;
        reads[i].inner = known[2 * i + 1].view;
    }
    return OK;
}

/* ---- Reading rows */

const char *post_row_format(struct ctx *ctx, const struct post_row *row) {
    if (row->inner == 0)
        return arena_printf(ctx->arena, "%019" PRId64 " %" PRId64, row->id, row->author);
    return arena_printf(ctx->arena, "%019" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, row->id, row->author, row->inner,
                        row->inner_author);
}

/* ARGV: reader, rows. KEYS: conn:rel, post:mine of the reader. */
static struct redis_script look_at = {
    .src = POST_LUA_LOOK "local rows, out = {}, {}\n"
                         "for i = 2, #ARGV do rows[i - 1] = ARGV[i] end\n"
                         "look(out, rows, ARGV[1], KEYS[1], KEYS[2])\n"
                         "return table.concat(out, '\\n')",
};

/* Without Redis: everything from its owners. */
static enum code read_without_redis(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n, struct post_read *ret) {
    struct known *known = arena_many(ctx->arena, struct known, 2 * n);
    bool *wanted = arena_many(ctx->arena, bool, n);
    enum code c;

    for (size_t i = 0; i < n; i++) {
        known[2 * i] = (struct known){.id = rows[i].id, .revision = NONE, .counters.version = NONE};
        known[2 * i + 1] = (struct known){.id = rows[i].inner, .revision = NONE, .counters.version = NONE};
        wanted[i] = true;
    }
    if ((c = fill_from_sql(ctx, known, 2 * n)) != OK || (c = edges_ask(ctx, viewer, ret, n)) != OK ||
        (viewer != 0 && (c = mine_from_sql(ctx, viewer, ret, n, wanted)) != OK))
        return c;
    for (size_t i = 0; i < 2 * n; i++)
        known_settle(&known[i]);
    for (size_t i = 0; i < n; i++) {
        ret[i].post = known[2 * i].view;
        ret[i].inner = known[2 * i + 1].view;
    }
    return OK;
}

enum code post_store_read(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n, struct post_read *ret) {
    const char **argv = arena_many(ctx->arena, const char *, n + 3);
    struct post_read *reads;
    const redisReply *r;
    size_t got = 0;
    enum code c;

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct post_read){.row = rows[i]};
    if (n == 0)
        return OK;
    argv[0] = arena_printf(ctx->arena, "conn:rel:%" PRId64, viewer);
    argv[1] = arena_printf(ctx->arena, "post:mine:%" PRId64, viewer);
    argv[2] = id_str(ctx->arena, viewer);
    for (size_t i = 0; i < n; i++)
        argv[i + 3] = post_row_format(ctx, &rows[i]);
    redis_add_script(ctx, ctx->env->redis, &look_at, 2, (int)n + 3, argv, NULL);
    r = redis_next_script(ctx, ctx->env->redis);
    if (!answered(ctx, r) || r->type != REDIS_REPLY_STRING) {
        log_warn(ctx, "views read without redis", "why=%s", r != NULL && r->type == REDIS_REPLY_ERROR ? r->str : "unavailable");
        return read_without_redis(ctx, viewer, rows, n, ret);
    }
    if ((c = post_read_look(ctx, viewer, r->str, n, &reads, &got)) != OK)
        return c;
    for (size_t i = 0; i < got; i++) {
        reads[i].row.cursor = rows[i].cursor;
        ret[i] = reads[i];
    }
    return OK;
}

/* ---- Rows of ids */

/* Views of any revision: who wrote a post never changes. */
static enum code views_any(struct ctx *ctx, const int64_t *ids, size_t n, Pb__PostView **ret) {
    struct known *known = arena_many(ctx->arena, struct known, n);
    bool missing = false;
    enum code c = OK;

    for (size_t i = 0; i < n; i++) {
        known[i] = (struct known){.id = ids[i], .revision = 0, .counters.version = NONE};
        known[i].view = ids[i] != 0 ? view_kept(ids[i], NONE) : NULL;
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

enum code post_store_rows(struct ctx *ctx, const int64_t *ids, size_t n, struct post_row *ret) {
    Pb__PostView **found = arena_many(ctx->arena, Pb__PostView *, n);
    int64_t *inner = arena_many(ctx->arena, int64_t, n);
    enum code c;

    if ((c = views_any(ctx, ids, n, found)) != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct post_row){.cursor = ids[i]};
        if (found[i] == NULL)
            continue;
        ret[i].id = ids[i];
        ret[i].author = found[i]->author_id;
        ret[i].inner = inner[i] = found[i]->repost_of_id;
    }
    if ((c = views_any(ctx, inner, n, found)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (inner[i] != 0 && found[i] != NULL)
            ret[i].inner_author = found[i]->author_id;
    return OK;
}

enum code post_store_read_one(struct ctx *ctx, int64_t viewer, int64_t id, struct post_read *ret) {
    struct post_row row;
    enum code c;

    if (id <= 0)
        return fail(ctx, NOT_FOUND, "There is no such post.");
    if ((c = post_store_rows(ctx, &id, 1, &row)) != OK)
        return c;
    if (row.id == 0)
        return fail(ctx, NOT_FOUND, "There is no such post.");
    return post_store_read(ctx, viewer, &row, 1, ret);
}

/* ---- Publishing */

/* KEYS: post:view. ARGV: v or "", d, n or "", l, r, c. */
static struct redis_script write_view = {
    .src = "local have = redis.call('HMGET', KEYS[1], 'v', 'n')\n"
           "if ARGV[1] ~= '' and tonumber(have[1] or '-1') < tonumber(ARGV[1]) then\n"
           "  redis.call('HSET', KEYS[1], 'v', ARGV[1], 'd', ARGV[2])\n"
           "end\n"
           "if ARGV[3] ~= '' and tonumber(have[2] or '-1') < tonumber(ARGV[3]) then\n"
           "  redis.call('HSET', KEYS[1], 'n', ARGV[3], 'l', ARGV[4], 'r', ARGV[5], 'c', ARGV[6])\n"
           "end\n"
           "redis.call('EXPIRE', KEYS[1], " POST_TTL_S ")\n"
           "return 1",
};

/* KEYS: post:mine. ARGV: post, bit, 1 or 0, version. Older posts than the hash reaches stay with SQL; a build that is on its way
 * began before this change, and is stopped. */
static struct redis_script write_mine = {
    .src = "local mark = redis.call('HGET', KEYS[1], '_')\n"
           "if not mark then return 0 end\n"
           "if string.sub(mark, 1, 1) == 'b' then redis.call('DEL', KEYS[1]) return 0 end\n"
           "if #ARGV[1] < #mark or (#ARGV[1] == #mark and ARGV[1] < mark) then return 0 end\n"
           "local bits, a, b, c = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '0', '^(%d+):?(%d*):?(%d*):?(%d*)$')\n"
           "local n = {['1'] = tonumber(a) or 0, ['2'] = tonumber(b) or 0, ['4'] = tonumber(c) or 0}\n"
           "if tonumber(ARGV[4]) <= n[ARGV[2]] then return 0 end\n"
           "n[ARGV[2]] = tonumber(ARGV[4])\n"
           "if ARGV[3] == '1' then bits = bit.bor(bits, ARGV[2]) else bits = bit.band(bits, bit.bnot(ARGV[2])) end\n"
           "redis.call('HSET', KEYS[1], ARGV[1], string.format('%d:%d:%d:%d', bits, n['1'], n['2'], n['4']))\n"
           "return 1",
};

/* How many scripts are queued and not waited for. */
static unsigned publishing;

static void queue_script(struct ctx *ctx, struct redis_script *script, int argc, const char **argv, const size_t *lens) {
    redis_add_script(ctx, ctx->env->redis, script, 1, argc, argv, lens);
    publishing++;
}

static void put_counters(struct ctx *ctx, const char **argv, const struct post_counters *k) {
    argv[0] = arena_printf(ctx->arena, "%" PRId64, k->version);
    argv[1] = arena_printf(ctx->arena, "%" PRId64, k->likes);
    argv[2] = arena_printf(ctx->arena, "%" PRId64, k->reposts);
    argv[3] = arena_printf(ctx->arena, "%" PRId64, k->comments);
}

void post_store_publish(struct ctx *ctx, const Pb__PostView *view, int64_t revision, const struct post_counters *counters) {
    const char **argv = arena_many(ctx->arena, const char *, 7);
    size_t *lens = arena_many(ctx->arena, size_t, 7), n;
    const unsigned char *packed;
    Pb__PostView bare = *view;

    bare.likes = bare.reposts = bare.comments = bare.version = 0;
    rpc_pack(ctx, &bare.base, &packed, &n);
    argv[0] = arena_printf(ctx->arena, "post:view:%" PRId64, view->id);
    argv[1] = arena_printf(ctx->arena, "%" PRId64, revision);
    argv[2] = (const char *)packed;
    put_counters(ctx, argv + 3, counters);
    for (int i = 0; i < 7; i++)
        lens[i] = i == 2 ? n : strlen(argv[i]);
    queue_script(ctx, &write_view, 7, argv, lens);
}

void post_store_publish_counters(struct ctx *ctx, int64_t id, const struct post_counters *counters) {
    const char **argv = arena_many(ctx->arena, const char *, 7);

    argv[0] = arena_printf(ctx->arena, "post:view:%" PRId64, id);
    argv[1] = argv[2] = "";
    put_counters(ctx, argv + 3, counters);
    queue_script(ctx, &write_view, 7, argv, NULL);
}

void post_store_publish_mine(struct ctx *ctx, int64_t viewer, int64_t id, uint32_t bit, bool on, int64_t version) {
    const char **argv = arena_many(ctx->arena, const char *, 5);

    argv[0] = arena_printf(ctx->arena, "post:mine:%" PRId64, viewer);
    argv[1] = id_str(ctx->arena, id);
    argv[2] = arena_printf(ctx->arena, "%u", bit);
    argv[3] = on ? "1" : "0";
    argv[4] = arena_printf(ctx->arena, "%" PRId64, version);
    queue_script(ctx, &write_mine, 5, argv, NULL);
}

enum code post_store_published(struct ctx *ctx) {
    enum code c = OK;

    for (; publishing > 0; publishing--) {
        const redisReply *r = redis_next_script(ctx, ctx->env->redis);

        if (r == NULL)
            c = UNAVAILABLE;
        else if (r->type == REDIS_REPLY_ERROR)
            c = fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "redis: %s", r->str);
    }
    return c;
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
                                    &(struct post_counters){pg_get_int(r, row, 1), pg_get_int(r, row, 2), pg_get_int(r, row, 3),
                                                            pg_get_int(r, row, 4)});
    return post_store_published(ctx);
}
