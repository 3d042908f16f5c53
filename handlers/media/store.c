#include "handlers/media/store.h"

#include "fcgi/config.h"
#include "fcgi/drivers/blob.h"
#include "handlers/media/store_storage.h"

static struct blob_store *blobs;

enum code media_store_start(struct ctx *ctx) {
    const char *problem = NULL;

    media_spool_prepare(ctx);
    if (blobs == NULL)
        blobs = blob_open(ctx->env->config, ctx->env->config->media, &problem);
    return blobs != NULL
               ? OK
               : fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "media: %s", problem);
}

bool media_store_use(struct ctx *ctx, const char *setting, const char **ret_problem) {
    struct blob_store *other = blob_open(ctx->env->config, setting, ret_problem);

    if (other == NULL)
        return false;
    blob_close(blobs);
    blobs = other;
    return true;
}

struct blob_store *media_blobs(void) {
    return blobs;
}
