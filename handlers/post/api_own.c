/* Our own API: a post's comments as a tree, its versions as they were typed, tags in use lately. */
#include "handlers/post/api_own.h"

#include <stddef.h>

#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api_media.h"
#include "handlers/common/api_own.h"
#include "handlers/common/api_status.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

#define BELOW 200 /* comments of a page, all levels together */
#define WIDTH 20  /* … on each of them */
#define TAGS 20

static enum code post_id(struct request *req, int64_t *ret_id) {
    return api_own_id(req, tr_mark("There is no such post."), ret_id);
}

/* ---- Comments ---- */

struct comment {
    struct shape_json status;
    int64_t id, depth;
    bool gone, more;
    const char *more_url;
};

const struct shape post_comment_shape = {
    .name = "Comment",
    .size = sizeof(struct comment),
    .words = "a comment in a thread; each stands behind what it answers, depth first",
    .fields = (const struct shape_field[]){
        FIELD(comment, id, SHAPE_ID),
        FIELD(comment, depth, SHAPE_INT, .words = "0: on the post itself; deeper ones than 6 say 6"),
        FIELD(comment, status, SHAPE_RAW, .of = &api_status_shape, .nullable = true,
              .words = "null: deleted"),
        FIELD(comment, gone, SHAPE_BOOL, .words = "deleted; what was said to it stands"),
        FIELD(comment, more, SHAPE_BOOL, .words = "some comments on it are left out here"),
        FIELD(comment, more_url, SHAPE_URL, .nullable = true, .words = "where those begin"),
        {0}}};

/* The list of what was said to one comment, after what stands in this page. */
static const char *more_url(struct request *req, const Pb__PostItem *item) {
    if (!item->more)
        return NULL;
    return api_own_url(
        req, arena_printf(req->ctx.arena, API_OWN "/posts/%lld/comments", (long long)item->post->id),
        api_own_at(&req->ctx, item->more_after));
}

static enum code comment_view(struct request *req, const Pb__PostItem *item, struct comment *ret) {
    *ret = (struct comment){.id = item->post->id,
                            .depth = item->depth,
                            .gone = item->author == NULL,
                            .more = item->more,
                            .more_url = more_url(req, item)};
    return ret->gone ? OK : api_status_ready(&req->ctx, item, &ret->status);
}

enum code post_api_own_comments(struct request *req) {
    Pb__ThreadRequest ask = PB__THREAD_REQUEST__INIT;
    const Pb__ThreadReply *thread;
    struct comment *views;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.up = 1;
    ask.down = BELOW;
    ask.top = api_own_limit(req);
    ask.width = WIDTH;
    if ((c = post_id(req, &ask.id)) != OK || (c = api_own_cursor_id(req, &ask.after, &ask.before)) != OK ||
        (c = post_get_thread(&req->ctx, &ask, &thread)) != OK)
        return c;
    views = arena_many(req->ctx.arena, struct comment, thread->n_descendants);
    for (size_t i = 0; i < thread->n_descendants; i++)
        if ((c = comment_view(req, thread->descendants[i], &views[i])) != OK)
            return c;
    return api_own_list(req, &(struct api_own_page){.shape = &post_comment_shape,
                                                    .items = views,
                                                    .n = thread->n_descendants,
                                                    .next = api_own_at(&req->ctx, thread->next),
                                                    .prev = api_own_at(&req->ctx, thread->prev)});
}

/* ---- History ---- */

struct revision {
    int64_t number, at;
    const char *text, *html, *warning;
    bool sensitive;
    struct shape_list media;
};

const struct shape post_revision_shape = {
    .name = "Revision",
    .size = sizeof(struct revision),
    .words = "a version of a post",
    .fields =
        (const struct shape_field[]){FIELD(revision, number, SHAPE_INT),
                                     FIELD(revision, at, SHAPE_TIME),
                                     FIELD(revision, text, SHAPE_STR, .words = "as it was typed: Markdown"),
                                     FIELD(revision, html, SHAPE_STR),
                                     FIELD(revision, warning, SHAPE_STR),
                                     FIELD(revision, sensitive, SHAPE_BOOL),
                                     FIELD(revision, media, SHAPE_LIST, .of = &api_media_shape),
                                     {0}}};

enum code post_api_own_history(struct request *req) {
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__HistoryReply *history;
    struct revision *views;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    if ((c = post_id(req, &ask.id)) != OK || (c = post_get_history(&req->ctx, &ask, &history)) != OK)
        return c;
    views = arena_many(req->ctx.arena, struct revision, history->n_revisions);
    for (size_t i = 0; i < history->n_revisions; i++) {
        const Pb__Revision *r = history->revisions[i];

        views[i] = (struct revision){.number = r->number,
                                     .at = r->at_ms,
                                     .text = r->text,
                                     .html = r->html,
                                     .warning = r->warning,
                                     .sensitive = r->sensitive,
                                     .media = api_media_list(&req->ctx, r->media, r->n_media)};
    }
    return api_own_list(req, &(struct api_own_page){
                                 .shape = &post_revision_shape, .items = views, .n = history->n_revisions});
}

/* ---- Tags ---- */

struct trend {
    const char *name;
    int64_t posts, people;
};

const struct shape post_trend_shape = {
    .name = "TrendingTag",
    .size = sizeof(struct trend),
    .words = "a tag in use lately",
    .fields = (const struct shape_field[]){
        FIELD(trend, name, SHAPE_STR), FIELD(trend, posts, SHAPE_INT), FIELD(trend, people, SHAPE_INT), {0}}};

enum code post_api_own_trending(struct request *req) {
    Pb__TagsRequest ask = PB__TAGS_REQUEST__INIT;
    const Pb__TagsReply *reply;
    struct trend *views;
    enum code c;

    ask.limit = TAGS;
    if ((c = post_trending_tags(&req->ctx, &ask, &reply)) != OK)
        return c;
    views = arena_many(req->ctx.arena, struct trend, reply->n_tags);
    for (size_t i = 0; i < reply->n_tags; i++)
        views[i] = (struct trend){reply->tags[i]->name, reply->tags[i]->posts, reply->tags[i]->people};
    return api_own_list(
        req, &(struct api_own_page){.shape = &post_trend_shape, .items = views, .n = reply->n_tags});
}
