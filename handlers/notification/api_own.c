/* Notifications in our own API: all kinds, by our own names, also those that Mastodon has no words for. */
#include "handlers/common/api_own.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_status.h"
#include "handlers/notification/api_shared.h"
#include "handlers/notification/kinds.h"

struct own_view {
    int64_t id, created_ms, count, post_id;
    const char *kind, *group_key, *detail;
    bool unread;
    struct shape_json account, status;
};
#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct own_view, member)
static const struct shape_field own_fields[] = {
    {AT("id", SHAPE_ID, id)},
    {AT("kind", SHAPE_STR, kind),
     .choices =
         "mention|comment|like|repost|follow|follow_request|follow_accepted|edit|sign_in|moderation|post"},
    {AT("group_key", SHAPE_STR, group_key)},
    {AT("count", SHAPE_INT, count), .words = "how many of the kind make this one"},
    {AT("unread", SHAPE_BOOL, unread)},
    {AT("created_at", SHAPE_TIME, created_ms), .words = "of the latest"},
    {AT("account", SHAPE_RAW, account), .of = &api_account_shape, .nullable = true,
     .words = "who did it, the latest of them; null: the site"},
    {AT("post_id", SHAPE_ID, post_id), .nullable = true},
    {AT("status", SHAPE_RAW, status), .of = &api_status_shape, .nullable = true},
    {AT("detail", SHAPE_STR, detail),
     .words =
         "sign_in: device and address, a line each; moderation: deleted, restored, approved, or role and the change"},
    {0},
};
#undef AT
const struct shape notification_api_own_shape = {"MemberNotification", sizeof(struct own_view), own_fields,
                                                 "Something that concerns oneself; likes, reposts and "
                                                 "follows of a day in one."};

enum code notification_api_own_list(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ListNotificationsRequest ask = PB__LIST_NOTIFICATIONS_REQUEST__INIT;
    const Pb__NotificationsPage *page;
    struct notification_seen *seen;
    struct notification_view *views;
    struct own_view *own;
    const char *kind = field_text(req, "kind");
    size_t n;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.limit = api_own_limit(req);
    ask.grouped = true;
    if (!text_is_empty(kind)) {
        ask.kinds = &kind;
        ask.n_kinds = 1;
    }
    if ((c = api_own_cursor_id(req, &ask.max_id, &ask.min_id)) != OK ||
        (c = notification_list_notifications(ctx, &ask, &page)) != OK ||
        (c = notification_see(ctx, ctx->viewer_id, page->items, page->n_items, true, &seen, &n)) != OK ||
        (c = notification_views(ctx, ctx->viewer_id, seen, n, &views)) != OK)
        return c;
    own = arena_many(ctx->arena, struct own_view, n + 1);
    for (size_t i = 0; i < n; i++)
        own[i] =
            (struct own_view){.id = views[i].id,
                              .created_ms = views[i].created_ms,
                              .count = seen[i].item->count,
                              .post_id = seen[i].item->post_id,
                              .kind = seen[i].item->kind,
                              .group_key = views[i].group_key,
                              .detail = seen[i].item->detail,
                              .unread = seen[i].item->unread,
                              .account = seen[i].actor != NULL ? views[i].account : (struct shape_json){0},
                              .status = views[i].status};
    return api_own_list(req, &(struct api_own_page){.shape = &notification_api_own_shape,
                                                    .items = own,
                                                    .n = n,
                                                    .next = api_own_at(ctx, page->next_max_id),
                                                    .prev = api_own_at(ctx, page->prev_min_id)});
}

/* ---- The bell */

struct bell_view {
    int64_t notifications, requests, last_id, read_id;
};
#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct bell_view, member)
static const struct shape_field bell_fields[] = {
    {AT("notifications", SHAPE_INT, notifications), .words = "unread; at most 1,000 are counted"},
    {AT("requests", SHAPE_INT, requests), .words = "senders of whom something is held back"},
    {AT("last_id", SHAPE_ID, last_id), .nullable = true},
    {AT("read_id", SHAPE_ID, read_id), .nullable = true, .words = "up to here they were read"},
    {0},
};
#undef AT
const struct shape notification_api_bell_shape = {"Unread", sizeof(struct bell_view), bell_fields,
                                                  "What the bell of every page shows."};

static enum code bell(struct request *req, struct bell_view *ret) {
    struct ctx *ctx = &req->ctx;
    Pb__UnreadRequest ask = PB__UNREAD_REQUEST__INIT;
    Pb__ReadPositionRequest where = PB__READ_POSITION_REQUEST__INIT;
    const Pb__UnreadCounts *n;
    const Pb__ReadMarker *read;
    enum code c;

    ask.user_id = where.user_id = ctx->viewer_id;
    if ((c = notification_get_unread(ctx, &ask, &n)) != OK ||
        (c = notification_get_read_position(ctx, &where, &read)) != OK)
        return c;
    *ret = (struct bell_view){n->notifications, n->requests, n->last_id, read->last_read_id};
    return OK;
}

enum code notification_api_own_bell(struct request *req) {
    struct bell_view v;
    enum code c = bell(req, &v);

    return c != OK ? c : api_own_reply(req, &notification_api_bell_shape, &v);
}

enum code notification_api_own_read(struct request *req) {
    Pb__SetReadPositionRequest set = PB__SET_READ_POSITION_REQUEST__INIT;
    enum code c;

    set.user_id = req->ctx.viewer_id;
    set.last_read_id = field_int(req, "last_id");
    set.forward = true;
    if ((c = notification_set_read_position(&req->ctx, &set, NULL)) != OK)
        return c;
    return api_own_done(req);
}

enum code notification_api_own_dismiss(struct request *req) {
    Pb__DismissRequest ask = PB__DISMISS_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = api_own_id(req, tr_mark("There is no such notification."), &ask.id)) != OK ||
        (c = notification_dismiss(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_own_done(req);
}
