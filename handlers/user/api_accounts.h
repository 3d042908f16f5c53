/* The user service's JSON endpoints about accounts, one function each; addresses stand in routes_api.c. */
#ifndef DEEPLINK_USER_API_ACCOUNTS_H
#define DEEPLINK_USER_API_ACCOUNTS_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

extern const struct shape user_api_credential_shape;  /* "CredentialAccount" */
extern const struct shape user_api_preferences_shape; /* "Preferences" */
extern const struct shape user_api_markers_shape;     /* "Markers" */

/* Accounts of members (api_accounts.c). */
enum code user_api_account(struct request *req);
enum code user_api_accounts(struct request *req);
enum code user_api_lookup(struct request *req);
enum code user_api_search(struct request *req);
enum code user_api_directory(struct request *req);
enum code user_api_none_of_member(struct request *req);

/* One's own account (api_own.c). */
enum code user_api_verify_credentials(struct request *req);
enum code user_api_update_credentials(struct request *req);
enum code user_api_preferences(struct request *req);

/* How far one has read (api_markers.c). */
enum code user_api_markers(struct request *req);
enum code user_api_markers_set(struct request *req);

#endif
