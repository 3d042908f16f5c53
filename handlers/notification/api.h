/* The notification service's JSON endpoints, one function an endpoint: as Mastodon's clients know them
 * (api.c, api_groups.c, api_policy.c; addresses in routes_api.c), and our own (api_own.c; routes_own.c). */
#ifndef DEEPLINK_NOTIFICATION_API_H
#define DEEPLINK_NOTIFICATION_API_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

extern const struct shape notification_api_count_shape;   /* "UnreadCount" */
extern const struct shape notification_api_groups_shape;  /* "GroupedNotifications" */
extern const struct shape notification_api_policy_shape;  /* "NotificationPolicy" */
extern const struct shape notification_api_request_shape; /* "NotificationRequest" */
extern const struct shape notification_api_merged_shape;  /* "Merged" */
extern const struct shape notification_api_own_shape;     /* "MemberNotification" */
extern const struct shape notification_api_bell_shape;    /* "Unread" */

/* ---- One by one (api.c) */
enum code notification_api_list(struct request *req);
enum code notification_api_get(struct request *req);
enum code notification_api_count(struct request *req);
enum code notification_api_clear(struct request *req);
enum code notification_api_dismiss(struct request *req);

/* ---- In groups (api_groups.c) */
enum code notification_api_groups(struct request *req);
enum code notification_api_group(struct request *req);
enum code notification_api_group_accounts(struct request *req);
enum code notification_api_group_count(struct request *req);
enum code notification_api_group_dismiss(struct request *req);

/* ---- Filtered senders (api_policy.c) */
enum code notification_api_policy(struct request *req);
enum code notification_api_policy_set(struct request *req);
enum code notification_api_requests(struct request *req);
enum code notification_api_request(struct request *req);
enum code notification_api_request_accept(struct request *req);
enum code notification_api_request_dismiss(struct request *req);
enum code notification_api_requests_accept(struct request *req);
enum code notification_api_requests_dismiss(struct request *req);
enum code notification_api_merged(struct request *req);

/* ---- Ours (api_own.c) */
enum code notification_api_own_list(struct request *req);
enum code notification_api_own_bell(struct request *req);
enum code notification_api_own_read(struct request *req);
enum code notification_api_own_dismiss(struct request *req);

#endif
