/* The member's own settings. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/device.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/user/asks.h"
#include "handlers/user/pages.h"
#include "handlers/user/rules.h"
#include "handlers/user/view.h"

static struct page *desk(struct request *req, const char *title) {
    return page_new(req, PLACE_SETTINGS, tr(req->ctx.lang, title));
}

/* Reads something again while the form's failure stands: the failure is put aside meanwhile. */
static struct error put_aside(struct ctx *ctx) {
    struct error wrong = ctx->error;

    fail_clear(ctx);
    return wrong;
}

/* ---- Profile
 * ------------------------------------------------------------------------------------------------------- */

enum code user_page_settings_profile(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = put_aside(ctx);
    Pb__GetProfileRequest ask = PB__GET_PROFILE_REQUEST__INIT;
    struct settings_profile_view v;
    enum code c;

    ask.id = ctx->viewer_id;
    if ((c = user_get_profile(ctx, &ask, &v.profile)) != OK)
        return c;
    ctx->error = wrong;
    tpl_user_settings_profile(form_html(req), desk(req, tr_mark("Profile")), &v);
    return OK;
}

enum code user_page_settings_profile_send(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__UpdateProfileRequest ask = PB__UPDATE_PROFILE_REQUEST__INIT;
    Pb__ProfileField fields[4], *pointers[4];
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.name = field_text(req, "name");
    ask.headline = field_text(req, "headline");
    ask.bio = field_text(req, "bio");
    for (int i = 0; i < 4; i++) {
        pb__profile_field__init(&fields[i]);
        fields[i].name = field_text(req, arena_printf(ctx->arena, "field_name_%d", i + 1));
        fields[i].value = field_text(req, arena_printf(ctx->arena, "field_value_%d", i + 1));
        pointers[i] = &fields[i];
    }
    ask.fields = pointers;
    ask.n_fields = 4;
    if ((c = user_update_profile(ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_settings_profile(req) : c;
    return form_go_back(req, "/settings/profile", "saved");
}

/* ---- Account
 * ------------------------------------------------------------------------------------------------------- */

enum code user_page_settings_account(struct request *req) {
    struct error wrong = put_aside(&req->ctx);
    struct settings_account_view v;
    enum code c = user_ask_account(&req->ctx, &v.account);

    if (c != OK)
        return c;
    req->ctx.error = wrong;
    tpl_user_settings_account(form_html(req), desk(req, tr_mark("Account")), &v);
    return OK;
}

enum code user_page_settings_email_send(struct request *req) {
    enum code c = user_ask_email_change(req);

    if (c != OK)
        return form_refused(req) ? user_page_settings_account(req) : c;
    return form_go_back(req, "/settings/account", "email-sent");
}

enum code user_page_settings_password_send(struct request *req) {
    enum code c = user_ask_password_change(req);

    if (c != OK)
        return form_refused(req) ? user_page_settings_account(req) : c;
    return form_go_back(req, "/settings/account", "password-changed");
}

/* ---- Sessions
 * ------------------------------------------------------------------------------------------------------ */

enum code user_page_settings_sessions(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__SessionsRequest ask = PB__SESSIONS_REQUEST__INIT;
    const Pb__SessionsReply *reply;
    struct settings_sessions_view v = {0};
    struct session_row *rows;
    enum code c;

    ask.user_id = ctx->viewer_id;
    if ((c = user_list_sessions(ctx, &ask, &reply)) != OK)
        return c;
    v.n = reply->n_sessions;
    v.rows = rows = arena_many(ctx->arena, struct session_row, v.n);
    for (size_t i = 0; i < v.n; i++) {
        rows[i].session = reply->sessions[i];
        const char *device = rules_device(ctx->arena, reply->sessions[i]->user_agent);

        rows[i].device = device_words(ctx->arena, ctx->lang, device);
        rows[i].phone = rules_device_is_phone(device);
        rows[i].current = reply->sessions[i]->id == ctx->session_id;
    }
    tpl_user_settings_sessions(form_html(req), desk(req, tr_mark("Where you are logged in")), &v);
    return OK;
}

static enum code end_sessions(struct request *req, int64_t session_id, const char *notice) {
    enum code c = user_ask_end_sessions(req, session_id);

    return c != OK ? c : form_go_back(req, "/settings/sessions", notice);
}

enum code user_page_settings_session_end(struct request *req) {
    int64_t id;

    if (!id_parse(req->args[0], &id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("This session has ended already."));
    return end_sessions(req, id, "session-ended");
}

enum code user_page_settings_sessions_end_others(struct request *req) {
    return end_sessions(req, 0, "sessions-ended");
}

/* ---- Privacy and appearance
 * ------------------------------------------------------------------------------------------ */

enum code user_page_settings_privacy(struct request *req) {
    struct error wrong = put_aside(&req->ctx);
    struct settings_privacy_view v;
    enum code c = user_ask_account(&req->ctx, &v.account);

    if (c != OK)
        return c;
    req->ctx.error = wrong;
    tpl_user_settings_privacy(form_html(req), desk(req, tr_mark("Privacy")), &v);
    return OK;
}

enum code user_page_settings_privacy_send(struct request *req) {
    Pb__UpdateSettingsRequest ask = PB__UPDATE_SETTINGS_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.locked = field_bool(req, "locked");
    ask.discoverable = field_bool(req, "discoverable");
    ask.hide_network = field_bool(req, "hide_network");
    ask.noindex = field_bool(req, "noindex");
    ask.default_audience = field_text(req, "default_audience");
    if ((c = user_update_settings(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_settings_privacy(req) : c;
    return form_go_back(req, "/settings/privacy", "saved");
}

enum code user_page_settings_appearance(struct request *req) {
    struct ctx *ctx = &req->ctx;
    const Pb__Session *s = req->session.session;
    struct language_choice *languages = arena_many(ctx->arena, struct language_choice, (size_t)i18n_count());
    struct settings_appearance_view v = {.theme = text_is_empty(s->theme) ? "auto" : s->theme,
                                         .language = s->language};

    for (int i = 0; i < i18n_count(); i++)
        languages[i] = (struct language_choice){.tag = i18n_code(i), .name = i18n_name(i)};
    v.languages = languages;
    v.n_languages = (size_t)i18n_count();
    tpl_user_settings_appearance(form_html(req), desk(req, tr_mark("Appearance")), &v);
    return OK;
}

enum code user_page_settings_appearance_send(struct request *req) {
    Pb__UpdateAppearanceRequest ask = PB__UPDATE_APPEARANCE_REQUEST__INIT;
    enum code c;

    ask.user_id = req->ctx.viewer_id;
    ask.session_id = req->ctx.session_id;
    ask.theme = field_text(req, "theme");
    ask.language = field_text(req, "language");
    if ((c = user_update_appearance(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? user_page_settings_appearance(req) : c;
    return form_go_back(req, "/settings/appearance", "saved");
}

/* ---- Security history
 * -------------------------------------------------------------------------------------------------- */

enum code user_page_settings_activity(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__ActivityRequest ask = PB__ACTIVITY_REQUEST__INIT;
    const Pb__ActivityReply *reply;
    struct settings_activity_view v = {0};
    struct activity_row *rows;
    enum code c;

    ask.user_id = ctx->viewer_id;
    ask.before = field_text(req, "before");
    ask.limit = 50;
    if ((c = user_list_activity(ctx, &ask, &reply)) != OK)
        return c;
    v.n = reply->n_items;
    v.rows = rows = arena_many(ctx->arena, struct activity_row, v.n);
    for (size_t i = 0; i < v.n; i++) {
        const Pb__Activity *did = reply->items[i];
        bool of_device = strcmp(did->kind, "session.ended") == 0;

        rows[i].activity = did;
        rows[i].device = device_words(ctx->arena, ctx->lang, did->device);
        rows[i].detail = of_device ? device_words(ctx->arena, ctx->lang, did->detail) : did->detail;
        rows[i].what = user_view_kind(ctx->lang, reply->items[i]->kind);
        rows[i].alarming = user_view_alarming(reply->items[i]->kind);
    }
    if (!text_is_empty(reply->next)) {
        struct buf next;

        buf_init(&next, ctx->arena, 1024);
        buf_puts(&next, "/settings/activity?before=");
        buf_url(&next, reply->next, strlen(reply->next));
        v.pager.older = buf_str(&next);
    }
    if (!text_is_empty(ask.before))
        v.pager.newer = "/settings/activity";
    tpl_user_settings_activity(form_html(req), desk(req, tr_mark("Security history")), &v);
    return OK;
}
