/* Settings: apps that were let in, and personal access tokens. */
#include <string.h>

#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/device.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/common/scopes.h"
#include "handlers/user/pages.h"
#include "handlers/user/rules.h"
#include "handlers/user/view.h"

static const char *joined(struct arena *a, const char *const *words, size_t n) {
    const char *out = "";

    for (size_t i = 0; i < n; i++)
        out = arena_printf(a, "%s%s%s", out, i > 0 ? " " : "", words[i]);
    return out;
}

static struct access_row row_of(struct ctx *ctx, const Pb__Access *access) {
    struct access_row row = {.access = access, .device = ""};
    const char *scopes = joined(ctx->arena, (const char *const *)access->scopes, access->n_scopes);

    row.n_words = user_view_scopes(ctx, scopes, &row.words);
    if (!text_is_empty(access->device))
        row.device = device_words(ctx->arena, ctx->lang, access->device);
    return row;
}

static enum code read_access(struct ctx *ctx, struct settings_apps_view *v) {
    Pb__ListAccessRequest ask = PB__LIST_ACCESS_REQUEST__INIT;
    const Pb__ListAccessReply *reply;
    struct access_row *apps, *tokens;
    enum code c;

    ask.user_id = ctx->viewer_id;
    if ((c = user_list_access(ctx, &ask, &reply)) != OK)
        return c;
    v->apps = apps = arena_many(ctx->arena, struct access_row, reply->n_items);
    v->tokens = tokens = arena_many(ctx->arena, struct access_row, reply->n_items);
    for (size_t i = 0; i < reply->n_items; i++)
        if (reply->items[i]->app_id != 0)
            apps[v->n_apps++] = row_of(ctx, reply->items[i]);
        else
            tokens[v->n_tokens++] = row_of(ctx, reply->items[i]);
    return OK;
}

/* Scopes that make sense for a token that one makes oneself. */
static bool offered(const struct ctx *ctx, const struct scope *s) {
    if (strcmp(s->name, "offline_access") == 0 || strcmp(s->name, "follow") == 0)
        return false;
    return !s->staff || (ctx->permissions & ~(uint64_t)PERMISSIONS_MEMBER) != 0;
}

static bool was_chosen(struct request *req, const char *name) {
    size_t n;
    const char **sent = params_all(&req->form, "scopes", &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(sent[i], name) == 0)
            return true;
    return false;
}

static void offer_scopes(struct request *req, struct settings_apps_view *v) {
    struct scope_choice *choices = arena_many(req->ctx.arena, struct scope_choice, 64);

    for (const struct scope *s = scopes_all; s->name != NULL && v->n_scopes < 64; s++)
        if (offered(&req->ctx, s))
            choices[v->n_scopes++] = (struct scope_choice){.name = s->name,
                                                           .words = tr(req->ctx.lang, s->words),
                                                           .part = !s->staff && strchr(s->name, ':') != NULL,
                                                           .chosen = was_chosen(req, s->name)};
    v->scopes = choices;
}

static enum code show(struct request *req, const char *fresh) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = ctx->error;
    struct settings_apps_view v = {.fresh = fresh};
    enum code c;

    fail_clear(ctx);
    if ((c = read_access(ctx, &v)) != OK)
        return c;
    offer_scopes(req, &v);
    ctx->error = wrong;
    tpl_user_settings_apps(form_html(req),
                           page_new(req, PLACE_SETTINGS, tr(ctx->lang, tr_mark("Apps and tokens"))), &v);
    return OK;
}

enum code user_page_settings_apps(struct request *req) { return show(req, NULL); }

/* The token is shown on the answer itself, this once: it is kept nowhere to be shown later. */
enum code user_page_settings_token_send(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__PersonalTokenRequest ask = PB__PERSONAL_TOKEN_REQUEST__INIT;
    const Pb__TokenReply *reply;
    const char **chosen;
    size_t n;
    enum code c;

    chosen = params_all(&req->form, "scopes", &n);
    ask.user_id = ctx->viewer_id;
    ask.name = field_text(req, "name");
    ask.days = (int32_t)field_int(req, "days");
    ask.scopes = n <= 64 ? joined(ctx->arena, chosen, n) : "";
    if ((c = user_create_personal_token(ctx, &ask, &reply)) != OK)
        return form_refused(req) ? show(req, NULL) : c;
    return show(req, reply->token);
}

static enum code end_access(struct request *req, bool is_app) {
    Pb__EndAccessRequest ask = PB__END_ACCESS_REQUEST__INIT;
    int64_t id;
    enum code c;

    if (!id_parse(req->args[0], &id))
        return fail(&req->ctx, NOT_FOUND, tr_mark("This access has ended already."));
    ask.user_id = req->ctx.viewer_id;
    ask.app_id = is_app ? id : 0;
    ask.token_id = is_app ? 0 : id;
    if ((c = user_end_access(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/settings/apps", "access-ended");
}

enum code user_page_settings_app_end(struct request *req) { return end_access(req, true); }

enum code user_page_settings_token_end(struct request *req) { return end_access(req, false); }
