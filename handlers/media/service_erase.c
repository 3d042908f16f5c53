/* Erasing what a member uploaded, once the account is gone: a batch at a time. */
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/common/models.h"
#include "handlers/media/service_uploads.h"
#include "handlers/media/store.h"

#define BATCH 100
#define BATCH_MAX 500

/* One that a worker changes at this moment is of the next batch. */
static enum code erase_rows(struct ctx *ctx, const struct media_row *rows, size_t n, int64_t *ret_erased) {
    bool ok;
    enum code c = OK;

    for (size_t i = 0; i < n && c == OK; i++) {
        c = media_store_remove(ctx, &rows[i], &ok);
        *ret_erased += c == OK && ok;
    }
    return c;
}

enum code media_service_erase_media(struct ctx *ctx, const Pb__EraseMediaRequest *req,
                                    Pb__EraseMediaReply *reply) {
    unsigned limit = limit_of(req->limit, BATCH, BATCH_MAX);
    struct media_row *rows;
    size_t n;
    enum code c;

    if ((c = card_check_erasing(ctx, req->user_id)) != OK ||
        (c = media_upload_erase(ctx, req->user_id)) != OK ||
        (c = media_store_of_owner(ctx, req->user_id, limit, &rows, &n)) != OK ||
        (c = erase_rows(ctx, rows, n, &reply->erased)) != OK)
        return c;
    reply->done = n == 0;
    return n == 0 ? media_store_docs_erase(ctx, req->user_id) : OK;
}
