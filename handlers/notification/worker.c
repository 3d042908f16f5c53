#include "handlers/notification/worker.h"

#include "handlers/notification/worker_deliver.h"
#include "handlers/services.h"

static const char *const erase_topics[] = {"erase.v1", "erase.notification.v1", NULL};

static const char *const deliver_topics[] = {"notify.v1", NULL};
static const char *const hook_topics[] = {"post.v1", "user.v1", "graph.v1", NULL};

const struct consumer notification_consumers[] = {
    {.name = "erase-notifications",
     .service = SVC_NOTIFICATION,
     .topics = erase_topics,
     .batch = 1,
     .handle = notification_erase_events},
    {.name = "deliver",
     .service = SVC_NOTIFICATION,
     .topics = deliver_topics,
     .batch = 50,
     .handle = notification_deliver_events},
    {.name = "webhooks",
     .service = SVC_NOTIFICATION,
     .topics = hook_topics,
     .batch = 50,
     .handle = notification_hook_events},
    {0},
};
