/* Whoever uploaded a file hears in their open pages what became of it. */
#include <string.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/json.h"
#include "fcgi/rpc.h"
#include "handlers/common/live.h"
#include "handlers/media/worker.h"

#define LATE_MS INT64_C(600000) /* what happened longer ago is no news to anybody's open page */
#define PAYLOAD_MAX ((size_t)16 << 10)

static void tell(struct ctx *ctx, const struct event *e, const Pb__MediaView *m) {
    struct live live = {.event = "media", .key = e->id};
    struct buf out;
    struct json j;

    buf_init(&out, ctx->arena, PAYLOAD_MAX);
    json_init(&j, &out);
    json_open_object(&j);
    json_put_id(&j, "id", m->id);
    json_put_str(&j, "state", m->state == PB__MEDIA_STATE__MEDIA_READY ? "ready" : "failed");
    json_put_str(&j, "error", m->error);
    json_close_object(&j);
    if (buf_overflowed(&out))
        return;
    live.payload = out.p;
    live.n = out.n;
    live_tell(ctx, &m->owner_id, 1, &live);
}

enum code media_live_events(struct ctx *ctx, const struct event *events, size_t n) {
    bool anybody = live_anybody(ctx);

    for (size_t i = 0; i < n && anybody; i++) {
        const Pb__MediaChanged *e;

        if ((strcmp(events[i].type, "media.ready") != 0 && strcmp(events[i].type, "media.failed") != 0) ||
            events[i].time_ms < clock_now_ms() - LATE_MS)
            continue;
        e = (const Pb__MediaChanged *)rpc_unpack(ctx, &pb__media_changed__descriptor, events[i].body,
                                                 events[i].n);
        if (e != NULL && e->media != NULL)
            tell(ctx, &events[i], e->media);
    }
    return OK;
}
