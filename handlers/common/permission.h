/* What a member may do beyond the ordinary: bits of roles, kept in PostgreSQL, carried by the member's card.
 */
#ifndef DEEPLINK_COMMON_PERMISSION_H
#define DEEPLINK_COMMON_PERMISSION_H

#include <stdint.h>

#define PERMISSION_POST (UINT64_C(1) << 0)     /* write posts and comments, like, repost */
#define PERMISSION_INVITE (UINT64_C(1) << 1)   /* make invite links */
#define PERMISSION_MEMBERS (UINT64_C(1) << 2)  /* see the list of members; approve, suspend */
#define PERMISSION_ROLES (UINT64_C(1) << 3)    /* give roles of a lower rank than one's own */
#define PERMISSION_MODERATE (UINT64_C(1) << 4) /* delete anybody's posts */
#define PERMISSION_AUDIT (UINT64_C(1) << 5)    /* read the audit log */
#define PERMISSION_SETTINGS (UINT64_C(1) << 6) /* change the site */

#define PERMISSIONS_MEMBER (PERMISSION_POST)
#define PERMISSIONS_MODERATOR \
    (PERMISSIONS_MEMBER | PERMISSION_INVITE | PERMISSION_MEMBERS | PERMISSION_MODERATE)
#define PERMISSIONS_ADMIN (PERMISSIONS_MODERATOR | PERMISSION_ROLES | PERMISSION_AUDIT | PERMISSION_SETTINGS)

#endif
