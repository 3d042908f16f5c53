/* A folder for each attempt, so that a worker that was thought dead is in nobody's way. */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "handlers/media/worker_make.h"

#define WORK "work"
#define TIDY_EVERY_US (INT64_C(3600) * 1000000)
#define SLACK_S 3600

static enum code broken(struct ctx *ctx, const char *what, const char *path) {
    return fail_detail(ctx, errno == ENOSPC || errno == EDQUOT ? UNAVAILABLE : INTERNAL,
                       "Something went wrong on our side.", "media: %s %s: %s", what, path, strerror(errno));
}

static enum code make(struct ctx *ctx, const char *path) {
    return mkdir(path, 0700) == 0 || errno == EEXIST ? OK : broken(ctx, "mkdir", path);
}

/* What was made a blob already is fetched from there: it is made anew, or the end of an attempt was missed.
 */
static enum code fetch(struct media_job *job) {
    struct ctx *ctx = job->ctx;
    const char *key;
    enum code c = media_work_original(ctx, job->row.id, &key);
    if (c != OK)
        return c;
    if (key[0] == '\0')
        return fail_detail(ctx, NOT_FOUND, "Something went wrong on our side.",
                           "media: neither in the spool nor a blob");
    job->source = arena_printf(ctx->arena, "%s.source", job->folder);
    return blob_get(ctx, media_blobs(), key, job->source);
}

enum code media_folder_make(struct media_job *job) {
    struct ctx *ctx = job->ctx;
    enum code c;
    if ((c = make(ctx, media_spool_path(ctx, WORK))) != OK)
        return c;
    job->folder = media_spool_path(
        ctx, arena_printf(ctx->arena, WORK "/%" PRId64 "-%" PRId64, job->row.id, job->lease));
    if ((c = make(ctx, job->folder)) != OK)
        return c;
    job->source = media_spool_path(ctx, job->row.source);
    return job->row.source[0] != '\0' && access(job->source, R_OK) == 0 ? OK : fetch(job);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
    (void)st;
    (void)type;
    (void)at;
    remove(path);
    return 0;
}

void media_folder_remove(struct ctx *ctx, const char *folder) {
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    unlink(arena_printf(ctx->arena, "%s.source", folder));
}

/* Nobody works on one upload that long. */
static bool is_left(struct ctx *ctx, const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 &&
           st.st_mtim.tv_sec + ctx->env->config->media_timeout_s + SLACK_S < clock_now_ms() / 1000;
}

void media_folders_tidy(struct ctx *ctx) {
    static int64_t tidied_us;
    const char *work = media_spool_path(ctx, WORK);
    DIR *d;
    if ((tidied_us != 0 && clock_mono_us() - tidied_us < TIDY_EVERY_US) || (d = opendir(work)) == NULL)
        return;
    tidied_us = clock_mono_us();
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        const char *path = arena_printf(ctx->arena, "%s/%s", work, e->d_name);
        if (e->d_name[0] != '.' && is_left(ctx, path))
            media_folder_remove(ctx, path);
    }
    closedir(d);
}
