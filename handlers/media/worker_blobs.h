/* What the media service does without being told: see worker_blobs.c. */
#ifndef DEEPLINK_MEDIA_WORKER_BLOBS_H
#define DEEPLINK_MEDIA_WORKER_BLOBS_H

#include "fcgi/timer.h"

extern const struct timer media_timers[];

#endif
