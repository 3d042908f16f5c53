/* Media in our own API, /api/deeplink/v1, one function an endpoint; addresses stand in routes_own.c. */
#ifndef DEEPLINK_MEDIA_API_OWN_H
#define DEEPLINK_MEDIA_API_OWN_H

#include "deeplink/v1/media.pb-c.h"
#include "fcgi/request.h"
#include "fcgi/shape.h"

extern const struct shape media_own_shape, media_quota_shape, media_upload_shape;

/* What a member has (api_own.c). */
enum code media_api_own_list(struct request *req);
enum code media_api_own_quota(struct request *req);
enum code media_api_own_retry(struct request *req);

/* Uploads in pieces (api_uploads.c). */
enum code media_api_upload_begin(struct request *req);
enum code media_api_upload_get(struct request *req);
enum code media_api_upload_add(struct request *req);
enum code media_api_upload_complete(struct request *req);
enum code media_api_upload_end(struct request *req);

/* Answers with a medium as our own API shows it; 202 while it is being prepared. */
enum code media_api_own_reply(struct request *req, const Pb__MediaView *m);

#endif
