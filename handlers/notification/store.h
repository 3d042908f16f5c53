/* Rows and read model of the notification service. Only handlers/notification/ includes this. */
#ifndef DEEPLINK_NOTIFICATION_STORE_H
#define DEEPLINK_NOTIFICATION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/notification.pb-c.h"
#include "fcgi/ctx.h"
#include "handlers/notification/policy.h"

/* ---- The read model notify:unread:<id> */

/* What SQL says of n members, each once, in two steps: the store is asked nothing else in between. *ret_users
 * is whose, in the order of the counts. */
enum code notification_store_unread_queue(struct ctx *ctx, const int64_t *users, size_t n);
enum code notification_store_unread_fetch(struct ctx *ctx, int64_t **ret_users, Pb__UnreadCounts **ret,
                                          size_t *ret_n);
/* Which of n members have, or had lately, a stream open. */
void notification_store_listening(struct ctx *ctx, const int64_t *users, size_t n, bool *ret);
/* After a change: whoever misses it makes it anew. A dead Redis is logged and no failure. */
void notification_store_forget(struct ctx *ctx, const int64_t *users, size_t n);

/* ---- Making */

enum notification_state { TOLD_SHOWN, TOLD_HELD, TOLD_QUIET, TOLD_UNDONE, TOLD_DISMISSED }; /* as in SQL */

/* Something that one member is to be told of, or no longer. */
struct told {
    int64_t id, user, actor, object, post;
    int kind;
    int64_t event, event_ms;
    const char *detail;
    enum notification_state state;
    bool is_off;            /* it is undone */
    bool is_private;        /* it is a direct post */
    bool is_answer;         /* … to a post of the member's */
    bool is_dropped;        /* the member does not hear of it */
    uint32_t needs_acts;    /* ACT_…: what must still be so; 0: there is no post to ask about */
    uint32_t needs_edges;   /* EDGE_…, from user to actor: the same */
    uint32_t edges;         /* as they are now */
    bool is_fresh, is_made; /* filled by make(): it is new, or this event has made it before */
};

/* Makes all of them that are not off or dropped, each once whatever is delivered again, with its event in the
 * same transaction. */
enum code notification_store_make(struct ctx *ctx, struct told *const *told, size_t n);
/* Undoes all of them. */
enum code notification_store_undo(struct ctx *ctx, struct told *const *told, size_t n);

/* Members whose lists have changed, some of them more than once. Begins as zeroes; each step adds to it. */
struct whose {
    int64_t *users;
    size_t n, room;
};
void whose_add(struct ctx *ctx, struct whose *to, const int64_t *users, size_t n);

/* Takes back what is about deleted posts. */
enum code notification_store_post_gone(struct ctx *ctx, const int64_t *posts, size_t n, struct whose *whose);
/* Takes back what `user` was told of `actor` before the event. */
enum code notification_store_sever(struct ctx *ctx, const int64_t *users, const int64_t *actors,
                                   const int64_t *events, size_t n, struct whose *whose);
/* Hides or shows all that a member did. */
enum code notification_store_hide(struct ctx *ctx, int64_t actor, bool hidden, struct whose *whose);
enum code notification_store_sweep(struct ctx *ctx, int64_t before_id, unsigned limit, int64_t *ret_n);

/* ---- Reading */

/* Those between two ids, neither of them included, the newest first; or, with `up`, the oldest of them, also
 * the newest first. */
struct notification_query {
    int64_t user, below, above, actor;
    bool up, held;
    const int64_t *kinds, *grouped; /* grouped: each group of these kinds once, where its newest stands */
    size_t n_kinds, n_grouped;
    unsigned limit;
};
enum code notification_store_list(struct ctx *ctx, const struct notification_query *q,
                                  Pb__NotificationItem ***ret, size_t *ret_n);
/* One, or a group's newest; *ret NULL when it is not there. */
enum code notification_store_by_id(struct ctx *ctx, int64_t user, int64_t id, Pb__NotificationItem **ret);
enum code notification_store_group(struct ctx *ctx, int64_t user, const char *key,
                                   Pb__NotificationItem **ret);
enum code notification_store_group_actors(struct ctx *ctx, int64_t user, const char *key, int64_t below,
                                          unsigned limit, int64_t **ret_notifications, int64_t **ret_actors,
                                          size_t *ret_n);
/* Unread ones, at most q->limit of them. */
enum code notification_store_count(struct ctx *ctx, const struct notification_query *q, int64_t *ret);

/* How far a member has read. set(): *ret_ok false when another version stands there. */
enum code notification_store_reader(struct ctx *ctx, int64_t user, Pb__ReadMarker *ret);
enum code notification_store_read(struct ctx *ctx, int64_t user, int64_t id, int64_t version,
                                  Pb__ReadMarker *ret, bool *ret_ok);
enum code notification_store_read_on(struct ctx *ctx, int64_t user, int64_t id, Pb__ReadMarker *ret);

/* *ret_n: how many there were. */
enum code notification_store_dismiss(struct ctx *ctx, int64_t user, int64_t id, size_t *ret_n);
enum code notification_store_dismiss_group(struct ctx *ctx, int64_t user, const char *key);
enum code notification_store_clear(struct ctx *ctx, int64_t user);

/* ---- Policies */

enum code notification_store_policy_set(struct ctx *ctx, int64_t user, const struct sender_policy *policy);
enum code notification_store_pending(struct ctx *ctx, int64_t user, int64_t *ret_requests,
                                     int64_t *ret_notifications);
struct held_query {
    int64_t user, below, above, id; /* id: this one alone; 0: all */
    bool up;
    unsigned limit;
};
enum code notification_store_held(struct ctx *ctx, const struct held_query *q, Pb__HeldRequest ***ret,
                                  size_t *ret_n);
enum code notification_store_answer(struct ctx *ctx, int64_t user, const int64_t *ids, size_t n, bool accept,
                                    size_t *ret_n);

/* The policies of n members, in order. */
enum code notification_store_policies(struct ctx *ctx, const int64_t *users, size_t n,
                                      struct sender_policy *ret);
/* The same in two steps, so that several questions go to PostgreSQL together; fetched in the order in which
 * they were queued. */
enum code notification_store_policies_queue(struct ctx *ctx, const int64_t *users, size_t n);
enum code notification_store_policies_fetch(struct ctx *ctx, const int64_t *users, size_t n,
                                            struct sender_policy *ret);
/* Of n pairs, whether the member has accepted a request of the sender. */
enum code notification_store_accepted(struct ctx *ctx, const int64_t *users, const int64_t *from, size_t n,
                                      bool *ret);

/* ---- Erasing: up to `limit` rows of and about a member; *ret_n is how many there were. */
enum code notification_store_erase(struct ctx *ctx, int64_t user, unsigned limit, size_t *ret_n);
/* What is left besides. */
enum code notification_store_erase_rest(struct ctx *ctx, int64_t user);
/* Asks for another batch by an event. */
enum code notification_store_erase_on(struct ctx *ctx, int64_t user);

#endif
