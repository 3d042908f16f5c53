/* What is left over in the spool: of uploads that never came to an end, of processes that were killed. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "handlers/media/store_storage.h"

#define DEPTH_MAX 4

struct spool_sweep {
    int64_t before_ms; /* what has changed since then is left alone */
    bool dry;
    int64_t n, bytes;
};

/* A source right in the spool, or an upload in pieces, that a row still names. */
static enum code is_needed(struct ctx *ctx, const char *name, int depth, bool *ret) {
    int64_t id;

    *ret = false;
    return depth <= 1 && id_parse(name, &id) ? media_store_sources(ctx, &id, 1, ret) : OK;
}

static enum code sweep_file(struct ctx *ctx, const char *path, const char *name, int depth,
                            const struct stat *st, struct spool_sweep *s) {
    bool needed;
    enum code c = is_needed(ctx, name, depth, &needed);

    if (c != OK || needed)
        return c;
    if (!s->dry && unlink(path) != 0)
        return errno == ENOENT ? OK
                               : fail_detail(ctx, UNAVAILABLE, "Something went wrong on our side.",
                                             "media: unlink %s: %s", path, strerror(errno));
    s->n++;
    s->bytes += st->st_size;
    return OK;
}

static enum code sweep_folder(struct ctx *ctx, const char *folder, int depth, struct spool_sweep *s) {
    struct dirent **entries;
    int n = depth < DEPTH_MAX ? scandir(folder, &entries, NULL, NULL) : -1;
    enum code c = OK;

    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name, *path = arena_printf(ctx->arena, "%s/%s", folder, name);
        struct stat st;
        bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        if (c == OK && !dots && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            c = sweep_folder(ctx, path, depth + 1, s);
        else if (c == OK && !dots && (int64_t)st.st_mtim.tv_sec * 1000 < s->before_ms && S_ISREG(st.st_mode))
            c = sweep_file(ctx, path, arena_strdup(ctx->arena, name), depth, &st, s);
        free(entries[i]); /* lint: memory-of-the-arena: scandir(3) gives it */
    }
    if (n >= 0)
        free(entries); /* lint: memory-of-the-arena: the same */
    return c;
}

enum code media_spool_sweep(struct ctx *ctx, int64_t older_s, bool dry, int64_t *ret_n, int64_t *ret_bytes) {
    struct spool_sweep s = {.before_ms = clock_now_ms() - older_s * 1000, .dry = dry};
    enum code c = sweep_folder(ctx, ctx->env->config->media_spool, 0, &s);

    *ret_n += s.n;
    *ret_bytes += s.bytes;
    return c;
}
