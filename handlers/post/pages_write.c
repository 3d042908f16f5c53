/* Writing, editing and deleting posts. */
#include <inttypes.h>

#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/log.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/post/pages.h"
#include "handlers/post/pages_shared.h"

/* What is wrong with a form, for the script: the first field's words. Pages get them beside the fields. */
static enum code refuse_fetch(struct request *req) {
    const struct error *e = &req->ctx.error;
    const char *text = e->fields != NULL ? e->fields->text : e->text;

    buf_puts(respond(req, error_http_status(e), "text/plain; charset=utf-8"), tr(req->ctx.lang, text));
    return OK;
}

/* What was typed is not lost for a failure that names no field: the form comes back with the reason on top.
 * Failures of ours are noted here, since the dispatcher does not see them then. */
static bool is_worth_a_form(const struct request *req, enum code code) {
    if (req->ctx.error.fields != NULL)
        return false; /* the dispatcher does it */
    if (code == INTERNAL || code == UNAVAILABLE || code == DEADLINE)
        log_warn(&req->ctx, "not written", "code=%s text=%s cause=%s", code_name(code), req->ctx.error.text,
                 req->ctx.error.detail != NULL ? req->ctx.error.detail : "");
    return code == INTERNAL || code == UNAVAILABLE || code == DEADLINE || code == ABORTED ||
           code == NOT_FOUND || code == PRECONDITION;
}

/* ---- New posts
 * --------------------------------------------------------------------------------------------------- */

enum code post_page_compose(struct request *req) { return compose_page(req); }

enum code post_page_create_again(struct request *req) {
    struct compose_media media;

    if (form_is_fetch(req))
        return refuse_fetch(req);
    compose_media_read(req, &media);
    return compose_page_again(req, &media);
}

/* Back to where it was written, with a comment in view; else to the post itself. */
static enum code answer_created(struct request *req, const Pb__PostItem *item) {
    const char *back = field_text(req, "return_to");
    struct page *page;

    if (form_is_fetch(req)) {
        page = page_new(req, PLACE_NONE, NULL);
        tpl_post_card(form_html(req), page, post_cards_one(req, page, item));
        return OK;
    }
    page_notice_next(req, "posted");
    if (text_is_empty(back))
        return respond_redirect(req, post_item_path(&req->ctx, item));
    return respond_redirect(
        req, item->post->in_reply_to_id != 0 ? post_page_at(&req->ctx, back, item->post->id) : back);
}

/* The form's key and what was typed and attached: pressing the button twice makes one post, changing it and
 * sending it again makes another. */
static const char *idempotency_key(struct request *req, const struct compose_media *media) {
    const char *key = field_text(req, "key"), *text = field_text(req, "text");
    unsigned char hash[CRYPTO_HASH_BYTES];

    if (text_is_empty(key))
        return "";
    for (size_t i = 0; i < media->n; i++)
        text = arena_printf(req->ctx.arena, "%s\n%" PRId64, text, media->ids[i]);
    crypto_digest(hash, text, strlen(text));
    return arena_printf(req->ctx.arena, "form:%s:%s", key, text_hex(req->ctx.arena, hash, 16));
}

/* A form without a script sends names of files that were chosen and not added: better said than lost. */
static enum code check_written(struct request *req, const struct compose_media *media) {
    if (!text_is_empty(field_text(req, "file")))
        return fail_field(
            &req->ctx, "file",
            tr_mark("Choose the files again and press “Add files” first: they were not sent yet."));
    if (media->n == 0 && text_is_empty(field_text(req, "text")))
        return fail_field_as(&req->ctx, "text", FIELD_BLANK, tr_mark("Write something, or add a file."));
    return OK;
}

enum code post_page_create(struct request *req) {
    Pb__CreatePostRequest ask = PB__CREATE_POST_REQUEST__INIT;
    const char *audience = field_text(req, "audience");
    struct compose_media media;
    const Pb__PostReply *reply;
    enum code c;

    compose_media_read(req, &media);
    if (check_written(req, &media) != OK)
        return post_page_create_again(req);
    if ((c = compose_media_save(req, &media)) != OK)
        return is_worth_a_form(req, c) ? post_page_create_again(req) : c;

    ask.author_id = req->ctx.viewer_id;
    ask.text = field_text(req, "text");
    ask.warning = field_text(req, "warning");
    ask.idempotency_key = idempotency_key(req, &media);
    ask.media_ids = media.ids;
    ask.n_media_ids = media.n;
    ask.sensitive = field_bool(req, "sensitive");
    ask.in_reply_to_id = field_int(req, "in_reply_to");
    ask.audience = compose_audience(text_is_empty(audience) ? side_audience(req) : audience);
    if ((c = post_create_post(&req->ctx, &ask, &reply)) != OK)
        return is_worth_a_form(req, c) ? post_page_create_again(req) : c;
    return answer_created(req, reply->item);
}

/* ---- Editing
 * ----------------------------------------------------------------------------------------------------- */

enum code post_page_edit_form(struct request *req) {
    int64_t id;
    enum code c = post_ask_target(req, &id);

    return c != OK ? c : compose_edit_page(req, id);
}

enum code post_page_edit_again(struct request *req) {
    struct compose_media media;
    int64_t id;

    if (form_is_fetch(req))
        return refuse_fetch(req);
    if (!id_parse(req->args[0], &id))
        return NOT_FOUND;
    compose_media_read(req, &media);
    return compose_edit_page_again(req, id, &media);
}

enum code post_page_edit(struct request *req) {
    Pb__EditPostRequest ask = PB__EDIT_POST_REQUEST__INIT;
    struct compose_media media;
    const Pb__PostReply *reply;
    struct page *page;
    enum code c;

    compose_media_read(req, &media);
    if (check_written(req, &media) != OK)
        return post_page_edit_again(req);
    if ((c = compose_media_save(req, &media)) != OK)
        return is_worth_a_form(req, c) ? post_page_edit_again(req) : c;

    ask.actor_id = req->ctx.viewer_id;
    ask.text = field_text(req, "text");
    ask.warning = field_text(req, "warning");
    ask.sensitive = field_bool(req, "sensitive");
    ask.has_media = field_present(req, "post"); /* a form that shows its files */
    ask.media_ids = media.ids;
    ask.n_media_ids = media.n;
    if ((c = post_ask_target(req, &ask.id)) != OK)
        return c;
    if ((c = post_edit_post(&req->ctx, &ask, &reply)) != OK)
        return is_worth_a_form(req, c) ? post_page_edit_again(req) : c;
    if (form_is_fetch(req)) {
        page = page_new(req, PLACE_NONE, NULL);
        tpl_post_card(form_html(req), page, post_cards_one(req, page, reply->item));
        return OK;
    }
    page_notice_next(req, "edited");
    return respond_redirect(req, post_item_path(&req->ctx, reply->item));
}

/* ---- Deleting
 * ---------------------------------------------------------------------------------------------------- */

/* The page of ours that the reader came from, for going back there; NULL when it is none. */
static const char *came_from(const struct request *req) {
    const char *referer = request_header(req, "Referer"), *base = req->ctx.env->config->base_url;

    if (referer == NULL || text_is_empty(base) || !text_starts(referer, base))
        return NULL;
    referer += strlen(base);
    return text_is_local_path(referer) ? referer : NULL;
}

/* Whether a path leads to this post, which will not be there any more. */
static bool leads_to(const char *path, int64_t id) {
    char digits[ID_STR_MAX];
    const char *last = strrchr(path, '/'), *end;
    size_t n = (size_t)id_format(id, digits);

    if (last == NULL || strncmp(last + 1, digits, n) != 0)
        return false;
    end = last + 1 + n;
    return *end == '\0' || *end == '?' || *end == '#';
}

enum code post_page_delete_ask(struct request *req) {
    struct delete_view v = {.return_to = field_text(req, "return_to")};
    const Pb__PostItem *item;
    struct page *page;
    enum code c;

    if ((c = post_page_item(req, &item)) != OK)
        return c;
    page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Delete a post")));
    v.post = post_cards_one(req, page, item);
    if (!v.post->may_delete)
        return fail(&req->ctx, DENIED, tr_mark("Only its author can delete this post."));
    if (text_is_empty(v.return_to))
        v.return_to = came_from(req);
    if (v.return_to == NULL)
        v.return_to = post_item_path(&req->ctx, item);
    tpl_post_delete(form_html(req), page, &v);
    return OK;
}

enum code post_page_delete(struct request *req) {
    Pb__PostRequest ask = PB__POST_REQUEST__INIT;
    const char *back = field_text(req, "return_to");
    const Pb__SourceReply *gone;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    if ((c = post_ask_target(req, &ask.id)) != OK || (c = post_delete_post(&req->ctx, &ask, &gone)) != OK)
        return c;
    if (form_is_fetch(req)) {
        form_html(req); /* nothing is left of it */
        return OK;
    }
    page_notice_next(req, "deleted");
    return respond_redirect(req, text_is_empty(back) || leads_to(back, ask.id) ? "/" : back);
}
