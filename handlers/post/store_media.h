/* What is attached to posts: copies of MediaViews in posts.media and posts.revisions, and the notes of what
 * is being attached.
 *
 * Two services write when a post with media is made, and either may fail or be killed in between. So: a note
 * in posts.attaching, then the media service attaches, then the post is committed and the note goes with it.
 * A note that is left says that what is attached to that post is to be made what the post has
 * (service_media.h): nothing, where there is no such post. */
#ifndef DEEPLINK_POST_STORE_MEDIA_H
#define DEEPLINK_POST_STORE_MEDIA_H

#include "fcgi/drivers/pg.h"
#include "handlers/post/store.h"

/* Media as they stand in a column: packed MediaViews, NULL for none; and their descriptions. */
struct pg_val post_media_value(struct ctx *ctx, Pb__MediaView **media, size_t n);
const char *post_media_words(struct ctx *ctx, Pb__MediaView *const *media, size_t n);
/* Back, into the arena; how many. What cannot be read counts as none. */
size_t post_media_read(struct ctx *ctx, const PGresult *r, int row, int col, Pb__MediaView ***ret);

/* What a post has, or had in an earlier version. */
struct post_media {
    int64_t post, author;
    Pb__Audience audience;
    int64_t revision; /* of the post */
    int64_t number;   /* of the version; 0: the post as it is */
    Pb__MediaView **views;
    size_t n;
};
/* Of those of n posts that are not deleted and have, or had, media: by post, then by version. */
enum code post_store_media_of(struct ctx *ctx, const int64_t *posts, size_t n, struct post_media **ret,
                              size_t *ret_n);
/* Puts these media in the place of those that it was read with, and says so in an event. *ret_done false: the
 * post has changed since it was read. */
enum code post_store_media_renew(struct ctx *ctx, const struct post_media *m, bool *ret_done);

/* The notes. begin: before the media service is asked. over: of n posts, once what is attached is right. */
enum code post_store_attaching_begin(struct ctx *ctx, int64_t post);
enum code post_store_attaching_over(struct ctx *ctx, const int64_t *posts, size_t n);
/* Leaves out those of the posts that have a note. */
enum code post_store_attaching_none(struct ctx *ctx, int64_t *posts, size_t *n);
/* A post that was about to be made is not made any more from now on. *ret_stopped false: there is no note, so
 * it has been made. */
enum code post_store_attaching_stop(struct ctx *ctx, int64_t post, bool *ret_stopped);
/* Posts whose notes are older than five minutes; those not yet made are not made any more. */
enum code post_store_attaching_left(struct ctx *ctx, size_t limit, int64_t **ret, size_t *ret_n);

#endif
