/* The addresses of the API reference. */
#ifndef DEEPLINK_REFERENCE_ROUTES_H
#define DEEPLINK_REFERENCE_ROUTES_H

#include "fcgi/router.h"

extern const struct route reference_routes[]; /* ends with a row without pattern */

#endif
