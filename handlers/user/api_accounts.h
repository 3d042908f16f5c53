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

/* One's own pictures (api_pictures.c). take: those that were sent become media; waits a moment for them; 0
 * where none was sent. Nothing is shown yet. INVALID naming avatar or header. set: shows them, or has them
 * shown once they are ready. */
#define USER_API_PICTURES 2 /* avatar, header */
enum code user_api_pictures_take(struct request *req, int64_t ids[USER_API_PICTURES]);
enum code user_api_pictures_set(struct request *req, const int64_t ids[USER_API_PICTURES]);
enum code user_api_avatar_drop(struct request *req);
enum code user_api_header_drop(struct request *req);

/* How far one has read (api_markers.c). */
enum code user_api_markers(struct request *req);
enum code user_api_markers_set(struct request *req);

#endif
