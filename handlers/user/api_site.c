/* What the site says of itself to Mastodon's clients. Only what there is: they offer no more than this. */
#include "handlers/user/api_site.h"

#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/static.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/media_types.h"
#include "handlers/common/vapid.h"
#include "handlers/user/rules.h"
#include "handlers/user/service.h"
#include "handlers/user/view.h"

/* What clients gate on. Not above what works. */
#define SPEAKS "4.3.0 (compatible; DeepLink " DEEPLINK_VERSION ")"
#define SPEAKS_API 2 /* as api_versions.mastodon: grouped notifications */
#define LINK_CHARS 23
#define IMAGE_PIXELS (INT64_C(40) * 1000 * 1000)
#define VIDEO_PIXELS (INT64_C(4096) * 4096)
#define VIDEO_FRAMES 120
#define POLICY_MS INT64_C(1795996800000) /* 30 November 2026: when the texts below were last changed */

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

/* ---- parts of both versions */

struct rule_view {
    int64_t id;
    const char *text, *hint;
};

const struct shape user_api_rule_shape = {.name = "Rule",
                                          .size = sizeof(struct rule_view),
                                          .fields =
                                              (const struct shape_field[]){FIELD(rule_view, id, SHAPE_ID),
                                                                           FIELD(rule_view, text, SHAPE_STR),
                                                                           FIELD(rule_view, hint, SHAPE_STR),
                                                                           {0}}};

struct statuses_view {
    int64_t max_characters, max_media_attachments, characters_reserved_per_url;
};
static const struct shape statuses_shape = {
    .name = "InstanceStatuses",
    .size = sizeof(struct statuses_view),
    .fields = (const struct shape_field[]){FIELD(statuses_view, max_characters, SHAPE_INT),
                                           FIELD(statuses_view, max_media_attachments, SHAPE_INT),
                                           FIELD(statuses_view, characters_reserved_per_url, SHAPE_INT),
                                           {0}}};

/* None can be uploaded yet: all limits are 0. */
struct media_view {
    struct shape_list supported_mime_types;
    int64_t description_limit, image_size_limit, image_matrix_limit, video_size_limit, video_frame_rate_limit,
        video_matrix_limit;
};
static const struct shape media_shape = {
    .name = "InstanceMedia",
    .size = sizeof(struct media_view),
    .fields = (const struct shape_field[]){FIELD(media_view, supported_mime_types, SHAPE_STRS),
                                           FIELD(media_view, description_limit, SHAPE_INT),
                                           FIELD(media_view, image_size_limit, SHAPE_INT),
                                           FIELD(media_view, image_matrix_limit, SHAPE_INT),
                                           FIELD(media_view, video_size_limit, SHAPE_INT),
                                           FIELD(media_view, video_frame_rate_limit, SHAPE_INT),
                                           FIELD(media_view, video_matrix_limit, SHAPE_INT),
                                           {0}}};

struct polls_view {
    int64_t max_options, max_characters_per_option, min_expiration, max_expiration;
};
static const struct shape polls_shape = {
    .name = "InstancePolls",
    .size = sizeof(struct polls_view),
    .fields = (const struct shape_field[]){FIELD(polls_view, max_options, SHAPE_INT),
                                           FIELD(polls_view, max_characters_per_option, SHAPE_INT),
                                           FIELD(polls_view, min_expiration, SHAPE_INT),
                                           FIELD(polls_view, max_expiration, SHAPE_INT),
                                           {0}}};

struct accounts_view {
    int64_t max_featured_tags, max_pinned_statuses, max_display_name_length, max_note_length,
        max_profile_fields, profile_field_name_limit, profile_field_value_limit;
};
static const struct shape accounts_shape = {
    .name = "InstanceAccounts",
    .size = sizeof(struct accounts_view),
    .fields = (const struct shape_field[]){FIELD(accounts_view, max_featured_tags, SHAPE_INT),
                                           FIELD(accounts_view, max_pinned_statuses, SHAPE_INT),
                                           FIELD(accounts_view, max_display_name_length, SHAPE_INT),
                                           FIELD(accounts_view, max_note_length, SHAPE_INT),
                                           FIELD(accounts_view, max_profile_fields, SHAPE_INT),
                                           FIELD(accounts_view, profile_field_name_limit, SHAPE_INT),
                                           FIELD(accounts_view, profile_field_value_limit, SHAPE_INT),
                                           {0}}};

struct urls_view {
    const char *streaming, *about, *privacy_policy;
};
static const struct shape urls_shape = {
    .name = "InstanceUrls",
    .size = sizeof(struct urls_view),
    .fields = (const struct shape_field[]){FIELD(urls_view, streaming, SHAPE_URL),
                                           FIELD(urls_view, about, SHAPE_URL),
                                           FIELD(urls_view, privacy_policy, SHAPE_URL),
                                           {0}}};

struct vapid_view {
    const char *public_key;
};
static const struct shape vapid_shape = {
    .name = "InstanceVapid",
    .size = sizeof(struct vapid_view),
    .fields = (const struct shape_field[]){
        FIELD(vapid_view, public_key, SHAPE_STR, .words = "what Web Push is signed by"), {0}}};

struct translation_view {
    bool enabled;
};
static const struct shape translation_shape = {
    .name = "InstanceTranslation",
    .size = sizeof(struct translation_view),
    .fields = (const struct shape_field[]){FIELD(translation_view, enabled, SHAPE_BOOL), {0}}};

/* Both versions' configuration; the first leaves some out that it did not know, which nobody minds. */
struct configuration_view {
    const struct urls_view *urls;
    const struct vapid_view *vapid;
    const struct accounts_view *accounts;
    const struct statuses_view *statuses;
    const struct media_view *media_attachments;
    const struct polls_view *polls;
    const struct translation_view *translation;
};
static const struct shape configuration_shape = {
    .name = "InstanceConfiguration",
    .size = sizeof(struct configuration_view),
    .fields = (const struct shape_field[]){
        FIELD(configuration_view, urls, SHAPE_OBJECT, .of = &urls_shape),
        FIELD(configuration_view, vapid, SHAPE_OBJECT, .of = &vapid_shape),
        FIELD(configuration_view, accounts, SHAPE_OBJECT, .of = &accounts_shape),
        FIELD(configuration_view, statuses, SHAPE_OBJECT, .of = &statuses_shape),
        FIELD(configuration_view, media_attachments, SHAPE_OBJECT, .of = &media_shape),
        FIELD(configuration_view, polls, SHAPE_OBJECT, .of = &polls_shape),
        FIELD(configuration_view, translation, SHAPE_OBJECT, .of = &translation_shape),
        {0}}};

/* ---- version 2 */

struct users_view {
    int64_t active_month;
};
static const struct shape users_shape = {
    .name = "InstanceUsers",
    .size = sizeof(struct users_view),
    .fields = (const struct shape_field[]){FIELD(users_view, active_month, SHAPE_INT), {0}}};
struct usage_view {
    const struct users_view *users;
};
static const struct shape usage_shape = {
    .name = "InstanceUsage",
    .size = sizeof(struct usage_view),
    .fields = (const struct shape_field[]){FIELD(usage_view, users, SHAPE_OBJECT, .of = &users_shape), {0}}};

struct thumbnail_view {
    const char *url, *description, *blurhash;
};
static const struct shape thumbnail_shape = {
    .name = "InstanceThumbnail",
    .size = sizeof(struct thumbnail_view),
    .fields = (const struct shape_field[]){FIELD(thumbnail_view, url, SHAPE_URL),
                                           FIELD(thumbnail_view, description, SHAPE_STR),
                                           FIELD(thumbnail_view, blurhash, SHAPE_STR, .nullable = true),
                                           {0}}};

struct registrations_view {
    bool enabled, approval_required;
    const char *message, *url;
};
static const struct shape registrations_shape = {
    .name = "InstanceRegistrations",
    .size = sizeof(struct registrations_view),
    .fields = (const struct shape_field[]){FIELD(registrations_view, enabled, SHAPE_BOOL),
                                           FIELD(registrations_view, approval_required, SHAPE_BOOL),
                                           FIELD(registrations_view, message, SHAPE_STR, .nullable = true),
                                           FIELD(registrations_view, url, SHAPE_URL, .nullable = true),
                                           {0}}};

struct contact_view {
    const char *email;
    const struct api_account *account;
};
static const struct shape contact_shape = {
    .name = "InstanceContact",
    .size = sizeof(struct contact_view),
    .fields = (const struct shape_field[]){
        FIELD(contact_view, email, SHAPE_STR),
        FIELD(contact_view, account, SHAPE_OBJECT, .of = &api_account_shape, .nullable = true),
        {0}}};

struct versions_view {
    int64_t mastodon;
};
static const struct shape versions_shape = {
    .name = "InstanceApiVersions",
    .size = sizeof(struct versions_view),
    .fields = (const struct shape_field[]){FIELD(versions_view, mastodon, SHAPE_INT), {0}}};

struct instance_view {
    const struct versions_view *api_versions;
    const char *domain, *title, *version, *source_url, *description;
    const struct usage_view *usage;
    const struct thumbnail_view *thumbnail;
    struct shape_list icon;
    struct shape_list languages, rules;
    const struct configuration_view *configuration;
    const struct registrations_view *registrations;
    const struct contact_view *contact;
};
const struct shape user_api_instance_shape = {
    .name = "Instance",
    .size = sizeof(struct instance_view),
    .words = "the site, its limits and rules",
    .fields = (const struct shape_field[]){
        FIELD(instance_view, domain, SHAPE_STR),
        FIELD(instance_view, title, SHAPE_STR),
        FIELD(instance_view, version, SHAPE_STR),
        FIELD(instance_view, source_url, SHAPE_URL),
        FIELD(instance_view, description, SHAPE_STR),
        FIELD(instance_view, api_versions, SHAPE_OBJECT, .of = &versions_shape),
        FIELD(instance_view, usage, SHAPE_OBJECT, .of = &usage_shape),
        FIELD(instance_view, thumbnail, SHAPE_OBJECT, .of = &thumbnail_shape),
        FIELD(instance_view, icon, SHAPE_NONE),
        FIELD(instance_view, languages, SHAPE_STRS),
        FIELD(instance_view, configuration, SHAPE_OBJECT, .of = &configuration_shape),
        FIELD(instance_view, registrations, SHAPE_OBJECT, .of = &registrations_shape),
        FIELD(instance_view, contact, SHAPE_OBJECT, .of = &contact_shape),
        FIELD(instance_view, rules, SHAPE_LIST, .of = &user_api_rule_shape),
        {0}}};

/* ---- version 1 */

struct stats_view {
    int64_t user_count, status_count, domain_count;
};
static const struct shape stats_shape = {
    .name = "V1_InstanceStats",
    .size = sizeof(struct stats_view),
    .fields = (const struct shape_field[]){FIELD(stats_view, user_count, SHAPE_INT),
                                           FIELD(stats_view, status_count, SHAPE_INT),
                                           FIELD(stats_view, domain_count, SHAPE_INT),
                                           {0}}};
struct v1_urls_view {
    const char *streaming_api;
};
static const struct shape v1_urls_shape = {
    .name = "V1_InstanceUrls",
    .size = sizeof(struct v1_urls_view),
    .fields = (const struct shape_field[]){FIELD(v1_urls_view, streaming_api, SHAPE_URL), {0}}};

struct v1_view {
    const char *uri, *title, *short_description, *description, *email, *version, *thumbnail;
    const struct v1_urls_view *urls;
    const struct stats_view *stats;
    struct shape_list languages, rules;
    bool registrations, approval_required, invites_enabled;
    const struct configuration_view *configuration;
    const struct api_account *contact_account;
};
const struct shape user_api_instance_v1_shape = {
    .name = "V1_Instance",
    .size = sizeof(struct v1_view),
    .words = "the site as older clients know it",
    .fields = (const struct shape_field[]){
        FIELD(v1_view, uri, SHAPE_STR),
        FIELD(v1_view, title, SHAPE_STR),
        FIELD(v1_view, short_description, SHAPE_STR),
        FIELD(v1_view, description, SHAPE_STR),
        FIELD(v1_view, email, SHAPE_STR),
        FIELD(v1_view, version, SHAPE_STR),
        FIELD(v1_view, urls, SHAPE_OBJECT, .of = &v1_urls_shape),
        FIELD(v1_view, stats, SHAPE_OBJECT, .of = &stats_shape),
        FIELD(v1_view, thumbnail, SHAPE_URL),
        FIELD(v1_view, languages, SHAPE_STRS),
        FIELD(v1_view, registrations, SHAPE_BOOL),
        FIELD(v1_view, approval_required, SHAPE_BOOL),
        FIELD(v1_view, invites_enabled, SHAPE_BOOL),
        FIELD(v1_view, configuration, SHAPE_OBJECT, .of = &configuration_shape),
        FIELD(v1_view, contact_account, SHAPE_OBJECT, .of = &api_account_shape, .nullable = true),
        FIELD(v1_view, rules, SHAPE_LIST, .of = &user_api_rule_shape),
        {0}}};

/* ---- filling them in */

const char *user_api_domain(struct ctx *ctx) {
    const char *host = strstr(ctx->env->config->base_url, "://");

    return host != NULL ? host + 3 : ctx->env->config->base_url;
}

bool user_api_open(const struct ctx *ctx) {
    const char *mode = ctx->env->config->registration;

    return strcmp(mode, "open") == 0 || strcmp(mode, "approval") == 0;
}

/* Where streams are, by WebSocket: this same host. */
static const char *streaming(struct ctx *ctx) {
    bool tls = text_starts(ctx->env->config->base_url, "https:");

    return arena_printf(ctx->arena, "%s://%s", tls ? "wss" : "ws", user_api_domain(ctx));
}

static struct shape_list languages(struct ctx *ctx) {
    size_t n = (size_t)i18n_count();
    const char **codes = arena_many(ctx->arena, const char *, n);

    for (size_t i = 0; i < n; i++)
        codes[i] = i18n_code((int)i);
    return (struct shape_list){codes, n};
}

static struct shape_list rules(struct ctx *ctx) {
    struct rule_view *items = arena_many(ctx->arena, struct rule_view, USER_RULES);

    for (size_t i = 0; i < USER_RULES; i++)
        items[i] = (struct rule_view){(int64_t)i + 1, tr(ctx->lang, user_view_rules[i]), ""};
    return (struct shape_list){items, USER_RULES};
}

static const struct media_view *media(struct ctx *ctx) {
    struct media_view *v = arena_one(ctx->arena, struct media_view);

    v->supported_mime_types.items = media_types_all(ctx, &v->supported_mime_types.n);
    v->description_limit = MEDIA_WORDS_MAX;
    v->image_size_limit = media_type_limit(ctx, PB__MEDIA_KIND__MEDIA_IMAGE);
    v->image_matrix_limit = IMAGE_PIXELS;
    v->video_size_limit = media_type_limit(ctx, PB__MEDIA_KIND__MEDIA_VIDEO);
    v->video_frame_rate_limit = VIDEO_FRAMES;
    v->video_matrix_limit = VIDEO_PIXELS;
    return v;
}

static const struct configuration_view *configuration(struct ctx *ctx) {
    static const struct accounts_view accounts = {
        0, 5, RULES_NAME_MAX, RULES_BIO_MAX, RULES_FIELDS_MAX, RULES_FIELD_NAME_MAX, RULES_FIELD_VALUE_MAX};
    static const struct polls_view polls;
    static const struct translation_view translation;
    struct configuration_view *v = arena_one(ctx->arena, struct configuration_view);
    struct urls_view *urls = arena_one(ctx->arena, struct urls_view);
    struct statuses_view *statuses = arena_one(ctx->arena, struct statuses_view);
    struct vapid_view *vapid = arena_one(ctx->arena, struct vapid_view);

    if (vapid_public_key(ctx, &vapid->public_key) != OK)
        fail_clear(ctx); /* then there is no push */
    *urls = (struct urls_view){streaming(ctx), api_url(ctx, "/about"), api_url(ctx, "/about")};
    *statuses = (struct statuses_view){ctx->env->config->post_max_chars, MEDIA_ATTACH_MAX, LINK_CHARS};
    *v = (struct configuration_view){urls, vapid, &accounts, statuses, media(ctx), &polls, &translation};
    return v;
}

/* The first of those who look after the site; NULL when there is nobody. */
static enum code contact_account(struct ctx *ctx, const struct user_site *site,
                                 const struct api_account **ret) {
    enum code c;

    *ret = NULL;
    if (site->n_staff == 0 || (c = api_account_get(ctx, site->staff[0]->id, ret)) == OK)
        return OK;
    if (c != NOT_FOUND)
        return c;
    fail_clear(ctx);
    return OK;
}

enum code user_api_instance(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const struct config *config = ctx->env->config;
    struct user_site site;
    struct users_view users = {0};
    struct usage_view usage = {&users};
    struct thumbnail_view thumbnail = {api_url(ctx, STATIC_URL_FAVICON_SVG), config->site_name, NULL};
    struct registrations_view registrations = {user_api_open(ctx),
                                               strcmp(config->registration, "approval") == 0, NULL, NULL};
    struct contact_view contact = {config->contact_email, NULL};
    static const struct versions_view versions = {SPEAKS_API};
    struct instance_view v = {.api_versions = &versions,
                              .domain = user_api_domain(ctx),
                              .title = config->site_name,
                              .version = SPEAKS,
                              .source_url = api_url(ctx, "/about"),
                              .description = config->site_description,
                              .usage = &usage,
                              .thumbnail = &thumbnail,
                              .languages = languages(ctx),
                              .rules = rules(ctx),
                              .configuration = configuration(ctx),
                              .registrations = &registrations,
                              .contact = &contact};
    enum code c = user_service_site(ctx, &site);

    if (c != OK || (c = contact_account(ctx, &site, &contact.account)) != OK)
        return c;
    users.active_month = site.month;
    return api_reply(req, &user_api_instance_shape, &v);
}

enum code user_api_instance_v1(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const struct config *config = ctx->env->config;
    Pb__SiteTotalsRequest ask = PB__SITE_TOTALS_REQUEST__INIT;
    const Pb__SiteTotals *totals;
    struct user_site site;
    struct v1_urls_view urls = {streaming(ctx)};
    struct stats_view stats = {0};
    struct v1_view v = {.uri = user_api_domain(ctx),
                        .title = config->site_name,
                        .short_description = config->site_description,
                        .description = config->site_description,
                        .email = config->contact_email,
                        .version = SPEAKS,
                        .thumbnail = api_url(ctx, STATIC_URL_FAVICON_SVG),
                        .urls = &urls,
                        .stats = &stats,
                        .languages = languages(ctx),
                        .rules = rules(ctx),
                        .registrations = user_api_open(ctx),
                        .approval_required = strcmp(config->registration, "approval") == 0,
                        .invites_enabled = strcmp(config->registration, "closed") != 0,
                        .configuration = configuration(ctx)};
    enum code c;

    if ((c = user_service_site(ctx, &site)) != OK ||
        (c = contact_account(ctx, &site, &v.contact_account)) != OK ||
        (c = post_get_site_totals(ctx, &ask, &totals)) != OK)
        return c;
    stats = (struct stats_view){site.members, totals->posts, 0};
    return api_reply(req, &user_api_instance_v1_shape, &v);
}

enum code user_api_rules(struct request *req) {
    struct shape_list list = rules(&req->ctx);

    return api_reply_list(req, &user_api_rule_shape, list.items, list.n);
}

/* ---- how much it is used */

struct week_view {
    const char *week, *statuses, *logins, *registrations;
};
const struct shape user_api_week_shape = {
    .name = "Week",
    .size = sizeof(struct week_view),
    .words = "How much the site was used in a week; numbers as text.",
    .fields = (const struct shape_field[]){
        FIELD(week_view, week, SHAPE_STR, .words = "Unix time of its Monday, 0:00 UTC"),
        FIELD(week_view, statuses, SHAPE_STR, .words = "posts and comments"),
        FIELD(week_view, logins, SHAPE_STR, .words = "members who were here"),
        FIELD(week_view, registrations, SHAPE_STR),
        {0}}};

enum code user_api_activity(struct request *req) {
    struct arena *a = req->ctx.arena;
    Pb__SiteWeeksRequest ask = PB__SITE_WEEKS_REQUEST__INIT;
    struct user_week weeks[USER_WEEKS];
    struct week_view views[USER_WEEKS];
    const Pb__SiteWeeks *posts;
    enum code c;

    ask.weeks = USER_WEEKS;
    if ((c = user_service_weeks(&req->ctx, weeks)) != OK ||
        (c = post_get_site_weeks(&req->ctx, &ask, &posts)) != OK)
        return c;
    for (size_t i = 0; i < USER_WEEKS; i++)
        views[i] =
            (struct week_view){arena_printf(a, "%lld", (long long)(weeks[i].begins_ms / 1000)),
                               arena_printf(a, "%lld", i < posts->n_posts ? (long long)posts->posts[i] : 0LL),
                               arena_printf(a, "%lld", (long long)weeks[i].members),
                               arena_printf(a, "%lld", (long long)weeks[i].registrations)};
    return api_reply_list(req, &user_api_week_shape, views, USER_WEEKS);
}

/* ---- longer texts */

struct text_view {
    int64_t updated_at;
    const char *content;
};
const struct shape user_api_text_shape = {
    .name = "ExtendedDescription",
    .size = sizeof(struct text_view),
    .fields = (const struct shape_field[]){FIELD(text_view, updated_at, SHAPE_TIME),
                                           FIELD(text_view, content, SHAPE_STR, .words = "HTML"),
                                           {0}}};

/* Plain words as a paragraph. */
static enum code reply_text(struct request *req, const char *words) {
    struct text_view v = {.updated_at = POLICY_MS};
    struct buf html;

    buf_init(&html, req->ctx.arena, 65536);
    buf_puts(&html, "<p>");
    buf_html(&html, words, strlen(words));
    buf_puts(&html, "</p>");
    v.content = buf_str(&html);
    return api_reply(req, &user_api_text_shape, &v);
}

enum code user_api_extended_description(struct request *req) {
    return reply_text(req, req->ctx.env->config->site_description);
}

enum code user_api_privacy_policy(struct request *req) {
    return reply_text(req, tr(req->ctx.lang, user_view_privacy));
}
