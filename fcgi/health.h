/* The runtime's own endpoints: /livez, /readyz and /metrics. They need no guard; nginx decides who may ask.
 */
#ifndef DEEPLINK_HEALTH_H
#define DEEPLINK_HEALTH_H

#include <stdbool.h>

#include "fcgi/router.h"

/* Ends with a row without pattern. */
extern const struct route health_routes[];

/* Whether a row (NULL: no) is one of them. */
bool health_is(const struct route *row);

/* Registers the pool's metrics; before the fork. */
void health_init(void);

/* Counts one answered request. */
void health_count(const struct request *req, int64_t us);

#endif
