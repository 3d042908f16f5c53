#include "handlers/media/service_file.h"

#include "fcgi/base/arena.h"
#include "fcgi/drivers/blob.h"
#include "handlers/media/store.h"
#include "handlers/media/store_storage.h"

#define HOUR_S INT64_C(3600)

enum code media_file_place(struct ctx *ctx, const char *key, int64_t left_s, struct media_place *ret) {
    bool is_public = false;
    enum code code = OK;

    if (!blob_key_valid(key))
        return fail(ctx, NOT_FOUND, "There is no such file, or its address has grown old.");
    if (left_s <= 0)
        code = media_store_is_public(ctx, key, &is_public);
    if (code != OK)
        return code;
    if (left_s <= 0 && !is_public)
        return fail(ctx, NOT_FOUND, "There is no such file, or its address has grown old.");
    *ret = (struct media_place){.path = blob_path(ctx->arena, key),
                                .type = blob_type(key),
                                .is_public = is_public,
                                .seconds = is_public ? HOUR_S : left_s};
    /* Whoever follows a remembered redirect at the last moment still has an hour. */
    ret->url = blob_url(ctx, media_blobs(), key, is_public, is_public ? 2 * HOUR_S : left_s);
    return OK;
}
