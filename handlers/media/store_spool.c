/* The spool: files that came and wait for a worker. Nothing here copies them: they are moved by rename(2). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "handlers/media/store.h"

#define WRONG tr_mark("Something went wrong on our side.")

void media_spool_prepare(struct ctx *ctx) {
    mkdir(ctx->env->config->media_spool, 0700); /* where that is not to be had, the first upload says so */
    mkdir(media_spool_path(ctx, MEDIA_SPOOL_PARTS), 0700);
}

const char *media_spool_path(struct ctx *ctx, const char *name) {
    return arena_printf(ctx->arena, "%s/%s", ctx->env->config->media_spool, name);
}

static enum code broken(struct ctx *ctx, const char *what, const char *path) {
    int error = errno;

    if (error == ENOSPC || error == EDQUOT)
        return fail_detail(ctx, UNAVAILABLE,
                           tr_mark("There is no room for files now. Please try again later."),
                           "media: %s %s: %s", what, path, strerror(error));
    return fail_detail(ctx, INTERNAL, WRONG, "media: %s %s: %s", what, path, strerror(error));
}

/* realpath(3) in the arena; NULL: there is none. */
static const char *real(struct ctx *ctx, const char *path) {
    char found[PATH_MAX];

    return realpath(path, found) != NULL ? arena_strdup(ctx->arena, found) : NULL;
}

/* Sources are named by ids, right in the spool: whoever names one as a new upload wants what is another's. */
static bool is_source(const char *name) {
    int64_t id;

    return id_parse(name, &id);
}

enum code media_spool_check(struct ctx *ctx, const char *path, const char **ret_path, int64_t *ret_bytes) {
    const char *spool = real(ctx, ctx->env->config->media_spool), *found = real(ctx, path);
    size_t n = spool != NULL ? strlen(spool) : 0;
    struct stat st;

    if (spool == NULL || found == NULL || strncmp(found, spool, n) != 0 || found[n] != '/' ||
        is_source(found + n + 1) || lstat(found, &st) != 0 || !S_ISREG(st.st_mode))
        return fail_detail(ctx, INVALID, tr_mark("This file did not arrive. Please send it again."),
                           "media: %s is no upload", path);
    *ret_path = found;
    *ret_bytes = st.st_size;
    return OK;
}

/* Written to the disk: what a path leads to. */
static bool sync_path(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

enum code media_spool_take(struct ctx *ctx, const char *path, const char *name) {
    const char *to = media_spool_path(ctx, name);

    if (!sync_path(path, O_RDONLY))
        return broken(ctx, "fsync", path);
    if (rename(path, to) != 0)
        return broken(ctx, "rename", path);
    return sync_path(ctx->env->config->media_spool, O_RDONLY | O_DIRECTORY) ? OK : broken(ctx, "fsync", to);
}

enum code media_spool_give_back(struct ctx *ctx, const char *name, const char *path) {
    const char *from = media_spool_path(ctx, name);

    return rename(from, path) == 0 || errno == ENOENT ? OK : broken(ctx, "rename", from);
}

enum code media_spool_remove(struct ctx *ctx, const char *name) {
    const char *path = media_spool_path(ctx, name);

    if (name[0] == '\0' || unlink(path) == 0 || errno == ENOENT)
        return OK;
    return broken(ctx, "unlink", path);
}
