/* Rows of what leaves the site: preferences, what waits to go out, Web Push, webhooks. Only
 * handlers/notification/ includes this. */
#ifndef DEEPLINK_NOTIFICATION_STORE_DELIVER_H
#define DEEPLINK_NOTIFICATION_STORE_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/notification.pb-c.h"
#include "fcgi/ctx.h"

/* ---- Preferences */

/* The ways, as bits. */
#define WAY_IN_APP 1
#define WAY_EMAIL 2
#define WAY_PUSH 4
#define WAY_DIGEST 8

/* The kinds that a member can choose ways for. */
enum prefs_kind {
    PREFS_MENTION,
    PREFS_COMMENT,
    PREFS_LIKE,
    PREFS_REPOST,
    PREFS_FOLLOW,
    PREFS_FOLLOW_REQUEST,
    PREFS_FOLLOW_ACCEPTED,
    PREFS_EDIT,
    PREFS_SIGN_IN,
    PREFS_MODERATION,
    PREFS_POST,
    PREFS_KINDS
};

struct prefs {
    int64_t user_id;
    int64_t version; /* 1: nothing was chosen yet */
    unsigned ways[PREFS_KINDS];
    bool quiet;
    int quiet_from, quiet_to; /* minutes of the day */
    const char *zone;
    int zone_s; /* how far it is ahead of UTC now */
    int hour_cap, day_cap, digest_hour;
};

/* In two steps, so that several questions go to PostgreSQL together; fetched in the order in which they were
 * queued. Of members who chose something: ret[i] of users[i] is filled with the defaults before, and what was
 * chosen goes over them. */
enum code notification_store_prefs_queue(struct ctx *ctx, const int64_t *users, size_t n);
enum code notification_store_prefs_fetch(struct ctx *ctx, const int64_t *users, size_t n, struct prefs *ret);
/* Sends all that was queued here, for who does something else before fetching it. */
void notification_store_send(struct ctx *ctx);
/* if_version 0: any. *ret_ok: the version was that one. */
enum code notification_store_prefs_set(struct ctx *ctx, const struct prefs *p, int64_t if_version,
                                       bool *ret_ok);
enum code notification_store_zone(struct ctx *ctx, const char *zone, bool *ret_ok);

/* The number of a kind's name; -1: none. And its name. */
int prefs_kind_of(const char *name);
const char *prefs_kind_name(int kind);

/* ---- What waits to go out */

struct outgoing {
    int64_t notification_id, target_id, user_id, actor_id;
    const char *channel, *kind;
    int attempts;
    int64_t due_ms, tried_ms, created_ms;
    bool held;
};

/* How it ended: gone out; handed over, and not known what came of it; not wanted any more; given up or
 * refused. The latter two are one state in SQL, and all four are counted by themselves. */
enum outgoing_end { OUTGOING_SENT, OUTGOING_UNKNOWN, OUTGOING_DROPPED, OUTGOING_FAILED };

/* All of them, or none; those that are there already stay as they are. */
enum code notification_store_outgoing_add(struct ctx *ctx, const struct outgoing *o, size_t n);

/* When mails went out lately; 0: none. hour_ms and day_ms: those whose age decides by the caps. */
struct mail_times {
    int64_t last_ms, hour_ms, day_ms;
};
enum code notification_store_mail_times(struct ctx *ctx, const struct prefs *p, struct mail_times *ret);

/* Leases, the newest first; *ret_n 0: nothing is due. */
enum code notification_store_take_mail(struct ctx *ctx, int64_t lease, struct outgoing **ret, size_t *ret_n);
/* Of none of these members. */
enum code notification_store_take_push(struct ctx *ctx, int64_t lease, const int64_t *but, size_t n_but,
                                       struct outgoing **ret, size_t *ret_n);

struct news {
    int64_t id, post_id;
    const char *detail;
};
enum code notification_store_news(struct ctx *ctx, int64_t user_id, const int64_t *ids, size_t n,
                                  struct news **ret, size_t *ret_n);

enum code notification_store_end(struct ctx *ctx, int64_t lease, const int64_t *ids, size_t n,
                                 enum outgoing_end end, const char *why);
enum code notification_store_later(struct ctx *ctx, int64_t lease, int64_t due_ms, bool held,
                                   const char *why);
/* Right before the other side can act. *ret_ok: all of them are still this lease's. mail_id 0: no mail. */
enum code notification_store_hand(struct ctx *ctx, int64_t lease, const int64_t *ids, size_t n,
                                  const struct outgoing *first, int64_t mail_id, bool *ret_ok);
enum code notification_store_mail_undo(struct ctx *ctx, int64_t mail_id);
/* Closes what was handed over by workers that are no more. */
enum code notification_store_lost(struct ctx *ctx, size_t *ret_n);

/* What waits and what came of the rest, of each way (email, digest, push, webhook). */
struct sendings {
    const char *way;
    int64_t waiting, age_ms, sent, failed, dropped, unknown; /* age_ms: how long the oldest has been due */
};
enum code notification_store_sendings(struct ctx *ctx, struct sendings **ret, size_t *ret_n);
enum code notification_store_delivery_sweep(struct ctx *ctx, int days);
enum code notification_store_delivery_erase(struct ctx *ctx, int64_t user_id);

/* ---- Web Push. *ret is NULL when there is none. */

enum code notification_store_push(struct ctx *ctx, const Pb__PushRequest *who, Pb__PushSubscription **ret);
/* Of several members, each named once, in two steps as above. push_id 0: all that they have. */
enum code notification_store_pushes_queue(struct ctx *ctx, const int64_t *users, size_t n, int64_t push_id);
enum code notification_store_pushes_fetch(struct ctx *ctx, Pb__PushSubscription ***ret, size_t *ret_n);
enum code notification_store_push_add(struct ctx *ctx, const Pb__PushSubscription *p);
enum code notification_store_push_change(struct ctx *ctx, const Pb__PushSubscription *p,
                                         Pb__PushSubscription **ret);
enum code notification_store_push_end(struct ctx *ctx, const Pb__PushRequest *who);
enum code notification_store_pushes_gone(struct ctx *ctx, const int64_t *ids, size_t n);

#endif
