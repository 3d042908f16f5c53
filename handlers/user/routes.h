#ifndef DEEPLINK_USER_ROUTES_H
#define DEEPLINK_USER_ROUTES_H

#include "fcgi/router.h"

extern const struct route user_routes[];     /* routes.c: pages */
extern const struct route user_api_routes[]; /* routes_api.c: JSON */
extern const struct route user_own_routes[]; /* routes_own.c: JSON, our own API */

#endif
