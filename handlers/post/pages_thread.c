/* One post: its thread, its history, who liked and reposted it. */
#include <inttypes.h>
#include <strings.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/members.h"
#include "handlers/common/page_cache.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"
#include "handlers/post/service.h"

#define THREAD_UP 30
#define THREAD_TOP 20  /* direct comments on a page … */
#define THREAD_WIDTH 4 /* … comments shown on each of those and on theirs … */
#define THREAD_DOWN 60 /* … and all together: few enough that strangers' pages can be kept, and light */
#define TITLE_LETTERS 60
#define WHO_LIMIT 40

/* ---- Thread
 * ------------------------------------------------------------------------------------------------------ */

/* What may be said of a post where it is not shown itself: behind a content warning stands only that. */
static const char *words_of(const Pb__PostView *post) {
    return text_is_empty(post->warning) ? post->text : post->warning;
}

/* The first picture of a post, or the still of its video, for link previews: not what is covered. */
static void set_picture(struct page *page, const Pb__PostView *post) {
    const struct media_list *media = media_shown(page, post);

    if (post->sensitive || !text_is_empty(post->warning) || media->n == 0 || !media->items[0].m->is_public)
        return;
    page->image = media->items[0].plain.p != NULL ? media->items[0].plain.p : media->items[0].poster.p;
    page->image_words = media->items[0].m->description;
}

static void set_head(struct page *page, const Pb__PostItem *item) {
    struct arena *a = page->arena;
    const Pb__PostView *post = post_item_shown(item);
    const Pb__UserCard *author = post_item_author(item);

    if (author != NULL)
        page->title = tr_fill(a, page->lang, tr_mark("{name}: {words}"), "name", author->name, "words",
                              text_ellipsis(a, words_of(post), TITLE_LETTERS), NULL);
    page->description = words_of(post);
    page->og_type = "article";
    set_picture(page, post);
    page->noindex = post->audience != PB__AUDIENCE__AUDIENCE_PUBLIC || author == NULL || author->noindex;
}

static void set_ancestors(struct request *req, const struct page *page, const Pb__ThreadReply *thread,
                          struct thread_view *v) {
    struct post_card *cards = post_cards(req, page, thread->ancestors, thread->n_ancestors);

    for (size_t i = 1; i < thread->n_ancestors; i++)
        cards[i].reply_to = NULL; /* it stands right above */
    v->ancestors = cards;
    v->n_ancestors = thread->n_ancestors;
}

/* Where the comments go on that are left out below one: on its own page, or on this one when it is gone. */
static const char *continued(struct request *req, const struct page *page, const Pb__PostItem *item) {
    struct arena *a = req->ctx.arena;
    const char *after = item->more_after != 0 ? arena_printf(a, "after=%" PRId64, item->more_after) : "";

    if (!item->more)
        return NULL;
    if (item->author == NULL)
        return arena_printf(a, "%s?below=%" PRId64 "%s%s#comments", page->path, item->post->id,
                            *after != '\0' ? "&" : "", after);
    return arena_printf(a, "/@%s/%" PRId64 "%s%s#comments", item->author->handle, item->post->id,
                        *after != '\0' ? "?" : "", after);
}

static void set_pager(struct request *req, const struct page *page, const Pb__ThreadReply *thread,
                      struct thread_view *v) {
    struct arena *a = req->ctx.arena;
    int64_t below = field_int(req, "below");

    v->part = field_present(req, "after") || below != 0;
    if (thread->next != 0 && below != 0)
        v->more = arena_printf(a, "%s?below=%" PRId64 "&after=%" PRId64 "#comments", page->path, below,
                               thread->next);
    else if (thread->next != 0)
        v->more = arena_printf(a, "%s?after=%" PRId64 "#comments", page->path, thread->next);
}

static void set_comments(struct request *req, struct page *page, const Pb__ThreadReply *thread,
                         struct thread_view *v) {
    size_t n = thread->n_descendants;
    uint32_t *depths = arena_many(req->ctx.arena, uint32_t, n);
    const char **more = arena_many(req->ctx.arena, const char *, n);

    for (size_t i = 0; i < n; i++) {
        depths[i] = thread->descendants[i]->depth;
        more[i] = continued(req, page, thread->descendants[i]);
    }
    v->comments =
        comments_tree(req->ctx.arena, v->post->post->id, post_cards(req, page, thread->descendants, n),
                      depths, more, n, &v->n_comments);
    set_pager(req, page, thread, v);
    v->n_total = thread->more || v->part ? 0 : (int64_t)n;
    page->noindex = page->noindex || v->part;
}

static enum code show_thread(struct request *req, const Pb__ThreadReply *thread) {
    struct thread_view v = {0};
    struct page *page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("A post")));
    struct post_card *card = post_cards_one(req, page, thread->post);

    set_head(page, thread->post);
    set_ancestors(req, page, thread, &v);
    if (v.n_ancestors > 0)
        card->reply_to = NULL;
    v.post = card;
    set_comments(req, page, thread, &v);
    if (card->may_act) {
        v.composer = compose_new(req, thread->post);
        v.composer.return_to = page->path;
    }
    /* Strangers' threads are kept, and change less often than what is talked about. */
    v.side = req->ctx.viewer_id != 0 ? side_get(req) : NULL;
    tpl_post_thread(form_html(req), page, &v);
    return OK;
}

/* Each post has one address: its author's handle as they write it, and its own id where a repost of it was
 * asked for. */
static bool is_at_home(const struct request *req, const Pb__PostItem *item) {
    const Pb__UserCard *author = post_item_author(item);

    return author == NULL || (item->original == NULL && strcmp(author->handle, req->args[0]) == 0);
}

/* A deleted comment's own page says so; where others have said something to it, it leads there. */
static enum code show_gone(struct request *req, Pb__ThreadRequest *ask) {
    struct ctx *ctx = &req->ctx;
    struct error gone = ctx->error;
    struct gone_comment_view v = {0};
    const Pb__ThreadReply *thread;
    struct page *page;

    fail_clear(ctx);
    ask->gone = true;
    if (post_get_thread(ctx, ask, &thread) != OK || thread->n_descendants == 0) {
        fail_clear(ctx);
        ctx->error = gone;
        return gone.code;
    }
    page = page_new(req, PLACE_NONE, tr(ctx->lang, tr_mark("A deleted comment")));
    page->noindex = true;
    v.more =
        arena_printf(ctx->arena, "%s?below=%" PRId64 "%s#comments", post_item_path(ctx, thread->post),
                     ask->id, ask->after == 0 ? "" : arena_printf(ctx->arena, "&after=%" PRId64, ask->after));
    tpl_post_gone_comment(respond(req, 410, "text/html; charset=utf-8"), page, &v);
    return OK;
}

void post_page_thread_prefetch(struct request *req, int64_t claimed_user) {
    int64_t id;

    if (!id_parse(req->args[1], &id))
        return;
    side_prefetch(req, claimed_user);
    post_thread_prefetch(&req->ctx, claimed_user, id);
}

enum code post_page_thread(struct request *req) {
    Pb__ThreadRequest ask = PB__THREAD_REQUEST__INIT;
    const Pb__ThreadReply *thread;
    enum code c;

    page_cache_begin(req);
    if (!id_parse(req->args[1], &ask.id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such post."));
    ask.viewer_id = req->ctx.viewer_id;
    ask.up = THREAD_UP;
    ask.down = THREAD_DOWN;
    ask.top = THREAD_TOP;
    ask.width = THREAD_WIDTH;
    ask.after = field_int(req, "after");
    ask.below = field_int(req, "below");
    if ((c = post_get_thread(&req->ctx, &ask, &thread)) != OK)
        return error_http_status(&req->ctx.error) == 410 ? show_gone(req, &ask) : c;
    if (!is_at_home(req, thread->post))
        return respond_redirect(req, post_item_path(&req->ctx, thread->post));
    page_cache_on(&req->ctx, 'h', post_item_shown(thread->post)->root_id);
    return show_thread(req, thread);
}

/* ---- History
 * ----------------------------------------------------------------------------------------------------- */

enum code post_page_history(struct request *req) {
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__HistoryReply *history;
    struct revision_row *rows;
    struct history_view v = {0};
    struct page *page;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_get_history(&req->ctx, &ask, &history)) != OK)
        return c;
    page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("History of a post")));
    page->noindex = true;
    v.n = history->n_revisions;
    v.revisions = rows = arena_many(req->ctx.arena, struct revision_row, v.n);
    for (size_t i = 0; i < v.n; i++) {
        const Pb__Revision *revision = history->revisions[v.n - 1 - i];

        rows[i] = (struct revision_row){.revision = revision,
                                        .number = (int64_t)(v.n - i),
                                        .html = {revision->html, strlen(revision->html)},
                                        .media = media_items(page, revision->media, revision->n_media),
                                        .current = i == 0};
    }
    v.post = post_cards_one(req, page, history->item);
    tpl_post_history(form_html(req), page, &v);
    return OK;
}

/* ---- Who did it
 * -------------------------------------------------------------------------------------------------- */

static enum code list_who(struct request *req, const char *kind, int64_t id, struct member_list *ret) {
    struct ctx *ctx = &req->ctx;
    Pb__WhoRequest ask = PB__WHO_REQUEST__INIT;
    const Pb__WhoReply *who;
    struct member_row *rows;
    int64_t *ids;
    enum code c;

    ask.viewer_id = ctx->viewer_id;
    ask.id = id;
    ask.kind = kind;
    ask.before = field_int(req, "before");
    ask.limit = WHO_LIMIT;
    if ((c = post_who_reacted(ctx, &ask, &who)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, who->n_users);
    for (size_t i = 0; i < who->n_users; i++)
        ids[i] = who->users[i]->id;
    c = member_rows(ctx, ids, who->n_users, &rows, &ret->n);
    ret->rows = rows;
    if (who->next != 0)
        ret->pager.older = arena_printf(ctx->arena, "%s?before=%" PRId64, req->path, who->next);
    if (ask.before != 0)
        ret->pager.newer = req->path;
    return c;
}

static enum code show_who(struct request *req, const char *kind, const char *title, bool reposts) {
    struct who_view v = {.reposts = reposts};
    const Pb__PostItem *item;
    struct page *page;
    enum code c;

    if ((c = post_page_item(req, &item)) != OK ||
        (c = list_who(req, kind, post_item_shown(item)->id, &v.members)) != OK)
        return c;
    page = page_new(req, PLACE_NONE, tr(req->ctx.lang, title));
    page->noindex = true;
    v.post = post_cards_one(req, page, item);
    tpl_post_who(form_html(req), page, &v);
    return OK;
}

enum code post_page_who_liked(struct request *req) {
    return show_who(req, "like", tr_mark("Who liked this"), false);
}

enum code post_page_who_reposted(struct request *req) {
    return show_who(req, "repost", tr_mark("Who reposted this"), true);
}
