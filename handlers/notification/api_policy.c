/* Filtered senders, as Mastodon's clients know them: the policy, and requests of those whom it holds back. */
#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_status.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/notification/api_shared.h"

#define LIMIT 40
#define LIMIT_MAX 80

/* ---- Policy */

struct summary_view {
    int64_t requests, notifications;
};
static const struct shape_field summary_fields[] = {
    {.name = "pending_requests_count",
     .kind = SHAPE_INT,
     .at = offsetof(struct summary_view, requests),
     .words = "at most 100 are counted"},
    {.name = "pending_notifications_count",
     .kind = SHAPE_INT,
     .at = offsetof(struct summary_view, notifications)},
    {0},
};
static const struct shape summary_shape = {"NotificationPolicySummary", sizeof(struct summary_view),
                                           summary_fields, "What is held back."};

struct policy_view {
    const char *not_following, *not_followers, *new_accounts, *private_mentions, *limited_accounts;
    const struct summary_view *summary;
};
#define RULE(member, about)                                                                    \
    {                                                                                          \
        .name = "for_" #member, .kind = SHAPE_STR, .at = offsetof(struct policy_view, member), \
        .choices = "accept|filter|drop", .words = (about)                                      \
    }
static const struct shape_field policy_fields[] = {
    RULE(not_following, "from members whom one does not follow"),
    RULE(not_followers, "from members who do not follow oneself"),
    RULE(new_accounts, "from accounts made in the last 30 days"),
    RULE(private_mentions, "direct posts out of the blue, from members whom one does not follow"),
    RULE(limited_accounts, "from accounts that moderators have limited: there are none here"),
    {.name = "summary",
     .kind = SHAPE_OBJECT,
     .at = offsetof(struct policy_view, summary),
     .of = &summary_shape},
    {0},
};
const struct shape notification_api_policy_shape = {"NotificationPolicy", sizeof(struct policy_view),
                                                    policy_fields,
                                                    "What happens to notifications of certain senders."};

static enum code answer(struct request *req, const Pb__NotificationPolicy *p) {
    struct summary_view summary = {p->pending_requests, p->pending_notifications};

    return api_reply(req, &notification_api_policy_shape,
                     &(struct policy_view){p->not_following, p->not_followers, p->new_accounts,
                                           p->private_mentions, p->limited_accounts, &summary});
}

enum code notification_api_policy(struct request *req) {
    Pb__GetPolicyRequest ask = PB__GET_POLICY_REQUEST__INIT;
    const Pb__NotificationPolicy *policy;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    return (c = notification_get_policy(&req->ctx, &ask, &policy)) != OK ? c : answer(req, policy);
}

enum code notification_api_policy_set(struct request *req) {
    Pb__NotificationPolicy set = PB__NOTIFICATION_POLICY__INIT;
    const Pb__NotificationPolicy *policy;
    enum code c;

    set.user_id = req->ctx.viewer_id;
    set.not_following = field_text(req, "for_not_following");
    set.not_followers = field_text(req, "for_not_followers");
    set.new_accounts = field_text(req, "for_new_accounts");
    set.private_mentions = field_text(req, "for_private_mentions");
    set.limited_accounts = field_text(req, "for_limited_accounts");
    return (c = notification_set_policy(&req->ctx, &set, &policy)) != OK ? c : answer(req, policy);
}

/* ---- Requests */

struct request_view {
    int64_t id, created_ms, updated_ms;
    const char *count;
    struct shape_json account, last_status;
};
#define AT(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct request_view, member)
static const struct shape_field request_fields[] = {
    {AT("id", SHAPE_ID, id)},
    {AT("created_at", SHAPE_TIME, created_ms)},
    {AT("updated_at", SHAPE_TIME, updated_ms)},
    {AT("notifications_count", SHAPE_STR, count), .words = "a number"},
    {AT("account", SHAPE_RAW, account), .of = &api_account_shape},
    {AT("last_status", SHAPE_RAW, last_status), .of = &api_status_shape, .optional = true},
    {0},
};
#undef AT
const struct shape notification_api_request_shape = {"NotificationRequest", sizeof(struct request_view),
                                                     request_fields, "What is held back of one sender."};

/* Those of the posts that the reader may see, as JSON, in order. */
static enum code posts_of(struct ctx *ctx, const Pb__HeldPage *page, struct shape_json *ret) {
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;
    const Pb__PostsReply *found;
    struct shape_json *ready;
    enum code c;

    ask.viewer_id = ctx->viewer_id;
    ask.with_muted = true;
    ask.ids = arena_many(ctx->arena, int64_t, page->n_items);
    for (size_t i = 0; i < page->n_items; i++)
        if (page->items[i]->post_id != 0)
            ask.ids[ask.n_ids++] = page->items[i]->post_id;
    if (ask.n_ids == 0 || (c = post_get_posts(ctx, &ask, &found)) != OK)
        return ask.n_ids == 0 ? OK : c;
    ready = arena_many(ctx->arena, struct shape_json, found->n_items);
    if ((c = api_statuses_each(ctx, found->items, found->n_items, ready)) != OK)
        return c;
    for (size_t i = 0; i < page->n_items; i++)
        for (size_t k = 0; k < found->n_items; k++)
            if (found->items[k]->post->id == page->items[i]->post_id)
                ret[i] = ready[k];
    return OK;
}

static enum code senders_of(struct ctx *ctx, const Pb__HeldPage *page, struct shape_json *ret) {
    int64_t *ids = arena_many(ctx->arena, int64_t, page->n_items);
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, page->n_items);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, page->n_items);
    enum code c;

    for (size_t i = 0; i < page->n_items; i++)
        ids[i] = page->items[i]->from_id;
    if ((c = cards_get(ctx, ids, page->n_items, cards)) != OK ||
        (c = edges_get(ctx, ctx->viewer_id, ids, page->n_items, edges)) != OK ||
        (c = api_accounts_json(ctx, ids, page->n_items, ret)) != OK)
        return c;
    for (size_t i = 0; i < page->n_items; i++)
        if (cards[i] == NULL || cards[i]->state != PB__ACCOUNT_STATE__STATE_ACTIVE ||
            (edges[i] & (EDGE_SEVERED | EDGE_MUTING)) != 0)
            ret[i].n = 0;
    return OK;
}

static enum code views_of(struct ctx *ctx, const Pb__HeldPage *page, struct request_view **ret,
                          size_t *ret_n) {
    struct shape_json *senders = arena_many(ctx->arena, struct shape_json, page->n_items),
                      *posts = arena_many(ctx->arena, struct shape_json, page->n_items);
    enum code c;

    *ret_n = 0;
    *ret = arena_many(ctx->arena, struct request_view, page->n_items + 1);
    if (page->n_items == 0)
        return OK;
    if ((c = senders_of(ctx, page, senders)) != OK || (c = posts_of(ctx, page, posts)) != OK)
        return c;
    for (size_t i = 0; i < page->n_items; i++)
        if (senders[i].n > 0)
            (*ret)[(*ret_n)++] = (struct request_view){
                .id = page->items[i]->id,
                .created_ms = page->items[i]->created_ms,
                .updated_ms = page->items[i]->updated_ms,
                .count = arena_printf(ctx->arena, "%lld", (long long)page->items[i]->count),
                .account = senders[i],
                .last_status = posts[i]};
    return OK;
}

enum code notification_api_requests(struct request *req) {
    Pb__ListHeldRequest ask = PB__LIST_HELD_REQUEST__INIT;
    const Pb__HeldPage *page;
    struct request_view *views;
    size_t n;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.max_id = field_int(req, "max_id");
    ask.min_id = field_int(req, "min_id");
    ask.since_id = field_int(req, "since_id");
    ask.limit = api_limit(req, LIMIT, LIMIT_MAX);
    if ((c = notification_list_held(&req->ctx, &ask, &page)) != OK ||
        (c = views_of(&req->ctx, page, &views, &n)) != OK)
        return c;
    api_link(req, page->next_max_id, page->first_id);
    return api_reply_list(req, &notification_api_request_shape, views, n);
}

static enum code request_id(struct request *req, int64_t *ret) {
    return id_parse(req->args[0], ret) ? OK
                                       : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such request."));
}

enum code notification_api_request(struct request *req) {
    Pb__ListHeldRequest ask = PB__LIST_HELD_REQUEST__INIT;
    const Pb__HeldPage *page;
    struct request_view *views;
    size_t n;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = request_id(req, &ask.id)) != OK || (c = notification_list_held(&req->ctx, &ask, &page)) != OK ||
        (c = views_of(&req->ctx, page, &views, &n)) != OK)
        return c;
    if (n == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such request."));
    return api_reply(req, &notification_api_request_shape, views);
}

/* ---- Answers */

static enum code answer_held(struct request *req, const int64_t *ids, size_t n, bool accept) {
    Pb__AnswerHeldRequest ask = PB__ANSWER_HELD_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.ids = (int64_t *)(uintptr_t)ids;
    ask.n_ids = n;
    ask.accept = accept;
    return (c = notification_answer_held(&req->ctx, &ask, NULL)) != OK ? c : api_reply_empty(req);
}

static enum code answer_one(struct request *req, bool accept) {
    int64_t id;
    enum code c = request_id(req, &id);

    return c != OK ? c : answer_held(req, &id, 1, accept);
}

enum code notification_api_request_accept(struct request *req) { return answer_one(req, true); }
enum code notification_api_request_dismiss(struct request *req) { return answer_one(req, false); }

static enum code answer_many(struct request *req, bool accept) {
    const struct field_value *ids = field_get(req, "id");
    enum code c = ids->n_ids == 0 ? OK : answer_held(req, ids->ids, ids->n_ids, accept);

    if (c != OK && c != NOT_FOUND)
        return c;
    fail_clear(&req->ctx); /* of several, those that are gone don't matter */
    return api_reply_empty(req);
}

enum code notification_api_requests_accept(struct request *req) { return answer_many(req, true); }
enum code notification_api_requests_dismiss(struct request *req) { return answer_many(req, false); }

/* What was accepted is among the others at once. */
struct merged_view {
    bool merged;
};
static const struct shape_field merged_fields[] = {{.name = "merged",
                                                    .kind = SHAPE_BOOL,
                                                    .at = offsetof(struct merged_view, merged),
                                                    .words = "always true"},
                                                   {0}};
const struct shape notification_api_merged_shape = {"Merged", sizeof(struct merged_view), merged_fields,
                                                    "Whether accepted requests are worked in."};

enum code notification_api_merged(struct request *req) {
    return api_reply(req, &notification_api_merged_shape, &(struct merged_view){true});
}
