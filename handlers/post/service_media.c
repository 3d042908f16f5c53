#include "handlers/post/service_media.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "handlers/common/media_types.h"
#include "handlers/post/store_media.h"

#define TARGET "post"
#define TRIES 5

static bool is_open(Pb__Audience audience) { return audience <= PB__AUDIENCE__AUDIENCE_UNLISTED; }

static Pb__MediaView *view_of(Pb__MediaView *const *views, size_t n, int64_t id) {
    for (size_t i = 0; i < n; i++)
        if (views[i]->id == id)
            return views[i];
    return NULL;
}

static enum code check_ids(struct ctx *ctx, const int64_t *ids, size_t n) {
    if (n > MEDIA_ATTACH_MAX)
        return fail_field(ctx, "media_ids", tr_mark("A post has at most 4 attachments. Leave some out."));
    for (size_t i = 0; i < n; i++)
        if (id_among(ids[i], ids, i))
            return fail_field(ctx, "media_ids", tr_mark("An attachment is named twice. Name each once."));
    return OK;
}

/* What goes wrong on the way back must not hide why it is gone back. */
struct why {
    struct error error;
};
static struct why why_keep(struct ctx *ctx) {
    struct why why = {ctx->error};

    fail_clear(ctx);
    return why;
}
static void why_restore(struct ctx *ctx, const struct why *why, enum code c, int64_t post) {
    if (c != OK)
        log_warn(ctx, "media are not settled yet", "post=%" PRId64 " cause=%s", post,
                 ctx->error.detail != NULL ? ctx->error.detail : ctx->error.text);
    ctx->error = why->error;
}

/* ---- Attaching */

/* What is not there is so because of what was sent. */
static enum code named(struct ctx *ctx, enum code c) {
    const char *why = ctx->error.text;

    if (c != NOT_FOUND)
        return c;
    fail_clear(ctx);
    return fail_field(ctx, "media_ids", why);
}

/* *ret: in the order asked. */
static enum code attach(struct ctx *ctx, const Pb__PostView *post, const int64_t *ids, size_t n, bool ready,
                        const Pb__MediaViews **ret) {
    Pb__AttachMediaRequest ask = PB__ATTACH_MEDIA_REQUEST__INIT;

    ask.owner_id = post->author_id;
    ask.ids = (int64_t *)(uintptr_t)ids;
    ask.n_ids = n;
    ask.target_kind = TARGET;
    ask.target_id = post->id;
    ask.public_ = is_open(post->audience);
    ask.ready = ready;
    return named(ctx, media_attach_media(ctx, &ask, ret));
}

static enum code detach(struct ctx *ctx, const int64_t *posts, size_t n) {
    Pb__DetachTargetsRequest ask = PB__DETACH_TARGETS_REQUEST__INIT;

    if (n == 0)
        return OK;
    ask.target_kind = TARGET;
    ask.target_ids = (int64_t *)(uintptr_t)posts;
    ask.n_target_ids = n;
    return media_detach_targets(ctx, &ask, NULL);
}

/* Those of the media that are named, into the draft. */
static void draft_take(struct ctx *ctx, struct post_draft *draft, const Pb__MediaViews *all,
                       const int64_t *ids, size_t n) {
    draft->has_media = true;
    draft->view.n_media = 0;
    draft->view.media = arena_many(ctx->arena, Pb__MediaView *, n);
    for (size_t i = 0; i < n; i++) {
        Pb__MediaView *v = view_of(all->media, all->n_media, ids[i]);

        if (v != NULL)
            draft->view.media[draft->view.n_media++] = v;
    }
}

/* A request that came twice finds its media attached to what the first one made, or is making. */
static enum code made_before(struct ctx *ctx, const struct post_draft *draft, int64_t *ret_made) {
    *ret_made = 0;
    return draft->key != NULL ? post_store_made_before(ctx, draft, ret_made) : OK;
}

enum code post_media_for_new(struct ctx *ctx, const Pb__CreatePostRequest *req, struct post_draft *draft,
                             int64_t *ret_made) {
    const Pb__MediaViews *all;
    enum code c;

    *ret_made = 0;
    if (req->n_media_ids == 0)
        return OK;
    if ((c = check_ids(ctx, req->media_ids, req->n_media_ids)) != OK ||
        (c = made_before(ctx, draft, ret_made)) != OK || *ret_made != 0 ||
        (c = post_store_attaching_begin(ctx, draft->view.id)) != OK)
        return c;
    c = attach(ctx, &draft->view, req->media_ids, req->n_media_ids, req->media_ready, &all);
    if (c != OK) {
        post_media_unmade(ctx, draft->view.id);
        return c;
    }
    draft_take(ctx, draft, all, req->media_ids, req->n_media_ids);
    return OK;
}

void post_media_unmade(struct ctx *ctx, int64_t post) {
    struct why why = why_keep(ctx);
    bool stopped;
    enum code c = post_store_attaching_stop(ctx, post, &stopped);

    if (c == OK && stopped && (c = detach(ctx, &post, 1)) == OK)
        c = post_store_attaching_over(ctx, &post, 1);
    why_restore(ctx, &why, c, post);
}

/* ---- Editing */

static const int64_t *ids_of(struct ctx *ctx, const Pb__PostView *post) {
    int64_t *ids = arena_many(ctx->arena, int64_t, post->n_media);

    for (size_t i = 0; i < post->n_media; i++)
        ids[i] = post->media[i]->id;
    return ids;
}

/* Which media the post has after the edit. */
static size_t wanted(struct ctx *ctx, const Pb__EditPostRequest *req, const Pb__PostView *post,
                     const int64_t **ret) {
    *ret = req->has_media ? req->media_ids : ids_of(ctx, post);
    return req->has_media ? req->n_media_ids : post->n_media;
}

enum code post_media_check_edit(struct ctx *ctx, const Pb__EditPostRequest *req, const Pb__PostView *post) {
    const int64_t *ids;
    size_t n = wanted(ctx, req, post, &ids);
    enum code c;

    if (req->has_media && (c = check_ids(ctx, ids, n)) != OK)
        return c;
    for (size_t i = 0; i < req->n_media_changes; i++)
        if (!id_among(req->media_changes[i]->id, ids, n))
            return fail_field(ctx, "media_attributes",
                              tr_mark("This attachment is none of the post's. Describe those that it has."));
    return OK;
}

/* All that the post shows, now or in an earlier version, behind those that it is to have. */
static enum code with_history(struct ctx *ctx, int64_t post, const int64_t *ids, size_t n, int64_t **ret,
                              size_t *ret_n) {
    struct post_media *had;
    size_t versions, room = n;
    enum code c = post_store_media_of(ctx, &post, 1, &had, &versions);

    for (size_t i = 0; c == OK && i < versions; i++)
        room += had[i].n;
    *ret = arena_many(ctx->arena, int64_t, room);
    if (n > 0)
        memcpy(*ret, ids, n * sizeof *ids);
    *ret_n = n;
    for (size_t i = 0; c == OK && i < versions; i++)
        for (size_t k = 0; k < had[i].n; k++)
            if (!id_among(had[i].views[k]->id, *ret, *ret_n))
                (*ret)[(*ret_n)++] = had[i].views[k]->id;
    return c;
}

static enum code change_words(struct ctx *ctx, const Pb__EditPostRequest *req) {
    enum code c = OK;

    for (size_t i = 0; i < req->n_media_changes && c == OK; i++) {
        req->media_changes[i]->owner_id = req->actor_id;
        c = media_update_media(ctx, req->media_changes[i], NULL);
    }
    return c;
}

enum code post_media_for_edit(struct ctx *ctx, const Pb__EditPostRequest *req, struct post_draft *draft) {
    const Pb__MediaViews *views;
    const int64_t *ids;
    int64_t *all;
    size_t n = wanted(ctx, req, &draft->view, &ids), n_all;
    enum code c;

    if (!req->has_media && req->n_media_changes == 0)
        return OK;
    if ((c = with_history(ctx, draft->view.id, ids, n, &all, &n_all)) != OK ||
        (c = post_store_attaching_begin(ctx, draft->view.id)) != OK)
        return c;
    if ((c = change_words(ctx, req)) != OK ||
        (c = attach(ctx, &draft->view, all, n_all, req->media_ready, &views)) != OK) {
        post_media_try_settle(ctx, draft->view.id);
        return c;
    }
    draft_take(ctx, draft, views, ids, n);
    return OK;
}

/* ---- Settling */

/* Those of one post begin at `at`; *ret_end is where the next one's do. */
static enum code settle_one(struct ctx *ctx, const struct post_media *versions, size_t n, size_t at,
                            size_t *ret_end) {
    Pb__PostView post = PB__POST_VIEW__INIT;
    const Pb__MediaViews *views;
    size_t room = 0, k = 0, end = at;
    int64_t *ids;

    while (end < n && versions[end].post == versions[at].post)
        room += versions[end++].n;
    *ret_end = end;
    ids = arena_many(ctx->arena, int64_t, room);
    for (size_t i = at; i < end; i++)
        for (size_t m = 0; m < versions[i].n; m++)
            if (!id_among(versions[i].views[m]->id, ids, k))
                ids[k++] = versions[i].views[m]->id;
    post.id = versions[at].post;
    post.author_id = versions[at].author;
    post.audience = versions[at].audience;
    return attach(ctx, &post, ids, k, false, &views);
}

static bool has_versions(const struct post_media *versions, size_t n, int64_t post) {
    for (size_t i = 0; i < n; i++)
        if (versions[i].post == post)
            return true;
    return false;
}

enum code post_media_settle(struct ctx *ctx, const int64_t *posts, size_t n) {
    int64_t *bare = arena_many(ctx->arena, int64_t, n);
    struct post_media *versions;
    size_t n_versions, n_bare = 0;
    enum code c;

    /* What is gone is not to be attached. */
    if ((c = post_media_refresh(ctx, posts, n)) != OK ||
        (c = post_store_media_of(ctx, posts, n, &versions, &n_versions)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (!has_versions(versions, n_versions, posts[i]))
            bare[n_bare++] = posts[i];
    for (size_t at = 0; at < n_versions && c == OK;)
        c = settle_one(ctx, versions, n_versions, at, &at);
    if (c == OK)
        c = detach(ctx, bare, n_bare);
    return c == OK ? post_store_attaching_over(ctx, posts, n) : c;
}

void post_media_try_settle(struct ctx *ctx, int64_t post) {
    struct why why = why_keep(ctx);
    enum code c = post_media_settle(ctx, &post, 1);

    why_restore(ctx, &why, c, post);
}

/* ---- Refreshing */

/* Whether there is anything new in what is known of a version's media; then it is in there. An earlier
 * version of a post stays as it was, but for what was not ready then, and what is gone. */
static bool renew(struct ctx *ctx, struct post_media *m, const Pb__MediaViews *now) {
    Pb__MediaView **views = arena_many(ctx->arena, Pb__MediaView *, m->n);
    size_t n = 0;
    bool is_new = false;

    for (size_t i = 0; i < m->n; i++) {
        Pb__MediaView *old = m->views[i], *v = view_of(now->media, now->n_media, old->id);
        bool takes = v != NULL && v->version > old->version &&
                     (m->number == 0 || old->state != PB__MEDIA_STATE__MEDIA_READY);

        is_new = is_new || v == NULL || takes;
        if (v != NULL)
            views[n++] = takes ? v : old;
    }
    m->views = views;
    m->n = n;
    return is_new;
}

static enum code ask_now(struct ctx *ctx, const struct post_media *versions, size_t n,
                         const Pb__MediaViews **ret) {
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;
    size_t room = 0;

    for (size_t i = 0; i < n; i++)
        room += versions[i].n;
    ask.ids = arena_many(ctx->arena, int64_t, room);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < versions[i].n; k++)
            if (!id_among(versions[i].views[k]->id, ask.ids, ask.n_ids))
                ask.ids[ask.n_ids++] = versions[i].views[k]->id;
    return media_get_media(ctx, &ask, ret);
}

static enum code refresh_once(struct ctx *ctx, int64_t post, bool *ret_done) {
    struct post_media *versions;
    const Pb__MediaViews *now;
    size_t n;
    enum code c = post_store_media_of(ctx, &post, 1, &versions, &n);

    *ret_done = true;
    if (c != OK || n == 0 || (c = ask_now(ctx, versions, n, &now)) != OK)
        return c;
    for (size_t i = 0; i < n && c == OK && *ret_done; i++)
        if (renew(ctx, &versions[i], now))
            c = post_store_media_renew(ctx, &versions[i], ret_done);
    return c;
}

enum code post_media_refresh(struct ctx *ctx, const int64_t *posts, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++) {
        bool done = false;

        for (int tries = 0; tries < TRIES && !done && c == OK; tries++)
            c = refresh_once(ctx, posts[i], &done);
        if (c == OK && !done)
            c = fail(ctx, ABORTED, "This is being changed by somebody else. Try again.");
    }
    return c;
}
