#include "handlers/media/worker.h"
#include "handlers/media/worker_card.h"
#include "handlers/services.h"

static const char *const erase_topics[] = {"erase.v1", "erase.media.v1", NULL};
static const char *const post_topics[] = {"post.v1", NULL};
static const char *const media_topics[] = {"media.v1", NULL};

const struct consumer media_consumers[] = {
    {.name = "media-live",
     .service = SVC_MEDIA,
     .topics = media_topics,
     .batch = 100,
     .handle = media_live_events},
    {.name = "erase-media",
     .service = SVC_MEDIA,
     .topics = erase_topics,
     .batch = 1,
     .handle = media_erase_events},
    {.name = "link-cards",
     .service = SVC_MEDIA,
     .topics = post_topics,
     .batch = 50,
     .handle = media_card_post_events},
    {.name = "card-pictures",
     .service = SVC_MEDIA,
     .topics = media_topics,
     .batch = 50,
     .handle = media_card_media_events},
    {0},
};
