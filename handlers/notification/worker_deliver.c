#include "handlers/notification/worker_deliver.h"

#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/services.h"

/* ---- Web Push: what each target wants */

static bool has_word(const char *const *words, size_t n, const char *word) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

static bool policy_allows(const char *policy, uint32_t edges, int64_t actor_id) {
    if (actor_id == 0 || strcmp(policy, "all") == 0)
        return true;
    if (strcmp(policy, "followed") == 0)
        return (edges & EDGE_FOLLOWING) != 0;
    return strcmp(policy, "follower") == 0 && (edges & EDGE_FOLLOWED_BY) != 0;
}

/* A browser goes by the preferences; an app says itself which alerts it wants. */
static bool is_wanted(const Pb__PushSubscription *s, const struct outgoing *o, unsigned ways,
                      uint32_t edges) {
    const char *alert = prefs_alert_of(o->kind);

    if (s->session_id != 0)
        return (ways & WAY_PUSH) != 0;
    return alert != NULL && has_word((const char *const *)s->alerts, s->n_alerts, alert) &&
           policy_allows(s->policy, edges, o->actor_id);
}

/* ---- The notifications of a batch, and what is known of those they are for: asked for all at once */

struct batch {
    struct ctx *ctx;
    int64_t now_ms;
    const Pb__NotificationCreated **news;
    size_t n;
    struct prefs *prefs;         /* of each one's member */
    const Pb__UserCard **cards;  /* of the members and, behind them, the actors */
    Pb__PushSubscription **push; /* of all members */
    size_t n_push;
    struct outgoing *out; /* what is to go out */
    size_t n_out, room;
};

/* ---- the ways of one notification */

static void add(struct batch *b, const struct outgoing *o) {
    if (b->n_out == b->room) {
        struct outgoing *more = arena_many(b->ctx->arena, struct outgoing, 2 * b->room + 16);

        if (b->n_out > 0)
            memcpy(more, b->out, b->n_out * sizeof *more);
        b->out = more;
        b->room = 2 * b->room + 16;
    }
    b->out[b->n_out++] = *o;
}

static enum code add_mail(struct batch *b, const struct prefs *p, struct outgoing o) {
    const struct config *config = b->ctx->env->config;
    struct mail_pace pace = {config->mail_delay_s * INT64_C(1000), config->mail_window_s * INT64_C(1000)};
    struct mail_times times;
    enum code c = notification_store_mail_times(b->ctx, p, &times);

    if (c != OK)
        return c;
    o.channel = "email";
    o.due_ms = prefs_mail_due(p, &times, &pace, b->now_ms);
    add(b, &o);
    return OK;
}

static void add_digest(struct batch *b, const struct prefs *p, struct outgoing o) {
    o.channel = "digest";
    o.due_ms = prefs_digest_due(p, b->now_ms);
    add(b, &o);
}

static enum code add_push(struct batch *b, const Pb__PushSubscription *s, struct outgoing o,
                          const struct prefs *p, unsigned ways) {
    struct relation relation = {0};
    enum code c;

    if (o.actor_id != 0 && (c = relation_get(b->ctx, o.user_id, o.actor_id, &relation)) != OK)
        return c;
    o.channel = "push";
    o.due_ms = prefs_push_due(p, o.kind, b->now_ms);
    o.held = o.due_ms > b->now_ms;
    o.target_id = s->id;
    if (is_wanted(s, &o, ways, relation.edges))
        add(b, &o);
    return OK;
}

static enum code add_pushes(struct batch *b, const struct outgoing *o, const struct prefs *p, unsigned ways) {
    enum code c = OK;

    for (size_t i = 0; i < b->n_push && c == OK; i++)
        if (b->push[i]->user_id == o->user_id)
            c = add_push(b, b->push[i], *o, p, ways);
    return c;
}

static bool is_active(const Pb__UserCard *card) {
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_ACTIVE;
}

static enum code decide(struct batch *b, size_t i) {
    const Pb__NotificationCreated *e = b->news[i];
    const struct prefs *p = &b->prefs[i];
    struct outgoing o = {.notification_id = e->id,
                         .user_id = e->recipient_id,
                         .actor_id = e->actor_id,
                         .kind = e->kind,
                         .created_ms = e->created_ms};
    unsigned ways = prefs_ways(p, e->kind);
    enum code c = OK;

    /* Nobody who is gone is told, or told of: an erasure may have passed by already. */
    if (!is_active(b->cards[i]) || (e->actor_id != 0 && !is_active(b->cards[b->n + i])))
        return OK;
    if ((ways & WAY_EMAIL) != 0)
        c = add_mail(b, p, o);
    if (c == OK && (ways & WAY_DIGEST) != 0)
        add_digest(b, p, o);
    return c == OK ? add_pushes(b, &o, p, ways) : c;
}

/* An old event comes again: what it meant has gone out, or is no news. */
static enum code add_news(struct batch *b, const struct event *event) {
    const Pb__NotificationCreated *e;

    if (strcmp(event->type, "notification.created") != 0)
        return OK;
    e = (const Pb__NotificationCreated *)rpc_unpack(b->ctx, &pb__notification_created__descriptor,
                                                    event->body, event->n);
    if (e == NULL)
        return fail_detail(b->ctx, DATA_LOSS, "An event can't be read.", "%s %s %lld", event->topic,
                           event->type, (long long)event->id);
    if (e->created_ms >= b->now_ms - WAIT_DAY_MS)
        b->news[b->n++] = e;
    return OK;
}

static size_t each_once(int64_t *ids, size_t n) {
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        size_t j = 0;

        while (j < k && ids[j] != ids[i])
            j++;
        if (j == k)
            ids[k++] = ids[i];
    }
    return k;
}

static enum code look_up(struct batch *b) {
    struct arena *a = b->ctx->arena;
    int64_t *ids = arena_many(a, int64_t, 2 * b->n), *members;
    enum code c;

    for (size_t i = 0; i < b->n; i++) {
        ids[i] = b->news[i]->recipient_id;
        ids[b->n + i] = b->news[i]->actor_id;
    }
    b->cards = arena_many(a, const Pb__UserCard *, 2 * b->n);
    members = arena_memdup(a, ids, b->n * sizeof *ids);
    if ((c = notification_store_prefs_queue(b->ctx, ids, b->n)) != OK ||
        (c = notification_store_pushes_queue(b->ctx, members, each_once(members, b->n), 0)) != OK)
        return c;
    notification_store_send(b->ctx);
    if ((c = cards_get(b->ctx, ids, 2 * b->n, b->cards)) != OK ||
        (c = notification_prefs_fetch(b->ctx, ids, b->n, &b->prefs)) != OK)
        return c;
    return notification_store_pushes_fetch(b->ctx, &b->push, &b->n_push);
}

enum code notification_deliver_events(struct ctx *ctx, const struct event *events, size_t n) {
    struct batch b = {.ctx = ctx, .now_ms = clock_now_ms()};
    enum code c = OK;

    b.news = arena_many(ctx->arena, const Pb__NotificationCreated *, n);
    for (size_t i = 0; i < n && c == OK; i++)
        c = add_news(&b, &events[i]);
    if (c == OK && b.n > 0)
        c = look_up(&b);
    for (size_t i = 0; i < b.n && c == OK; i++)
        c = decide(&b, i);
    return c == OK ? notification_store_outgoing_add(ctx, b.out, b.n_out) : c;
}

const struct timer notification_timers[] = {
    {.name = "notification-mails", .service = SVC_NOTIFICATION, .run = notification_mails_run},
    {.name = "notification-tidy", .service = SVC_NOTIFICATION, .run = notification_tidy_run},
    {.name = "notification-pushes",
     .service = SVC_NOTIFICATION,
     .process = TIMER_CALLS,
     .run = notification_pushes_run,
     .finish = notification_pushes_finish},
    {.name = "notification-webhooks",
     .service = SVC_NOTIFICATION,
     .process = TIMER_CALLS,
     .run = notification_hooks_run,
     .finish = notification_hooks_finish},
    {0},
};
