/* Every post goes into the cached home timelines of its author's followers, whatever their number: a follower
 * without a cached timeline costs one look-up in Redis, and readers filter by the relations of the moment, so
 * that a late push does no harm. What a killed worker left undone after its commit (read models, kept pages)
 * is done again here; all of it may be repeated. */
#include "handlers/post/worker.h"

#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/common/page_cache.h"
#include "handlers/post/rules.h"
#include "handlers/post/worker_live.h"
#include "handlers/services.h"

#define FOLLOWERS_AT_ONCE 10000
#define FOLLOWERS_OF_MANY 1000 /* of each author, when many are asked for at once */

/* What a batch of post.v1 asks for, all of it done in as few rounds as there are kinds of work. */
struct batch {
    struct ctx *ctx;
    struct page_purge purge;
    struct home_push push;
    struct live_batch live;
    int64_t *views, *counters; /* to be published anew */
    int64_t *authors;          /* whose timelines have changed */
    int64_t *trees;            /* first posts of threads that have grown */
    struct post_row *rows;     /* for all followers of their authors */
    struct tagged *tagged;     /* for those who follow their tags */
    size_t n_views, n_counters, n_authors, n_trees, n_rows, n_tagged;
};

/* A public post with tags: who follows one of these may not follow its author. */
struct tagged {
    struct post_row row; /* its id is 0 when it is not for home timelines any more */
    struct live_post *live;
    const char **tags; /* folded */
    size_t n;
};

static void add_id(int64_t *ids, size_t *n, int64_t id) {
    for (size_t i = 0; i < *n; i++)
        if (ids[i] == id)
            return;
    if (id != 0)
        ids[(*n)++] = id;
}

/* ---- Fan-out */

/* Where the followers of one author go. */
struct pushing {
    struct batch *batch;
    int64_t author;
};

/* All that the batch has of an author, to some of the followers. */
static enum code push_ids(struct batch *b, int64_t author, const int64_t *ids, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < b->n_rows && c == OK; i++)
        if (b->rows[i].author == author)
            c = home_push_add(&b->push, ids, n, &b->rows[i]);
    live_batch_followers(&b->live, author, ids, n);
    return c;
}

static enum code push_to_some(struct ctx *ctx, const Pb__IdsReply *some, void *arg) {
    struct pushing *p = arg;

    (void)ctx;
    return push_ids(p->batch, p->author, some->ids, some->n_ids);
}

/* The followers behind `after`, of an author who has more than are asked for at once. */
static enum code push_to_more(struct batch *b, int64_t author, int64_t after) {
    struct pushing pushing = {b, author};
    Pb__IdsRequest req = PB__IDS_REQUEST__INIT;

    req.user_id = author;
    req.after = after;
    req.limit = FOLLOWERS_AT_ONCE;
    return connection_stream_followers(b->ctx, &req, push_to_some, &pushing);
}

static enum code push_to_followers(struct batch *b, const Pb__Followers *f) {
    enum code c = push_ids(b, f->user_id, f->ids, f->n_ids);

    return c == OK && f->more ? push_to_more(b, f->user_id, f->ids[f->n_ids - 1]) : c;
}

/* All rows of the batch go to their authors' followers, who are asked for once; and what streams are told. */
static enum code fan_out_rows(struct batch *b) {
    Pb__FollowersOfRequest req = PB__FOLLOWERS_OF_REQUEST__INIT;
    const Pb__FollowersOfReply *reply;
    enum code c;

    req.user_ids = arena_many(b->ctx->arena, int64_t, b->n_rows + b->live.n);
    req.limit = FOLLOWERS_OF_MANY;
    for (size_t i = 0; i < b->n_rows; i++)
        add_id(req.user_ids, &req.n_user_ids, b->rows[i].author);
    for (size_t i = 0; i < b->live.n; i++)
        if (b->live.posts[i].for_followers)
            add_id(req.user_ids, &req.n_user_ids, b->live.posts[i].author);
    if (req.n_user_ids == 0)
        return OK;
    if ((c = connection_followers_of(b->ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < reply->n_followers; i++)
        if ((c = push_to_followers(b, reply->followers[i])) != OK)
            return c;
    return OK;
}

/* ---- … to followers of tags */

static void note_tags(struct batch *b, struct post_row row, struct live_post *live, const char *const *tags,
                      size_t n) {
    struct tagged *t = &b->tagged[b->n_tagged];

    *t = (struct tagged){row, live, arena_many(b->ctx->arena, const char *, n), 0};
    for (size_t i = 0; i < n; i++)
        if ((t->tags[t->n] = text_fold(b->ctx->arena, tags[i])) != NULL)
            t->n++;
    b->n_tagged += t->n > 0;
}

static bool has_tag(const struct tagged *t, const char *folded) {
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->tags[i], folded) == 0)
            return true;
    return false;
}

/* Posts of one tag to some who follow it. */
static enum code push_tag(struct batch *b, const char *tag, const int64_t *ids, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < b->n_tagged && c == OK; i++) {
        struct tagged *t = &b->tagged[i];

        if (!has_tag(t, tag))
            continue;
        if (t->row.id != 0)
            c = home_push_add(&b->push, ids, n, &t->row);
        live_post_members(&b->live, t->live, ids, n, false);
    }
    return c;
}

/* Pairs come by tag. */
static enum code push_pairs(struct batch *b, const struct tag_follower *pairs, size_t n) {
    int64_t *ids = arena_many(b->ctx->arena, int64_t, n);
    enum code c = OK;

    for (size_t from = 0, i = 0; i < n && c == OK; i++) {
        ids[i] = pairs[i].user;
        if (i + 1 < n && strcmp(pairs[i + 1].tag, pairs[i].tag) == 0)
            continue;
        c = push_tag(b, pairs[i].tag, ids + from, i + 1 - from);
        from = i + 1;
    }
    return c;
}

static enum code fan_out_tags(struct batch *b) {
    struct tag_follower after = {"", 0}, *pairs;
    const char **tags;
    size_t n = 0, n_pairs;
    enum code c;

    for (size_t i = 0; i < b->n_tagged; i++)
        n += b->tagged[i].n;
    if (n == 0)
        return OK;
    tags = arena_many(b->ctx->arena, const char *, n);
    n = 0;
    for (size_t i = 0; i < b->n_tagged; i++)
        for (size_t k = 0; k < b->tagged[i].n; k++)
            tags[n++] = b->tagged[i].tags[k];
    do {
        if ((c = post_store_tag_followers(b->ctx, tags, n, FOLLOWERS_AT_ONCE, &after, &pairs, &n_pairs)) !=
                OK ||
            (c = push_pairs(b, pairs, n_pairs)) != OK)
            return c;
    } while (n_pairs == FOLLOWERS_AT_ONCE);
    return OK;
}

/* Whom a post goes to: its author; those mentioned, when it is direct; else the author's followers, and those
 * of its tags, for whom the batch keeps it. */
static enum code fan_out(struct batch *b, const Pb__PostCreated *e) {
    struct post_row row = {e->post_id, e->post_id, e->author_id, 0, 0};
    struct live_post *live;
    enum code c;

    if (!post_is_for_home(e->author_id, e->in_reply_to_author_id))
        return OK;
    if (e->repost_of_id != 0) {
        if ((c = post_store_rows(b->ctx, &e->post_id, 1, &row)) != OK)
            return c;
        if (row.id == 0 || row.inner_author == 0)
            return OK; /* gone meanwhile */
    }
    if ((c = home_push_add(&b->push, &e->author_id, 1, &row)) != OK)
        return c;
    live = live_batch_add(&b->live, "update", e->post_id, e->author_id);
    if (live != NULL && row.inner_author != e->author_id)
        live->not_to = row.inner_author;
    if (e->audience == PB__AUDIENCE__AUDIENCE_PUBLIC && e->repost_of_id == 0)
        note_tags(b, row, live, (const char *const *)e->tags, e->n_tags);
    if (e->audience == PB__AUDIENCE__AUDIENCE_DIRECT) {
        live_post_members(&b->live, live, e->mentioned_ids, e->n_mentioned_ids, true);
        return home_push_add(&b->push, e->mentioned_ids, e->n_mentioned_ids, &row);
    }
    if (live != NULL)
        live->for_followers = true;
    b->rows[b->n_rows++] = row;
    return OK;
}

/* ---- Events of post.v1 */

static enum code on_created(struct batch *b, const struct event *event) {
    const Pb__PostCreated *e =
        (const Pb__PostCreated *)rpc_unpack(b->ctx, &pb__post_created__descriptor, event->body, event->n);
    Pb__PostView v = PB__POST_VIEW__INIT;

    if (e == NULL)
        return OK;
    v.id = e->post_id;
    v.author_id = e->author_id;
    v.audience = e->audience;
    v.in_reply_to_id = e->in_reply_to_id;
    v.root_id = e->root_id;
    v.repost_of_id = e->repost_of_id;
    post_purge(&b->purge, &v, e->tags, e->n_tags);
    add_id(b->counters, &b->n_counters, e->in_reply_to_id);
    add_id(b->authors, &b->n_authors, e->author_id);
    add_id(b->trees, &b->n_trees, e->in_reply_to_id != 0 ? e->root_id : 0);
    live_batch_lists(&b->live, "update", e->post_id, e->author_id);
    return fan_out(b, e);
}

/* Whoever is mentioned by an edit only now gets a direct post now. */
static enum code push_to_mentioned(struct batch *b, const Pb__PostView *v) {
    struct post_row row = {v->id, v->id, v->author_id, 0, 0};
    int64_t *ids = arena_many(b->ctx->arena, int64_t, v->n_mentions);

    for (size_t i = 0; i < v->n_mentions; i++)
        ids[i] = v->mentions[i]->user_id;
    return post_is_for_home(v->author_id, v->in_reply_to_author_id)
               ? home_push_add(&b->push, ids, v->n_mentions, &row)
               : OK;
}

/* Streams hear of edits of what stands in home timelines and lists, and of what became of its media or its
 * card; a pin is no edit. */
static struct live_post *tell_change(struct batch *b, const Pb__PostChanged *e, const Pb__PostView *v) {
    struct live_post *live;

    if (v->edited_ms == 0 && !e->media && !e->card)
        return NULL;
    live_batch_lists(&b->live, "status.update", v->id, v->author_id);
    if (!post_is_for_home(v->author_id, v->in_reply_to_author_id))
        return NULL;
    live = live_batch_add(&b->live, "status.update", v->id, v->author_id);
    if (live == NULL)
        return NULL;
    live->for_followers = v->audience != PB__AUDIENCE__AUDIENCE_DIRECT;
    for (size_t i = 0; i < v->n_mentions && !live->for_followers; i++)
        live_post_members(&b->live, live, &v->mentions[i]->user_id, 1, true);
    return live;
}

/* Whoever follows a tag that it has only now gets it now. */
static void note_tags_of(struct batch *b, const Pb__PostView *v, struct live_post *live) {
    struct post_row row = {v->id, v->id, v->author_id, 0, 0};

    if (v->audience == PB__AUDIENCE__AUDIENCE_PUBLIC && v->repost_of_id == 0 &&
        post_is_for_home(v->author_id, v->in_reply_to_author_id))
        note_tags(b, row, live, (const char *const *)v->tags, v->n_tags);
}

static enum code on_changed(struct batch *b, const struct event *event) {
    const Pb__PostChanged *e =
        (const Pb__PostChanged *)rpc_unpack(b->ctx, &pb__post_changed__descriptor, event->body, event->n);
    struct post_read read;
    enum code c;

    if (e == NULL)
        return OK;
    if ((c = post_store_republish(b->ctx, &e->post_id, 1)) != OK ||
        (c = post_store_read_one(b->ctx, 0, e->post_id, &read)) != OK)
        return c;
    post_purge(&b->purge, read.post, read.post->tags, read.post->n_tags);
    add_id(b->authors, &b->n_authors, e->author_id);
    note_tags_of(b, read.post, tell_change(b, e, read.post));
    if (read.post->audience != PB__AUDIENCE__AUDIENCE_DIRECT)
        return OK;
    return push_to_mentioned(b, read.post);
}

static enum code on_deleted(struct batch *b, const struct event *event) {
    const Pb__PostDeleted *e =
        (const Pb__PostDeleted *)rpc_unpack(b->ctx, &pb__post_deleted__descriptor, event->body, event->n);
    Pb__PostView v = PB__POST_VIEW__INIT;
    struct live_post *live;

    if (e == NULL)
        return OK;
    v.id = e->post_id;
    v.author_id = e->author_id;
    v.in_reply_to_id = v.root_id = e->in_reply_to_id;
    v.repost_of_id = e->repost_of_id;
    post_purge(&b->purge, &v, e->tags, e->n_tags);
    add_id(b->views, &b->n_views, e->post_id);
    add_id(b->authors, &b->n_authors, e->author_id);
    add_id(b->counters, &b->n_counters, e->in_reply_to_id);
    live_batch_lists(&b->live, "delete", e->post_id, e->author_id);
    if ((live = live_batch_add(&b->live, "delete", e->post_id, e->author_id)) != NULL) {
        live->for_followers = true;
        live->tags = (const char *const *)e->tags;
        live->n_tags = e->n_tags;
        note_tags(b, (struct post_row){0}, live, (const char *const *)e->tags, e->n_tags);
    }
    return e->repost_of_id == 0 ? post_store_forget(b->ctx, e->post_id) : OK;
}

static enum code on_post_event(struct batch *b, const struct event *event) {
    if (strcmp(event->type, "post.created") == 0)
        return on_created(b, event);
    if (strcmp(event->type, "post.changed") == 0)
        return on_changed(b, event);
    if (strcmp(event->type, "post.deleted") == 0)
        return on_deleted(b, event);
    return OK;
}

static enum code post_events(struct ctx *ctx, const struct event *events, size_t n) {
    struct batch b = {.ctx = ctx,
                      .views = arena_many(ctx->arena, int64_t, n),
                      .counters = arena_many(ctx->arena, int64_t, n),
                      .authors = arena_many(ctx->arena, int64_t, n),
                      .trees = arena_many(ctx->arena, int64_t, n),
                      .rows = arena_many(ctx->arena, struct post_row, n),
                      .tagged = arena_many(ctx->arena, struct tagged, n)};
    enum code c;

    page_purge_init(&b.purge, ctx);
    home_push_init(&b.push, ctx);
    live_batch_init(&b.live, ctx, n);
    for (size_t i = 0; i < n; i++)
        if ((c = on_post_event(&b, &events[i])) != OK)
            return c;
    if ((c = fan_out_rows(&b)) != OK || (c = fan_out_tags(&b)) != OK ||
        (c = post_store_republish(ctx, b.views, b.n_views)) != OK ||
        (c = post_store_republish_counters(ctx, b.counters, b.n_counters)) != OK)
        return c;
    for (size_t i = 0; i < b.n_authors; i++)
        post_store_author_forget(ctx, b.authors[i]);
    for (size_t i = 0; i < b.n_trees; i++)
        post_store_tree_moved(ctx, b.trees[i]);
    home_push_send(&b.push);
    page_purge_send(&b.purge);
    if ((c = post_store_published(ctx)) != OK || (c = home_push_wait(&b.push)) != OK)
        return c;
    page_purge_settle(&b.purge);
    live_batch_send(&b.live);
    return OK;
}

/* ---- Events of engagement.v1: what the request itself has told is found to be there already */

static uint32_t bit_of(const char *kind) {
    return strcmp(kind, "like") == 0 ? ACT_LIKED : strcmp(kind, "repost") == 0 ? ACT_REPOSTED : 0;
}

/* Where an event does not tell, nothing is there already. */
static int64_t version_of(const Pb__Reacted *e) {
    uint64_t v = 0;

    if (e->version.len != sizeof v)
        return INT64_MAX;
    for (size_t i = 0; i < sizeof v; i++)
        v = v << 8 | e->version.data[i];
    return (int64_t)v;
}

static enum code engagement_events(struct ctx *ctx, const struct event *events, size_t n) {
    struct post_reacted *reacted = arena_many(ctx->arena, struct post_reacted, n);
    struct page_purge purge;
    size_t k = 0;
    enum code c;

    page_purge_init(&purge, ctx);
    for (size_t i = 0; i < n; i++) {
        const Pb__Reacted *e =
            (const Pb__Reacted *)rpc_unpack(ctx, &pb__reacted__descriptor, events[i].body, events[i].n);

        if (e == NULL || bit_of(e->kind) == 0)
            continue;
        reacted[k++] = (struct post_reacted){e->user_id, e->post_id, bit_of(e->kind), e->on,
                                             .counters.version = version_of(e)};
        page_purge_add(&purge, 'p', e->post_id);
    }
    if ((c = post_store_repair_reactions(ctx, reacted, k)) != OK)
        return c;
    page_purge_run(&purge);
    return OK;
}

/* ---- Events of graph.v1 and tag.v1: whom or what a member follows has changed, so what was cached of it
 * lacks or misses posts. Until this is handled the token of the member's relations tells the same
 * (store_home.c); of tags, what was cached went with the change itself, and goes here once more if that was
 * not done. */

static enum code graph_events(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t *members = arena_many(ctx->arena, int64_t, n), *tagged = arena_many(ctx->arena, int64_t, n);
    size_t k = 0, n_tagged = 0;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(events[i].topic, "tag.v1") == 0)
            add_id(tagged, &n_tagged, events[i].key);
        if (strcmp(events[i].type, "follow.added") == 0 || strcmp(events[i].type, "follow.imported") == 0)
            add_id(members, &k, events[i].key);
    }
    c = post_store_home_forget(ctx, members, k);
    return c == OK ? post_store_tags_forget(ctx, tagged, n_tagged) : c;
}

static const char *const post_topics[] = {"post.v1", NULL};
static const char *const engagement_topics[] = {"engagement.v1", NULL};
static const char *const graph_topics[] = {"graph.v1", "tag.v1", NULL};
static const char *const media_topics[] = {"media.v1", "post.media.v1", NULL};
static const char *const erase_topics[] = {"erase.v1", "erase.post.v1", NULL};

const struct consumer post_consumers[] = {
    {.name = "timelines", .service = SVC_POST, .topics = post_topics, .batch = 100, .handle = post_events},
    {.name = "reactions",
     .service = SVC_POST,
     .topics = engagement_topics,
     .batch = 200,
     .handle = engagement_events,
     .late = true},
    {.name = "home-relations",
     .service = SVC_POST,
     .topics = graph_topics,
     .batch = 200,
     .handle = graph_events},
    {.name = "post-media",
     .service = SVC_POST,
     .topics = media_topics,
     .batch = 50,
     .handle = post_media_events},
    {.name = "erase-posts",
     .service = SVC_POST,
     .topics = erase_topics,
     .batch = 1,
     .handle = post_erase_events},
    {0},
};

const struct timer post_timers[] = {
    {.name = "attaching", .service = SVC_POST, .run = post_media_timer},
    {0},
};
