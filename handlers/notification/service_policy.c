/* Filtered senders: what happens to what they do, and the requests that come of it. */
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/notification/service_shared.h"

#define LIST_LIMIT 40
#define LIST_MAX 80
#define IDS_MAX 100

/* ---- Policy */

static enum code policy_of(struct ctx *ctx, int64_t user, Pb__NotificationPolicy *ret) {
    struct sender_policy p;
    enum code c;

    if ((c = notification_store_policies(ctx, &user, 1, &p)) != OK ||
        (c = notification_store_pending(ctx, user, &ret->pending_requests, &ret->pending_notifications)) !=
            OK)
        return c;
    ret->user_id = user;
    ret->not_following = policy_word(p.not_following);
    ret->not_followers = policy_word(p.not_followers);
    ret->new_accounts = policy_word(p.new_accounts);
    ret->private_mentions = policy_word(p.private_mentions);
    ret->limited_accounts = policy_word(p.limited_accounts);
    return OK;
}

enum code notification_service_get_policy(struct ctx *ctx, const Pb__GetPolicyRequest *req,
                                          Pb__NotificationPolicy *reply) {
    enum code c = notification_check_own(ctx, req->user_id);

    return c != OK ? c : policy_of(ctx, req->user_id, reply);
}

/* What is not said stays as it is. */
static enum code take(struct ctx *ctx, const char *field, const char *word, int *policy) {
    int said = policy_of_word(word);

    if (text_is_empty(word))
        return OK;
    if (said < 0)
        return fail_field(ctx, field, tr_mark("Choose accept, filter or drop."));
    *policy = said;
    return OK;
}

enum code notification_service_set_policy(struct ctx *ctx, const Pb__NotificationPolicy *req,
                                          Pb__NotificationPolicy *reply) {
    struct sender_policy p;
    enum code c;

    if ((c = notification_check_own(ctx, req->user_id)) != OK ||
        (c = notification_store_policies(ctx, &req->user_id, 1, &p)) != OK ||
        (c = take(ctx, "for_not_following", req->not_following, &p.not_following)) != OK ||
        (c = take(ctx, "for_not_followers", req->not_followers, &p.not_followers)) != OK ||
        (c = take(ctx, "for_new_accounts", req->new_accounts, &p.new_accounts)) != OK ||
        (c = take(ctx, "for_private_mentions", req->private_mentions, &p.private_mentions)) != OK ||
        (c = take(ctx, "for_limited_accounts", req->limited_accounts, &p.limited_accounts)) != OK ||
        (c = notification_store_policy_set(ctx, req->user_id, &p)) != OK)
        return c;
    return policy_of(ctx, req->user_id, reply);
}

/* ---- Requests */

enum code notification_service_list_held(struct ctx *ctx, const Pb__ListHeldRequest *req,
                                         Pb__HeldPage *reply) {
    unsigned limit = limit_of(req->limit, LIST_LIMIT, LIST_MAX);
    struct held_query q = {.user = req->user_id,
                           .below = req->max_id,
                           .above = req->min_id != 0 ? req->min_id : req->since_id,
                           .id = req->id,
                           .up = req->min_id != 0,
                           .limit = limit + 1};
    size_t n;
    enum code c;

    if ((c = notification_check_own(ctx, req->user_id)) != OK ||
        (c = notification_store_held(ctx, &q, &reply->items, &n)) != OK || n == 0)
        return c;
    if (n > limit && q.up)
        reply->items++;
    reply->n_items = n > limit ? limit : n;
    reply->next_max_id = n > limit || q.up ? reply->items[reply->n_items - 1]->id : 0;
    reply->first_id = reply->items[0]->id;
    return OK;
}

enum code notification_service_answer_held(struct ctx *ctx, const Pb__AnswerHeldRequest *req,
                                           Pb__Empty *reply) {
    size_t n;
    enum code c = notification_check_own(ctx, req->user_id);

    (void)reply;
    if (c != OK)
        return c;
    if (req->n_ids > IDS_MAX)
        return fail_field(ctx, "id", tr_mark("Answer at most 100 requests at once."));
    if ((c = notification_store_answer(ctx, req->user_id, req->ids, req->n_ids, req->accept, &n)) != OK)
        return c;
    if (n == 0 && req->n_ids == 1)
        return fail(ctx, NOT_FOUND, tr_mark("This request is gone: it was answered before, or taken back."));
    notification_tell_badge(ctx, req->user_id);
    return OK;
}
