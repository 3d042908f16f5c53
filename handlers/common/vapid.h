/* The site's key for Web Push (RFC 8292): made of its secret, so in every process the same. */
#ifndef DEEPLINK_COMMON_VAPID_H
#define DEEPLINK_COMMON_VAPID_H

#include "fcgi/ctx.h"

struct webpush_key;

enum code vapid_key(struct ctx *ctx, struct webpush_key *ret);

/* Its public half as browsers and apps want to know it before they subscribe (applicationServerKey); in the
 * arena. */
enum code vapid_public_key(struct ctx *ctx, const char **ret);

#endif
