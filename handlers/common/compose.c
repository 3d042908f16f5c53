#include "handlers/common/compose.h"

#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/post_cards.h"
#include "handlers/common/post_item.h"
#include "handlers/common/side.h"
#include "handlers/post/view.h"

/* ---- The composer */

static const char *const audiences[] = {
    [PB__AUDIENCE__AUDIENCE_PUBLIC] = "public",
    [PB__AUDIENCE__AUDIENCE_UNLISTED] = "unlisted",
    [PB__AUDIENCE__AUDIENCE_FOLLOWERS] = "followers",
    [PB__AUDIENCE__AUDIENCE_DIRECT] = "direct",
};

const char *compose_audience_name(Pb__Audience audience) { return audiences[audience]; }

Pb__Audience compose_audience(const char *name) {
    int i = PB__AUDIENCE__AUDIENCE_PUBLIC;

    while (i < PB__AUDIENCE__AUDIENCE_DIRECT && strcmp(audiences[i], name) != 0)
        i++;
    return (Pb__Audience)i;
}

/* A comment among those mentioned reaches nobody whom it does not mention: all others of the conversation
 * stand in it at first. */
static const char *everybody_in(struct request *req, const Pb__PostItem *item) {
    const Pb__PostView *post = post_item_shown(item);
    const Pb__UserCard *author = post_item_author(item);
    struct buf text;

    buf_init(&text, req->ctx.arena, 4096);
    if (author != NULL && author->id != req->ctx.viewer_id)
        buf_printf(&text, "@%s ", author->handle);
    for (size_t i = 0; i < post->n_mentions; i++)
        if (post->mentions[i]->user_id != req->ctx.viewer_id && post->mentions[i]->user_id != post->author_id)
            buf_printf(&text, "@%s ", post->mentions[i]->handle);
    return buf_overflowed(&text) ? NULL : buf_str(&text);
}

struct composer compose_new(struct request *req, const Pb__PostItem *answered) {
    struct composer composer = {.max_length = req->ctx.env->config->post_max_chars,
                                .audience = side_audience(req)};
    const Pb__PostView *post;
    const Pb__UserCard *author;

    if (answered == NULL)
        return composer;
    post = post_item_shown(answered);
    author = post_item_author(answered);
    composer.in_reply_to = post->id;
    if (author != NULL && author->id != req->ctx.viewer_id)
        composer.reply_to = author;
    /* Not more can see a comment than what it is about, unless its author says so. */
    if (post->audience > compose_audience(composer.audience))
        composer.audience = compose_audience_name(post->audience);
    if (post->audience == PB__AUDIENCE__AUDIENCE_DIRECT)
        composer.text = everybody_in(req, answered);
    return composer;
}

/* ---- On a page of its own */

/* With what it is a comment on. */
static enum code fill_compose(struct request *req, int64_t in_reply_to, struct compose_view *v,
                              const Pb__PostItem **ret) {
    enum code c;

    *ret = NULL;
    if (in_reply_to != 0 && (c = post_item_get(req, in_reply_to, ret)) != OK)
        return c;
    v->composer = compose_new(req, *ret);
    v->composer.autofocus = true;
    return OK;
}

static void show_compose(struct request *req, struct compose_view *v, const Pb__PostItem *answered,
                         const struct compose_media *media) {
    const char *title = tr(req->ctx.lang, answered != NULL ? tr_mark("Comment") : tr_mark("New post"));
    struct page *page = page_new(req, PLACE_NONE, title);

    page->again = media != NULL;
    if (answered != NULL)
        v->answered = post_cards_one(req, page, answered);
    if (media != NULL)
        v->composer.media = compose_media_attached(req, page, media, &v->composer.n_media);
    tpl_post_compose(form_html(req), page, v);
}

enum code compose_page(struct request *req) {
    struct compose_view v = {0};
    const Pb__PostItem *answered;
    enum code c = fill_compose(req, field_int(req, "in_reply_to"), &v, &answered);

    if (c != OK)
        return c;
    show_compose(req, &v, answered, NULL);
    return OK;
}

enum code compose_page_again(struct request *req, const struct compose_media *media) {
    struct error wrong = req->ctx.error;
    int64_t in_reply_to = field_int(req, "in_reply_to");
    struct compose_view v = {0};
    const char *back = field_text(req, "return_to");
    const Pb__PostItem *answered;
    enum code c;

    fail_clear(&req->ctx); /* what follows has failures of its own */
    if ((c = fill_compose(req, in_reply_to, &v, &answered)) != OK) {
        fail_clear(&req->ctx);
        fill_compose(req, 0, &v, &answered);
        v.composer.in_reply_to =
            c == NOT_FOUND ? 0 : in_reply_to; /* when it is gone, the words can still be a post */
    }
    req->ctx.error = wrong;
    v.composer.return_to = text_is_local_path(back) ? back : NULL;
    show_compose(req, &v, answered, media);
    return OK;
}

/* ---- Editing */

static void show_edit(struct request *req, int64_t id, const Pb__SourceReply *source,
                      const struct compose_media *media, bool again) {
    struct page *page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Edit your post")));
    struct edit_view v = {
        .id = id,
        .source = source,
        .handle = page->viewer->handle,
        .max_length = req->ctx.env->config->post_max_chars,
    };

    page->again = again;
    v.media = compose_media_attached(req, page, media, &v.n_media);
    tpl_post_edit(form_html(req), page, &v);
}

enum code compose_edit_page(struct request *req, int64_t id) {
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const Pb__SourceReply *source;
    const Pb__PostItem *item;
    struct compose_media media;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.id = id;
    if ((c = post_get_source(&req->ctx, &ask, &source)) != OK || (c = post_item_get(req, id, &item)) != OK)
        return c;
    compose_media_of(item->post, &media);
    show_edit(req, id, source, &media, false);
    return OK;
}

enum code compose_edit_page_again(struct request *req, int64_t id, const struct compose_media *media) {
    static const Pb__SourceReply nothing = PB__SOURCE_REPLY__INIT; /* all of it was typed */

    show_edit(req, id, &nothing, media, true);
    return OK;
}
