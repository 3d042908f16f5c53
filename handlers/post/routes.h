#ifndef DEEPLINK_POST_ROUTES_H
#define DEEPLINK_POST_ROUTES_H

#include "fcgi/router.h"

extern const struct route post_routes[];
extern const struct route post_api_routes[]; /* JSON */

extern const struct route post_own_routes[]; /* routes_own.c: JSON, our own API */

#endif
