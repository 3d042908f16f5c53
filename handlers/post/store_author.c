/* The beginning of each author's own timeline in Redis: one string, dropped with every post that comes or
 * goes. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/kept.h"
#include "handlers/common/models.h"
#include "handlers/post/store_read.h"
#include "handlers/services.h"

#define HEAD_ROWS 60
#define HEAD_BYTES 16384
static const char *key_of(struct ctx *ctx, int64_t author) {
    return arena_printf(ctx->arena, "post:author:%lld", (long long)author);
}

/* ---- As it stands in Redis: "e" or "f" (to the very end, or not), how many posts the author has and when
 * the last one came, then lines of a letter and a row: p pinned, c of all readers' interest, r a comment for
 * somebody else */

static void add_row(struct author_head *head, char kind, const struct post_row *row) {
    struct author_row *to = kind == 'p' ? &head->pins[head->n_pins++] : &head->rows[head->n++];

    to->row = *row;
    to->is_reply = kind == 'r';
}

static void head_init(struct ctx *ctx, struct author_head *head, size_t room) {
    *head = (struct author_head){.counts = PB__POST_COUNTS__INIT};
    head->pins = arena_many(ctx->arena, struct author_row, room);
    head->rows = arena_many(ctx->arena, struct author_row, room);
}

/* false when it is of a version that did not say. */
static bool count_parse(const char *text, Pb__PostCounts *ret) {
    char *at;

    if (text[1] < '0' || text[1] > '9')
        return false;
    ret->posts = strtoll(text + 1, &at, 10);
    ret->last_ms = strtoll(at, NULL, 10);
    return true;
}

static void count_read(const PGresult *r, Pb__PostCounts *ret) {
    if (PQntuples(r) == 0)
        return;
    ret->posts = pg_get_int(r, 0, 1);
    ret->last_ms = pg_get_time(r, 0, 2);
}

static void head_parse(struct ctx *ctx, const char *text, struct author_head *head) {
    const char *at = text + strcspn(text, "\n");

    head_init(ctx, head, strlen(text) / 39 + 1);
    head->counted = count_parse(text, &head->counts);
    head->complete = text[0] == 'e';
    while (*at == '\n' && at[1] != '\0') {
        struct post_row row;
        char kind = at[1];

        at += 2;
        post_row_parse(&at, &row);
        add_row(head, kind, &row);
    }
}

/* Rows of post_author_head; as text, with the counts. NULL: too much to be kept. */
static const char *head_read(struct ctx *ctx, const PGresult *r, const Pb__PostCounts *counts,
                             struct author_head *head) {
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
    buf_printf(&text, "%lld %lld", (long long)counts->posts, (long long)counts->last_ms);
    for (size_t i = 0; i < head->n_pins; i++)
        buf_printf(&text, "\np%s", post_row_format(ctx, &head->pins[i].row));
    for (size_t i = 0; i < head->n; i++)
        buf_printf(&text, "\n%c%s", head->rows[i].is_reply ? 'r' : 'c',
                   post_row_format(ctx, &head->rows[i].row));
    return buf_overflowed(&text) ? NULL : buf_str(&text);
}

/* ---- Reading and building */

/* Both in one round trip, and each no older than the mark. */
static enum code head_build(struct ctx *ctx, int64_t author, const char *token, struct author_head *head,
                            Pb__PostCounts *counts) {
    struct pg *db = ctx->env->pg[SVC_POST];
    PGresult *rows = NULL, *counted = NULL;
    const char *text;
    enum code c;

    if ((c = pg_queue_read(ctx, db, &Q_POST_AUTHOR_HEAD, pg_i8(author), pg_i8(HEAD_ROWS))) != OK ||
        (c = pg_queue_read(ctx, db, &Q_POST_AUTHORS, pg_ids(&author, 1))) != OK ||
        (c = pg_fetch(ctx, db, &rows)) != OK || (c = pg_fetch(ctx, db, &counted)) != OK)
        return c;
    count_read(counted, counts);
    text = head_read(ctx, rows, counts, head);
    head->counts = *counts;
    head->counted = true;
    if (token != NULL && text != NULL)
        kept_put(ctx, key_of(ctx, author), token, text);
    return OK;
}

enum code post_store_author_head(struct ctx *ctx, int64_t author, struct author_head *ret) {
    const char *token, *text = kept_get(ctx, key_of(ctx, author), &token);
    Pb__PostCounts counts = PB__POST_COUNTS__INIT;

    counts.user_id = author;
    if (text == NULL)
        return head_build(ctx, author, token, ret, &counts);
    head_parse(ctx, text, ret);
    ret->counts.user_id = author;
    return OK;
}

enum code post_store_author_count(struct ctx *ctx, int64_t author, Pb__PostCounts *ret) {
    const char *token, *text = kept_get(ctx, key_of(ctx, author), &token);
    struct author_head head;
    PGresult *counted;
    enum code c;

    pb__post_counts__init(ret);
    ret->user_id = author;
    if (text == NULL)
        return head_build(ctx, author, token, &head, ret);
    if (count_parse(text, ret))
        return OK;
    if ((c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_AUTHORS, &counted, pg_ids(&author, 1))) == OK)
        count_read(counted, ret);
    return c;
}

void post_store_author_ahead(struct ctx *ctx, int64_t viewer, int64_t author, bool with_replies) {
    if (post_looks_ahead(ctx))
        return;
    edges_ahead(ctx, viewer, &author, 1);
    kept_ahead(ctx, key_of(ctx, author));
    post_rows_ahead(ctx, viewer, author, with_replies ? POST_ROWS_REPLIES : POST_ROWS_AUTHOR);
}
