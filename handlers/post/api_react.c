/* Around one status: its thread, who reacted, reacting. */
#include "fcgi/base/text.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/post/api_shared.h"

#define ANCESTORS 40 /* as Mastodon shows strangers */
#define DESCENDANTS 60
#define DESCENDANTS_MEMBER 500

/* ---- Context */

struct context_view {
    struct shape_json ancestors, descendants;
};
static const struct shape_field context_fields[] = {
    {.name = "ancestors",
     .kind = SHAPE_RAWS,
     .at = offsetof(struct context_view, ancestors),
     .of = &api_status_shape},
    {.name = "descendants",
     .kind = SHAPE_RAWS,
     .at = offsetof(struct context_view, descendants),
     .of = &api_status_shape},
    {0},
};
const struct shape post_api_context_shape = {"Context", sizeof(struct context_view), context_fields,
                                             "What a post answers, and its comments, depth first."};

enum code post_api_context(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ThreadRequest ask = PB__THREAD_REQUEST__INIT;
    const Pb__ThreadReply *thread;
    struct context_view v;
    enum code c;

    ask.viewer_id = ctx->viewer_id;
    ask.up = ANCESTORS;
    ask.down = ctx->viewer_id != 0 ? DESCENDANTS_MEMBER : DESCENDANTS;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_get_thread(ctx, &ask, &thread)) != OK ||
        (c = api_statuses_ready(ctx, thread->ancestors, thread->n_ancestors, &v.ancestors)) != OK ||
        (c = api_statuses_ready(ctx, thread->descendants, thread->n_descendants, &v.descendants)) != OK)
        return c;
    return api_reply(req, &post_api_context_shape, &v);
}

/* ---- Who reacted: pages by the reactions' own ids */

static enum code reply_accounts(struct request *req, const Pb__WhoReply *who) {
    struct ctx *ctx = &req->ctx;
    int64_t *ids = arena_many(ctx->arena, int64_t, who->n_users);
    const struct api_account **found = arena_many(ctx->arena, const struct api_account *, who->n_users);
    struct api_account *all = arena_many(ctx->arena, struct api_account, who->n_users);
    size_t n = 0;
    enum code c;

    for (size_t i = 0; i < who->n_users; i++)
        ids[i] = who->users[i]->id;
    if ((c = api_accounts_get(ctx, ids, who->n_users, found)) != OK)
        return c;
    for (size_t i = 0; i < who->n_users; i++)
        if (found[i] != NULL)
            all[n++] = *found[i];
    return api_reply_list(req, &api_account_shape, all, n);
}

static enum code who(struct request *req, const char *kind) {
    Pb__WhoRequest ask = PB__WHO_REQUEST__INIT;
    const Pb__WhoReply *reply;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.kind = kind;
    ask.before = field_int(req, "max_id");
    ask.since = field_int(req, "since_id");
    ask.after = field_int(req, "min_id");
    ask.limit = api_limit(req, 40, 80);
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_who_reacted(&req->ctx, &ask, &reply)) != OK)
        return c;
    api_link(req, reply->next, reply->first_id);
    return reply_accounts(req, reply);
}

enum code post_api_favourited_by(struct request *req) { return who(req, "like"); }
enum code post_api_reblogged_by(struct request *req) { return who(req, "repost"); }

/* ---- Reacting */

static enum code react_and_reply(struct request *req, const char *kind, bool on) {
    const Pb__PostItem *item;
    enum code c = post_ask_react(req, kind, on, PB__AUDIENCE__AUDIENCE_PUBLIC, &item);

    return c != OK ? post_api_refusal(req, c) : api_status_reply(req, item, NULL);
}

enum code post_api_favourite(struct request *req) { return react_and_reply(req, "like", true); }
enum code post_api_unfavourite(struct request *req) { return react_and_reply(req, "like", false); }
enum code post_api_unreblog(struct request *req) { return react_and_reply(req, "repost", false); }
enum code post_api_bookmark(struct request *req) { return react_and_reply(req, "bookmark", true); }
enum code post_api_unbookmark(struct request *req) { return react_and_reply(req, "bookmark", false); }
enum code post_api_pin(struct request *req) { return react_and_reply(req, "pin", true); }
enum code post_api_unpin(struct request *req) { return react_and_reply(req, "pin", false); }

/* Answers with the repost itself, which has an id of its own. */
enum code post_api_reblog(struct request *req) {
    const char *visibility = field_text(req, "visibility");
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__PostItem *item;
    const Pb__PostReply *own;
    enum code c;

    c = post_ask_react(req, "repost", true, api_audience(text_is_empty(visibility) ? "public" : visibility),
                       &item);
    if (c != OK)
        return post_api_refusal(req, c);
    ask.viewer_id = req->ctx.viewer_id;
    ask.id = item->post->id;
    if ((c = post_get_repost(&req->ctx, &ask, &own)) != OK)
        return c;
    return api_status_reply(req, own->item, NULL);
}

/* ---- Muting the conversation */

static enum code mute(struct request *req, bool on) {
    Pb__MuteThreadRequest ask = PB__MUTE_THREAD_REQUEST__INIT;
    const Pb__PostReply *reply;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.on = on;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_mute_thread(&req->ctx, &ask, &reply)) != OK)
        return post_api_refusal(req, c);
    return api_status_reply(req, reply->item, NULL);
}

enum code post_api_mute(struct request *req) { return mute(req, true); }
enum code post_api_unmute(struct request *req) { return mute(req, false); }
