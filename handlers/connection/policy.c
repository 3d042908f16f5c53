#include "handlers/connection/policy.h"

#include <string.h>

/* In the order of Pb__RepliesPolicy. */
static const char *const names[] = {"", "list", "followed", "none"};

const char *policy_name(Pb__RepliesPolicy policy) { return names[policy]; }

Pb__RepliesPolicy policy_named(const char *name) {
    for (int i = PB__REPLIES_POLICY__REPLIES_LIST; i <= PB__REPLIES_POLICY__REPLIES_NONE; i++)
        if (strcmp(names[i], name) == 0)
            return (Pb__RepliesPolicy)i;
    return PB__REPLIES_POLICY__REPLIES_UNSAID;
}
