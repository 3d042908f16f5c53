/* Whether a member hears of what somebody did. */
#ifndef DEEPLINK_NOTIFICATION_POLICY_H
#define DEEPLINK_NOTIFICATION_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* As they stand in SQL. */
enum { POLICY_ACCEPT, POLICY_FILTER, POLICY_DROP };

struct sender_policy {
    int not_following, not_followers, new_accounts, private_mentions, limited_accounts; /* POLICY_… */
};
#define SENDER_POLICY_DEFAULT \
    (struct sender_policy) { .private_mentions = POLICY_FILTER, .limited_accounts = POLICY_FILTER }

#define NEW_ACCOUNT_DAYS 30

/* All that a policy looks at. */
struct sender {
    uint32_t edges;  /* EDGE_…, from who is told to who did it */
    int64_t age_ms;  /* of the sender's account */
    bool is_private; /* a direct post */
    bool is_answer;  /* … to a post of who is told */
    bool is_staff;   /* moderators are always heard */
};

/* The strictest of what the policy says of this sender: POLICY_…. */
int policy_verdict(const struct sender_policy *policy, const struct sender *sender);

/* accept, filter, drop; and back (-1: none of them). */
const char *policy_word(int policy);
int policy_of_word(const char *word);

#endif
