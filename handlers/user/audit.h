/* The audit log: everything that concerned anybody's security, and every privileged act, newest first. */
#ifndef DEEPLINK_USER_AUDIT_H
#define DEEPLINK_USER_AUDIT_H

#include <stddef.h>
#include <stdint.h>

struct audit_item {
    int64_t seq; /* 1, 2, 3 … without gaps */
    int64_t at_ms;
    int64_t actor_id;                 /* who did it; 0: the operator at the command line, or a stranger */
    int64_t target_id;                /* whose account; 0: none */
    const char *kind;                 /* "member.suspended" */
    const char *ip, *device, *detail; /* "" when not known */
};
struct audit_page {
    struct audit_item *items;
    size_t n;
    const char *next, *prev; /* pass as `before`, as `after`; "": the end, the top */
};
/* Which entries; all zero: any, from the newest on. */
struct audit_filter {
    int64_t actor_id, target_id;
    const char *kind;
    const char *before, *after; /* those below, or right above, where another page ended */
};

#endif
