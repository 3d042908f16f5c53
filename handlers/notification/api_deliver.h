/* What programs do with preferences, Web Push and webhooks: one function an endpoint. */
#ifndef DEEPLINK_NOTIFICATION_API_DELIVER_H
#define DEEPLINK_NOTIFICATION_API_DELIVER_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

/* Our own API: api_prefs.c */
enum code notification_api_prefs(struct request *req);
enum code notification_api_prefs_change(struct request *req);
extern const struct shape notification_prefs_shape;

/* Mastodon's: api_push.c */
enum code notification_api_push(struct request *req);
enum code notification_api_push_make(struct request *req);
enum code notification_api_push_change(struct request *req);
enum code notification_api_push_end(struct request *req);
/* A browser's own, for its session: asked by our script. */
enum code notification_api_push_here(struct request *req);
enum code notification_api_push_here_make(struct request *req);
enum code notification_api_push_here_end(struct request *req);
extern const struct shape notification_push_shape, notification_push_here_shape;

/* Our own API: api_hooks.c */
enum code notification_api_hooks(struct request *req);
enum code notification_api_hook(struct request *req);
enum code notification_api_hook_make(struct request *req);
enum code notification_api_hook_change(struct request *req);
enum code notification_api_hook_drop(struct request *req);
enum code notification_api_hook_ping(struct request *req);
enum code notification_api_hook_calls(struct request *req);
extern const struct shape notification_hook_shape, notification_hook_made_shape, notification_hook_call_shape;

#endif
