/* Pages about how one is told, the way out of mails, and the administrator's webhooks. */
#ifndef DEEPLINK_NOTIFICATION_PAGES_DELIVER_H
#define DEEPLINK_NOTIFICATION_PAGES_DELIVER_H

#include "fcgi/request.h"

/* pages_prefs.c */
enum code notification_page_prefs(struct request *req);
enum code notification_page_prefs_send(struct request *req);
enum code notification_page_unsubscribe(struct request *req);
enum code notification_page_unsubscribe_send(struct request *req);

/* pages_hooks.c */
enum code notification_page_hooks(struct request *req);
enum code notification_page_hooks_send(struct request *req);
enum code notification_page_hook(struct request *req);
enum code notification_page_hook_send(struct request *req);
enum code notification_page_hook_ping(struct request *req);
enum code notification_page_hook_drop(struct request *req);

#endif
