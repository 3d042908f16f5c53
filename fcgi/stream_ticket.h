/* A ticket lets its bearer open one stream at a hub. A pool writes it for a request that it has checked
 * (session or token, scope, what may be seen), and hands it to the hub through the gateway
 * (X-Accel-Redirect), so that a hub needs no database and knows no service. It is signed with the site's
 * secret and is good for half a minute. */
#ifndef DEEPLINK_STREAM_TICKET_H
#define DEEPLINK_STREAM_TICKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

#define STREAM_TICKET_MS 30000
#define STREAM_TICKET_MAX 3000 /* bytes of a ticket */
#define STREAM_POSTS_MAX 60    /* channels of posts in one stream */
#define STREAM_NAME_LEN 100    /* of a tag or list */

enum stream_face {
    STREAM_SOCKET = 'w', /* WebSocket, as Mastodon's clients speak it */
    STREAM_EVENTS = 'e', /* EventSource, the same events */
    STREAM_PAGE = 'p'    /* EventSource of our own pages */
};

struct stream_ticket {
    enum stream_face face;
    int64_t issued_ms, until_ms; /* until_ms: when the stream ends at the latest (the token does); 0: never */
    int64_t member_id, session_id, token_id;
    unsigned scopes;       /* bits of struct stream_kind */
    const char *from;      /* the member's sequence when the ticket was written */
    const char *last;      /* what the client saw last; "": nothing */
    const char *ip;        /* "": unknown */
    const char *stream;    /* name of what it begins with; "": nothing yet */
    const char *parameter; /* its tag or list; "": none */
    const int64_t *posts;
    size_t n_posts;
};

/* In the arena, in characters that may stand in a query. */
const char *stream_ticket_write(struct arena *a, const unsigned char *secret, const struct stream_ticket *t);

/* false when it was not written here, or is too old. What *ret points to is in the arena. */
bool stream_ticket_read(struct arena *a, const unsigned char *secret, const char *text, int64_t now_ms,
                        struct stream_ticket *ret);

#endif
