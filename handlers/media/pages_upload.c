/* Files that come by forms: of a composer, which is shown again with them, or one by one by its script; of
 * the settings, as somebody's picture or banner. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/log.h"
#include "fcgi/upload.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/compose.h"
#include "handlers/common/forms.h"
#include "handlers/common/pictures.h"
#include "handlers/media/intake.h"
#include "handlers/media/pages.h"

#define FILE_FIELD "file"

/* ---- Taking one in */

/* A picture or banner comes with its words and its point of focus; of files of a post they are said later. */
static enum code create(struct request *req, const struct request_file *file, const char *purpose,
                        const Pb__MediaView **ret) {
    Pb__CreateMediaRequest ask = PB__CREATE_MEDIA_REQUEST__INIT;

    ask.purpose = purpose;
    if (strcmp(purpose, "post") != 0) {
        ask.description = field_text(req, "words_1");
        compose_focus_read(field_text(req, "focus_1"), &ask.focus_x, &ask.focus_y);
    }
    return media_intake_file(req, file, &ask, ret);
}

/* A refusal stands beside the field; which file it is about is said where there may be several. */
static enum code refuse(struct request *req, const struct request_file *file, bool named) {
    struct error *e = &req->ctx.error;
    struct error was = *e;
    const char *text = tr(req->ctx.lang, was.fields != NULL ? was.fields->text : was.text);

    if (error_http_status(&was) >= 500 && error_http_status(&was) != 507)
        return was.code;
    fail_clear(&req->ctx);
    if (named && !text_is_empty(file->file_name))
        text = arena_printf(req->ctx.arena, "%s: %s", file->file_name, text);
    fail_field(&req->ctx, FILE_FIELD, text);
    e->http = was.http != 0 ? was.http : e->http;
    return was.code;
}

/* The nth file of the form; *ret NULL: there is none. */
static enum code take(struct request *req, size_t nth, const char *purpose, const Pb__MediaView **ret) {
    struct request_file file;
    enum code c = request_file_nth(req, FILE_FIELD, nth, &file);

    *ret = NULL;
    if (c != OK || file.path == NULL)
        return c;
    c = create(req, &file, purpose, ret);
    return c != OK ? refuse(req, &file, strcmp(purpose, "post") == 0 && !form_is_fetch(req)) : OK;
}

static enum code none_chosen(struct request *req) {
    return fail_field(&req->ctx, FILE_FIELD, tr_mark("Choose a file first."));
}

/* ---- By the script: one file, and the piece of the form that shows it */

static enum code answer_piece(struct request *req, const Pb__MediaView *view) {
    struct page *page = page_new(req, PLACE_NONE, NULL);

    tpl_compose_file(form_html(req), page, compose_media_one(page, (Pb__MediaView *)(uintptr_t)view));
    return OK;
}

static enum code answer_words(struct request *req) {
    const struct error *e = &req->ctx.error;
    const char *text = e->fields != NULL ? e->fields->text : e->text;

    buf_puts(respond(req, error_http_status(e), "text/plain; charset=utf-8"), tr(req->ctx.lang, text));
    return OK;
}

static enum code retry(struct request *req, int64_t id, const Pb__MediaView **ret) {
    Pb__MediaRequest ask = PB__MEDIA_REQUEST__INIT;
    const Pb__MediaReply *reply;
    enum code c;

    ask.owner_id = req->ctx.viewer_id;
    ask.id = id;
    if ((c = media_retry_media(&req->ctx, &ask, &reply)) == OK)
        *ret = reply->media;
    return c;
}

/* What is taken out of a form makes room at once. What a post has already is the post's to let go, when the
 * form is saved; what could not be deleted now goes with the sweep. */
static void let_go(struct request *req, int64_t id) {
    Pb__MediaRequest ask = PB__MEDIA_REQUEST__INIT;

    ask.owner_id = req->ctx.viewer_id;
    ask.id = id;
    if (media_delete_media(&req->ctx, &ask, NULL) != OK)
        fail_clear(&req->ctx);
}

static enum code upload_piece(struct request *req) {
    int64_t again = field_int(req, "retry"), gone = field_int(req, "remove");
    const Pb__MediaView *view = NULL;
    enum code c;

    if (gone != 0) {
        let_go(req, gone);
        respond(req, 204, "text/plain");
        return OK;
    }
    c = again != 0 ? retry(req, again, &view) : take(req, 0, "post", &view);
    if (c == OK && view == NULL)
        c = none_chosen(req);
    return c == OK ? answer_piece(req, view) : answer_words(req);
}

enum code media_page_piece(struct request *req) {
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *views;
    int64_t id;
    enum code c;

    if (!id_parse(req->args[0], &id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such file."));
    ask.owner_id = req->ctx.viewer_id;
    ask.ids = &id;
    ask.n_ids = 1;
    if ((c = media_get_media(&req->ctx, &ask, &views)) != OK)
        return c;
    if (views->n_media == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such file."));
    return answer_piece(req, views->media[0]);
}

/* ---- Without one: the form is shown again with what came */

/* Those that fit; the first that is refused ends it, and what came before stays. */
static enum code take_all(struct request *req, struct compose_media *m) {
    struct request_file beyond;
    const Pb__MediaView *view;
    size_t n = 0;
    enum code c;

    for (; m->n < MEDIA_MAX; n++) {
        if ((c = take(req, n, "post", &view)) != OK)
            return c;
        if (view == NULL)
            return n == 0 && field_bool(req, "add") ? none_chosen(req) : OK;
        m->ids[m->n] = view->id;
        m->words[m->n] = NULL;
        m->focus[m->n++] = "";
    }
    if ((c = request_file_nth(req, FILE_FIELD, n, &beyond)) != OK || beyond.path == NULL)
        return c;
    return fail_field(&req->ctx, FILE_FIELD,
                      tr_mark("At most 4 files fit into a post. The others were left out."));
}

static enum code upload_form(struct request *req) {
    int64_t post = field_int(req, "post"), again = field_int(req, "retry"), gone = field_int(req, "remove");
    const Pb__MediaView *view;
    struct compose_media m;
    enum code c = OK;

    compose_media_read(req, &m);
    compose_media_move(&m, field_int(req, "up"), -1);
    compose_media_move(&m, field_int(req, "down"), 1);
    compose_media_remove(&m, gone);
    if (gone != 0)
        let_go(req, gone);
    if (again != 0)
        c = retry(req, again, &view);
    if (c == OK)
        c = take_all(req, &m);
    if (c != OK && !form_refused(req) && error_http_status(&req->ctx.error) >= 500)
        log_warn(&req->ctx, "file not taken", "code=%s cause=%s", code_name(c),
                 req->ctx.error.detail != NULL ? req->ctx.error.detail : "");
    return post != 0 ? compose_edit_page_again(req, post, &m) : compose_page_again(req, &m);
}

/* ---- A member's picture or banner */

static enum code upload_picture(struct request *req, const char *kind) {
    Pb__SetPictureRequest ask = PB__SET_PICTURE_REQUEST__INIT;
    const Pb__MediaView *view;
    enum code c = take(req, 0, kind, &view);

    if (c == OK && view == NULL)
        c = none_chosen(req);
    if (c != OK)
        return form_refused(req) ? pictures_page(req, kind) : c;
    ask.user_id = req->ctx.viewer_id;
    ask.kind = kind;
    ask.media_id = view->id;
    if ((c = user_set_picture(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? pictures_page(req, kind) : c;
    page_notice_next(req, "picture");
    return respond_redirect(req, PICTURES_PATH);
}

enum code media_page_upload(struct request *req) {
    const char *purpose = field_text(req, "purpose");

    if (!text_is_empty(purpose) && strcmp(purpose, "post") != 0)
        return upload_picture(req, purpose);
    if ((req->ctx.permissions & PERMISSION_POST) == 0)
        return fail(&req->ctx, DENIED, tr_mark("Your role does not allow this."));
    return form_is_fetch(req) ? upload_piece(req) : upload_form(req);
}

/* Something else in the form is wrong: then no file is taken, and what was typed comes back. */
enum code media_page_upload_again(struct request *req) {
    const char *purpose = field_text(req, "purpose");
    int64_t post = field_int(req, "post");
    struct compose_media m;

    if (form_is_fetch(req))
        return answer_words(req);
    if (!text_is_empty(purpose) && strcmp(purpose, "post") != 0)
        return pictures_page(req, purpose);
    compose_media_read(req, &m);
    return post != 0 ? compose_edit_page_again(req, post, &m) : compose_page_again(req, &m);
}
