/* Documents about the site itself: Mastodon's instance, OAuth's metadata, NodeInfo, WebFinger. */
#ifndef DEEPLINK_USER_API_SITE_H
#define DEEPLINK_USER_API_SITE_H

#include "fcgi/request.h"
#include "fcgi/shape.h"

/* api_site.c */
enum code user_api_instance(struct request *req);
enum code user_api_instance_v1(struct request *req);
enum code user_api_rules(struct request *req);
enum code user_api_extended_description(struct request *req);
enum code user_api_privacy_policy(struct request *req);
extern const struct shape user_api_instance_shape;    /* "Instance" */
extern const struct shape user_api_instance_v1_shape; /* "V1_Instance" */
enum code user_api_activity(struct request *req);
extern const struct shape user_api_week_shape; /* "Week" */
extern const struct shape user_api_rule_shape; /* "Rule" */
extern const struct shape user_api_text_shape; /* "ExtendedDescription" */

/* api_discovery.c */
enum code user_api_oauth_server(struct request *req);
enum code user_api_userinfo(struct request *req);
enum code user_api_nodeinfo_links(struct request *req);
enum code user_api_nodeinfo(struct request *req);
enum code user_api_webfinger(struct request *req);
enum code user_api_host_meta(struct request *req);
enum code user_api_change_password(struct request *req);
enum code user_api_security_txt(struct request *req);
extern const struct shape user_api_oauth_server_shape;   /* "OAuthServer" */
extern const struct shape user_api_userinfo_shape;       /* "UserInfo" */
extern const struct shape user_api_nodeinfo_links_shape; /* "NodeInfoLinks" */
extern const struct shape user_api_nodeinfo_shape;       /* "NodeInfo" */
extern const struct shape user_api_webfinger_shape;      /* "WebFinger" */

/* The site's name in the network: base_url's host, with its port where it has one. In the arena. */
const char *user_api_domain(struct ctx *ctx);
/* Whether anybody may sign up. */
bool user_api_open(const struct ctx *ctx);

#endif
