/* What stands between two members, as bits: Relationship.edges and the values of conn:rel:<viewer> (there
 * without the two marked *). */
#ifndef DEEPLINK_COMMON_EDGE_H
#define DEEPLINK_COMMON_EDGE_H

#define EDGE_FOLLOWING 1u    /* the viewer follows the target */
#define EDGE_FOLLOWED_BY 2u  /* * the target follows the viewer */
#define EDGE_REQUESTED 4u    /* the viewer asked to follow */
#define EDGE_REQUESTED_BY 8u /* * the target asked to follow */
#define EDGE_BLOCKING 16u
#define EDGE_BLOCKED_BY 32u
#define EDGE_MUTING 64u
/* What a follow or a request brings, where that is not the usual: */
#define EDGE_NO_REPOSTS 256u /* no reposts in the home timeline */
#define EDGE_NOTIFYING 512u  /* a notification of each new post */
#define EDGE_LANGUAGES 1024u /* posts in some languages alone: Relationship.languages */
#define EDGE_EXCLUSIVE \
    2048u              /* the target is on an exclusive list: posts stand there, not in the home timeline */
#define EDGE_SELF 128u /* the viewer itself; never stored */

#define EDGE_SEVERED (EDGE_BLOCKING | EDGE_BLOCKED_BY) /* neither sees the other */

#endif
