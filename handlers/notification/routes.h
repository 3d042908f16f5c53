#ifndef DEEPLINK_NOTIFICATION_ROUTES_H
#define DEEPLINK_NOTIFICATION_ROUTES_H

#include "fcgi/router.h"

extern const struct route notification_routes[];

#endif
