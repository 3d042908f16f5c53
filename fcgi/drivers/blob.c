#include "fcgi/drivers/blob.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/blob_engine.h"

struct blob_store *blob_open(const struct config *config, const char *setting, const char **ret_problem) {
    if (text_starts(setting, "folder:/"))
        return blob_folder_open(setting, ret_problem);
    if (text_starts(setting, "s3://"))
        return blob_s3_open(config, setting, ret_problem);
    *ret_problem = "it must be folder:/path or begin with s3://";
    return NULL;
}

void blob_close(struct blob_store *s) {
    if (s != NULL)
        s->engine->close(s);
}

const char *blob_kind(const struct blob_store *s) { return s->engine->name; }

enum code blob_ping(struct ctx *ctx, struct blob_store *s) { return s->engine->ping(ctx, s); }

/* ---- keys ---- */

#define HASH_DIGITS 64
#define EXTENSION_MAX 8

bool blob_key_valid(const char *key) {
    size_t n = strspn(key, "0123456789abcdef"), m;

    if (n != HASH_DIGITS || key[n] != '.')
        return false;
    m = strspn(key + n + 1, "0123456789abcdefghijklmnopqrstuvwxyz");
    return m >= 1 && m <= EXTENSION_MAX && key[n + 1 + m] == '\0';
}

const char *blob_path(struct arena *a, const char *key) {
    return arena_printf(a, "%.2s/%.2s/%s", key, key + 2, key);
}

/* nginx/snippets/media-headers.conf and media.conf know the same. */
static const struct type {
    const char *extension, *type;
    bool shown;
} types[] = {
    {"webp", "image/webp", true},
    {"avif", "image/avif", true},
    {"jpg", "image/jpeg", true},
    {"png", "image/png", true},
    {"gif", "image/gif", true},
    {"mp4", "video/mp4", true},
    {"m4s", "video/iso.segment", true},
    {"ts", "video/mp2t", true},
    {"m3u8", "application/vnd.apple.mpegurl", true},
    {"m4a", "audio/mp4", true},
    {"mp3", "audio/mpeg", true},
    {"pdf", "application/pdf", true},
    {"txt", "text/plain", false},
    {"csv", "text/csv", false},
    {"zip", "application/zip", false},
};

static const struct type *type_of(const char *key) {
    const char *extension = strrchr(key, '.');

    for (size_t i = 0; extension != NULL && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].extension, extension + 1) == 0)
            return &types[i];
    return NULL;
}

const char *blob_type(const char *key) {
    const struct type *t = type_of(key);
    return t != NULL ? t->type : "application/octet-stream";
}

bool blob_is_shown(const char *key) {
    const struct type *t = type_of(key);
    return t != NULL && t->shown;
}

enum code blob_key_of(struct ctx *ctx, const char *path, const char *extension, const char **ret_key) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *hex;
    enum code code;

    if (fd < 0)
        return blob_fail_file(ctx, "open", path);
    code = blob_hash(ctx, fd, 0, INT64_MAX, &hex);
    close(fd);
    if (code != OK)
        return code;
    *ret_key = arena_printf(ctx->arena, "%s.%s", hex, extension);
    if (!blob_key_valid(*ret_key))
        return fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "blob: no key: %s", *ret_key);
    return OK;
}

/* ---- the engines, behind one check of the key ---- */

static enum code no_key(struct ctx *ctx, const char *key) {
    return fail_detail(ctx, NOT_FOUND, "There is no such file.", "blob: no key: %.80s", key);
}

enum code blob_put(struct ctx *ctx, struct blob_store *s, const char *key, const char *path,
                   const char *type) {
    return blob_key_valid(key) ? s->engine->put(ctx, s, key, path, type) : no_key(ctx, key);
}

enum code blob_publish(struct ctx *ctx, struct blob_store *s, const char *key, bool on) {
    return blob_key_valid(key) ? s->engine->publish(ctx, s, key, on) : no_key(ctx, key);
}

enum code blob_get(struct ctx *ctx, struct blob_store *s, const char *key, const char *path) {
    return blob_key_valid(key) ? s->engine->get(ctx, s, key, path) : no_key(ctx, key);
}

enum code blob_stat(struct ctx *ctx, struct blob_store *s, const char *key, struct blob_info *ret) {
    return blob_key_valid(key) ? s->engine->stat(ctx, s, key, ret) : no_key(ctx, key);
}

enum code blob_remove(struct ctx *ctx, struct blob_store *s, const char *key) {
    return blob_key_valid(key) ? s->engine->remove(ctx, s, key) : OK;
}

enum code blob_list(struct ctx *ctx, struct blob_store *s, const char *after, size_t limit,
                    struct blob_page *ret) {
    *ret = (struct blob_page){.keys = arena_many(ctx->arena, const char *, limit),
                              .bytes = arena_many(ctx->arena, int64_t, limit),
                              .changed_ms = arena_many(ctx->arena, int64_t, limit)};
    return s->engine->list(ctx, s, after != NULL ? after : "", limit, ret);
}

enum code blob_tidy(struct ctx *ctx, struct blob_store *s, int64_t before_ms, int64_t *ret_n) {
    int64_t n = 0;
    enum code code = s->engine->tidy(ctx, s, before_ms, &n);

    if (ret_n != NULL)
        *ret_n = n;
    return code;
}

const char *blob_url(struct ctx *ctx, struct blob_store *s, const char *key, bool is_public,
                     int64_t seconds) {
    return s->engine->url(ctx, s, key, is_public, seconds);
}
