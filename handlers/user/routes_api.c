/* The user service's JSON addresses: OAuth and apps. */
#include "handlers/user/api.h"
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
    {0},
};

/* ---- Rates */

static const struct rate app_rate = {"app", 25, 600, true};
static const struct rate oauth_rate = {"oauth", 300, 300, true};

/* ---- Addresses */

const struct route user_api_routes[] = {
    {POST, .pattern = "/api/v1/apps", .handler = user_api_app_create, .auth = AUTH_ANYBODY,
     .fields = app_fields, .rate = &app_rate, .reply = &api_credential_application_shape,
     .summary = "registers an app"},
    {GET, .pattern = "/api/v1/apps/verify_credentials", .handler = user_api_app_verify, .auth = AUTH_APP,
     .reply = &api_application_shape, .summary = "the app that the token was given to"},
    {POST, .pattern = "/oauth/token", .handler = user_api_token, .auth = AUTH_ANYBODY, .fields = token_fields,
     .rate = &oauth_rate, .reply = &api_token_shape, .summary = "gives an app a token"},
    {0},
};
