/* Our own API: one's own account. */
#include "handlers/user/api_own.h"

#include <stddef.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "handlers/common/api_account.h"
#include "handlers/common/api_own.h"
#include "handlers/common/permission.h"
#include "handlers/user/asks.h"

#define FIELD(view, member, kind_, ...) \
    { .name = #member, .kind = kind_, .at = offsetof(struct view, member), __VA_ARGS__ }

#define PROFILE_FIELDS 4

/* ---- Who asks ---- */

struct me {
    const char *handle, *name, *email, *new_email, *role;
    struct shape_list permissions;
    int64_t id, session_id, token_id, password_changed_at;
    const struct api_account *account;
};

const struct shape user_me_shape = {
    .name = "Me",
    .size = sizeof(struct me),
    .words = "the member who asks, as only they see themselves",
    .fields = (const struct shape_field[]){
        FIELD(me, id, SHAPE_ID),
        FIELD(me, handle, SHAPE_STR),
        FIELD(me, name, SHAPE_STR),
        FIELD(me, email, SHAPE_STR),
        FIELD(me, new_email, SHAPE_STR, .nullable = true, .words = "waits for confirmation"),
        FIELD(me, role, SHAPE_STR),
        FIELD(me, permissions, SHAPE_STRS, .words = "what the role allows"),
        FIELD(me, password_changed_at, SHAPE_TIME, .nullable = true),
        FIELD(me, session_id, SHAPE_ID, .nullable = true, .words = "of the browser's session that asks"),
        FIELD(me, token_id, SHAPE_ID, .nullable = true, .words = "of the access token that asks"),
        FIELD(me, account, SHAPE_OBJECT, .of = &api_account_shape),
        {0}}};

static const struct {
    uint64_t bit;
    const char *name;
} permissions[] = {
    {PERMISSION_POST, "post"},         {PERMISSION_INVITE, "invite"},     {PERMISSION_MEMBERS, "members"},
    {PERMISSION_ROLES, "roles"},       {PERMISSION_MODERATE, "moderate"}, {PERMISSION_AUDIT, "audit"},
    {PERMISSION_SETTINGS, "settings"},
};
#define PERMISSIONS (sizeof permissions / sizeof *permissions)

struct shape_list user_permission_names(struct arena *a, uint64_t bits) {
    const char **names = arena_many(a, const char *, PERMISSIONS);
    size_t n = 0;

    for (size_t i = 0; i < PERMISSIONS; i++)
        if ((bits & permissions[i].bit) != 0)
            names[n++] = permissions[i].name;
    return (struct shape_list){names, n};
}

static const char *or_null(const char *s) { return text_is_empty(s) ? NULL : s; }

enum code user_api_own_me(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const Pb__Account *a;
    struct me v;
    enum code c = user_ask_account(ctx, &a);

    if (c != OK)
        return c;
    v = (struct me){.id = a->card->id,
                    .handle = a->card->handle,
                    .name = a->card->name,
                    .email = a->email,
                    .new_email = or_null(a->new_email),
                    .role = a->card->role,
                    .permissions = user_permission_names(ctx->arena, a->card->permissions),
                    .password_changed_at = a->password_changed_ms,
                    .session_id = ctx->session_id,
                    .token_id = ctx->token_id};
    if ((c = api_account_get(ctx, ctx->viewer_id, &v.account)) != OK)
        return c;
    return api_own_reply(req, &user_me_shape, &v);
}

/* ---- Settings ---- */

struct settings {
    bool locked, discoverable, hide_network, noindex;
    const char *default_audience, *theme, *language;
};

const struct shape user_settings_shape = {
    .name = "Settings",
    .size = sizeof(struct settings),
    .words = "who sees what of one's account, and how pages look",
    .fields = (const struct shape_field[]){
        FIELD(settings, locked, SHAPE_BOOL, .words = "follows need approval"),
        FIELD(settings, discoverable, SHAPE_BOOL, .words = "listed in the directory"),
        FIELD(settings, hide_network, SHAPE_BOOL,
              .words = "nobody else sees whom one follows and by whom one is followed"),
        FIELD(settings, noindex, SHAPE_BOOL, .words = "search engines are asked to stay away"),
        FIELD(settings, default_audience, SHAPE_STR, .choices = "public|unlisted|followers"),
        FIELD(settings, theme, SHAPE_STR, .choices = "auto|light|dark"),
        FIELD(settings, language, SHAPE_STR, .nullable = true, .words = "null: the browser's"),
        {0}}};

static struct settings settings_of(const Pb__Account *a) {
    return (struct settings){.locked = a->card->locked,
                             .discoverable = a->card->discoverable,
                             .hide_network = a->card->hide_network,
                             .noindex = a->card->noindex,
                             .default_audience = a->default_audience,
                             .theme = text_is_empty(a->theme) ? "auto" : a->theme,
                             .language = or_null(a->language)};
}

enum code user_api_own_settings(struct request *req) {
    const Pb__Account *a;
    struct settings v;
    enum code c = user_ask_account(&req->ctx, &a);

    if (c != OK)
        return c;
    v = settings_of(a);
    return api_own_reply(req, &user_settings_shape, &v);
}

static void take_bool(const struct request *req, const char *name, bool *at) {
    if (field_present(req, name))
        *at = field_bool(req, name);
}

static void take_text(const struct request *req, const char *name, const char **at) {
    if (field_present(req, name))
        *at = field_text(req, name);
}

/* A change that came between the look at the ETag and ours. */
static enum code or_stale(struct ctx *ctx, enum code c) {
    if (c == ABORTED)
        ctx->error.http = 412;
    return c;
}

static enum code change_privacy(struct request *req, const struct settings *now, struct settings *v,
                                int64_t version) {
    Pb__UpdateSettingsRequest ask = PB__UPDATE_SETTINGS_REQUEST__INIT;

    take_bool(req, "locked", &v->locked);
    take_bool(req, "discoverable", &v->discoverable);
    take_bool(req, "hide_network", &v->hide_network);
    take_bool(req, "noindex", &v->noindex);
    take_text(req, "default_audience", &v->default_audience);
    if (v->locked == now->locked && v->discoverable == now->discoverable &&
        v->hide_network == now->hide_network && v->noindex == now->noindex &&
        strcmp(v->default_audience, now->default_audience) == 0)
        return OK;
    ask.user_id = req->ctx.viewer_id;
    ask.locked = v->locked;
    ask.discoverable = v->discoverable;
    ask.hide_network = v->hide_network;
    ask.noindex = v->noindex;
    ask.default_audience = v->default_audience;
    ask.if_version = version;
    return or_stale(&req->ctx, user_update_settings(&req->ctx, &ask, NULL));
}

static enum code change_look(struct request *req, const struct settings *now, struct settings *v) {
    Pb__UpdateAppearanceRequest ask = PB__UPDATE_APPEARANCE_REQUEST__INIT;

    take_text(req, "theme", &v->theme);
    take_text(req, "language", &v->language);
    v->language = or_null(v->language);
    if (strcmp(v->theme, now->theme) == 0 && text_equal(v->language, now->language))
        return OK;
    ask.user_id = req->ctx.viewer_id;
    ask.session_id = req->ctx.session_id;
    ask.theme = v->theme;
    ask.language = v->language != NULL ? v->language : "";
    return user_update_appearance(&req->ctx, &ask, NULL);
}

enum code user_api_own_settings_change(struct request *req) {
    const Pb__Account *a;
    struct settings now, v;
    enum code c = user_ask_account(&req->ctx, &a);

    if (c != OK)
        return c;
    now = v = settings_of(a);
    if ((c = api_own_if_match(req, &user_settings_shape, &now)) != OK ||
        (c = change_look(req, &now, &v)) != OK || (c = change_privacy(req, &now, &v, a->card->version)) != OK)
        return c;
    return api_own_reply(req, &user_settings_shape, &v);
}

/* ---- Profile ---- */

struct profile_line {
    const char *name, *value;
};

struct profile {
    const char *name, *headline, *bio;
    struct shape_list fields; /* struct profile_line */
};

static const struct shape profile_line_shape = {
    .name = "ProfileLine",
    .size = sizeof(struct profile_line),
    .words = "one more thing of a profile, as it was typed",
    .fields = (const struct shape_field[]){
        FIELD(profile_line, name, SHAPE_STR), FIELD(profile_line, value, SHAPE_STR), {0}}};

const struct shape user_own_profile_shape = {
    .name = "OwnProfile",
    .size = sizeof(struct profile),
    .words = "one's own profile as it was typed",
    .fields = (const struct shape_field[]){
        FIELD(profile, name, SHAPE_STR),
        FIELD(profile, headline, SHAPE_STR),
        FIELD(profile, bio, SHAPE_STR, .words = "Markdown"),
        FIELD(profile, fields, SHAPE_LIST, .of = &profile_line_shape, .words = "at most four"),
        {0}}};

static struct profile profile_view(struct ctx *ctx, const Pb__Profile *p) {
    struct profile_line *lines = arena_many(ctx->arena, struct profile_line, p->n_fields);

    for (size_t i = 0; i < p->n_fields; i++)
        lines[i] = (struct profile_line){p->fields[i]->name, p->fields[i]->value};
    return (struct profile){p->card->name, p->card->headline, p->bio, {lines, p->n_fields}};
}

static enum code own_profile(struct ctx *ctx, const Pb__Profile **ret) {
    Pb__GetProfileRequest ask = PB__GET_PROFILE_REQUEST__INIT;

    ask.id = ctx->viewer_id;
    return user_get_profile(ctx, &ask, ret);
}

enum code user_api_own_profile(struct request *req) {
    const Pb__Profile *p;
    struct profile v;
    enum code c = own_profile(&req->ctx, &p);

    if (c != OK)
        return c;
    v = profile_view(&req->ctx, p);
    return api_own_reply(req, &user_own_profile_shape, &v);
}

/* The lines that were sent, or those that are there when none was. */
static void take_lines(struct request *req, const Pb__Profile *p, Pb__UpdateProfileRequest *ask) {
    struct arena *a = req->ctx.arena;
    Pb__ProfileField *lines = arena_many(a, Pb__ProfileField, PROFILE_FIELDS);
    bool sent = false;

    ask->fields = arena_many(a, Pb__ProfileField *, PROFILE_FIELDS);
    for (int i = 0; i < PROFILE_FIELDS; i++) {
        const char *name = arena_printf(a, "fields[%d][name]", i),
                   *value = arena_printf(a, "fields[%d][value]", i);

        pb__profile_field__init(&lines[i]);
        lines[i].name = field_text(req, name);
        lines[i].value = field_text(req, value);
        ask->fields[i] = &lines[i];
        sent = sent || field_present(req, name) || field_present(req, value);
    }
    ask->n_fields = PROFILE_FIELDS;
    if (!sent) {
        ask->fields = p->fields;
        ask->n_fields = p->n_fields;
    }
}

enum code user_api_own_profile_change(struct request *req) {
    Pb__UpdateProfileRequest ask = PB__UPDATE_PROFILE_REQUEST__INIT;
    const Pb__Profile *p, *after;
    struct profile v;
    enum code c = own_profile(&req->ctx, &p);

    if (c != OK)
        return c;
    v = profile_view(&req->ctx, p);
    if ((c = api_own_if_match(req, &user_own_profile_shape, &v)) != OK)
        return c;
    take_text(req, "name", &v.name);
    take_text(req, "headline", &v.headline);
    take_text(req, "bio", &v.bio);
    take_lines(req, p, &ask);
    ask.user_id = req->ctx.viewer_id;
    ask.name = v.name;
    ask.headline = v.headline;
    ask.bio = v.bio;
    ask.if_version = p->card->version;
    if ((c = or_stale(&req->ctx, user_update_profile(&req->ctx, &ask, &after))) != OK)
        return c;
    v = profile_view(&req->ctx, after);
    return api_own_reply(req, &user_own_profile_shape, &v);
}

/* ---- Password and address ---- */

enum code user_api_own_password(struct request *req) {
    enum code c = user_ask_password_change(req);

    return c != OK ? c : api_own_done(req);
}

enum code user_api_own_email(struct request *req) {
    enum code c = user_ask_email_change(req);

    return c != OK ? c : api_own_done(req);
}
