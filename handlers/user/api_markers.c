/* How far one has read, by timeline, for all of one's programs. */
#include <string.h>

#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/user/api_accounts.h"

struct marker {
    int64_t last_read_id, version, updated_ms;
};
static const struct shape_field marker_fields[] = {
    {.name = "last_read_id", .kind = SHAPE_ID, .at = offsetof(struct marker, last_read_id)},
    {.name = "version",
     .kind = SHAPE_INT,
     .at = offsetof(struct marker, version),
     .words = "grows with every change"},
    {.name = "updated_at", .kind = SHAPE_TIME, .at = offsetof(struct marker, updated_ms)},
    {0},
};
static const struct shape marker_shape = {"Marker", sizeof(struct marker), marker_fields,
                                          "How far a timeline was read."};

struct markers {
    const struct marker *home, *notifications;
};
static const struct shape_field markers_fields[] = {
    {.name = "home",
     .kind = SHAPE_OBJECT,
     .at = offsetof(struct markers, home),
     .of = &marker_shape,
     .optional = true},
    {.name = "notifications",
     .kind = SHAPE_OBJECT,
     .at = offsetof(struct markers, notifications),
     .of = &marker_shape,
     .optional = true},
    {0},
};
const struct shape user_api_markers_shape = {"Markers", sizeof(struct markers), markers_fields,
                                             "Those markers that there are, by timeline."};

static enum code answer(struct request *req, const Pb__MarkersReply *reply) {
    struct markers view = {0};

    for (size_t i = 0; i < reply->n_markers; i++) {
        const Pb__ReadMarker *m = reply->markers[i];
        struct marker *one = arena_one(req->ctx.arena, struct marker);

        *one = (struct marker){m->last_read_id, m->version, m->updated_ms};
        *(strcmp(m->timeline, "home") == 0 ? &view.home : &view.notifications) = one;
    }
    return api_reply(req, &user_api_markers_shape, &view);
}

enum code user_api_markers(struct request *req) {
    Pb__GetMarkersRequest ask = PB__GET_MARKERS_REQUEST__INIT;
    const Pb__MarkersReply *found;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.timelines = params_all(&req->query, "timeline", &ask.n_timelines);
    if ((c = user_get_markers(&req->ctx, &ask, &found)) != OK)
        return c;
    return answer(req, found);
}

static void add_marker(struct request *req, const char *timeline, const char *id, const char *version,
                       Pb__SetMarkersRequest *ask) {
    Pb__ReadMarker *m;

    if (!field_present(req, id))
        return;
    m = arena_one(req->ctx.arena, Pb__ReadMarker);
    pb__read_marker__init(m);
    m->timeline = timeline;
    m->last_read_id = field_int(req, id);
    m->version = field_int(req, version);
    ask->markers[ask->n_markers++] = m;
}

enum code user_api_markers_set(struct request *req) {
    Pb__SetMarkersRequest ask = PB__SET_MARKERS_REQUEST__INIT;
    const Pb__MarkersReply *now;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.markers = arena_many(req->ctx.arena, Pb__ReadMarker *, 2);
    add_marker(req, "home", "home[last_read_id]", "home[version]", &ask);
    add_marker(req, "notifications", "notifications[last_read_id]", "notifications[version]", &ask);
    if ((c = user_set_markers(&req->ctx, &ask, &now)) != OK)
        return c;
    return answer(req, now);
}
