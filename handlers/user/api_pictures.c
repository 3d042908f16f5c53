/* One's own pictures, as apps send and remove them. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "fcgi/upload.h"
#include "gen/stubs.h"
#include "handlers/common/media_wait.h"
#include "handlers/user/api_accounts.h"

static const struct { const char *field, *kind; } pictures[] = {{"avatar", "avatar"}, {"header", "banner"}};
#define N_PICTURES (sizeof pictures / sizeof *pictures)
_Static_assert(N_PICTURES == USER_API_PICTURES, "as many as the header says");

/* ---- Taking what was sent */

/* Names what is wrong as clients do. */
static enum code refuse(struct request *req, const char *field, enum code c) {
    for (struct field_error *e = req->ctx.error.fields; c != OK && e != NULL; e = e->next)
        if (strcmp(e->field, "file") == 0 || strcmp(e->field, "media_id") == 0)
            e->field = field;
    if (req->ctx.error.http == 507) /* only our own API says so */
        req->ctx.error.http = 422;
    return c;
}

static enum code upload(struct request *req, size_t which, int64_t *ret_id) {
    Pb__CreateMediaRequest ask = PB__CREATE_MEDIA_REQUEST__INIT;
    const char *field = pictures[which].field;
    const Pb__MediaReply *made;
    struct request_file file;
    enum code c = request_file(req, field, &file);

    if (c != OK)
        return c;
    if (file.path == NULL)
        return text_is_empty(params_get(&req->form, field))
                   ? OK
                   : fail_field(&req->ctx, field,
                                tr_mark("Send the picture as a file, in a form of the type multipart."));
    if (file.bytes == 0)
        return OK; /* an empty field of a form */
    ask.owner_id = req->ctx.viewer_id;
    ask.purpose = pictures[which].kind;
    ask.file_name = file.file_name;
    if ((c = request_file_save(req, &file, &ask.path)) == OK &&
        (c = refuse(req, field, media_create_media(&req->ctx, &ask, &made))) == OK)
        *ret_id = made->media->id;
    return c;
}

/* Whether all of them are ready. One that is broken is refused. */
static enum code look(struct request *req, const int64_t *ids, bool *ret_ready) {
    Pb__GetMediaRequest ask = PB__GET_MEDIA_REQUEST__INIT;
    int64_t wanted[N_PICTURES];
    const Pb__MediaViews *now;
    enum code c;

    for (size_t i = 0; i < N_PICTURES; i++)
        if (ids[i] != 0)
            wanted[ask.n_ids++] = ids[i];
    ask.owner_id = req->ctx.viewer_id;
    ask.ids = wanted;
    *ret_ready = true;
    if (ask.n_ids == 0 || (c = media_get_media(&req->ctx, &ask, &now)) != OK)
        return ask.n_ids == 0 ? OK : c;
    for (size_t i = 0; i < now->n_media; i++) {
        *ret_ready = *ret_ready && now->media[i]->state != PB__MEDIA_STATE__MEDIA_WAITING;
        if (now->media[i]->state == PB__MEDIA_STATE__MEDIA_FAILED)
            return fail_field(&req->ctx, pictures[now->media[i]->id == ids[0] ? 0 : 1].field,
                              now->media[i]->error);
    }
    return OK;
}

/* The answer shows the new pictures when they are ready soon. */
enum code user_api_pictures_take(struct request *req, int64_t ids[USER_API_PICTURES]) {
    int64_t until_us = 0;
    bool ready = false;
    enum code c = OK;

    memset(ids, 0, USER_API_PICTURES * sizeof *ids);
    for (size_t i = 0; i < N_PICTURES && c == OK; i++)
        c = upload(req, i, &ids[i]);
    do {
        c = c == OK ? look(req, ids, &ready) : c;
    } while (c == OK && !ready && media_wait(&req->ctx, &until_us));
    return c;
}

enum code user_api_pictures_set(struct request *req, const int64_t ids[USER_API_PICTURES]) {
    Pb__SetPictureRequest ask = PB__SET_PICTURE_REQUEST__INIT;
    enum code c = OK;

    ask.user_id = req->ctx.viewer_id;
    for (size_t i = 0; i < N_PICTURES && c == OK; i++) {
        ask.kind = pictures[i].kind;
        ask.media_id = ids[i];
        if (ids[i] != 0)
            c = refuse(req, pictures[i].field, user_set_picture(&req->ctx, &ask, NULL));
    }
    return c;
}

/* ---- Removing */

static enum code drop(struct request *req, const char *kind) {
    Pb__SetPictureRequest ask = PB__SET_PICTURE_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.kind = kind;
    c = user_set_picture(&req->ctx, &ask, NULL);
    return c != OK ? c : user_api_verify_credentials(req);
}

enum code user_api_avatar_drop(struct request *req) { return drop(req, "avatar"); }

enum code user_api_header_drop(struct request *req) { return drop(req, "banner"); }
