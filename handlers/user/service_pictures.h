/* Members' pictures: what the worker asks of the rules. Not for others. */
#ifndef DEEPLINK_USER_SERVICE_PICTURES_H
#define DEEPLINK_USER_SERVICE_PICTURES_H

#include "handlers/user/service.h"

/* Shows what is ready by now, and makes what is attached to a member's avatar and banner what the row says.
 * Safe to repeat. */
enum code user_pictures_settle(struct ctx *ctx, int64_t user);

#endif
