/* How hiredis makes replies: in the arena that its reader carries as privdata. Without one (replies that
 * nobody wants) everything is the same empty object. */
#ifndef DEEPLINK_DRIVERS_REDIS_REPLY_H
#define DEEPLINK_DRIVERS_REDIS_REPLY_H

#include <hiredis/hiredis.h>

extern redisReplyObjectFunctions redis_reply_functions;

#endif
