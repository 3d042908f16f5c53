/* Files that nginx does not hand out by itself: whoever brings a signed address, or asks for what everybody
 * may have, is sent to where it is. Never 403: whether there is such a file is nobody's business. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/i18n.h"
#include "handlers/common/media.h"
#include "handlers/media/pages.h"
#include "handlers/media/service_file.h"

#define PLAYLIST "application/vnd.apple.mpegurl"

/* So long the address is good; 0: it is not signed. */
static enum code signed_for(struct request *req, const char *key, int64_t *ret_left_s) {
    int64_t expires_s = field_int(req, "e");
    const char *signature = field_text(req, "s");

    *ret_left_s = 0;
    if (expires_s == 0 && signature[0] == '\0')
        return OK;
    if (!media_signature_good(&req->ctx, key, expires_s, signature))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no such file, or its address has grown old."));
    *ret_left_s = expires_s - clock_now_ms() / 1000;
    return OK;
}

static enum code show_playlist(struct request *req, const char *key, const struct media_place *place) {
    const char *text;
    enum code code = media_file_playlist(&req->ctx, key, place->is_public ? 0 : field_int(req, "e"), &text);

    if (code == OK)
        buf_puts(respond(req, 200, place->type), text);
    return code;
}

static void send_there(struct request *req, const struct media_place *place) {
    if (place->url == NULL) {
        respond(req, 200, place->type);
        respond_header(req, "X-Accel-Redirect", arena_printf(req->ctx.arena, "/-/media/%s", place->path));
    } else {
        respond(req, 302, "text/plain");
        respond_header(req, "Location", place->url);
    }
}

enum code media_page_file(struct request *req) {
    const char *key = req->args[0];
    struct arena *a = req->ctx.arena;
    struct media_place place;
    int64_t left_s;
    enum code code = signed_for(req, key, &left_s);

    if (code == OK)
        code = media_file_place(&req->ctx, key, left_s, &place);
    if (code != OK)
        return code;
    if (strcmp(place.type, PLAYLIST) == 0)
        code = show_playlist(req, key, &place);
    else
        send_there(req, &place);
    if (code != OK)
        return code;
    respond_header(req, "Cache-Control",
                   arena_printf(a, "%s, max-age=%" PRId64, place.is_public ? "public" : "private",
                                place.url == NULL || place.is_public ? place.seconds : 0));
    return OK;
}
