/* The user service's JSON endpoints. */
#ifndef DEEPLINK_USER_API_H
#define DEEPLINK_USER_API_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

/* api_oauth.c */
enum code user_api_app_create(struct request *req);
enum code user_api_app_verify(struct request *req);
enum code user_api_token(struct request *req);

extern const struct shape api_application_shape;            /* "Application" */
extern const struct shape api_credential_application_shape; /* "CredentialApplication" */
extern const struct shape api_token_shape;                  /* "Token" */

#endif
