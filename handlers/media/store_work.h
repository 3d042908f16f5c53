/* What there is to be done to media, and by whom: rows of media.items under a lease, and the files that an
 * attempt has made. The order of an attempt, so that it can be stopped anywhere and nothing is lost or left
 * unknown:
 *   rows of blobs and files (new/NAME)  →  blobs  →  the document's fields  →  state, files and event in one
 *   transaction  →  the source in the spool removed
 * What stopped before the transaction is done once more by whoever takes it next: blobs are named by their
 * content, so putting them again is cheap. What an attempt has left and nobody needs is known by its row, and
 * swept. */
#ifndef DEEPLINK_MEDIA_STORE_WORK_H
#define DEEPLINK_MEDIA_STORE_WORK_H

#include "handlers/media/store.h"

/* How long a worker that says nothing counts as being at it; while it puts a file, as much longer as the
 * slowest store takes for its bytes. */
#define MEDIA_LEASE_S 30
#define MEDIA_PUT_BYTES_S (1 << 20)

/* To be woken when a medium is due at once. */
enum code media_work_listen(struct ctx *ctx);

/* The next that is due; *ret_found false: there is none. Its attempts count this one. */
enum code media_work_take(struct ctx *ctx, int64_t lease, struct media_row *ret, bool *ret_found);
/* It as it is now; *ret_ours false: the lease is another's, or it is gone. */
enum code media_work_row(struct ctx *ctx, int64_t id, int64_t lease, struct media_row *ret, bool *ret_ours);
/* Renews the lease, from now on for so many seconds, and says how far it is. */
enum code media_work_beat(struct ctx *ctx, int64_t id, int64_t lease, int seconds, int progress,
                          bool *ret_ours);
/* Gives it back, to be taken in so many seconds; counts: it was an attempt. */
enum code media_work_back(struct ctx *ctx, int64_t id, int64_t lease, int seconds, bool counts,
                          const char *why);
/* The key of what was uploaded; "": there is no such blob. */
enum code media_work_original(struct ctx *ctx, int64_t id, const char **ret_key);

/* A blob that is to be, or is, part of a medium. */
struct media_blob {
    const char *name, *key, *path, *type;
    int64_t bytes;
};
enum code media_work_blobs(struct ctx *ctx, int64_t id, int64_t lease, const struct media_blob *blobs,
                           size_t n, bool *ret_ours);

/* The end of an attempt, with its event; *ret_ok false: row->version or the lease are not those any more. */
enum code media_work_done(struct ctx *ctx, const struct media_row *row, int64_t lease,
                          const Pb__MediaView *view, bool *ret_ok);
enum code media_work_failed(struct ctx *ctx, const struct media_row *row, int64_t lease, const char *why,
                            const Pb__MediaView *view, bool *ret_ok);
/* What was ready stays so. */
enum code media_work_kept(struct ctx *ctx, int64_t id, int64_t lease, const char *why);

#endif
