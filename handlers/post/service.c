/* Writing: create, edit, delete, react; and the service's description. Reading stands in service_read.c and
 * service_timeline.c. */
#include "handlers/post/service.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/bus.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/common/markdown.h"
#include "handlers/common/permission.h"
#include "handlers/post/rules.h"
#include "handlers/post/service_media.h"
#include "handlers/services.h"

#define WARNING_MAX 200
#define KEY_MAX 200
#define PINS_MAX 5

/* ---- What was typed */

static enum code check_text(struct ctx *ctx, const char *typed, bool has_media, const char **ret) {
    int64_t most = ctx->env->config->post_max_chars;
    const char *text = text_clean(ctx->arena, typed, strlen(typed));

    if (text == NULL)
        return fail_field(ctx, "text", "This text is not valid UTF-8.");
    if (*text == '\0' && !has_media)
        return fail_field(ctx, "text", "Write something first.");
    if ((int64_t)text_utf8_count(text, strlen(text)) > most)
        return fail_field(ctx, "text",
                          tr_fill(ctx->arena, ctx->lang, "This is too long. Shorten it to {n} letters.", "n",
                                  arena_printf(ctx->arena, "%" PRId64, most), NULL));
    *ret = text;
    return OK;
}

static enum code check_warning(struct ctx *ctx, const char *typed, const char **ret) {
    const char *text = text_clean_line(ctx->arena, typed, strlen(typed));

    if (text == NULL || text_utf8_count(text, strlen(text)) > WARNING_MAX)
        return fail_field(ctx, "warning", "A content warning has at most 200 letters.");
    *ret = text;
    return OK;
}

/* A language tag (BCP 47) is kept when it looks like one. */
static const char *language_of(const char *tag) {
    size_t n = strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

    return n <= 35 && tag[n] == '\0' ? tag : "";
}

static enum code render(struct ctx *ctx, const char *source, struct text_result *ret) {
    enum code c = text_render(ctx, source, ret);
    const char *why = ctx->error.text;

    if (c != INVALID)
        return c;
    fail_clear(ctx);
    return fail_field(ctx, "text", why);
}

/* Puts a text into a draft: source, view and result. It may be empty where there is something attached. */
static enum code draft_text(struct ctx *ctx, struct post_draft *draft, const char *text, bool has_media,
                            const char *warning, const char *language) {
    struct text_result *result = arena_one(ctx->arena, struct text_result);
    Pb__PostView *v = &draft->view;
    enum code c, w;

    c = check_text(ctx, text, has_media, &draft->source);
    w = check_warning(ctx, warning, &v->warning);
    if (c != OK || w != OK)
        return c != OK ? c : w;
    if ((c = render(ctx, draft->source, result)) != OK)
        return c;
    draft->text = result;
    v->language = language_of(language);
    v->html = result->html.p;
    v->text = result->excerpt;
    v->tags = (const char **)result->tags;
    v->n_tags = result->n_tags;
    v->n_mentions = 0;
    v->mentions = arena_many(ctx->arena, Pb__Mention *, result->n_mentions);
    for (size_t i = 0; i < result->n_mentions; i++) {
        Pb__Mention *m = v->mentions[v->n_mentions++] = arena_one(ctx->arena, Pb__Mention);

        pb__mention__init(m);
        m->user_id = result->mentions[i].id;
        m->handle = result->mentions[i].handle;
    }
    return OK;
}

/* ---- After the commit: read models, pages. What fails here is repaired by the consumers. */

/* Sends what is queued of a change, in one round. */
static void announce(struct ctx *ctx, const char *what, int64_t id, struct home_push *push,
                     struct page_purge *purge) {
    enum code c, d;

    home_push_send(push);
    page_purge_send(purge);
    c = post_store_published(ctx);
    d = home_push_wait(push);
    if (c != OK || d != OK) {
        log_warn(ctx, "not published yet", "what=%s post=%" PRId64, what, id);
        fail_clear(ctx);
    }
    page_purge_settle(purge);
}

/* ---- Create */

/* What a comment takes from what it answers: thread, author, and no wider an audience. */
static enum code draft_parent(struct ctx *ctx, const Pb__CreatePostRequest *req, struct post_draft *draft) {
    Pb__PostView *v = &draft->view;
    struct post_read parent;
    enum code c;

    v->root_id = v->id;
    if (req->in_reply_to_id == 0)
        return OK;
    if ((c = post_look_up(ctx, req->author_id, req->in_reply_to_id, true, &parent)) != OK)
        return c;
    v->in_reply_to_id = parent.post->id;
    v->in_reply_to_author_id = parent.post->author_id;
    v->root_id = parent.post->root_id;
    if (v->audience < parent.post->audience)
        v->audience = parent.post->audience;
    draft->counted = v->audience <= parent.post->audience || v->audience == PB__AUDIENCE__AUDIENCE_UNLISTED;
    return OK;
}

/* A direct post needs somebody to read it. */
static enum code check_recipients(struct ctx *ctx, const Pb__PostView *v) {
    if (v->audience != PB__AUDIENCE__AUDIENCE_DIRECT || v->in_reply_to_id != 0)
        return OK;
    for (size_t i = 0; i < v->n_mentions; i++)
        if (v->mentions[i]->user_id != v->author_id)
            return OK;
    return fail_field(ctx, "text",
                      "Only those mentioned see a direct post. Mention somebody by their @handle.");
}

static void announce_created(struct ctx *ctx, const Pb__PostView *v, const struct post_counters *parent) {
    struct post_row row = {.cursor = v->id, .id = v->id, .author = v->author_id};
    struct page_purge purge;
    struct home_push push;

    page_purge_init(&purge, ctx);
    home_push_init(&push, ctx);
    post_purge(&purge, v, v->tags, v->n_tags);
    post_store_publish_new(ctx, v);
    post_store_author_forget(ctx, v->author_id);
    if (parent->version > 0)
        post_store_publish_counters(ctx, v->in_reply_to_id, parent);
    if (post_is_for_home(v->author_id, v->in_reply_to_author_id))
        home_push_add(&push, &v->author_id, 1, &row);
    announce(ctx, "post", v->id, &push, &purge);
}

static enum code check_create(struct ctx *ctx, const Pb__CreatePostRequest *req) {
    if (req->author_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (req->audience < PB__AUDIENCE__AUDIENCE_PUBLIC || req->audience > PB__AUDIENCE__AUDIENCE_DIRECT)
        return fail_field(ctx, "audience", "Choose who may see it from the list.");
    if (strlen(req->idempotency_key) > KEY_MAX)
        return fail_field(ctx, "idempotency_key", "A key has at most 200 bytes.");
    return OK;
}

static enum code draft_new(struct ctx *ctx, const Pb__CreatePostRequest *req, struct post_draft *draft) {
    Pb__PostView *v = &draft->view;
    enum code c;

    *draft = (struct post_draft){.view = PB__POST_VIEW__INIT};
    /* Only an import, which no member makes, may say when something was written. */
    v->id = req->created_ms > 0 && ctx->viewer_id == 0 ? id_at(req->created_ms) : id_next();
    v->author_id = req->author_id;
    v->audience = req->audience;
    v->sensitive = req->sensitive;
    v->created_ms = id_time_ms(v->id);
    v->app_name = req->app_name;
    v->app_website = req->app_website;
    draft->key = text_is_empty(req->idempotency_key) ? NULL : req->idempotency_key;
    if ((c = draft_text(ctx, draft, req->text, req->n_media_ids > 0, req->warning, req->language)) != OK ||
        (c = draft_parent(ctx, req, draft)) != OK)
        return c;
    return check_recipients(ctx, v);
}

/* The reply for what an earlier request with the same key made. */
static enum code create_again(struct ctx *ctx, int64_t author, int64_t id, Pb__PostReply *reply) {
    struct post_read read;
    enum code c;

    if (id == 0)
        return fail_http(ctx, 410, NOT_FOUND, "The post that you answer was deleted.");
    c = post_look_up(ctx, author, id, false, &read);
    return c != OK ? c : post_item_of(ctx, &read, &reply->item);
}

enum code post_service_create_post(struct ctx *ctx, const Pb__CreatePostRequest *req, Pb__PostReply *reply) {
    struct post_draft *draft = arena_one(ctx->arena, struct post_draft);
    struct post_counters parent;
    bool made;
    int64_t id;
    enum code c;

    if ((c = check_create(ctx, req)) != OK || (c = draft_new(ctx, req, draft)) != OK ||
        (c = post_media_for_new(ctx, req, draft, &id)) != OK)
        return c;
    if (id != 0)
        return create_again(ctx, req->author_id, id, reply);
    c = post_store_create(ctx, draft, &made, &id, &parent);
    if (req->n_media_ids > 0 && (c != OK || !made))
        post_media_unmade(ctx, draft->view.id);
    if (c != OK)
        return c;
    if (!made)
        return create_again(ctx, req->author_id, id, reply);
    bus_wake(ctx, ctx->env->pg[SVC_POST]);
    announce_created(ctx, &draft->view, &parent);
    draft->view.version = draft->view.revision = 1;
    return post_item_of(
        ctx,
        &(struct post_read){.row = {.cursor = id, .id = id, .author = req->author_id}, .post = &draft->view},
        &reply->item);
}

/* ---- Edit */

static bool has_same_media(const Pb__PostView *a, const Pb__PostView *b) {
    if (a->n_media != b->n_media)
        return false;
    for (size_t i = 0; i < a->n_media; i++)
        if (a->media[i]->id != b->media[i]->id || a->media[i]->version != b->media[i]->version)
            return false;
    return true;
}

static bool is_unchanged(const struct post_draft *draft, const Pb__PostView *post,
                         const Pb__SourceReply *old) {
    return has_same_media(&draft->view, post) && strcmp(draft->source, old->text) == 0 &&
           strcmp(draft->view.warning, old->warning) == 0 && draft->view.sensitive == (old->sensitive != 0) &&
           strcmp(draft->view.language, old->language) == 0;
}

/* A post of one's own, or an explanation why not. */
static enum code look_up_own(struct ctx *ctx, int64_t actor, int64_t id, const char *denied,
                             struct post_read *ret) {
    enum code c;

    if (actor == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if ((c = post_look_up(ctx, actor, id, false, ret)) != OK)
        return c;
    if (ret->post->author_id != actor || ret->inner != NULL)
        return fail(ctx, DENIED, denied);
    return OK;
}

/* Publishes a changed post as SQL has it, and reads it again. */
static enum code announce_changed(struct ctx *ctx, const Pb__PostView *old, int64_t actor,
                                  Pb__PostReply *reply) {
    struct post_read read;
    struct page_purge purge;
    int64_t id = old->id;
    enum code c;

    post_store_author_forget(ctx, old->author_id); /* it may be pinned now, or no more */
    if (post_store_republish(ctx, &id, 1) != OK) {
        log_warn(ctx, "not published yet", "what=%s post=%" PRId64, "change", id);
        fail_clear(ctx);
    }
    page_purge_init(&purge, ctx);
    post_purge(&purge, old, old->tags, old->n_tags);
    if ((c = post_look_up(ctx, actor, id, false, &read)) != OK)
        return c;
    post_purge(&purge, read.post, read.post->tags, read.post->n_tags);
    page_purge_run(&purge);
    return post_item_of(ctx, &read, &reply->item);
}

static enum code edit_nothing(struct ctx *ctx, const struct post_read *read, const struct post_draft *draft,
                              Pb__PostReply *reply) {
    if (draft->has_media)
        post_media_try_settle(ctx, draft->view.id);
    return post_item_of(ctx, read, &reply->item);
}

static enum code edit_store(struct ctx *ctx, const struct post_draft *draft) {
    int64_t revision;
    enum code c = post_store_edit(ctx, draft, &revision);

    if (draft->has_media && (c != OK || revision == 0))
        post_media_try_settle(ctx, draft->view.id);
    if (c == OK && revision == 0)
        return fail_http(ctx, 410, NOT_FOUND, "This post was deleted.");
    return c;
}

enum code post_service_edit_post(struct ctx *ctx, const Pb__EditPostRequest *req, Pb__PostReply *reply) {
    struct post_draft *draft = arena_one(ctx->arena, struct post_draft);
    Pb__SourceReply old = PB__SOURCE_REPLY__INIT;
    struct post_read read;
    enum code c;

    if ((c = look_up_own(ctx, req->actor_id, req->id, tr_mark("Only its author can edit a post."), &read)) !=
            OK ||
        (c = post_store_source(ctx, req->id, &old)) != OK)
        return c;
    *draft = (struct post_draft){.view = *read.post};
    draft->view.sensitive = req->sensitive;
    draft->view.edited_ms = clock_now_ms();
    if ((c = draft_text(ctx, draft, req->text, (req->has_media ? req->n_media_ids : read.post->n_media) > 0,
                        req->warning, text_is_empty(req->language) ? old.language : req->language)) != OK ||
        (c = check_recipients(ctx, &draft->view)) != OK ||
        (c = post_media_check_edit(ctx, req, read.post)) != OK ||
        (c = post_media_for_edit(ctx, req, draft)) != OK)
        return c;
    if (is_unchanged(draft, read.post, &old))
        return edit_nothing(ctx, &read, draft, reply);
    if ((c = edit_store(ctx, draft)) != OK)
        return c;
    bus_wake(ctx, ctx->env->pg[SVC_POST]);
    return announce_changed(ctx, read.post, req->actor_id, reply);
}

/* ---- React */

static enum code react_like(struct ctx *ctx, const Pb__ReactRequest *req, const struct post_read *read,
                            struct post_change *ret) {
    return post_store_like(ctx, req->viewer_id, read->post, req->on, ret);
}

static enum code react_bookmark(struct ctx *ctx, const Pb__ReactRequest *req, const struct post_read *read,
                                struct post_change *ret) {
    return post_store_bookmark(ctx, req->viewer_id, read->post, req->on, ret);
}

static enum code react_repost(struct ctx *ctx, const Pb__ReactRequest *req, const struct post_read *read,
                              struct post_change *ret) {
    if (!req->on)
        return post_store_unrepost(ctx, req->viewer_id, read->post, ret);
    if (read->post->audience > PB__AUDIENCE__AUDIENCE_UNLISTED)
        return fail(ctx, DENIED, "Only public and unlisted posts can be reposted.");
    if (req->audience < PB__AUDIENCE__AUDIENCE_PUBLIC || req->audience > PB__AUDIENCE__AUDIENCE_FOLLOWERS)
        return fail_field(ctx, "audience", "A repost is public, unlisted or for followers.");
    return post_store_repost(ctx, req->viewer_id, read->post, req->audience, ret);
}

static const struct reaction {
    const char *kind;
    uint32_t bit;
    enum code (*change)(struct ctx *ctx, const Pb__ReactRequest *req, const struct post_read *read,
                        struct post_change *ret);
} reactions[] = {
    {"like", ACT_LIKED, react_like},
    {"repost", ACT_REPOSTED, react_repost},
    {"bookmark", ACT_BOOKMARKED, react_bookmark},
};

/* The repost itself: its view (or tombstone), and the reposter's own home timeline. */
static void announce_repost(struct ctx *ctx, const Pb__ReactRequest *req, const Pb__PostView *post,
                            const struct post_change *change, struct home_push *push) {
    Pb__PostView v = PB__POST_VIEW__INIT;
    struct post_row row = {change->repost, change->repost, req->viewer_id, post->id, post->author_id};

    v.id = v.root_id = change->repost;
    v.author_id = req->viewer_id;
    v.repost_of_id = post->id;
    v.audience = req->audience;
    v.created_ms = req->on ? id_time_ms(v.id) : 0;
    post_store_publish(ctx, &v, change->repost_revision, &(struct post_counters){0});
    post_store_author_forget(ctx, req->viewer_id);
    if (req->on)
        home_push_add(push, &req->viewer_id, 1, &row);
}

static void announce_reaction(struct ctx *ctx, const Pb__ReactRequest *req, const struct reaction *reaction,
                              const Pb__PostView *post, const struct post_change *change) {
    struct page_purge purge;
    struct home_push push;

    page_purge_init(&purge, ctx);
    home_push_init(&push, ctx);
    if (reaction->bit != ACT_BOOKMARKED) /* that nobody else sees */
        page_purge_add(&purge, 'p', post->id);
    if (change->repost != 0)
        page_purge_add(&purge, 'a', req->viewer_id);
    post_store_publish_reactions(ctx,
                                 &(struct post_reacted){.viewer = req->viewer_id,
                                                        .id = post->id,
                                                        .bit = reaction->bit,
                                                        .on = req->on,
                                                        .counters = change->counters},
                                 1);
    if (change->repost != 0)
        announce_repost(ctx, req, post, change, &push);
    announce(ctx, reaction->kind, post->id, &push, &purge);
}

/* The post as it is after the change. */
static const Pb__PostView *view_after(struct ctx *ctx, const Pb__PostView *post,
                                      const struct post_change *change) {
    Pb__PostView *v = arena_memdup(ctx->arena, post, sizeof *post);

    v->likes = change->counters.likes;
    v->reposts = change->counters.reposts;
    v->comments = change->counters.comments;
    v->version++;
    return v;
}

static enum code pin(struct ctx *ctx, const Pb__ReactRequest *req, Pb__PostReply *reply) {
    struct post_read read;
    int64_t revision;
    enum code c =
        look_up_own(ctx, req->viewer_id, req->id, tr_mark("You can pin your own posts only."), &read);

    if (c != OK)
        return c;
    if (req->on && (read.post->in_reply_to_id != 0 || read.post->audience > PB__AUDIENCE__AUDIENCE_UNLISTED))
        return fail(ctx, PRECONDITION, "Only public and unlisted posts that are no comments can be pinned.");
    if (req->on == (read.post->pinned_ms != 0))
        return post_item_of(ctx, &read, &reply->item);
    c = req->on ? post_store_pin(ctx, read.post, PINS_MAX, &revision)
                : post_store_unpin(ctx, read.post, &revision);
    if (c != OK)
        return c;
    if (revision == 0 && req->on)
        return fail(ctx, PRECONDITION, "You have pinned 5 posts, which is the most. Unpin one first.");
    return announce_changed(ctx, read.post, req->viewer_id, reply);
}

static enum code react(struct ctx *ctx, const Pb__ReactRequest *req, Pb__PostReply *reply) {
    const struct reaction *reaction = NULL;
    struct post_change change;
    struct post_read read;
    enum code c;

    for (size_t i = 0; i < sizeof reactions / sizeof *reactions; i++)
        if (strcmp(reactions[i].kind, req->kind) == 0)
            reaction = &reactions[i];
    if (reaction == NULL)
        return fail_field(ctx, "kind", "This is like, repost, bookmark or pin.");
    if ((c = post_look_up(ctx, req->viewer_id, req->id, true, &read)) != OK ||
        (c = reaction->change(ctx, req, &read, &change)) != OK)
        return c;
    if (change.changed) {
        if (reaction->bit != ACT_BOOKMARKED)
            bus_wake(ctx, ctx->env->pg[SVC_POST]);
        announce_reaction(ctx, req, reaction, read.post, &change);
        read.post = view_after(ctx, read.post, &change);
    }
    read.mine = req->on ? read.mine | reaction->bit : read.mine & ~reaction->bit;
    return reply == NULL ? OK : post_item_of(ctx, &read, &reply->item);
}

enum code post_service_react(struct ctx *ctx, const Pb__ReactRequest *req, Pb__PostReply *reply) {
    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (strcmp(req->kind, "pin") == 0)
        return pin(ctx, req, reply);
    return react(ctx, req, reply);
}

/* ---- Delete */

/* What is published of a deleted post: whose it was and where it stood. */
static Pb__PostView tombstone_of(const Pb__PostView *post) {
    Pb__PostView v = PB__POST_VIEW__INIT;

    v.id = post->id;
    v.author_id = post->author_id;
    v.in_reply_to_id = post->in_reply_to_id;
    v.in_reply_to_author_id = post->in_reply_to_author_id;
    v.root_id = post->root_id;
    v.repost_of_id = post->repost_of_id;
    v.audience = post->audience;
    return v;
}

static void announce_deleted(struct ctx *ctx, const Pb__PostView *post, const struct post_gone *gone) {
    Pb__PostView v = tombstone_of(post);
    struct page_purge purge;
    struct home_push nothing;

    page_purge_init(&purge, ctx);
    home_push_init(&nothing, ctx);
    post_purge(&purge, post, gone->tags, gone->n_tags);
    page_purge_add(&purge, 'h', post->root_id);
    post_store_publish(ctx, &v, gone->revision, &(struct post_counters){0});
    post_store_author_forget(ctx, post->author_id);
    if (gone->parent != 0)
        post_store_publish_counters(ctx, gone->parent, &gone->counters);
    announce(ctx, "deletion", post->id, &nothing, &purge);
}

/* Undoes one's own repost, by its own id. */
static enum code delete_repost(struct ctx *ctx, int64_t actor, const struct post_read *read,
                               Pb__SourceReply *reply) {
    Pb__ReactRequest undo = PB__REACT_REQUEST__INIT;

    undo.viewer_id = actor;
    undo.id = read->inner->id;
    undo.kind = "repost";
    reply->id = read->post->id;
    reply->audience = read->post->audience;
    return react(ctx, &undo, NULL);
}

enum code post_service_delete_post(struct ctx *ctx, const Pb__PostRequest *req, Pb__SourceReply *reply) {
    bool moderates = ctx->viewer_id == req->viewer_id && (ctx->permissions & PERMISSION_MODERATE) != 0;
    struct post_read read;
    struct post_gone gone;
    enum code c;

    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if ((c = post_look_up(ctx, req->viewer_id, req->id, false, &read)) != OK)
        return c;
    if (read.post->author_id != req->viewer_id && (!moderates || read.inner != NULL))
        return fail(ctx, DENIED, "Only its author can delete a post.");
    if (read.inner != NULL)
        return delete_repost(ctx, req->viewer_id, &read, reply);
    if ((c = post_store_delete(ctx, read.post, &gone)) != OK)
        return c;
    bus_wake(ctx, ctx->env->pg[SVC_POST]);
    announce_deleted(ctx, read.post, &gone);
    if (read.post->n_media > 0) /* so that they can be attached to what is written in its place */
        post_media_try_settle(ctx, read.post->id);
    *reply = gone.source;
    return OK;
}

/* ---- The service */
