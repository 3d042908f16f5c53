#include "handlers/media/intake.h"

#include "fcgi/i18n.h"
#include "fcgi/router.h"
#include "gen/stubs.h"
#include "handlers/media/types.h"

/* Only our own API has a word of its own for "no room left". */
static enum code said_for(struct request *req, enum code c) {
    if (req->ctx.error.http == 507 && !route_is_own_api(req->route))
        req->ctx.error.http = 422;
    return c;
}

enum code media_intake_file(struct request *req, const struct request_file *file, Pb__CreateMediaRequest *ask,
                            const Pb__MediaView **ret) {
    struct ctx *ctx = &req->ctx;
    const struct media_type *type;
    const Pb__MediaReply *reply;
    enum code c;

    if ((c = media_type_find(ctx, file->path, file->offset, file->bytes, ask->purpose, &type)) != OK ||
        (c = media_type_check_size(ctx, type->kind, file->bytes)) != OK ||
        (c = request_file_save(req, file, &ask->path)) != OK)
        return c;
    ask->owner_id = ctx->viewer_id;
    ask->file_name = file->file_name;
    if ((c = media_create_media(ctx, ask, &reply)) != OK)
        return said_for(req, c);
    *ret = reply->media;
    return OK;
}

enum code media_intake(struct request *req, const char *field, const char *purpose,
                       const Pb__MediaView **ret) {
    Pb__CreateMediaRequest ask = PB__CREATE_MEDIA_REQUEST__INIT;
    struct request_file file;
    enum code c = request_file(req, field, &file);

    if (c != OK)
        return c;
    if (file.path == NULL)
        return fail_field_as(&req->ctx, field, FIELD_BLANK, tr_mark("Choose a file."));
    ask.purpose = purpose;
    return media_intake_file(req, &file, &ask, ret);
}
