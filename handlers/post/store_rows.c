/* Timelines and counts out of PostgreSQL. */
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/post/store.h"
#include "handlers/services.h"

#define DAY_MS INT64_C(86400000)

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_POST]; }

/* No bound means the largest id. */
static struct pg_val max_of(const struct post_range *range) {
    return pg_i8(range->max > 0 ? range->max : INT64_MAX);
}

/* ---- Timelines */

static enum code rows_read(struct ctx *ctx, enum code c, const PGresult *r, struct post_row **ret,
                           size_t *ret_n) {
    size_t n = c == OK ? (size_t)PQntuples(r) : 0;
    struct post_row *rows = arena_many(ctx->arena, struct post_row, n);

    for (size_t i = 0; i < n; i++)
        rows[i] =
            (struct post_row){pg_get_int(r, (int)i, 0), pg_get_int(r, (int)i, 1), pg_get_int(r, (int)i, 2),
                              pg_get_int(r, (int)i, 3), pg_get_int(r, (int)i, 4)};
    *ret = rows;
    *ret_n = n;
    return c;
}

enum code post_store_home_rows(struct ctx *ctx, int64_t viewer, const int64_t *authors, size_t n_authors,
                               const struct post_range *range, struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), who = pg_ids(authors, n_authors);
    PGresult *r = NULL;
    enum code c =
        range->up ? pg_run(ctx, db(ctx), &Q_POST_HOME_ABOVE, &r, pg_i8(viewer), who, pg_i8(range->min), limit)
                  : pg_run(ctx, db(ctx), &Q_POST_HOME_BELOW, &r, pg_i8(viewer), who, max_of(range),
                           pg_i8(range->since), limit);

    return rows_read(ctx, c, r, ret, ret_n);
}

enum code post_store_list_rows(struct ctx *ctx, int64_t viewer, const struct list_query *q,
                               const struct post_range *range, struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), who = pg_i8(viewer),
                  members = pg_ids(q->members, q->n_members), answered = pg_ids(q->answered, q->n_answered);
    PGresult *r = NULL;
    enum code c = range->up ? pg_run(ctx, db(ctx), &Q_POST_LIST_ABOVE, &r, who, members, answered,
                                     pg_i8(range->min), limit)
                            : pg_run(ctx, db(ctx), &Q_POST_LIST_BELOW, &r, who, members, answered,
                                     max_of(range), pg_i8(range->since), limit);

    return rows_read(ctx, c, r, ret, ret_n);
}

static enum code local_rows(struct ctx *ctx, const struct query *below, const struct query *above,
                            const struct post_range *range, struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit);
    PGresult *r = NULL;
    enum code c = range->up ? pg_run(ctx, db(ctx), above, &r, pg_i8(range->min), limit)
                            : pg_run(ctx, db(ctx), below, &r, max_of(range), pg_i8(range->since), limit);

    return rows_read(ctx, c, r, ret, ret_n);
}

enum code post_store_local_rows(struct ctx *ctx, bool only_media, const struct post_range *range,
                                struct post_row **ret, size_t *ret_n) {
    return only_media
               ? local_rows(ctx, &Q_POST_LOCAL_MEDIA_BELOW, &Q_POST_LOCAL_MEDIA_ABOVE, range, ret, ret_n)
               : local_rows(ctx, &Q_POST_LOCAL_BELOW, &Q_POST_LOCAL_ABOVE, range, ret, ret_n);
}

enum code post_store_tag_rows(struct ctx *ctx, const char *folded, const struct post_range *range,
                              struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), tag = pg_text(folded);
    PGresult *r = NULL;
    enum code c = range->up ? pg_run(ctx, db(ctx), &Q_POST_TAG_ABOVE, &r, tag, pg_i8(range->min), limit)
                            : pg_run(ctx, db(ctx), &Q_POST_TAG_BELOW, &r, tag, max_of(range),
                                     pg_i8(range->since), limit);

    return rows_read(ctx, c, r, ret, ret_n);
}

enum code post_store_tags_rows(struct ctx *ctx, const struct tags_query *q, const struct post_range *range,
                               struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), any = pg_texts(q->any, q->n_any);
    struct pg_val all = pg_texts(q->all, q->n_all), none = pg_texts(q->none, q->n_none),
                  media = pg_bool(q->only_media);
    PGresult *r = NULL;
    enum code c = range->up ? pg_run(ctx, db(ctx), &Q_POST_TAGS_ABOVE, &r, any, all, none, pg_i8(range->min),
                                     limit, media)
                            : pg_run(ctx, db(ctx), &Q_POST_TAGS_BELOW, &r, any, all, none, max_of(range),
                                     pg_i8(range->since), limit, media);

    return rows_read(ctx, c, r, ret, ret_n);
}

static enum code author_media_rows(struct ctx *ctx, const struct author_query *q,
                                   const struct post_range *range, struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), author = pg_i8(q->author), reader = pg_i8(q->reader);
    struct pg_val widest = pg_i4(q->widest), replies = pg_bool(q->with_replies), pins = pg_bool(q->with_pins),
                  tag = pg_text(q->tag);
    PGresult *r = NULL;
    enum code c = range->up ? pg_run(ctx, db(ctx), &Q_POST_AUTHOR_MEDIA_ABOVE, &r, author, pg_i8(range->min),
                                     limit, widest, reader, replies, pins, tag)
                            : pg_run(ctx, db(ctx), &Q_POST_AUTHOR_MEDIA_BELOW, &r, author, max_of(range),
                                     pg_i8(range->since), limit, widest, reader, replies, pins, tag);

    return rows_read(ctx, c, r, ret, ret_n);
}

enum code post_store_author_rows(struct ctx *ctx, const struct author_query *q,
                                 const struct post_range *range, struct post_row **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), author = pg_i8(q->author), reader = pg_i8(q->reader);
    struct pg_val widest = pg_i4(q->widest), replies = pg_bool(q->with_replies),
                  reposts = pg_bool(q->with_reposts), pins = pg_bool(q->with_pins), tag = pg_text(q->tag);
    PGresult *r = NULL;
    enum code c;

    if (q->only_media)
        return author_media_rows(ctx, q, range, ret, ret_n);
    c = range->up ? pg_run(ctx, db(ctx), &Q_POST_AUTHOR_ABOVE, &r, author, pg_i8(range->min), limit, widest,
                           reader, replies, reposts, pins, tag)
                  : pg_run(ctx, db(ctx), &Q_POST_AUTHOR_BELOW, &r, author, max_of(range), pg_i8(range->since),
                           limit, widest, reader, replies, reposts, pins, tag);

    return rows_read(ctx, c, r, ret, ret_n);
}

/* What a reader did to posts; a row's cursor is that act's own id. */
static enum code reader_rows(struct ctx *ctx, const struct query *below, const struct query *above,
                             int64_t reader, const struct post_range *range, struct post_row **ret,
                             size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit), who = pg_i8(reader);
    PGresult *r = NULL;
    enum code c = range->up ? pg_run(ctx, db(ctx), above, &r, who, pg_i8(range->min), limit)
                            : pg_run(ctx, db(ctx), below, &r, who, max_of(range), pg_i8(range->since), limit);

    return rows_read(ctx, c, r, ret, ret_n);
}

enum code post_store_like_rows(struct ctx *ctx, int64_t reader, const struct post_range *range,
                               struct post_row **ret, size_t *ret_n) {
    return reader_rows(ctx, &Q_POST_LIKES_BELOW, &Q_POST_LIKES_ABOVE, reader, range, ret, ret_n);
}

enum code post_store_bookmark_rows(struct ctx *ctx, int64_t reader, const struct post_range *range,
                                   struct post_row **ret, size_t *ret_n) {
    return reader_rows(ctx, &Q_POST_BOOKMARKS_BELOW, &Q_POST_BOOKMARKS_ABOVE, reader, range, ret, ret_n);
}

/* ---- Who reacted */

static enum code reactions(struct ctx *ctx, const struct query *below, const struct query *above, int64_t id,
                           const struct post_range *range, struct post_reaction **ret, size_t *ret_n) {
    struct pg_val limit = pg_i8((int64_t)range->limit);
    PGresult *r;
    enum code c = range->up
                      ? pg_run(ctx, db(ctx), above, &r, pg_i8(id), pg_i8(range->min), limit)
                      : pg_run(ctx, db(ctx), below, &r, pg_i8(id), max_of(range), pg_i8(range->since), limit);

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, struct post_reaction, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = (struct post_reaction){pg_get_int(r, (int)i, 0), pg_get_int(r, (int)i, 1)};
    return OK;
}

enum code post_store_likers(struct ctx *ctx, int64_t id, const struct post_range *range,
                            struct post_reaction **ret, size_t *ret_n) {
    return reactions(ctx, &Q_POST_LIKERS, &Q_POST_LIKERS_ABOVE, id, range, ret, ret_n);
}

enum code post_store_reposters(struct ctx *ctx, int64_t id, const struct post_range *range,
                               struct post_reaction **ret, size_t *ret_n) {
    return reactions(ctx, &Q_POST_REPOSTERS, &Q_POST_REPOSTERS_ABOVE, id, range, ret, ret_n);
}

enum code post_store_own_repost(struct ctx *ctx, int64_t member, int64_t post, int64_t *ret_id) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_OWN_REPOST, &r, pg_i8(member), pg_i8(post));

    if (c == OK)
        *ret_id = PQntuples(r) > 0 ? pg_get_int(r, 0, 0) : 0;
    return c;
}

/* ---- Counts and tags */

void post_store_counts_ahead(struct ctx *ctx, const int64_t *users, size_t n) {
    pg_ahead(ctx, db(ctx), &Q_POST_AUTHORS, pg_ids(users, n));
}

enum code post_store_counts(struct ctx *ctx, const int64_t *users, size_t n, Pb__PostCounts ***ret,
                            size_t *ret_n) {
    PGresult *r;
    enum code c;

    if ((c = pg_run(ctx, db(ctx), &Q_POST_AUTHORS, &r, pg_ids(users, n))) != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__PostCounts *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        Pb__PostCounts *k = (*ret)[i] = arena_one(ctx->arena, Pb__PostCounts);

        pb__post_counts__init(k);
        k->user_id = pg_get_int(r, (int)i, 0);
        k->posts = pg_get_int(r, (int)i, 1);
        k->last_ms = pg_get_time(r, (int)i, 2);
    }
    return OK;
}

/* The beginning of a tag as a pattern of LIKE. */
static const char *like_pattern(struct ctx *ctx, const char *prefix) {
    struct buf b;

    buf_init(&b, ctx->arena, 4096);
    for (const char *p = prefix; *p != '\0'; p++) {
        if (*p == '%' || *p == '_' || *p == '\\')
            buf_putc(&b, '\\');
        buf_putc(&b, *p);
    }
    buf_putc(&b, '%');
    return buf_str(&b);
}

enum code post_store_tags(struct ctx *ctx, const char *prefix, int64_t since, size_t limit,
                          Pb__TagInfo ***ret, size_t *ret_n) {
    struct pg_val most = pg_i8((int64_t)limit);
    PGresult *r;
    enum code c = *prefix == '\0' ? pg_run(ctx, db(ctx), &Q_POST_TRENDING_TAGS, &r, pg_i8(since), most)
                                  : pg_run(ctx, db(ctx), &Q_POST_TAGS_LIKE, &r,
                                           pg_text(like_pattern(ctx, prefix)), pg_text(prefix), most);

    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, Pb__TagInfo *, *ret_n);
    for (size_t i = 0; i < *ret_n; i++) {
        Pb__TagInfo *t = (*ret)[i] = arena_one(ctx->arena, Pb__TagInfo);

        pb__tag_info__init(t);
        t->name = pg_get_str(r, (int)i, 0);
        t->posts = pg_get_int(r, (int)i, 1);
        t->people = pg_get_int(r, (int)i, 2);
    }
    return OK;
}

enum code post_store_tag_counts(struct ctx *ctx, const char *folded, int64_t *ret_posts,
                                int64_t *ret_people) {
    PGresult *r;
    enum code c;

    if ((c = pg_run(ctx, db(ctx), &Q_POST_TAG_COUNTS, &r, pg_text(folded))) != OK)
        return c;
    *ret_posts = pg_get_int(r, 0, 0);
    *ret_people = pg_get_int(r, 0, 1);
    return OK;
}

/* `today` is the number of the first day. */
static void days_begin(struct ctx *ctx, Pb__TagInfo *tag, int64_t today, size_t days) {
    tag->n_days = days;
    tag->days = arena_many(ctx->arena, Pb__TagDay *, days);
    for (size_t i = 0; i < days; i++) {
        tag->days[i] = arena_one(ctx->arena, Pb__TagDay);
        pb__tag_day__init(tag->days[i]);
        tag->days[i]->day_ms = ID_EPOCH_MS + (today - (int64_t)i) * DAY_MS;
    }
}

enum code post_store_tag_days(struct ctx *ctx, Pb__TagInfo *const *tags, size_t n, size_t days) {
    int64_t today = (clock_now_ms() - ID_EPOCH_MS) / DAY_MS, first = today - (int64_t)days + 1;
    const char **folded = arena_many(ctx->arena, const char *, n);
    PGresult *r = NULL;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        days_begin(ctx, tags[i], today, days);
        if ((folded[i] = text_fold(ctx->arena, tags[i]->name)) == NULL)
            folded[i] = "";
    }
    c = pg_run(ctx, db(ctx), &Q_POST_TAG_DAYS, &r, pg_texts(folded, n),
               pg_i8(id_floor_at(ID_EPOCH_MS + first * DAY_MS)));
    for (int row = 0; c == OK && row < PQntuples(r); row++) {
        int64_t which = pg_get_int(r, row, 0), day = pg_get_int(r, row, 1);

        if (day < first || day > today)
            continue;
        tags[which]->days[today - day]->posts = pg_get_int(r, row, 2);
        tags[which]->days[today - day]->people = pg_get_int(r, row, 3);
    }
    return c;
}

enum code post_store_popular_rows(struct ctx *ctx, int64_t since, size_t limit, struct post_row **ret,
                                  size_t *ret_n) {
    PGresult *r = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_POST_POPULAR, &r, pg_i8(since), pg_i8((int64_t)limit));

    return rows_read(ctx, c, r, ret, ret_n);
}
