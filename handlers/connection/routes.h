#ifndef DEEPLINK_CONNECTION_ROUTES_H
#define DEEPLINK_CONNECTION_ROUTES_H

#include "fcgi/router.h"

extern const struct route connection_routes[];
extern const struct route connection_api_routes[]; /* for programs */

#endif
