/* What a viewer did to a post, as bits: PostItem.mine. */
#ifndef DEEPLINK_COMMON_ACT_H
#define DEEPLINK_COMMON_ACT_H

#define ACT_LIKED 1u
#define ACT_REPOSTED 2u
#define ACT_BOOKMARKED 4u

/* In the reply to GetActs, of which bookmarks are no part. */
#define ACT_POST_THERE 8u     /* the post is not deleted */
#define ACT_THREAD_MUTED 16u  /* who is to be told has muted its conversation */
#define ACT_POST_MENTIONS 32u /* it mentions who is to be told */

#endif
