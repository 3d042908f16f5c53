/* What pages and programs ask the post service alike. */
#ifndef DEEPLINK_POST_ASKS_H
#define DEEPLINK_POST_ASKS_H

#include "deeplink/v1/post.pb-c.h"
#include "fcgi/request.h"

/* The post's id in the address; NOT_FOUND when it is none. */
enum code post_ask_target(struct request *req, int64_t *ret_id);

/* Does, or takes back, a reaction to that post in the viewer's name. `audience`: of a repost. */
enum code post_ask_react(struct request *req, const char *kind, bool on, Pb__Audience audience,
                         const Pb__PostItem **ret);

#endif
