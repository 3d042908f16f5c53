/* Reading posts: one, some, a thread, a history, who reacted; counts and tags. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/post/rules.h"

#define IDS_MAX 400
#define ANCESTORS_MAX 40
#define DESCENDANTS_MAX 500
#define LEVELS_MAX 60
#define DEPTH_SHOWN 6
#define WHO_MAX 80
#define TAGS_MAX 40
#define TRENDS_DAYS 7
#define TRENDS_KEEP_MS (60 * 1000)

/* ---- Posts by id */

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
    if ((c = post_store_read(ctx, req->viewer_id, rows, known, reads)) != OK)
        return c;
    return post_items(ctx, req->viewer_id, POST_BY_ITSELF, reads, known, reply->items, which,
                      &reply->n_items);
}

/* ---- Threads */

static void rows_of(struct ctx *ctx, const struct thread_row *thread, size_t n, struct post_row **ret) {
    *ret = arena_many(ctx->arena, struct post_row, n);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = (struct post_row){.cursor = thread[i].id, .id = thread[i].id, .author = thread[i].author};
}

/* Reads a thread's rows and judges each: ret[i] is NULL for what the viewer may not see. Tombstones keep
 * their place: items without an author. */
static enum code thread_items(struct ctx *ctx, int64_t viewer, const struct thread_row *thread, size_t n,
                              Pb__PostItem **ret) {
    struct post_read *reads = arena_many(ctx->arena, struct post_read, n);
    Pb__PostItem **seen = arena_many(ctx->arena, Pb__PostItem *, n);
    size_t *which = arena_many(ctx->arena, size_t, n), n_seen;
    struct post_row *rows;
    enum code c;

    rows_of(ctx, thread, n, &rows);
    if ((c = post_store_read(ctx, viewer, rows, n, reads)) != OK ||
        (c = post_items(ctx, viewer, POST_BY_ITSELF, reads, n, seen, which, &n_seen)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        ret[i] = post_is_gone(reads[i].post) ? post_item(ctx, &reads[i], NULL, NULL, NULL) : NULL;
    for (size_t i = 0; i < n_seen; i++)
        ret[which[i]] = seen[i];
    return OK;
}

static enum code thread_above(struct ctx *ctx, const Pb__ThreadRequest *req, int64_t id,
                              Pb__ThreadReply *reply) {
    int most = req->up > 0 && req->up < ANCESTORS_MAX ? (int)req->up : ANCESTORS_MAX;
    struct thread_row *thread;
    Pb__PostItem **items;
    size_t n;
    enum code c;

    if ((c = post_store_ancestors(ctx, id, most, &thread, &n)) != OK)
        return c;
    items = arena_many(ctx->arena, Pb__PostItem *, n);
    reply->ancestors = arena_many(ctx->arena, Pb__PostItem *, n);
    if ((c = thread_items(ctx, req->viewer_id, thread, n, items)) != OK)
        return c;
    for (size_t i = n; i > 0; i--)
        if (items[i - 1] != NULL)
            reply->ancestors[reply->n_ancestors++] = items[i - 1];
    return OK;
}

/* Comments as a tree: for each row its parent's index, first comment, next one of the same parent; NOWHERE:
 * none. */
#define NOWHERE ((size_t)-1)
struct branch {
    Pb__PostItem *item;
    size_t parent, first, last, next;
    unsigned depth;
    bool kept; /* seen, and for tombstones: with something below it that is */
};

static bool is_tombstone(const struct branch *b) { return b->item != NULL && b->item->author == NULL; }

static size_t index_of(const struct thread_row *thread, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++)
        if (thread[i].id == id)
            return i;
    return NOWHERE;
}

/* Rows come level by level, parents before their comments. What stands below something unseen is unseen. */
static void branches_link(struct branch *b, const struct thread_row *thread, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t up = index_of(thread, i, thread[i].parent);

        b[i].parent = up;
        b[i].first = b[i].last = b[i].next = NOWHERE;
        b[i].depth = up == NOWHERE ? 0 : b[up].depth + 1;
        if (up != NOWHERE && b[up].item == NULL)
            b[i].item = NULL;
    }
    for (size_t i = n; i > 0; i--) {
        struct branch *one = &b[i - 1];

        one->kept = one->item != NULL && (one->kept || !is_tombstone(one));
        if (one->kept && one->parent != NOWHERE)
            b[one->parent].kept = true;
    }
}

/* Kept ones get linked to those before them, oldest first. Returns the first of the top level. */
static size_t branches_chain(struct branch *b, size_t n) {
    size_t top = NOWHERE, top_last = NOWHERE;

    for (size_t i = 0; i < n; i++) {
        size_t *first = b[i].parent == NOWHERE ? &top : &b[b[i].parent].first;
        size_t *last = b[i].parent == NOWHERE ? &top_last : &b[b[i].parent].last;

        if (!b[i].kept)
            continue;
        if (*last != NOWHERE)
            b[*last].next = i;
        else
            *first = i;
        *last = i;
    }
    return top;
}

static void branches_walk(struct branch *b, size_t at, Pb__ThreadReply *reply) {
    while (at != NOWHERE) {
        b[at].item->depth = b[at].depth < DEPTH_SHOWN ? b[at].depth : DEPTH_SHOWN;
        reply->descendants[reply->n_descendants++] = b[at].item;
        if (b[at].first != NOWHERE) {
            at = b[at].first;
            continue;
        }
        while (at != NOWHERE && b[at].next == NOWHERE)
            at = b[at].parent;
        at = at == NOWHERE ? NOWHERE : b[at].next;
    }
}

static enum code thread_below(struct ctx *ctx, const Pb__ThreadRequest *req, int64_t id,
                              Pb__ThreadReply *reply) {
    size_t most = req->down > 0 && req->down < DESCENDANTS_MAX ? req->down : DESCENDANTS_MAX, n;
    struct thread_row *thread;
    Pb__PostItem **items;
    struct branch *b;
    enum code c;

    if ((c = post_store_descendants(ctx, id, (int)most + 1, LEVELS_MAX, &thread, &n)) != OK)
        return c;
    reply->more = n > most;
    n = n > most ? most : n;
    items = arena_many(ctx->arena, Pb__PostItem *, n);
    if ((c = thread_items(ctx, req->viewer_id, thread, n, items)) != OK)
        return c;
    b = arena_many(ctx->arena, struct branch, n);
    for (size_t i = 0; i < n; i++)
        b[i].item = items[i];
    branches_link(b, thread, n);
    reply->descendants = arena_many(ctx->arena, Pb__PostItem *, n);
    branches_walk(b, branches_chain(b, n), reply);
    return OK;
}

enum code post_service_get_thread(struct ctx *ctx, const Pb__ThreadRequest *req, Pb__ThreadReply *reply) {
    struct post_read read;
    enum code c;

    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK ||
        (c = post_item_of(ctx, &read, &reply->post)) != OK)
        return c;
    if (read.post->in_reply_to_id != 0 && (c = thread_above(ctx, req, read.post->id, reply)) != OK)
        return c;
    return thread_below(ctx, req, read.post->id, reply);
}

/* ---- History and source */

#define STREAM_MAX 500

enum code post_service_stream_posts(struct ctx *ctx, Pb__SinceRequest *req, Pb__PostViews *reply,
                                    bool *ret_more) {
    unsigned limit = req->limit == 0 || req->limit > STREAM_MAX ? STREAM_MAX : req->limit;
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

enum code post_service_who_reacted(struct ctx *ctx, const Pb__WhoRequest *req, Pb__WhoReply *reply) {
    size_t limit = req->limit == 0 ? 40 : req->limit < WHO_MAX ? req->limit : WHO_MAX, n;
    struct post_reaction *rows;
    struct post_read read;
    enum code c;

    if (strcmp(req->kind, "like") != 0 && strcmp(req->kind, "repost") != 0)
        return fail_field(ctx, "kind", "This is like or repost.");
    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK)
        return c;
    c = strcmp(req->kind, "like") == 0
            ? post_store_likers(ctx, read.post->id, req->before, limit + 1, &rows, &n)
            : post_store_reposters(ctx, read.post->id, req->before, limit + 1, &rows, &n);
    if (c != OK)
        return c;
    reply->next = n > limit ? rows[limit - 1].id : 0;
    return who_cards(ctx, req->viewer_id, rows, n > limit ? limit : n, reply);
}

/* ---- Counts and tags */

enum code post_service_get_post_counts(struct ctx *ctx, const Pb__PostCountsRequest *req,
                                       Pb__PostCountsReply *reply) {
    if (req->n_user_ids == 0)
        return OK;
    return post_store_counts(ctx, req->user_ids, req->n_user_ids, &reply->counts, &reply->n_counts);
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

    if (trends.at_ms != 0 && now - trends.at_ms < TRENDS_KEEP_MS && now >= trends.at_ms)
        return OK;
    if ((c = post_store_tags(ctx, "", id_floor_at(now - TRENDS_DAYS * INT64_C(86400000)), TAGS_MAX, &tags,
                             &n)) != OK)
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

static enum code trending(struct ctx *ctx, size_t limit, Pb__TagsReply *reply) {
    enum code c = trends_read(ctx);

    if (c != OK)
        return c;
    reply->n_tags = trends.n < limit ? trends.n : limit;
    reply->tags = arena_many(ctx->arena, Pb__TagInfo *, reply->n_tags);
    for (size_t i = 0; i < reply->n_tags; i++) {
        Pb__TagInfo *t = reply->tags[i] = arena_one(ctx->arena, Pb__TagInfo);

        pb__tag_info__init(t);
        t->name = arena_strdup(ctx->arena, trends.tags[i].name);
        t->posts = trends.tags[i].posts;
        t->people = trends.tags[i].people;
    }
    return OK;
}

enum code post_service_trending_tags(struct ctx *ctx, const Pb__TagsRequest *req, Pb__TagsReply *reply) {
    size_t limit = req->limit == 0 ? 10 : req->limit < TAGS_MAX ? req->limit : TAGS_MAX;
    const char *query = req->query[0] == '#' ? req->query + 1 : req->query, *folded;

    if (*query == '\0')
        return trending(ctx, limit, reply);
    folded = text_fold(ctx->arena, query);
    if (folded == NULL)
        return fail_field(ctx, "query", "This text is not valid UTF-8.");
    return post_store_tags(ctx, folded, 0, limit, &reply->tags, &reply->n_tags);
}
