/* How many things one answer has. */
#ifndef DEEPLINK_COMMON_LIMIT_H
#define DEEPLINK_COMMON_LIMIT_H

#include <stddef.h>

/* As many as were asked for, but at most `most`; `usual` when nothing was said. */
static inline size_t limit_of(size_t asked, size_t usual, size_t most) {
    return asked == 0 ? usual : asked < most ? asked : most;
}

#endif
