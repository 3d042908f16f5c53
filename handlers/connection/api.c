/* What stands between members, and changing it. */
#include "handlers/connection/api.h"

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_members.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/common/side.h"

#define AT(label, what, member) \
    .name = (label), .kind = (what), .at = offsetof(struct api_relationship, member)

static const struct shape_field relationship_fields[] = {
    {AT("id", SHAPE_ID, id)},
    {AT("following", SHAPE_BOOL, following)},
    {AT("showing_reblogs", SHAPE_BOOL, showing_reposts), .words = "whether the follow brings reposts home"},
    {AT("notifying", SHAPE_BOOL, notifying), .words = "whether each new post is to be told"},
    {AT("languages", SHAPE_STRS, languages), .nullable = true,
     .words = "the follow brings posts in these alone, and those that say none; null: in all"},
    {AT("followed_by", SHAPE_BOOL, followed_by)},
    {AT("blocking", SHAPE_BOOL, blocking)},
    {AT("blocked_by", SHAPE_BOOL, blocked_by)},
    {AT("muting", SHAPE_BOOL, muting)},
    {AT("muting_notifications", SHAPE_BOOL, muting), .words = "a mute always covers notifications"},
    {AT("muting_expires_at", SHAPE_TIME, mute_until_ms), .nullable = true},
    {AT("requested", SHAPE_BOOL, requested)},
    {AT("requested_by", SHAPE_BOOL, requested_by)},
    {AT("domain_blocking", SHAPE_BOOL, no)},
    {AT("endorsed", SHAPE_BOOL, no)},
    {AT("note", SHAPE_STR, note), .words = "what the viewer noted about the member, for the viewer alone"},
    {0},
};
const struct shape api_relationship_shape = {"Relationship", sizeof(struct api_relationship),
                                             relationship_fields,
                                             "What stands between the viewer and a member."};

static struct api_relationship view_of(const Pb__Relationship *r, const Pb__NotesReply *notes) {
    struct api_relationship v = {
        .id = r->target_id,
        .following = (r->edges & EDGE_FOLLOWING) != 0,
        .followed_by = (r->edges & EDGE_FOLLOWED_BY) != 0,
        .blocking = (r->edges & EDGE_BLOCKING) != 0,
        .blocked_by = (r->edges & EDGE_BLOCKED_BY) != 0,
        .muting = (r->edges & EDGE_MUTING) != 0,
        .requested = (r->edges & EDGE_REQUESTED) != 0,
        .requested_by = (r->edges & EDGE_REQUESTED_BY) != 0,
        .mute_until_ms = r->mute_until_ms,
        .showing_reposts =
            (r->edges & (EDGE_FOLLOWING | EDGE_REQUESTED)) != 0 && (r->edges & EDGE_NO_REPOSTS) == 0,
        .notifying = (r->edges & EDGE_NOTIFYING) != 0,
        .languages = {r->n_languages > 0 ? r->languages : NULL, r->n_languages},
    };

    for (size_t i = 0; i < notes->n_notes; i++)
        if (notes->notes[i]->target_id == r->target_id)
            v.note = notes->notes[i]->text;
    return v;
}

static enum code notes_of(struct ctx *ctx, int64_t *targets, size_t n, const Pb__NotesReply **ret) {
    Pb__GetRelationshipsRequest ask = PB__GET_RELATIONSHIPS_REQUEST__INIT;

    ask.viewer_id = ctx->viewer_id;
    ask.target_ids = targets;
    ask.n_target_ids = n;
    return connection_get_notes(ctx, &ask, ret);
}

/* Those of the members asked for who exist, in their order, each once. */
static enum code existing(struct request *req, int64_t **ret_ids, size_t *ret_n) {
    const struct field_value *asked = field_get(req, "id");
    bool suspended = field_bool(req, "with_suspended");
    const Pb__UserCard **cards = arena_many(req->ctx.arena, const Pb__UserCard *, asked->n_ids);
    int64_t *ids = arena_many(req->ctx.arena, int64_t, asked->n_ids);
    size_t n = 0;
    enum code c = cards_get(&req->ctx, asked->ids, asked->n_ids, cards);

    for (size_t i = 0; c == OK && i < asked->n_ids; i++) {
        bool is_new = true;

        if (cards[i] == NULL || (cards[i]->state != PB__ACCOUNT_STATE__STATE_ACTIVE &&
                                 !(suspended && cards[i]->state == PB__ACCOUNT_STATE__STATE_SUSPENDED)))
            continue;
        for (size_t k = 0; k < n; k++)
            is_new = is_new && ids[k] != asked->ids[i];
        if (is_new)
            ids[n++] = asked->ids[i];
    }
    *ret_ids = ids;
    *ret_n = n;
    return c;
}

enum code connection_api_relationships(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__GetRelationshipsRequest ask = PB__GET_RELATIONSHIPS_REQUEST__INIT;
    const Pb__GetRelationshipsReply *found;
    const Pb__NotesReply *notes;
    struct api_relationship *views;
    enum code c;

    if ((c = existing(req, &ask.target_ids, &ask.n_target_ids)) != OK)
        return c;
    if (ask.n_target_ids == 0)
        return api_reply_none(req);
    ask.viewer_id = ctx->viewer_id;
    if ((c = connection_get_relationships(ctx, &ask, &found)) != OK ||
        (c = notes_of(ctx, ask.target_ids, ask.n_target_ids, &notes)) != OK)
        return c;
    views = arena_many(ctx->arena, struct api_relationship, found->n_relationships);
    for (size_t i = 0; i < found->n_relationships; i++)
        views[i] = view_of(found->relationships[i], notes);
    return api_reply_list(req, &api_relationship_shape, views, found->n_relationships);
}

/* ---- Changes ---- */

static enum code answer(struct request *req, const Pb__Relationship *now) {
    struct api_relationship view;
    const Pb__NotesReply *notes;
    int64_t id = now->target_id;
    enum code c = notes_of(&req->ctx, &id, 1, &notes);

    if (c != OK)
        return c;
    view = view_of(now, notes);
    return api_reply(req, &api_relationship_shape, &view);
}

typedef enum code edge_rpc(struct ctx *ctx, const Pb__EdgeRequest *req, const Pb__Relationship **ret_reply);

/* `ask`: what there is to say besides who and whom. */
static enum code change_by(struct request *req, edge_rpc *rpc, Pb__EdgeRequest ask) {
    const Pb__UserCard *target;
    const Pb__Relationship *now;
    enum code c = api_member_card(req, &target);

    if (c != OK)
        return c;
    ask.actor_id = req->ctx.viewer_id;
    ask.target_id = target->id;
    if ((c = rpc(&req->ctx, &ask, &now)) != OK)
        return c;
    return answer(req, now);
}

static enum code change(struct request *req, edge_rpc *rpc) {
    return change_by(req, rpc, (Pb__EdgeRequest)PB__EDGE_REQUEST__INIT);
}

static Pb__Wish wish_of(const struct request *req, const char *field) {
    if (!field_present(req, field))
        return PB__WISH__WISH_UNSAID;
    return field_bool(req, field) ? PB__WISH__WISH_YES : PB__WISH__WISH_NO;
}

enum code connection_api_follow(struct request *req) {
    Pb__EdgeRequest ask = PB__EDGE_REQUEST__INIT;
    Pb__FollowOptions options = PB__FOLLOW_OPTIONS__INIT;
    const struct field_value *languages = field_get(req, "languages");

    options.reposts = wish_of(req, "reblogs");
    options.notify = wish_of(req, "notify");
    options.set_languages = languages->present;
    options.languages = languages->texts;
    options.n_languages = languages->n_texts;
    ask.options = &options;
    return change_by(req, connection_follow, ask);
}

enum code connection_api_unfollow(struct request *req) { return change(req, connection_unfollow); }
enum code connection_api_block(struct request *req) { return change(req, connection_block); }
enum code connection_api_unblock(struct request *req) { return change(req, connection_unblock); }
enum code connection_api_unmute(struct request *req) { return change(req, connection_unmute); }

enum code connection_api_remove_follower(struct request *req) {
    return change(req, connection_remove_follower);
}

enum code connection_api_mute(struct request *req) {
    Pb__EdgeRequest ask = PB__EDGE_REQUEST__INIT;

    ask.duration_s = field_int(req, "duration");
    return change_by(req, connection_mute, ask);
}

static enum code relationship_now(struct request *req, int64_t target) {
    Pb__GetRelationshipsRequest ask = PB__GET_RELATIONSHIPS_REQUEST__INIT;
    const Pb__GetRelationshipsReply *found;
    enum code c;

    ask.viewer_id = req->ctx.viewer_id;
    ask.target_ids = &target;
    ask.n_target_ids = 1;
    if ((c = connection_get_relationships(&req->ctx, &ask, &found)) != OK)
        return c;
    return answer(req, found->relationships[0]);
}

enum code connection_api_note(struct request *req) {
    Pb__SetNoteRequest ask = PB__SET_NOTE_REQUEST__INIT;
    const Pb__UserCard *target;
    enum code c = api_member_card(req, &target);

    if (c != OK)
        return c;
    ask.actor_id = req->ctx.viewer_id;
    ask.target_id = target->id;
    ask.text = field_text(req, "comment");
    if ((c = connection_set_note(&req->ctx, &ask, NULL)) != OK)
        return c;
    return relationship_now(req, target->id);
}

static enum code respond_to(struct request *req, bool accept) {
    Pb__RespondRequest ask = PB__RESPOND_REQUEST__INIT;
    const Pb__UserCard *requester;
    const Pb__Relationship *now;
    enum code c = api_member_card(req, &requester);

    if (c != OK)
        return c;
    ask.actor_id = req->ctx.viewer_id;
    ask.requester_id = requester->id;
    ask.accept = accept;
    if ((c = connection_respond_to_request(&req->ctx, &ask, &now)) != OK)
        return c;
    side_forget(&req->ctx, req->ctx.viewer_id);
    return answer(req, now);
}

enum code connection_api_authorize(struct request *req) { return respond_to(req, true); }

enum code connection_api_reject(struct request *req) { return respond_to(req, false); }
