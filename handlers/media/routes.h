/* The media service's addresses, for handlers/media/module.c. */
#ifndef DEEPLINK_MEDIA_ROUTES_H
#define DEEPLINK_MEDIA_ROUTES_H

#include "fcgi/router.h"

extern const struct route media_routes[], media_api_routes[], media_own_routes[];
extern const struct rate media_upload_rate; /* of whatever takes files */

#endif
