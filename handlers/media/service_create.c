/* Making media of files that came. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/media/rules.h"
#include "handlers/media/service_uploads.h"
#include "handlers/media/store.h"
#include "handlers/media/types.h"

#define MB (INT64_C(1) << 20)

/* What a new medium begins with. */
struct making {
    struct media_row row;
    const struct media_type *type;
    const char *path, *words, *file_name;
    double focus_x, focus_y;
};

static enum code judge(struct ctx *ctx, const Pb__CreateMediaRequest *req, int64_t id, struct making *m) {
    const char *purpose = media_purpose(ctx, req->purpose);
    enum code c;

    if (purpose == NULL)
        return INVALID;
    if ((c = media_check_owner(ctx, req->owner_id, purpose)) != OK ||
        (c = media_spool_check(ctx, req->path, &m->path, &m->row.bytes)) != OK ||
        (c = media_type_find(ctx, m->path, 0, m->row.bytes, purpose, &m->type)) != OK ||
        (c = media_type_check_size(ctx, m->type->kind, m->row.bytes)) != OK ||
        (c = media_words(ctx, req->description, &m->words)) != OK ||
        (c = media_focus(ctx, req->focus_x, req->focus_y)) != OK)
        return c;
    m->focus_x = req->focus_x;
    m->focus_y = req->focus_y;
    m->file_name = media_file_name(ctx, req->file_name);
    m->row.id = id != 0 ? id : id_next();
    m->row.owner_id = req->owner_id;
    m->row.kind = (int)m->type->kind;
    m->row.purpose = purpose;
    m->row.source = id_str(ctx->arena, m->row.id);
    m->row.target_kind = "";
    return OK;
}

enum code media_no_room(struct ctx *ctx) {
    return fail_http(
        ctx, 507, EXHAUSTED,
        tr_fill(ctx->arena, ctx->lang,
                tr_mark("Your files would take more than the {limit} MB that a member has. Remove "
                        "some that you do not need."),
                "limit", arena_printf(ctx->arena, "%d", ctx->env->config->media_quota_mb), NULL));
}

/* After the row is there, so that two uploads at once see each other. */
static enum code check_quota(struct ctx *ctx, int64_t owner) {
    int64_t limit = ctx->env->config->media_quota_mb * MB, used, files;
    bool is_free = limit == 0 || owner == 0;
    enum code c = is_free ? OK : media_store_quota(ctx, owner, &used, &files);

    return c != OK || is_free || used <= limit ? c : media_no_room(ctx);
}

static enum code write_doc(struct ctx *ctx, const struct making *m, json_object *doc) {
    json_object_object_add(doc, MEDIA_DOC_TYPE, json_object_new_string(m->type->type));
    json_object_object_add(doc, MEDIA_DOC_FILE_NAME, json_object_new_string(m->file_name));
    json_object_object_add(doc, MEDIA_DOC_WORDS, json_object_new_string(m->words));
    json_object_object_add(doc, MEDIA_DOC_FOCUS_X, json_object_new_double(m->focus_x));
    json_object_object_add(doc, MEDIA_DOC_FOCUS_Y, json_object_new_double(m->focus_y));
    return media_store_doc_set(ctx, &m->row, doc);
}

/* What fails here, too, is the sweep's. */
static void give_up(struct ctx *ctx, const struct making *m) {
    struct error why = ctx->error;

    fail_clear(ctx);
    media_store_unmake(ctx, &m->row, m->path);
    ctx->error = why;
}

enum code media_make(struct ctx *ctx, const Pb__CreateMediaRequest *req, int64_t id, Pb__MediaView **ret) {
    struct making m = {0};
    json_object *doc = docs_new(ctx);
    enum code c;

    if ((c = judge(ctx, req, id, &m)) != OK || (c = media_store_reserve(ctx, &m.row)) != OK)
        return c;
    if ((c = check_quota(ctx, m.row.owner_id)) != OK ||
        (c = media_spool_take(ctx, m.path, m.row.source)) != OK || (c = write_doc(ctx, &m, doc)) != OK ||
        (c = media_store_begin(ctx, &m.row)) != OK) {
        give_up(ctx, &m);
        return c;
    }
    *ret = media_view_of(ctx, &m.row, doc);
    return OK;
}

enum code media_service_create_media(struct ctx *ctx, const Pb__CreateMediaRequest *req,
                                     Pb__MediaReply *reply) {
    return media_make(ctx, req, 0, &reply->media);
}
