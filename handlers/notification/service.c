/* Reading: lists, counts, how far one has read. What is held back stands in service_policy.c; telling is the
 * worker's. */
#include "handlers/notification/service.h"

#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/notification/kinds.h"
#include "handlers/notification/service_shared.h"

#define LIST_LIMIT 40
#define LIST_MAX 80
#define COUNT_LIMIT 100
#define COUNT_MAX 1000
#define ACTORS_MAX 80

enum code notification_check_own(struct ctx *ctx, int64_t user) {
    if (user == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (user != ctx->viewer_id)
        return fail(ctx, DENIED, tr_mark("Notifications are for their member alone."));
    return OK;
}

/* ---- Lists */

/* All kinds, where none is said. */
static void kinds_of(struct ctx *ctx, const char *const *words, size_t n, struct notification_query *q) {
    int64_t *kinds = arena_many(ctx->arena, int64_t, KIND_END);

    q->kinds = kinds;
    for (size_t i = 0; i < n; i++) {
        int kind = notification_kind_named(words[i]);

        if (kind != 0 && q->n_kinds < KIND_END)
            kinds[q->n_kinds++] = kind;
    }
    for (int k = 1; n == 0 && k < KIND_END; k++)
        kinds[q->n_kinds++] = k;
}

/* Those of the words that can be grouped; all that can, where none is said. */
static void grouped_of(struct ctx *ctx, const char *const *words, size_t n, struct notification_query *q) {
    int64_t *kinds = arena_many(ctx->arena, int64_t, KIND_END), *all = kinds;
    size_t n_all = notification_grouped_kinds(all);

    for (size_t i = 0; i < n_all; i++) {
        bool is_said = n == 0;

        for (size_t k = 0; k < n; k++)
            is_said = is_said || strcmp(notification_kind(all[i])->name, words[k]) == 0;
        if (is_said)
            kinds[q->n_grouped++] = all[i];
    }
    q->grouped = kinds;
}

static enum code list(struct ctx *ctx, const Pb__ListNotificationsRequest *req,
                      Pb__NotificationsPage *reply) {
    unsigned limit = limit_of(req->limit, LIST_LIMIT, LIST_MAX);
    struct notification_query q = {.user = req->user_id,
                                   .below = req->max_id,
                                   .above = req->min_id != 0 ? req->min_id : req->since_id,
                                   .actor = req->actor_id,
                                   .up = req->min_id != 0,
                                   .held = req->held,
                                   .limit = limit + 1};
    size_t n;
    bool more;
    enum code c;

    kinds_of(ctx, (const char *const *)req->kinds, req->n_kinds, &q);
    if (req->grouped)
        grouped_of(ctx, (const char *const *)req->grouped_kinds, req->n_grouped_kinds, &q);
    if ((c = notification_store_list(ctx, &q, &reply->items, &n)) != OK)
        return c;
    more = n > limit;
    if (more && q.up)
        reply->items++; /* the one above the page */
    reply->n_items = more ? limit : n;
    if (reply->n_items == 0)
        return OK;
    reply->next_max_id = more || q.up ? reply->items[reply->n_items - 1]->id : 0;
    reply->first_id = reply->items[0]->id;
    reply->prev_min_id = (q.up ? more : q.below != 0) ? reply->first_id : 0;
    return OK;
}

/* A group's newest; a client that does not group some kind asks for "ungrouped-<id>" of it. */
static enum code one_group(struct ctx *ctx, int64_t user, const char *key, Pb__NotificationItem **ret) {
    static const char alone[] = "ungrouped-";
    int64_t id;
    enum code c = notification_store_group(ctx, user, key, ret);

    if (c != OK || *ret != NULL || strncmp(key, alone, sizeof alone - 1) != 0 ||
        !id_parse(key + sizeof alone - 1, &id))
        return c;
    return notification_store_by_id(ctx, user, id, ret);
}

static enum code one(struct ctx *ctx, const Pb__ListNotificationsRequest *req, Pb__NotificationsPage *reply) {
    enum code c;

    reply->items = arena_many(ctx->arena, Pb__NotificationItem *, 1);
    c = req->id != 0 ? notification_store_by_id(ctx, req->user_id, req->id, &reply->items[0])
                     : one_group(ctx, req->user_id, req->group_key, &reply->items[0]);
    reply->n_items = c == OK && reply->items[0] != NULL;
    return c;
}

enum code notification_service_list_notifications(struct ctx *ctx, const Pb__ListNotificationsRequest *req,
                                                  Pb__NotificationsPage *reply) {
    Pb__ReadMarker read = PB__READ_MARKER__INIT;
    bool is_one = req->id != 0 || !text_is_empty(req->group_key);
    enum code c;

    if ((c = notification_check_own(ctx, req->user_id)) != OK ||
        (c = notification_store_reader(ctx, req->user_id, &read)) != OK ||
        (c = is_one ? one(ctx, req, reply) : list(ctx, req, reply)) != OK)
        return c;
    reply->read_id = read.last_read_id;
    for (size_t i = 0; i < reply->n_items; i++)
        reply->items[i]->unread = !reply->items[i]->held && reply->items[i]->id > read.last_read_id;
    return OK;
}

enum code notification_service_list_group_actors(struct ctx *ctx, const Pb__GroupActorsRequest *req,
                                                 Pb__GroupActorsReply *reply) {
    unsigned limit = limit_of(req->limit, ACTORS_MAX, ACTORS_MAX);
    int64_t *notifications;
    enum code c;

    if ((c = notification_check_own(ctx, req->user_id)) != OK ||
        (c = notification_store_group_actors(ctx, req->user_id, req->group_key, req->before, limit,
                                             &notifications, &reply->ids, &reply->n_ids)) != OK)
        return c;
    reply->next = reply->n_ids == limit ? notifications[limit - 1] : 0;
    return OK;
}

/* ---- Counts */

enum code notification_service_get_unread(struct ctx *ctx, const Pb__UnreadRequest *req,
                                          Pb__UnreadCounts *reply) {
    Pb__UnreadCounts *counts;
    int64_t *whose;
    size_t n;
    enum code c;

    if ((c = notification_check_own(ctx, req->user_id)) != OK ||
        (c = notification_store_unread_queue(ctx, &req->user_id, 1)) != OK ||
        (c = notification_store_unread_fetch(ctx, &whose, &counts, &n)) != OK)
        return c;
    *reply = counts[0];
    return OK;
}

enum code notification_service_count_unread(struct ctx *ctx, const Pb__CountUnreadRequest *req,
                                            Pb__CountUnreadReply *reply) {
    struct notification_query q = {.user = req->user_id, .actor = req->actor_id, .limit = COUNT_LIMIT};
    enum code c = notification_check_own(ctx, req->user_id);

    if (c != OK)
        return c;
    if (req->limit != 0)
        q.limit = req->limit < COUNT_MAX ? req->limit : COUNT_MAX;
    kinds_of(ctx, (const char *const *)req->kinds, req->n_kinds, &q);
    if (req->grouped)
        grouped_of(ctx, (const char *const *)req->grouped_kinds, req->n_grouped_kinds, &q);
    return notification_store_count(ctx, &q, &reply->count);
}

/* ---- How far one has read */

enum code notification_service_get_read_position(struct ctx *ctx, const Pb__ReadPositionRequest *req,
                                                 Pb__ReadMarker *reply) {
    enum code c = notification_check_own(ctx, req->user_id);

    return c != OK ? c : notification_store_reader(ctx, req->user_id, reply);
}

enum code notification_service_set_read_position(struct ctx *ctx, const Pb__SetReadPositionRequest *req,
                                                 Pb__ReadMarker *reply) {
    bool ok = true;
    enum code c = notification_check_own(ctx, req->user_id);

    if (c != OK)
        return c;
    if (req->last_read_id < 0)
        return fail_field(ctx, "last_read_id", tr_mark("This is no notification."));
    c = req->forward
            ? notification_store_read_on(ctx, req->user_id, req->last_read_id, reply)
            : notification_store_read(ctx, req->user_id, req->last_read_id, req->version, reply, &ok);
    if (c != OK)
        return c;
    if (!ok)
        return fail(
            ctx, PRECONDITION,
            tr_mark("This was marked as read elsewhere meanwhile. Read the marker anew and try again."));
    notification_tell_badge(ctx, req->user_id);
    return OK;
}

/* ---- Away with it */

enum code notification_service_dismiss(struct ctx *ctx, const Pb__DismissRequest *req, Pb__Empty *reply) {
    size_t n = 1;
    enum code c = notification_check_own(ctx, req->user_id);

    (void)reply;
    if (c != OK)
        return c;
    if (req->all)
        c = notification_store_clear(ctx, req->user_id);
    else if (req->id != 0)
        c = notification_store_dismiss(ctx, req->user_id, req->id, &n);
    else
        c = notification_store_dismiss_group(ctx, req->user_id, req->group_key);
    if (c != OK)
        return c;
    if (n == 0)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such notification."));
    notification_tell_badge(ctx, req->user_id);
    return OK;
}

/* ---- What is old */

#define SWEEP_AT_ONCE 5000
#define SWEEP_ROUNDS 20
#define DAY_MS INT64_C(86400000)

enum code notification_service_sweep(struct ctx *ctx, const Pb__Empty *req, Pb__Empty *reply) {
    int64_t before = id_at(clock_now_ms() - ctx->env->config->notification_days * DAY_MS), n, all = 0;
    enum code c;

    (void)req;
    (void)reply;
    if ((c = limit_to_workers(ctx)) != OK)
        return c;
    for (int i = 0; i < SWEEP_ROUNDS; i++) {
        if ((c = notification_store_sweep(ctx, before, SWEEP_AT_ONCE, &n)) != OK)
            return c;
        all += n;
        if (n < SWEEP_AT_ONCE)
            break;
    }
    if (all > 0)
        log_info(ctx, "removed old notifications", "n=%lld", (long long)all);
    return OK;
}
