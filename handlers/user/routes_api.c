/* The user service's JSON addresses: OAuth and apps, accounts. */
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/user/api.h"
#include "handlers/user/api_accounts.h"
#include "handlers/user/routes.h"

#define GET .method = METHOD_GET, .face = FACE_JSON
#define POST .method = METHOD_POST, .face = FACE_JSON

/* ---- Fields */

static const struct field app_fields[] = {
    {.name = "client_name", .kind = FIELD_LINE, .required = true, .max = 60},
    {.name = "redirect_uris", .kind = FIELD_TEXT},
    {.name = "scopes", .kind = FIELD_LINE, .max = 1500},
    {.name = "website", .kind = FIELD_LINE, .max = 2000},
    {0},
};

static const struct field token_fields[] = {
    {.name = "grant_type", .kind = FIELD_SECRET},
    {.name = "client_id", .kind = FIELD_SECRET},
    {.name = "client_secret", .kind = FIELD_SECRET},
    {.name = "scope", .kind = FIELD_LINE, .max = 1500},
    {.name = "code", .kind = FIELD_SECRET},
    {.name = "redirect_uri", .kind = FIELD_SECRET, .max = 2000},
    {.name = "code_verifier", .kind = FIELD_SECRET},
    {.name = "refresh_token", .kind = FIELD_SECRET},
    {0},
};

static const struct field revoke_fields[] = {
    {.name = "client_id", .kind = FIELD_SECRET},
    {.name = "client_secret", .kind = FIELD_SECRET},
    {.name = "token", .kind = FIELD_SECRET, .max = 500},
    {.name = "token_type_hint", .kind = FIELD_SECRET},
    {0},
};

/* ---- Fields of accounts */

static const struct field ids_fields[] = {{.name = "id", .kind = FIELD_IDS, .max = 80}, {0}};

static const struct field lookup_fields[] = {{.name = "acct", .kind = FIELD_LINE, .required = true}, {0}};

static const struct field search_fields[] = {
    {.name = "q", .kind = FIELD_LINE, .required = true},
    {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 1000},
    {.name = "offset", .kind = FIELD_INT, .min = 0, .max = 10000},
    {.name = "resolve", .kind = FIELD_BOOL},
    {.name = "following", .kind = FIELD_BOOL},
    {0},
};

static const struct field directory_fields[] = {
    {.name = "offset", .kind = FIELD_INT, .min = 0, .max = 10000},
    {.name = "limit", .kind = FIELD_INT, .min = 1, .max = 1000},
    {.name = "order", .kind = FIELD_CHOICE, .choices = "active|new"},
    {.name = "local", .kind = FIELD_BOOL},
    {0},
};

/* And fields_attributes, avatar, header, which are no single texts. */
static const struct field credentials_fields[] = {
    {.name = "display_name", .kind = FIELD_LINE, .max = 50},
    {.name = "note", .kind = FIELD_TEXT, .max = 2000},
    {.name = "locked", .kind = FIELD_BOOL},
    {.name = "bot", .kind = FIELD_BOOL},
    {.name = "discoverable", .kind = FIELD_BOOL},
    {.name = "hide_collections", .kind = FIELD_BOOL},
    {.name = "indexable", .kind = FIELD_BOOL},
    {.name = "source[privacy]", .kind = FIELD_CHOICE, .choices = "public|unlisted|private"},
    {.name = "source[sensitive]", .kind = FIELD_BOOL},
    {.name = "source[language]", .kind = FIELD_LINE, .max = 35},
    {0},
};

static const struct field marker_fields[] = {{.name = "timeline", .kind = FIELD_LINES}, {0}};

static const struct field marker_set_fields[] = {
    {.name = "home[last_read_id]", .kind = FIELD_ID},
    {.name = "home[version]", .kind = FIELD_INT},
    {.name = "notifications[last_read_id]", .kind = FIELD_ID},
    {.name = "notifications[version]", .kind = FIELD_INT},
    {0},
};

/* ---- Rates */

static const struct rate app_rate = {"app", 25, 600, true};
static const struct rate oauth_rate = {"oauth", 300, 300, true};

/* ---- Addresses */

#define ACCOUNTS GET, .scope = "read:accounts", .reply = &api_account_shape, .reply_list = true
/* What may be instead of a member. */
static const int not_found[] = {404, 0}, gone[] = {410, 0};

#define NONE_OF_MEMBER \
    GET, .handler = user_api_none_of_member, .also = gone, .reply = &api_nothing_shape, .reply_list = true

const struct route user_api_routes[] = {
    {POST, .pattern = "/api/v1/apps", .handler = user_api_app_create, .auth = AUTH_ANYBODY,
     .fields = app_fields, .rate = &app_rate, .reply = &api_credential_application_shape,
     .summary = "registers an app"},
    {GET, .pattern = "/api/v1/apps/verify_credentials", .handler = user_api_app_verify, .auth = AUTH_APP,
     .also = not_found,
     .reply = &api_application_shape, .summary = "the app that the token was given to"},
    {POST, .pattern = "/oauth/token", .handler = user_api_token, .auth = AUTH_ANYBODY, .fields = token_fields,
     .rate = &oauth_rate, .reply = &api_token_shape, .summary = "gives an app a token"},
    {POST, .pattern = "/oauth/revoke", .handler = user_api_revoke, .auth = AUTH_ANYBODY,
     .fields = revoke_fields, .rate = &oauth_rate, .summary = "ends a token"},

    {GET, .pattern = "/api/v1/accounts/verify_credentials", .handler = user_api_verify_credentials,
     .scope = "read:accounts", .reply = &user_api_credential_shape, .summary = "one's own account"},
    {.method = METHOD_PATCH,
     .face = FACE_JSON,
     .pattern = "/api/v1/accounts/update_credentials",
     .handler = user_api_update_credentials,
     .scope = "write:accounts",
     .fields = credentials_fields,
     .reply = &user_api_credential_shape,
     .summary = "changes one's own account"},
    {ACCOUNTS, .pattern = "/api/v1/accounts", .handler = user_api_accounts, .auth = AUTH_ANYBODY,
     .fields = ids_fields, .summary = "several members"},
    {ACCOUNTS, .pattern = "/api/v1/accounts/search", .handler = user_api_search, .fields = search_fields,
     .summary = "members by words"},
    {GET, .also = not_found, .pattern = "/api/v1/accounts/lookup", .handler = user_api_lookup,
     .auth = AUTH_ANYBODY, .scope = "read:accounts", .fields = lookup_fields, .reply = &api_account_shape,
     .summary = "a member by name"},
    {GET, .also = gone, .pattern = "/api/v1/accounts/{id}", .handler = user_api_account, .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .reply = &api_account_shape, .summary = "a member"},
    {NONE_OF_MEMBER, .pattern = "/api/v1/accounts/{id}/featured_tags", .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .summary = "tags shown on a profile: none"},
    {NONE_OF_MEMBER, .pattern = "/api/v1/accounts/{id}/identity_proofs", .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .summary = "proofs of identity elsewhere: none"},
    {NONE_OF_MEMBER, .pattern = "/api/v1/accounts/{id}/lists", .scope = "read:lists",
     .summary = "one's lists that hold a member: none"},

    {ACCOUNTS, .pattern = "/api/v1/directory", .handler = user_api_directory, .auth = AUTH_ANYBODY,
     .fields = directory_fields, .summary = "members who want to be found"},
    {GET, .pattern = "/api/v1/preferences", .handler = user_api_preferences, .scope = "read:accounts",
     .reply = &user_api_preferences_shape, .summary = "how one posts and reads"},
    {GET, .pattern = "/api/v1/markers", .handler = user_api_markers, .scope = "read:statuses",
     .fields = marker_fields, .reply = &user_api_markers_shape, .summary = "how far one has read"},
    {.method = METHOD_POST,
     .face = FACE_JSON,
     .pattern = "/api/v1/markers",
     .handler = user_api_markers_set,
     .scope = "write:statuses",
     .fields = marker_set_fields,
     .reply = &user_api_markers_shape,
     .summary = "says how far one has read"},
    {POST, .pattern = "/oauth/revoke", .handler = user_api_revoke, .auth = AUTH_ANYBODY,
     .fields = revoke_fields, .rate = &oauth_rate, .summary = "ends a token"},
    {0},
};
