/* What somebody signs in with, in a reader's words. */
#ifndef DEEPLINK_COMMON_DEVICE_H
#define DEEPLINK_COMMON_DEVICE_H

#include "fcgi/base/arena.h"

/* "Firefox on Linux", as events and sessions have it, in the reader's language. */
const char *device_words(struct arena *a, int lang, const char *device);

#endif
