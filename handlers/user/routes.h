#ifndef DEEPLINK_USER_ROUTES_H
#define DEEPLINK_USER_ROUTES_H

#include "fcgi/router.h"

extern const struct route user_routes[];     /* routes.c: pages */
extern const struct route user_api_routes[]; /* routes_api.c: JSON */
extern const struct route user_own_routes[]; /* routes_own.c: JSON, our own API */

/* Rates that pages and programs share, so that neither is a way around the other. */
extern const struct rate user_signup_rate, user_mail_rate, user_token_rate, user_password_rate;

#endif
