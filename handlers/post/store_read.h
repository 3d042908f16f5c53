/* Inside the post service's store: how rows become reads. store_look.c asks Redis, store_view.c knows views,
 * store_mine.c what a reader did; store_react.c repairs what Redis has of reactions. */
#ifndef DEEPLINK_POST_STORE_READ_H
#define DEEPLINK_POST_STORE_READ_H

#include "fcgi/drivers/redis.h"
#include "handlers/post/store.h"

#define POST_TTL_S "604800" /* 7 days */
#define POST_DIGITS 19      /* of each number in a row and in post:stat */
#define POST_NONE (-1)      /* no number where Redis knows none */

/* A look at Redis that failed is no failure of the work: somebody else knows. Says whether there is a reply
 * that is no error. */
bool post_answered(struct ctx *ctx, const redisReply *r);

/* ---- Looking (store_look.c) */

/* Reads rows as post_store_read() does, also none at all; and the mark that conn:rel of the viewer has (NULL:
 * it is not there, or there is no viewer). */
enum code post_read_marked(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n,
                           struct post_read *ret, const char **ret_mark);

/* Asks ahead what a read of exactly these rows will ask. */
void post_look_ahead(struct ctx *ctx, int64_t viewer, const struct post_row *rows, size_t n);

/* Whether this request has done so. */
bool post_looks_ahead(const struct ctx *ctx);

/* Rows that a page showed last. As long as the tag is the same, they are what it shows ("": nothing tells).
 */
struct post_newest {
    char tag[128];
    bool steady; /* the tag was the same at the last two reads */
    size_t n;
    struct post_row rows[];
};
const struct post_newest *post_rows_newest(int64_t whose, enum post_rows kind); /* NULL: none; the cache's */
void post_rows_remember_as(int64_t whose, enum post_rows kind, const char *tag, const struct post_row *rows,
                           size_t n);

/* A row in Redis: its id, its author, and of a repost the original and who wrote that, each in 19 digits. */
const char *post_row_format(struct ctx *ctx, const struct post_row *row);
void post_row_parse(const char **at, struct post_row *ret); /* *at moves behind it */

/* ---- Views (store_view.c) */

/* "post:stat:<id>" with as many digits as rows have. */
const char *post_stat_key(struct ctx *ctx, int64_t id);

/* What is known of one post while it is being read. */
struct known {
    int64_t id;                    /* 0: not wanted */
    int64_t revision;              /* POST_NONE: Redis does not say */
    struct post_counters counters; /* version POST_NONE: Redis has none */
    Pb__PostView *view;
};

/* What post:stat says, without the view; `stat` of another type than a string: nothing. */
struct known post_known_of(int64_t id, const redisReply *stat);

/* Completes views: the worker's where the revision is right, then Redis', then SQL's; NULL stays where there
 * is no such post. Counters go into the views. */
enum code post_known_fill(struct ctx *ctx, struct known *known, size_t n);

/* A view that the worker has, of whatever revision; NULL when it has none. */
const Pb__PostView *post_view_known(int64_t id);

/* Views of whatever revision: for what never changes. */
enum code post_views_any(struct ctx *ctx, const int64_t *ids, size_t n, Pb__PostView **ret);

/* ---- Reactions (store_mine.c) */

/* What a read's reactions are about: the original of a repost. */
static inline int64_t post_target(const struct post_row *row) {
    return row->inner != 0 ? row->inner : row->id;
}

/* Sets `mine` of those reads that are wanted, by SQL. */
enum code post_mine_ask(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n,
                        const bool *wanted);

/* Sends what post_mine_ask() will ask about one row, see pg_ahead(). */
void post_mine_ahead(struct ctx *ctx, int64_t viewer, const struct post_row *row);

/* Has Redis know the reader's reactions, unless somebody is at it; and sets `mine` of the reads. */
enum code post_mine_build(struct ctx *ctx, int64_t viewer, struct post_read *reads, size_t n);

#endif
