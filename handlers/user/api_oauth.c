/* Apps and their tokens: POST /api/v1/apps, /oauth/token (RFC 6749). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_error.h"
#include "handlers/common/vapid.h"
#include "handlers/user/api.h"

#define URIS_MAX 16

/* ---- what is answered */

struct application_view {
    int64_t id;
    const char *name, *website;
    struct shape_list scopes, redirect_uris;
    const char *redirect_uri, *vapid_key;
};

struct credential_view {
    struct application_view app;
    const char *client_id, *client_secret;
    int64_t client_secret_expires_at;
};

struct token_view {
    const char *access_token, *token_type, *scope;
    int64_t created_at;
    int64_t expires_in; /* seconds; 0: never */
    const char *refresh_token;
};

#define APP(member) offsetof(struct application_view, member)
const struct shape api_application_shape = {
    .name = "Application",
    .size = sizeof(struct application_view),
    .fields =
        (const struct shape_field[]){
            {.name = "id", .kind = SHAPE_ID, .at = APP(id)},
            {.name = "name", .kind = SHAPE_STR, .at = APP(name)},
            {.name = "website", .kind = SHAPE_URL, .at = APP(website), .nullable = true},
            {.name = "scopes", .kind = SHAPE_STRS, .at = APP(scopes)},
            {.name = "redirect_uris", .kind = SHAPE_STRS, .at = APP(redirect_uris)},
            {.name = "redirect_uri",
             .kind = SHAPE_STR,
             .at = APP(redirect_uri),
             .words = "The redirect_uris, one a line."},
            {.name = "vapid_key",
             .kind = SHAPE_STR,
             .at = APP(vapid_key),
             .words = "What Web Push is signed by."},
            {0},
        },
    .words = "An app that was registered.",
};

#define CREDENTIAL(member) offsetof(struct credential_view, member)
const struct shape api_credential_application_shape = {
    .name = "CredentialApplication",
    .size = sizeof(struct credential_view),
    .fields =
        (const struct shape_field[]){
            {.name = "application",
             .kind = SHAPE_SPLICE,
             .at = CREDENTIAL(app),
             .of = &api_application_shape},
            {.name = "client_id", .kind = SHAPE_STR, .at = CREDENTIAL(client_id)},
            {.name = "client_secret", .kind = SHAPE_STR, .at = CREDENTIAL(client_secret)},
            {.name = "client_secret_expires_at",
             .kind = SHAPE_INT,
             .at = CREDENTIAL(client_secret_expires_at),
             .words = "0: never."},
            {0},
        },
    .words = "An app with what it identifies itself by.",
};

#define TOKEN(member) offsetof(struct token_view, member)
const struct shape api_token_shape = {
    .name = "Token",
    .size = sizeof(struct token_view),
    .fields =
        (const struct shape_field[]){
            {.name = "access_token", .kind = SHAPE_STR, .at = TOKEN(access_token)},
            {.name = "token_type", .kind = SHAPE_STR, .at = TOKEN(token_type), .choices = "Bearer"},
            {.name = "scope", .kind = SHAPE_STR, .at = TOKEN(scope)},
            {.name = "created_at", .kind = SHAPE_INT, .at = TOKEN(created_at), .words = "Unix seconds."},
            {.name = "expires_in",
             .kind = SHAPE_INT,
             .at = TOKEN(expires_in),
             .optional = true,
             .words = "Seconds; absent where the token does not end by itself."},
            {.name = "refresh_token", .kind = SHAPE_STR, .at = TOKEN(refresh_token), .optional = true},
            {0},
        },
    .words = "What lets an app act.",
};

/* ---- apps */

/* The parts of a text between any of these bytes. */
static struct shape_list parts(struct arena *a, const char *text, const char *between) {
    const char **out = arena_many(a, const char *, strlen(text) / 2 + 1);
    size_t n = 0;

    for (const char *p = text + strspn(text, between); *p != '\0'; p += strspn(p, between)) {
        size_t len = strcspn(p, between);

        out[n++] = arena_strndup(a, p, len);
        p += len;
    }
    return (struct shape_list){out, n};
}

static const char *lines(struct arena *a, const struct shape_list *list) {
    const char *out = "";

    for (size_t i = 0; i < list->n; i++)
        out = arena_printf(a, "%s%s%s", out, i > 0 ? "\n" : "", ((const char *const *)list->items)[i]);
    return out;
}

static struct application_view application(struct request *req, const Pb__App *app) {
    struct arena *a = req->ctx.arena;
    struct application_view v = {.id = app->id,
                                 .name = app->name,
                                 .website = text_is_empty(app->website) ? NULL : app->website,
                                 .scopes = parts(a, app->scopes, " "),
                                 .redirect_uris = {app->redirect_uris, app->n_redirect_uris}};

    v.redirect_uri = lines(a, &v.redirect_uris);
    if (vapid_public_key(&req->ctx, &v.vapid_key) != OK)
        fail_clear(&req->ctx); /* then there is no push */
    return v;
}

/* A list, or a text with one a line. */
static void read_uris(struct request *req, Pb__CreateAppRequest *create) {
    struct arena *a = req->ctx.arena;
    const char **sent, **uris = arena_many(a, const char *, URIS_MAX);
    size_t n, k = 0;

    sent = params_all(&req->form, "redirect_uris", &n);
    for (size_t i = 0; i < n; i++) {
        struct shape_list some = parts(a, sent[i], " \t\r\n");

        for (size_t j = 0; j < some.n && k < URIS_MAX; j++)
            uris[k++] = ((const char *const *)some.items)[j];
    }
    create->redirect_uris = uris;
    create->n_redirect_uris = k;
}

enum code user_api_app_create(struct request *req) {
    Pb__CreateAppRequest create = PB__CREATE_APP_REQUEST__INIT;
    const Pb__App *app;
    struct credential_view v = {0};
    enum code c;

    create.name = field_text(req, "client_name");
    create.website = field_text(req, "website");
    create.scopes = field_text(req, "scopes");
    read_uris(req, &create);
    if ((c = user_create_app(&req->ctx, &create, &app)) != OK)
        return c;
    v.app = application(req, app);
    v.client_id = app->client_id;
    v.client_secret = app->client_secret;
    return api_reply(req, &api_credential_application_shape, &v);
}

enum code user_api_app_verify(struct request *req) {
    Pb__GetAppRequest get = PB__GET_APP_REQUEST__INIT;
    const Pb__App *app;
    struct application_view v;
    enum code c;

    if (req->ctx.app_id == 0)
        return fail(&req->ctx, NOT_FOUND, tr_mark("A personal access token belongs to no app."));
    get.id = req->ctx.app_id;
    if ((c = user_get_app(&req->ctx, &get, &app)) != OK)
        return c;
    v = application(req, app);
    return api_reply(req, &api_application_shape, &v);
}

/* ---- tokens */

static enum code oauth_error(struct request *req, int status, const char *error, const char *description) {
    if (!ctx_failed(&req->ctx))
        fail(&req->ctx, INVALID, description);
    api_oauth_error_show(req, status, error, description);
    fail_clear(&req->ctx);
    respond_header(req, "Pragma", "no-cache");
    return OK;
}

/* A service's refusal as one of RFC 6749 section 5.2; other failures go on. The words are in ASCII, as there.
 */
static enum code oauth_refusal(struct request *req, enum code c) {
    static const struct {
        enum code code;
        int status;
        const char *error;
    } errors[] = {
        {UNAUTHENTICATED, 401, "invalid_client"}, {PRECONDITION, 400, "invalid_grant"},
        {OUT_OF_RANGE, 400, "invalid_scope"},     {DENIED, 400, "unauthorized_client"},
        {INVALID, 400, "invalid_request"},
    };

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        const char *words = req->ctx.error.text;

        if (errors[i].code != c)
            continue;
        if (c == UNAUTHENTICATED)
            respond_header(req, "WWW-Authenticate", "Basic realm=\"DeepLink\"");
        return oauth_error(req, errors[i].status, errors[i].error, words);
    }
    return c;
}

/* What an app says it is: in the body, or by Basic authentication (RFC 6749 section 2.3.1). */
struct credentials {
    const char *id, *secret;
};

/* Text out of base64 (RFC 4648 section 4); NULL when it is none, or holds a NUL. */
static char *base64_text(struct arena *a, const char *sent) {
    char *url = arena_strndup(a, sent, strcspn(sent, "= "));
    unsigned char *bytes;
    size_t n;

    for (char *p = url; *p != '\0'; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    if (!text_base64url_decode(a, url, &bytes, &n) || memchr(bytes, '\0', n) != NULL)
        return NULL;
    return arena_strndup(a, (const char *)bytes, n);
}

static bool read_basic(struct request *req, struct credentials *ret) {
    const char *sent = request_header(req, "Authorization");
    char *text, *colon;
    struct params both;
    struct error ignored = {0};

    if (sent == NULL || strncasecmp(sent, "Basic ", 6) != 0)
        return false;
    text = base64_text(req->ctx.arena, sent + 6 + strspn(sent + 6, " "));
    if (text == NULL || (colon = strchr(text, ':')) == NULL)
        return false;
    *colon = '\0';
    /* Both are encoded as in a form. */
    params_init(&both, req->ctx.arena);
    text = arena_printf(req->ctx.arena, "id=%s&secret=%s", text, colon + 1);
    if (form_parse(&both, text, strlen(text), &form_limits_query, &ignored) != OK)
        return false;
    ret->id = params_get(&both, "id");
    ret->secret = params_get(&both, "secret");
    return ret->id != NULL && ret->secret != NULL;
}

static struct credentials credentials_of(struct request *req) {
    struct credentials c = {"", ""};

    if (!read_basic(req, &c))
        c = (struct credentials){field_text(req, "client_id"), field_text(req, "client_secret")};
    return c;
}

enum code user_api_token_reply(struct request *req, const Pb__TokenReply *t) {
    struct token_view v = {.access_token = t->token,
                           .token_type = "Bearer",
                           .scope = t->access->scopes,
                           .created_at = t->access->created_ms / 1000,
                           .refresh_token = text_is_empty(t->refresh_token) ? NULL : t->refresh_token};

    if (t->access->expires_ms != 0)
        v.expires_in = (t->access->expires_ms - t->access->created_ms + 999) / 1000;
    respond_header(req, "Pragma", "no-cache");
    return api_reply(req, &api_token_shape, &v);
}

static enum code grant_client_credentials(struct request *req, const struct credentials *app) {
    Pb__AppTokenRequest issue = PB__APP_TOKEN_REQUEST__INIT;
    const Pb__TokenReply *reply;
    enum code c;

    issue.client_id = app->id;
    issue.client_secret = app->secret;
    issue.scopes = field_text(req, "scope");
    if ((c = user_issue_app_token(&req->ctx, &issue, &reply)) != OK)
        return oauth_refusal(req, c);
    return user_api_token_reply(req, reply);
}

static enum code grant_code(struct request *req, const struct credentials *app) {
    Pb__ExchangeCodeRequest ask = PB__EXCHANGE_CODE_REQUEST__INIT;
    const Pb__TokenReply *reply;
    enum code c;

    ask.client_id = app->id;
    ask.client_secret = app->secret;
    ask.code = field_text(req, "code");
    ask.redirect_uri = field_text(req, "redirect_uri");
    ask.verifier = field_text(req, "code_verifier");
    if (text_is_empty(ask.code))
        return oauth_error(req, 400, "invalid_request", "Missing required parameter: code.");
    if ((c = user_exchange_code(&req->ctx, &ask, &reply)) != OK)
        return oauth_refusal(req, c);
    return user_api_token_reply(req, reply);
}

static enum code grant_refresh(struct request *req, const struct credentials *app) {
    Pb__RefreshTokenRequest ask = PB__REFRESH_TOKEN_REQUEST__INIT;
    const Pb__TokenReply *reply;
    enum code c;

    ask.client_id = app->id;
    ask.client_secret = app->secret;
    ask.refresh_token = field_text(req, "refresh_token");
    ask.scopes = field_text(req, "scope");
    if (text_is_empty(ask.refresh_token))
        return oauth_error(req, 400, "invalid_request", "Missing required parameter: refresh_token.");
    if ((c = user_refresh_token(&req->ctx, &ask, &reply)) != OK)
        return oauth_refusal(req, c);
    return user_api_token_reply(req, reply);
}

enum code user_api_revoke(struct request *req) {
    Pb__RevokeTokenRequest ask = PB__REVOKE_TOKEN_REQUEST__INIT;
    struct credentials app = credentials_of(req);
    enum code c;

    ask.client_id = app.id;
    ask.client_secret = app.secret;
    ask.token = field_text(req, "token");
    if ((c = user_revoke_token(&req->ctx, &ask, NULL)) == DENIED)
        return oauth_error(req, 403, "unauthorized_client", "You are not authorized to revoke this token");
    return c == OK ? api_reply_empty(req) : oauth_refusal(req, c);
}

enum code user_api_token(struct request *req) {
    static const struct {
        const char *type;
        enum code (*give)(struct request *req, const struct credentials *app);
    } grants[] = {
        {"authorization_code", grant_code},
        {"refresh_token", grant_refresh},
        {"client_credentials", grant_client_credentials},
    };
    struct credentials app = credentials_of(req);
    const char *type = field_text(req, "grant_type");

    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++)
        if (strcmp(grants[i].type, type) == 0)
            return grants[i].give(req, &app);
    if (text_is_empty(type))
        return oauth_error(req, 400, "invalid_request", "Missing required parameter: grant_type.");
    return oauth_error(req, 400, "unsupported_grant_type",
                       "The authorization grant type is not supported by the authorization server.");
}
