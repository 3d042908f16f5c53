/* What the connection service does with events: it repairs its read model when whoever made the change died
 * before doing it. */
#ifndef DEEPLINK_CONNECTION_WORKER_H
#define DEEPLINK_CONNECTION_WORKER_H

#include "fcgi/drivers/bus.h"

extern const struct consumer connection_consumers[];

#endif
