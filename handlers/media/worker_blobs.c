/* Delete means gone: blobs that nothing needs any more leave the store within a second of the change that
 * says so, and what is not for everybody any more is no longer shown. */
#include "handlers/media/worker_blobs.h"

#include "handlers/media/store_storage.h"
#include "handlers/media/worker.h"
#include "handlers/media/worker_card.h"
#include "handlers/services.h"

static enum code settle_blobs(struct ctx *ctx, int64_t *ret_wait_ms) {
    struct media_settled settled;
    enum code c = media_store_settle(ctx, &settled);

    if (settled.looked_at > 0)
        *ret_wait_ms = 0;
    return c;
}

const struct timer media_timers[] = {
    {.name = "media-blobs", .service = SVC_MEDIA, .run = settle_blobs},
    {.name = "media-make",
     .service = SVC_MEDIA,
     .run = media_make_run,
     .listen = media_make_listen,
     .process = TIMER_FILES},
    {.name = "link-cards",
     .service = SVC_MEDIA,
     .run = media_cards_run,
     .finish = media_cards_finish,
     .process = TIMER_FETCH},
    {.name = "link-cards-tidy", .service = SVC_MEDIA, .run = media_cards_tidy_run, .process = TIMER_FETCH},
    {0},
};
