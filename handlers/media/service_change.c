/* What members change of their media: words, focus, another try, the end. */
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/media/rules.h"
#include "handlers/media/store.h"

#define TRIES 5 /* against workers and others who change the same one */

static enum code too_busy(struct ctx *ctx) {
    return fail(ctx, ABORTED, tr_mark("This file is being changed right now. Please try again."));
}

static enum code fields_of(struct ctx *ctx, const Pb__UpdateMediaRequest *req, json_object *fields) {
    const char *words;
    enum code c;

    if (req->has_description) {
        if ((c = media_words(ctx, req->description, &words)) != OK)
            return c;
        json_object_object_add(fields, MEDIA_DOC_WORDS, json_object_new_string(words));
    }
    if (req->has_focus) {
        if ((c = media_focus(ctx, req->focus_x, req->focus_y)) != OK)
            return c;
        json_object_object_add(fields, MEDIA_DOC_FOCUS_X, json_object_new_double(req->focus_x));
        json_object_object_add(fields, MEDIA_DOC_FOCUS_Y, json_object_new_double(req->focus_y));
    }
    return OK;
}

/* One try: *ret_ok false when the row moved on meanwhile. */
static enum code update(struct ctx *ctx, const Pb__UpdateMediaRequest *req, json_object *fields,
                        Pb__MediaView **ret, bool *ret_ok) {
    struct media_row row;
    enum code c;

    if ((c = media_store_row(ctx, req->owner_id, req->id, &row)) != OK ||
        (c = media_store_doc_set(ctx, &row, fields)) != OK || (c = media_store_view(ctx, &row, ret)) != OK)
        return c;
    (*ret)->version++;
    return media_store_change(ctx, &row, *ret, ret_ok);
}

enum code media_service_update_media(struct ctx *ctx, const Pb__UpdateMediaRequest *req,
                                     Pb__MediaReply *reply) {
    json_object *fields = docs_new(ctx);
    struct media_row row;
    bool ok = false;
    enum code c;

    if ((c = media_store_row(ctx, req->owner_id, req->id, &row)) != OK ||
        (c = fields_of(ctx, req, fields)) != OK)
        return c;
    if (json_object_object_length(fields) == 0)
        return media_store_view(ctx, &row, &reply->media);
    for (int i = 0; i < TRIES && c == OK && !ok; i++)
        c = update(ctx, req, fields, &reply->media, &ok);
    return c == OK && !ok ? too_busy(ctx) : c;
}

enum code media_service_retry_media(struct ctx *ctx, const Pb__MediaRequest *req, Pb__MediaReply *reply) {
    struct media_row row;
    bool ok = false;
    enum code c = media_store_row(ctx, req->owner_id, req->id, &row);

    if (c != OK)
        return c;
    if (row.state != PB__MEDIA_STATE__MEDIA_FAILED)
        return fail(ctx, PRECONDITION, tr_mark("This file has not failed: there is nothing to try again."));
    row.state = PB__MEDIA_STATE__MEDIA_WAITING;
    row.progress = 0;
    if ((c = media_store_view(ctx, &row, &reply->media)) != OK)
        return c;
    reply->media->version++;
    c = media_store_retry(ctx, &row, reply->media, &ok);
    return c == OK && !ok ? too_busy(ctx) : c;
}

enum code media_service_delete_media(struct ctx *ctx, const Pb__MediaRequest *req, Pb__Empty *reply) {
    struct media_row row;
    bool ok = false;
    enum code c;

    (void)reply;
    for (int i = 0; i < TRIES && !ok; i++) {
        if ((c = media_store_row(ctx, req->owner_id, req->id, &row)) != OK)
            return c;
        if (row.target_id != 0)
            return fail_http(ctx, 422, PRECONDITION,
                             tr_mark("This file is in use. Remove it from where it is shown first."));
        if ((c = media_store_remove(ctx, &row, &ok)) != OK)
            return c;
    }
    return ok ? OK : too_busy(ctx);
}
