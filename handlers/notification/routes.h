#ifndef DEEPLINK_NOTIFICATION_ROUTES_H
#define DEEPLINK_NOTIFICATION_ROUTES_H

#include "fcgi/router.h"

extern const struct route notification_routes[];
extern const struct route notification_api_routes[]; /* for programs */
extern const struct route notification_own_routes[];

#endif
