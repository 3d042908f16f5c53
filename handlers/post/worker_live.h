/* What a batch of events means for open streams (handlers/common/live.h): new posts, edits and deletions for
 * home timelines, the local timeline and tags. Told last, so that who then reads finds what was told. */
#ifndef DEEPLINK_POST_WORKER_LIVE_H
#define DEEPLINK_POST_WORKER_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/connection.pb-c.h"
#include "fcgi/ctx.h"

struct live_post {
    const char *event; /* "update", "status.update", "delete" */
    int64_t id, author;
    bool for_followers;      /* its author's followers are asked for */
    int64_t not_to;          /* who does not see it in home: the author of what is reposted; 0: nobody */
    const char *const *tags; /* of a deletion: where it may have been seen */
    size_t n_tags;
    struct live_piece { /* whom it goes to */
        const int64_t *ids;
        size_t n;
        bool by_follow; /* and to none of them whose follow does not bring it home */
    } * pieces;
    size_t n, room;
};

/* A post whose author is on lists, whatever home timelines say of it. */
struct live_list_post {
    const char *event;
    int64_t id, author;
};

struct live_batch {
    struct ctx *ctx;
    bool on; /* somebody has a stream open */
    struct live_post *posts;
    struct live_list_post *for_lists;
    size_t n, n_for_lists;
    Pb__Membership *const *memberships; /* of the posts' authors */
    size_t n_memberships;
    Pb__NarrowFollow *const *narrow; /* of the posts' authors */
    size_t n_narrow;
};

/* For at most max events. */
void live_batch_init(struct live_batch *b, struct ctx *ctx, size_t max);

/* A post to be told of; NULL when nobody has a stream open. Its author's other devices hear of it too. */
struct live_post *live_batch_add(struct live_batch *b, const char *event, int64_t id, int64_t author);

/* A post to be told of to those who have its author on a list that would show it. */
void live_batch_lists(struct live_batch *b, const char *event, int64_t id, int64_t author);

/* Whom it goes to besides, since they follow its author or otherwise; p may be NULL. ids are copied. */
void live_post_members(struct live_batch *b, struct live_post *p, const int64_t *ids, size_t n,
                       bool by_follow);

/* The same for all posts of this author that go to followers. */
void live_batch_followers(struct live_batch *b, int64_t author, const int64_t *ids, size_t n);

/* Tells. What cannot be made now is left out, with a line in the log: streams are no record. */
void live_batch_send(struct live_batch *b);

#endif
