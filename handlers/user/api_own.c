/* One's own account: what it is, and changing it. */
#include <stdio.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/api.h"
#include "handlers/common/api_account.h"
#include "handlers/common/models.h"
#include "handlers/common/permission.h"
#include "handlers/user/api_accounts.h"
#include "handlers/user/rules.h"

/* ---- The shapes ---- */

struct source {
    const char *privacy, *language, *note;
    bool sensitive, discoverable, indexable, hide_collections;
    int64_t requests;
    struct shape_list fields;
};
#define SOURCE(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct source, member)
static const struct shape_field source_fields[] = {
    {SOURCE("privacy", SHAPE_STR, privacy), .choices = "public|unlisted|private"},
    {SOURCE("sensitive", SHAPE_BOOL, sensitive)},
    {SOURCE("language", SHAPE_STR, language), .nullable = true},
    {SOURCE("note", SHAPE_STR, note), .words = "the bio as typed"},
    {SOURCE("fields", SHAPE_LIST, fields), .of = &api_account_field_shape},
    {SOURCE("follow_requests_count", SHAPE_INT, requests)},
    {SOURCE("hide_collections", SHAPE_BOOL, hide_collections)},
    {SOURCE("discoverable", SHAPE_BOOL, discoverable)},
    {SOURCE("indexable", SHAPE_BOOL, indexable)},
    {.name = "attribution_domains", .kind = SHAPE_NONE},
    {0},
};
static const struct shape source_shape = {"Source", sizeof(struct source), source_fields,
                                          "An account as its member edits it."};

struct role {
    const char *id, *name, *permissions, *colour;
    bool highlighted;
};
#define ROLE(label, what, member) .name = (label), .kind = (what), .at = offsetof(struct role, member)
static const struct shape_field role_fields[] = {
    {ROLE("id", SHAPE_STR, id)},
    {ROLE("name", SHAPE_STR, name)},
    {ROLE("permissions", SHAPE_STR, permissions), .words = "bits as Mastodon numbers them, in decimal"},
    {ROLE("color", SHAPE_STR, colour)},
    {ROLE("highlighted", SHAPE_BOOL, highlighted)},
    {0},
};
static const struct shape role_shape = {"Role", sizeof(struct role), role_fields, "What a member may do."};

struct credential {
    struct api_account account;
    const struct source *source;
    const struct role *role;
};
static const struct shape_field credential_fields[] = {
    {.name = "account",
     .kind = SHAPE_SPLICE,
     .at = offsetof(struct credential, account),
     .of = &api_account_shape},
    {.name = "source", .kind = SHAPE_OBJECT, .at = offsetof(struct credential, source), .of = &source_shape},
    {.name = "role", .kind = SHAPE_OBJECT, .at = offsetof(struct credential, role), .of = &role_shape},
    {0},
};
const struct shape user_api_credential_shape = {"CredentialAccount", sizeof(struct credential),
                                                credential_fields, "One's own account."};

/* ---- Reading ---- */

static const char *privacy_of(const char *audience) {
    return strcmp(audience, "followers") == 0 ? "private" : audience;
}

/* Our permission bits by Mastodon's numbers (https://docs.joinmastodon.org/entities/Role/). */
static uint64_t permissions_of(uint64_t ours) {
    static const struct {
        uint64_t ours, theirs;
    } bits[] = {
        {PERMISSION_INVITE, 1 << 16},  {PERMISSION_MEMBERS, 1 << 10}, {PERMISSION_ROLES, 1 << 17},
        {PERMISSION_MODERATE, 1 << 4}, {PERMISSION_AUDIT, 1 << 2},    {PERMISSION_SETTINGS, 1 << 6},
    };
    uint64_t out = 0;

    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if ((ours & bits[i].ours) != 0)
            out |= bits[i].theirs;
    return out;
}

static struct role role_of(struct ctx *ctx, const Pb__UserCard *card) {
    bool plain = strcmp(card->role, "member") == 0;

    return (struct role){.id = plain ? "-99" : card->role, /* the role that everybody has */
                         .name = plain ? "" : card->role,
                         .permissions = arena_printf(ctx->arena, "%llu",
                                                     (unsigned long long)permissions_of(card->permissions)),
                         .colour = ""};
}

static struct shape_list plain_fields(struct ctx *ctx, const Pb__Profile *p) {
    struct api_account_field *fields = arena_many(ctx->arena, struct api_account_field, p->n_fields);

    for (size_t i = 0; i < p->n_fields; i++)
        fields[i] =
            (struct api_account_field){p->fields[i]->name, p->fields[i]->value, p->fields[i]->verified_ms};
    return (struct shape_list){fields, p->n_fields};
}

static enum code requests_of(struct ctx *ctx, int64_t *ret) {
    struct network_counts counts;
    enum code c = network_counts_get(ctx, ctx->viewer_id, &counts);

    if (c == OK)
        *ret = counts.requests;
    return c;
}

/* What there is of one's own, all that edits begin from. */
struct own {
    const Pb__Profile *profile;
    const Pb__Account *account;
};

static enum code read_own(struct ctx *ctx, struct own *ret) {
    Pb__GetProfileRequest profile = PB__GET_PROFILE_REQUEST__INIT;
    Pb__GetAccountRequest account = PB__GET_ACCOUNT_REQUEST__INIT;
    enum code c;

    profile.id = account.user_id = ctx->viewer_id;
    if ((c = user_get_profile(ctx, &profile, &ret->profile)) != OK)
        return c;
    return user_get_account(ctx, &account, &ret->account);
}

enum code user_api_verify_credentials(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const struct api_account *account;
    struct credential view = {0};
    struct source source = {0};
    struct role role;
    struct own own;
    enum code c;

    if ((c = read_own(ctx, &own)) != OK || (c = requests_of(ctx, &source.requests)) != OK ||
        (c = api_account_get(ctx, ctx->viewer_id, &account)) != OK)
        return c;
    source.privacy = privacy_of(own.account->default_audience);
    source.sensitive = own.account->default_sensitive;
    source.language = text_is_empty(own.account->post_language) ? NULL : own.account->post_language;
    source.note = own.profile->bio;
    source.fields = plain_fields(ctx, own.profile);
    source.hide_collections = account->hide_collections;
    source.discoverable = account->discoverable;
    source.indexable = account->indexable;
    role = role_of(ctx, own.profile->card);
    view.account = *account;
    view.source = &source;
    view.role = &role;
    return api_reply(req, &user_api_credential_shape, &view);
}

/* ---- Changing ---- */

/* One of fields_attributes as it is sent: "fields_attributes[<key>][name]" or "…[value]". A key stands for
 * one field, an empty one for the field begun last. */
#define FIELDS_PREFIX "fields_attributes["

struct sent_field {
    const char *key;
    size_t key_n;
    const char *name, *value;
};

static struct sent_field *sent_of(struct sent_field *sent, size_t *n, const char *key, size_t key_n,
                                  bool is_name) {
    size_t i = key_n == 0 && *n > 0 ? *n - 1 : 0;

    for (; i < *n; i++)
        if (sent[i].key_n == key_n && memcmp(sent[i].key, key, key_n) == 0 &&
            (key_n > 0 || (is_name ? sent[i].name : sent[i].value) == NULL))
            return &sent[i];
    if (*n > RULES_FIELDS_MAX)
        return NULL; /* one too many is kept, so that it is refused */
    sent[*n] = (struct sent_field){.key = key, .key_n = key_n};
    return &sent[(*n)++];
}

/* Whether fields were sent; then they take the place of all that were there. */
static bool read_fields(struct request *req, Pb__UpdateProfileRequest *ask) {
    struct sent_field sent[RULES_FIELDS_MAX + 1], *to;
    size_t n = 0, prefix = strlen(FIELDS_PREFIX);

    for (size_t i = 0; i < req->form.n; i++) {
        const struct param *p = &req->form.items[i];
        const char *key = p->name + prefix, *end;
        bool is_name;

        if (p->filename != NULL || !text_starts(p->name, FIELDS_PREFIX) || (end = strchr(key, ']')) == NULL)
            continue;
        is_name = strcmp(end, "][name]") == 0;
        if ((!is_name && strcmp(end, "][value]") != 0) ||
            (to = sent_of(sent, &n, key, (size_t)(end - key), is_name)) == NULL)
            continue;
        *(is_name ? &to->name : &to->value) = p->value;
    }
    if (n == 0)
        return false;
    ask->n_fields = n;
    ask->fields = arena_many(req->ctx.arena, Pb__ProfileField *, n);
    for (size_t i = 0; i < n; i++) {
        ask->fields[i] = arena_one(req->ctx.arena, Pb__ProfileField);
        pb__profile_field__init(ask->fields[i]);
        ask->fields[i]->name = sent[i].name != NULL ? sent[i].name : "";
        ask->fields[i]->value = sent[i].value != NULL ? sent[i].value : "";
    }
    return true;
}

/* Names wrong fields as clients do. */
static enum code refusal(struct request *req, enum code c) {
    static const char *const names[][2] = {{"name", "display_name"}, {"bio", "note"}};

    for (struct field_error *e = req->ctx.error.fields; c != OK && e != NULL; e = e->next) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(e->field, names[i][0]) == 0)
                e->field = names[i][1];
        if (text_starts(e->field, "field_"))
            e->field = "fields_attributes";
    }
    return c;
}

static enum code change_profile(struct request *req, const struct own *own) {
    Pb__UpdateProfileRequest ask = PB__UPDATE_PROFILE_REQUEST__INIT;
    const Pb__UserCard *card = own->profile->card;
    bool fields = read_fields(req, &ask);

    if (!fields && !field_present(req, "display_name") && !field_present(req, "note"))
        return OK;
    ask.user_id = req->ctx.viewer_id;
    ask.name = field_present(req, "display_name")     ? field_text(req, "display_name")
               : text_equal(card->name, card->handle) ? "" /* the handle stands in for it */
                                                      : card->name;
    ask.headline = card->headline;
    ask.bio = field_present(req, "note") ? field_text(req, "note") : own->profile->bio;
    if (!fields) {
        ask.fields = own->profile->fields;
        ask.n_fields = own->profile->n_fields;
    }
    return refusal(req, user_update_profile(&req->ctx, &ask, NULL));
}

static bool bool_or(struct request *req, const char *name, bool otherwise) {
    return field_present(req, name) ? field_bool(req, name) : otherwise;
}

/* The audience of new posts after this change. */
static const char *audience_of(struct request *req, const struct own *own) {
    const char *privacy = field_text(req, "source[privacy]");

    if (!field_present(req, "source[privacy]"))
        return own->account->default_audience;
    return strcmp(privacy, "private") == 0 ? "followers" : privacy;
}

static enum code change_settings(struct request *req, const struct own *own) {
    Pb__UpdateSettingsRequest ask = PB__UPDATE_SETTINGS_REQUEST__INIT;
    const Pb__UserCard *card = own->profile->card;

    ask.user_id = req->ctx.viewer_id;
    ask.locked = bool_or(req, "locked", card->locked);
    ask.discoverable = bool_or(req, "discoverable", card->discoverable);
    ask.hide_network = bool_or(req, "hide_collections", card->hide_network);
    ask.noindex = !bool_or(req, "indexable", !card->noindex);
    ask.default_audience = audience_of(req, own);
    if (ask.locked == card->locked && ask.discoverable == card->discoverable &&
        ask.hide_network == card->hide_network && ask.noindex == card->noindex)
        return OK;
    return user_update_settings(&req->ctx, &ask, NULL);
}

static enum code change_defaults(struct request *req, const struct own *own) {
    Pb__UpdateDefaultsRequest ask = PB__UPDATE_DEFAULTS_REQUEST__INIT;

    if (!field_present(req, "source[privacy]") && !field_present(req, "source[sensitive]") &&
        !field_present(req, "source[language]"))
        return OK;
    ask.user_id = req->ctx.viewer_id;
    ask.audience = audience_of(req, own);
    ask.sensitive = bool_or(req, "source[sensitive]", own->account->default_sensitive);
    ask.language = field_present(req, "source[language]") ? field_text(req, "source[language]")
                                                          : own->account->post_language;
    return user_update_defaults(&req->ctx, &ask, NULL);
}

enum code user_api_update_credentials(struct request *req) {
    int64_t pictures[USER_API_PICTURES];
    struct own own;
    enum code c;

    if ((c = user_api_pictures_take(req, pictures)) != OK || (c = read_own(&req->ctx, &own)) != OK ||
        (c = change_defaults(req, &own)) != OK || (c = change_profile(req, &own)) != OK ||
        (c = change_settings(req, &own)) != OK || (c = user_api_pictures_set(req, pictures)) != OK)
        return c;
    return user_api_verify_credentials(req);
}

/* ---- Preferences ---- */

struct preferences {
    const char *visibility, *language, *media;
    bool sensitive, spoilers, autoplay;
};
#define PREFER(label, what, member) \
    .name = (label), .kind = (what), .at = offsetof(struct preferences, member)
static const struct shape_field preferences_fields[] = {
    {PREFER("posting:default:visibility", SHAPE_STR, visibility), .choices = "public|unlisted|private"},
    {PREFER("posting:default:sensitive", SHAPE_BOOL, sensitive)},
    {PREFER("posting:default:language", SHAPE_STR, language), .nullable = true},
    {PREFER("reading:expand:media", SHAPE_STR, media), .choices = "default|show_all|hide_all"},
    {PREFER("reading:expand:spoilers", SHAPE_BOOL, spoilers)},
    {PREFER("reading:autoplay:gifs", SHAPE_BOOL, autoplay)},
    {0},
};
const struct shape user_api_preferences_shape = {"Preferences", sizeof(struct preferences),
                                                 preferences_fields, "How a member posts and reads."};

enum code user_api_preferences(struct request *req) {
    Pb__GetAccountRequest ask = PB__GET_ACCOUNT_REQUEST__INIT;
    struct preferences view = {.media = "default"};
    const Pb__Account *account;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    if ((c = user_get_account(&req->ctx, &ask, &account)) != OK)
        return c;
    view.visibility = privacy_of(account->default_audience);
    view.sensitive = account->default_sensitive;
    view.language = text_is_empty(account->post_language) ? NULL : account->post_language;
    return api_reply(req, &user_api_preferences_shape, &view);
}
