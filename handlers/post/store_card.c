#include "handlers/post/store_card.h"

#include "gen/queries.h"
#include "handlers/common/packed.h"
#include "handlers/services.h"

Pb__LinkCard *post_card_read(struct ctx *ctx, const PGresult *r, int row, int col) {
    return (Pb__LinkCard *)packed_get(ctx, r, row, col, &pb__link_card__descriptor);
}

enum code post_store_set_card(struct ctx *ctx, const Pb__PostView *post, const Pb__LinkCard *card,
                              bool *ret_changed) {
    Pb__PostChanged e = PB__POST_CHANGED__INIT;
    PGresult *r;
    enum code c;

    e.post_id = post->id;
    e.author_id = post->author_id;
    e.card = true;
    c = pg_run(ctx, ctx->env->pg[SVC_POST], &Q_POST_SET_CARD, &r, pg_i8(post->id),
               packed_val(ctx, card != NULL ? &card->base : NULL), packed_val(ctx, &e.base));
    *ret_changed = c == OK && PQntuples(r) > 0;
    return c;
}
