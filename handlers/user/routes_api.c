/* The user service's JSON addresses: OAuth and apps, accounts. */
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_members.h"
#include "handlers/user/api.h"
#include "handlers/user/api_accounts.h"
#include "handlers/user/api_site.h"
#include "handlers/user/fields.h"
#include "handlers/user/routes.h"

#define GET .method = METHOD_GET, .face = FACE_JSON
#define POST .method = METHOD_POST, .face = FACE_JSON

/* ---- Fields */

static const struct field app_fields[] = {
    {.name = "client_name", .kind = FIELD_LINE, .required = true, .max = 60},
    {.name = "redirect_uris", .kind = FIELD_TEXTS},
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

static const struct field sign_up_fields[] = {
    {.name = "username", .kind = FIELD_LINE, .max = 30},
    {.name = "email", .kind = FIELD_LINE, .max = 254},
    {.name = "password", .kind = FIELD_SECRET, .max = 1000},
    {.name = "agreement", .kind = FIELD_BOOL},
    {.name = "locale", .kind = FIELD_LINE, .max = 35},
    {.name = "reason", .kind = FIELD_TEXT, .max = 500},
    {.name = "invite_code", .kind = FIELD_LINE, .max = 100},
    {0},
};

static const struct field confirm_again_fields[] = {{.name = "email", .kind = FIELD_LINE, .max = 254}, {0}};

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

/* And fields_attributes, which are no single texts. */
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
    {.name = "avatar", .kind = FIELD_FILE},
    {.name = "header", .kind = FIELD_FILE},
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

static const struct field webfinger_fields[] = {
    {.name = "resource", .kind = FIELD_SECRET, .max = 2000},
    {0},
};

/* ---- Rates */

static const struct rate app_rate = {"app", 25, 600, true};
static const struct rate oauth_rate = {"oauth", 300, 300, true};

/* ---- What they answer with besides */

static const int oauth_refusals[] = {400, 401, 403, 0};
static const int not_found[] = {404, 0}, gone[] = {410, 0};
static const int webfinger_refusals[] = {400, 404, 410, 0};

/* ---- Addresses */

#define ACCOUNTS GET, .scope = "read:accounts", .reply = &api_account_shape, .reply_list = true
#define NONE_OF_MEMBER \
    GET, .handler = user_api_none_of_member, .also = gone, .reply = &api_nothing_shape, .reply_list = true

#define SITE GET, .auth = AUTH_ANYBODY
#define EMPTY GET, .handler = api_reply_none, .reply = &api_nothing_shape, .reply_list = true

const struct route user_api_routes[] = {
    {POST, .pattern = "/api/v1/apps", .handler = user_api_app_create, .auth = AUTH_ANYBODY,
     .fields = app_fields, .rate = &app_rate, .reply = &api_credential_application_shape,
     .summary = "registers an app"},
    {GET, .pattern = "/api/v1/apps/verify_credentials", .handler = user_api_app_verify, .auth = AUTH_APP,
     .reply = &api_application_shape, .also = not_found, .summary = "the app that the token was given to"},
    {POST, .pattern = "/oauth/token", .handler = user_api_token, .auth = AUTH_ANYBODY, .fields = token_fields,
     .rate = &oauth_rate, .reply = &api_token_shape, .also = oauth_refusals,
     .summary = "gives an app a token"},
    {POST, .pattern = "/oauth/revoke", .handler = user_api_revoke, .auth = AUTH_ANYBODY,
     .fields = revoke_fields, .rate = &oauth_rate, .also = oauth_refusals, .summary = "ends a token"},

    {POST, .pattern = "/api/v1/accounts", .handler = user_api_sign_up, .auth = AUTH_APP,
     .scope = "write:accounts", .fields = sign_up_fields, .rate = &user_signup_rate,
     .reply = &api_token_shape, .also = not_found,
     .summary = "signs somebody up, by an app's own token; the new one opens nothing before the address is "
                "confirmed"},
    {POST, .pattern = "/api/v1/emails/confirmations", .handler = user_api_confirm_again,
     .auth = AUTH_NEWCOMER, .scope = "write:accounts", .fields = confirm_again_fields,
     .rate = &user_mail_rate, .summary = "sends the mail again that asks to confirm an address"},
    {GET, .pattern = "/api/v1/emails/check_confirmation", .handler = user_api_is_confirmed,
     .auth = AUTH_NEWCOMER, .scope = "read:accounts", .reply = &api_confirmed_shape,
     .summary = "whether one's address is confirmed"},

    {GET, .pattern = "/api/v1/accounts/verify_credentials", .handler = user_api_verify_credentials,
     .scope = "read:accounts", .reply = &user_api_credential_shape, .summary = "one's own account"},
    {.method = METHOD_PATCH,
     .face = FACE_JSON,
     .pattern = "/api/v1/accounts/update_credentials",
     .handler = user_api_update_credentials,
     .scope = "write:accounts",
     .upload = true,
     .fields = credentials_fields,
     .reply = &user_api_credential_shape,
     .summary = "changes one's own account; avatar and header are files"},
    {.method = METHOD_DELETE,
     .face = FACE_JSON,
     .pattern = "/api/v1/profile/avatar",
     .handler = user_api_avatar_drop,
     .scope = "write:accounts",
     .reply = &user_api_credential_shape,
     .summary = "removes one's picture"},
    {.method = METHOD_DELETE,
     .face = FACE_JSON,
     .pattern = "/api/v1/profile/header",
     .handler = user_api_header_drop,
     .scope = "write:accounts",
     .reply = &user_api_credential_shape,
     .summary = "removes the picture at the top of one's profile"},
    {ACCOUNTS, .pattern = "/api/v1/accounts", .handler = user_api_accounts, .auth = AUTH_ANYBODY,
     .fields = ids_fields, .summary = "several members"},
    {ACCOUNTS, .pattern = "/api/v1/accounts/search", .handler = user_api_search, .fields = search_fields,
     .summary = "members by words"},
    {GET, .pattern = "/api/v1/accounts/lookup", .handler = user_api_lookup, .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .fields = lookup_fields, .also = not_found, .reply = &api_account_shape,
     .summary = "a member by name"},
    {GET, .also = gone, .pattern = "/api/v1/accounts/{id}", .handler = user_api_account, .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .reply = &api_account_shape, .summary = "a member"},
    {NONE_OF_MEMBER, .pattern = "/api/v1/accounts/{id}/featured_tags", .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .summary = "tags shown on a profile: none"},
    {NONE_OF_MEMBER, .pattern = "/api/v1/accounts/{id}/identity_proofs", .auth = AUTH_ANYBODY,
     .scope = "read:accounts", .summary = "proofs of identity elsewhere: none"},

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

    /* About the site */
    {SITE, .pattern = "/api/v2/instance", .handler = user_api_instance, .reply = &user_api_instance_shape,
     .summary = "the site, its limits and rules"},
    {SITE, .pattern = "/api/v1/instance", .handler = user_api_instance_v1,
     .reply = &user_api_instance_v1_shape, .summary = "the site as older clients know it"},
    {SITE, .pattern = "/api/v1/instance/rules", .handler = user_api_rules, .reply = &user_api_rule_shape,
     .reply_list = true, .summary = "the site's rules"},
    {SITE, .pattern = "/api/v1/instance/extended_description", .handler = user_api_extended_description,
     .reply = &user_api_text_shape, .summary = "more about the site"},
    {SITE, .pattern = "/api/v1/instance/privacy_policy", .handler = user_api_privacy_policy,
     .reply = &user_api_text_shape, .summary = "what becomes of data"},
    {SITE, .pattern = "/api/v1/instance/translation_languages", .handler = api_reply_empty,
     .summary = "languages that can be translated: none"},
    {EMPTY, .pattern = "/api/v1/instance/peers", .auth = AUTH_ANYBODY, .summary = "other sites: none"},
    {SITE, .pattern = "/api/v1/instance/activity", .handler = user_api_activity,
     .reply = &user_api_week_shape, .reply_list = true, .summary = "use in the last twelve weeks"},
    {EMPTY, .pattern = "/api/v1/instance/domain_blocks", .auth = AUTH_ANYBODY,
     .summary = "sites kept out: none"},
    {EMPTY, .pattern = "/api/v1/announcements", .summary = "announcements: none"},
    {EMPTY, .pattern = "/api/v1/custom_emojis", .auth = AUTH_ANYBODY, .summary = "emoji of the site: none"},
    {SITE, .pattern = "/.well-known/oauth-authorization-server", .handler = user_api_oauth_server,
     .reply = &user_api_oauth_server_shape, .summary = "how to be let in"},
    {GET, .pattern = "/oauth/userinfo", .handler = user_api_userinfo, .scope = "profile|read:accounts",
     .reply = &user_api_userinfo_shape, .summary = "who the token acts for"},
    {POST, .pattern = "/oauth/userinfo", .handler = user_api_userinfo, .scope = "profile|read:accounts",
     .reply = &user_api_userinfo_shape, .summary = "who the token acts for"},
    {SITE, .pattern = "/.well-known/nodeinfo", .handler = user_api_nodeinfo_links,
     .reply = &user_api_nodeinfo_links_shape, .summary = "where NodeInfo is"},
    {SITE, .pattern = "/nodeinfo/2.0", .handler = user_api_nodeinfo, .reply = &user_api_nodeinfo_shape,
     .summary = "what runs here"},
    {SITE, .pattern = "/nodeinfo/2.1", .handler = user_api_nodeinfo, .reply = &user_api_nodeinfo_shape,
     .summary = "what runs here"},
    {SITE, .pattern = "/.well-known/webfinger", .handler = user_api_webfinger, .fields = webfinger_fields,
     .reply = &user_api_webfinger_shape, .also = webfinger_refusals, .summary = "where a member is found"},

    /* What there is none of yet */
    {EMPTY, .pattern = "/api/v1/filters", .scope = "read:filters", .summary = "one's filters: none"},
    {EMPTY, .pattern = "/api/v2/filters", .scope = "read:filters", .summary = "one's filters: none"},
    {EMPTY, .pattern = "/api/v1/conversations", .scope = "read:statuses", .summary = "conversations: none"},
    {EMPTY, .pattern = "/api/v1/scheduled_statuses", .scope = "read:statuses",
     .summary = "posts to be sent later: none"},
    {EMPTY, .pattern = "/api/v1/featured_tags", .scope = "read:accounts", .summary = "featured tags: none"},
    {EMPTY, .pattern = "/api/v1/featured_tags/suggestions", .scope = "read:accounts",
     .summary = "tags to feature: none"},
    {EMPTY, .pattern = "/api/v1/trends/links", .auth = AUTH_ANYBODY, .summary = "links in fashion: none"},
    {0},
};
