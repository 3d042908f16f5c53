/* Media for Mastodon's clients (https://docs.joinmastodon.org/methods/media/). */
#include "handlers/media/api.h"

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_media.h"
#include "handlers/common/media_wait.h"
#include "handlers/media/intake.h"
#include "handlers/media/rules.h"

static enum code reply(struct request *req, const Pb__MediaView *m, int waiting) {
    struct api_media view = api_media_of(&req->ctx, m);
    enum code c;

    if (m->state == PB__MEDIA_STATE__MEDIA_FAILED)
        return fail_http(&req->ctx, 422, INVALID,
                         *m->error != '\0' ? m->error : tr_mark("This file could not be prepared."));
    c = api_reply(req, &api_media_shape, &view);
    if (m->state == PB__MEDIA_STATE__MEDIA_WAITING && req->res.status == 200)
        req->res.status = waiting;
    return c;
}

static enum code no_thumbnail(struct request *req) {
    return field_present(req, "thumbnail")
               ? fail_field(&req->ctx, "thumbnail",
                            tr_mark("Previews are made of the file itself: send none."))
               : OK;
}

static enum code read_focus(struct request *req, double *ret_x, double *ret_y) {
    return field_present(req, "focus") ? media_focus_read(&req->ctx, field_text(req, "focus"), ret_x, ret_y)
                                       : OK;
}

static enum code take(struct request *req, const Pb__MediaView **ret) {
    Pb__CreateMediaRequest ask = PB__CREATE_MEDIA_REQUEST__INIT;
    struct request_file file;
    enum code c;

    if ((c = no_thumbnail(req)) != OK || (c = read_focus(req, &ask.focus_x, &ask.focus_y)) != OK ||
        (c = request_file(req, "file", &file)) != OK)
        return c;
    ask.description = field_text(req, "description");
    ask.purpose = "post";
    return media_intake_file(req, &file, &ask, ret);
}

enum code media_api_upload(struct request *req) {
    const Pb__MediaView *m;
    enum code c = take(req, &m);

    return c != OK ? c : reply(req, m, 202);
}

static enum code read_one(struct request *req, int64_t id, const Pb__MediaView **ret) {
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;
    const Pb__MediaViews *found;
    enum code c;

    ask.owner_id = req->ctx.viewer_id;
    ask.ids = &id;
    ask.n_ids = 1;
    if ((c = media_get_media(&req->ctx, &ask, &found)) != OK)
        return c;
    if (found->n_media == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such file, or it is not yours."));
    *ret = found->media[0];
    return OK;
}

/* Old clients know no "not yet": they wait a little, and get what there is. */
enum code media_api_upload_wait(struct request *req) {
    const Pb__MediaView *m;
    int64_t until_us = 0;
    enum code c = take(req, &m);

    while (c == OK && m->state == PB__MEDIA_STATE__MEDIA_WAITING && media_wait(&req->ctx, &until_us))
        c = read_one(req, m->id, &m);
    return c != OK ? c : reply(req, m, 200);
}

static enum code id_of(struct request *req, int64_t *ret) {
    return id_parse(req->args[0], ret)
               ? OK
               : fail(&req->ctx, NOT_FOUND, tr_mark("There is no such file, or it is not yours."));
}

enum code media_api_get(struct request *req) {
    const Pb__MediaView *m;
    int64_t id;
    enum code c;

    if ((c = id_of(req, &id)) != OK || (c = read_one(req, id, &m)) != OK)
        return c;
    return reply(req, m, 206);
}

enum code media_api_update(struct request *req) {
    Pb__UpdateMediaRequest ask = PB__UPDATE_MEDIA_REQUEST__INIT;
    const Pb__MediaReply *changed;
    enum code c;

    if ((c = id_of(req, &ask.id)) != OK || (c = no_thumbnail(req)) != OK ||
        (c = read_focus(req, &ask.focus_x, &ask.focus_y)) != OK)
        return c;
    ask.owner_id = req->ctx.viewer_id;
    ask.has_description = field_present(req, "description");
    ask.description = field_text(req, "description");
    ask.has_focus = field_present(req, "focus");
    if ((c = media_update_media(&req->ctx, &ask, &changed)) != OK)
        return c;
    return reply(req, changed->media, 206);
}

enum code media_api_delete(struct request *req) {
    Pb__MediaRequest ask = PB__MEDIA_REQUEST__INIT;
    enum code c;

    ask.owner_id = req->ctx.viewer_id;
    if ((c = id_of(req, &ask.id)) != OK || (c = media_delete_media(&req->ctx, &ask, NULL)) != OK)
        return c;
    return api_reply_empty(req);
}
