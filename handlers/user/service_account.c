/* A member's own account: password, address, sessions, settings, history. */
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/text.h"
#include "fcgi/i18n.h"
#include "fcgi/rpc.h"
#include "gen/stubs.h"
#include "handlers/common/limit.h"
#include "handlers/user/rules.h"
#include "handlers/user/service.h"
#include "handlers/user/service_tokens.h"
#include "handlers/user/store_pictures.h"

#define PAGE_MAX 200

enum code user_service_get_account(struct ctx *ctx, const Pb__GetAccountRequest *req, Pb__Account *reply) {
    struct person *p;
    struct pictures pictures;
    bool sensitive;
    enum code c = user_person(ctx, req->user_id, &p);

    if (c != OK || (c = user_store_defaults(ctx, req->user_id, &sensitive, &reply->post_language)) != OK ||
        (c = user_store_pictures(ctx, req->user_id, &pictures)) != OK)
        return c;
    reply->avatar_media_id = pictures.avatar.shown;
    reply->avatar_next_id = pictures.avatar.next;
    reply->banner_media_id = pictures.banner.shown;
    reply->banner_next_id = pictures.banner.next;
    reply->default_sensitive = sensitive;
    reply->card = p->card;
    reply->email = p->email;
    reply->new_email = p->new_email;
    reply->theme = p->theme;
    reply->language = p->language;
    reply->default_audience = p->default_audience;
    reply->password_changed_ms = p->password_changed_ms;
    return OK;
}

enum code user_service_change_password(struct ctx *ctx, const Pb__ChangePasswordRequest *req,
                                       Pb__Empty *reply) {
    struct person *p;
    const char *hash;
    bool ok;
    enum code c;

    (void)reply;
    if ((c = user_person(ctx, req->user_id, &p)) != OK ||
        (c = user_password_check(ctx, "password", req->password, p)) != OK ||
        (c = user_password_verify(ctx, p, p->card->handle, req->current, "current")) != OK)
        return c;
    if ((hash = user_password_hash(ctx, req->password)) == NULL)
        return ctx->error.code;
    c = user_store_password(ctx, req->user_id, p->auth_version, hash,
                            user_security_body(ctx, req->user_id, "password.changed", "", req->keep_session),
                            &ok);
    if (c != OK)
        return c;
    if (!ok)
        return fail(ctx, ABORTED, tr_mark("Your password has just been changed elsewhere. Log in again."));
    user_tokens_forget(ctx, req->user_id);
    if (user_sessions_end(ctx, req->user_id, req->keep_session, clock_now_ms()) != OK)
        fail_clear(ctx); /* the worker repeats it */
    return OK;
}

enum code user_service_change_email(struct ctx *ctx, const Pb__ChangeEmailRequest *req, Pb__Empty *reply) {
    struct person *p;
    bool ok;
    enum code c;

    (void)reply;
    if ((c = user_person(ctx, req->user_id, &p)) != OK)
        return c;
    if (!text_is_email(req->email))
        return fail_field(ctx, "email", tr_mark("Type an e-mail address, such as ada@example.org."));
    if (strcasecmp(req->email, p->email) == 0)
        return fail_field(ctx, "email", tr_mark("This is your address already."));
    if ((c = user_password_verify(ctx, p, p->card->handle, req->password, "password")) != OK)
        return c;
    c = user_store_email_ask(ctx, req->user_id, req->email,
                             user_security_body(ctx, req->user_id, "email.asked", req->email, 0), &ok);
    return user_changed_or_gone(ctx, c, &ok);
}

/* ---- sessions */

enum code user_service_list_sessions(struct ctx *ctx, const Pb__SessionsRequest *req,
                                     Pb__SessionsReply *reply) {
    struct stored_session *all;
    size_t n;
    enum code c = user_store_sessions(ctx, req->user_id, &all, &n);

    if (c != OK)
        return c;
    reply->sessions = arena_many(ctx->arena, Pb__Session *, n);
    for (size_t i = 0; i < n; i++)
        reply->sessions[i] = all[i].session;
    reply->n_sessions = n;
    return OK;
}

static enum code end_one(struct ctx *ctx, int64_t user_id, int64_t session_id) {
    struct stored_session *all;
    size_t n;
    enum code c = user_store_sessions(ctx, user_id, &all, &n);

    for (size_t i = 0; c == OK && i < n; i++) {
        if (all[i].session->id != session_id)
            continue;
        if ((c = user_sessions_end_these(ctx, user_id, &all[i], 1)) != OK)
            return c;
        return user_store_security(ctx, user_id,
                                   user_security_body(ctx, user_id, "session.ended",
                                                      rules_device(ctx->arena, all[i].session->user_agent),
                                                      session_id));
    }
    return c != OK ? c : fail(ctx, NOT_FOUND, tr_mark("That device is logged out already."));
}

enum code user_service_revoke_sessions(struct ctx *ctx, const Pb__RevokeSessionsRequest *req,
                                       Pb__Empty *reply) {
    enum code c;

    (void)reply;
    if (req->session_id != 0)
        return end_one(ctx, req->user_id, req->session_id);
    if ((c = user_store_access_end_all(ctx, req->user_id)) != OK ||
        (c = user_sessions_end(ctx, req->user_id, req->except_id, clock_now_ms())) != OK)
        return c;
    user_tokens_forget(ctx, req->user_id);
    return user_store_security(ctx, req->user_id,
                               user_security_body(ctx, req->user_id, "sessions.ended", "", req->except_id));
}

/* ---- settings */

static bool one_of(const char *s, const char *const *choices) {
    for (; *choices != NULL; choices++)
        if (strcmp(s, *choices) == 0)
            return true;
    return false;
}

enum code user_service_update_settings(struct ctx *ctx, const Pb__UpdateSettingsRequest *req,
                                       Pb__Empty *reply) {
    static const char *const audiences[] = {"public", "unlisted", "followers", NULL};
    bool ok;
    enum code c;

    (void)reply;
    if (!one_of(req->default_audience, audiences))
        return fail_field(ctx, "default_audience",
                          tr_mark("Choose who sees your posts: public, unlisted or followers."));
    if ((c = user_changed_or_stale(ctx, user_store_settings(ctx, req, &ok), &ok, req->if_version)) == OK)
        user_publish(ctx, req->user_id);
    return c;
}

/* Every session carries the look, so that pages need not ask for it. */
static enum code dress_sessions(struct ctx *ctx, const Pb__UpdateAppearanceRequest *req) {
    struct stored_session *all;
    size_t n;
    enum code c = user_store_sessions(ctx, req->user_id, &all, &n);

    for (size_t i = 0; c == OK && i < n; i++) {
        Pb__Session next = *all[i].session;

        next.theme = req->theme;
        next.language = req->language;
        c = user_store_session_touch(ctx, all[i].key, all[i].raw, &next);
    }
    return c;
}

enum code user_service_update_appearance(struct ctx *ctx, const Pb__UpdateAppearanceRequest *req,
                                         Pb__Empty *reply) {
    static const char *const themes[] = {"auto", "light", "dark", NULL};
    bool ok;
    enum code c;

    (void)reply;
    if (!one_of(req->theme, themes))
        return fail_field(ctx, "theme", tr_mark("Choose auto, light or dark."));
    if (!text_is_empty(req->language) && i18n_find(req->language) < 0)
        return fail_field(ctx, "language", tr_mark("Choose one of the languages in the list."));
    if ((c = user_changed_or_gone(
             ctx, user_store_appearance(ctx, req->user_id, req->theme, req->language, &ok), &ok)) != OK)
        return c;
    return dress_sessions(ctx, req);
}

/* ---- history */

enum code user_service_list_activity(struct ctx *ctx, const Pb__ActivityRequest *req,
                                     Pb__ActivityReply *reply) {
    size_t limit = limit_of(req->limit, 40, PAGE_MAX);

    return user_store_activity(ctx, req->user_id, (struct doc_from){req->before, req->after}, limit, reply);
}
