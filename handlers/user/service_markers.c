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

enum code user_service_get_markers(struct ctx *ctx, const Pb__GetMarkersRequest *req,
                                   Pb__MarkersReply *reply) {
    if (req->n_timelines == 0)
        return OK;
    return user_store_markers(ctx, req->user_id, (const char *const *)req->timelines, req->n_timelines,
                              &reply->markers, &reply->n_markers);
}

enum code user_service_set_markers(struct ctx *ctx, const Pb__SetMarkersRequest *req,
                                   Pb__MarkersReply *reply) {
    bool ok;
    enum code c;

    for (size_t i = 0; i < req->n_markers; i++)
        if (strcmp(req->markers[i]->timeline, "home") != 0 &&
            strcmp(req->markers[i]->timeline, "notifications") != 0)
            return fail_field(ctx, "timeline", tr_mark("Choose home or notifications."));
    reply->markers = arena_many(ctx->arena, Pb__ReadMarker *, req->n_markers);
    c = user_store_markers_set(ctx, req->user_id, req->markers, req->n_markers, reply->markers, &ok);
    if (c != OK)
        return c;
    if (!ok)
        return fail(
            ctx, PRECONDITION,
            tr_mark("This was marked as read elsewhere meanwhile. Read the marker anew and try again."));
    reply->n_markers = req->n_markers;
    return OK;
}
