/* Notifications as Mastodon's clients know them, with what they are about: accounts and posts as their member
 * may see them at this moment. */
#ifndef DEEPLINK_NOTIFICATION_ENTITY_H
#define DEEPLINK_NOTIFICATION_ENTITY_H

#include "deeplink/v1/notification.pb-c.h"
#include "deeplink/v1/post.pb-c.h"
#include "fcgi/ctx.h"
#include "fcgi/shape.h"

/* One that can be shown: its member may see who did it and the post it is about. */
struct notification_seen {
    const Pb__NotificationItem *item;
    const Pb__UserCard *actor;   /* NULL: the site */
    const Pb__UserCard **sample; /* of a group: those of the latest who may be seen, at least one of them */
    size_t n_sample;
    const Pb__PostItem *post; /* NULL: it is about none, or about one that is gone */
};

/* Those of the items that their member may see, in order; in a few rounds, whatever n. Whoever is gone,
 * suspended, blocked (either way) or muted is left out, and so is what is about a post that cannot be seen.
 * for_views: notification_views() comes next, and what it needs is read ahead. */
enum code notification_see(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n,
                           bool for_views, struct notification_seen **ret, size_t *ret_n);

/* The same where the posts are at hand: all that the member may see of those that the items name. */
enum code notification_see_with(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n,
                                Pb__PostItem *const *posts, size_t n_posts, struct notification_seen **ret,
                                size_t *ret_n);

/* Asks Redis ahead for what stands between a member and others, for who sees for many members one after the
 * other. */
void notification_see_ahead(struct ctx *ctx, int64_t user, Pb__NotificationItem *const *items, size_t n);

/* The entity Notification. */
struct notification_view {
    int64_t id, created_ms;
    const char *type, *group_key;
    struct shape_json account; /* of the site: of the member itself */
    struct shape_json status;  /* n == 0: none */
};
extern const struct shape notification_shape;

/* The type by which programs know a kind: Mastodon's where there is one, else ours. */
const char *notification_type(const char *kind);

/* Views of what was seen, in order. */
enum code notification_views(struct ctx *ctx, int64_t user, const struct notification_seen *seen, size_t n,
                             struct notification_view **ret);

/* The same of what the member was just told of: whose conversations are known not to be muted. */
enum code notification_views_heard(struct ctx *ctx, int64_t user, const struct notification_seen *seen,
                                   size_t n, struct notification_view **ret);

#endif
