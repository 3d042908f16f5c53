/* Link cards: rows of media.cards and media.card_posts. Only handlers/media/ includes this. */
#ifndef DEEPLINK_MEDIA_STORE_CARD_H
#define DEEPLINK_MEDIA_STORE_CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"

/* A post of this author links to this address; or some posts link to nothing any more, or are gone. Safe to
 * repeat. */
enum code media_store_card_link(struct ctx *ctx, int64_t post, int64_t author, const char *url);
enum code media_store_card_unlink(struct ctx *ctx, const int64_t *posts, size_t n);
enum code media_store_card_forget(struct ctx *ctx, const int64_t *posts, size_t n);

/* A page that is to be looked at, leased for two minutes: of members by turns, and never more than so many of
 * one member or of one host at once. */
#define CARDS_OF_MEMBER 3
#define CARDS_OF_HOST 2
struct card_job {
    int64_t id, lease;
    const char *url;
    int attempts; /* with this one */
    const char *image_url;
    int64_t image_id; /* 0: none */
};
/* *ret NULL: nothing is due. */
enum code media_store_card_take(struct ctx *ctx, int64_t lease, struct card_job **ret);

/* What came of it: a card or NULL (the page has none), its picture's address and medium (0: none), words for
 * the operator. Posts that show it are to be told, where it is another one than before. *ret_taken false: the
 * lease was over, somebody else does it. */
enum code media_store_card_found(struct ctx *ctx, const struct card_job *job, const Pb__LinkCard *card,
                                 const char *image_url, int64_t image_id, const char *words, bool *ret_taken);
/* Nothing came of it: again at that time, or (0) not until the next day. */
enum code media_store_card_missed(struct ctx *ctx, const struct card_job *job, int64_t again_ms,
                                  const char *words);

/* A medium is ready (or, with ready false, failed): cards that it is the picture of, if any, show it. */
enum code media_store_card_picture(struct ctx *ctx, const Pb__MediaView *medium, bool ready);

/* Posts that are to be told of their card, which come again after a minute until media_store_card_told(). */
struct card_news {
    int64_t post, version;
    Pb__LinkCard *card; /* with its picture; NULL: none */
};
enum code media_store_card_tell_take(struct ctx *ctx, size_t limit, struct card_news **ret, size_t *ret_n);
enum code media_store_card_told(struct ctx *ctx, const struct card_news *news, bool gone);

/* Cards that no post has shown for a week: they show no picture any more; then, when those are let go, they
 * are removed. */
enum code media_store_card_unused(struct ctx *ctx, size_t limit, int64_t **ret, size_t *ret_n);
enum code media_store_card_drop(struct ctx *ctx, const int64_t *cards, size_t n);

#endif
