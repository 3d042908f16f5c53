#include "handlers/media/worker_card.h"

#include <string.h>

#include "fcgi/drivers/fetch_page.h"
#include "fcgi/lane.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/media/card_rules.h"
#include "handlers/media/store_card.h"

#define LOOK_MS 500
#define TIDY_MS (INT64_C(3600) * 1000)
#define TELL_AT_ONCE 20
#define TIDY_AT_ONCE 100

/* ---- Events of post.v1 */

struct heard {
    int64_t *said, *revisions; /* posts whose words are new, and since which revision */
    int64_t *gone;             /* those that are deleted */
    size_t n_said, n_gone;
};

static void add_said(struct heard *to, int64_t id, int64_t revision) {
    to->said[to->n_said] = id;
    to->revisions[to->n_said++] = revision;
}

static void hear_created(struct ctx *ctx, const struct event *event, struct heard *to) {
    const Pb__PostCreated *e =
        (const Pb__PostCreated *)rpc_unpack(ctx, &pb__post_created__descriptor, event->body, event->n);

    if (e != NULL && e->repost_of_id == 0 && e->audience <= PB__AUDIENCE__AUDIENCE_UNLISTED)
        add_said(to, e->post_id, 0);
}

static void hear_changed(struct ctx *ctx, const struct event *event, struct heard *to) {
    const Pb__PostChanged *e =
        (const Pb__PostChanged *)rpc_unpack(ctx, &pb__post_changed__descriptor, event->body, event->n);

    if (e != NULL && e->edited)
        add_said(to, e->post_id, e->version);
}

static void hear(struct ctx *ctx, const struct event *event, struct heard *to) {
    if (strcmp(event->type, "post.created") == 0)
        hear_created(ctx, event, to);
    else if (strcmp(event->type, "post.changed") == 0)
        hear_changed(ctx, event, to);
    else if (strcmp(event->type, "post.deleted") == 0)
        to->gone[to->n_gone++] = event->key;
}

/* Notes what the posts link to now, by asking what they say now: an event that comes early, late or twice
 * does no harm. Posts that are not there, or not for everybody, link to nothing. */
static enum code note_links(struct ctx *ctx, const struct heard *heard) {
    Pb__GetPostsRequest req = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *reply;
    size_t n = heard->n_said, n_without = n;
    int64_t *without = arena_memdup(ctx->arena, heard->said, n * sizeof *without);
    enum code c;

    if (n == 0)
        return OK;
    req.ids = heard->said;
    req.revisions = heard->revisions;
    req.n_ids = req.n_revisions = n;
    if ((c = post_get_posts(ctx, &req, &reply)) != OK)
        return c;
    for (size_t i = 0; i < reply->n_items; i++) {
        const Pb__PostView *post = reply->items[i]->post;
        const char *url = card_link_of(ctx, post);

        if (url == NULL)
            continue;
        if ((c = media_store_card_link(ctx, post->id, post->author_id, url)) != OK)
            return c;
        for (size_t k = 0; k < n_without; k++)
            if (without[k] == post->id)
                without[k--] = without[--n_without];
    }
    return media_store_card_unlink(ctx, without, n_without);
}

enum code media_card_post_events(struct ctx *ctx, const struct event *events, size_t n) {
    struct heard heard = {.said = arena_many(ctx->arena, int64_t, n),
                          .revisions = arena_many(ctx->arena, int64_t, n),
                          .gone = arena_many(ctx->arena, int64_t, n)};
    enum code c;

    for (size_t i = 0; i < n; i++)
        hear(ctx, &events[i], &heard);
    if ((c = note_links(ctx, &heard)) != OK)
        return c;
    return media_store_card_forget(ctx, heard.gone, heard.n_gone);
}

/* ---- Events of media.v1 */

enum code media_card_media_events(struct ctx *ctx, const struct event *events, size_t n) {
    for (size_t i = 0; i < n; i++) {
        bool ready = strcmp(events[i].type, "media.ready") == 0;
        const Pb__MediaChanged *e;
        enum code c;

        if (!ready && strcmp(events[i].type, "media.failed") != 0)
            continue;
        e = (const Pb__MediaChanged *)rpc_unpack(ctx, &pb__media_changed__descriptor, events[i].body,
                                                 events[i].n);
        if (e == NULL || e->media == NULL || e->media->owner_id != 0) /* pictures of pages are nobody's */
            continue;
        if ((c = media_store_card_picture(ctx, e->media, ready)) != OK)
            return c;
    }
    return OK;
}

/* ---- Telling the post service */

static enum code tell(struct ctx *ctx, const struct card_news *news) {
    Pb__SetCardRequest req = PB__SET_CARD_REQUEST__INIT;
    enum code c;

    req.post_id = news->post;
    req.card = news->card;
    c = post_set_card(ctx, &req, NULL);
    if (c != OK && c != NOT_FOUND)
        return c; /* it comes again in a minute */
    fail_clear(ctx);
    return media_store_card_told(ctx, news, c == NOT_FOUND);
}

static enum code tell_some(struct ctx *ctx, size_t *ret_n) {
    struct card_news *news;
    enum code c = media_store_card_tell_take(ctx, TELL_AT_ONCE, &news, ret_n);

    for (size_t i = 0; i < *ret_n && c == OK; i++)
        c = tell(ctx, &news[i]);
    return c;
}

/* ---- The timers */

static struct lane lane = {.take = media_card_look, .step = fetch_pages_step, .look_ms = LOOK_MS};

enum code media_cards_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    size_t told = 0;
    enum code c;

    if ((c = tell_some(ctx, &told)) != OK || (c = lane_run(&lane, ctx, ret_wait_ms)) != OK)
        return c;
    if (told == TELL_AT_ONCE)
        *ret_wait_ms = 0;
    return OK;
}

/* What is under way is tried again in a minute. */
void media_cards_finish(struct ctx *ctx) {
    (void)ctx;
    fetch_pages_stop();
}

/* First a card shows no picture, then the picture is let go, then the card goes: whoever is killed in between
 * leaves nothing that shows what is not there. */
enum code media_cards_tidy_run(struct ctx *ctx, int64_t *ret_wait_ms) {
    Pb__DetachTargetsRequest req = PB__DETACH_TARGETS_REQUEST__INIT;
    enum code c = media_store_card_unused(ctx, TIDY_AT_ONCE, &req.target_ids, &req.n_target_ids);

    *ret_wait_ms = TIDY_MS;
    if (c != OK || req.n_target_ids == 0)
        return c;
    req.target_kind = "card";
    if ((c = media_detach_targets(ctx, &req, NULL)) != OK ||
        (c = media_store_card_drop(ctx, req.target_ids, req.n_target_ids)) != OK)
        return c;
    log_info(ctx, "removed cards that nobody shows", "n=%zu", req.n_target_ids);
    if (req.n_target_ids == TIDY_AT_ONCE)
        *ret_wait_ms = 0;
    return OK;
}
