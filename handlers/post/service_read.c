/* Reading posts: one, some, a history, who reacted; counts and tags. Threads stand in service_thread.c. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/entities.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/post/rules.h"
#include "handlers/post/service.h"

#define IDS_MAX 400
#define WHO_MAX 80

/* ---- Posts by id */

static bool is_older(const Pb__GetPostsRequest *req, const Pb__PostView *post) {
    for (size_t i = 0; i < req->n_ids && i < req->n_revisions; i++)
        if (req->ids[i] == post->id && post->revision < req->revisions[i])
            return true;
    return false;
}

/* An event may be heard before the worker that made it has told Redis: what is older there is said anew. */
static enum code catch_up(struct ctx *ctx, const Pb__GetPostsRequest *req, const struct post_row *rows,
                          size_t n, struct post_read *reads) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    size_t n_ids = 0;
    enum code c;

    for (size_t i = 0; i < n; i++)
        if (reads[i].post != NULL && is_older(req, reads[i].post))
            ids[n_ids++] = reads[i].post->id;
    if (n_ids == 0 || (c = post_store_republish(ctx, ids, n_ids)) != OK)
        return n_ids == 0 ? OK : c;
    return post_store_read(ctx, req->viewer_id, rows, n, reads);
}

enum code post_service_get_posts(struct ctx *ctx, const Pb__GetPostsRequest *req, Pb__PostsReply *reply) {
    size_t n = req->n_ids, *which = arena_many(ctx->arena, size_t, n), known = 0;
    struct post_row *rows = arena_many(ctx->arena, struct post_row, n);
    struct post_read *reads = arena_many(ctx->arena, struct post_read, n);
    enum code c;

    if (n > IDS_MAX)
        return fail_field(ctx, "ids", "Ask for at most 400 posts at once.");
    if ((c = post_store_rows(ctx, req->ids, n, rows)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (rows[i].id != 0)
            rows[known++] = rows[i];
    reply->items = arena_many(ctx->arena, Pb__PostItem *, n);
    if (req->with_muted && req->viewer_id != 0)
        post_store_muted_prefetch(ctx, req->viewer_id);
    if ((c = post_store_read(ctx, req->viewer_id, rows, known, reads)) != OK ||
        (c = catch_up(ctx, req, rows, known, reads)) != OK)
        return c;
    return post_items(ctx, req->viewer_id, POST_BY_ITSELF, reads, known, reply->items, which,
                      &reply->n_items);
}

/* Rows of the posts that there are, each beside its viewer. */
static enum code rows_for(struct ctx *ctx, const Pb__PostsForRequest *req, struct post_row *rows,
                          int64_t *viewers, uint32_t *which, size_t *ret_n) {
    enum code c = post_store_rows(ctx, req->ids, req->n_ids, rows);
    size_t n = 0;

    for (size_t i = 0; c == OK && i < req->n_ids; i++) {
        if (rows[i].id == 0)
            continue;
        rows[n] = rows[i];
        viewers[n] = req->viewer_ids[i];
        which[n++] = (uint32_t)i;
    }
    *ret_n = n;
    return c;
}

static enum code check_viewers(struct ctx *ctx, const Pb__PostsForRequest *req) {
    if (req->n_viewer_ids != req->n_ids)
        return fail_field(ctx, "viewer_ids", "There are as many of them as of ids.");
    for (size_t i = 0; i < req->n_viewer_ids; i++)
        if (req->viewer_ids[i] <= 0)
            return fail_field(ctx, "viewer_ids", "Each of them is a member.");
    return OK;
}

enum code post_service_get_posts_for(struct ctx *ctx, const Pb__PostsForRequest *req,
                                     Pb__PostsForReply *reply) {
    size_t n = req->n_ids, known, *seen = arena_many(ctx->arena, size_t, n);
    struct post_row *rows = arena_many(ctx->arena, struct post_row, n);
    struct post_read *reads = arena_many(ctx->arena, struct post_read, n);
    int64_t *viewers = arena_many(ctx->arena, int64_t, n);
    enum code c;

    if ((c = limit_to_workers(ctx)) != OK || (c = limit_at_once(ctx, "ids", n)) != OK ||
        (c = check_viewers(ctx, req)) != OK)
        return c;
    reply->items = arena_many(ctx->arena, Pb__PostItem *, n);
    reply->which = arena_many(ctx->arena, uint32_t, n);
    if ((c = rows_for(ctx, req, rows, viewers, reply->which, &known)) != OK ||
        (c = post_store_read_for(ctx, viewers, rows, known, reads)) != OK ||
        (c = post_items_for(ctx, viewers, reads, known, reply->items, seen, &reply->n_items)) != OK)
        return c;
    reply->n_which = reply->n_items;
    for (size_t i = 0; i < reply->n_items; i++)
        reply->which[i] = reply->which[seen[i]];
    return OK;
}

/* ---- History and source */

#define STREAM_MAX 500

enum code post_service_stream_posts(struct ctx *ctx, Pb__SinceRequest *req, Pb__PostViews *reply,
                                    bool *ret_more) {
    unsigned limit = limit_of(req->limit, STREAM_MAX, STREAM_MAX);
    enum code c = post_store_after(ctx, req->after, limit, &reply->posts, &reply->n_posts);

    *ret_more = c == OK && reply->n_posts == limit;
    if (*ret_more)
        reply->next = req->after = reply->posts[limit - 1]->id;
    return c;
}

enum code post_service_get_history(struct ctx *ctx, const Pb__PostRequest *req, Pb__HistoryReply *reply) {
    struct post_read read;
    enum code c;

    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK ||
        (c = post_item_of(ctx, &read, &reply->item)) != OK)
        return c;
    return post_store_revisions(ctx, read.post->id, &reply->revisions, &reply->n_revisions);
}

enum code post_service_get_source(struct ctx *ctx, const Pb__PostRequest *req, Pb__SourceReply *reply) {
    struct post_read read;
    enum code c;

    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK)
        return c;
    if (req->viewer_id == 0 || read.post->author_id != req->viewer_id)
        return fail(ctx, DENIED, "Only its author sees how a post was typed.");
    return post_store_source(ctx, read.post->id, reply);
}

void post_one_prefetch(struct ctx *ctx, int64_t viewer, int64_t id) { post_store_one_ahead(ctx, viewer, id); }

/* ---- Who reacted */

static bool is_shown(const Pb__UserCard *card, uint32_t edges) {
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_ACTIVE && (edges & EDGE_SEVERED) == 0;
}

static enum code who_cards(struct ctx *ctx, int64_t viewer, const struct post_reaction *rows, size_t n,
                           Pb__WhoReply *reply) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, n);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, n);
    enum code c;

    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].user;
    if ((c = cards_get(ctx, ids, n, cards)) != OK || (c = edges_get(ctx, viewer, ids, n, edges)) != OK)
        return c;
    reply->users = arena_many(ctx->arena, Pb__UserCard *, n);
    for (size_t i = 0; i < n; i++)
        if (is_shown(cards[i], edges[i]))
            reply->users[reply->n_users++] = (Pb__UserCard *)cards[i];
    return OK;
}

static void reverse(struct post_reaction *rows, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        struct post_reaction one = rows[i];

        rows[i] = rows[n - 1 - i];
        rows[n - 1 - i] = one;
    }
}

enum code post_service_who_reacted(struct ctx *ctx, const Pb__WhoRequest *req, Pb__WhoReply *reply) {
    size_t limit = limit_of(req->limit, 40, WHO_MAX), n;
    struct post_range range = {.max = req->before,
                               .since = req->since,
                               .min = req->after,
                               .up = req->after != 0,
                               .limit = limit + 1};
    struct post_reaction *rows;
    struct post_read read;
    bool more;
    enum code c;

    if (strcmp(req->kind, "like") != 0 && strcmp(req->kind, "repost") != 0)
        return fail_field(ctx, "kind", "This is like or repost.");
    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK)
        return c;
    c = strcmp(req->kind, "like") == 0 ? post_store_likers(ctx, read.post->id, &range, &rows, &n)
                                       : post_store_reposters(ctx, read.post->id, &range, &rows, &n);
    if (c != OK)
        return c;
    more = n > limit;
    n = more ? limit : n;
    if (range.up)
        reverse(rows, n);
    reply->next = n > 0 && (more || range.up) ? rows[n - 1].id : 0;
    reply->first_id = n > 0 ? rows[0].id : 0;
    return who_cards(ctx, req->viewer_id, rows, n, reply);
}

/* ---- Counts and tags */

static enum code count_one(struct ctx *ctx, int64_t author, Pb__PostCountsReply *reply) {
    Pb__PostCounts *one = arena_one(ctx->arena, Pb__PostCounts);

    reply->counts = arena_memdup(ctx->arena, &one, sizeof one);
    reply->n_counts = 1;
    return post_store_author_count(ctx, author, one);
}

/* Of one alone Redis knows. */
void post_service_get_post_counts_ahead(struct ctx *ctx, const Pb__PostCountsRequest *req) {
    if (req->n_user_ids > 1)
        post_store_counts_ahead(ctx, req->user_ids, req->n_user_ids);
}

enum code post_service_get_post_counts(struct ctx *ctx, const Pb__PostCountsRequest *req,
                                       Pb__PostCountsReply *reply) {
    if (req->n_user_ids == 0)
        return OK;
    if (req->n_user_ids == 1)
        return count_one(ctx, req->user_ids[0], reply);
    return post_store_counts(ctx, req->user_ids, req->n_user_ids, &reply->counts, &reply->n_counts);
}

/* Anybody may ask for it, so each worker counts at most once a minute. */
enum code post_service_get_site_totals(struct ctx *ctx, const Pb__SiteTotalsRequest *req,
                                       Pb__SiteTotals *reply) {
    static int64_t counted_ms, posts;
    int64_t now = clock_now_ms();
    enum code c;

    (void)req;
    if (now - counted_ms > 60000 || now < counted_ms) {
        if ((c = post_store_total(ctx, &posts)) != OK)
            return c;
        counted_ms = now;
    }
    reply->posts = posts;
    return OK;
}

#define WEEKS_MAX 12
#define WEEKS_KEEP_MS (15 * 60 * 1000)

/* All posts of three months are counted for it, so each worker does that every quarter of an hour at most. */
enum code post_service_get_site_weeks(struct ctx *ctx, const Pb__SiteWeeksRequest *req,
                                      Pb__SiteWeeks *reply) {
    static int64_t counted_ms, posts[WEEKS_MAX];
    int64_t now = clock_now_ms();
    size_t n = req->weeks == 0 || req->weeks > WEEKS_MAX ? WEEKS_MAX : req->weeks;
    enum code c;

    if (now - counted_ms > WEEKS_KEEP_MS || now < counted_ms) {
        if ((c = post_store_weeks(ctx, posts, WEEKS_MAX)) != OK)
            return c;
        counted_ms = now;
    }
    reply->posts = arena_memdup(ctx->arena, posts, n * sizeof *posts);
    reply->n_posts = n;
    return OK;
}
