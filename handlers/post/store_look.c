/* Looking at rows for a reader: one script tells counters and revisions of all posts, and what of relations
 * and reactions the worker does not know yet. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/lru.h"
#include "fcgi/log.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/post/store_read.h"

#define HASHES_BYTES ((size_t)1 << 20) /* of each kind */

bool post_answered(struct ctx *ctx, const redisReply *r) {
    if (r == NULL)
        fail_clear(ctx);
    else if (r->type == REDIS_REPLY_ERROR)
        log_error(ctx, "redis refuses", "error=%s", r->str);
    return r != NULL && r->type != REDIS_REPLY_ERROR;
}

/* ---- Small hashes that the worker knows whole: by their reader */

/* "bits", "bits:until" of conn:rel, "bits:n:n:n" of post:mine: what counts of it here. */
struct pair {
    int64_t id;
    uint32_t bits;
    uint32_t until_s; /* conn:rel: when a mute ends, Unix time; 0: never */
};
struct hash {
    char mark[48];
    size_t n;
    struct pair pairs[]; /* by id */
};

static struct lru *rels, *mines;

static const char *mark_known(struct ctx *ctx, struct lru *lru, int64_t viewer) {
    const struct hash *h = lru != NULL ? lru_get(lru, viewer) : NULL;

    return h != NULL ? arena_strdup(ctx->arena, h->mark) : "";
}

const char *post_known_rel(struct ctx *ctx, int64_t viewer) { return mark_known(ctx, rels, viewer); }
const char *post_known_mine(struct ctx *ctx, int64_t viewer) { return mark_known(ctx, mines, viewer); }

static int by_id(const void *a, const void *b) {
    const struct pair *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static struct pair pair_read(int64_t id, const char *value) {
    char *rest;
    uint32_t bits = (uint32_t)strtoul(value, &rest, 10);

    return (struct pair){id, bits, *rest == ':' ? (uint32_t)(strtoll(rest + 1, NULL, 10) / 1000) : 0};
}

/* The pair of an id; all zero when the hash does not have it. */
static struct pair hash_value(const struct hash *h, int64_t id) {
    struct pair key = {.id = id};
    const struct pair *found = bsearch(&key, h->pairs, h->n, sizeof key, by_id);

    return found != NULL ? *found : key;
}

/* The next word on a line; its length, 0 at the end. */
static size_t next_word(const char **at, const char **ret) {
    size_t n;

    *at += strspn(*at, " ");
    *ret = *at;
    n = strcspn(*at, " \n");
    *at += n;
    return n;
}

static size_t count_words(const char *at) {
    const char *word;
    size_t n = 0;

    while (next_word(&at, &word) > 0)
        n++;
    return n;
}

/* "<field> <value> …" as a hash; NULL when it is none that can be kept. */
static struct hash *hash_read(const char *at) {
    size_t n = count_words(at) / 2;
    /* lint: memory-of-the-arena: it outlives the request */
    struct hash *h = calloc(1, sizeof *h + n * sizeof h->pairs[0]);

    for (size_t i = 0; h != NULL && i < n; i++) {
        const char *field, *value;
        size_t field_n = next_word(&at, &field), value_n = next_word(&at, &value);

        if (field_n != 1 || *field != '_')
            h->pairs[h->n++] = pair_read(strtoll(field, NULL, 10), value);
        else if (value_n < sizeof h->mark)
            memcpy(h->mark, value, value_n);
    }
    if (h == NULL || h->mark[0] == '\0') {
        free(h); /* lint: memory-of-the-arena */
        return NULL;
    }
    qsort(h->pairs, h->n, sizeof h->pairs[0], by_id);
    return h;
}

static const struct hash *hash_keep(struct lru **lru, int64_t viewer, const char *at) {
    struct hash *h = hash_read(at);

    if (h == NULL)
        return NULL;
    if (*lru == NULL)
        *lru = lru_new(HASHES_BYTES);
    if (*lru == NULL) {
        free(h); /* lint: memory-of-the-arena */
        return NULL;
    }
    lru_put(*lru, viewer, h, sizeof *h + h->n * sizeof h->pairs[0], free);
    return lru_get(*lru, viewer);
}

/* What a line says of a hash: all of it (whole), or a mark and values in the order asked for; neither:
 * nothing is known. */
struct answer {
    const struct hash *whole;
    const char *mark; /* not ended by NUL; NULL: unknown */
    const char *values;
};

static struct answer answer_read(struct lru **lru, int64_t viewer, const char *line) {
    struct answer a = {0};

    if (*line == 'k')
        a.whole = *lru != NULL ? lru_get(*lru, viewer) : NULL;
    else if (*line == 'a')
        a.whole = hash_keep(lru, viewer, line + 1);
    else if (*line == 's' && (line++, next_word(&line, &a.mark) > 0))
        a.values = line;
    if (a.whole != NULL)
        a.mark = a.whole->mark;
    return a;
}

/* What is said of id, which is the next one asked for. */
static struct pair answer_next(struct answer *a, int64_t id) {
    const char *word;

    if (a->whole != NULL)
        return hash_value(a->whole, id);
    if (next_word(&a->values, &word) == 0 || *word == '-')
        return (struct pair){.id = id};
    return pair_read(id, word);
}

/* ---- Relations */

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

static uint32_t edge_next(struct answer *a, int64_t viewer, int64_t author, int64_t now_s) {
    struct pair p = answer_next(a, author);

    if (p.until_s != 0 && p.until_s <= now_s)
        p.bits &= ~EDGE_MUTING;
    return p.bits | (viewer == author ? EDGE_SELF : 0);
}

static enum code take_edges(struct ctx *ctx, const char *line, int64_t viewer, struct post_read *reads,
                            size_t n) {
    struct answer a = answer_read(&rels, viewer, line);
    int64_t now = clock_now_ms() / 1000;

    if (a.mark == NULL)
        return edges_ask(ctx, viewer, reads, n);
    for (size_t i = 0; i < n; i++) {
        reads[i].edges = edge_next(&a, viewer, reads[i].row.author, now);
        if (reads[i].row.inner != 0)
            reads[i].inner_edges = edge_next(&a, viewer, reads[i].row.inner_author, now);
    }
    return OK;
}

/* ---- Reactions */

static enum code take_mine(struct ctx *ctx, const char *line, int64_t viewer, struct post_read *reads,
                           size_t n) {
    struct answer a = answer_read(&mines, viewer, line);
    bool built = a.mark != NULL && *a.mark != 'b', *wanted = arena_many(ctx->arena, bool, n);
    int64_t floor = built ? strtoll(a.mark, NULL, 10) : INT64_MAX;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        if (built)
            reads[i].mine = answer_next(&a, post_target(&reads[i].row)).bits;
        wanted[i] = post_target(&reads[i].row) < floor;
    }
    if (a.mark == NULL && *line == '-' && (c = post_mine_build(ctx, viewer)) != OK)
        return c;
    return post_mine_ask(ctx, viewer, reads, n, wanted);
}

/* ---- What look() said */

static int64_t take_number(const char **at) {
    char *end;
    int64_t v = strtoll(*at, &end, 10);

    *at = end;
    return v;
}

#define DIGITS 19 /* of each number in a row */

static int64_t take_digits(const char **at) {
    int64_t v = 0;

    for (int i = 0; i < DIGITS && **at >= '0' && **at <= '9'; i++)
        v = v * 10 + (*(*at)++ - '0');
    return v;
}

void post_row_parse(const char **at, struct post_row *ret) {
    ret->id = ret->cursor = take_digits(at);
    ret->author = take_digits(at);
    ret->inner = take_digits(at);
    ret->inner_author = take_digits(at);
}

static void take_row(const char **at, struct post_read *read) {
    post_row_parse(at, &read->row);
    *at += **at == '\n';
}

static void take_stat(const char **at, int64_t id, struct known *k) {
    *k = (struct known){.id = id, .revision = POST_NONE, .counters.version = POST_NONE};
    if (**at == '-' && (*at)[1] != '1') {
        (*at)++;
    } else {
        k->revision = take_number(at);
        k->counters.version = take_number(at);
        k->counters.likes = take_number(at);
        k->counters.reposts = take_number(at);
        k->counters.comments = take_number(at);
        if (k->counters.version == POST_NONE)
            k->revision = POST_NONE; /* half of it is missing: SQL knows both */
    }
    *at += **at == ',' || **at == '\n';
}

static const char *line_behind(const char *line) {
    const char *end = strchr(line, '\n');

    return end != NULL ? end + 1 : "";
}

enum code post_read_look(struct ctx *ctx, int64_t viewer, const char *at, struct post_read **ret,
                         size_t *ret_n) {
    size_t n = (size_t)take_number(&at);
    struct post_read *reads = arena_many(ctx->arena, struct post_read, n);
    struct known *known = arena_many(ctx->arena, struct known, 2 * n);
    enum code c;

    *ret = reads;
    *ret_n = n;
    if (n == 0)
        return OK;
    at += *at == '\n';
    for (size_t i = 0; i < n; i++)
        take_row(&at, &reads[i]);
    for (size_t i = 0; i < n; i++) {
        take_stat(&at, reads[i].row.id, &known[2 * i]);
        if (reads[i].row.inner != 0)
            take_stat(&at, reads[i].row.inner, &known[2 * i + 1]);
    }
    if ((c = post_known_fill(ctx, known, 2 * n)) != OK ||
        (viewer != 0 && ((c = take_edges(ctx, at, viewer, reads, n)) != OK ||
                         (c = take_mine(ctx, line_behind(at), viewer, reads, n)) != OK)))
        return c;
    for (size_t i = 0; i < n; i++) {
        reads[i].post = known[2 * i].view;
        reads[i].inner = known[2 * i + 1].view;
    }
    return OK;
}

/* ---- Reading rows */

static char *put_digits(char *to, int64_t v) {
    for (int i = DIGITS - 1; i >= 0; i--, v /= 10)
        to[i] = (char)('0' + v % 10);
    return to + DIGITS;
}

const char *post_row_format(struct ctx *ctx, const struct post_row *row) {
    char *line = arena_alloc(ctx->arena, 4 * DIGITS + 1),
         *end = put_digits(put_digits(line, row->id), row->author);

    if (row->inner != 0)
        end = put_digits(put_digits(end, row->inner), row->inner_author);
    *end = '\0';
    return line;
}

/* KEYS: conn:rel, post:mine of the reader. ARGV: reader, marks that the worker knows of them, rows. */
static struct redis_script look_at = {
    .src = POST_LUA_LOOK "local rows, out = {}, {}\n"
                         "for i = 4, #ARGV do rows[i - 3] = ARGV[i] end\n"
                         "local mark = ARGV[1] ~= '0' and call('HGET', KEYS[1], '_')\n"
                         "look(out, rows, ARGV[1], KEYS[1], mark, ARGV[2], KEYS[2], ARGV[3])\n"
                         "return table.concat(out, '\\n')",
};

/* Without Redis: everything from its owners. */
static enum code read_without_redis(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                                    struct post_read *ret) {
    struct known *known = arena_many(ctx->arena, struct known, 2 * n);
    bool *wanted = arena_many(ctx->arena, bool, n);
    enum code c;

    for (size_t i = 0; i < n; i++) {
        known[2 * i] = (struct known){.id = rows[i].id, .revision = POST_NONE, .counters.version = POST_NONE};
        known[2 * i + 1] =
            (struct known){.id = rows[i].inner, .revision = POST_NONE, .counters.version = POST_NONE};
        wanted[i] = true;
    }
    if ((c = post_known_fill(ctx, known, 2 * n)) != OK || (c = edges_ask(ctx, viewer, ret, n)) != OK ||
        (viewer != 0 && (c = post_mine_ask(ctx, viewer, ret, n, wanted)) != OK))
        return c;
    for (size_t i = 0; i < n; i++) {
        ret[i].post = known[2 * i].view;
        ret[i].inner = known[2 * i + 1].view;
    }
    return OK;
}

/* What look() would say, or NULL. */
static const char *ask_script(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n) {
    const redisReply *r;
    const char **argv = arena_many(ctx->arena, const char *, n + 5);

    argv[0] = arena_printf(ctx->arena, "conn:rel:%" PRId64, viewer);
    argv[1] = arena_printf(ctx->arena, "post:mine:%" PRId64, viewer);
    argv[2] = id_str(ctx->arena, viewer);
    argv[3] = post_known_rel(ctx, viewer);
    argv[4] = post_known_mine(ctx, viewer);
    for (size_t i = 0; i < n; i++)
        argv[i + 5] = post_row_format(ctx, &rows[i]);
    redis_add_script(ctx, ctx->env->redis, &look_at, 2, (int)n + 5, argv, NULL);
    r = redis_next_script(ctx, ctx->env->redis);
    if (post_answered(ctx, r) && r->type == REDIS_REPLY_STRING)
        return r->str;
    return NULL;
}

/* The elements of an array, `between` them, "-" for nil. false when there is no such array. */
static bool add_words(struct ctx *ctx, struct buf *out, const redisReply *r, char between) {
    if (!post_answered(ctx, r) || r->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < r->elements; i++) {
        if (i > 0)
            buf_putc(out, between);
        if (r->element[i]->type == REDIS_REPLY_STRING)
            buf_add(out, r->element[i]->str, r->element[i]->len);
        else
            buf_putc(out, '-');
    }
    return true;
}

/* The line of a hash, whose mark comes first. */
static bool add_hash(struct ctx *ctx, struct buf *out, const redisReply *r) {
    bool known = r != NULL && r->type == REDIS_REPLY_ARRAY && r->elements > 0 &&
                 r->element[0]->type == REDIS_REPLY_STRING;

    buf_puts(out, known ? "\ns " : "\n-");
    return known ? add_words(ctx, out, r, ' ') : post_answered(ctx, r);
}

/* The same for one row, where plain commands cost less than a script. */
static const char *ask_plainly(struct ctx *ctx, int64_t viewer, const struct post_row *row) {
    struct redis *redis = ctx->env->redis;
    long long v = viewer, id = row->id, author = row->author, inner = row->inner, other = row->inner_author;
    struct buf b;
    bool good;

    if (inner != 0)
        redis_add(redis, "MGET post:stat:%019lld post:stat:%019lld", id, inner);
    else
        redis_add(redis, "MGET post:stat:%019lld", id);
    if (viewer != 0 && inner != 0)
        redis_add(redis, "HMGET conn:rel:%lld _ %lld %lld", v, author, other);
    else if (viewer != 0)
        redis_add(redis, "HMGET conn:rel:%lld _ %lld", v, author);
    if (viewer != 0)
        redis_add(redis, "HMGET post:mine:%lld _ %lld", v, (long long)post_target(row));
    buf_init(&b, ctx->arena, 4096);
    buf_printf(&b, "1\n%s\n", post_row_format(ctx, row));
    good = add_words(ctx, &b, redis_next(ctx, redis), ',');
    if (viewer != 0) {
        good = add_hash(ctx, &b, redis_next(ctx, redis)) && good;
        good = add_hash(ctx, &b, redis_next(ctx, redis)) && good;
    }
    return good && !buf_overflowed(&b) ? buf_str(&b) : NULL;
}

enum code post_store_read(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                          struct post_read *ret) {
    struct post_read *reads;
    const char *said;
    size_t got = 0;
    enum code c;

    for (size_t i = 0; i < n; i++)
        ret[i] = (struct post_read){.row = rows[i]};
    if (n == 0)
        return OK;
    said = n == 1 ? ask_plainly(ctx, viewer, &rows[0]) : ask_script(ctx, viewer, rows, n);
    if (said == NULL)
        return read_without_redis(ctx, viewer, rows, n, ret);
    if ((c = post_read_look(ctx, viewer, said, &reads, &got)) != OK)
        return c;
    for (size_t i = 0; i < n && i < got; i++) {
        reads[i].row.cursor = rows[i].cursor;
        ret[i] = reads[i];
    }
    return OK;
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
