/* What leaves the site, as the worker does it: an event becomes rows that wait, timers send what is due. */
#ifndef DEEPLINK_NOTIFICATION_WORKER_DELIVER_H
#define DEEPLINK_NOTIFICATION_WORKER_DELIVER_H

#include "fcgi/drivers/bus.h"
#include "fcgi/timer.h"
#include "handlers/notification/service_prefs.h"

struct http_request;

#define DELIVER_KEEP_DAYS 7 /* what went out is remembered that long; older events tell nobody */
#define CALL_LOOK_MS 250    /* after there was nothing to call: when to look again */

/* The consumer `deliver` of notify.v1: decides by which ways each notification goes, and when. */
enum code notification_deliver_events(struct ctx *ctx, const struct event *events, size_t n);

/* The consumer `webhooks`: queues the calls that an event means. */
enum code notification_hook_events(struct ctx *ctx, const struct event *events, size_t n);

extern const struct timer notification_timers[];

/* The timers' work: mails, pushes, webhooks, what has grown old. */
enum code notification_mails_run(struct ctx *ctx, int64_t *ret_wait_ms);
enum code notification_pushes_run(struct ctx *ctx, int64_t *ret_wait_ms);
enum code notification_hooks_run(struct ctx *ctx, int64_t *ret_wait_ms);
enum code notification_tidy_run(struct ctx *ctx, int64_t *ret_wait_ms);
void notification_pushes_finish(struct ctx *ctx);
void notification_hooks_finish(struct ctx *ctx);

/* What timers have in common: one piece of work that is leased under one number. */
struct errand {
    struct ctx *ctx;
    int64_t lease;
    const struct outgoing *rows;
    size_t n;
    struct prefs prefs;
    int64_t *ids; /* of those that are to go out */
    size_t n_ids;
    int64_t mail_id; /* 0: no mail */
    bool handed;
};

/* Drops, of the rows, what is to go out no more: read, undone, its actor gone, blocked or muted, its reader
 * not active. `ids` are those left, in the rows' order. */
enum code notification_errand_sift(struct errand *e, const struct outgoing **ret_left,
                                   const struct news **ret_news);

/* Marks the errand as handed over: for `before` of mail and http. */
bool notification_errand_hand(void *errand);

/* After a failure that may pass: later, twice as long each time; or, after a day of trying, never. wait_s:
 * what the other side asked for; 0: nothing. */
enum code notification_errand_again(struct errand *e, int wait_s, const char *why);

/* What is wrong with one errand holds no other up: it is put off, and logged. A server that is away is passed
 * on: then the lease runs out. `rows` are those that were leased. */
enum code notification_errand_failed(struct errand *e, const struct outgoing *rows, size_t n, enum code c);

/* Drops all of it: it is not wanted any more, or the other side will never take it. */
enum code notification_errand_drop(struct errand *e, const char *why);
enum code notification_errand_give_up(struct errand *e, const char *why);

/* Calls of other people's servers (http.h), all that a process makes: begins one, and lets them go on. */
enum code notification_call_begin(struct ctx *ctx, const struct http_request *req);
void notification_calls_step(int wait_ms);

/* Seconds until the next try, after so many: from a minute to an hour, doubling. */
int64_t notification_backoff_s(int attempts);

#endif
