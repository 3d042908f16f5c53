/* Waiting, within a request, for files that are being made: for clients that know no "not yet". */
#ifndef DEEPLINK_COMMON_MEDIA_WAIT_H
#define DEEPLINK_COMMON_MEDIA_WAIT_H

#include <stdbool.h>

#include "fcgi/ctx.h"

/* Sleeps a moment before the next look. false: look no more, since it took three seconds, or since a quarter
 * of the pool's workers wait so already. *until_us is 0 at first. */
bool media_wait(const struct ctx *ctx, int64_t *until_us);

#endif
