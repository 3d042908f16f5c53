/* Likes, reposts, bookmarks, pins. */
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"
#include "handlers/post/service.h"

void post_page_target_prefetch(struct request *req, int64_t claimed_user) {
    int64_t id;

    if (id_parse(req->args[0], &id))
        post_one_prefetch(&req->ctx, claimed_user, id);
}

/* The post's buttons as they are now for a script, else back to where the reader was, with the post in view.
 */
static enum code answer(struct request *req, const Pb__PostItem *item, const char *notice) {
    const char *back = field_text(req, "return_to");
    struct post_card card;
    struct page *page;

    if (form_is_fetch(req)) {
        page = page_new(req, PLACE_NONE, NULL);
        post_card_fill(page, item, &card);
        tpl_post_actions(form_html(req), page, &card);
        return OK;
    }
    page_notice_next(req, notice);
    if (text_is_empty(back))
        back = post_item_path(&req->ctx, item);
    return respond_redirect(req, post_page_at(&req->ctx, back, post_item_shown(item)->id));
}

static enum code react(struct request *req, const char *kind, bool on, const char *notice) {
    const Pb__PostItem *item;
    enum code c = post_ask_react(req, kind, on, PB__AUDIENCE__AUDIENCE_PUBLIC, &item);

    return c != OK ? c : answer(req, item, notice);
}

enum code post_page_like(struct request *req) { return react(req, "like", true, "liked"); }

enum code post_page_unlike(struct request *req) { return react(req, "like", false, "unliked"); }

enum code post_page_repost(struct request *req) { return react(req, "repost", true, "reposted"); }

enum code post_page_unrepost(struct request *req) { return react(req, "repost", false, "unreposted"); }

enum code post_page_bookmark(struct request *req) { return react(req, "bookmark", true, "bookmarked"); }

enum code post_page_unbookmark(struct request *req) { return react(req, "bookmark", false, "unbookmarked"); }

enum code post_page_pin(struct request *req) { return react(req, "pin", true, "pinned"); }

enum code post_page_unpin(struct request *req) { return react(req, "pin", false, "unpinned"); }
