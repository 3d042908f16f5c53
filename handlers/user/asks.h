/* What pages and programs ask the user service alike, out of the same fields (fields.h). */
#ifndef DEEPLINK_USER_ASKS_H
#define DEEPLINK_USER_ASKS_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/request.h"

/* The viewer's own account. */
enum code user_ask_account(struct ctx *ctx, const Pb__Account **ret);

/* A new password, and a new address that waits for its confirmation. */
enum code user_ask_password_change(struct request *req);
enum code user_ask_email_change(struct request *req);

/* Ends one of the viewer's sessions; 0: all but the one that asks. */
enum code user_ask_end_sessions(struct request *req, int64_t session_id);

#endif
