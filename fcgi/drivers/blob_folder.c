/* Blobs in a folder. A file comes to its name by rename(2) when all of it is on the disk, and the folder that
 * names it is synced before anybody is told: a killed process or a lost power leaves a blob or none, and at
 * worst a file in FOLDER/tmp, which nobody looks at. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/blob_engine.h"

struct folder {
    struct blob_store store; /* first */
    char *root;
};

static const char *root_of(const struct blob_store *s) {
    return ((const struct folder *)(const void *)s)->root;
}

static const char *place(struct ctx *ctx, const struct blob_store *s, const char *tree, const char *key) {
    return arena_printf(ctx->arena, "%s/%s/%s", root_of(s), tree, blob_path(ctx->arena, key));
}

static const char *parent_of(struct ctx *ctx, const char *path) {
    return arena_strndup(ctx->arena, path, (size_t)(strrchr(path, '/') - path));
}

/* ---- durable steps ---- */

static enum code sync_folder(struct ctx *ctx, const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    enum code code = good ? OK : blob_fail_file(ctx, "sync", path);

    if (fd >= 0)
        close(fd);
    return code;
}

/* Makes the folder of a path, and those above it, up to the root, which must be there: a disk that is not
 * mounted must not be mistaken for an empty store. A new folder lasts when the one above it is synced. */
static enum code make_folder(struct ctx *ctx, const struct blob_store *s, const char *path) {
    const char *above;
    enum code code;

    if (access(path, F_OK) == 0)
        return OK;
    if (strlen(path) <= strlen(root_of(s)))
        return blob_fail_file(ctx, "enter", path);
    above = parent_of(ctx, path);
    code = make_folder(ctx, s, above);
    if (code != OK)
        return code;
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return blob_fail_file(ctx, "make", path);
    return sync_folder(ctx, above);
}

static enum code temporary(struct ctx *ctx, const struct blob_store *s, const char **ret_path) {
    const char *folder = arena_printf(ctx->arena, "%s/tmp", root_of(s));

    *ret_path = arena_printf(ctx->arena, "%s/%s", folder, crypto_token(ctx->arena, 12));
    return make_folder(ctx, s, folder);
}

/* A second name for the file, or a copy where the file system gives none. */
static enum code link_or_copy(struct ctx *ctx, const char *from, const char *to) {
    enum code code;
    int fd;

    if (link(from, to) == 0)
        return OK;
    if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != EOPNOTSUPP)
        return blob_fail_file(ctx, "link", from);
    fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return blob_fail_file(ctx, "open", from);
    code = blob_copy(ctx, fd, to);
    close(fd);
    return code;
}

/* The file under a name of the store, whole or not at all; what has that name is replaced. */
static enum code settle(struct ctx *ctx, const struct blob_store *s, const char *from, const char *to) {
    const char *folder = parent_of(ctx, to), *own;
    enum code code = make_folder(ctx, s, folder);

    if (code == OK)
        code = temporary(ctx, s, &own);
    if (code == OK)
        code = link_or_copy(ctx, from, own);
    if (code != OK)
        return code;
    if (rename(own, to) != 0)
        code = blob_fail_file(ctx, "rename", own);
    unlink(own); /* two names of one file: then rename(2) does nothing */
    return code != OK ? code : sync_folder(ctx, folder);
}

/* ---- the engine ---- */

static void folder_close(struct blob_store *s) {
    struct folder *f = (struct folder *)(void *)s;

    free(f->root);
    free(f);
}

static enum code folder_ping(struct ctx *ctx, struct blob_store *s) {
    return access(root_of(s), R_OK | W_OK | X_OK) == 0 ? OK : blob_fail_file(ctx, "use", root_of(s));
}

/* The bytes are on the disk, and nobody changes them by mistake. */
static enum code seal(struct ctx *ctx, const char *path, int64_t *ret_bytes) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &st) == 0 && fsync(fd) == 0;
    enum code code = good ? OK : blob_fail_file(ctx, "sync", path);

    if (good) {
        *ret_bytes = st.st_size;
        (void)fchmod(fd, 0440);
    }
    if (fd >= 0)
        close(fd);
    return code;
}

static enum code folder_put(struct ctx *ctx, struct blob_store *s, const char *key, const char *path,
                            const char *type) {
    const char *to = place(ctx, s, "files", key);
    struct stat st;
    int64_t bytes = 0;
    enum code code = seal(ctx, path, &bytes);

    (void)type; /* the extension tells nginx */
    if (code != OK)
        return code;
    if (stat(to, &st) == 0 && st.st_size == bytes)
        return sync_folder(ctx, parent_of(ctx, to)); /* who put it may not have come so far */
    return settle(ctx, s, path, to);
}

static enum code folder_publish(struct ctx *ctx, struct blob_store *s, const char *key, bool on) {
    const char *from = place(ctx, s, "files", key), *to = place(ctx, s, "public", key);
    struct stat a, b;

    if (!on)
        return unlink(to) == 0                       ? sync_folder(ctx, parent_of(ctx, to))
               : errno == ENOENT || errno == ENOTDIR ? OK
                                                     : blob_fail_file(ctx, "remove", to);
    if (stat(from, &a) != 0)
        return errno == ENOENT ? fail(ctx, NOT_FOUND, "There is no such file.")
                               : blob_fail_file(ctx, "look at", from);
    if (stat(to, &b) == 0 && a.st_size == b.st_size)
        return OK;
    return settle(ctx, s, from, to);
}

static enum code folder_get(struct ctx *ctx, struct blob_store *s, const char *key, const char *path) {
    const char *from = place(ctx, s, "files", key);
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    enum code code;

    if (fd < 0)
        return errno == ENOENT ? fail(ctx, NOT_FOUND, "There is no such file.")
                               : blob_fail_file(ctx, "open", from);
    code = blob_copy(ctx, fd, path);
    close(fd);
    return code;
}

static enum code folder_stat(struct ctx *ctx, struct blob_store *s, const char *key, struct blob_info *ret) {
    const char *path = place(ctx, s, "files", key);
    struct stat st;

    if (stat(path, &st) != 0)
        return errno == ENOENT ? fail(ctx, NOT_FOUND, "There is no such file.")
                               : blob_fail_file(ctx, "look at", path);
    *ret = (struct blob_info){st.st_size, access(place(ctx, s, "public", key), F_OK) == 0};
    return OK;
}

/* The public name first: what is half removed is no longer shown. */
static enum code folder_remove(struct ctx *ctx, struct blob_store *s, const char *key) {
    const char *path = place(ctx, s, "files", key);
    enum code code = folder_publish(ctx, s, key, false);

    if (code != OK)
        return code;
    if (unlink(path) == 0)
        return sync_folder(ctx, parent_of(ctx, path));
    return errno == ENOENT ? OK : blob_fail_file(ctx, "remove", path);
}

static const char *folder_url(struct ctx *ctx, struct blob_store *s, const char *key, bool is_public,
                              int64_t seconds) {
    (void)ctx;
    (void)s;
    (void)key;
    (void)is_public;
    (void)seconds;
    return NULL;
}

/* ---- listing ---- */

struct names {
    const char **v;
    size_t n;
};

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_no_dot(const struct dirent *e) { return e->d_name[0] != '.'; }

/* The names in a folder from `from` on, in order; none where there is no folder. */
static enum code names_in(struct ctx *ctx, const char *path, const char *from, struct names *ret) {
    struct dirent **entries;
    int n = scandir(path, &entries, is_no_dot, by_name);

    *ret = (struct names){0};
    if (n < 0)
        return errno == ENOENT || errno == ENOTDIR ? OK : blob_fail_file(ctx, "read", path);
    ret->v = arena_many(ctx->arena, const char *, (size_t)n);
    for (int i = 0; i < n; i++) {
        if (strcmp(entries[i]->d_name, from) >= 0)
            ret->v[ret->n++] = arena_strdup(ctx->arena, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return OK;
}

static void add(struct blob_page *page, const char *path, const char *key) {
    struct stat st;

    if (!blob_key_valid(key) || stat(path, &st) != 0)
        return;
    page->keys[page->n] = key;
    page->bytes[page->n] = st.st_size;
    page->changed_ms[page->n++] = (int64_t)st.st_mtim.tv_sec * 1000;
}

/* A walk through FOLDER/files: two levels of folders, named by the first four digits of the keys in them. */
struct walk {
    const char *after; /* a key, or "" */
    size_t limit;
    struct blob_page *page;
};

static enum code walk_files(struct ctx *ctx, const char *path, bool on_edge, const struct walk *w) {
    struct names names;
    enum code code = names_in(ctx, path, on_edge ? w->after : "", &names);

    for (size_t i = 0; code == OK && i < names.n && !w->page->more; i++) {
        if (on_edge && strcmp(names.v[i], w->after) == 0)
            continue;
        if (w->page->n == w->limit)
            w->page->more = true;
        else
            add(w->page, arena_printf(ctx->arena, "%s/%s", path, names.v[i]), names.v[i]);
    }
    return code;
}

/* level 0: ab, 1: cd. on_edge: `after` lies in this folder; else all of it comes after that. */
static enum code walk(struct ctx *ctx, const char *path, int level, bool on_edge, const struct walk *w) {
    const char *edge = on_edge ? arena_strndup(ctx->arena, w->after + 2 * level, 2) : "";
    struct names names;
    enum code code;

    if (level == 2)
        return walk_files(ctx, path, on_edge, w);
    code = names_in(ctx, path, edge, &names);
    for (size_t i = 0; code == OK && i < names.n && !w->page->more; i++)
        code = walk(ctx, arena_printf(ctx->arena, "%s/%s", path, names.v[i]), level + 1,
                    on_edge && strcmp(names.v[i], edge) == 0, w);
    return code;
}

static enum code folder_list(struct ctx *ctx, struct blob_store *s, const char *after, size_t limit,
                             struct blob_page *ret) {
    struct walk w = {after, limit, ret};
    enum code code = folder_ping(ctx, s);

    if (code != OK)
        return code;
    return walk(ctx, arena_printf(ctx->arena, "%s/files", root_of(s)), 0, blob_key_valid(after), &w);
}

static enum code folder_tidy(struct ctx *ctx, struct blob_store *s, int64_t before_ms, int64_t *ret_n) {
    const char *folder = arena_printf(ctx->arena, "%s/tmp", root_of(s));
    struct names names;
    enum code code = names_in(ctx, folder, "", &names);

    for (size_t i = 0; code == OK && i < names.n; i++) {
        const char *path = arena_printf(ctx->arena, "%s/%s", folder, names.v[i]);
        struct stat st;
        if (stat(path, &st) != 0 || (int64_t)st.st_ctim.tv_sec * 1000 >= before_ms)
            continue;
        if (unlink(path) == 0)
            (*ret_n)++;
        else if (errno != ENOENT)
            code = blob_fail_file(ctx, "remove", path);
    }
    return code;
}

static const struct blob_engine folder_engine = {
    .name = "folder",
    .close = folder_close,
    .ping = folder_ping,
    .put = folder_put,
    .publish = folder_publish,
    .get = folder_get,
    .stat = folder_stat,
    .remove = folder_remove,
    .list = folder_list,
    .tidy = folder_tidy,
    .url = folder_url,
};

struct blob_store *blob_folder_open(const char *setting, const char **ret_problem) {
    const char *root = setting + strlen("folder:");
    size_t n = strlen(root);
    struct folder *f = calloc(1, sizeof *f);

    while (n > 1 && root[n - 1] == '/')
        n--;
    if (f != NULL)
        f->root = strndup(root, n);
    if (f == NULL || f->root == NULL) {
        free(f);
        *ret_problem = "there is no memory for it";
        return NULL;
    }
    f->store.engine = &folder_engine;
    return &f->store;
}
