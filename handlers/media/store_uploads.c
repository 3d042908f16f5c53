/* Uploads in pieces: a row each, and a file in the spool's folder of parts that grows. */
#include "handlers/media/store_uploads.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/id.h"
#include "fcgi/i18n.h"
#include "gen/queries.h"
#include "handlers/media/store.h"
#include "handlers/services.h"

static struct pg *db(struct ctx *ctx) { return ctx->env->pg[SVC_MEDIA]; }

static struct media_upload upload_of(const PGresult *rows) {
    return (struct media_upload){.id = pg_get_int(rows, 0, 0),
                                 .owner_id = pg_get_int(rows, 0, 1),
                                 .bytes = pg_get_int(rows, 0, 2),
                                 .here = pg_get_int(rows, 0, 3),
                                 .sha256 = pg_get_str(rows, 0, 4),
                                 .file_name = pg_get_str(rows, 0, 5),
                                 .purpose = pg_get_str(rows, 0, 6),
                                 .changed_ms = pg_get_time(rows, 0, 7)};
}

enum code media_store_upload_open(struct ctx *ctx, int64_t owner, int64_t *ret_bytes, int64_t *ret_n) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD_OPEN, &rows, pg_i8(owner));

    if (c != OK)
        return c;
    *ret_bytes = pg_get_int(rows, 0, 0);
    *ret_n = pg_get_int(rows, 0, 1);
    return OK;
}

enum code media_store_upload_begin(struct ctx *ctx, const struct media_upload *u) {
    return pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD_BEGIN, NULL, pg_i8(u->id), pg_i8(u->owner_id),
                  pg_i8(u->bytes), pg_text(u->sha256), pg_text(u->file_name), pg_text(u->purpose));
}

enum code media_store_upload(struct ctx *ctx, int64_t owner, int64_t id, struct media_upload *ret) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD, &rows, pg_i8(id), pg_i8(owner));

    if (c != OK)
        return c;
    if (PQntuples(rows) == 0)
        return fail(ctx, NOT_FOUND,
                    tr_mark("There is no such upload. It may have grown too old: begin anew."));
    *ret = upload_of(rows);
    return OK;
}

enum code media_upload_elsewhere(struct ctx *ctx) {
    return fail_http(ctx, 409, ABORTED,
                     tr_mark("The file does not end there. Go on from the offset in Upload-Offset."));
}

enum code media_store_upload_here(struct ctx *ctx, struct media_upload *u, int64_t here) {
    PGresult *rows = NULL;
    enum code c =
        pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD_HERE, &rows, pg_i8(u->id), pg_i8(u->here), pg_i8(here));

    if (c != OK)
        return c;
    if (PQntuples(rows) > 0) {
        *u = upload_of(rows);
        return OK;
    }
    c = media_store_upload(ctx, u->owner_id, u->id, u);
    return c == OK ? media_upload_elsewhere(ctx) : c;
}

enum code media_store_upload_end(struct ctx *ctx, int64_t owner, int64_t id) {
    enum code c = media_spool_remove(ctx, media_part_name(ctx, id));

    return c == OK ? pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD_END, NULL, pg_i8(id), pg_i8(owner)) : c;
}

enum code media_store_upload_erase(struct ctx *ctx, int64_t owner) {
    PGresult *rows = NULL;
    enum code c = pg_run(ctx, db(ctx), &Q_MEDIA_UPLOAD_OF_OWNER, &rows, pg_i8(owner));

    for (int i = 0; c == OK && i < PQntuples(rows); i++)
        c = media_store_upload_end(ctx, owner, pg_get_int(rows, i, 0));
    return c;
}

/* ---- the file */

const char *media_part_name(struct ctx *ctx, int64_t id) {
    return arena_printf(ctx->arena, MEDIA_SPOOL_PARTS "/%s", id_str(ctx->arena, id));
}

static enum code broken(struct ctx *ctx, const char *what, const char *path) {
    int error = errno;

    return error == ENOSPC || error == EDQUOT
               ? fail_detail(ctx, UNAVAILABLE,
                             tr_mark("There is no room for files now. Please try again later."),
                             "media: %s %s: %s", what, path, strerror(error))
               : fail_detail(ctx, INTERNAL, tr_mark("Something went wrong on our side."), "media: %s %s: %s",
                             what, path, strerror(error));
}

enum code media_part_lock(struct ctx *ctx, const char *name, bool make, int *ret_fd) {
    const char *path = media_spool_path(ctx, name);

    *ret_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (make ? O_CREAT : 0), 0600);
    if (*ret_fd < 0)
        return errno == ENOENT && !make ? OK : broken(ctx, "open", path);
    if (flock(*ret_fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    close(*ret_fd);
    *ret_fd = -1;
    return fail_retry(ctx, ABORTED, 1,
                      tr_mark("Another piece of this file is coming in. Wait for its answer."));
}

int64_t media_part_size(int fd) {
    struct stat st;

    return fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Within the kernel; where that shares nothing, it sends. */
static bool copy(int in, int out, int64_t bytes) {
    while (bytes > 0) {
        ssize_t k = copy_file_range(in, NULL, out, NULL, (size_t)bytes, 0);

        if (k < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
            k = sendfile(out, in, NULL, (size_t)bytes);
        if (k == 0 || (k < 0 && errno != EINTR))
            return false;
        bytes -= k > 0 ? k : 0;
    }
    return true;
}

enum code media_part_add(struct ctx *ctx, int fd, int64_t at, const char *path, int64_t bytes) {
    int in = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = in >= 0 && ftruncate(fd, at) == 0 && lseek(fd, at, SEEK_SET) == at && copy(in, fd, bytes) &&
              fdatasync(fd) == 0;
    enum code c = ok ? OK : broken(ctx, "append", path);

    if (in >= 0)
        close(in);
    return c;
}

enum code media_part_sha256(struct ctx *ctx, int fd, int64_t bytes, unsigned char ret[CRYPTO_HASH_BYTES]) {
    void *p = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);

    if (p == MAP_FAILED)
        return broken(ctx, "map", "a part");
    madvise(p, (size_t)bytes, MADV_SEQUENTIAL);
    crypto_sha256(ret, p, (size_t)bytes);
    munmap(p, (size_t)bytes);
    return OK;
}
