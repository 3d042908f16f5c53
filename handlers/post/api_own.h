/* What our own API (/api/deeplink/v1) does with posts: one function an endpoint. */
#ifndef DEEPLINK_POST_API_OWN_H
#define DEEPLINK_POST_API_OWN_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

enum code post_api_own_comments(struct request *req);
enum code post_api_own_history(struct request *req);
enum code post_api_own_trending(struct request *req);

extern const struct shape post_comment_shape, post_revision_shape, post_trend_shape;

#endif
