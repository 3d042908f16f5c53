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

/* ---- the ways of one notification */

static enum code add_mail(struct ctx *ctx, const struct prefs *p, struct outgoing o, int64_t now_ms) {
    const struct config *config = ctx->env->config;
    struct mail_pace pace = {config->mail_delay_s * INT64_C(1000), config->mail_window_s * INT64_C(1000)};
    struct mail_times times;
    enum code c = notification_store_mail_times(ctx, p, &times);

    if (c != OK)
        return c;
    o.channel = "email";
    return notification_store_outgoing_add(ctx, &o, prefs_mail_due(p, &times, &pace, now_ms));
}

static enum code add_digest(struct ctx *ctx, const struct prefs *p, struct outgoing o, int64_t now_ms) {
    o.channel = "digest";
    return notification_store_outgoing_add(ctx, &o, prefs_digest_due(p, now_ms));
}

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

static enum code add_pushes(struct ctx *ctx, const struct prefs *p, struct outgoing o, unsigned ways,
                            int64_t now_ms) {
    Pb__PushSubscription **all;
    struct relation relation = {0};
    size_t n;
    enum code c = notification_store_pushes(ctx, o.user_id, 0, &all, &n);
    int64_t due_ms = prefs_push_due(p, o.kind, now_ms);

    if (c != OK || n == 0)
        return c;
    if (o.actor_id != 0 && (c = relation_get(ctx, o.user_id, o.actor_id, &relation)) != OK)
        return c;
    o.channel = "push";
    o.held = due_ms > now_ms;
    for (size_t i = 0; i < n && c == OK; i++) {
        o.target_id = all[i]->id;
        if (is_wanted(all[i], &o, ways, relation.edges))
            c = notification_store_outgoing_add(ctx, &o, due_ms);
    }
    return c;
}

/* Nobody who is gone is told, or told of: an erasure may have passed by already. */
static enum code both_there(struct ctx *ctx, const Pb__NotificationCreated *e, bool *ret) {
    const int64_t ids[] = {e->recipient_id, e->actor_id};
    const Pb__UserCard *cards[2];
    enum code c = cards_get(ctx, ids, e->actor_id != 0 ? 2 : 1, cards);

    if (c != OK)
        return c;
    *ret = cards[0] != NULL && cards[0]->state == PB__ACCOUNT_STATE__STATE_ACTIVE &&
           (e->actor_id == 0 || (cards[1] != NULL && cards[1]->state == PB__ACCOUNT_STATE__STATE_ACTIVE));
    return OK;
}

static enum code decide(struct ctx *ctx, const Pb__NotificationCreated *e) {
    struct outgoing o = {.notification_id = e->id,
                         .user_id = e->recipient_id,
                         .actor_id = e->actor_id,
                         .kind = e->kind,
                         .created_ms = e->created_ms};
    struct prefs p;
    int64_t now_ms = clock_now_ms();
    bool there;
    enum code c;
    unsigned ways;

    if (e->created_ms < now_ms - WAIT_DAY_MS)
        return OK; /* an old event comes again: what it meant has gone out, or is no news */
    if ((c = both_there(ctx, e, &there)) != OK || !there ||
        (c = notification_prefs(ctx, e->recipient_id, &p)) != OK)
        return c;
    ways = prefs_ways(&p, e->kind);
    if ((ways & WAY_EMAIL) != 0)
        c = add_mail(ctx, &p, o, now_ms);
    if (c == OK && (ways & WAY_DIGEST) != 0)
        c = add_digest(ctx, &p, o, now_ms);
    return c == OK ? add_pushes(ctx, &p, o, ways, now_ms) : c;
}

enum code notification_deliver_events(struct ctx *ctx, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++) {
        const Pb__NotificationCreated *e;

        if (strcmp(events[i].type, "notification.created") != 0)
            continue;
        e = (const Pb__NotificationCreated *)rpc_unpack(ctx, &pb__notification_created__descriptor,
                                                        events[i].body, events[i].n);
        if (e == NULL)
            return fail_detail(ctx, DATA_LOSS, "An event can't be read.", "%s %s %lld", events[i].topic,
                               events[i].type, (long long)events[i].id);
        c = decide(ctx, e);
    }
    return c;
}

const struct timer notification_timers[] = {
    {"notification-mails", SVC_NOTIFICATION, notification_mails_run},
    {"notification-pushes", SVC_NOTIFICATION, notification_pushes_run},
    {"notification-webhooks", SVC_NOTIFICATION, notification_hooks_run},
    {"notification-tidy", SVC_NOTIFICATION, notification_tidy_run},
    {0},
};
