/* How programs find out what this site is and how to talk to it: OAuth's metadata (RFC 8414), NodeInfo,
 * WebFinger (RFC 7033), host-meta (RFC 6415), security.txt (RFC 9116). */
#include <string.h>
#include <strings.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "fcgi/json.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/models.h"
#include "handlers/common/scopes.h"
#include "handlers/user/api_site.h"
#include "handlers/user/service.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }
#define STRS(...)                                            \
    ((struct shape_list){(const char *const[]){__VA_ARGS__}, \
                         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)})
#define YEAR_MS INT64_C(31536000000)

/* An answer whose media type is not application/json. */
static enum code reply_as(struct request *req, const char *type, const struct shape *shape,
                          const void *view) {
    struct json j;

    json_init(&j, respond(req, 200, type));
    shape_write(&j, shape, view);
    respond_etag(req);
    return OK;
}

/* ---- OAuth */

struct oauth_server_view {
    const char *issuer, *service_documentation, *authorization_endpoint, *token_endpoint,
        *app_registration_endpoint, *revocation_endpoint, *userinfo_endpoint;
    struct shape_list scopes_supported, response_types_supported, response_modes_supported,
        code_challenge_methods_supported, grant_types_supported, token_endpoint_auth_methods_supported,
        revocation_endpoint_auth_methods_supported;
    bool authorization_response_iss_parameter_supported;
};
const struct shape user_api_oauth_server_shape = {
    .name = "OAuthServer",
    .size = sizeof(struct oauth_server_view),
    .words = "how to be let in (RFC 8414)",
    .fields = (const struct shape_field[]){
        FIELD(oauth_server_view, issuer, SHAPE_URL),
        FIELD(oauth_server_view, service_documentation, SHAPE_URL),
        FIELD(oauth_server_view, authorization_endpoint, SHAPE_URL),
        FIELD(oauth_server_view, token_endpoint, SHAPE_URL),
        FIELD(oauth_server_view, app_registration_endpoint, SHAPE_URL),
        FIELD(oauth_server_view, revocation_endpoint, SHAPE_URL),
        FIELD(oauth_server_view, userinfo_endpoint, SHAPE_URL),
        FIELD(oauth_server_view, scopes_supported, SHAPE_STRS),
        FIELD(oauth_server_view, response_types_supported, SHAPE_STRS),
        FIELD(oauth_server_view, response_modes_supported, SHAPE_STRS),
        FIELD(oauth_server_view, code_challenge_methods_supported, SHAPE_STRS),
        FIELD(oauth_server_view, grant_types_supported, SHAPE_STRS),
        FIELD(oauth_server_view, token_endpoint_auth_methods_supported, SHAPE_STRS),
        FIELD(oauth_server_view, revocation_endpoint_auth_methods_supported, SHAPE_STRS),
        FIELD(oauth_server_view, authorization_response_iss_parameter_supported, SHAPE_BOOL),
        {0}}};

static struct shape_list all_scopes(struct arena *a) {
    const char **names;
    size_t n = 0;

    while (scopes_all[n].name != NULL)
        n++;
    names = arena_many(a, const char *, n);
    for (size_t i = 0; i < n; i++)
        names[i] = scopes_all[i].name;
    return (struct shape_list){names, n};
}

enum code user_api_oauth_server(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct oauth_server_view v = {
        .issuer = ctx->env->config->base_url,
        .service_documentation = api_url(ctx, "/api/openapi.json"),
        .authorization_endpoint = api_url(ctx, "/oauth/authorize"),
        .token_endpoint = api_url(ctx, "/oauth/token"),
        .app_registration_endpoint = api_url(ctx, "/api/v1/apps"),
        .revocation_endpoint = api_url(ctx, "/oauth/revoke"),
        .userinfo_endpoint = api_url(ctx, "/oauth/userinfo"),
        .scopes_supported = all_scopes(ctx->arena),
        .response_types_supported = STRS("code"),
        .response_modes_supported = STRS("query"),
        .code_challenge_methods_supported = STRS("S256"),
        .grant_types_supported = STRS("authorization_code", "client_credentials", "refresh_token"),
        .token_endpoint_auth_methods_supported = STRS("client_secret_basic", "client_secret_post"),
        .revocation_endpoint_auth_methods_supported = STRS("client_secret_basic", "client_secret_post"),
        .authorization_response_iss_parameter_supported = true};

    return api_reply(req, &user_api_oauth_server_shape, &v);
}

struct userinfo_view {
    const char *iss, *sub, *name, *preferred_username, *profile, *picture;
};
const struct shape user_api_userinfo_shape = {
    .name = "UserInfo",
    .size = sizeof(struct userinfo_view),
    .words = "who the token acts for",
    .fields = (const struct shape_field[]){FIELD(userinfo_view, iss, SHAPE_URL),
                                           FIELD(userinfo_view, sub, SHAPE_URL),
                                           FIELD(userinfo_view, name, SHAPE_STR),
                                           FIELD(userinfo_view, preferred_username, SHAPE_STR),
                                           FIELD(userinfo_view, profile, SHAPE_URL),
                                           FIELD(userinfo_view, picture, SHAPE_URL),
                                           {0}}};

enum code user_api_userinfo(struct request *req) {
    const struct api_account *a;
    struct userinfo_view v;
    enum code c = api_account_get(&req->ctx, req->ctx.viewer_id, &a);

    if (c != OK)
        return c;
    v = (struct userinfo_view){
        req->ctx.env->config->base_url, a->url, a->display_name, a->username, a->url, a->avatar};
    return api_reply(req, &user_api_userinfo_shape, &v);
}

/* ---- NodeInfo (https://nodeinfo.diaspora.software/protocol) */

struct link_view {
    const char *rel, *type, *href;
};
static const struct shape link_shape = {
    .name = "Link",
    .size = sizeof(struct link_view),
    .fields = (const struct shape_field[]){FIELD(link_view, rel, SHAPE_STR),
                                           FIELD(link_view, type, SHAPE_STR, .optional = true),
                                           FIELD(link_view, href, SHAPE_URL),
                                           {0}}};
struct links_view {
    struct shape_list links;
};
const struct shape user_api_nodeinfo_links_shape = {
    .name = "NodeInfoLinks",
    .size = sizeof(struct links_view),
    .fields = (const struct shape_field[]){FIELD(links_view, links, SHAPE_LIST, .of = &link_shape), {0}}};

enum code user_api_nodeinfo_links(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct link_view links[] = {
        {"http://nodeinfo.diaspora.software/ns/schema/2.0", NULL, api_url(ctx, "/nodeinfo/2.0")},
        {"http://nodeinfo.diaspora.software/ns/schema/2.1", NULL, api_url(ctx, "/nodeinfo/2.1")}};
    struct links_view v = {{links, 2}};

    return api_reply(req, &user_api_nodeinfo_links_shape, &v);
}

struct software_view {
    const char *name, *version;
};
static const struct shape software_shape = {
    .name = "NodeInfoSoftware",
    .size = sizeof(struct software_view),
    .fields = (const struct shape_field[]){
        FIELD(software_view, name, SHAPE_STR), FIELD(software_view, version, SHAPE_STR), {0}}};
struct services_view {
    struct shape_list inbound, outbound;
};
static const struct shape services_shape = {
    .name = "NodeInfoServices",
    .size = sizeof(struct services_view),
    .fields = (const struct shape_field[]){
        FIELD(services_view, inbound, SHAPE_STRS), FIELD(services_view, outbound, SHAPE_STRS), {0}}};
struct node_users_view {
    int64_t total, activeMonth, activeHalfyear;
};
static const struct shape node_users_shape = {
    .name = "NodeInfoUsers",
    .size = sizeof(struct node_users_view),
    .fields = (const struct shape_field[]){FIELD(node_users_view, total, SHAPE_INT),
                                           FIELD(node_users_view, activeMonth, SHAPE_INT),
                                           FIELD(node_users_view, activeHalfyear, SHAPE_INT),
                                           {0}}};
struct node_usage_view {
    const struct node_users_view *users;
    int64_t localPosts;
};
static const struct shape node_usage_shape = {
    .name = "NodeInfoUsage",
    .size = sizeof(struct node_usage_view),
    .fields =
        (const struct shape_field[]){FIELD(node_usage_view, users, SHAPE_OBJECT, .of = &node_users_shape),
                                     FIELD(node_usage_view, localPosts, SHAPE_INT),
                                     {0}}};
struct metadata_view {
    const char *nodeName, *nodeDescription;
};
static const struct shape metadata_shape = {
    .name = "NodeInfoMetadata",
    .size = sizeof(struct metadata_view),
    .fields = (const struct shape_field[]){
        FIELD(metadata_view, nodeName, SHAPE_STR), FIELD(metadata_view, nodeDescription, SHAPE_STR), {0}}};
struct nodeinfo_view {
    const char *version;
    const struct software_view *software;
    struct shape_list protocols;
    const struct services_view *services;
    bool openRegistrations;
    const struct node_usage_view *usage;
    const struct metadata_view *metadata;
};
const struct shape user_api_nodeinfo_shape = {
    .name = "NodeInfo",
    .size = sizeof(struct nodeinfo_view),
    .words = "what runs here and how much it is used; no protocol: the site talks to no other",
    .fields =
        (const struct shape_field[]){FIELD(nodeinfo_view, version, SHAPE_STR),
                                     FIELD(nodeinfo_view, software, SHAPE_OBJECT, .of = &software_shape),
                                     FIELD(nodeinfo_view, protocols, SHAPE_STRS),
                                     FIELD(nodeinfo_view, services, SHAPE_OBJECT, .of = &services_shape),
                                     FIELD(nodeinfo_view, openRegistrations, SHAPE_BOOL),
                                     FIELD(nodeinfo_view, usage, SHAPE_OBJECT, .of = &node_usage_shape),
                                     FIELD(nodeinfo_view, metadata, SHAPE_OBJECT, .of = &metadata_shape),
                                     {0}}};

enum code user_api_nodeinfo(struct request *req) {
    struct ctx *ctx = &req->ctx;
    static const struct software_view software = {"deeplink", DEEPLINK_VERSION};
    struct services_view services = {{"", 0}, STRS("atom1.0")};
    Pb__SiteTotalsRequest ask = PB__SITE_TOTALS_REQUEST__INIT;
    const Pb__SiteTotals *totals;
    const char *version = req->path + strlen("/nodeinfo/");
    struct user_site site;
    enum code c;

    if ((c = user_service_site(ctx, &site)) != OK || (c = post_get_site_totals(ctx, &ask, &totals)) != OK)
        return c;
    struct node_users_view users = {site.members, site.month, site.halfyear};
    struct node_usage_view usage = {&users, totals->posts};
    struct metadata_view metadata = {ctx->env->config->site_name, ctx->env->config->site_description};
    struct nodeinfo_view v = {version, &software, {"", 0}, &services, user_api_open(ctx), &usage, &metadata};
    return reply_as(req,
                    arena_printf(ctx->arena,
                                 "application/json; "
                                 "profile=\"http://nodeinfo.diaspora.software/ns/schema/%s#\"",
                                 version),
                    &user_api_nodeinfo_shape, &v);
}

/* ---- WebFinger */

struct webfinger_view {
    const char *subject;
    struct shape_list aliases, links;
};
const struct shape user_api_webfinger_shape = {
    .name = "WebFinger",
    .size = sizeof(struct webfinger_view),
    .words = "where a member is found (RFC 7033)",
    .fields = (const struct shape_field[]){FIELD(webfinger_view, subject, SHAPE_STR),
                                           FIELD(webfinger_view, aliases, SHAPE_STRS),
                                           FIELD(webfinger_view, links, SHAPE_LIST, .of = &link_shape),
                                           {0}}};

/* The handle that a resource names on this site: "acct:ada@host" or "https://host/@ada"; NULL for another
 * site's, "" when it is neither. */
static const char *handle_in(struct ctx *ctx, const char *resource) {
    const char *base = ctx->env->config->base_url, *at;
    size_t n = strlen(base);

    if (strncasecmp(resource, "acct:", 5) == 0) {
        const char *name = resource + 5 + (resource[5] == '@');

        if ((at = strchr(name, '@')) == NULL || at == name)
            return "";
        return strcasecmp(at + 1, user_api_domain(ctx)) == 0
                   ? arena_strndup(ctx->arena, name, (size_t)(at - name))
                   : NULL;
    }
    if (!text_is_http_url(resource))
        return "";
    return strncasecmp(resource, base, n) == 0 && strncmp(resource + n, "/@", 2) == 0 ? resource + n + 2
                                                                                      : NULL;
}

enum code user_api_webfinger(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const char *handle = handle_in(ctx, field_text(req, "resource"));
    const Pb__UserCard *card;
    enum code c;

    if (handle != NULL && *handle == '\0')
        return fail_http(ctx, 400, INVALID, tr_mark("resource must be acct:name@host or an address here."));
    if (handle == NULL || !text_is_handle(handle))
        return fail(ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    if ((c = card_by_handle(ctx, handle, &card)) != OK)
        return c;
    if (card->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail_http(ctx, 410, NOT_FOUND, tr_mark("This account no longer exists."));
    const char *url = api_url(ctx, arena_printf(ctx->arena, "/@%s", card->handle));
    struct link_view links[] = {{"http://webfinger.net/rel/profile-page", "text/html", url}};
    struct webfinger_view v = {
        arena_printf(ctx->arena, "acct:%s@%s", card->handle, user_api_domain(ctx)), STRS(url), {links, 1}};
    return reply_as(req, "application/jrd+json", &user_api_webfinger_shape, &v);
}

/* ---- plain ones */

enum code user_api_host_meta(struct request *req) {
    struct buf *out = respond(req, 200, "application/xrd+xml; charset=utf-8");

    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n"
                  "  <Link rel=\"lrdd\" type=\"application/jrd+json\" template=\"");
    buf_html(out, req->ctx.env->config->base_url, strlen(req->ctx.env->config->base_url));
    buf_puts(out, "/.well-known/webfinger?resource={uri}\"/>\n</XRD>\n");
    return OK;
}

enum code user_api_change_password(struct request *req) { return respond_redirect(req, "/settings/account"); }

enum code user_api_security_txt(struct request *req) {
    const char *contact = req->ctx.env->config->contact_email;

    if (text_is_empty(contact))
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is nothing here."));
    buf_printf(respond(req, 200, "text/plain; charset=utf-8"),
               "Contact: mailto:%s\nExpires: %s\nCanonical: %s\n", contact,
               clock_iso(req->ctx.arena, clock_now_ms() + YEAR_MS),
               api_url(&req->ctx, "/.well-known/security.txt"));
    return OK;
}
