/* Link cards, as the worker makes them. A post that links to a page is noted by the consumer `link-cards`;
 * the timer `link-cards`, in a process of its own since other sites may be slow, looks at several pages at
 * once and tells the post service; the consumer `card-pictures` hears when a picture is ready. */
#ifndef DEEPLINK_MEDIA_WORKER_CARD_H
#define DEEPLINK_MEDIA_WORKER_CARD_H

#include "fcgi/drivers/bus.h"
#include "fcgi/timer.h"

struct flight;

/* Consumers of post.v1 and of media.v1. */
enum code media_card_post_events(struct ctx *ctx, const struct event *events, size_t n);
enum code media_card_media_events(struct ctx *ctx, const struct event *events, size_t n);

/* The timers. */
enum code media_cards_run(struct ctx *ctx, int64_t *ret_wait_ms);
enum code media_cards_tidy_run(struct ctx *ctx, int64_t *ret_wait_ms);
void media_cards_finish(struct ctx *ctx);

/* Takes a page that is due, looks at it and writes down what came of it (worker_card_fetch.c). */
enum code media_card_look(struct flight *f, bool *ret_due);

#endif
