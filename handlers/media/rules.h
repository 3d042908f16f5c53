/* The rules of the media service that need no server. */
#ifndef DEEPLINK_MEDIA_RULES_H
#define DEEPLINK_MEDIA_RULES_H

#include "fcgi/ctx.h"
#include "handlers/common/media_types.h"

/* Files of one target, with those that the earlier versions of an edited post show. How many a post shows is
 * for the post service to say (MEDIA_ATTACH_MAX). */
#define MEDIA_TARGET_MAX 100

/* Whether an owner may have something for that purpose: members all but pictures of linked pages (card),
 * which are nobody's (0) and made by the site itself alone. */
enum code media_check_owner(struct ctx *ctx, int64_t owner, const char *purpose);

/* post, avatar, banner, card; "" is post. NULL, and INVALID recorded, when it is none. */
const char *media_purpose(struct ctx *ctx, const char *purpose);

/* The description, cleaned; INVALID when it is too long or no text. */
enum code media_words(struct ctx *ctx, const char *text, const char **ret);

/* Both within -1 and 1. */
enum code media_focus(struct ctx *ctx, double x, double y);

/* Reads "x,y", as Mastodon's clients write it. INVALID naming the field "focus". */
enum code media_focus_read(struct ctx *ctx, const char *text, double *ret_x, double *ret_y);

/* A name for downloads: without folders and what file systems dislike, 100 letters at most; "" when nothing
 * remains. */
const char *media_file_name(struct ctx *ctx, const char *name);

#endif
