/* The media service's JSON endpoints, one function an endpoint; addresses stand in routes_api.c. */
#ifndef DEEPLINK_MEDIA_API_H
#define DEEPLINK_MEDIA_API_H

#include "fcgi/request.h"

/* Mastodon's (api.c). */
enum code media_api_upload(struct request *req);
enum code media_api_upload_wait(struct request *req);
enum code media_api_get(struct request *req);
enum code media_api_update(struct request *req);
enum code media_api_delete(struct request *req);

#endif
