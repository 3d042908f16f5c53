/* What the post service does with events: fan-out to home timelines, and repairs of read models and kept
 * pages. */
#ifndef DEEPLINK_POST_WORKER_H
#define DEEPLINK_POST_WORKER_H

#include "fcgi/drivers/bus.h"

extern const struct consumer post_consumers[];

#endif
