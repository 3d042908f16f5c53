#include "handlers/media/store_card.h"

#include "fcgi/base/id.h"
#include "fcgi/drivers/fetch_place.h"
#include "fcgi/drivers/pg.h"
#include "gen/queries.h"
#include "handlers/common/packed.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

/* ---- Posts and what they link to */

enum code media_store_card_link(struct ctx *ctx, int64_t post, int64_t author, const char *url) {
    return pg_run(ctx, db(ctx), &Q_MEDIA_CARD_LINK, NULL, pg_i8(post), pg_text(url), pg_i8(id_next()),
                  pg_text(fetch_host(ctx, url)), pg_i8(author));
}

enum code media_store_card_unlink(struct ctx *ctx, const int64_t *posts, size_t n) {
    return n == 0 ? OK : pg_run(ctx, db(ctx), &Q_MEDIA_CARD_UNLINK, NULL, pg_ids(posts, n));
}

enum code media_store_card_forget(struct ctx *ctx, const int64_t *posts, size_t n) {
    return n == 0 ? OK : pg_run(ctx, db(ctx), &Q_MEDIA_CARD_FORGET, NULL, pg_ids(posts, n));
}

/* ---- Looking at pages */

enum code media_store_card_take(struct ctx *ctx, int64_t lease, struct card_job **ret) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_CARD_TAKE, &r, pg_i8(lease), pg_i8(CARDS_OF_MEMBER),
                         pg_i8(CARDS_OF_HOST));

    *ret = NULL;
    if (c != OK || PQntuples(r) == 0)
        return c;
    *ret = arena_one(ctx->arena, struct card_job);
    **ret = (struct card_job){.id = pg_get_int(r, 0, 0),
                              .lease = lease,
                              .url = pg_get_str(r, 0, 1),
                              .attempts = (int)pg_get_int(r, 0, 2),
                              .image_url = pg_get_str(r, 0, 3),
                              .image_id = pg_get_int(r, 0, 4)};
    return OK;
}

/* A change of cards and, where it is one, the word to their posts, in one transaction. The posts are looked
 * for by a statement of their own: a post that came to link here while the first one waited for the row is
 * seen. */
static enum code change(struct ctx *ctx, const struct query *q, const struct pg_val *vals, size_t n,
                        const int64_t *card, PGresult **ret) {
    PGresult *r = NULL;
    int64_t *cards;
    size_t k = 0;
    enum code c;

    if ((c = pg_begin(ctx, db(ctx))) != OK)
        return c;
    if ((c = pg_run_vals(ctx, db(ctx), q, &r, vals, n)) != OK) {
        pg_rollback(ctx, db(ctx));
        return c;
    }
    cards = arena_many(ctx->arena, int64_t, (size_t)PQntuples(r) + 1);
    for (int i = 0; i < PQntuples(r); i++)
        if (card == NULL)
            cards[k++] = pg_get_int(r, i, 0);
        else if (pg_get_bool(r, i, 0))
            cards[k++] = *card;
    if (k > 0 && (c = pg_run(ctx, db(ctx), &Q_MEDIA_CARD_TELL, NULL, pg_ids(cards, k))) != OK) {
        pg_rollback(ctx, db(ctx));
        return c;
    }
    *ret = r;
    return pg_commit(ctx, db(ctx));
}

enum code media_store_card_found(struct ctx *ctx, const struct card_job *job, const Pb__LinkCard *card,
                                 const char *image_url, int64_t image_id, const char *words,
                                 bool *ret_taken) {
    const struct pg_val vals[] = {
        pg_i8(job->id),     pg_i8(job->lease),       packed_val(ctx, card != NULL ? &card->base : NULL),
        pg_text(image_url), pg_i8_or_null(image_id), pg_text(words)};
    PGresult *r = NULL;
    enum code c = change(ctx, &Q_MEDIA_CARD_FOUND, vals, sizeof vals / sizeof *vals, &job->id, &r);

    *ret_taken = c == OK && PQntuples(r) > 0;
    return c;
}

enum code media_store_card_missed(struct ctx *ctx, const struct card_job *job, int64_t again_ms,
                                  const char *words) {
    const struct pg_val vals[] = {pg_i8(job->id), pg_i8(job->lease),
                                  again_ms != 0 ? pg_time(again_ms) : pg_null(), pg_text(words)};
    PGresult *r = NULL;

    return change(ctx, &Q_MEDIA_CARD_MISSED, vals, sizeof vals / sizeof *vals, &job->id, &r);
}

enum code media_store_card_picture(struct ctx *ctx, const Pb__MediaView *medium, bool ready) {
    const struct pg_val vals[] = {pg_i8(medium->id), packed_val(ctx, ready ? &medium->base : NULL)};
    PGresult *r = NULL;

    return change(ctx, &Q_MEDIA_CARD_PICTURE, vals, sizeof vals / sizeof *vals, NULL, &r);
}

/* ---- Telling */

enum code media_store_card_tell_take(struct ctx *ctx, size_t limit, struct card_news **ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_CARD_TELL_TAKE, &r, pg_i4((int)limit));

    *ret_n = 0;
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, struct card_news, *ret_n);
    for (int i = 0; i < PQntuples(r); i++) {
        struct card_news *news = &(*ret)[i];

        *news = (struct card_news){.post = pg_get_int(r, i, 0), .version = pg_get_int(r, i, 1)};
        news->card = (Pb__LinkCard *)packed_get(ctx, r, i, 2, &pb__link_card__descriptor);
        if (news->card != NULL)
            news->card->image = (Pb__MediaView *)packed_get(ctx, r, i, 3, &pb__media_view__descriptor);
    }
    return OK;
}

enum code media_store_card_told(struct ctx *ctx, const struct card_news *news, bool gone) {
    return pg_run(ctx, db(ctx), &Q_MEDIA_CARD_TOLD, NULL, pg_i8(news->post), pg_i8(news->version),
                  pg_bool(gone));
}

/* ---- What has grown old */

enum code media_store_card_unused(struct ctx *ctx, size_t limit, int64_t **ret, size_t *ret_n) {
    PGresult *r;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_CARD_UNUSED, &r, pg_i4((int)limit));

    *ret_n = 0;
    if (c != OK)
        return c;
    *ret_n = (size_t)PQntuples(r);
    *ret = arena_many(ctx->arena, int64_t, *ret_n);
    for (size_t i = 0; i < *ret_n; i++)
        (*ret)[i] = pg_get_int(r, (int)i, 0);
    return OK;
}

enum code media_store_card_drop(struct ctx *ctx, const int64_t *cards, size_t n) {
    return n == 0 ? OK : pg_run(ctx, db(ctx), &Q_MEDIA_CARD_DROP, NULL, pg_ids(cards, n));
}
