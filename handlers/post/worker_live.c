#include "handlers/post/worker_live.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/api_status.h"
#include "handlers/common/live.h"
#include "handlers/post/rules.h"

void live_batch_init(struct live_batch *b, struct ctx *ctx, size_t max) {
    *b = (struct live_batch){.ctx = ctx, .on = live_anybody(ctx)};
    if (!b->on)
        return;
    b->posts = arena_many(ctx->arena, struct live_post, max);
    b->for_lists = arena_many(ctx->arena, struct live_list_post, max);
}

struct live_post *live_batch_add(struct live_batch *b, const char *event, int64_t id, int64_t author) {
    struct live_post *p;

    if (!b->on)
        return NULL;
    p = &b->posts[b->n++];
    *p = (struct live_post){.event = event, .id = id, .author = author};
    live_post_members(b, p, &author, 1, false);
    return p;
}

void live_batch_lists(struct live_batch *b, const char *event, int64_t id, int64_t author) {
    if (b->on)
        b->for_lists[b->n_for_lists++] = (struct live_list_post){event, id, author};
}

static void make_room(struct live_batch *b, struct live_post *p) {
    size_t room = p->room * 2 + 4;
    struct live_piece *pieces;

    if (p->n < p->room)
        return;
    pieces = arena_many(b->ctx->arena, struct live_piece, room);
    for (size_t i = 0; i < p->n; i++)
        pieces[i] = p->pieces[i];
    p->pieces = pieces;
    p->room = room;
}

void live_post_members(struct live_batch *b, struct live_post *p, const int64_t *ids, size_t n,
                       bool by_follow) {
    int64_t *to;
    size_t k = 0;

    if (p == NULL || n == 0)
        return;
    make_room(b, p);
    to = arena_many(b->ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++)
        if (ids[i] != p->not_to)
            to[k++] = ids[i];
    p->pieces[p->n++] = (struct live_piece){to, k, by_follow};
}

void live_batch_followers(struct live_batch *b, int64_t author, const int64_t *ids, size_t n) {
    for (size_t i = 0; i < b->n; i++)
        if (b->posts[i].for_followers && b->posts[i].author == author)
            live_post_members(b, &b->posts[i], ids, n, true);
}

/* ---- What followers make of the authors */

static enum code ask_memberships(struct live_batch *b, int64_t *authors, size_t n) {
    Pb__MembershipsRequest ask = PB__MEMBERSHIPS_REQUEST__INIT;
    const Pb__MembershipsReply *found;
    enum code c;

    ask.user_ids = authors;
    ask.n_user_ids = n;
    if ((c = connection_get_memberships(b->ctx, &ask, &found)) != OK)
        return c;
    b->memberships = found->memberships;
    b->n_memberships = found->n_memberships;
    return OK;
}

static enum code ask_narrow(struct live_batch *b, int64_t *authors, size_t n) {
    Pb__NarrowFollowsRequest ask = PB__NARROW_FOLLOWS_REQUEST__INIT;
    const Pb__NarrowFollowsReply *found;
    enum code c;

    ask.user_ids = authors;
    ask.n_user_ids = n;
    if ((c = connection_get_narrow_follows(b->ctx, &ask, &found)) != OK)
        return c;
    b->narrow = found->follows;
    b->n_narrow = found->n_follows;
    return OK;
}

/* On whose lists the authors are, and whose follows do not bring all of their posts. */
static enum code ask_followers(struct live_batch *b) {
    int64_t *authors = arena_many(b->ctx->arena, int64_t, b->n_for_lists);
    size_t n = 0;
    enum code c;

    for (size_t i = 0; i < b->n_for_lists; i++)
        if (!id_among(b->for_lists[i].author, authors, n))
            authors[n++] = b->for_lists[i].author;
    if (n == 0)
        return OK;
    c = ask_memberships(b, authors, n);
    return c != OK ? c : ask_narrow(b, authors, n);
}

static bool brings(const Pb__NarrowFollow *f, const Pb__PostView *post) {
    return post->repost_of_id != 0
               ? !f->no_reposts
               : post_language_is_wanted(post->language, (const char *const *)f->languages, f->n_languages);
}

static int by_id(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Whose home this author's posts, or this post, stay out of, by id. NULL: a post that is gone. */
static const int64_t *excluders(const struct live_batch *b, int64_t author, const Pb__PostView *post,
                                size_t *ret_n) {
    int64_t *ids = arena_many(b->ctx->arena, int64_t, b->n_memberships + b->n_narrow);
    size_t n = 0;

    for (size_t i = 0; i < b->n_memberships; i++)
        if (b->memberships[i]->exclusive && b->memberships[i]->member_id == author)
            ids[n++] = b->memberships[i]->owner_id;
    for (size_t i = 0; i < b->n_narrow && post != NULL; i++)
        if (b->narrow[i]->followee_id == author && !brings(b->narrow[i], post))
            ids[n++] = b->narrow[i]->follower_id;
    if (n > 0)
        qsort(ids, n, sizeof *ids, by_id);
    *ret_n = n;
    return ids;
}

/* ---- Telling */

/* The piece without those whose home it stays out of. */
static struct live_piece without(struct ctx *ctx, const struct live_piece *piece, const int64_t *out,
                                 size_t n_out) {
    int64_t *ids = arena_many(ctx->arena, int64_t, piece->n);
    size_t n = 0;

    for (size_t i = 0; i < piece->n; i++)
        if (bsearch(&piece->ids[i], out, n_out, sizeof *out, by_id) == NULL)
            ids[n++] = piece->ids[i];
    return (struct live_piece){.ids = ids, .n = n};
}

static void tell_members(struct live_batch *b, const struct live_post *p, const Pb__PostView *post,
                         const struct live *live) {
    size_t n_out;
    const int64_t *out = excluders(b, p->author, post, &n_out);

    for (size_t i = 0; i < p->n; i++) {
        struct live_piece to = p->pieces[i];

        if (to.by_follow && n_out > 0)
            to = without(b->ctx, &to, out, n_out);
        live_tell(b->ctx, to.ids, to.n, live);
    }
}

static void tell_tags(struct live_batch *b, const char *const *tags, size_t n, const struct live *live) {
    for (size_t i = 0; i < n; i++) {
        const char *folded = text_fold(b->ctx->arena, tags[i]);

        if (folded != NULL)
            live_tell_channel(b->ctx, arena_printf(b->ctx->arena, "tag:%s", folded), live);
    }
}

static struct live deletion_of(struct ctx *ctx, int64_t post) {
    const char *id = arena_printf(ctx->arena, "%" PRId64, post);

    return (struct live){.event = "delete", .key = post, .payload = id, .n = strlen(id)};
}

static void tell_deletion(struct live_batch *b, const struct live_post *p) {
    struct live live = deletion_of(b->ctx, p->id);

    tell_members(b, p, NULL, &live);
    live_tell_channel(b->ctx, "local", &live);
    live_tell_channel(b->ctx, "local:media", &live);
    tell_tags(b, p->tags, p->n_tags, &live);
}

static bool is_active(const Pb__UserCard *card) {
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_ACTIVE;
}

/* The same edit told twice has the same key; so has a new post. */
static int64_t key_of(const char *event, const Pb__PostView *post) {
    return strcmp(event, "update") == 0 ? post->id : post->id + post->revision * INT64_C(0x9E3779B97F4A7C1);
}

static struct live live_of(const char *event, const Pb__PostItem *item, const struct shape_json *json) {
    return (struct live){
        .event = event,
        .key = key_of(event, item->post),
        .authors = {item->post->author_id, item->original != NULL ? item->original->author_id : 0},
        .payload = json->p,
        .n = json->n};
}

static void tell_post(struct live_batch *b, const struct live_post *p, const Pb__PostItem *item,
                      const struct shape_json *json) {
    const Pb__PostView *post = item->post;
    struct live live = live_of(p->event, item, json);

    tell_members(b, p, post, &live);
    if (post->audience != PB__AUDIENCE__AUDIENCE_PUBLIC || post->repost_of_id != 0)
        return;
    if (post->in_reply_to_id == 0)
        live_tell_channel(b->ctx, "local", &live);
    if (post->in_reply_to_id == 0 && post->n_media > 0)
        live_tell_channel(b->ctx, "local:media", &live);
    tell_tags(b, post->tags, post->n_tags, &live);
}

/* What is gone, or written by members who are, is told to nobody. */
static enum code make_and_tell(struct live_batch *b, const struct live_post *p) {
    struct ctx *ctx = b->ctx;
    struct post_read read;
    Pb__PostItem *item;
    struct shape_json json;
    enum code c;

    if ((c = post_store_read_one(ctx, 0, p->id, &read)) != OK || post_is_gone(read.post) ||
        (c = post_item_of(ctx, &read, &item)) != OK)
        return c;
    if (!is_active(item->author) || (item->original != NULL && !is_active(item->original_author)) ||
        (item->post->repost_of_id != 0 && item->original == NULL))
        return OK;
    if ((c = api_status_for_streams(ctx, item, &json)) == OK)
        tell_post(b, p, item, &json);
    return c;
}

static void not_told(struct live_batch *b, const char *event, int64_t id) {
    log_warn(b->ctx, "streams were not told", "event=%s post=%" PRId64 " cause=%s", event, id,
             b->ctx->error.detail != NULL ? b->ctx->error.detail : b->ctx->error.text);
    fail_clear(b->ctx);
}

/* ---- Telling those who listen to a list */

/* What the list's timeline shows of the post: it, or nothing. */
static enum code item_in_list(struct ctx *ctx, const Pb__Membership *list, int64_t id,
                              const Pb__PostItem **ret) {
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;
    Pb__TimelinePage page = PB__TIMELINE_PAGE__INIT;
    enum code c;

    ask.viewer_id = list->owner_id;
    ask.list_id = list->list_id;
    ask.max_id = id + 1;
    ask.since_id = id - 1;
    ask.limit = 1;
    c = post_service_list_timeline(ctx, &ask, &page);
    *ret = c == OK && page.n_items > 0 ? page.items[0] : NULL;
    return c;
}

static enum code tell_list(struct live_batch *b, const struct live_list_post *p, const Pb__Membership *list) {
    const char *channel = live_list(b->ctx, list->owner_id, list->list_id);
    const Pb__PostItem *item;
    struct shape_json json;
    struct live live;
    enum code c;

    if (strcmp(p->event, "delete") == 0) {
        live = deletion_of(b->ctx, p->id);
        live_tell_channel(b->ctx, channel, &live);
        return OK;
    }
    if ((c = item_in_list(b->ctx, list, p->id, &item)) != OK || item == NULL ||
        (c = api_status_for_streams(b->ctx, item, &json)) != OK)
        return c;
    live = live_of(p->event, item, &json);
    live_tell_channel(b->ctx, channel, &live);
    return OK;
}

static void tell_lists(struct live_batch *b) {
    const char **channels = arena_many(b->ctx->arena, const char *, b->n_memberships);
    bool *heard = arena_many(b->ctx->arena, bool, b->n_memberships);

    for (size_t i = 0; i < b->n_memberships; i++)
        channels[i] = live_list(b->ctx, b->memberships[i]->owner_id, b->memberships[i]->list_id);
    live_heard(b->ctx, channels, b->n_memberships, heard);
    for (size_t i = 0; i < b->n_for_lists; i++)
        for (size_t k = 0; k < b->n_memberships; k++)
            if (heard[k] && b->memberships[k]->member_id == b->for_lists[i].author &&
                tell_list(b, &b->for_lists[i], b->memberships[k]) != OK)
                not_told(b, b->for_lists[i].event, b->for_lists[i].id);
}

void live_batch_send(struct live_batch *b) {
    if (ask_followers(b) != OK) {
        not_told(b, "all", 0);
        return;
    }
    tell_lists(b);
    for (size_t i = 0; i < b->n; i++) {
        const struct live_post *p = &b->posts[i];

        if (strcmp(p->event, "delete") == 0) {
            tell_deletion(b, p);
        } else if (make_and_tell(b, p) != OK) {
            not_told(b, p->event, p->id);
        }
    }
}
