/* What an operator does with the store of files, a batch at a time: for `deeplink media`. */
#ifndef DEEPLINK_MEDIA_SERVICE_OPERATE_H
#define DEEPLINK_MEDIA_SERVICE_OPERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/ctx.h"
#include "fcgi/drivers/blob.h"

/* Where a walk through all blobs is, and what it has found. */
struct media_walk {
    char after[BLOB_KEY_MAX + 1]; /* the last key that was looked at */
    bool done;
    int64_t blobs, bytes; /* looked at */
    int64_t missing, damaged, shown_wrong;
    int64_t remade, lost; /* media: that are made anew, or can be; that nothing can be made of */
    int64_t copied, copied_bytes;
    void (*tell)(const char *key, const char *words); /* of each that is not as it should be; may be NULL */
};

/* Whether the media service and its store are in this process. UNAVAILABLE, with words, when not. */
enum code media_operate_here(struct ctx *ctx);
/* Has files read from that store from now on instead of the configured one (NULL: from that one), in this
 * process. INVALID, with words, when the setting is none. */
enum code media_operate_from(struct ctx *ctx, const char *setting);

/* Reads blobs whole and compares them with their rows: is each there, of its own content, and shown as it
 * should be? repair: what is not is removed and made anew of its original. */
enum code media_verify_some(struct ctx *ctx, struct media_walk *w, bool repair);

/* Copies what another store does not have yet. Safe to repeat. */
enum code media_move_some(struct ctx *ctx, struct media_walk *w, struct blob_store *to);

/* Has files made anew: of one medium (id), of one kind, or of all (both 0), from the one after *at on; *at
 * goes on. *ret_n: of how many; 0: there are no more. */
enum code media_rederive_some(struct ctx *ctx, int64_t id, int kind, int64_t *at, int64_t *ret_n);

#endif
