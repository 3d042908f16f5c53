/* One status: writing it, reading it, what it was. */
#include <string.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_html.h"
#include "handlers/common/api_media.h"
#include "handlers/common/side.h"
#include "handlers/post/api_shared.h"

/* ---- Shared */

static enum code get_posts(struct ctx *ctx, const int64_t *ids, size_t n, const Pb__PostsReply **ret) {
    Pb__GetPostsRequest ask = PB__GET_POSTS_REQUEST__INIT;

    ask.viewer_id = ctx->viewer_id;
    ask.ids = arena_memdup(ctx->arena, ids, n * sizeof *ids);
    ask.n_ids = n;
    ask.with_muted = true;
    return post_get_posts(ctx, &ask, ret);
}

enum code post_api_item(struct request *req, const Pb__PostItem **ret) {
    const Pb__PostsReply *reply;
    int64_t id;
    enum code c;

    if ((c = post_ask_target(req, &id)) != OK || (c = get_posts(&req->ctx, &id, 1, &reply)) != OK)
        return c;
    if (reply->n_items == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such post, or it is not for you."));
    *ret = reply->items[0];
    return OK;
}

enum code post_api_refusal(struct request *req, enum code c) {
    static const char *const names[][2] = {
        {"text", "status"}, {"warning", "spoiler_text"}, {"audience", "visibility"}};
    struct error *e = &req->ctx.error;

    for (struct field_error *f = e->fields; c != OK && f != NULL; f = f->next)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(f->field, names[i][0]) == 0)
                f->field = names[i][1];
    if (c == PRECONDITION)
        e->http = 422;
    return c;
}

/* ---- Writing */

static bool has_poll(const struct request *req) {
    for (size_t i = 0; i < req->form.n; i++)
        if (text_starts(req->form.items[i].name, "poll") && !param_is_empty(&req->form.items[i]))
            return true;
    return false;
}

/* What this site does not have is refused, never dropped in silence. */
static enum code refuse_unknown_kinds(struct request *req) {
    struct ctx *ctx = &req->ctx;
    enum code c = OK;

    if (has_poll(req))
        c = fail_field(ctx, "poll", tr_mark("This site has no polls. Send the post without one."));
    if (!text_is_empty(params_get(&req->form, "scheduled_at")))
        c = fail_field(ctx, "scheduled_at",
                       tr_mark("This site does not schedule posts. Send it when it is time."));
    return c;
}

/* The client's key, of whatever length. */
static const char *key_of(struct request *req) {
    const char *key = request_header(req, "Idempotency-Key");
    unsigned char hash[CRYPTO_HASH_BYTES];

    if (text_is_empty(key))
        return "";
    crypto_digest(hash, key, strlen(key));
    return arena_printf(req->ctx.arena, "api:%s", text_hex(req->ctx.arena, hash, sizeof hash));
}

/* A personal token is no app: its name is its member's own. */
static void take_app(const struct request *req, Pb__CreatePostRequest *ask) {
    const Pb__AccessToken *access = req->session.access;

    if (access == NULL || access->app_id == 0)
        return;
    ask->app_name = access->app_name;
    ask->app_website = access->app_website;
}

enum code post_api_create(struct request *req) {
    Pb__CreatePostRequest ask = PB__CREATE_POST_REQUEST__INIT;
    const char *visibility = field_text(req, "visibility");
    const struct field_value *media = field_get(req, "media_ids");
    const Pb__PostReply *reply;
    enum code c;

    if ((c = refuse_unknown_kinds(req)) != OK)
        return c;
    ask.author_id = req->ctx.viewer_id;
    ask.text = field_text(req, "status");
    ask.warning = field_text(req, "spoiler_text");
    ask.sensitive = field_bool(req, "sensitive");
    ask.in_reply_to_id = field_int(req, "in_reply_to_id");
    ask.language = field_text(req, "language");
    ask.idempotency_key = key_of(req);
    ask.media_ids = (int64_t *)(uintptr_t)media->ids;
    ask.n_media_ids = media->n_ids;
    ask.media_ready = true;
    take_app(req, &ask);
    if (text_is_empty(visibility)) {
        const char *usual = side_audience(req);

        visibility = strcmp(usual, "followers") == 0 ? "private" : usual;
    }
    ask.audience = api_audience(visibility);
    if ((c = post_create_post(&req->ctx, &ask, &reply)) != OK)
        return post_api_refusal(req, c);
    side_forget(&req->ctx, req->ctx.viewer_id);
    return api_status_reply(req, reply->item, NULL);
}

/* What is not said stays as it is. */
enum code post_api_edit(struct request *req) {
    Pb__EditPostRequest ask = PB__EDIT_POST_REQUEST__INIT;
    Pb__PostRequest about = PB__POST_REQUEST__INIT;
    const Pb__SourceReply *old;
    const Pb__PostReply *reply;
    enum code c;

    if ((c = post_ask_target(req, &about.id)) != OK || (c = refuse_unknown_kinds(req)) != OK)
        return c;
    about.viewer_id = req->ctx.viewer_id;
    if ((c = post_get_source(&req->ctx, &about, &old)) != OK)
        return c;
    ask.actor_id = req->ctx.viewer_id;
    ask.id = old->id;
    ask.text = field_present(req, "status") ? field_text(req, "status") : old->text;
    ask.warning = field_present(req, "spoiler_text") ? field_text(req, "spoiler_text") : old->warning;
    ask.sensitive = field_present(req, "sensitive") ? field_bool(req, "sensitive") : old->sensitive;
    ask.language = field_text(req, "language");
    ask.media_ready = true;
    if ((c = post_api_media_edit(req, &ask)) != OK)
        return c;
    if ((c = post_edit_post(&req->ctx, &ask, &reply)) != OK)
        return post_api_refusal(req, c);
    return api_status_reply(req, reply->item, NULL);
}

/* Answers with what the post was, and with what its author typed, so that it can be written anew. */
enum code post_api_delete(struct request *req) {
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__PostItem *item;
    const Pb__SourceReply *gone;
    enum code c;

    if ((c = post_api_item(req, &item)) != OK)
        return c;
    ask.viewer_id = req->ctx.viewer_id;
    ask.id = item->post->id;
    if ((c = post_delete_post(&req->ctx, &ask, &gone)) != OK)
        return c;
    side_forget(&req->ctx, req->ctx.viewer_id);
    return api_status_reply(req, item, gone->text);
}

/* ---- Reading */

enum code post_api_get(struct request *req) {
    const Pb__PostItem *item = NULL;
    enum code c = post_api_item(req, &item);

    return c != OK ? c : api_status_reply(req, item, NULL);
}

enum code post_api_get_many(struct request *req) {
    const struct field_value *ids = field_get(req, "id");
    const Pb__PostsReply *reply;
    enum code c;

    if (ids->n_ids == 0)
        return api_reply_none(req);
    if ((c = get_posts(&req->ctx, ids->ids, ids->n_ids, &reply)) != OK)
        return c;
    return api_statuses_reply(req, reply->items, reply->n_items);
}

struct source_view {
    int64_t id;
    const char *text, *warning;
};
static const struct shape_field source_fields[] = {
    {.name = "id", .kind = SHAPE_ID, .at = offsetof(struct source_view, id)},
    {.name = "text", .kind = SHAPE_STR, .at = offsetof(struct source_view, text)},
    {.name = "spoiler_text", .kind = SHAPE_STR, .at = offsetof(struct source_view, warning)},
    {0},
};
const struct shape post_api_source_shape = {"StatusSource", sizeof(struct source_view), source_fields,
                                            "What the author of a post typed."};

enum code post_api_source(struct request *req) {
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__SourceReply *source;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_get_source(&req->ctx, &ask, &source)) != OK)
        return c;
    return api_reply(req, &post_api_source_shape,
                     &(struct source_view){source->id, source->text, source->warning});
}

struct edit_view {
    const char *content, *warning;
    bool sensitive;
    int64_t at_ms;
    const struct api_account *account;
    struct shape_list media;
};
static const struct shape_field edit_fields[] = {
    {.name = "content", .kind = SHAPE_STR, .at = offsetof(struct edit_view, content), .words = "HTML"},
    {.name = "spoiler_text", .kind = SHAPE_STR, .at = offsetof(struct edit_view, warning)},
    {.name = "sensitive", .kind = SHAPE_BOOL, .at = offsetof(struct edit_view, sensitive)},
    {.name = "created_at", .kind = SHAPE_TIME, .at = offsetof(struct edit_view, at_ms)},
    {.name = "account",
     .kind = SHAPE_OBJECT,
     .at = offsetof(struct edit_view, account),
     .of = &api_account_shape},
    {.name = "media_attachments",
     .kind = SHAPE_LIST,
     .at = offsetof(struct edit_view, media),
     .of = &api_media_shape},
    {.name = "emojis", .kind = SHAPE_NONE},
    {0},
};
const struct shape post_api_edit_shape = {"StatusEdit", sizeof(struct edit_view), edit_fields,
                                          "What a post said from one edit to the next."};

enum code post_api_history(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__HistoryReply *history;
    const struct api_account *account;
    struct edit_view *views;
    enum code c;

    ask.viewer_id = ctx->viewer_id;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_get_history(ctx, &ask, &history)) != OK ||
        (c = api_account_get(ctx, history->item->post->author_id, &account)) != OK)
        return c;
    views = arena_many(ctx->arena, struct edit_view, history->n_revisions);
    for (size_t i = 0; i < history->n_revisions; i++) {
        const Pb__Revision *r = history->revisions[i];

        views[i] = (struct edit_view){api_html(ctx, r->html),
                                      r->warning,
                                      r->sensitive != 0,
                                      r->at_ms,
                                      account,
                                      api_media_list(ctx, r->media, r->n_media)};
    }
    return api_reply_list(req, &post_api_edit_shape, views, history->n_revisions);
}

/* There are no cards, so every post has an empty one. */
enum code post_api_card(struct request *req) {
    const Pb__PostItem *item;
    enum code c = post_api_item(req, &item);

    return c != OK ? c : api_reply_empty(req);
}

enum code post_api_translate(struct request *req) {
    return fail(&req->ctx, NOT_FOUND, tr_mark("This site does not translate posts."));
}
