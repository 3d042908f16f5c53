/* Messages of a hub: one that many streams get is there once, and made ready for each face once. */
#ifndef DEEPLINK_STREAM_MSG_H
#define DEEPLINK_STREAM_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/base/buf.h"
#include "fcgi/stream.h"
#include "fcgi/stream_wire.h"

enum msg_body { MSG_HERE, MSG_ELSEWHERE, MSG_COMING, MSG_LOST };

struct msg {
    unsigned refs;
    struct stream_event event; /* payload and n stay empty */
    enum msg_body body;
    char *payload; /* one line of JSON, or an id; NULL unless body is MSG_HERE */
    size_t n;
    char *escaped; /* the payload as the inside of a JSON string, once it was needed */
    size_t n_escaped;
};

/* A message out of an event, with a copy of its payload, held once. NULL: no memory. */
struct msg *msg_new(const struct stream_event *e);
struct msg *msg_hold(struct msg *m);
void msg_drop(struct msg *m);

/* The payload of a message that was elsewhere: copied; NULL: it is lost. */
void msg_fill(struct msg *m, const char *payload, size_t n);

/* Where an event of a member stands in the member's sequence. */
struct msg_place {
    uint64_t ms, n; /* 0-0: nowhere */
};
bool msg_place_read(const char *id, struct msg_place *ret);
int msg_place_compare(const struct msg_place *a, const struct msg_place *b);

/* How a client of EventSource gets it (HTML Living Standard, 9.2), with the id when it has a place. brief:
 * {"id":"<key>"} in place of the payload. */
void msg_write_events(struct buf *out, const struct msg *m, bool brief, const struct msg_place *place);

/* How a client of Mastodon's WebSocket gets it. parameter may be "". */
void msg_write_socket(struct buf *out, struct msg *m, const char *stream, const char *parameter);

#endif
