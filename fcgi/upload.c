#include "fcgi/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/request.h"

#define WRONG tr_mark("Something went wrong on our side.")
#define KIB ((size_t)1024)

/* Files are bounded by nginx alone; the texts beside them are few and short. */
static const struct param_limits limits = {
    .total = SIZE_MAX, .count = 64, .name = 256, .value = 64 * KIB, .depth = 4, .header = 4 * KIB};

static enum code broken(struct ctx *ctx, const char *what, const char *path) {
    int error = errno;

    if (error == ENOSPC || error == EDQUOT)
        return fail_detail(ctx, UNAVAILABLE,
                           tr_mark("There is no room for files now. Please try again later."),
                           "upload: %s %s: %s", what, path, strerror(error));
    return fail_detail(ctx, INTERNAL, WRONG, "upload: %s %s: %s", what, path, strerror(error));
}

/* ---- taking a body */

/* Whether a path that the gateway named leads below the spool. */
static bool in_spool(const struct config *config, const char *path, char real[PATH_MAX]) {
    char spool[PATH_MAX];
    size_t n;

    if (realpath(config->media_spool, spool) == NULL || realpath(path, real) == NULL)
        return false;
    n = strlen(spool);
    return strncmp(real, spool, n) == 0 && real[n] == '/';
}

static void unmap(void *arg) {
    struct upload *u = arg;

    if (u->n > 0)
        munmap((void *)(uintptr_t)u->map, u->n);
}

/* Maps the file, for as long as the request lasts. */
static enum code map_file(struct request *req, const char *path) {
    struct upload *u = arena_one(req->ctx.arena, struct upload);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    void *p = MAP_FAILED;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        p = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (fd >= 0)
        close(fd);
    if (p == MAP_FAILED)
        return broken(&req->ctx, "map", path);
    *u = (struct upload){.path = arena_strdup(req->ctx.arena, path), .map = p != NULL ? p : ""};
    u->n = p != NULL ? (size_t)st.st_size : 0;
    arena_defer(req->ctx.arena, unmap, u);
    madvise(p, u->n, MADV_SEQUENTIAL);
    req->upload = *u;
    return OK;
}

/* A form without files, or JSON: small, and parsed from memory as ever. */
static enum code read_small(struct request *req) {
    struct upload *u = &req->upload;

    if (u->n > (size_t)req->ctx.env->config->max_body_bytes)
        return fail_http(&req->ctx, 413, INVALID, tr_mark("That is too much at once."));
    req->body = arena_strndup(req->ctx.arena, u->map, u->n);
    req->body_n = u->n;
    return form_parse_body(&req->form, req->content_type, req->body, req->body_n, &req->ctx.error);
}

static void remove_file(void *path) { unlink(path); }

/* Another name of the body, for as long as the request lasts: nginx removes its own when it has given the
 * request up, and may come to use it again for another body. */
static enum code hold(struct request *req, const char *path, const char **ret_path) {
    char *name = arena_printf(req->ctx.arena, "%s-%s", path, crypto_token(req->ctx.arena, 12));

    if (link(path, name) != 0)
        return broken(&req->ctx, "link", path);
    arena_defer(req->ctx.arena, remove_file, name);
    *ret_path = name;
    return OK;
}

enum code upload_take(struct request *req, const char *path, const char *length) {
    char real[PATH_MAX];
    const char *held = NULL;
    int64_t n;
    enum code c;

    if (!in_spool(req->ctx.env->config, path, real))
        return fail_detail(&req->ctx, INTERNAL, WRONG, "upload: %s is not below media_spool", path);
    if ((c = hold(req, real, &held)) != OK || (c = map_file(req, held)) != OK)
        return c;
    if (length != NULL && *length != '\0' &&
        (!text_parse_int(length, 0, INT64_MAX, &n) || (size_t)n != req->upload.n))
        return fail_http(&req->ctx, 400, INVALID, tr_mark("The request ended too early."));
    if (req->upload.n == 0) /* nginx makes a file of what has no body, too */
        return OK;
    if (form_type_is(req->content_type, "multipart/form-data"))
        return form_parse_multipart(&req->form, req->content_type, req->upload.map, req->upload.n, &limits,
                                    &req->ctx.error);
    if (form_type_is(req->content_type, "application/x-www-form-urlencoded") ||
        form_type_is(req->content_type, "application/json"))
        return read_small(req);
    req->upload.raw = true;
    return OK;
}

/* ---- handing files over */

/* A new file of our own in the spool, which goes with the request. */
static int create(struct request *req, const char **ret_path) {
    struct arena *a = req->ctx.arena;
    char *folder = arena_printf(a, "%s/" UPLOAD_FOLDER, req->ctx.env->config->media_spool);
    char *path = arena_printf(a, "%s/part-%s", folder, crypto_token(a, 12));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == ENOENT && mkdir(folder, 0700) == 0)
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        arena_defer(a, remove_file, path);
    *ret_path = path;
    return fd;
}

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t k = write(fd, p, n);

        if (k < 0 && errno != EINTR)
            return false;
        p += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return true;
}

/* One step of a copy within the kernel; file systems that cannot share what they hold send it. */
static ssize_t copy_some(int in, int out, off_t *at, size_t n) {
    ssize_t k = copy_file_range(in, at, out, NULL, n, 0);

    if (k < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
        k = sendfile(out, in, at, n);
    return k;
}

static bool copy_part(const struct request_file *f, int out) {
    int in = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    off_t at = f->offset, end = f->offset + f->bytes;
    bool ok = in >= 0;

    while (ok && at < end) {
        ssize_t k = copy_some(in, out, &at, (size_t)(end - at));

        ok = k > 0 || (k < 0 && errno == EINTR);
    }
    if (in >= 0)
        close(in);
    return ok;
}

/* Closes what was written; a file system may say only then that it is full. */
static enum code written(struct request *req, int fd, bool ok, const char *path) {
    bool closed = fd >= 0 && close(fd) == 0;

    return fd >= 0 && ok && closed ? OK : broken(&req->ctx, "write", path);
}

static enum code from_memory(struct request *req, const char *p, size_t n, struct request_file *ret) {
    int fd = create(req, &ret->path);

    ret->offset = 0;
    ret->bytes = (int64_t)n;
    return written(req, fd, fd >= 0 && write_all(fd, p, n), ret->path);
}

static bool is_chosen(const struct param *p) {
    return p->filename != NULL && (p->filename[0] != '\0' || p->n > 0);
}

static const struct param *nth_file(const struct params *form, const char *name, size_t nth) {
    for (size_t i = 0; i < form->n; i++)
        if (strcmp(form->items[i].name, name) == 0 && is_chosen(&form->items[i]) && nth-- == 0)
            return &form->items[i];
    return NULL;
}

static enum code whole_body(struct request *req, struct request_file *ret) {
    if (req->upload.path == NULL)
        return req->body_n > 0 ? from_memory(req, req->body, req->body_n, ret) : OK;
    *ret = (struct request_file){req->upload.path, 0, (int64_t)req->upload.n, ""};
    return OK;
}

enum code request_file_nth(struct request *req, const char *name, size_t nth, struct request_file *ret) {
    const struct param *p = nth_file(&req->form, name, nth);

    *ret = (struct request_file){.file_name = ""};
    if (p == NULL)
        return OK;
    ret->file_name = p->filename;
    if (req->upload.path == NULL)
        return from_memory(req, p->value, p->n, ret);
    ret->path = req->upload.path;
    ret->offset = p->value - req->upload.map;
    ret->bytes = (int64_t)p->n;
    return OK;
}

enum code request_file(struct request *req, const char *name, struct request_file *ret) {
    *ret = (struct request_file){.file_name = ""};
    return name == NULL ? whole_body(req, ret) : request_file_nth(req, name, 0, ret);
}

enum code request_file_save(struct request *req, const struct request_file *f, const char **ret_path) {
    struct stat st;
    int fd;

    *ret_path = f->path;
    if (f->offset == 0 && stat(f->path, &st) == 0 && st.st_size == f->bytes)
        return OK;
    fd = create(req, ret_path);
    return written(req, fd, fd >= 0 && copy_part(f, fd), *ret_path);
}
