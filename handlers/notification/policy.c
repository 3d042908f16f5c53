#include "handlers/notification/policy.h"

#include <string.h>

#include "handlers/common/edge.h"

#define DAY_MS INT64_C(86400000)

static void demand(int *verdict, bool is_such, int policy) {
    if (is_such && policy > *verdict)
        *verdict = policy;
}

int policy_verdict(const struct sender_policy *policy, const struct sender *sender) {
    bool is_followed = (sender->edges & EDGE_FOLLOWING) != 0;
    int verdict = POLICY_ACCEPT;

    if (sender->is_staff)
        return POLICY_ACCEPT;
    demand(&verdict, !is_followed, policy->not_following);
    demand(&verdict, (sender->edges & EDGE_FOLLOWED_BY) == 0, policy->not_followers);
    demand(&verdict, sender->age_ms < NEW_ACCOUNT_DAYS * DAY_MS, policy->new_accounts);
    demand(&verdict, sender->is_private && !sender->is_answer && !is_followed, policy->private_mentions);
    return verdict;
}

static const char *const words[] = {"accept", "filter", "drop"};

const char *policy_word(int policy) { return words[policy]; }

int policy_of_word(const char *word) {
    for (int i = 0; i < 3; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}
