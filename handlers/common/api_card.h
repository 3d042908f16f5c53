/* Mastodon's PreviewCard (https://docs.joinmastodon.org/entities/PreviewCard/): what a post's JSON says of
 * the page that it links to. */
#ifndef DEEPLINK_COMMON_API_CARD_H
#define DEEPLINK_COMMON_API_CARD_H

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/ctx.h"
#include "fcgi/shape.h"

struct api_card;
extern const struct shape api_card_shape;

/* NULL: no card. In the arena. */
const struct api_card *api_card_of(struct ctx *ctx, const Pb__LinkCard *card);

#endif
