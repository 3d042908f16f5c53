/* What members note for themselves about others, whom they have in common, whom they do not want suggested.
 */
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/edge.h"
#include "handlers/common/models.h"
#include "handlers/connection/store.h"

#define NOTE_MAX 2000 /* code points */
#define TARGETS_MAX 80
#define FAMILIAR_MAX 20

enum code connection_service_dismiss_suggestion(struct ctx *ctx, const Pb__EdgeRequest *req,
                                                Pb__Empty *reply) {
    (void)reply;
    return connection_store_dismiss(ctx, req->actor_id, req->target_id);
}

static enum code check_targets(struct ctx *ctx, const Pb__GetRelationshipsRequest *req) {
    if (req->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (req->n_target_ids > TARGETS_MAX)
        return fail_field(ctx, "target_ids", tr_mark("Ask for at most 80 members at once."));
    return OK;
}

/* Whether the reader may see who follows this member. */
static bool shows_followers(const Pb__UserCard *card, uint32_t edges, int64_t viewer) {
    return card != NULL && card->state == PB__ACCOUNT_STATE__STATE_ACTIVE && (edges & EDGE_SEVERED) == 0 &&
           (!card->hide_network || card->id == viewer);
}

static Pb__Familiar *familiar_of(struct ctx *ctx, int64_t target, const struct familiar_row *rows, size_t n) {
    Pb__Familiar *f = arena_one(ctx->arena, Pb__Familiar);

    pb__familiar__init(f);
    f->target_id = target;
    f->user_ids = arena_many(ctx->arena, int64_t, FAMILIAR_MAX);
    for (size_t i = 0; i < n && f->n_user_ids < FAMILIAR_MAX; i++)
        if (rows[i].target_id == target)
            f->user_ids[f->n_user_ids++] = rows[i].user_id;
    return f;
}

enum code connection_service_familiar_followers(struct ctx *ctx, const Pb__GetRelationshipsRequest *req,
                                                Pb__FamiliarReply *reply) {
    size_t n = req->n_target_ids, n_rows = 0;
    const Pb__UserCard **cards = arena_many(ctx->arena, const Pb__UserCard *, n);
    uint32_t *edges = arena_many(ctx->arena, uint32_t, n);
    struct familiar_row *rows = NULL;
    enum code c = check_targets(ctx, req);

    if (c != OK || (c = cards_get(ctx, req->target_ids, n, cards)) != OK ||
        (c = edges_get(ctx, req->viewer_id, req->target_ids, n, edges)) != OK ||
        (c = connection_store_familiar(ctx, req->viewer_id, req->target_ids, n, FAMILIAR_MAX, &rows,
                                       &n_rows)) != OK)
        return c;
    reply->n_members = n;
    reply->members = arena_many(ctx->arena, Pb__Familiar *, n);
    for (size_t i = 0; i < n; i++)
        reply->members[i] = familiar_of(ctx, req->target_ids[i], rows,
                                        shows_followers(cards[i], edges[i], req->viewer_id) ? n_rows : 0);
    return OK;
}

enum code connection_service_get_notes(struct ctx *ctx, const Pb__GetRelationshipsRequest *req,
                                       Pb__NotesReply *reply) {
    struct note_row *rows;
    size_t n;
    enum code c = check_targets(ctx, req);

    if (c != OK || (c = connection_store_notes(ctx, req->viewer_id, req->target_ids, req->n_target_ids, &rows,
                                               &n)) != OK)
        return c;
    reply->n_notes = n;
    reply->notes = arena_many(ctx->arena, Pb__Note *, n);
    for (size_t i = 0; i < n; i++) {
        Pb__Note *note = reply->notes[i] = arena_one(ctx->arena, Pb__Note);

        pb__note__init(note);
        note->target_id = rows[i].target_id;
        note->text = rows[i].text;
    }
    return OK;
}

enum code connection_service_set_note(struct ctx *ctx, const Pb__SetNoteRequest *req, Pb__Empty *reply) {
    const char *text = text_clean(ctx->arena, req->text, strlen(req->text));

    (void)reply;
    if (req->actor_id == 0)
        return fail(ctx, UNAUTHENTICATED, "Log in to go on.");
    if (text == NULL)
        return fail_field(ctx, "comment", tr_mark("This holds something that is no text. Type it again."));
    if (text_utf8_count(text, strlen(text)) > NOTE_MAX)
        return fail_field(ctx, "comment", tr_mark("A note has at most 2,000 characters."));
    return connection_store_note_set(ctx, req->actor_id, req->target_id, text);
}
