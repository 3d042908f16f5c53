#include "handlers/post/worker_live.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/log.h"
#include "handlers/common/api_status.h"
#include "handlers/common/live.h"
#include "handlers/post/rules.h"

void live_batch_init(struct live_batch *b, struct ctx *ctx, size_t max) {
    *b = (struct live_batch){.ctx = ctx, .on = live_anybody(ctx)};
    if (b->on)
        b->posts = arena_many(ctx->arena, struct live_post, max);
}

struct live_post *live_batch_add(struct live_batch *b, const char *event, int64_t id, int64_t author) {
    struct live_post *p;

    if (!b->on)
        return NULL;
    p = &b->posts[b->n++];
    *p = (struct live_post){.event = event, .id = id, .author = author};
    live_post_members(b, p, &author, 1);
    return p;
}

static void make_room(struct live_batch *b, struct live_post *p) {
    size_t room = p->room * 2 + 4, *counts;
    const int64_t **members;

    if (p->n < p->room)
        return;
    members = arena_many(b->ctx->arena, const int64_t *, room);
    counts = arena_many(b->ctx->arena, size_t, room);
    for (size_t i = 0; i < p->n; i++) {
        members[i] = p->members[i];
        counts[i] = p->n_members[i];
    }
    p->members = members;
    p->n_members = counts;
    p->room = room;
}

void live_post_members(struct live_batch *b, struct live_post *p, const int64_t *ids, size_t n) {
    if (p == NULL || n == 0)
        return;
    make_room(b, p);
    p->members[p->n] = arena_memdup(b->ctx->arena, ids, n * sizeof *ids);
    p->n_members[p->n++] = n;
}

void live_batch_followers(struct live_batch *b, int64_t author, const int64_t *ids, size_t n) {
    for (size_t i = 0; i < b->n; i++)
        if (b->posts[i].for_followers && b->posts[i].author == author)
            live_post_members(b, &b->posts[i], ids, n);
}

/* ---- Telling */

static void tell_members(struct live_batch *b, const struct live_post *p, const struct live *live) {
    for (size_t i = 0; i < p->n; i++)
        live_tell(b->ctx, p->members[i], p->n_members[i], live);
}

static void tell_tags(struct live_batch *b, const char *const *tags, size_t n, const struct live *live) {
    for (size_t i = 0; i < n; i++) {
        const char *folded = text_fold(b->ctx->arena, tags[i]);

        if (folded != NULL)
            live_tell_channel(b->ctx, arena_printf(b->ctx->arena, "tag:%s", folded), live);
    }
}

static void tell_deletion(struct live_batch *b, const struct live_post *p) {
    const char *id = arena_printf(b->ctx->arena, "%" PRId64, p->id);
    struct live live = {.event = p->event, .key = p->id, .payload = id, .n = strlen(id)};

    tell_members(b, p, &live);
    live_tell_channel(b->ctx, "local", &live);
    tell_tags(b, p->tags, p->n_tags, &live);
}

static bool is_active(const Pb__UserCard *card) {
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_ACTIVE;
}

/* The same edit told twice has the same key; so has a new post. */
static int64_t key_of(const struct live_post *p, const Pb__PostView *post) {
    return strcmp(p->event, "update") == 0 ? p->id : p->id + post->revision * INT64_C(0x9E3779B97F4A7C1);
}

static void tell_post(struct live_batch *b, const struct live_post *p, const Pb__PostItem *item,
                      const struct shape_json *json) {
    const Pb__PostView *post = item->post;
    struct live live = {.event = p->event,
                        .key = key_of(p, post),
                        .authors = {p->author, item->original != NULL ? item->original->author_id : 0},
                        .payload = json->p,
                        .n = json->n};

    tell_members(b, p, &live);
    if (post->audience != PB__AUDIENCE__AUDIENCE_PUBLIC || post->repost_of_id != 0)
        return;
    if (post->in_reply_to_id == 0)
        live_tell_channel(b->ctx, "local", &live);
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

void live_batch_send(struct live_batch *b) {
    for (size_t i = 0; i < b->n; i++) {
        const struct live_post *p = &b->posts[i];

        if (strcmp(p->event, "delete") == 0) {
            tell_deletion(b, p);
        } else if (make_and_tell(b, p) != OK) {
            log_warn(b->ctx, "streams were not told", "event=%s post=%" PRId64 " cause=%s", p->event, p->id,
                     b->ctx->error.detail != NULL ? b->ctx->error.detail : b->ctx->error.text);
            fail_clear(b->ctx);
        }
    }
}
