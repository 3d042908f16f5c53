/* Views of the notification service's pages; each is filled by pages.c and written by the template named
 * above it. */
#ifndef DEEPLINK_NOTIFICATION_VIEW_H
#define DEEPLINK_NOTIFICATION_VIEW_H

#include "deeplink/v1/notification.pb-c.h"
#include "handlers/common/views.h"
#include "handlers/notification/kinds.h"

/* One notification, or a group of them. */
struct news_row {
    int kind; /* KIND_… */
    bool unread;
    const char *group_key;
    int64_t created_ms;
    const Pb__UserCard *actor; /* NULL: the site */
    const Pb__UserCard **sample;
    size_t n_sample;
    int64_t others;            /* how many did it besides the actor */
    const char *href;          /* what it leads to */
    const char *said;          /* the beginning of the post, or its warning; NULL: no post */
    const char *device, *ip;   /* sign_in */
    const char *what, *change; /* moderation: deleted, restored, approved, or role and how it changed */
};

/* The picture beside it. */
static inline const char *news_icon(int kind) {
    static const char *const icons[KIND_END] = {[KIND_MENTION] = "i-at",
                                                [KIND_COMMENT] = "i-comment",
                                                [KIND_LIKE] = "i-heart i-like",
                                                [KIND_REPOST] = "i-repost",
                                                [KIND_FOLLOW] = "i-person",
                                                [KIND_FOLLOW_REQUEST] = "i-people",
                                                [KIND_FOLLOW_ACCEPTED] = "i-check",
                                                [KIND_EDIT] = "i-pen",
                                                [KIND_SIGN_IN] = "i-key",
                                                [KIND_MODERATION] = "i-shield",
                                                [KIND_POST] = "i-feed"};

    return icons[kind];
}

/* notification_list */
struct news_view {
    const struct news_row *rows;
    size_t n;
    struct pager pager;
    const char *show; /* which kinds: "", talk, reactions, follows, site */
    int64_t last_id;  /* the newest there is, of whatever kind */
    bool any_unread;
    int64_t requests; /* senders of whom something is held back */
    const struct side *side;
};

/* notification_requests */
struct held_row {
    const Pb__UserCard *user;
    int64_t id, count, updated_ms;
    const char *said, *href; /* the latest post that is held back; NULL: none */
};
struct held_view {
    const struct held_row *rows;
    size_t n;
    struct pager pager;
};

/* notification_policy */
struct policy_view {
    const Pb__NotificationPolicy *policy;
};

#endif
