#ifndef DEEPLINK_POST_ROUTES_H
#define DEEPLINK_POST_ROUTES_H

#include "fcgi/router.h"

extern const struct route post_routes[];
extern const struct route post_api_routes[]; /* JSON */

#endif
