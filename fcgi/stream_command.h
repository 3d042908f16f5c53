/* What clients say on a WebSocket: {"type":"subscribe","stream":"hashtag","tag":"birds"}
 * (https://docs.joinmastodon.org/methods/streaming/#websocket). */
#ifndef DEEPLINK_STREAM_COMMAND_H
#define DEEPLINK_STREAM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct stream_command {
    bool subscribe; /* else unsubscribe */
    const char *stream;
    const char *tag, *list; /* "" when not said */
};

/* Reads n bytes into the arena. NULL when they are such a command; else what is wrong with them, in words. */
const char *stream_command_read(struct arena *a, const char *p, size_t n, struct stream_command *ret);

#endif
