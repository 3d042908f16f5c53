/* What the notification service does with events: it tells those concerned, each of everything once, whatever
 * is delivered again. */
#ifndef DEEPLINK_NOTIFICATION_WORKER_H
#define DEEPLINK_NOTIFICATION_WORKER_H

#include "fcgi/drivers/bus.h"
#include "handlers/notification/store.h"

extern const struct consumer notification_consumers[];

struct written {
    const struct event *event;
    int64_t author, post;
    const char *language; /* "" where it is not known */
};

/* What a batch of events comes to. */
struct telling {
    struct ctx *ctx;
    struct told *items;
    size_t n, room;
    struct written *written; /* new posts, of which followers may want to be told */
    size_t n_written;
    int64_t *gone; /* deleted posts */
    size_t n_gone;
    int64_t *severed[3]; /* members, the others, events */
    size_t n_severed;
    int64_t *actors; /* whose state has changed */
    size_t n_actors;
};

/* Adds what one event says (worker_events.c). What an event says cannot be read is passed over. */
enum code notification_hear(struct telling *t, const struct event *event);
/* Adds those who want to be told of the new posts. */
enum code notification_hear_followers(struct telling *t);
/* One item more; it lives as long as the context. */
struct told *notification_add(struct telling *t);
/* Stores what was collected, and begins anew (worker.c). */
enum code notification_settle(struct telling *t);
#define TELLING_MOST 500 /* items, when it is time to settle */

/* Takes out who is not to hear of it (worker_sift.c): oneself, members who are gone, blocked or muted, muted
 * conversations, what is so no longer, and what the member's policy drops; sets the state of what it holds
 * back. */
enum code notification_sift(struct ctx *ctx, struct told *const *told, size_t n);

/* Tells open streams of what was made, and of the counts, also of those whose lists have changed otherwise
 * (worker_live.c). Never fails. */
void notification_tell_live(struct ctx *ctx, struct told *const *told, size_t n, struct whose *whose);

/* Each event names a member whose account is gone: erases a batch (worker_erase.c). */
enum code notification_erase_events(struct ctx *ctx, const struct event *events, size_t n);

#endif
