/* The notification service's pages, one function an endpoint; addresses stand in routes.c. */
#ifndef DEEPLINK_NOTIFICATION_PAGES_H
#define DEEPLINK_NOTIFICATION_PAGES_H

#include "fcgi/request.h"

void notification_page_prefetch(struct request *req, int64_t claimed_user);

enum code notification_page_list(struct request *req);
enum code notification_page_read(struct request *req);
enum code notification_page_dismiss(struct request *req);
enum code notification_page_requests(struct request *req);
enum code notification_page_accept(struct request *req);
enum code notification_page_refuse(struct request *req);
enum code notification_page_policy(struct request *req);
enum code notification_page_policy_set(struct request *req);

#endif
