/* Our own API: uploads in pieces. A client begins one, sends pieces at the offset where the file ends, asks
 * for that offset when it does not know it any more, and completes. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "handlers/common/api_own.h"
#include "handlers/media/api_own.h"
#include "handlers/media/rules.h"
#include "handlers/media/service_uploads.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }
#define HOUR_MS (INT64_C(3600) * 1000)

struct upload_view {
    int64_t id, offset, size, expires_at;
    const char *file_name;
};

const struct shape media_upload_shape = {
    .name = "Upload",
    .size = sizeof(struct upload_view),
    .words = "an upload in pieces",
    .fields = (const struct shape_field[]){
        FIELD(upload_view, id, SHAPE_ID, .words = "also of the medium that it becomes"),
        FIELD(upload_view, offset, SHAPE_INT,
              .words = "so many bytes have come; the next piece begins there"),
        FIELD(upload_view, size, SHAPE_INT),
        FIELD(upload_view, file_name, SHAPE_STR),
        FIELD(upload_view, expires_at, SHAPE_TIME, .words = "later with every piece"),
        {0}}};

static void tell_offset(struct request *req, const struct media_upload *u) {
    respond_header_always(req, "Upload-Offset", arena_printf(req->ctx.arena, "%" PRId64, u->here));
}

static enum code reply(struct request *req, const struct media_upload *u) {
    struct upload_view view = {u->id, u->here, u->bytes,
                               u->changed_ms + req->ctx.env->config->media_loose_hours * HOUR_MS,
                               u->file_name};

    tell_offset(req, u);
    return api_own_reply(req, &media_upload_shape, &view);
}

static enum code id_of(struct request *req, int64_t *ret) {
    return api_own_id(req, tr_mark("There is no such upload. It may have grown too old: begin anew."), ret);
}

enum code media_api_upload_begin(struct request *req) {
    struct media_upload u = {.bytes = field_int(req, "size"),
                             .sha256 = field_text(req, "sha256"),
                             .file_name = field_text(req, "file_name"),
                             .purpose = field_text(req, "purpose")};
    enum code c = media_upload_begin(&req->ctx, &u, field_text(req, "mime"));

    if (c != OK)
        return c;
    respond_header(req, "Location",
                   api_own_url(req, arena_printf(req->ctx.arena, API_OWN "/uploads/%" PRId64, u.id), NULL));
    return reply(req, &u);
}

enum code media_api_upload_get(struct request *req) {
    struct media_upload u;
    int64_t id;
    enum code c;

    if ((c = id_of(req, &id)) != OK || (c = media_upload_get(&req->ctx, id, &u)) != OK)
        return c;
    return reply(req, &u);
}

/* Digits, and what stands behind them. */
static bool digits(const char **at, int64_t *ret) {
    char text[20];
    size_t n = strspn(*at, "0123456789");

    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, *at, n);
    text[n] = '\0';
    *at += n;
    return text_parse_int(text, 0, INT64_MAX, ret);
}

/* Content-Range: bytes 0-99/1000 (RFC 9110 section 14.4), or Upload-Offset: 0. */
static enum code read_offset(struct request *req, int64_t bytes, int64_t *ret) {
    const char *range = request_header(req, "Content-Range"), *offset = request_header(req, "Upload-Offset");
    int64_t last, all;

    if (offset != NULL && digits(&offset, ret) && *offset == '\0')
        return OK;
    if (offset == NULL && range != NULL && text_starts(range, "bytes ")) {
        range += strlen("bytes ");
        if (digits(&range, ret) && *range++ == '-' && digits(&range, &last) && last - *ret + 1 == bytes &&
            *range++ == '/' && (strcmp(range, "*") == 0 || (digits(&range, &all) && *range == '\0')))
            return OK;
    }
    return fail_http(&req->ctx, 400, INVALID,
                     tr_mark("Say where this piece begins, by Upload-Offset or Content-Range."));
}

enum code media_api_upload_add(struct request *req) {
    struct media_upload u;
    struct request_file piece;
    int64_t id, offset;
    enum code c;

    if ((c = id_of(req, &id)) != OK || (c = media_upload_get(&req->ctx, id, &u)) != OK ||
        (c = request_file(req, NULL, &piece)) != OK)
        return c;
    if (piece.path == NULL || piece.bytes == 0)
        return fail_http(&req->ctx, 400, INVALID, tr_mark("This piece is empty."));
    if ((c = read_offset(req, piece.bytes, &offset)) != OK)
        return c;
    c = media_upload_add(&req->ctx, &u, piece.path, piece.bytes, offset);
    tell_offset(req, &u);
    return c != OK ? c : reply(req, &u);
}

enum code media_api_upload_complete(struct request *req) {
    struct media_upload u;
    Pb__MediaView *m;
    double x = 0, y = 0;
    int64_t id;
    enum code c;

    if ((c = id_of(req, &id)) != OK ||
        (field_present(req, "focus") &&
         (c = media_focus_read(&req->ctx, field_text(req, "focus"), &x, &y)) != OK))
        return c;
    c = media_upload_complete(&req->ctx, id, field_text(req, "description"), x, y, &m);
    if (c == OK)
        return media_api_own_reply(req, m);
    if (c == PRECONDITION && media_upload_get(&req->ctx, id, &u) == OK)
        tell_offset(req, &u);
    return c;
}

enum code media_api_upload_end(struct request *req) {
    int64_t id;
    enum code c;

    if ((c = id_of(req, &id)) != OK || (c = media_upload_end(&req->ctx, id)) != OK)
        return c;
    return api_own_done(req);
}
