/* Web Push, for the rest of this service. */
#ifndef DEEPLINK_NOTIFICATION_SERVICE_PUSH_H
#define DEEPLINK_NOTIFICATION_SERVICE_PUSH_H

#include "fcgi/ctx.h"

/* The key that browsers and apps want to know before they subscribe (applicationServerKey); in the arena. */
enum code notification_push_key(struct ctx *ctx, const char **ret);

#endif
