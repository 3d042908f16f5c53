/* Tags: one, those in fashion; and posts in fashion. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/entities.h"
#include "handlers/common/limit.h"
#include "handlers/post/rules.h"

#define DAY_MS INT64_C(86400000)
#define TAGS_MAX 40
#define TRENDS_DAYS 7
#define TAG_DAYS 7
#define POSTS_DAYS 3
#define POSTS_MAX 80
#define KEEP_MS (60 * 1000)

/* Whether what a worker read then will still do. */
static bool is_fresh(int64_t at_ms, int64_t now) {
    return at_ms != 0 && now - at_ms < KEEP_MS && now >= at_ms;
}

/* ---- Tags */

enum code post_service_get_tag(struct ctx *ctx, const Pb__TagRequest *req, Pb__TagInfo *reply) {
    enum code c = post_tag_named(ctx, req->name, &reply->name);

    if (c != OK || (c = post_store_tag_days(ctx, &reply, 1, TAG_DAYS)) != OK ||
        (c = post_tags_mark(ctx, req->viewer_id, &reply, 1)) != OK)
        return c;
    for (size_t i = 0; i < TAG_DAYS; i++)
        reply->posts += reply->days[i]->posts;
    return OK;
}

/* Trends of this worker, packed: they stand beside every timeline and need not be of this second. */
static struct {
    int64_t at_ms;
    size_t n;
    struct {
        char name[256];
        int64_t posts, people;
    } tags[TAGS_MAX];
} trends;

static enum code trends_read(struct ctx *ctx) {
    int64_t now = clock_now_ms();
    Pb__TagInfo **tags;
    size_t n;
    enum code c;

    if (is_fresh(trends.at_ms, now))
        return OK;
    if ((c = post_store_tags(ctx, "", id_floor_at(now - TRENDS_DAYS * DAY_MS), TAGS_MAX, &tags, &n)) != OK)
        return c;
    trends.n = 0;
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(tags[i]->name);

        if (size >= sizeof trends.tags[0].name)
            continue;
        memcpy(trends.tags[trends.n].name, tags[i]->name, size + 1);
        trends.tags[trends.n].posts = tags[i]->posts;
        trends.tags[trends.n++].people = tags[i]->people;
    }
    trends.at_ms = now;
    return OK;
}

static enum code trending(struct ctx *ctx, const Pb__TagsRequest *req, size_t limit, Pb__TagsReply *reply) {
    enum code c = trends_read(ctx);
    size_t from = req->offset < trends.n ? req->offset : trends.n;

    if (c != OK)
        return c;
    reply->n_tags = trends.n - from < limit ? trends.n - from : limit;
    reply->tags = arena_many(ctx->arena, Pb__TagInfo *, reply->n_tags);
    for (size_t i = 0; i < reply->n_tags; i++) {
        Pb__TagInfo *t = reply->tags[i] = arena_one(ctx->arena, Pb__TagInfo);

        pb__tag_info__init(t);
        t->name = arena_strdup(ctx->arena, trends.tags[from + i].name);
        t->posts = trends.tags[from + i].posts;
        t->people = trends.tags[from + i].people;
    }
    if (req->days && (c = post_store_tag_days(ctx, reply->tags, reply->n_tags, TAG_DAYS)) != OK)
        return c;
    return post_tags_mark(ctx, req->viewer_id, reply->tags, reply->n_tags);
}

enum code post_service_trending_tags(struct ctx *ctx, const Pb__TagsRequest *req, Pb__TagsReply *reply) {
    size_t limit = limit_of(req->limit, 10, TAGS_MAX);
    const char *query = req->query[0] == '#' ? req->query + 1 : req->query, *folded;
    enum code c;

    if (*query == '\0')
        return trending(ctx, req, limit, reply);
    folded = text_fold(ctx->arena, query);
    if (folded == NULL)
        return fail_field(ctx, "query", "This text is not valid UTF-8.");
    if ((c = post_store_tags(ctx, folded, 0, limit, &reply->tags, &reply->n_tags)) != OK)
        return c;
    return post_tags_mark(ctx, req->viewer_id, reply->tags, reply->n_tags);
}

/* ---- Posts: those that were liked and reposted most of late, as candidates that the rules judge for each
 * reader */

static struct {
    int64_t at_ms;
    size_t n;
    struct post_row rows[POSTS_MAX];
} popular;

static enum code popular_read(struct ctx *ctx) {
    int64_t now = clock_now_ms();
    struct post_row *rows;
    size_t n;
    enum code c;

    if (is_fresh(popular.at_ms, now))
        return OK;
    if ((c = post_store_popular_rows(ctx, id_floor_at(now - POSTS_DAYS * DAY_MS), POSTS_MAX, &rows, &n)) !=
        OK)
        return c;
    popular.n = n < POSTS_MAX ? n : POSTS_MAX;
    memcpy(popular.rows, rows, popular.n * sizeof *rows);
    popular.at_ms = now;
    return OK;
}

/* Only of those who want to be found. */
static bool may_trend(const Pb__PostItem *item) {
    return item->author != NULL && item->author->discoverable && !item->author->noindex;
}

enum code post_service_get_trending_posts(struct ctx *ctx, const Pb__TrendingPostsRequest *req,
                                          Pb__PostsReply *reply) {
    size_t limit = limit_of(req->limit, 20, POSTS_MAX), skip = req->offset, n;
    struct post_read *reads = arena_many(ctx->arena, struct post_read, POSTS_MAX);
    Pb__PostItem **seen = arena_many(ctx->arena, Pb__PostItem *, POSTS_MAX);
    size_t *which = arena_many(ctx->arena, size_t, POSTS_MAX);
    enum code c;

    if ((c = popular_read(ctx)) != OK ||
        (c = post_store_read(ctx, req->viewer_id, popular.rows, popular.n, reads)) != OK ||
        (c = post_items(ctx, req->viewer_id, POST_IN_LOCAL, reads, popular.n, seen, which, &n)) != OK)
        return c;
    reply->items = arena_many(ctx->arena, Pb__PostItem *, limit);
    for (size_t i = 0; i < n && reply->n_items < limit; i++) {
        if (!may_trend(seen[i]))
            continue;
        if (skip > 0)
            skip--;
        else
            reply->items[reply->n_items++] = seen[i];
    }
    return OK;
}
