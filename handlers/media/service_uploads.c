#include "handlers/media/service_uploads.h"

#include <string.h>
#include <unistd.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "handlers/media/rules.h"
#include "handlers/media/store.h"
#include "handlers/media/types.h"

#define OPEN_MAX 20 /* uploads of a member that are under way */
#define MB (INT64_C(1) << 20)

/* ---- beginning */

static bool is_hash(const char *s) { return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64; }

/* What would be refused at the end is refused now. */
static enum code judge(struct ctx *ctx, const struct media_upload *u, const char *type) {
    const struct media_type *known = *type != '\0' ? media_type_named(type) : NULL;
    int64_t limit = known != NULL ? media_type_limit(ctx, known->kind) : media_type_limit_all(ctx);

    if (*type != '\0' && known == NULL)
        return fail_field(ctx, "mime", tr_mark("Files of this type are not taken."));
    if (*u->sha256 != '\0' && !is_hash(u->sha256))
        return fail_field(ctx, "sha256", tr_mark("A SHA-256 has 64 digits from 0 to 9 and a to f."));
    if (u->bytes <= limit)
        return OK;
    return fail_field_as(ctx, "size", FIELD_TOO_LONG,
                         tr_fill(ctx->arena, ctx->lang,
                                 tr_mark("This file is too large: at most {limit} MB."), "limit",
                                 arena_printf(ctx->arena, "%lld", (long long)(limit / MB)), NULL));
}

/* What has been begun takes room already, so that nobody fills the disk with halves. */
static enum code check_room(struct ctx *ctx, const struct media_upload *u) {
    int64_t quota = ctx->env->config->media_quota_mb * MB, used, files, begun, n;
    enum code c;

    if ((c = media_store_upload_open(ctx, u->owner_id, &begun, &n)) != OK ||
        (c = media_store_quota(ctx, u->owner_id, &used, &files)) != OK)
        return c;
    if (n >= OPEN_MAX)
        return fail_http(ctx, 429, EXHAUSTED,
                         tr_mark("You have begun 20 uploads already. Complete or remove one of them."));
    return quota != 0 && used + begun + u->bytes > quota ? media_no_room(ctx) : OK;
}

enum code media_upload_begin(struct ctx *ctx, struct media_upload *u, const char *type) {
    enum code c;

    u->id = id_next();
    u->owner_id = ctx->viewer_id;
    u->here = 0;
    u->changed_ms = clock_now_ms();
    u->file_name = media_file_name(ctx, u->file_name);
    if ((u->purpose = media_purpose(ctx, u->purpose)) == NULL)
        return INVALID;
    if ((c = judge(ctx, u, type)) != OK || (c = check_room(ctx, u)) != OK)
        return c;
    return media_store_upload_begin(ctx, u);
}

enum code media_upload_get(struct ctx *ctx, int64_t id, struct media_upload *ret) {
    return media_store_upload(ctx, ctx->viewer_id, id, ret);
}

/* ---- pieces */

/* As it is now, under the lock; a disk may have lost what it had promised. */
static enum code read_now(struct ctx *ctx, struct media_upload *u, int fd) {
    int64_t size = media_part_size(fd);
    enum code c = media_store_upload(ctx, u->owner_id, u->id, u);

    return c == OK && size < u->here ? media_store_upload_here(ctx, u, size) : c;
}

static enum code add(struct ctx *ctx, struct media_upload *u, int fd, const char *path, int64_t bytes,
                     int64_t offset) {
    enum code c = read_now(ctx, u, fd);

    if (c != OK)
        return c;
    if (offset != u->here)
        return media_upload_elsewhere(ctx);
    if (bytes > u->bytes - u->here)
        return fail_http(ctx, 413, INVALID, tr_mark("That is more than the size that was announced."));
    c = media_part_add(ctx, fd, u->here, path, bytes);
    return c == OK ? media_store_upload_here(ctx, u, u->here + bytes) : c;
}

enum code media_upload_add(struct ctx *ctx, struct media_upload *u, const char *path, int64_t bytes,
                           int64_t offset) {
    int fd;
    enum code c = media_part_lock(ctx, media_part_name(ctx, u->id), true, &fd);

    if (c != OK)
        return c;
    c = add(ctx, u, fd, path, bytes, offset);
    if (c == NOT_FOUND) /* it was ended meanwhile */
        media_spool_remove(ctx, media_part_name(ctx, u->id));
    close(fd);
    return c;
}

/* ---- the end */

static enum code check_whole(struct ctx *ctx, struct media_upload *u, int fd) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c = read_now(ctx, u, fd);

    if (c != OK)
        return c;
    if (u->here != u->bytes)
        return fail_http(ctx, 409, PRECONDITION,
                         tr_mark("This file is not whole yet. Go on from the offset in Upload-Offset."));
    if (*u->sha256 == '\0')
        return OK;
    if ((c = media_part_sha256(ctx, fd, u->bytes, hash)) != OK)
        return c;
    if (strcmp(text_hex(ctx->arena, hash, sizeof hash), u->sha256) == 0)
        return OK;
    if ((c = media_store_upload_here(ctx, u, 0)) != OK)
        return c;
    return fail_field(ctx, "sha256",
                      tr_mark("What came is not what was announced. Begin anew, from offset 0."));
}

/* What it became, when it was completed before. */
static enum code completed(struct ctx *ctx, int64_t id, Pb__MediaView **ret) {
    struct media_row *row;
    size_t n;
    enum code c = media_store_rows(ctx, ctx->viewer_id, &id, 1, &row, &n);

    *ret = NULL;
    return c == OK && n > 0 ? media_store_view(ctx, row, ret) : c;
}

/* The same after an attempt that was killed: what it left is removed, unless it has come to its end after
 * all. Its process is gone, but PostgreSQL may still be at its last statement. */
static enum code completed_or_undone(struct ctx *ctx, int64_t id, Pb__MediaView **ret) {
    struct media_row begun = {.id = id, .owner_id = ctx->viewer_id, .source = ""};
    enum code c = media_store_unmake(ctx, &begun, NULL);

    return c == OK ? completed(ctx, id, ret) : c;
}

static enum code make(struct ctx *ctx, struct media_upload *u, int fd, Pb__CreateMediaRequest *ask,
                      Pb__MediaView **ret) {
    enum code c;

    if ((c = completed_or_undone(ctx, u->id, ret)) != OK || *ret != NULL ||
        (c = check_whole(ctx, u, fd)) != OK)
        return c;
    ask->owner_id = u->owner_id;
    ask->file_name = u->file_name;
    ask->purpose = u->purpose;
    ask->path = media_spool_path(ctx, media_part_name(ctx, u->id));
    return media_make(ctx, ask, u->id, ret);
}

/* An attempt that was killed may have made the file the source of a medium already: then it is taken back,
 * if nobody has made that medium meanwhile. */
static enum code recover(struct ctx *ctx, int64_t id, Pb__MediaView **ret) {
    const char *source = id_str(ctx->arena, id);
    int fd;
    enum code c = media_part_lock(ctx, source, false, &fd);

    if (c != OK || fd < 0)
        return c;
    if ((c = completed_or_undone(ctx, id, ret)) == OK && *ret == NULL)
        c = media_spool_give_back(ctx, source, media_spool_path(ctx, media_part_name(ctx, id)));
    close(fd);
    return c;
}

enum code media_upload_complete(struct ctx *ctx, int64_t id, const char *description, double focus_x,
                                double focus_y, Pb__MediaView **ret) {
    Pb__CreateMediaRequest ask = PB__CREATE_MEDIA_REQUEST__INIT;
    struct media_upload u;
    int fd;
    enum code c = completed(ctx, id, ret);

    if (c != OK || *ret != NULL || (c = media_store_upload(ctx, ctx->viewer_id, id, &u)) != OK ||
        (c = recover(ctx, id, ret)) != OK || *ret != NULL ||
        (c = media_part_lock(ctx, media_part_name(ctx, id), true, &fd)) != OK)
        return c;
    ask.description = description;
    ask.focus_x = focus_x;
    ask.focus_y = focus_y;
    c = make(ctx, &u, fd, &ask, ret);
    close(fd);
    if (c == OK && media_store_upload_end(ctx, u.owner_id, id) != OK)
        fail_clear(ctx); /* it goes when it is old */
    return c;
}

enum code media_upload_end(struct ctx *ctx, int64_t id) {
    return media_store_upload_end(ctx, ctx->viewer_id, id);
}

enum code media_upload_erase(struct ctx *ctx, int64_t owner) { return media_store_upload_erase(ctx, owner); }
