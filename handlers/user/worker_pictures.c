/* Pictures that are ready, described anew or gone; and rows that name others than before. */
#include <string.h>

#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/user/service_pictures.h"
#include "handlers/user/worker.h"

static bool is_picture(const char *kind) {
    return strcmp(kind, "avatar") == 0 || strcmp(kind, "banner") == 0;
}

/* The member whose picture an event of media.v1 is about; 0: none. */
static int64_t owner_of(struct ctx *ctx, const struct event *event) {
    const Pb__MediaChanged *changed;
    const Pb__MediaGone *gone;

    if (strcmp(event->type, "media.gone") == 0) {
        gone = (const Pb__MediaGone *)rpc_unpack(ctx, &pb__media_gone__descriptor, event->body, event->n);
        return gone != NULL && is_picture(gone->target_kind) ? gone->target_id : 0;
    }
    if (strcmp(event->type, "media.ready") != 0 && strcmp(event->type, "media.changed") != 0)
        return 0;
    changed =
        (const Pb__MediaChanged *)rpc_unpack(ctx, &pb__media_changed__descriptor, event->body, event->n);
    return changed != NULL && changed->media != NULL && is_picture(changed->media->target_kind)
               ? changed->media->target_id
               : 0;
}

enum code user_picture_events(struct ctx *ctx, const struct event *events, size_t n) {
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++) {
        bool own = strcmp(events[i].topic, "user.picture.v1") == 0;
        int64_t user = own ? events[i].key : owner_of(ctx, &events[i]);

        if (user != 0)
            c = user_pictures_settle(ctx, user);
    }
    return c;
}
