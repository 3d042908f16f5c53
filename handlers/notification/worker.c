#include "handlers/notification/worker.h"

#include "handlers/services.h"

static const char *const erase_topics[] = {"erase.v1", "erase.notification.v1", NULL};

const struct consumer notification_consumers[] = {
    {.name = "erase-notifications",
     .service = SVC_NOTIFICATION,
     .topics = erase_topics,
     .batch = 1,
     .handle = notification_erase_events},
    {0},
};
