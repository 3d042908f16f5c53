/* The cards that posts show: rows of posts.posts. Only handlers/post/ includes this. */
#ifndef DEEPLINK_POST_STORE_CARD_H
#define DEEPLINK_POST_STORE_CARD_H

#include "deeplink/v1/post.pb-c.h"
#include "fcgi/drivers/pg.h"

/* The card in a column; NULL: none. */
Pb__LinkCard *post_card_read(struct ctx *ctx, const PGresult *r, int row, int col);

/* A post's card, NULL for none, with its post.changed. *ret_changed false: it was so already, or the post is
 * gone or not for everybody. */
enum code post_store_set_card(struct ctx *ctx, const Pb__PostView *post, const Pb__LinkCard *card,
                              bool *ret_changed);

#endif
