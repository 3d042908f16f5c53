#include "handlers/media/types.h"

#include <errno.h>
#include <fcntl.h>
#include <magic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"

#define HEAD_BYTES (INT64_C(256) << 10) /* most formats say what they are within these */
#define WHOLE_BYTES (INT64_C(16) << 20) /* a compound document says it in its directory, wherever that is */
#define MB (INT64_C(1) << 20)
#define WRONG tr_mark("Something went wrong on our side.")

enum code media_type_check_size(struct ctx *ctx, Pb__MediaKind kind, int64_t bytes) {
    int64_t limit = media_type_limit(ctx, kind);

    if (bytes == 0)
        return fail_field_as(ctx, "file", FIELD_BLANK, tr_mark("This file is empty."));
    if (bytes <= limit)
        return OK;
    return fail_field_as(ctx, "file", FIELD_TOO_LONG,
                         tr_fill(ctx->arena, ctx->lang,
                                 tr_mark("This file is too large: at most {limit} MB."), "limit",
                                 arena_printf(ctx->arena, "%lld", (long long)(limit / MB)), NULL));
}

/* ---- libmagic */

/* Its tables are read once a process, when the first upload comes. */
static magic_t magic(void) {
    static magic_t cookie;

    if (cookie == NULL &&
        (cookie = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ELF |
                             MAGIC_NO_CHECK_TAR)) != NULL &&
        magic_load(cookie, NULL) != 0) {
        magic_close(cookie);
        cookie = NULL;
    }
    return cookie;
}

/* What it says of a piece of a file; NULL: nothing. The piece is mapped, not read. */
static const char *ask_magic(struct ctx *ctx, int fd, int64_t offset, int64_t bytes) {
    int64_t begin = offset & ~(sysconf(_SC_PAGESIZE) - 1);
    size_t n = (size_t)(offset - begin + bytes);
    char *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, begin);
    const char *said = NULL;

    if (p == MAP_FAILED)
        return NULL;
    if (magic() != NULL)
        said = arena_strdup(ctx->arena, magic_buffer(magic(), p + (offset - begin), (size_t)bytes));
    munmap(p, n);
    return said;
}

static bool is_compound(const char *said) {
    return strcmp(said, "application/CDFV2") == 0 || strcmp(said, "application/x-ole-storage") == 0 ||
           strcmp(said, "application/octet-stream") == 0;
}

static const char *said_of(struct ctx *ctx, const char *path, int64_t offset, int64_t bytes) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    const char *said = fd >= 0 ? ask_magic(ctx, fd, offset, bytes < HEAD_BYTES ? bytes : HEAD_BYTES) : NULL;

    if (said != NULL && bytes > HEAD_BYTES && is_compound(said))
        said = ask_magic(ctx, fd, offset, bytes < WHOLE_BYTES ? bytes : WHOLE_BYTES);
    if (fd >= 0)
        close(fd);
    return said;
}

static enum code refuse(struct ctx *ctx, const char *said, bool portrait) {
    const char *text =
        portrait ? tr_mark("Pictures of you must be JPEG, PNG, WebP, GIF, AVIF or HEIC. This file is {type}.")
                 : tr_mark("Files of this type are not taken: {type}. Pictures, video, sound, PDF, office "
                           "documents and plain text are.");

    return fail_field(ctx, "file", tr_fill(ctx->arena, ctx->lang, text, "type", said, NULL));
}

enum code media_type_find(struct ctx *ctx, const char *path, int64_t offset, int64_t bytes,
                          const char *purpose, const struct media_type **ret) {
    bool portrait = strcmp(purpose, "post") != 0;
    const char *said;

    if (bytes <= 0)
        return fail_field_as(ctx, "file", FIELD_BLANK, tr_mark("This file is empty."));
    if ((said = said_of(ctx, path, offset, bytes)) == NULL)
        return fail_detail(ctx, INTERNAL, WRONG, "media: cannot tell what %s is: %s", path, strerror(errno));
    *ret = media_type_said(said);
    return *ret == NULL || (portrait && !(*ret)->portrait) ? refuse(ctx, said, portrait) : OK;
}
