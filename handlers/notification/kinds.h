/* What members are told of. One table says all of each kind: its number in SQL, its words, how it behaves. */
#ifndef DEEPLINK_NOTIFICATION_KINDS_H
#define DEEPLINK_NOTIFICATION_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi/ctx.h"

enum {
    KIND_MENTION = 1,
    KIND_COMMENT,
    KIND_LIKE,
    KIND_REPOST,
    KIND_FOLLOW,
    KIND_FOLLOW_REQUEST,
    KIND_FOLLOW_ACCEPTED,
    KIND_EDIT,
    KIND_SIGN_IN,
    KIND_MODERATION,
    KIND_POST,
    KIND_END
};

struct notification_kind {
    const char *name; /* ours */
    const char
        *mastodon; /* NULL: a kind of ours, shown to those programs alone that ask for it by our name */
    bool grouped;  /* several make one: "A and 5 others" */
    bool filtered; /* the policy about senders has a say */
    bool renewed;  /* is told anew when it happens again after it was read */
};

/* NULL for what is no kind. */
const struct notification_kind *notification_kind(int64_t kind);
int notification_kind_named(const char *name); /* 0: none */

/* What those of a kind that belong together share: by what they are about and the day (UTC) they happened
 * on; of what is not grouped, by its id alone. In the arena. */
const char *notification_group_key(struct ctx *ctx, int kind, int64_t id, int64_t post, int64_t ms);

/* The numbers of these words, which may be ours and Mastodon's; *ret has room for KIND_END. What is no word
 * of either is passed over. */
void notification_kinds_named(const char *const *words, size_t n, int64_t *ret, size_t *ret_n);

/* All kinds that can be grouped; *ret has room for KIND_END. */
size_t notification_grouped_kinds(int64_t *ret);

#endif
