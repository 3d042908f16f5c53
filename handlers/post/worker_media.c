/* What becomes of attached media is put into the posts that have them; and what is attached is made what
 * posts have. Events of the media service may come before the post that they are about is there, so a post
 * that has been made or edited asks anew what is said of its media (post.attached). */
#include <string.h>

#include "fcgi/drivers/bus.h"
#include "fcgi/rpc.h"
#include "handlers/post/service_media.h"
#include "handlers/post/store_media.h"
#include "handlers/post/worker.h"
#include "handlers/services.h"

#define LEFT_AT_ONCE 100
#define LEFT_WAIT_MS 60000

/* The post that an event of media.v1 is about; 0: none. */
static int64_t target_of(struct ctx *ctx, const struct event *event) {
    const Pb__MediaChanged *changed;
    const Pb__MediaGone *gone;

    if (strcmp(event->type, "media.gone") == 0) {
        gone = (const Pb__MediaGone *)rpc_unpack(ctx, &pb__media_gone__descriptor, event->body, event->n);
        return gone != NULL && strcmp(gone->target_kind, "post") == 0 ? gone->target_id : 0;
    }
    if (strcmp(event->type, "media.ready") != 0 && strcmp(event->type, "media.failed") != 0 &&
        strcmp(event->type, "media.changed") != 0)
        return 0;
    changed =
        (const Pb__MediaChanged *)rpc_unpack(ctx, &pb__media_changed__descriptor, event->body, event->n);
    return changed != NULL && changed->media != NULL && strcmp(changed->media->target_kind, "post") == 0
               ? changed->media->target_id
               : 0;
}

static void add(int64_t *ids, size_t *n, int64_t id) {
    for (size_t i = 0; i < *n; i++)
        if (ids[i] == id)
            return;
    if (id != 0)
        ids[(*n)++] = id;
}

enum code post_media_events(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t *changed = arena_many(ctx->arena, int64_t, n), *attached = arena_many(ctx->arena, int64_t, n);
    size_t n_changed = 0, n_attached = 0;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        if (strcmp(events[i].topic, "media.v1") == 0)
            add(changed, &n_changed, target_of(ctx, &events[i]));
        else
            add(attached, &n_attached, events[i].key);
    }
    /* One that is being edited says so once it is: until then it is what becomes an earlier version. */
    if ((c = post_store_attaching_none(ctx, changed, &n_changed)) != OK ||
        (c = post_media_refresh(ctx, changed, n_changed)) != OK ||
        (n_attached > 0 && (c = post_media_settle(ctx, attached, n_attached)) != OK))
        return c;
    bus_wake(ctx, ctx->env->pg[SVC_POST]);
    return OK;
}

enum code post_media_timer(struct ctx *ctx, int64_t *ret_wait_ms) {
    int64_t *posts;
    size_t n;
    enum code c = post_store_attaching_left(ctx, LEFT_AT_ONCE, &posts, &n);

    *ret_wait_ms = n < LEFT_AT_ONCE ? LEFT_WAIT_MS : 0;
    return c == OK && n > 0 ? post_media_settle(ctx, posts, n) : c;
}
