/* Looking at rows for a reader: one round tells counters and revisions of all posts, and of relations and
 * reactions the marks, with what the worker does not know of them yet. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/lru.h"
#include "fcgi/log.h"
#include "handlers/common/marked.h"
#include "handlers/common/models.h"
#include "handlers/post/store_read.h"

bool post_answered(struct ctx *ctx, const redisReply *r) {
    if (r == NULL)
        fail_clear(ctx);
    else if (r->type == REDIS_REPLY_ERROR)
        log_error(ctx, "redis refuses", "error=%s", r->str);
    return r != NULL && r->type != REDIS_REPLY_ERROR;
}

/* ---- Asking: counters and revisions, relations, reactions, all in one round */

static struct marked mine = {.name = "post:mine"};

/* Questions about rows that are on their way. */
struct look {
    size_t n;
    int64_t viewer;
    const struct redis_want *stats;
    struct marked_ask edges, mine; /* of a viewer */
};

/* MGET of post:stat of each row, and of its original behind it. */
static const char **stats_command(struct ctx *ctx, const struct post_row *rows, size_t n, int *ret_argc) {
    const char **argv = arena_alloc(ctx->arena, (2 * n + 1) * sizeof *argv);
    int argc = 1;

    argv[0] = "MGET";
    for (size_t i = 0; i < n; i++) {
        argv[argc++] = post_stat_key(ctx, rows[i].id);
        if (rows[i].inner != 0)
            argv[argc++] = post_stat_key(ctx, rows[i].inner);
    }
    *ret_argc = argc;
    return argv;
}

/* Two for each row: its author, and the original's (0: none). */
static const int64_t *authors_of(struct ctx *ctx, const struct post_row *rows, size_t n) {
    int64_t *ids = arena_alloc(ctx->arena, 2 * n * sizeof *ids);

    for (size_t i = 0; i < n; i++) {
        ids[2 * i] = rows[i].author;
        ids[2 * i + 1] = rows[i].inner_author;
    }
    return ids;
}

static const int64_t *targets_of(struct ctx *ctx, const struct post_row *rows, size_t n) {
    int64_t *ids = arena_alloc(ctx->arena, n * sizeof *ids);

    for (size_t i = 0; i < n; i++)
        ids[i] = post_target(&rows[i]);
    return ids;
}

static void look_ask(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                     struct look *ret) {
    int argc;
    const char **argv = stats_command(ctx, rows, n, &argc);

    *ret = (struct look){.n = n, .viewer = viewer};
    if (n > 0)
        ret->stats = redis_want(ctx, ctx->env->redis, argc, argv);
    if (viewer == 0)
        return;
    edges_ask(ctx, viewer, authors_of(ctx, rows, n), 2 * n, &ret->edges);
    marked_ask(ctx, &mine, viewer, targets_of(ctx, rows, n), n, &ret->mine);
}

/* ---- Asking ahead */

#define HELD_MAX 4

/* Looks that a prefetch has asked for. One request at a time runs in a worker; its arena's end empties this.
 */
static struct {
    const struct arena *arena; /* whose; NULL: nobody's */
    uint64_t changes;          /* of Redis, when they were asked */
    size_t n;
    struct {
        const struct post_row *rows;
        struct look look;
    } looks[HELD_MAX];
} held;

static void held_empty(void *arg) {
    (void)arg;
    held.arena = NULL;
    held.n = 0;
}

void post_look_ahead(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n) {
    const struct post_row *own = arena_memdup(ctx->arena, rows, n * sizeof *rows);

    if (held.arena != ctx->arena || held.changes != redis_changes(ctx->env->redis)) {
        held_empty(NULL);
        held.arena = ctx->arena;
        held.changes = redis_changes(ctx->env->redis);
        arena_defer(ctx->arena, held_empty, NULL);
    }
    if (held.n == HELD_MAX)
        return;
    held.looks[held.n].rows = own;
    look_ask(ctx, viewer, own, n, &held.looks[held.n++].look);
}

bool post_looks_ahead(const struct ctx *ctx) { return held.arena == ctx->arena && held.n > 0; }

/* The look at these rows that was asked ahead, unless something may have changed since; else asks now. */
static void look_get(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                     struct look *ret) {
    bool good = held.arena == ctx->arena && held.changes == redis_changes(ctx->env->redis);

    for (size_t i = 0; good && i < held.n; i++) {
        if (held.looks[i].look.viewer != viewer || held.looks[i].look.n != n ||
            memcmp(held.looks[i].rows, rows, n * sizeof *rows) != 0)
            continue;
        *ret = held.looks[i].look;
        return;
    }
    look_ask(ctx, viewer, rows, n, ret);
}

/* ---- What a page showed last */

#define NEWEST_BYTES ((size_t)512 << 10)

static struct lru *newest;

/* Another page in the same place is a wrong guess, no more: a tag tells whose it is. */
static int64_t newest_key(int64_t whose, enum post_rows kind) {
    return (int64_t)((uint64_t)whose << 3 | (uint64_t)kind);
}

static struct post_newest *newest_of(int64_t whose, enum post_rows kind) {
    return newest != NULL ? lru_get(newest, newest_key(whose, kind)) : NULL;
}

const struct post_newest *post_rows_newest(int64_t whose, enum post_rows kind) {
    return newest_of(whose, kind);
}

void post_rows_remember_as(int64_t whose, enum post_rows kind, const char *tag, const struct post_row *rows,
                           size_t n) {
    struct post_newest *before = newest_of(whose, kind), *now;
    bool same = before != NULL && before->n == n && memcmp(before->rows, rows, n * sizeof *rows) == 0;

    if (same && strcmp(before->tag, tag) == 0) {
        before->steady = true;
        return;
    }
    if (newest == NULL)
        newest = lru_new(NEWEST_BYTES);
    if (newest == NULL || strlen(tag) >= sizeof now->tag ||
        (now = malloc(sizeof *now + n * sizeof *rows)) == NULL) /* lint: memory-of-the-arena: outlives it */
        return;
    now->steady = false;
    now->n = n;
    memcpy(now->tag, tag, strlen(tag) + 1);
    memcpy(now->rows, rows, n * sizeof *rows);
    lru_put(newest, newest_key(whose, kind), now, sizeof *now + n * sizeof *rows, free);
}

void post_rows_remember(int64_t whose, enum post_rows kind, const struct post_row *rows, size_t n) {
    post_rows_remember_as(whose, kind, "", rows, n);
}

void post_rows_ahead(struct ctx *ctx, int64_t viewer, int64_t whose, enum post_rows kind) {
    const struct post_newest *known = newest_of(whose, kind);

    if (known != NULL)
        post_look_ahead(ctx, viewer, known->rows, known->n);
}

/* ---- Relations and reactions */

static enum code take_edges(struct ctx *ctx, const struct look *look, struct post_read *reads,
                            const char **ret_mark) {
    uint32_t *edges = arena_alloc(ctx->arena, 2 * look->n * sizeof *edges);
    enum code c = edges_answer(ctx, &look->edges, edges, ret_mark);

    for (size_t i = 0; c == OK && i < look->n; i++) {
        reads[i].edges = edges[2 * i];
        reads[i].inner_edges = edges[2 * i + 1];
    }
    return c;
}

/* Reactions to posts that the hash does not reach down to, or all while there is none, come from SQL. */
static enum code mine_by_mark(struct ctx *ctx, const struct look *look, const char *mark,
                              const struct marked_value *values, struct post_read *reads) {
    bool *wanted = arena_alloc(ctx->arena, look->n);
    bool built = mark != NULL && *mark != 'b';
    int64_t floor = built ? strtoll(mark, NULL, 10) : INT64_MAX;

    for (size_t i = 0; i < look->n; i++) {
        if (built)
            reads[i].mine = values[i].bits;
        wanted[i] = look->mine.ids[i] < floor;
    }
    return post_mine_ask(ctx, look->viewer, reads, look->n, wanted);
}

static enum code take_mine(struct ctx *ctx, const struct look *look, struct post_read *reads) {
    struct marked_value *values = arena_alloc(ctx->arena, look->n * sizeof *values);
    const char *mark = marked_answer(ctx, &look->mine, values);

    if (mark == NULL && redis_is_up(ctx->env->redis))
        return post_mine_build(ctx, look->viewer, reads, look->n);
    return mine_by_mark(ctx, look, mark, values, reads);
}

/* ---- Counters and revisions */

static int64_t take_digits(const char **at) {
    int64_t v = 0;

    for (int i = 0; i < POST_DIGITS && **at >= '0' && **at <= '9'; i++)
        v = v * 10 + (*(*at)++ - '0');
    return v;
}

void post_row_parse(const char **at, struct post_row *ret) {
    ret->id = ret->cursor = take_digits(at);
    ret->author = take_digits(at);
    ret->inner = take_digits(at);
    ret->inner_author = take_digits(at);
}

/* A number, perhaps negative, and the blank behind it. */
static int64_t take_number(const char **at) {
    bool negative = **at == '-';
    int64_t v = 0;

    for (*at += negative; **at >= '0' && **at <= '9'; (*at)++)
        v = v * 10 + (**at - '0');
    *at += **at == ' ';
    return negative ? -v : v;
}

struct known post_known_of(int64_t id, const redisReply *stat) {
    struct known k = {.id = id, .revision = POST_NONE, .counters.version = POST_NONE};
    const char *at;

    if (stat->type != REDIS_REPLY_STRING)
        return k;
    at = stat->str;
    k.revision = take_number(&at);
    k.counters.version = take_number(&at);
    k.counters.likes = take_number(&at);
    k.counters.reposts = take_number(&at);
    k.counters.comments = take_number(&at);
    if (k.counters.version == POST_NONE)
        k.revision = POST_NONE; /* half of it is missing: SQL knows both */
    return k;
}

/* Two for each row: its post, and the original. false when Redis does not say. */
static bool take_stats(struct ctx *ctx, const struct look *look, const struct post_row *rows,
                       struct known *known) {
    const redisReply *r = redis_got(ctx, ctx->env->redis, look->stats);
    size_t next = 0, wanted = look->n;

    for (size_t i = 0; i < look->n; i++)
        wanted += rows[i].inner != 0;
    if (!post_answered(ctx, r) || r->type != REDIS_REPLY_ARRAY || r->elements != wanted)
        return false;
    for (size_t i = 0; i < look->n; i++) {
        known[2 * i] = post_known_of(rows[i].id, r->element[next++]);
        known[2 * i + 1] =
            rows[i].inner != 0 ? post_known_of(rows[i].inner, r->element[next++]) : (struct known){0};
    }
    return true;
}

/* ---- Reading rows */

static char *put_digits(char *to, int64_t v) {
    for (int i = POST_DIGITS - 1; i >= 0; i--, v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + POST_DIGITS;
}

const char *post_row_format(struct ctx *ctx, const struct post_row *row) {
    char *line = arena_alloc(ctx->arena, 4 * POST_DIGITS + 1),
         *end = put_digits(put_digits(line, row->id), row->author);

    if (row->inner != 0)
        end = put_digits(put_digits(end, row->inner), row->inner_author);
    *end = '\0';
    return line;
}

/* Without Redis, SQL knows. */
static void known_of_nobody(const struct post_row *rows, size_t n, struct known *known) {
    static const redisReply nil = {.type = REDIS_REPLY_NIL};

    for (size_t i = 0; i < n; i++) {
        known[2 * i] = post_known_of(rows[i].id, &nil);
        known[2 * i + 1] = post_known_of(rows[i].inner, &nil);
    }
}

/* What Redis says, but for reactions: two known for each row, and the reads without their views. */
static enum code look_take(struct ctx *ctx, const struct look *look, const struct post_row *rows,
                           struct known *known, struct post_read *ret, const char **ret_mark) {
    *ret_mark = NULL;
    for (size_t i = 0; i < look->n; i++)
        ret[i] = (struct post_read){.row = rows[i]};
    if (look->n > 0 && !take_stats(ctx, look, rows, known))
        known_of_nobody(rows, look->n, known);
    return look->viewer != 0 ? take_edges(ctx, look, ret, ret_mark) : OK;
}

static enum code views_take(struct ctx *ctx, struct known *known, struct post_read *ret, size_t n) {
    enum code c = post_known_fill(ctx, known, 2 * n);

    for (size_t i = 0; c == OK && i < n; i++) {
        ret[i].post = known[2 * i].view;
        ret[i].inner = known[2 * i + 1].view;
    }
    return c;
}

enum code post_read_marked(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                           struct post_read *ret, const char **ret_mark) {
    struct known *known = arena_alloc(ctx->arena, 2 * n * sizeof *known);
    struct look look;
    enum code c;

    look_get(ctx, viewer, rows, n, &look);
    if ((c = look_take(ctx, &look, rows, known, ret, ret_mark)) != OK ||
        (viewer != 0 && n > 0 && (c = take_mine(ctx, &look, ret)) != OK))
        return c;
    return views_take(ctx, known, ret, n);
}

enum code post_store_read(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                          struct post_read *ret) {
    const char *mark;

    return n > 0 ? post_read_marked(ctx, viewer, rows, n, ret, &mark) : OK;
}

/* ---- Several readers */

/* One row for a viewer, and what Redis says of its reactions. */
struct look_for {
    struct look look;
    struct marked_value mine;
    const char *mark;
};

/* Many are told of something who read nothing for a week: their reactions are asked for, and not built. */
static void mine_ahead(struct ctx *ctx, struct look_for *looks, const struct post_row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        looks[i].mark = marked_answer(ctx, &looks[i].look.mine, &looks[i].mine);
        if (looks[i].mark == NULL)
            post_mine_ahead(ctx, looks[i].look.viewer, &rows[i]);
    }
}

enum code post_store_read_for(struct ctx *ctx, const int64_t *viewers, const struct post_row *rows, size_t n,
                              struct post_read *ret) {
    struct known *known = arena_many(ctx->arena, struct known, 2 * n);
    struct look_for *looks = arena_many(ctx->arena, struct look_for, n);
    const char *mark;
    enum code c;

    for (size_t i = 0; i < n; i++)
        look_ask(ctx, viewers[i], &rows[i], 1, &looks[i].look);
    mine_ahead(ctx, looks, rows, n);
    for (size_t i = 0; i < n; i++)
        if ((c = look_take(ctx, &looks[i].look, &rows[i], &known[2 * i], &ret[i], &mark)) != OK ||
            (c = mine_by_mark(ctx, &looks[i].look, looks[i].mark, &looks[i].mine, &ret[i])) != OK)
            return c;
    return views_take(ctx, known, ret, n);
}

/* ---- Rows of ids */

enum code post_store_rows(struct ctx *ctx, const int64_t *ids, size_t n, struct post_row *ret) {
    Pb__PostView **found = arena_many(ctx->arena, Pb__PostView *, n);
    int64_t *inner = arena_many(ctx->arena, int64_t, n);
    enum code c;

    if ((c = post_views_any(ctx, ids, n, found)) != OK)
        return c;
    for (size_t i = 0; i < n; i++) {
        ret[i] = (struct post_row){.cursor = ids[i]};
        if (found[i] == NULL)
            continue;
        ret[i].id = ids[i];
        ret[i].author = found[i]->author_id;
        ret[i].inner = inner[i] = found[i]->repost_of_id;
    }
    if ((c = post_views_any(ctx, inner, n, found)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (inner[i] != 0 && found[i] != NULL)
            ret[i].inner_author = found[i]->author_id;
    return OK;
}

/* What post_store_rows() would say, from what the worker knows already. */
static bool row_known(int64_t id, struct post_row *ret) {
    const Pb__PostView *post = post_view_known(id), *inner;

    if (post == NULL)
        return false;
    *ret = (struct post_row){id, id, post->author_id, post->repost_of_id, 0};
    if (ret->inner == 0)
        return true;
    if ((inner = post_view_known(ret->inner)) != NULL)
        ret->inner_author = inner->author_id;
    return inner != NULL;
}

void post_store_one_ahead(struct ctx *ctx, int64_t viewer, int64_t id) {
    struct post_row row;

    if (row_known(id, &row))
        post_look_ahead(ctx, viewer, &row, 1);
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
