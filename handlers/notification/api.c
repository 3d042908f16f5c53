/* Notifications one by one, as Mastodon's clients know them. */
#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/notification/api_shared.h"
#include "handlers/notification/kinds.h"

#define LIMIT 40
#define LIMIT_MAX 80
#define COUNT_LIMIT 100
#define COUNT_MAX 1000

/* ---- What is asked for */

size_t notification_api_kinds(struct request *req, const char ***ret) {
    const struct field_value *types = field_get(req, "types"), *without = field_get(req, "exclude_types");
    int64_t yes[KIND_END], no[KIND_END];
    size_t n_yes, n_no, n = 0;

    *ret = arena_many(req->ctx.arena, const char *, KIND_END);
    notification_kinds_named(types->texts, types->n_texts, yes, &n_yes);
    notification_kinds_named(without->texts, without->n_texts, no, &n_no);
    for (int64_t kind = 1; kind < KIND_END; kind++) {
        const struct notification_kind *k = notification_kind(kind);
        bool is_asked = types->n_texts > 0 ? id_among(kind, yes, n_yes) : k->mastodon != NULL;

        if (is_asked && !id_among(kind, no, n_no))
            (*ret)[n++] = k->name;
    }
    return n;
}

void notification_api_ask(struct request *req, Pb__ListNotificationsRequest *ret) {
    pb__list_notifications_request__init(ret);
    ret->user_id = req->ctx.viewer_id;
    ret->max_id = field_int(req, "max_id");
    ret->min_id = field_int(req, "min_id");
    ret->since_id = field_int(req, "since_id");
    ret->limit = api_limit(req, LIMIT, LIMIT_MAX);
    ret->actor_id = field_int(req, "account_id");
    ret->held = field_bool(req, "include_filtered");
    ret->n_kinds = notification_api_kinds(req, (const char ***)&ret->kinds);
}

enum code notification_api_id(struct request *req, int64_t *ret_id) {
    return id_parse(req->args[0], ret_id)
               ? OK
               : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such notification."));
}

/* ---- Lists */

static enum code views_of(struct ctx *ctx, const Pb__NotificationsPage *page, struct notification_view **ret,
                          size_t *ret_n) {
    struct notification_seen *seen;
    enum code c = notification_see(ctx, ctx->viewer_id, page->items, page->n_items, true, &seen, ret_n);

    return c != OK ? c : notification_views(ctx, ctx->viewer_id, seen, *ret_n, ret);
}

enum code notification_api_list(struct request *req) {
    Pb__ListNotificationsRequest ask;
    const Pb__NotificationsPage *page;
    struct notification_view *views;
    size_t n;
    enum code c;

    notification_api_ask(req, &ask);
    if (ask.n_kinds == 0)
        return api_reply_none(req);
    if ((c = notification_list_notifications(&req->ctx, &ask, &page)) != OK ||
        (c = views_of(&req->ctx, page, &views, &n)) != OK)
        return c;
    api_link(req, page->next_max_id, page->first_id);
    return api_reply_list(req, &notification_shape, views, n);
}

enum code notification_api_get(struct request *req) {
    Pb__ListNotificationsRequest ask = PB__LIST_NOTIFICATIONS_REQUEST__INIT;
    const Pb__NotificationsPage *page;
    struct notification_view *views;
    size_t n;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = notification_api_id(req, &ask.id)) != OK ||
        (c = notification_list_notifications(&req->ctx, &ask, &page)) != OK ||
        (c = views_of(&req->ctx, page, &views, &n)) != OK)
        return c;
    if (n == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such notification."));
    return api_reply(req, &notification_shape, views);
}

/* ---- Counts */

struct count_view {
    int64_t count;
};
static const struct shape_field count_fields[] = {
    {.name = "count", .kind = SHAPE_INT, .at = offsetof(struct count_view, count)}, {0}};
const struct shape notification_api_count_shape = {"UnreadCount", sizeof(struct count_view), count_fields,
                                                   "How many there are that were not read."};

enum code notification_api_reply_count(struct request *req, const Pb__CountUnreadRequest *ask) {
    const Pb__CountUnreadReply *n;
    enum code c = notification_count_unread(&req->ctx, ask, &n);

    return c != OK ? c : api_reply(req, &notification_api_count_shape, &(struct count_view){n->count});
}

enum code notification_api_count(struct request *req) {
    Pb__CountUnreadRequest ask = PB__COUNT_UNREAD_REQUEST__INIT;

    ask.user_id = req->ctx.viewer_id;
    ask.limit = api_limit(req, COUNT_LIMIT, COUNT_MAX);
    ask.actor_id = field_int(req, "account_id");
    ask.n_kinds = notification_api_kinds(req, (const char ***)&ask.kinds);
    if (ask.n_kinds == 0)
        return api_reply(req, &notification_api_count_shape, &(struct count_view){0});
    return notification_api_reply_count(req, &ask);
}

/* ---- Away with it */

enum code notification_api_clear(struct request *req) {
    Pb__DismissRequest ask = PB__DISMISS_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.all = true;
    return (c = notification_dismiss(&req->ctx, &ask, NULL)) != OK ? c : api_reply_empty(req);
}

enum code notification_api_dismiss(struct request *req) {
    Pb__DismissRequest ask = PB__DISMISS_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = notification_api_id(req, &ask.id)) != OK ||
        (c = notification_dismiss(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_reply_empty(req);
}
