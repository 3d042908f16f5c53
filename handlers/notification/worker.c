#include "handlers/notification/worker.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "handlers/notification/worker_deliver.h"
#include "handlers/services.h"

#define BATCH 100
#define DAY_MS INT64_C(86400000)

struct told *notification_add(struct telling *t) {
    struct told *more;

    if (t->n == t->room) {
        more = arena_many(t->ctx->arena, struct told, 2 * t->room);
        memcpy(more, t->items, t->n * sizeof *more);
        t->items = more;
        t->room *= 2;
    }
    t->items[t->n] = (struct told){0};
    return &t->items[t->n++];
}

static bool is_same(const struct told *a, const struct told *b) {
    return a->user == b->user && a->kind == b->kind && a->actor == b->actor && a->object == b->object;
}

static int by_event(const void *a, const void *b) {
    const struct told *x = *(struct told *const *)a, *y = *(struct told *const *)b;

    return x->event != y->event ? (x->event < y->event ? -1 : 1) : (x > y) - (x < y);
}

/* Of several about the same thing the latest counts. In the order of events. */
static size_t latest(struct telling *t, struct told **ret) {
    size_t n = 0;

    for (size_t i = 0; i < t->n; i++) {
        bool is_last = true;

        for (size_t k = i + 1; k < t->n && is_last; k++)
            is_last = !is_same(&t->items[i], &t->items[k]);
        if (is_last)
            ret[n++] = &t->items[i];
    }
    qsort(ret, n, sizeof *ret, by_event);
    return n;
}

/* Whether a member is there now, for those whose state has changed. */
static enum code hide_actors(struct telling *t, struct whose *whose) {
    Pb__GetUsersRequest ask = PB__GET_USERS_REQUEST__INIT;
    const Pb__GetUsersReply *found;
    enum code c = OK;

    if (t->n_actors == 0)
        return OK;
    ask.ids = t->actors;
    ask.n_ids = t->n_actors;
    if ((c = user_get_users(t->ctx, &ask, &found)) != OK)
        return c;
    for (size_t i = 0; i < found->n_users && c == OK; i++)
        c = notification_store_hide(t->ctx, found->users[i]->id,
                                    found->users[i]->state != PB__ACCOUNT_STATE__STATE_ACTIVE, whose);
    return c;
}

/* What came between members, or is gone, takes back what was told before. */
static enum code take_back(struct telling *t, struct whose *whose) {
    enum code c = notification_store_post_gone(t->ctx, t->gone, t->n_gone, whose);

    if (c == OK)
        c = notification_store_sever(t->ctx, t->severed[0], t->severed[1], t->severed[2], t->n_severed,
                                     whose);
    return c == OK ? hide_actors(t, whose) : c;
}

enum code notification_settle(struct telling *t) {
    struct ctx *ctx = t->ctx;
    struct whose whose = {0};
    struct told **told = arena_many(ctx->arena, struct told *, t->n);
    size_t n = latest(t, told);
    enum code c;

    if ((c = notification_sift(ctx, told, n)) != OK || (c = notification_store_make(ctx, told, n)) != OK ||
        (c = notification_store_undo(ctx, told, n)) != OK || (c = take_back(t, &whose)) != OK)
        return c;
    notification_tell_live(ctx, told, n, &whose);
    t->n = t->n_gone = t->n_severed = t->n_actors = 0;
    t->items = arena_many(ctx->arena, struct told, t->room); /* the others are still pointed to */
    return OK;
}

static struct telling telling_new(struct ctx *ctx, size_t n) {
    struct telling t = {.ctx = ctx, .room = 4 * n};

    t.items = arena_many(ctx->arena, struct told, t.room);
    t.written = arena_many(ctx->arena, struct written, n);
    t.gone = arena_many(ctx->arena, int64_t, n);
    t.actors = arena_many(ctx->arena, int64_t, n);
    for (size_t i = 0; i < 3; i++)
        t.severed[i] = arena_many(ctx->arena, int64_t, 2 * n);
    return t;
}

static enum code tell(struct ctx *ctx, const struct event *events, size_t n) {
    struct telling t = telling_new(ctx, n);
    int64_t oldest_ms = clock_now_ms() - ctx->env->config->notification_days * DAY_MS;
    enum code c;

    for (size_t i = 0; i < n; i++) {
        if (events[i].time_ms < oldest_ms)
            continue; /* what was made of it, if anything, is gone by now */
        if ((c = notification_hear(&t, &events[i])) != OK)
            return c;
        if (t.n >= TELLING_MOST && (c = notification_settle(&t)) != OK)
            return c;
    }
    if ((c = notification_hear_followers(&t)) != OK)
        return c;
    return notification_settle(&t);
}

static const char *const topics[] = {"post.v1", "engagement.v1",    "graph.v1",
                                     "user.v1", "user.security.v1", NULL};
static const char *const erase_topics[] = {"erase.v1", "erase.notification.v1", NULL};

static const char *const deliver_topics[] = {"notify.v1", NULL};
static const char *const hook_topics[] = {"post.v1", "user.v1", "graph.v1", NULL};

const struct consumer notification_consumers[] = {
    {.name = "notify", .service = SVC_NOTIFICATION, .topics = topics, .batch = BATCH, .handle = tell},
    {.name = "erase-notifications",
     .service = SVC_NOTIFICATION,
     .topics = erase_topics,
     .batch = 1,
     .handle = notification_erase_events},
    {.name = "deliver",
     .service = SVC_NOTIFICATION,
     .topics = deliver_topics,
     .batch = 50,
     .handle = notification_deliver_events,
     .late = true},
    {.name = "webhooks",
     .service = SVC_NOTIFICATION,
     .topics = hook_topics,
     .batch = 50,
     .handle = notification_hook_events,
     .late = true},
    {0},
};
