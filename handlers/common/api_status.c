#include "handlers/common/api_status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/json.h"
#include "gen/stubs.h"
#include "handlers/common/act.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_card.h"
#include "handlers/common/api_html.h"
#include "handlers/common/api_media.h"
#include "handlers/common/ready.h"

#define BODIES_BYTES ((size_t)2 << 20)
#define BODY_KEEP_MS 20000 /* accounts in them are up to a minute old already */
#define DAY_MS INT64_C(86400000)
#define STATE_BYTES 300 /* about what is written of each besides */

/* ---- The entity, in two parts: what all readers get, and what is written for each */

struct mention {
    int64_t id;
    const char *username, *url;
};

struct tag {
    const char *name, *url;
};

struct application {
    const char *name, *website;
};

struct body {
    int64_t id, created_ms, edited_ms, in_reply_to_id, in_reply_to_author_id;
    const char *url, *content, *visibility, *warning, *language;
    bool sensitive;
    struct shape_list media, mentions, tags;
    struct shape_json account;
    const struct application *application;
    const struct api_card *card;
};

struct state {
    struct shape_json reblog;
    int64_t comments, reposts, likes;
    bool liked, reposted, bookmarked, muted;
    enum shape_maybe pinned;
    const char *text;
};

struct status {
    struct body body;
    struct state state;
};

static const struct shape_field mention_fields[] = {
    {.name = "id", .kind = SHAPE_ID, .at = offsetof(struct mention, id)},
    {.name = "username", .kind = SHAPE_STR, .at = offsetof(struct mention, username)},
    {.name = "url", .kind = SHAPE_URL, .at = offsetof(struct mention, url)},
    {.name = "acct", .kind = SHAPE_STR, .at = offsetof(struct mention, username)},
    {0},
};
const struct shape api_mention_shape = {"Mention", sizeof(struct mention), mention_fields,
                                        "A member mentioned in a post."};

static const struct shape_field tag_fields[] = {
    {.name = "name", .kind = SHAPE_STR, .at = offsetof(struct tag, name)},
    {.name = "url", .kind = SHAPE_URL, .at = offsetof(struct tag, url)},
    {0},
};
const struct shape api_status_tag_shape = {"StatusTag", sizeof(struct tag), tag_fields,
                                           "A tag that stands in a post."};

static const struct shape_field application_fields[] = {
    {.name = "name", .kind = SHAPE_STR, .at = offsetof(struct application, name)},
    {.name = "website", .kind = SHAPE_URL, .at = offsetof(struct application, website), .nullable = true},
    {0},
};
static const struct shape application_shape = {"StatusApplication", sizeof(struct application),
                                               application_fields, "The app that a post was written by."};

static const struct shape_field body_fields[] = {
    {.name = "id", .kind = SHAPE_ID, .at = offsetof(struct body, id)},
    {.name = "created_at", .kind = SHAPE_TIME, .at = offsetof(struct body, created_ms)},
    {.name = "edited_at", .kind = SHAPE_TIME, .at = offsetof(struct body, edited_ms), .nullable = true},
    {.name = "in_reply_to_id",
     .kind = SHAPE_ID,
     .at = offsetof(struct body, in_reply_to_id),
     .nullable = true},
    {.name = "in_reply_to_account_id",
     .kind = SHAPE_ID,
     .at = offsetof(struct body, in_reply_to_author_id),
     .nullable = true},
    {.name = "uri", .kind = SHAPE_URL, .at = offsetof(struct body, url)},
    {.name = "url", .kind = SHAPE_URL, .at = offsetof(struct body, url)},
    {.name = "content",
     .kind = SHAPE_STR,
     .at = offsetof(struct body, content),
     .words = "HTML; \"\" of a repost"},
    {.name = "visibility",
     .kind = SHAPE_STR,
     .at = offsetof(struct body, visibility),
     .choices = "public|unlisted|private|direct"},
    {.name = "sensitive", .kind = SHAPE_BOOL, .at = offsetof(struct body, sensitive)},
    {.name = "spoiler_text", .kind = SHAPE_STR, .at = offsetof(struct body, warning)},
    {.name = "language", .kind = SHAPE_STR, .at = offsetof(struct body, language), .nullable = true},
    {.name = "media_attachments",
     .kind = SHAPE_LIST,
     .at = offsetof(struct body, media),
     .of = &api_media_shape},
    {.name = "mentions", .kind = SHAPE_LIST, .at = offsetof(struct body, mentions), .of = &api_mention_shape},
    {.name = "tags", .kind = SHAPE_LIST, .at = offsetof(struct body, tags), .of = &api_status_tag_shape},
    {.name = "emojis", .kind = SHAPE_NONE},
    {.name = "card",
     .kind = SHAPE_OBJECT,
     .at = offsetof(struct body, card),
     .of = &api_card_shape,
     .nullable = true,
     .words = "of the first page that it links to, once it was looked at"},
    {.name = "poll", .kind = SHAPE_NULL},
    {.name = "application",
     .kind = SHAPE_OBJECT,
     .at = offsetof(struct body, application),
     .of = &application_shape,
     .nullable = true,
     .words = "null: written on the site itself"},
    {.name = "filtered", .kind = SHAPE_NONE},
    {.name = "account", .kind = SHAPE_RAW, .at = offsetof(struct body, account), .of = &api_account_shape},
    {0},
};
static const struct shape body_shape = {"StatusBody", sizeof(struct body), body_fields, NULL};

static const struct shape_field state_fields[] = {
    {.name = "replies_count", .kind = SHAPE_INT, .at = offsetof(struct state, comments)},
    {.name = "reblogs_count", .kind = SHAPE_INT, .at = offsetof(struct state, reposts)},
    {.name = "favourites_count", .kind = SHAPE_INT, .at = offsetof(struct state, likes)},
    {.name = "favourited", .kind = SHAPE_BOOL, .at = offsetof(struct state, liked)},
    {.name = "reblogged", .kind = SHAPE_BOOL, .at = offsetof(struct state, reposted)},
    {.name = "bookmarked", .kind = SHAPE_BOOL, .at = offsetof(struct state, bookmarked)},
    {.name = "muted",
     .kind = SHAPE_BOOL,
     .at = offsetof(struct state, muted),
     .words = "whether the reader has muted the conversation"},
    {.name = "pinned",
     .kind = SHAPE_MAYBE,
     .at = offsetof(struct state, pinned),
     .optional = true,
     .words = "of the reader's own posts that can be pinned"},
    {.name = "reblog",
     .kind = SHAPE_RAW,
     .at = offsetof(struct state, reblog),
     .of = &api_status_shape,
     .nullable = true,
     .words = "the original; acts on a repost are acts on this"},
    {.name = "text",
     .kind = SHAPE_STR,
     .at = offsetof(struct state, text),
     .optional = true,
     .words = "what its author typed; only in the answer to a deletion"},
    {0},
};
static const struct shape state_shape = {"StatusState", sizeof(struct state), state_fields, NULL};

/* Without what a reader did. */
static const struct shape_field bare_fields[] = {
    {.name = "replies_count", .kind = SHAPE_INT, .at = offsetof(struct state, comments)},
    {.name = "reblogs_count", .kind = SHAPE_INT, .at = offsetof(struct state, reposts)},
    {.name = "favourites_count", .kind = SHAPE_INT, .at = offsetof(struct state, likes)},
    {.name = "reblog", .kind = SHAPE_RAW, .at = offsetof(struct state, reblog), .nullable = true},
    {0},
};
static const struct shape bare_shape = {"StatusStateForAll", sizeof(struct state), bare_fields, NULL};

static const struct shape_field status_fields[] = {
    {.name = "body", .kind = SHAPE_SPLICE, .at = offsetof(struct status, body), .of = &body_shape},
    {.name = "state", .kind = SHAPE_SPLICE, .at = offsetof(struct status, state), .of = &state_shape},
    {0},
};
const struct shape api_status_shape = {"Status", sizeof(struct status), status_fields,
                                       "A post, a comment (in_reply_to_id) or a repost (reblog)."};

/* ---- Names */

static const char *const visibilities[] = {
    [PB__AUDIENCE__AUDIENCE_PUBLIC] = "public",
    [PB__AUDIENCE__AUDIENCE_UNLISTED] = "unlisted",
    [PB__AUDIENCE__AUDIENCE_FOLLOWERS] = "private",
    [PB__AUDIENCE__AUDIENCE_DIRECT] = "direct",
};

const char *api_visibility(Pb__Audience audience) {
    return visibilities[audience <= PB__AUDIENCE__AUDIENCE_DIRECT ? audience : PB__AUDIENCE__AUDIENCE_DIRECT];
}

Pb__Audience api_audience(const char *visibility) {
    int i = PB__AUDIENCE__AUDIENCE_PUBLIC;

    while (i < PB__AUDIENCE__AUDIENCE_DIRECT && strcmp(visibilities[i], visibility) != 0)
        i++;
    return (Pb__Audience)i;
}

const char *api_status_url(struct ctx *ctx, const char *handle, int64_t id) {
    return arena_printf(ctx->arena, "%s/@%s/%" PRId64, ctx->env->config->base_url, handle, id);
}

/* ---- Bodies, made once */

static struct ready_cache bodies = {.max = BODIES_BYTES};

static struct shape_list mentions_of(struct ctx *ctx, const Pb__PostView *post) {
    struct mention *all = arena_many(ctx->arena, struct mention, post->n_mentions);

    for (size_t i = 0; i < post->n_mentions; i++)
        all[i] = (struct mention){
            post->mentions[i]->user_id, post->mentions[i]->handle,
            arena_printf(ctx->arena, "%s/@%s", ctx->env->config->base_url, post->mentions[i]->handle)};
    return (struct shape_list){all, post->n_mentions};
}

static struct shape_list tags_of(struct ctx *ctx, const Pb__PostView *post) {
    struct tag *all = arena_many(ctx->arena, struct tag, post->n_tags);
    size_t n = 0;

    for (size_t i = 0; i < post->n_tags; i++) {
        const char *folded = text_fold(ctx->arena, post->tags[i]);
        struct buf url;

        if (folded == NULL)
            continue;
        buf_init(&url, ctx->arena, 4096);
        buf_printf(&url, "%s/tags/", ctx->env->config->base_url);
        buf_url(&url, folded, strlen(folded));
        all[n++] = (struct tag){folded, buf_str(&url)};
    }
    return (struct shape_list){all, n};
}

static const struct application *application_of(struct ctx *ctx, const Pb__PostView *post) {
    struct application *app;

    if (text_is_empty(post->app_name))
        return NULL;
    app = arena_one(ctx->arena, struct application);
    *app = (struct application){post->app_name, text_is_empty(post->app_website) ? NULL : post->app_website};
    return app;
}

static struct body body_of(struct ctx *ctx, const Pb__PostView *post, const Pb__UserCard *author,
                           const struct shape_json *account) {
    return (struct body){
        .id = post->id,
        .created_ms = post->created_ms,
        .edited_ms = post->edited_ms,
        .in_reply_to_id = post->in_reply_to_id,
        .in_reply_to_author_id = post->in_reply_to_author_id,
        .url = api_status_url(ctx, author->handle, post->id),
        .content = api_html(ctx, post->html),
        .visibility = api_visibility(post->audience),
        .warning = post->warning,
        .language = text_is_empty(post->language) ? NULL : post->language,
        .sensitive = post->sensitive,
        .media = api_media_list(ctx, post->media, post->n_media),
        .mentions = mentions_of(ctx, post),
        .tags = tags_of(ctx, post),
        .account = *account,
        .application = application_of(ctx, post),
        .card = api_card_of(ctx, post->card),
    };
}

/* ---- A list being prepared: of each item what is shown, and of a repost also its original */

struct part {
    const Pb__PostView *post;
    const Pb__UserCard *author;
    const struct ready *body; /* the beginning of the object, without its last '}' */
    struct state state;
};

struct prepared {
    struct part outer, inner; /* inner.post NULL: no repost */
};

static int by_value(const void *a, const void *b) {
    const int64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool is_muted(const Pb__MutedThreadsReply *muted, int64_t root) {
    return muted != NULL && bsearch(&root, muted->root_ids, muted->n_root_ids, sizeof root, by_value) != NULL;
}

static void state_fill(const struct ctx *ctx, const Pb__PostItem *item, const Pb__MutedThreadsReply *muted,
                       struct state *s) {
    const Pb__PostView *shown = item->original != NULL ? item->original : item->post;

    s->comments = shown->comments;
    s->reposts = shown->reposts;
    s->likes = shown->likes;
    s->liked = (item->mine & ACT_LIKED) != 0;
    s->reposted = (item->mine & ACT_REPOSTED) != 0;
    s->bookmarked = (item->mine & ACT_BOOKMARKED) != 0;
    s->muted = is_muted(muted, shown->root_id);
    if (ctx->viewer_id != 0 && ctx->viewer_id == shown->author_id && shown->in_reply_to_id == 0 &&
        shown->audience <= PB__AUDIENCE__AUDIENCE_UNLISTED)
        s->pinned = shown->pinned_ms != 0 ? MAYBE_YES : MAYBE_NO;
}

static struct ready_stamp stamp_of(const struct part *p, int64_t until_ms) {
    return (struct ready_stamp){p->post->revision, p->author->version, until_ms};
}

static const struct ready *body_find(const struct part *p, int64_t now_ms) {
    struct ready_stamp stamp = stamp_of(p, now_ms);

    return ready_get(&bodies, p->post->id, &stamp);
}

/* NULL: no memory. */
static const struct ready *body_make(struct ctx *ctx, const struct part *p, const struct shape_json *account,
                                     int64_t now_ms) {
    struct ready_stamp stamp = stamp_of(p, now_ms + BODY_KEEP_MS);
    struct body body = body_of(ctx, p->post, p->author, account);
    struct json j;
    struct buf out;

    buf_init(&out, ctx->arena, RESPONSE_MAX);
    json_init(&j, &out);
    shape_write(&j, &body_shape, &body);
    if (buf_overflowed(&out))
        return NULL;
    return ready_put(&bodies, ctx->arena, p->post->id, &stamp, out.p, out.n - 1);
}

/* Makes those bodies that the worker does not have, with the accounts of all of them in one question. */
static enum code bodies_make(struct ctx *ctx, struct part **parts, size_t n, int64_t now_ms) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    struct shape_json *accounts = arena_many(ctx->arena, struct shape_json, n);
    enum code c;

    for (size_t i = 0; i < n; i++)
        ids[i] = parts[i]->author->id;
    if ((c = api_accounts_json(ctx, ids, n, accounts)) != OK)
        return c;
    for (size_t i = 0; i < n; i++)
        if (accounts[i].n > 0)
            parts[i]->body = body_make(ctx, parts[i], &accounts[i], now_ms);
    return OK;
}

static enum code bodies_fill(struct ctx *ctx, struct prepared *all, size_t n) {
    struct part **missing = arena_many(ctx->arena, struct part *, 2 * n);
    int64_t now = clock_now_ms();
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        if ((all[i].outer.body = body_find(&all[i].outer, now)) == NULL)
            missing[k++] = &all[i].outer;
        if (all[i].inner.post != NULL && (all[i].inner.body = body_find(&all[i].inner, now)) == NULL)
            missing[k++] = &all[i].inner;
    }
    return k > 0 ? bodies_make(ctx, missing, k, now) : OK;
}

static void part_fill(const struct ctx *ctx, const Pb__PostItem *item, const Pb__PostView *post,
                      const Pb__UserCard *author, const Pb__MutedThreadsReply *muted, struct part *p) {
    p->post = post;
    p->author = author;
    state_fill(ctx, item, muted, &p->state);
}

static enum code muted_of(struct ctx *ctx, const Pb__MutedThreadsReply **ret) {
    Pb__MutedThreadsRequest ask = PB__MUTED_THREADS_REQUEST__INIT;

    ask.viewer_id = ctx->viewer_id;
    *ret = NULL;
    return ask.viewer_id != 0 ? post_muted_threads(ctx, &ask, ret) : OK;
}

/* Items whose author is gone meanwhile are left out. muted: the reader's; NULL: none. */
static enum code prepare_with(struct ctx *ctx, Pb__PostItem *const *items, size_t n,
                              const Pb__MutedThreadsReply *muted, struct prepared **ret, size_t *ret_n) {
    struct prepared *all = arena_many(ctx->arena, struct prepared, n);
    size_t k = 0;
    enum code c;

    *ret = all;
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        const Pb__PostItem *item = items[i];

        if (item->author == NULL || (item->original != NULL && item->original_author == NULL))
            continue;
        part_fill(ctx, item, item->post, item->author, muted, &all[k].outer);
        if (item->original != NULL)
            part_fill(ctx, item, item->original, item->original_author, muted, &all[k].inner);
        k++;
    }
    if ((c = bodies_fill(ctx, all, k)) != OK)
        return c;
    for (size_t i = 0; i < k; i++)
        if (all[i].outer.body != NULL && (all[i].inner.post == NULL || all[i].inner.body != NULL))
            all[(*ret_n)++] = all[i];
    return OK;
}

static enum code prepare(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct prepared **ret,
                         size_t *ret_n) {
    const Pb__MutedThreadsReply *muted;
    enum code c = muted_of(ctx, &muted);

    return c == OK ? prepare_with(ctx, items, n, muted, ret, ret_n) : c;
}

/* ---- Writing */

static void part_write(struct json *j, const struct part *p, const struct shape *state) {
    shape_write_on(j, p->body->bytes, p->body->n, state, &p->state);
}

static size_t part_size(const struct part *p) { return p->post != NULL ? p->body->n + STATE_BYTES : 0; }

static void status_write_as(struct ctx *ctx, struct json *j, struct prepared *one,
                            const struct shape *state) {
    struct buf inner;
    struct json inner_json;

    if (one->inner.post != NULL) {
        buf_init(&inner, ctx->arena, RESPONSE_MAX);
        buf_reserve(&inner, part_size(&one->inner));
        json_init(&inner_json, &inner);
        part_write(&inner_json, &one->inner, state);
        one->outer.state.reblog = (struct shape_json){inner.p, inner.n};
    }
    part_write(j, &one->outer, state);
}

static void status_write(struct ctx *ctx, struct json *j, struct prepared *one) {
    status_write_as(ctx, j, one, &state_shape);
}

static void list_write(struct ctx *ctx, struct buf *out, struct prepared *all, size_t n) {
    struct json j;
    size_t size = 2;

    for (size_t i = 0; i < n; i++)
        size += part_size(&all[i].outer) + part_size(&all[i].inner);
    buf_reserve(out, size);
    json_init(&j, out);
    json_open_array(&j);
    for (size_t i = 0; i < n; i++)
        status_write(ctx, &j, &all[i]);
    json_close_array(&j);
}

/* Addresses of media that not everybody may have are others every day (handlers/common/media.h). */
static uint64_t day_of(const Pb__PostView *post) {
    for (size_t i = 0; i < post->n_media; i++)
        if (!post->media[i]->is_public)
            return (uint64_t)(clock_now_ms() / DAY_MS);
    return 0;
}

/* All that a part says, but for the counts of its author, which may be of a while ago anyway, and differ
 * from worker to worker. */
static uint64_t part_hash(const struct part *p, uint64_t seed) {
    const struct state *s = &p->state;
    uint64_t facts[] = {(uint64_t)p->post->id,
                        (uint64_t)p->post->revision,
                        day_of(p->post),
                        (uint64_t)p->author->version,
                        (uint64_t)s->comments,
                        (uint64_t)s->reposts,
                        (uint64_t)s->likes,
                        (uint64_t)s->liked | (uint64_t)s->reposted << 1 | (uint64_t)s->bookmarked << 2 |
                            (uint64_t)s->muted << 3 | (uint64_t)s->pinned << 4};

    return respond_hash(facts, sizeof facts, seed);
}

static uint64_t list_hash(const struct prepared *all, size_t n) {
    uint64_t h = n + 1;

    for (size_t i = 0; i < n; i++) {
        h = part_hash(&all[i].outer, h);
        if (all[i].inner.post != NULL)
            h = part_hash(&all[i].inner, h);
    }
    return h;
}

enum code api_statuses_reply(struct request *req, Pb__PostItem *const *items, size_t n) {
    struct prepared *all;
    struct buf *out;
    enum code c;

    if ((c = prepare(&req->ctx, items, n, &all, &n)) != OK)
        return c;
    out = respond(req, 200, "application/json");
    if (!respond_etag_of(req, list_hash(all, n)))
        list_write(&req->ctx, out, all, n);
    return OK;
}

static enum code prepare_one(struct ctx *ctx, const Pb__PostItem *item, struct prepared **ret) {
    Pb__PostItem *items[] = {(Pb__PostItem *)(uintptr_t)item};
    size_t n;
    enum code c = prepare(ctx, items, 1, ret, &n);

    if (c == OK && n == 0)
        return fail(ctx, NOT_FOUND, "There is no such post.");
    return c;
}

enum code api_status_reply(struct request *req, const Pb__PostItem *item, const char *text) {
    struct prepared *one;
    struct buf *out;
    struct json j;
    enum code c;

    if ((c = prepare_one(&req->ctx, item, &one)) != OK)
        return c;
    one->outer.state.text = text;
    out = respond(req, 200, "application/json");
    if (respond_etag_of(req, list_hash(one, 1)))
        return OK;
    json_init(&j, out);
    status_write(&req->ctx, &j, one);
    return OK;
}

enum code api_statuses_ready(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct shape_json *ret) {
    struct prepared *all;
    struct buf out;
    enum code c;

    if ((c = prepare(ctx, items, n, &all, &n)) != OK)
        return c;
    buf_init(&out, ctx->arena, RESPONSE_MAX);
    list_write(ctx, &out, all, n);
    *ret = (struct shape_json){out.p, out.n};
    return buf_overflowed(&out) ? fail(ctx, INTERNAL, "Something went wrong on our side.") : OK;
}

static enum code one_ready(struct ctx *ctx, const Pb__PostItem *item, const struct shape *state,
                           struct shape_json *ret) {
    struct prepared *one;
    struct buf out;
    struct json j;
    enum code c;

    if ((c = prepare_one(ctx, item, &one)) != OK)
        return c;
    buf_init(&out, ctx->arena, RESPONSE_MAX);
    json_init(&j, &out);
    status_write_as(ctx, &j, one, state);
    *ret = (struct shape_json){out.p, out.n};
    return OK;
}

enum code api_status_ready(struct ctx *ctx, const Pb__PostItem *item, struct shape_json *ret) {
    return one_ready(ctx, item, &state_shape, ret);
}

enum code api_status_for_streams(struct ctx *ctx, const Pb__PostItem *item, struct shape_json *ret) {
    return one_ready(ctx, item, &bare_shape, ret);
}

/* One that is prepared, as JSON of its own. */
static struct shape_json status_json(struct ctx *ctx, struct prepared *one) {
    struct buf out;
    struct json j;

    buf_init(&out, ctx->arena, RESPONSE_MAX);
    buf_reserve(&out, part_size(&one->outer) + part_size(&one->inner));
    json_init(&j, &out);
    status_write(ctx, &j, one);
    return (struct shape_json){out.p, out.n};
}

/* Each of the items that was prepared, where it stood. */
static void each_json(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct prepared *all,
                      size_t n_all, struct shape_json *ret) {
    size_t k = 0;

    memset(ret, 0, n * sizeof *ret);
    for (size_t i = 0; i < n && k < n_all; i++)
        if (all[k].outer.post == items[i]->post)
            ret[i] = status_json(ctx, &all[k++]);
}

enum code api_statuses_each(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct shape_json *ret) {
    struct prepared *all;
    size_t n_all;
    enum code c;

    if (n == 0 || (c = prepare(ctx, items, n, &all, &n_all)) != OK)
        return n == 0 ? OK : c;
    each_json(ctx, items, n, all, n_all, ret);
    return OK;
}

enum code api_statuses_heard(struct ctx *ctx, Pb__PostItem *const *items, size_t n, struct shape_json *ret) {
    struct prepared *all;
    size_t n_all;
    enum code c = prepare_with(ctx, items, n, NULL, &all, &n_all);

    if (c == OK)
        each_json(ctx, items, n, all, n_all, ret);
    return c;
}
