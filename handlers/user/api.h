/* The user service's JSON endpoints. */
#ifndef DEEPLINK_USER_API_H
#define DEEPLINK_USER_API_H

#include "deeplink/v1/user.pb-c.h"
#include "fcgi/request.h"
#include "fcgi/shape.h"

/* api_oauth.c */
enum code user_api_app_create(struct request *req);
enum code user_api_app_verify(struct request *req);
enum code user_api_token(struct request *req);
enum code user_api_revoke(struct request *req);

/* Answers with a token. */
enum code user_api_token_reply(struct request *req, const Pb__TokenReply *t);

/* api_sign_up.c */
enum code user_api_sign_up(struct request *req);
enum code user_api_confirm_again(struct request *req);
enum code user_api_is_confirmed(struct request *req);
extern const struct shape api_confirmed_shape; /* "Confirmed": a boolean */

extern const struct shape api_application_shape;            /* "Application" */
extern const struct shape api_credential_application_shape; /* "CredentialApplication" */
extern const struct shape api_token_shape;                  /* "Token" */

#endif
