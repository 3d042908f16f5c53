/* Which link of a post is looked at, and what of a page becomes its card. No I/O.
 *
 * Only posts that everybody may read are looked at (public, unlisted): the address in a narrower one may
 * itself be what nobody else is to know, and to ask for it would tell the other site. Posts with media show
 * those. robots.txt is not asked, since a person has pointed to this one page, as a reader would; what a page
 * says by X-Robots-Tag or <meta name=robots> holds: after nosnippet (or none) only its title is shown, after
 * noimageindex no picture. */
#ifndef DEEPLINK_MEDIA_CARD_RULES_H
#define DEEPLINK_MEDIA_CARD_RULES_H

#include "deeplink/v1/post.pb-c.h"
#include "fcgi/ctx.h"

struct markup;
struct fetch_reply;

/* The first link of a post's HTML that is looked at, as fetch_url() makes it: not of this site, not of a host
 * in link_cards_never. NULL: there is none, or the post is not one that shows cards. */
const char *card_link_of(struct ctx *ctx, const Pb__PostView *post);

/* Whether a host is among those of link_cards_never, or below one of them. */
bool card_is_never(struct ctx *ctx, const char *host);

/* The card of a page, NULL when it says too little for one (no title). *ret_image: the address of its
 * picture,
 * "" for none. */
const Pb__LinkCard *card_of_page(struct ctx *ctx, const struct fetch_reply *page, const struct markup *m,
                                 const char **ret_image);

#endif
