/* What a member's programs keep here: how posts begin, how far the member has read. */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/user/service_shared.h"

static bool is_language(const char *code) {
    size_t n = strlen(code);

    return (n == 2 || n == 3) && strspn(code, "abcdefghijklmnopqrstuvwxyz") == n;
}

enum code user_service_update_defaults(struct ctx *ctx, const Pb__UpdateDefaultsRequest *req,
                                       Pb__Empty *reply) {
    bool ok;
    enum code c;

    (void)reply;
    if (strcmp(req->audience, "public") != 0 && strcmp(req->audience, "unlisted") != 0 &&
        strcmp(req->audience, "followers") != 0)
        return fail_field(ctx, "source[privacy]",
                          tr_mark("Choose who sees your posts: public, unlisted or followers."));
    if (!text_is_empty(req->language) && !is_language(req->language))
        return fail_field(ctx, "source[language]",
                          tr_mark("Say a language by its code of two letters, such as en."));
    c = user_store_defaults_set(ctx, req, &ok);
    return user_changed_or_gone(ctx, c, &ok);
}

/* ---- Markers. How far notifications were read is the notification service's: it counts by it. */

static bool is_notifications(const char *timeline) { return strcmp(timeline, "notifications") == 0; }

static enum code notifications_read(struct ctx *ctx, int64_t user, const Pb__ReadMarker **ret) {
    Pb__ReadPositionRequest ask = PB__READ_POSITION_REQUEST__INIT;

    ask.user_id = user;
    return notification_get_read_position(ctx, &ask, ret);
}

static enum code changed_meanwhile(struct ctx *ctx) {
    return fail(ctx, PRECONDITION,
                tr_mark("This was marked as read elsewhere meanwhile. Read the marker anew and try again."));
}

enum code user_service_get_markers(struct ctx *ctx, const Pb__GetMarkersRequest *req,
                                   Pb__MarkersReply *reply) {
    const Pb__ReadMarker *news;
    bool is_asked = false;
    Pb__ReadMarker **own;
    size_t n;
    enum code c;

    if (req->n_timelines == 0)
        return OK;
    if ((c = user_store_markers(ctx, req->user_id, (const char *const *)req->timelines, req->n_timelines,
                                &own, &n)) != OK)
        return c;
    reply->markers = arena_many(ctx->arena, Pb__ReadMarker *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!is_notifications(own[i]->timeline))
            reply->markers[reply->n_markers++] = own[i];
    for (size_t i = 0; i < req->n_timelines; i++)
        is_asked = is_asked || is_notifications(req->timelines[i]);
    if (!is_asked)
        return OK;
    if ((c = notifications_read(ctx, req->user_id, &news)) != OK)
        return c;
    if (news->version > 0)
        reply->markers[reply->n_markers++] = (Pb__ReadMarker *)(uintptr_t)news;
    return OK;
}

/* The part of this service; *ret_news is what is the other one's. */
static enum code set_own(struct ctx *ctx, const Pb__SetMarkersRequest *req, Pb__MarkersReply *reply,
                         Pb__ReadMarker **ret_news) {
    Pb__ReadMarker **own = arena_many(ctx->arena, Pb__ReadMarker *, req->n_markers);
    const Pb__ReadMarker *now;
    size_t n = 0;
    bool ok;
    enum code c;

    *ret_news = NULL;
    for (size_t i = 0; i < req->n_markers; i++)
        if (is_notifications(req->markers[i]->timeline))
            *ret_news = req->markers[i];
        else
            own[n++] = req->markers[i];
    /* All or none: what is old of the one leaves the other as it is. */
    if (*ret_news != NULL && (*ret_news)->version != 0) {
        if ((c = notifications_read(ctx, req->user_id, &now)) != OK)
            return c;
        if (now->version != (*ret_news)->version)
            return changed_meanwhile(ctx);
    }
    if ((c = user_store_markers_set(ctx, req->user_id, own, n, reply->markers, &ok)) != OK)
        return c;
    reply->n_markers = n;
    return ok ? OK : changed_meanwhile(ctx);
}

enum code user_service_set_markers(struct ctx *ctx, const Pb__SetMarkersRequest *req,
                                   Pb__MarkersReply *reply) {
    Pb__SetReadPositionRequest set = PB__SET_READ_POSITION_REQUEST__INIT;
    const Pb__ReadMarker *now;
    Pb__ReadMarker *news;
    enum code c;

    for (size_t i = 0; i < req->n_markers; i++)
        if (strcmp(req->markers[i]->timeline, "home") != 0 && !is_notifications(req->markers[i]->timeline))
            return fail_field(ctx, "timeline", tr_mark("Choose home or notifications."));
    reply->markers = arena_many(ctx->arena, Pb__ReadMarker *, req->n_markers);
    if ((c = set_own(ctx, req, reply, &news)) != OK || news == NULL)
        return c;
    set.user_id = req->user_id;
    set.last_read_id = news->last_read_id;
    set.version = news->version;
    if ((c = notification_set_read_position(ctx, &set, &now)) != OK)
        return c;
    reply->markers[reply->n_markers++] = (Pb__ReadMarker *)(uintptr_t)now;
    return OK;
}
