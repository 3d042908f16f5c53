/* What the notification service's JSON endpoints share. */
#ifndef DEEPLINK_NOTIFICATION_API_SHARED_H
#define DEEPLINK_NOTIFICATION_API_SHARED_H

#include "handlers/common/api.h"
#include "handlers/notification/api.h"
#include "handlers/notification/entity.h"

/* What a list of Mastodon's is asked for, out of its fields: page, types[], exclude_types[], account_id,
 * include_filtered. Without types[] our own kinds are not among them. ret->n_kinds 0: nothing can be in it.
 */
void notification_api_ask(struct request *req, Pb__ListNotificationsRequest *ret);

/* Our names of those kinds that types[] asks for and exclude_types[] does not exclude; in the arena. */
size_t notification_api_kinds(struct request *req, const char ***ret);

/* Answers {"count": n}. */
enum code notification_api_reply_count(struct request *req, const Pb__CountUnreadRequest *ask);

/* The id in the address; NOT_FOUND when it is none. */
enum code notification_api_id(struct request *req, int64_t *ret_id);

#endif
