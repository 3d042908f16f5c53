/* What the media service knows of its store of blobs: rows of media.blobs and media.files, what of them is to
 * be done in the store, and the sums that administrators see. */
#ifndef DEEPLINK_MEDIA_STORE_STORAGE_H
#define DEEPLINK_MEDIA_STORE_STORAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handlers/media/store.h"

/* Has this process use another store. False, and *ret_problem says why, when the setting is none. */
bool media_store_use(struct ctx *ctx, const char *setting, const char **ret_problem);

/* Whether everybody may have a blob; false also when there is none. */
enum code media_store_is_public(struct ctx *ctx, const char *key, bool *ret);

/* ---- bringing the store to what the rows say (store_settle.c) */

struct media_settled {
    int64_t looked_at; /* keys; 0: there was nothing to do */
    int64_t removed, bytes;
};
/* One batch: blobs that no medium needs are removed from the store, then their rows; others are shown to
 * everybody, or no more. UNAVAILABLE when the store is not there; it is all still to be done then. */
enum code media_store_settle(struct ctx *ctx, struct media_settled *ret);
/* Takes up blobs whose rows are older than that and were never needed. */
enum code media_store_orphans(struct ctx *ctx, int64_t older_s, unsigned limit, int64_t *ret_n);
/* Takes up what the store has and no row knows of; dry: only counts. */
enum code media_store_strays(struct ctx *ctx, const char *const *keys, const int64_t *bytes, size_t n,
                             bool dry, int64_t *ret_n, int64_t *ret_bytes);

/* ---- blobs, for the operator's commands (store_blobs.c) */

struct media_blob {
    const char *key;
    int64_t bytes;
    bool is_public;
};
/* In the order of their keys, after one of them ("": from the first). */
enum code media_store_blobs(struct ctx *ctx, const char *after, unsigned limit, struct media_blob **ret,
                            size_t *ret_n);
/* Which of the keys have a row; ret has room for n. */
enum code media_store_known(struct ctx *ctx, const char *const *keys, size_t n, bool *ret);
/* Has the files of media that need a blob made anew of their originals (do_it false: only counts). *ret_n: of
 * how many; *ret_lost: how many need it as what cannot be made again. Media that a worker is still at do not
 * count. */
enum code media_store_remake(struct ctx *ctx, const char *key, bool do_it, int64_t *ret_n, int64_t *ret_lost);
/* Has the store looked at for a blob: whether it is shown as it should be. */
enum code media_store_unsettle(struct ctx *ctx, const char *key);
/* Has files made anew: of one medium (id), of a kind, or of all (both 0), after an id; *ret_last: the last.
 */
enum code media_store_rederive(struct ctx *ctx, int64_t id, int kind, int64_t after, unsigned limit,
                               int64_t *ret_n, int64_t *ret_last);

/* ---- what has grown old (store_storage.c) */

/* Media that have been attached to nothing for so long. */
enum code media_store_loose(struct ctx *ctx, int64_t older_s, unsigned limit, struct media_row **ret,
                            size_t *ret_n);
/* Media attached to posts that have not been looked after for so long; marks them as looked after. */
struct media_check_row {
    int64_t id, owner_id, post_id;
};
enum code media_store_to_check(struct ctx *ctx, int64_t older_s, unsigned limit, struct media_check_row **ret,
                               size_t *ret_n);
enum code media_store_checked(struct ctx *ctx, const struct media_check_row *rows, size_t n);
/* Drops uploads in pieces that have stood still for so long, their files first. */
enum code media_store_old_uploads(struct ctx *ctx, int64_t older_s, unsigned limit, int64_t *ret_n);
/* Removes files of the spool that are older than that and that nobody needs; dry: only counts. */
enum code media_spool_sweep(struct ctx *ctx, int64_t older_s, bool dry, int64_t *ret_n, int64_t *ret_bytes);
/* Which of the ids still need a file there; ret has room for n. */
enum code media_store_sources(struct ctx *ctx, const int64_t *ids, size_t n, bool *ret);

/* Fills the sums, kinds and owners of a reply; loose_s: see media_store_loose(). */
struct media_sums {
    int64_t media, bytes, waiting, failed, blobs, blob_bytes, loose, loose_bytes, orphans, orphan_bytes;
};
enum code media_store_sums(struct ctx *ctx, int64_t loose_s, int64_t orphan_s, struct media_sums *ret);
enum code media_store_kinds(struct ctx *ctx, Pb__Storage *reply);
enum code media_store_owners(struct ctx *ctx, unsigned limit, Pb__Storage *reply);
enum code media_store_failures(struct ctx *ctx, unsigned limit, struct media_row **ret, size_t *ret_n);

#endif
