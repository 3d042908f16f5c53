/* What a viewer did to a post, as bits: PostItem.mine. */
#ifndef DEEPLINK_COMMON_ACT_H
#define DEEPLINK_COMMON_ACT_H

#define ACT_LIKED 1u
#define ACT_REPOSTED 2u
#define ACT_BOOKMARKED 4u

#endif
