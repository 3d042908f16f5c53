/* Blobs: files named by their content, kept whole and never changed. Two stores, one behaviour:
 *   folder:/path      FOLDER/files/ab/cd/KEY, and of those that everybody may have, a hard link in
 *                     FOLDER/public/ab/cd/KEY, from where nginx serves them
 *   s3://bucket/prefix?endpoint=https://host&region=…   Amazon's S3 or what speaks it (SigV4, REST); the key
 * and the secret stand in media_s3_key and media_s3_secret; PREFIX/files/ab/cd/KEY, and with media_cdn a copy
 * of what everybody may have in PREFIX/public/ab/cd/KEY, which is all that a CDN needs to be let see.
 * A key is 64 lower-case hex digits (SHA-256 of the content), '.', and an extension of 1 to 8 letters and
 * digits. Errors: UNAVAILABLE when the store does not answer, NOT_FOUND, EXHAUSTED when it is full; each
 * recorded in ctx. */
#ifndef DEEPLINK_DRIVERS_BLOB_H
#define DEEPLINK_DRIVERS_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct config;
struct blob_store;

#define BLOB_KEY_MAX 73 /* the longest key */

/* setting: as above (config->media, or another one when files move between stores). Does not connect yet.
 * NULL, and *ret_problem says why, when the setting is none. The caller closes it. */
struct blob_store *blob_open(const struct config *config, const char *setting, const char **ret_problem);
void blob_close(struct blob_store *s);

/* "folder" or "s3". */
const char *blob_kind(const struct blob_store *s);

/* Whether there is a store behind it that can be written and read. */
enum code blob_ping(struct ctx *ctx, struct blob_store *s);

bool blob_key_valid(const char *key);
/* The media type that a key's extension stands for ("application/octet-stream": none that is known), and
 * whether a browser may show it in its place; all else is only ever handed out as a download. */
const char *blob_type(const char *key);
bool blob_is_shown(const char *key);
/* The key of a file by its content; reads the file. In the arena. */
enum code blob_key_of(struct ctx *ctx, const char *path, const char *extension, const char **ret_key);

/* Puts a local file in under its key; durable when it returns (fsync, or the store's word). The file may be
 * taken over by rename(2) or link(2): it must not be changed afterwards, and is the caller's to unlink where
 * it is still there. Putting what is there already is OK. */
enum code blob_put(struct ctx *ctx, struct blob_store *s, const char *key, const char *path,
                   const char *type);
/* Lets everybody have it, or not any more. Safe to repeat. */
enum code blob_publish(struct ctx *ctx, struct blob_store *s, const char *key, bool on);
/* Writes the blob to a new local file. */
enum code blob_get(struct ctx *ctx, struct blob_store *s, const char *key, const char *path);
struct blob_info {
    int64_t bytes;
    bool is_public;
};
enum code blob_stat(struct ctx *ctx, struct blob_store *s, const char *key, struct blob_info *ret);
/* Gone from everywhere; OK also when there was none. */
enum code blob_remove(struct ctx *ctx, struct blob_store *s, const char *key);

/* All keys in order, a page at a time: those after `after` ("" or NULL: from the first). */
struct blob_page {
    const char **keys;
    int64_t *bytes, *changed_ms; /* changed: when it was written, at the latest */
    size_t n;
    bool more;
};
enum code blob_list(struct ctx *ctx, struct blob_store *s, const char *after, size_t limit,
                    struct blob_page *ret);

/* Removes what puts that were killed have left since before that moment (Unix ms); it is no blob, and nobody
 * ever sees it. *ret_n (may be NULL): how many. */
enum code blob_tidy(struct ctx *ctx, struct blob_store *s, int64_t before_ms, int64_t *ret_n);

/* Where a client is sent for it: a presigned address, good for so many seconds (is_public: an address of
 * media_cdn where that is set). NULL: the store is a folder, nginx has the file (blob_path). In the arena. */
const char *blob_url(struct ctx *ctx, struct blob_store *s, const char *key, bool is_public, int64_t seconds);
/* "ab/cd/KEY": below files/ or public/ of a folder, and below the bucket's prefix. */
const char *blob_path(struct arena *a, const char *key);

#endif
