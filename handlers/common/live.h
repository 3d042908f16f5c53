/* Telling open streams (pages and apps) of what happened, after the commit and without waiting for the bus.
 * All of it is best effort: nothing is waited for, a Redis that is down is logged by its driver and fails
 * nobody. What goes to Redis goes along with the next round of this piece of work, at its end at the latest.
 * See fcgi/stream_wire.h for what stands in Redis.
 *
 * Events of members: "update" (a post for the home timeline), "status.update" (a post was edited), "delete"
 * (the id of a post), "notification" (Mastodon's Notification as JSON), "badge"
 * ({"notifications":N,"requests":M,"last":"<id>"}), "media"
 * ({"id":"<id>","state":"ready|failed","error":"…"}: what became of an upload; for pages alone); and for the
 * hubs alone "end" ({"session":"<id>"},
 * {"token":"<id>"} or {} for all: these streams are closed at once) and "relations" (whom the member blocks,
 * mutes or is blocked by has changed). Channels: "local", "tag:<folded name>", "list:<its owner>:<id>",
 * "post:<id>" ("counts"). */
#ifndef DEEPLINK_COMMON_LIVE_H
#define DEEPLINK_COMMON_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

struct live {
    const char *event;
    int64_t key;         /* the same thing told again has the same key, and reaches nobody twice; 0: none */
    int64_t authors[2];  /* whose doing it shows: who blocks or mutes them does not get it; 0: none */
    const char *payload; /* without line ends */
    size_t n;
};

/* Tells n members: appends to each one's capped Redis stream and publishes it to the hubs. */
void live_tell(struct ctx *ctx, const int64_t *members, size_t n, const struct live *live);

/* Tells whoever listens to a channel. */
void live_tell_channel(struct ctx *ctx, const char *channel, const struct live *live);

/* The same without key and authors. */
void live_push(struct ctx *ctx, const int64_t *members, size_t n, const char *event, const char *payload,
               size_t n_payload);
void live_publish(struct ctx *ctx, const char *channel, const char *event, const char *payload,
                  size_t n_payload);

/* Tells who has a post open of its counters; version orders them, an older one is of no interest. */
void live_counts(struct ctx *ctx, int64_t post_id, int64_t version, int64_t likes, int64_t reposts,
                 int64_t comments);
/* The payload of that event, "counts". */
struct buf;
void live_counts_write(struct buf *out, int64_t post_id, int64_t version, int64_t likes, int64_t reposts,
                       int64_t comments);

/* The channel of a member's list, and its name in the member's relations, are this with ids behind it. */
#define LIVE_LIST "list:"
const char *live_list(struct ctx *ctx, int64_t owner, int64_t list);

/* Which of n channels somebody listens to; none when Redis is down. */
void live_heard(struct ctx *ctx, const char *const *channels, size_t n, bool *ret);

/* Whether anybody has a stream open: what nobody would get need not be made. False when Redis is down. */
bool live_anybody(struct ctx *ctx);

#endif
