/* Open pages and programs hear of it at once. What is told twice, since a worker was killed on the way,
 * reaches nobody twice: each has its notification's id as key. */
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/json.h"
#include "handlers/common/live.h"
#include "handlers/notification/entity.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/service_shared.h"
#include "handlers/notification/worker.h"

#define LATE_MS INT64_C(600000) /* what happened longer ago is no news to anybody's open page */
#define PAYLOAD_MAX ((size_t)256 << 10)

/* Members whose lists have changed, each once. */
static size_t members_of(struct ctx *ctx, struct told *const *told, size_t n, int64_t **ret) {
    size_t k = 0;

    *ret = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < n; i++) {
        bool is_known =
            !(told[i]->is_made || told[i]->is_off) || told[i]->event_ms < clock_now_ms() - LATE_MS;

        for (size_t j = 0; j < k && !is_known; j++)
            is_known = (*ret)[j] == told[i]->user;
        if (!is_known)
            (*ret)[k++] = told[i]->user;
    }
    return k;
}

/* Only those who listen. */
static size_t listening(struct ctx *ctx, int64_t *members, size_t n) {
    bool *is_listening = arena_many(ctx->arena, bool, n);
    size_t k = 0;

    notification_store_listening(ctx, members, n, is_listening);
    for (size_t i = 0; i < n; i++)
        if (is_listening[i])
            members[k++] = members[i];
    return k;
}

static Pb__NotificationItem *item_of(struct ctx *ctx, const struct told *t) {
    Pb__NotificationItem *item = arena_one(ctx->arena, Pb__NotificationItem);

    pb__notification_item__init(item);
    item->id = t->id;
    item->kind = notification_kind(t->kind)->name;
    item->actor_id = t->actor;
    item->post_id = t->post;
    item->created_ms = id_time_ms(t->id);
    item->group_key = notification_group_key(ctx, t->kind, t->id, t->post, item->created_ms);
    item->sample_ids = &item->actor_id;
    item->n_sample_ids = 1;
    return item;
}

/* What programs know by name. */
static size_t items_of(struct ctx *ctx, int64_t member, struct told *const *told, size_t n,
                       Pb__NotificationItem ***ret) {
    size_t k = 0;

    *ret = arena_many(ctx->arena, Pb__NotificationItem *, n);
    for (size_t i = 0; i < n; i++)
        if (told[i]->user == member && told[i]->is_made && told[i]->state == TOLD_SHOWN &&
            notification_kind(told[i]->kind)->mastodon != NULL)
            (*ret)[k++] = item_of(ctx, told[i]);
    return k;
}

static void tell_one(struct ctx *ctx, int64_t member, const struct notification_seen *seen,
                     const struct notification_view *view) {
    struct live live = {.event = "notification", .key = view->id, .authors = {seen->item->actor_id}};
    struct buf out;
    struct json j;

    buf_init(&out, ctx->arena, PAYLOAD_MAX);
    json_init(&j, &out);
    shape_write(&j, &notification_shape, view);
    if (buf_overflowed(&out))
        return;
    live.payload = out.p;
    live.n = out.n;
    live_tell(ctx, &member, 1, &live);
}

/* As the member sees it. */
static void tell_member(const struct ctx *ctx, int64_t member, struct told *const *told, size_t n) {
    struct ctx as = *ctx;
    Pb__NotificationItem **items;
    struct notification_seen *seen;
    struct notification_view *views;
    size_t k = items_of(&as, member, told, n, &items), n_seen;

    as.viewer_id = member;
    if (k == 0 || notification_see(&as, member, items, k, &seen, &n_seen) != OK ||
        notification_views(&as, member, seen, n_seen, &views) != OK)
        return; /* they see it when they look */
    for (size_t i = 0; i < n_seen; i++)
        tell_one(&as, member, &seen[i], &views[i]);
}

void notification_tell_live(struct ctx *ctx, struct told *const *told, size_t n) {
    int64_t *members;
    size_t k = members_of(ctx, told, n, &members);

    if (k == 0 || !live_anybody(ctx))
        return;
    k = listening(ctx, members, k);
    for (size_t i = 0; i < k; i++)
        tell_member(ctx, members[i], told, n);
    notification_tell_badges(ctx, members, k);
}
