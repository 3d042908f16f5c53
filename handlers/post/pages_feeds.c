/* Atom feeds (RFC 4287) of a profile and of a tag: what anybody may read, whoever asks. */
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/entities.h"
#include "handlers/common/models.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"

#define FEED_CACHING "public, max-age=60"
#define CONTENT_MAX ((size_t)1 << 18)

/* XML 1.0 section 2.2 leaves out some characters that UTF-8 has: each of their bytes or triples becomes
 * another of the same length. */
static void keep_to_xml(struct buf *b) {
    for (size_t i = 0; i < b->n; i++) {
        unsigned char *p = (unsigned char *)b->p + i;

        if (*p < ' ' && *p != '\n' && *p != '\t' && *p != '\r')
            *p = ' ';
        else if (*p == 0xEF && b->n - i >= 3 && p[1] == 0xBF && p[2] >= 0xBE)
            p[2] = 0xBD; /* U+FFFE and U+FFFF become U+FFFD */
    }
}

/* The newest change of what is in it; for an empty one, when its subject began. */
static int64_t updated(const struct feed_view *v, int64_t otherwise) {
    int64_t newest = otherwise;

    for (size_t i = 0; i < v->n; i++) {
        const Pb__PostView *post = v->entries[i].card->post;
        int64_t at = post->edited_ms > 0 ? post->edited_ms : post->created_ms;

        if (at > newest)
            newest = at;
    }
    return newest;
}

/* The text, and what can be seen of the media. */
static const char *content_of(const struct page *page, const Pb__PostView *post,
                              const struct media_list *media) {
    struct buf html;

    buf_init(&html, page->arena, CONTENT_MAX);
    buf_puts(&html, post->html);
    tpl_post_feed_media(&html, page, media);
    return buf_overflowed(&html) ? post->html : buf_str(&html);
}

/* What a warning covers stays behind it: readers of feeds know no cover. */
static struct feed_entry entry_of(const struct page *page, const struct post_card *card) {
    static const struct media_list none;
    const Pb__PostView *post = card->post;
    bool is_warned = !text_is_empty(post->warning);
    const struct media_list *media = is_warned || post->sensitive ? &none : media_shown(page, post);

    return (struct feed_entry){
        .card = card, .media = media, .content = is_warned ? "" : content_of(page, post, media)};
}

static enum code feed(struct request *req, const Pb__TimelinePage *timeline, struct feed_view *v,
                      int64_t since_ms) {
    struct page *page = page_new(req, PLACE_NONE, NULL);
    struct buf *out = respond(req, 200, "application/atom+xml; charset=utf-8");

    const struct post_card *cards = post_cards(req, page, timeline->items, timeline->n_items);
    struct feed_entry *entries = arena_many(page->arena, struct feed_entry, timeline->n_items);

    page->viewer = NULL; /* what strangers get is for everybody */
    for (v->n = 0; v->n < timeline->n_items; v->n++)
        entries[v->n] = entry_of(page, &cards[v->n]);
    v->entries = entries;
    v->updated_ms = updated(v, since_ms);
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    tpl_post_feed(out, page, v);
    keep_to_xml(out);
    post_page_revalidated(req, FEED_CACHING);
    return OK;
}

enum code post_page_user_feed(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;
    const Pb__TimelinePage *timeline;
    const Pb__UserCard *user;
    struct feed_view v = {0};
    enum code c;

    if ((c = card_by_handle(ctx, req->args[0], &user)) != OK)
        return c;
    if (user->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail_http(ctx, 410, NOT_FOUND, tr_mark("This member is no longer here."));
    ask.author_id = user->id;
    ask.no_reposts = true;
    ask.limit = POST_PAGE_LIMIT;
    if ((c = post_author_timeline(ctx, &ask, &timeline)) != OK)
        return c;
    v.title = arena_printf(ctx->arena, "%s (@%s)", user->name, user->handle);
    v.html = arena_printf(ctx->arena, "/@%s", user->handle);
    v.self = arena_printf(ctx->arena, "/@%s/feed.atom", user->handle);
    return feed(req, timeline, &v, user->created_ms);
}

enum code post_page_tag_feed(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PageRequest ask = PB__PAGE_REQUEST__INIT;
    const char *name = text_clean_line(ctx->arena, req->args[0], strlen(req->args[0]));
    const Pb__TimelinePage *timeline;
    struct feed_view v = {0};
    enum code c;

    if (name == NULL || !entity_is_tag(name))
        return fail(ctx, NOT_FOUND,
                    tr_mark("A tag has letters, digits and _ alone, and at least one letter."));
    ask.tag = name;
    ask.limit = POST_PAGE_LIMIT;
    if ((c = post_tag_timeline(ctx, &ask, &timeline)) != OK)
        return c;
    v.title = arena_printf(ctx->arena, "#%s", name);
    v.html = post_page_tag_path(ctx, "/tags/", name, "");
    v.self = post_page_tag_path(ctx, "/tags/", name, "/feed.atom");
    return feed(req, timeline, &v, ID_EPOCH_MS);
}
