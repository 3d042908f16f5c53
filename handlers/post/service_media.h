/* Rules of what is attached to posts. The media service says who may attach what, and keeps what is attached;
 * here is decided what a post has. An edited post stays attached to what its earlier versions show, so that
 * its history can be shown as long as it is there. */
#ifndef DEEPLINK_POST_SERVICE_MEDIA_H
#define DEEPLINK_POST_SERVICE_MEDIA_H

#include "handlers/post/store.h"

/* A post that is to be made with media: attaches them and puts them into the draft. *ret_made: what its key
 * made before; 0: nothing, go on. A failure has changed nothing. */
enum code post_media_for_new(struct ctx *ctx, const Pb__CreatePostRequest *req, struct post_draft *draft,
                             int64_t *ret_made);
/* It was not made, or nobody knows: lets its media go, if it cannot be made any more. Leaves the failure that
 * stands in ctx; what cannot be done now is done by the timer. */
void post_media_unmade(struct ctx *ctx, int64_t post);

/* An edit: whether the media are good, before anything changes. `text_too`: whether there is text. */
enum code post_media_check_edit(struct ctx *ctx, const Pb__EditPostRequest *req, const Pb__PostView *post);
/* Changes and attaches them, and puts them into the draft, when the request says anything of media. */
enum code post_media_for_edit(struct ctx *ctx, const Pb__EditPostRequest *req, struct post_draft *draft);

/* Makes what is attached to these posts what they have: nothing to one that is deleted, or was never made.
 * Safe to repeat. */
enum code post_media_settle(struct ctx *ctx, const int64_t *posts, size_t n);
/* The same when it would only be nice: what fails is done by the timer, or by an event. Leaves ctx's failure.
 */
void post_media_try_settle(struct ctx *ctx, int64_t post);

/* Puts what the media service says now of these posts' media into them; what is gone is left out. Safe to
 * repeat. */
enum code post_media_refresh(struct ctx *ctx, const int64_t *posts, size_t n);

#endif
