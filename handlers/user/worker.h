/* What the user service does with events. */
#ifndef DEEPLINK_USER_WORKER_H
#define DEEPLINK_USER_WORKER_H

#include "fcgi/ctx.h"
#include "fcgi/drivers/bus.h"
#include "handlers/user/store.h"

/* Consumers: user_cards repeats what a request does in Redis after its commit, user_history writes members'
 * histories and the audit log, user_mail sends mails,
 * user_pictures shows pictures that are ready. */
extern const struct consumer user_consumers[];

/* Events of media.v1 and user.picture.v1 (worker_pictures.c). */
enum code user_picture_events(struct ctx *ctx, const struct event *events, size_t n);

/* Sends one mail, or finds that it need not be sent any more (worker_mail.c). */
enum code user_mail_send(struct ctx *ctx, const struct mail_job *job);

#endif
