/* Playlists of long videos name their pieces by keys, which are addresses beside the playlist's own. That
 * holds where nginx hands out both; else each piece needs an address of its own: signed as the playlist's
 * was and for as long, or the site's where the playlist comes out of a bucket. Whoever may have a playlist
 * may have its pieces, and nothing else. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/base/arena.h"
#include "fcgi/base/buf.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/drivers/blob.h"
#include "fcgi/i18n.h"
#include "handlers/common/media.h"
#include "handlers/media/service_file.h"
#include "handlers/media/store.h"

#define TEXT_MAX ((size_t)1024 * 1024)
#define HEX "0123456789abcdef"
#define LETTERS HEX "ghijklmnopqrstuvwxyz."

static enum code read_blob(struct ctx *ctx, const char *key, char **ret) {
    const char *path =
        media_spool_path(ctx, arena_printf(ctx->arena, "playlist-%s", crypto_token(ctx->arena, 12)));
    enum code c = blob_get(ctx, media_blobs(), key, path);
    ssize_t n = -1;
    int fd;

    if (c != OK)
        return c;
    *ret = arena_alloc(ctx->arena, TEXT_MAX + 1);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, *ret, TEXT_MAX);
        close(fd);
    }
    unlink(path);
    if (n < 0)
        return fail_detail(ctx, UNAVAILABLE, "Files can not be stored or read at the moment.", "media: %s",
                           path);
    (*ret)[n] = '\0';
    return OK;
}

/* The key that a text begins with; NULL: none. */
static const char *key_at(struct ctx *ctx, const char *text) {
    const char *word = arena_strndup(ctx->arena, text, strspn(text, LETTERS));

    return blob_key_valid(word) ? word : NULL;
}

static const char *address_of(struct ctx *ctx, const char *key, int64_t expires_s) {
    Pb__MediaView open = PB__MEDIA_VIEW__INIT;
    Pb__MediaFile piece = PB__MEDIA_FILE__INIT;

    if (expires_s != 0)
        return media_path_until(ctx, key, expires_s);
    open.is_public = true;
    piece.key = key;
    return media_path(ctx, &open, &piece);
}

enum code media_file_playlist(struct ctx *ctx, const char *key, int64_t expires_s, const char **ret) {
    struct buf out;
    char *text;
    enum code c = read_blob(ctx, key, &text);

    if (c != OK)
        return c;
    buf_init(&out, ctx->arena, 4 * TEXT_MAX);
    while (*text != '\0') {
        size_t n = strcspn(text, HEX);
        const char *piece;
        buf_add(&out, text, n);
        text += n;
        n = strspn(text, LETTERS);
        piece = key_at(ctx, text);
        if (piece != NULL)
            buf_puts(&out, address_of(ctx, piece, expires_s));
        else
            buf_add(&out, text, n);
        text += n;
    }
    *ret = buf_str(&out);
    return OK;
}
