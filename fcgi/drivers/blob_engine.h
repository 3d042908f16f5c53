/* What a store of blobs must be able to do: one table an engine, behind blob.h; and what the engines share.
 */
#ifndef DEEPLINK_DRIVERS_BLOB_ENGINE_H
#define DEEPLINK_DRIVERS_BLOB_ENGINE_H

#include "fcgi/drivers/blob.h"

struct blob_engine {
    const char *name;
    void (*close)(struct blob_store *s);
    enum code (*ping)(struct ctx *ctx, struct blob_store *s);
    enum code (*put)(struct ctx *ctx, struct blob_store *s, const char *key, const char *path,
                     const char *type);
    enum code (*publish)(struct ctx *ctx, struct blob_store *s, const char *key, bool on);
    enum code (*get)(struct ctx *ctx, struct blob_store *s, const char *key, const char *path);
    enum code (*stat)(struct ctx *ctx, struct blob_store *s, const char *key, struct blob_info *ret);
    enum code (*remove)(struct ctx *ctx, struct blob_store *s, const char *key);
    enum code (*list)(struct ctx *ctx, struct blob_store *s, const char *after, size_t limit,
                      struct blob_page *ret);
    enum code (*tidy)(struct ctx *ctx, struct blob_store *s, int64_t before_ms, int64_t *ret_n);
    const char *(*url)(struct ctx *ctx, struct blob_store *s, const char *key, bool is_public,
                       int64_t seconds);
};

/* Every engine's store begins with it. */
struct blob_store {
    const struct blob_engine *engine;
};

/* As blob_open(). */
struct blob_store *blob_folder_open(const char *setting, const char **ret_problem);
struct blob_store *blob_s3_open(const struct config *config, const char *setting, const char **ret_problem);

/* Records that a local file could not be handled, by errno: EXHAUSTED when the disk is full, else
 * UNAVAILABLE. */
enum code blob_fail_file(struct ctx *ctx, const char *doing, const char *path);

/* Copies an open file, from where it stands to its end, without its bytes passing through this process where
 * the kernel can; durable when it returns. `to` must not be there yet; nothing is left of it on failure. */
enum code blob_copy(struct ctx *ctx, int from, const char *to);

/* Hex SHA-256 of `bytes` bytes of a file from `at` on; fewer where it ends before. In the arena. */
enum code blob_hash(struct ctx *ctx, int fd, int64_t at, int64_t bytes, const char **ret_hex);

#endif
