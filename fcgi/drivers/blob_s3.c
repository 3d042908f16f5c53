/* Blobs in a bucket. An object is there when the store has said so, and whole: a single PUT names the SHA-256
 * that it must have, and the pieces of a large one are no object before they are put together. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/blob_engine.h"
#include "fcgi/drivers/blob_s3_put.h"
#include "fcgi/drivers/s3.h"

#define LIST_MAX 1000 /* a page of S3 has no more */

struct bucket {
    struct blob_store store; /* first */
    struct s3 *s3;
    char *cdn; /* "" or an address, no slash at its end */
};

static struct bucket *bucket_of(struct blob_store *s) { return (struct bucket *)(void *)s; }

static const char *object(struct ctx *ctx, struct blob_store *s, const char *tree, const char *key) {
    return arena_printf(ctx->arena, "%s%s/%s", s3_prefix(bucket_of(s)->s3), tree, blob_path(ctx->arena, key));
}

static enum code simple(struct ctx *ctx, struct blob_store *s, const char *method, const char *name,
                        struct s3_answer *ret) {
    struct s3_call call = {.method = method, .object = name, .from = -1, .to = -1};

    return s3_run(ctx, bucket_of(s)->s3, &call, ret);
}

static void bucket_close(struct blob_store *s) {
    struct bucket *b = bucket_of(s);

    if (b->s3 != NULL)
        s3_close(b->s3);
    free(b->cdn);
    free(b);
}

static enum code bucket_ping(struct ctx *ctx, struct blob_store *s) {
    struct s3_answer answer;

    return simple(ctx, s, "HEAD", "", &answer);
}

/* Of one object; NOT_FOUND is no failure of ctx then. */
static enum code look(struct ctx *ctx, struct blob_store *s, const char *name, int64_t *ret_bytes) {
    struct s3_answer answer;
    enum code code = simple(ctx, s, "HEAD", name, &answer);

    *ret_bytes = answer.length;
    if (code == NOT_FOUND)
        fail_clear(ctx);
    return code;
}

static enum code bucket_put(struct ctx *ctx, struct blob_store *s, const char *key, const char *path,
                            const char *type) {
    struct blob_s3_put put = {.object = object(ctx, s, "files", key),
                              .hash = arena_strndup(ctx->arena, key, 64),
                              .type = type,
                              .disposition = blob_is_shown(key) ? "inline" : "attachment"};
    int64_t bytes;
    struct stat st;
    enum code code;

    put.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (put.fd < 0)
        return blob_fail_file(ctx, "open", path);
    if (fstat(put.fd, &st) != 0) {
        close(put.fd);
        return blob_fail_file(ctx, "look at", path);
    }
    put.bytes = st.st_size;
    code = look(ctx, s, put.object, &bytes);
    if (code == NOT_FOUND || (code == OK && bytes != put.bytes))
        code = blob_s3_put(ctx, bucket_of(s)->s3, &put);
    close(put.fd);
    return code;
}

/* Without a CDN nobody reads what is public from the bucket but by signed addresses: the row that says so is
 * enough, and no copy is kept. */
static enum code bucket_publish(struct ctx *ctx, struct blob_store *s, const char *key, bool on) {
    const char *from = object(ctx, s, "files", key), *to = object(ctx, s, "public", key);
    struct s3_call call = {.method = "PUT", .object = to, .from = -1, .to = -1};
    struct s3_answer answer;
    int64_t bytes;
    enum code code;

    if (!on)
        return simple(ctx, s, "DELETE", to, &answer);
    code = look(ctx, s, from, &bytes);
    if (code == NOT_FOUND)
        return fail(ctx, NOT_FOUND, "There is no such file.");
    if (code != OK || bucket_of(s)->cdn[0] == '\0')
        return code;
    call.headers[0] = (struct s3_pair){"x-amz-copy-source",
                                       arena_printf(ctx->arena, "/%s/%s", s3_bucket(bucket_of(s)->s3), from)};
    code = s3_run(ctx, bucket_of(s)->s3, &call, &answer);
    if (code == OK && strstr(answer.body, "<Error>") != NULL) /* a copy may fail after its 200 */
        return fail_detail(ctx, UNAVAILABLE, "Files can not be stored or read at the moment.", "s3: copy: %s",
                           answer.body);
    return code;
}

static enum code bucket_get(struct ctx *ctx, struct blob_store *s, const char *key, const char *path) {
    struct s3_call call = {.method = "GET", .object = object(ctx, s, "files", key), .from = -1};
    struct s3_answer answer;
    enum code code;

    call.to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (call.to < 0)
        return blob_fail_file(ctx, "make", path);
    code = s3_run(ctx, bucket_of(s)->s3, &call, &answer);
    if (code == OK && fsync(call.to) != 0)
        code = blob_fail_file(ctx, "sync", path);
    close(call.to);
    if (code != OK)
        unlink(path);
    return code;
}

static enum code bucket_stat(struct ctx *ctx, struct blob_store *s, const char *key, struct blob_info *ret) {
    int64_t bytes, copy;
    enum code code = look(ctx, s, object(ctx, s, "files", key), &bytes);

    if (code == NOT_FOUND)
        return fail(ctx, NOT_FOUND, "There is no such file.");
    if (code != OK)
        return code;
    *ret = (struct blob_info){.bytes = bytes};
    if (bucket_of(s)->cdn[0] == '\0')
        return OK;
    code = look(ctx, s, object(ctx, s, "public", key), &copy);
    ret->is_public = code == OK;
    return code == NOT_FOUND ? OK : code;
}

/* The public copy first, as it may be there without a CDN too, from a time when there was one. */
static enum code bucket_remove(struct ctx *ctx, struct blob_store *s, const char *key) {
    struct s3_answer answer;
    enum code code = bucket_publish(ctx, s, key, false);

    if (code == OK || code == NOT_FOUND)
        code = simple(ctx, s, "DELETE", object(ctx, s, "files", key), &answer);
    if (code != NOT_FOUND)
        return code;
    fail_clear(ctx);
    return OK;
}

/* ---- listing ---- */

/* "2026-11-26T10:00:00.000Z" */
static int64_t time_of(const char *text) {
    struct tm tm = {0};

    return text != NULL && strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) != NULL ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void read_page(struct ctx *ctx, const char *body, struct blob_page *page) {
    const char *at = body, *entry, *key;

    while ((entry = strstr(at, "<Contents>")) != NULL) {
        const char *end = strstr(entry, "</Contents>"), *a = entry, *b = entry, *c = entry;
        const char *name = s3_tag(ctx, &a, "Key"), *bytes = s3_tag(ctx, &b, "Size");
        int64_t n = 0;
        if (end == NULL || name == NULL || bytes == NULL)
            return;
        at = end;
        key = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
        if (!blob_key_valid(key) || !text_parse_int(bytes, 0, INT64_MAX, &n))
            continue;
        page->keys[page->n] = key;
        page->bytes[page->n] = n;
        page->changed_ms[page->n++] = time_of(s3_tag(ctx, &c, "LastModified"));
    }
}

static enum code bucket_list(struct ctx *ctx, struct blob_store *s, const char *after, size_t limit,
                             struct blob_page *ret) {
    size_t n = limit < LIST_MAX ? limit : LIST_MAX;
    const char *start = after[0] != '\0' ? object(ctx, s, "files", after) : "";
    const struct s3_pair query[] = {
        {"list-type", "2"},
        {"max-keys", arena_printf(ctx->arena, "%zu", n)},
        {"prefix", arena_printf(ctx->arena, "%sfiles/", s3_prefix(bucket_of(s)->s3))},
        {"start-after", start},
    };
    struct s3_call call = {.method = "GET",
                           .object = "",
                           .query = query,
                           .n_query = start[0] != '\0' ? 4 : 3,
                           .from = -1,
                           .to = -1};
    struct s3_answer answer;
    enum code code = s3_run(ctx, bucket_of(s)->s3, &call, &answer);
    const char *at = answer.body;

    if (code != OK)
        return code;
    read_page(ctx, answer.body, ret);
    ret->more = text_equal(s3_tag(ctx, &at, "IsTruncated"), "true");
    return OK;
}

/* Pieces of large files that were never put together. */
static enum code bucket_tidy(struct ctx *ctx, struct blob_store *s, int64_t before_ms, int64_t *ret_n) {
    struct s3 *s3 = bucket_of(s)->s3;
    const struct s3_pair query[] = {{"prefix", arena_printf(ctx->arena, "%sfiles/", s3_prefix(s3))},
                                    {"uploads", ""}};
    struct s3_call call = {.method = "GET", .object = "", .query = query, .n_query = 2, .from = -1, .to = -1};
    struct s3_answer answer;
    enum code code = s3_run(ctx, s3, &call, &answer);
    const char *at = answer.body;

    while (code == OK && (at = strstr(at, "<Upload>")) != NULL) {
        const char *a = at, *b = at, *c = at;
        const char *name = s3_tag(ctx, &a, "Key"), *id = s3_tag(ctx, &b, "UploadId");
        int64_t begun_ms = time_of(s3_tag(ctx, &c, "Initiated"));
        at++;
        if (name == NULL || id == NULL || begun_ms >= before_ms)
            continue;
        code = blob_s3_abort(ctx, s3, name, id);
        *ret_n += code == OK;
    }
    return code;
}

static const char *bucket_url(struct ctx *ctx, struct blob_store *s, const char *key, bool is_public,
                              int64_t seconds) {
    const struct bucket *b = bucket_of(s);

    if (is_public && b->cdn[0] != '\0')
        return arena_printf(ctx->arena, "%s/%s", b->cdn, blob_path(ctx->arena, key));
    return s3_address(ctx, b->s3, object(ctx, s, "files", key), seconds);
}

static const struct blob_engine s3_engine = {
    .name = "s3",
    .close = bucket_close,
    .ping = bucket_ping,
    .put = bucket_put,
    .publish = bucket_publish,
    .get = bucket_get,
    .stat = bucket_stat,
    .remove = bucket_remove,
    .list = bucket_list,
    .tidy = bucket_tidy,
    .url = bucket_url,
};

struct blob_store *blob_s3_open(const struct config *config, const char *setting, const char **ret_problem) {
    struct bucket *b = calloc(1, sizeof *b);
    size_t n = strlen(config->media_cdn);

    *ret_problem = "there is no memory for it";
    if (b == NULL)
        return NULL;
    b->store.engine = &s3_engine;
    b->cdn = strndup(config->media_cdn, n > 0 && config->media_cdn[n - 1] == '/' ? n - 1 : n);
    b->s3 = b->cdn != NULL ? s3_open(config, setting, ret_problem) : NULL;
    if (b->s3 != NULL)
        return &b->store;
    bucket_close(&b->store);
    return NULL;
}
