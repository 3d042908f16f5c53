#include "handlers/notification/pages.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/device.h"
#include "handlers/common/forms.h"
#include "handlers/common/models.h"
#include "handlers/common/page.h"
#include "handlers/common/side.h"
#include "handlers/notification/entity.h"
#include "handlers/notification/view.h"

#define LIMIT 30

static const char *words(struct request *req, const char *text) { return tr(req->ctx.lang, text); }

void notification_page_prefetch(struct request *req, int64_t claimed_user) {
    side_prefetch(req, claimed_user);
}

/* ---- The list */

/* Kinds that stand together under one tab. */
static const struct {
    const char *show;
    const char *kinds[4]; /* NULL: no further one */
} tabs[] = {
    {"talk", {"mention", "comment", "edit", "post"}},
    {"reactions", {"like", "repost"}},
    {"follows", {"follow", "follow_request", "follow_accepted"}},
    {"site", {"sign_in", "moderation"}},
};

static void choose_kinds(struct request *req, Pb__ListNotificationsRequest *ask) {
    const char *show = field_text(req, "show");

    for (size_t i = 0; i < sizeof tabs / sizeof *tabs; i++) {
        if (strcmp(tabs[i].show, show) != 0)
            continue;
        ask->kinds = (const char **)(uintptr_t)tabs[i].kinds;
        while (ask->n_kinds < 4 && tabs[i].kinds[ask->n_kinds] != NULL)
            ask->n_kinds++;
    }
}

/* Two lines of what the site says: "what\nabout". */
static const char *line_of(struct arena *a, const char *detail, int line) {
    const char *end = strchr(detail, '\n');

    if (line == 0)
        return end == NULL ? detail : arena_strndup(a, detail, (size_t)(end - detail));
    return end == NULL ? "" : end + 1;
}

static void add_site_words(struct ctx *ctx, const Pb__NotificationItem *item, struct news_row *row) {
    const char *first = line_of(ctx->arena, item->detail, 0), *second = line_of(ctx->arena, item->detail, 1);

    if (row->kind == KIND_SIGN_IN) {
        row->device = device_words(ctx->arena, ctx->lang, first);
        row->ip = second;
        row->href = "/settings/sessions";
        return;
    }
    row->what = first;
    row->change = second;
    row->href = "/about";
}

static void add_post(struct ctx *ctx, const struct notification_seen *seen, struct news_row *row) {
    const Pb__PostView *post = seen->post->post;

    row->said = text_is_empty(post->warning) ? post->text : post->warning;
    if (seen->post->author != NULL)
        row->href = arena_printf(ctx->arena, "/@%s/%" PRId64, seen->post->author->handle, post->id);
}

static struct news_row row_of(struct request *req, const struct notification_seen *seen) {
    struct ctx *ctx = &req->ctx;
    const Pb__UserCard *me = req->session.card;
    const Pb__NotificationItem *item = seen->item;
    struct news_row row = {.kind = notification_kind_named(item->kind),
                           .unread = item->unread,
                           .group_key = item->group_key,
                           .created_ms = item->created_ms,
                           .actor = seen->actor,
                           .sample = seen->sample,
                           .n_sample = seen->n_sample,
                           .others = item->count - 1};

    if (seen->actor == NULL) {
        add_site_words(ctx, item, &row);
        return row;
    }
    row.href = arena_printf(ctx->arena, "/@%s", seen->actor->handle);
    if (row.kind == KIND_FOLLOW && row.others > 0)
        row.href = arena_printf(ctx->arena, "/@%s/followers", me->handle);
    if (seen->post != NULL)
        add_post(ctx, seen, &row);
    return row;
}

static const char *page_link(struct request *req, const char *bound, int64_t id) {
    const char *show = field_text(req, "show");

    return text_is_empty(show)
               ? arena_printf(req->ctx.arena, "/notifications?%s=%" PRId64, bound, id)
               : arena_printf(req->ctx.arena, "/notifications?show=%s&%s=%" PRId64, show, bound, id);
}

static enum code read_rows(struct request *req, struct news_view *v) {
    struct ctx *ctx = &req->ctx;
    Pb__ListNotificationsRequest ask = PB__LIST_NOTIFICATIONS_REQUEST__INIT;
    const Pb__NotificationsPage *page;
    struct notification_seen *seen;
    struct news_row *rows;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.limit = LIMIT;
    ask.grouped = true;
    choose_kinds(req, &ask);
    if ((c = notification_list_notifications(ctx, &ask, &page)) != OK ||
        (c = notification_see(ctx, ctx->viewer_id, page->items, page->n_items, false, &seen, &v->n)) != OK)
        return c;
    rows = arena_many(ctx->arena, struct news_row, v->n + 1);
    for (size_t i = 0; i < v->n; i++)
        rows[i] = row_of(req, &seen[i]);
    v->rows = rows;
    if (page->next_max_id != 0)
        v->pager.older = page_link(req, "max_id", page->next_max_id);
    if (ask.max_id != 0)
        v->pager.newer = text_is_empty(v->show) ? "/notifications"
                                                : arena_printf(ctx->arena, "/notifications?show=%s", v->show);
    return OK;
}

enum code notification_page_list(struct request *req) {
    struct news_view v = {.show = field_text(req, "show")};
    struct page *page;
    enum code c = read_rows(req, &v);

    if (c != OK)
        return c;
    page = page_new(req, PLACE_NOTIFICATIONS, words(req, tr_mark("Notifications")));
    page->noindex = true;
    v.last_id = page->bell.last_id;
    v.any_unread = page->bell.unread > 0;
    v.requests = page->bell.requests;
    v.side = side_get(req);
    tpl_notification_list(form_html(req), page, &v);
    return OK;
}

enum code notification_page_read(struct request *req) {
    Pb__SetReadPositionRequest set = PB__SET_READ_POSITION_REQUEST__INIT;
    enum code c;

    set.user_id = req->ctx.viewer_id;
    set.last_read_id = field_int(req, "last_id");
    set.forward = true;
    if ((c = notification_set_read_position(&req->ctx, &set, NULL)) != OK)
        return c;
    return form_go_back(req, "/notifications", "all-read");
}

enum code notification_page_dismiss(struct request *req) {
    Pb__DismissRequest ask = PB__DISMISS_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.group_key = req->args[0];
    if ((c = notification_dismiss(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/notifications", "dismissed");
}

/* ---- Requests */

static enum code posts_of(struct ctx *ctx, const Pb__HeldPage *held, const Pb__PostsReply **ret) {
    static const Pb__PostsReply none = PB__POSTS_REPLY__INIT;
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;

    ask.viewer_id = ctx->viewer_id;
    ask.ids = arena_many(ctx->arena, int64_t, held->n_items);
    for (size_t i = 0; i < held->n_items; i++)
        if (held->items[i]->post_id != 0)
            ask.ids[ask.n_ids++] = held->items[i]->post_id;
    *ret = &none;
    return ask.n_ids > 0 ? post_get_posts(ctx, &ask, ret) : OK;
}

static struct held_row held_row_of(struct ctx *ctx, const Pb__HeldRequest *one, const Pb__UserCard *user,
                                   const Pb__PostsReply *posts) {
    struct held_row row = {.user = user, .id = one->id, .count = one->count, .updated_ms = one->updated_ms};

    for (size_t i = 0; i < posts->n_items; i++) {
        const Pb__PostView *post = posts->items[i]->post;

        if (post->id != one->post_id)
            continue;
        row.said = text_is_empty(post->warning) ? post->text : post->warning;
        row.href = arena_printf(ctx->arena, "/@%s/%" PRId64, user->handle, post->id);
    }
    return row;
}

static enum code read_requests(struct request *req, struct held_view *v) {
    struct ctx *ctx = &req->ctx;
    Pb__ListHeldRequest ask = PB__LIST_HELD_REQUEST__INIT;
    const Pb__HeldPage *held;
    const Pb__PostsReply *posts;
    const Pb__UserCard **cards;
    struct held_row *rows;
    int64_t *ids;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.limit = LIMIT;
    if ((c = notification_list_held(ctx, &ask, &held)) != OK || (c = posts_of(ctx, held, &posts)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, held->n_items);
    cards = arena_many(ctx->arena, const Pb__UserCard *, held->n_items);
    for (size_t i = 0; i < held->n_items; i++)
        ids[i] = held->items[i]->from_id;
    if (held->n_items > 0 && (c = cards_get(ctx, ids, held->n_items, cards)) != OK)
        return c;
    v->rows = rows = arena_many(ctx->arena, struct held_row, held->n_items + 1);
    for (size_t i = 0; i < held->n_items; i++)
        if (cards[i] != NULL && cards[i]->state == PB__ACCOUNT_STATE__STATE_ACTIVE)
            rows[v->n++] = held_row_of(ctx, held->items[i], cards[i], posts);
    if (held->next_max_id != 0)
        v->pager.older =
            arena_printf(ctx->arena, "/notifications/requests?max_id=%" PRId64, held->next_max_id);
    if (ask.max_id != 0)
        v->pager.newer = "/notifications/requests";
    return OK;
}

enum code notification_page_requests(struct request *req) {
    struct held_view v = {0};
    struct page *page;
    enum code c = read_requests(req, &v);

    if (c != OK)
        return c;
    page = page_new(req, PLACE_NOTIFICATIONS, words(req, tr_mark("Held back")));
    page->noindex = true;
    tpl_notification_requests(form_html(req), page, &v);
    return OK;
}

static enum code answer(struct request *req, bool accept, const char *notice) {
    Pb__AnswerHeldRequest ask = PB__ANSWER_HELD_REQUEST__INIT;
    int64_t id;
    enum code c;

    if (!id_parse(req->args[0], &id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such request."));
    ask.user_id = req->ctx.viewer_id;
    ask.ids = &id;
    ask.n_ids = 1;
    ask.accept = accept;
    if ((c = notification_answer_held(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/notifications/requests", notice);
}

enum code notification_page_accept(struct request *req) { return answer(req, true, "accepted"); }
enum code notification_page_refuse(struct request *req) { return answer(req, false, "dismissed"); }

/* ---- Policy */

enum code notification_page_policy(struct request *req) {
    Pb__GetPolicyRequest ask = PB__GET_POLICY_REQUEST__INIT;
    struct policy_view v;
    struct page *page;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = notification_get_policy(&req->ctx, &ask, &v.policy)) != OK)
        return c;
    page = page_new(req, PLACE_NOTIFICATIONS, words(req, tr_mark("Who reaches you")));
    page->noindex = true;
    tpl_notification_policy(form_html(req), page, &v);
    return OK;
}

enum code notification_page_policy_set(struct request *req) {
    Pb__NotificationPolicy set = PB__NOTIFICATION_POLICY__INIT;
    enum code c;

    set.user_id = req->ctx.viewer_id;
    set.not_following = field_text(req, "not_following");
    set.not_followers = field_text(req, "not_followers");
    set.new_accounts = field_text(req, "new_accounts");
    set.private_mentions = field_text(req, "private_mentions");
    if ((c = notification_set_policy(&req->ctx, &set, NULL)) != OK)
        return c;
    return form_go_back(req, "/notifications/policy", "saved");
}
