/* The beginning of each author's own timeline in Redis: one string, dropped with every post that comes or
 * goes. */
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/id.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

#define HEAD_ROWS 60
#define HEAD_BYTES 16384
#define BUILD_S "30"

/* KEYS: what is built. ARGV: the builder's token, what it read. */
static struct redis_script finish_build = {
    .src = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
           "redis.call('SET', KEYS[1], ARGV[2], 'EX', " POST_TTL_S ")\n"
           "return 1",
};

static const char *key_of(struct ctx *ctx, int64_t author) {
    return arena_printf(ctx->arena, "post:author:%lld", (long long)author);
}

/* ---- As it stands in Redis: "e" or "f" (to the very end, or not), then lines of a letter and a row: p
 * pinned, c of all readers' interest, r a comment for somebody else */

static void add_row(struct author_head *head, char kind, const struct post_row *row) {
    struct author_row *to = kind == 'p' ? &head->pins[head->n_pins++] : &head->rows[head->n++];

    to->row = *row;
    to->is_reply = kind == 'r';
}

static void head_init(struct ctx *ctx, struct author_head *head, size_t room) {
    *head = (struct author_head){0};
    head->pins = arena_many(ctx->arena, struct author_row, room);
    head->rows = arena_many(ctx->arena, struct author_row, room);
}

static void head_parse(struct ctx *ctx, const char *text, size_t n, struct author_head *head) {
    const char *at = text + 1;

    head_init(ctx, head, n / 39 + 1);
    head->complete = text[0] == 'e';
    while (*at == '\n' && at[1] != '\0') {
        struct post_row row;
        char kind = at[1];

        at += 2;
        post_row_parse(&at, &row);
        add_row(head, kind, &row);
    }
}

/* Rows of post_author_head. */
static const char *head_read(struct ctx *ctx, const PGresult *r, struct author_head *head) {
    int n = PQntuples(r);
    struct buf text;

    head_init(ctx, head, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        struct post_row row = {pg_get_int(r, i, 0), pg_get_int(r, i, 0), pg_get_int(r, i, 1),
                               pg_get_int(r, i, 2), pg_get_int(r, i, 3)};

        add_row(head, "cpr"[pg_get_int(r, i, 4)], &row);
    }
    head->complete = head->n < HEAD_ROWS;
    buf_init(&text, ctx->arena, HEAD_BYTES);
    buf_putc(&text, head->complete ? 'e' : 'f');
    for (size_t i = 0; i < head->n_pins; i++)
        buf_printf(&text, "\np%s", post_row_format(ctx, &head->pins[i].row));
    for (size_t i = 0; i < head->n; i++)
        buf_printf(&text, "\n%c%s", head->rows[i].is_reply ? 'r' : 'c',
                   post_row_format(ctx, &head->rows[i].row));
    return buf_overflowed(&text) ? NULL : buf_str(&text);
}

/* ---- Reading and building */

const char *post_build_begin(struct ctx *ctx, const char *key) {
    const char *token = arena_printf(ctx->arena, "b%lld", (long long)id_next());
    const redisReply *r;

    redis_add(ctx->env->redis, "SET %s %s NX EX " BUILD_S, key, token);
    r = redis_next(ctx, ctx->env->redis);
    return post_answered(ctx, r) && r->type == REDIS_REPLY_STATUS ? token : NULL;
}

void post_build_finish(struct ctx *ctx, const char *key, const char *token, const char *text) {
    const char *argv[] = {key, token, text};

    redis_add_script(ctx, ctx->env->redis, &finish_build, 1, 3, argv, NULL);
    post_answered(ctx, redis_next_script(ctx, ctx->env->redis));
}

enum code post_store_author_head(struct ctx *ctx, int64_t author, struct author_head *ret) {
    const char *key = key_of(ctx, author), *token, *text;
    const redisReply *r;
    PGresult *rows;
    enum code c;

    redis_add(ctx->env->redis, "GET %s", key);
    r = redis_next(ctx, ctx->env->redis);
    if (post_answered(ctx, r) && r->type == REDIS_REPLY_STRING && r->str[0] != 'b') {
        head_parse(ctx, r->str, r->len, ret);
        return OK;
    }
    token = r != NULL && r->type == REDIS_REPLY_NIL ? post_build_begin(ctx, key) : NULL;
    c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_AUTHOR_HEAD, &rows, pg_i8(author), pg_i8(HEAD_ROWS));
    if (c != OK)
        return c;
    text = head_read(ctx, rows, ret);
    if (token != NULL && text != NULL)
        post_build_finish(ctx, key, token, text);
    return OK;
}
