/* The consent page: whether an app may act for a member (RFC 6749 section 4.1). What is wrong with the app or
 * its address is said on a page; only what was found right is ever gone to. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/common/scopes.h"
#include "handlers/user/pages.h"
#include "handlers/user/rules_oauth.h"
#include "handlers/user/view.h"

/* What an app asks for, found right. */
struct asked {
    const Pb__App *app;
    const char *redirect_uri, *scopes, *challenge;
};

static enum code refuse(struct request *req, const char *words) {
    return fail_http(&req->ctx, 400, INVALID, words);
}

static enum code find_app(struct request *req, struct asked *ret) {
    Pb__GetAppRequest get = PB__GET_APP_REQUEST__INIT;
    const char *uri = field_text(req, "redirect_uri");
    enum code c;

    get.client_id = field_text(req, "client_id");
    get.trusted = true;
    if (text_is_empty(get.client_id))
        return refuse(req, tr_mark("The app did not say which one it is (client_id)."));
    if ((c = user_get_app(&req->ctx, &get, &ret->app)) == NOT_FOUND) {
        fail_clear(&req->ctx);
        return refuse(req, tr_mark("There is no such app. It may have to register again."));
    }
    if (c != OK)
        return c;
    if (text_is_empty(uri) && ret->app->n_redirect_uris == 1)
        uri = ret->app->redirect_uris[0];
    for (size_t i = 0; i < ret->app->n_redirect_uris; i++)
        if (rules_redirect_same(ret->app->redirect_uris[i], uri))
            ret->redirect_uri = uri;
    if (ret->redirect_uri == NULL)
        return refuse(req, tr_mark("The app wants to be sent to an address that it did not register."));
    return OK;
}

static enum code read_asked(struct request *req, struct asked *ret) {
    const char *scopes, *method = field_text(req, "code_challenge_method");
    enum code c;

    *ret = (struct asked){0};
    if ((c = find_app(req, ret)) != OK)
        return c;
    if (strcmp(field_text(req, "response_type"), "code") != 0)
        return refuse(req,
                      tr_mark("The app asks in a way that is not known here: response_type must be code."));
    scopes = scopes_clean(req->ctx.arena, field_text(req, "scope"),
                          scopes_within("read", ret->app->scopes) ? "read" : ret->app->scopes);
    if (scopes == NULL || !scopes_within(scopes, ret->app->scopes))
        return refuse(req, tr_mark("The app asks for more than it registered for (scope)."));
    ret->scopes = scopes;
    ret->challenge = field_text(req, "code_challenge");
    if (text_is_empty(ret->challenge) && text_is_empty(method))
        return OK;
    if (strcmp(method, "S256") != 0 || !rules_challenge(ret->challenge))
        return refuse(req, tr_mark("The app's proof (code_challenge) must be made by S256."));
    return OK;
}

static bool is_staff(const struct ctx *ctx) {
    return (ctx->permissions & ~(uint64_t)PERMISSIONS_MEMBER) != 0;
}

/* ---- asking */

/* This page's address without the wish to log in again. */
static const char *here_without_force(struct request *req) {
    struct buf out;

    buf_init(&out, req->ctx.arena, 16384);
    buf_puts(&out, req->path);
    for (size_t i = 0, n = 0; i < req->query.n; i++) {
        const struct param *p = &req->query.items[i];

        if (strcmp(p->name, "force_login") == 0)
            continue;
        buf_putc(&out, n++ == 0 ? '?' : '&');
        buf_url(&out, p->name, strlen(p->name));
        buf_putc(&out, '=');
        buf_url(&out, p->value, p->n);
    }
    return buf_overflowed(&out) ? "/" : buf_str(&out);
}

static void choose_language(struct request *req) {
    int lang = i18n_find(field_text(req, "lang"));

    if (lang >= 0)
        req->ctx.lang = lang;
}

size_t user_view_scopes(struct ctx *ctx, const char *scopes, const char *const **ret) {
    const char **words = arena_many(ctx->arena, const char *, strlen(scopes) / 2 + 1);
    size_t n = 0;

    for (const struct scope *s = scopes_all; s->name != NULL; s++)
        if (scopes_have(scopes, s->name))
            words[n++] = tr(ctx->lang, s->words);
    *ret = words;
    return n;
}

/* The part of an address that a reader knows a site by. */
static const char *host_of(struct arena *a, const char *url) {
    const char *host = strstr(url, "://");

    return host == NULL ? url : arena_strndup(a, host + 3, strcspn(host + 3, "/?#"));
}

enum code user_page_authorize(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct authorize_view v = {0};
    struct asked asked;
    const char *force = field_text(req, "force_login");
    enum code c;

    choose_language(req);
    if ((c = read_asked(req, &asked)) != OK)
        return c;
    if (ctx->viewer_id == 0)
        return fail(ctx, UNAUTHENTICATED, tr_mark("Log in to go on."));
    v.app = asked.app->name;
    v.website = asked.app->website;
    v.site = host_of(ctx->arena, asked.app->website);
    v.n_words = user_view_scopes(ctx, asked.scopes, &v.words);
    v.staff = scopes_need_staff(asked.scopes);
    if (v.staff && !is_staff(ctx))
        return fail(ctx, DENIED, tr_mark("This app is for those who look after the site."));
    v.ask_who = strcmp(force, "1") == 0 || strcmp(force, "true") == 0;
    v.here = here_without_force(req);
    v.client_id = asked.app->client_id;
    v.redirect_uri = asked.redirect_uri;
    v.scope = asked.scopes;
    v.has_state = field_present(req, "state");
    v.state = field_text(req, "state");
    v.challenge = asked.challenge;
    req->res.form_action = rules_redirect_source(ctx->arena, asked.redirect_uri);
    tpl_user_authorize(form_html(req), page_new(req, PLACE_NONE, tr(ctx->lang, tr_mark("Let an app in"))),
                       &v);
    req->res.form_action_widened = req->res.form_action != NULL;
    return OK;
}

/* ---- answering */

static void add_param(struct buf *out, const char *name, const char *value) {
    buf_putc(out, strchr(buf_str(out), '?') == NULL ? '?' : '&');
    buf_printf(out, "%s=", name);
    buf_url(out, value, strlen(value));
}

/* To an address that was found right, with the answer (RFC 6749 section 4.1.2, RFC 9207). */
static enum code go_back(struct request *req, const struct asked *asked, const char *name,
                         const char *value) {
    struct buf to;

    buf_init(&to, req->ctx.arena, 16384);
    buf_puts(&to, asked->redirect_uri);
    add_param(&to, name, value);
    if (field_present(req, "state"))
        add_param(&to, "state", field_text(req, "state"));
    add_param(&to, "iss", req->ctx.env->config->base_url);
    if (buf_overflowed(&to))
        return refuse(req, tr_mark("The app sent too much (state)."));
    respond(req, 303, "text/plain; charset=utf-8");
    respond_header(req, "Location", buf_str(&to));
    return OK;
}

static bool is_oob(const struct asked *asked) { return strcmp(asked->redirect_uri, RULES_OOB) == 0; }

static enum code show_code(struct request *req, const struct asked *asked, const char *code) {
    struct authorized_view v = {.app = asked->app->name, .code = code};

    tpl_user_authorized(form_html(req), page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Almost there"))),
                        &v);
    return OK;
}

enum code user_page_authorize_send(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__GrantCodeRequest ask = PB__GRANT_CODE_REQUEST__INIT;
    const Pb__GrantCodeReply *reply;
    struct asked asked;
    enum code c;

    choose_language(req);
    if ((c = read_asked(req, &asked)) != OK)
        return c;
    if (strcmp(field_text(req, "decision"), "allow") != 0) {
        if (is_oob(&asked))
            return respond_redirect(req, "/");
        return go_back(req, &asked, "error", "access_denied");
    }
    ask.user_id = ctx->viewer_id;
    ask.client_id = asked.app->client_id;
    ask.redirect_uri = asked.redirect_uri;
    ask.scopes = asked.scopes;
    ask.challenge = asked.challenge;
    ask.consent = field_text(req, "consent");
    if ((c = user_grant_code(ctx, &ask, &reply)) != OK)
        return c;
    if (is_oob(&asked))
        return show_code(req, &asked, reply->code);
    return go_back(req, &asked, "code", reply->code);
}
