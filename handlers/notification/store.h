/* Rows and read model of the notification service. Only handlers/notification/ includes this. */
#ifndef DEEPLINK_NOTIFICATION_STORE_H
#define DEEPLINK_NOTIFICATION_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deeplink/v1/notification.pb-c.h"
#include "fcgi/ctx.h"

/* ---- The read model notify:unread:<id> */

/* What SQL says. */
enum code notification_store_unread(struct ctx *ctx, int64_t user, Pb__UnreadCounts *ret);
/* After a change: whoever misses it makes it anew. A dead Redis is logged and no failure. */
void notification_store_forget(struct ctx *ctx, const int64_t *users, size_t n);

/* ---- Erasing: up to `limit` rows of and about a member; *ret_n is how many there were. */
enum code notification_store_erase(struct ctx *ctx, int64_t user, unsigned limit, size_t *ret_n);
/* What is left besides. */
enum code notification_store_erase_rest(struct ctx *ctx, int64_t user);
/* Asks for another batch by an event. */
enum code notification_store_erase_on(struct ctx *ctx, int64_t user);

#endif
