/* Threads: what a post answers, and its comments, a page at a time. A page has some direct comments, oldest
 * first after a cursor, and below each the beginning of what was said to it, within bounds that hold for any
 * thread. What is left out is told where it is missing, with the cursor to go on from: whoever follows all of
 * these comes by every comment, and by each of them once, whatever comes or goes meanwhile. */
#include <string.h>

#include "gen/stubs.h"
#include "handlers/post/rules.h"
#include "handlers/post/service.h"

#define ANCESTORS_MAX 40
#define DESCENDANTS_MAX 500
#define LEVELS_MAX 60
#define DEPTH_SHOWN 6
#define EMPTY_ROUNDS 5 /* pages with nothing to see that are passed over by one request */

static void rows_of(struct ctx *ctx, const struct thread_row *thread, size_t n, struct post_row **ret) {
    *ret = arena_many(ctx->arena, struct post_row, n);
    for (size_t i = 0; i < n; i++)
        (*ret)[i] = (struct post_row){.cursor = thread[i].id, .id = thread[i].id, .author = thread[i].author};
}

/* Reads a thread's rows and judges each: ret[i] is NULL for what the viewer may not see. Tombstones keep
 * their place: items without an author. */
static enum code thread_items(struct ctx *ctx, int64_t viewer, int64_t id, enum post_rows kind,
                              const struct thread_row *thread, size_t n, Pb__PostItem **ret) {
    struct post_read *reads = arena_many(ctx->arena, struct post_read, n);
    Pb__PostItem **seen = arena_many(ctx->arena, Pb__PostItem *, n);
    size_t *which = arena_many(ctx->arena, size_t, n), n_seen;
    struct post_row *rows;
    enum code c;

    rows_of(ctx, thread, n, &rows);
    post_rows_remember(id, kind, rows, n);
    if ((c = post_store_read(ctx, viewer, rows, n, reads)) != OK ||
        (c = post_items(ctx, viewer, POST_BY_ITSELF, reads, n, seen, which, &n_seen)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        ret[i] = post_is_gone(reads[i].post) ? post_item(ctx, &reads[i], NULL, NULL, NULL) : NULL;
    for (size_t i = 0; i < n_seen; i++)
        ret[which[i]] = seen[i];
    return OK;
}

static enum code thread_above(struct ctx *ctx, const Pb__ThreadRequest *req, const Pb__PostView *post,
                              Pb__ThreadReply *reply) {
    int most = req->up > 0 && req->up < ANCESTORS_MAX ? (int)req->up : ANCESTORS_MAX;
    struct thread_row *thread;
    Pb__PostItem **items;
    size_t n;
    enum code c;

    if ((c = post_store_ancestors(ctx, post, most, &thread, &n)) != OK)
        return c;
    items = arena_many(ctx->arena, Pb__PostItem *, n);
    reply->ancestors = arena_many(ctx->arena, Pb__PostItem *, n);
    if ((c = thread_items(ctx, req->viewer_id, post->id, POST_ROWS_ABOVE, thread, n, items)) != OK)
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
    bool kept;          /* seen, and for tombstones: with something below it that is, or may be */
    bool more;          /* comments on it are left out … */
    int64_t more_after; /* … those after this one */
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

        one->kept = one->item != NULL && (one->kept || one->more || !is_tombstone(one));
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
        b[at].item->more = b[at].more;
        b[at].item->more_after = b[at].more_after;
        reply->more = reply->more || b[at].more;
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

static size_t at_most(uint32_t asked, size_t most) { return asked > 0 && asked < most ? asked : most; }

static struct thread_bounds bounds_of(const Pb__ThreadRequest *req, int64_t on) {
    struct thread_bounds b = {.on = on, .all = at_most(req->down, DESCENDANTS_MAX)};

    b.top = at_most(req->top, b.all);
    b.width = at_most(req->width, b.all);
    return b;
}

static size_t children_of(const struct thread_row *thread, size_t n, int64_t id) {
    size_t children = 0;

    for (size_t i = 0; i < n; i++)
        children += thread[i].parent == id;
    return children;
}

/* Whether nothing can have been left out: no bound was reached. */
static bool is_whole(const struct thread_bounds *bounds, const struct thread_row *thread, size_t n) {
    if (n >= bounds->all || n >= LEVELS_MAX || children_of(thread, n, bounds->on) >= bounds->top)
        return false;
    for (size_t i = 0; i < n; i++)
        if (children_of(thread, n, thread[i].id) >= bounds->width)
            return false;
    return true;
}

/* Finds out on which of the rows, and on the post itself (ret[n]), there are comments that are not among
 * them. after: the cursor of this page, for a page without rows. */
static enum code find_cuts(struct ctx *ctx, int64_t viewer, const struct thread_bounds *bounds, int64_t after,
                           const struct thread_row *thread, struct branch *b, size_t n) {
    int64_t *posts = arena_many(ctx->arena, int64_t, n + 1), *last = arena_many(ctx->arena, int64_t, n + 1);
    int64_t *cut;
    size_t n_cut, at = 0;
    enum code c;

    if (is_whole(bounds, thread, n))
        return OK;
    for (size_t i = 0; i < n; i++)
        posts[i] = thread[i].id;
    posts[n] = bounds->on;
    last[n] = after;
    for (size_t i = 0; i < n; i++) {
        size_t up = index_of(thread, i, thread[i].parent);

        up = up == NOWHERE ? n : up;
        last[up] = thread[i].id > last[up] ? thread[i].id : last[up];
    }
    if ((c = post_store_answered_after(ctx, viewer, posts, last, n + 1, &cut, &n_cut)) != OK)
        return c;
    for (size_t k = 0; k < n_cut; k++) {
        for (at = 0; at <= n && posts[at] != cut[k];)
            at++;
        if (at > n)
            continue;
        b[at].more = true;
        b[at].more_after = last[at];
    }
    return OK;
}

/* One page after a cursor. b has room for one more than there are rows: the last stands for the post. */
static enum code read_page(struct ctx *ctx, int64_t viewer, int64_t root, const struct thread_bounds *bounds,
                           int64_t after, Pb__ThreadReply *reply) {
    struct thread_row *thread;
    Pb__PostItem **items;
    struct branch *b;
    size_t n;
    enum code c;

    if ((c = post_store_descendants(ctx, root, bounds, after, LEVELS_MAX, &thread, &n)) != OK)
        return c;
    items = arena_many(ctx->arena, Pb__PostItem *, n);
    b = arena_many(ctx->arena, struct branch, n + 1);
    if ((c = thread_items(ctx, viewer, bounds->on, POST_ROWS_BELOW, thread, n, items)) != OK ||
        (c = find_cuts(ctx, viewer, bounds, after, thread, b, n)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        b[i].item = items[i];
    branches_link(b, thread, n);
    reply->descendants = arena_many(ctx->arena, Pb__PostItem *, n);
    reply->n_descendants = 0;
    branches_walk(b, branches_chain(b, n), reply);
    reply->next = b[n].more ? b[n].more_after : 0;
    reply->more = reply->more || b[n].more;
    return OK;
}

/* Where a page stands among the direct comments: after one of them, or right before one (0: not asked for).
 */
struct thread_place {
    int64_t after, before;
};

/* The page right before a comment is one that begins so far ahead of it that it ends there. */
static enum code step_back(struct ctx *ctx, struct thread_bounds *bounds, struct thread_place *place) {
    int64_t *ids;
    size_t n;
    enum code c = post_store_comments_before(ctx, bounds->on, place->before, bounds->top + 1, &ids, &n);

    if (c != OK)
        return c;
    place->after = n > bounds->top ? ids[bounds->top] : 0;
    bounds->top = n > bounds->top ? bounds->top : n;
    return OK;
}

/* A page whose comments are all hidden from this reader is passed over. */
static enum code thread_below(struct ctx *ctx, const Pb__ThreadRequest *req, const Pb__PostView *post,
                              Pb__ThreadReply *reply) {
    struct thread_bounds asked = bounds_of(req, req->below != 0 ? req->below : post->id), bounds;
    struct thread_place place = {req->after, req->before};
    enum code c = OK;

    for (int round = 0; round < EMPTY_ROUNDS; round++) {
        bounds = asked;
        reply->more = false;
        if ((place.before != 0 && (c = step_back(ctx, &bounds, &place)) != OK) ||
            (c = read_page(ctx, req->viewer_id, post->root_id, &bounds, place.after, reply)) != OK)
            break;
        reply->prev = place.after != 0 ? place.after + 1 : 0;
        if (reply->n_descendants > 0 || (place.before != 0 ? reply->prev : reply->next) == 0)
            break;
        if (place.before != 0)
            place.before = reply->prev;
        else
            place.after = reply->next;
    }
    return c;
}

/* A comment of the same thread, there or deleted. */
static enum code check_below(struct ctx *ctx, const Pb__ThreadRequest *req, const Pb__PostView *post) {
    struct post_read read;
    enum code c = post_store_read_one(ctx, req->viewer_id, req->below, &read);

    if (c != OK)
        return c;
    if (read.post->root_id != post->root_id || read.post->in_reply_to_id == 0)
        return fail(ctx, NOT_FOUND, "There is no such comment in this thread.");
    return post_is_gone(read.post) ? OK : post_look_up(ctx, req->viewer_id, req->below, true, &read);
}

/* What is left of a deleted comment: what others said to it, as a part of the thread. */
static enum code thread_of_gone(struct ctx *ctx, const Pb__ThreadRequest *req, Pb__ThreadReply *reply) {
    Pb__ThreadRequest rest = *req;
    struct post_read read;
    enum code c = post_store_read_one(ctx, req->viewer_id, req->id, &read);

    if (c != OK)
        return c;
    if (!post_is_gone(read.post) || read.post->in_reply_to_id == 0)
        return fail(ctx, NOT_FOUND, "There is no such comment in this thread.");
    rest.id = read.post->root_id;
    rest.below = req->id;
    rest.gone = false;
    return post_service_get_thread(ctx, &rest, reply);
}

void post_thread_prefetch(struct ctx *ctx, int64_t viewer, int64_t id) {
    post_store_thread_ahead(ctx, viewer, id);
}

enum code post_service_get_thread(struct ctx *ctx, const Pb__ThreadRequest *req, Pb__ThreadReply *reply) {
    struct post_read read;
    enum code c;

    if (req->gone)
        return thread_of_gone(ctx, req, reply);
    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK ||
        (c = post_item_of(ctx, &read, &reply->post)) != OK)
        return c;
    if (req->below != 0 && (c = check_below(ctx, req, read.post)) != OK)
        return c;
    if (read.post->in_reply_to_id != 0 && (c = thread_above(ctx, req, read.post, reply)) != OK)
        return c;
    return thread_below(ctx, req, read.post, reply);
}
