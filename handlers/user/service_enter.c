/* Entering: sign-up, confirmation, log-in and -out, forgotten passwords. None of it tells a stranger whether
 * an address has an account: not by its answer and not by its time. An address typed at sign-up gets an
 * account of its own, unconfirmed, whoever else has it; what goes to the address by mail is decided by the
 * worker. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/i18n.h"
#include "gen/stubs.h"
#include "handlers/common/session.h"
#include "handlers/user/rules.h"
#include "handlers/user/service.h"
#include "handlers/user/service_tokens.h"

#define SESSIONS_MAX 50 /* a member's; the one not seen longest goes first */
#define TOUCH_EVERY_MS (10 * 60 * 1000)
#define DAY_MS (24 * 3600 * 1000)

/* Who asks, where the call says it itself (it may come from another process). */
static void comes_from(struct ctx *ctx, const char *ip) {
    if (!text_is_empty(ip))
        ctx->ip = ip;
}

/* ---- signing up */

static bool registration_is(const struct ctx *ctx, const char *mode) {
    return strcmp(ctx->env->config->registration, mode) == 0;
}

static enum code may_sign_up(struct ctx *ctx, const Pb__SignUpRequest *req) {
    if (registration_is(ctx, "closed"))
        return fail(ctx, PRECONDITION, tr_mark("This site takes no new members at the moment."));
    if (registration_is(ctx, "invite") && text_is_empty(req->invite))
        return fail(ctx, PRECONDITION,
                    tr_mark("New members come by invitation here. Ask a member for an invite link."));
    return OK;
}

static enum code check_handle(struct ctx *ctx, const char *handle) {
    const char *problem = rules_handle_problem(handle), *kind = FIELD_INVALID;

    if (text_is_empty(handle))
        kind = FIELD_BLANK;
    else if (rules_handle_reserved(handle))
        kind = FIELD_RESERVED;
    return problem == NULL ? OK : fail_field_as(ctx, "handle", kind, problem);
}

static const char *password_kind(const struct ctx *ctx, const char *password) {
    size_t n = strlen(password);

    if (n == 0)
        return FIELD_BLANK;
    if (n > RULES_PASSWORD_MAX)
        return FIELD_TOO_LONG;
    return text_utf8_count(password, n) < (size_t)ctx->env->config->password_min ? FIELD_TOO_SHORT
                                                                                 : FIELD_INVALID;
}

static enum code handle_taken(struct ctx *ctx) {
    return fail_field_as(ctx, "handle", FIELD_TAKEN, tr_mark("This handle is taken. Choose another."));
}

/* Judges every field, so that all that is wrong is said at once. */
static enum code check_sign_up(struct ctx *ctx, const Pb__SignUpRequest *req, struct new_account *a) {
    bool by_approval = registration_is(ctx, "approval") && text_is_empty(req->invite), taken;
    const char *problem;
    enum code c;

    if (check_handle(ctx, req->handle) == OK) {
        if ((c = user_store_handle_taken(ctx, req->handle, &taken)) != OK)
            return c;
        if (taken)
            handle_taken(ctx);
    }
    if (!text_is_email(req->email))
        fail_field_as(ctx, "email", text_is_empty(req->email) ? FIELD_BLANK : FIELD_INVALID,
                      tr_mark("Type an e-mail address, such as ada@example.org."));
    user_line(ctx, "name", req->name, RULES_NAME_MAX, &a->name);
    if ((problem = rules_password_problem(ctx->arena, req->password, req->handle, req->email,
                                          ctx->env->config->password_min, ctx->lang)) != NULL)
        fail_field_as(ctx, "password", password_kind(ctx, req->password), problem);
    if (user_text(ctx, "reason", req->reason, RULES_REASON_MAX, &a->reason) == OK && by_approval &&
        text_is_empty(a->reason))
        fail_field_as(ctx, "reason", FIELD_BLANK,
                      tr_mark("Say in a sentence why you want to join. An administrator reads it."));
    if (!req->agreement)
        fail_field_as(ctx, "agreement", FIELD_ACCEPTED, tr_mark("Agree to the rules to go on."));
    a->needs_approval = by_approval;
    return ctx_failed(ctx) ? ctx->error.code : OK;
}

/* *ret_id: the new, unconfirmed account. */
static enum code sign_up(struct ctx *ctx, const Pb__SignUpRequest *req, int64_t *ret_id) {
    struct new_account a = {.id = id_next(),
                            .handle = req->handle,
                            .email = req->email,
                            .invite = req->invite,
                            .language = req->language};
    const char **words;
    bool ok;
    enum code c;

    comes_from(ctx, req->ip);
    if ((c = may_sign_up(ctx, req)) != OK || (c = check_sign_up(ctx, req, &a)) != OK)
        return c;
    if ((a.password_hash = user_password_hash(ctx, req->password)) == NULL)
        return ctx->error.code;
    a.n_words = user_words(ctx, a.handle, a.name, "", &words);
    a.words = words;
    c = user_store_sign_up(ctx, &a, user_security_body(ctx, a.id, "registered", "", 0), &ok);
    if (c == EXISTS) { /* somebody took it between the check and now */
        fail_clear(ctx);
        return handle_taken(ctx);
    }
    if (c != OK)
        return c;
    if (!ok)
        return fail_field(ctx, "invite",
                          tr_mark("This invite link has been used up or is too old. Ask for a new one."));
    *ret_id = a.id;
    return OK;
}

enum code user_service_sign_up(struct ctx *ctx, const Pb__SignUpRequest *req, Pb__SignUpReply *reply) {
    reply->state = PB__ACCOUNT_STATE__STATE_UNCONFIRMED;
    return sign_up(ctx, req, &reply->id);
}

enum code user_service_sign_up_by_app(struct ctx *ctx, const Pb__AppSignUpRequest *req,
                                      Pb__TokenReply *reply) {
    struct stored_app app = {0};
    enum code c = user_store_app(ctx, req->app_id, "", &app);
    int64_t id;

    if (c != OK)
        return c;
    if (app.app == NULL)
        return fail(ctx, NOT_FOUND, tr_mark("There is no such app. It may have to register again."));
    return (c = sign_up(ctx, req->account, &id)) == OK ? user_token_of_newcomer(ctx, app.app, id, reply) : c;
}

/* ---- links that were mailed */

static bool link_hash(const char *token, unsigned char hash[CRYPTO_HASH_BYTES]) {
    if (strlen(token) != 43)
        return false;
    crypto_digest(hash, token, 43);
    return true;
}

static enum code link_dead(struct ctx *ctx, const struct link_state *link) {
    if (link->user_id != 0 && link->used)
        return fail_http(ctx, 410, PRECONDITION, tr_mark("This link has been used already. You can log in."));
    if (link->user_id != 0 && link->expired)
        return fail_http(ctx, 410, PRECONDITION, tr_mark("This link is too old. Ask for a new one."));
    return fail(ctx, NOT_FOUND,
                tr_mark("This link is not right. Copy it whole from the message, or ask for a new one."));
}

/* Reads a link of one of two purposes; a dead one is a failure. */
static enum code link_read(struct ctx *ctx, const char *token, const char *purpose, const char *other,
                           unsigned char hash[CRYPTO_HASH_BYTES], struct link_state *ret) {
    enum code c;

    *ret = (struct link_state){0};
    if (!link_hash(token, hash))
        return link_dead(ctx, ret);
    if ((c = user_store_link_peek(ctx, hash, ret)) != OK)
        return c;
    if (ret->user_id != 0 && strcmp(ret->purpose, purpose) != 0 && strcmp(ret->purpose, other) != 0)
        ret->user_id = 0; /* a link opens one door only */
    return ret->user_id == 0 || ret->used || ret->expired ? link_dead(ctx, ret) : OK;
}

/* It was good a moment ago: used by another request, or its account has moved on. */
static enum code link_lost(struct ctx *ctx) {
    return fail_http(ctx, 410, PRECONDITION, tr_mark("This link has been used already. You can log in."));
}

enum code user_service_confirm_email(struct ctx *ctx, const Pb__TokenRequest *req, Pb__ConfirmReply *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    struct link_state link;
    struct body security;
    int64_t id = 0;
    enum code c;

    comes_from(ctx, req->ip);
    if ((c = link_read(ctx, req->token, "signup", "email", hash, &link)) != OK)
        return c;
    security = user_security_body(
        ctx, link.user_id, strcmp(link.purpose, "email") == 0 ? "email.changed" : "email.confirmed", "", 0);
    c = user_store_confirm(ctx, hash, security, &id, &reply->state);
    if (c == EXISTS) {
        fail_clear(ctx);
        return fail(ctx, EXISTS,
                    tr_mark("This e-mail address belongs to an account already. Log in there, or "
                            "reset its password."));
    }
    if (c != OK)
        return c;
    if (id == 0)
        return link_lost(ctx);
    user_publish(ctx, id);
    reply->id = id;
    reply->purpose = link.purpose;
    return OK;
}

/* "reset" or "resend": the same work whoever's the address is. */
static enum code mail_address(struct ctx *ctx, const char *kind, const Pb__EmailRequest *req) {
    comes_from(ctx, req->ip);
    if (!text_is_email(req->email))
        return fail_field(ctx, "email", tr_mark("Type an e-mail address, such as ada@example.org."));
    return user_store_mail_for_address(ctx, kind, req->email);
}

enum code user_service_resend_confirmation(struct ctx *ctx, const Pb__EmailRequest *req, Pb__Empty *reply) {
    (void)reply;
    return mail_address(ctx, "resend", req);
}

/* For who has not confirmed an address yet: the app that they signed up with asks. */
enum code user_service_confirm_again(struct ctx *ctx, const Pb__ConfirmAgainRequest *req, Pb__Empty *reply) {
    bool ok;
    enum code c;

    (void)reply;
    comes_from(ctx, req->ip);
    if (!text_is_empty(req->email) && !text_is_email(req->email))
        return fail_field(ctx, "email", tr_mark("Type an e-mail address, such as ada@example.org."));
    if ((c = user_store_confirm_again(ctx, req->user_id, req->email, &ok)) != OK)
        return c;
    return ok ? OK
              : fail(ctx, PRECONDITION,
                     tr_mark("This method is only available while the e-mail is awaiting confirmation"));
}

enum code user_service_request_reset(struct ctx *ctx, const Pb__EmailRequest *req, Pb__Empty *reply) {
    (void)reply;
    return mail_address(ctx, "reset", req);
}

enum code user_service_complete_reset(struct ctx *ctx, const Pb__ResetRequest *req, Pb__Empty *reply) {
    unsigned char hash[CRYPTO_HASH_BYTES];
    struct link_state link;
    struct person *p;
    const char *password_hash;
    int64_t id;
    enum code c;

    (void)reply;
    comes_from(ctx, req->ip);
    if ((c = link_read(ctx, req->token, "reset", "reset", hash, &link)) != OK ||
        (c = user_person(ctx, link.user_id, &p)) != OK ||
        (c = user_password_check(ctx, "password", req->password, p)) != OK)
        return c;
    if ((password_hash = user_password_hash(ctx, req->password)) == NULL)
        return ctx->error.code;
    c = user_store_reset(ctx, hash, password_hash,
                         user_security_body(ctx, link.user_id, "password.reset", "", 0), &id);
    if (c != OK)
        return c;
    if (id == 0)
        return link_lost(ctx);
    user_tokens_forget(ctx, id);
    if (user_sessions_end(ctx, id, 0, clock_now_ms()) != OK)
        fail_clear(ctx); /* the worker repeats it */
    return OK;
}

/* ---- logging in */

static enum code find_login(struct ctx *ctx, const char *login, struct person **ret) {
    const char *handle = login[0] == '@' ? login + 1 : login;

    *ret = NULL;
    if (strlen(login) > 254 || !text_utf8_valid(login, strlen(login)))
        return OK;
    if (strchr(handle, '@') != NULL)
        return user_store_person_by_email(ctx, login, ret);
    return user_store_person_by_handle(ctx, handle, ret);
}

/* What only somebody who knows the password is told. */
static enum code may_enter(struct ctx *ctx, const struct person *p) {
    switch (p->card->state) {
    case PB__ACCOUNT_STATE__STATE_ACTIVE:
        return OK;
    case PB__ACCOUNT_STATE__STATE_UNCONFIRMED:
        return fail(ctx, PRECONDITION,
                    tr_mark("Confirm your e-mail address first: follow the link in our message. You"
                            " can have it sent again."));
    case PB__ACCOUNT_STATE__STATE_PENDING:
        return fail(ctx, PRECONDITION,
                    tr_mark("Your request to join waits for an administrator. You get a message "
                            "when it is decided."));
    case PB__ACCOUNT_STATE__STATE_SUSPENDED:
        if (text_is_empty(p->note))
            return fail(ctx, DENIED,
                        tr_mark("This account is suspended. Write to the administrators if you think "
                                "that this is wrong."));
        return fail(
            ctx, DENIED,
            tr_fill(ctx->arena, ctx->lang, "This account is suspended: {note}", "note", p->note, NULL));
    default:
        return fail(ctx, UNAUTHENTICATED, tr_mark("This account no longer exists."));
    }
}

/* Makes room for one more session. */
static enum code thin_out(struct ctx *ctx, int64_t user_id) {
    struct stored_session *all;
    size_t n;
    enum code c = user_store_sessions(ctx, user_id, &all, &n);

    if (c != OK || n < SESSIONS_MAX)
        return c;
    return user_sessions_end_these(ctx, user_id, all + SESSIONS_MAX - 1, n - SESSIONS_MAX + 1);
}

static Pb__Session *new_session(struct ctx *ctx, const struct person *p) {
    Pb__Session *s = arena_one(ctx->arena, Pb__Session);

    pb__session__init(s);
    s->id = id_next();
    s->user_id = p->card->id;
    s->created_ms = s->seen_ms = clock_now_ms();
    s->ip = ctx->ip;
    s->user_agent = text_ellipsis(ctx->arena, ctx->user_agent, 300);
    s->theme = p->theme;
    s->language = p->language;
    return s;
}

/* Writes the session first and then makes sure that password and state still are what was checked: whoever
 * changes them ends the sessions that are there, so none slips through in between. */
static enum code open_session(struct ctx *ctx, const struct person *p, const char *password,
                              Pb__LogInReply *reply) {
    Pb__Session *s = new_session(ctx, p);
    const char *token = arena_printf(ctx->arena, "%" PRId64 ".%s", p->card->id, crypto_token(ctx->arena, 32));
    const char *new_hash = user_password_is_old(ctx, p) ? user_password_hash(ctx, password) : NULL;
    const char *device = rules_device(ctx->arena, ctx->user_agent);
    struct stored_session stored = {.session = s};
    int64_t claimed;
    bool ok;
    enum code c;

    stored.key = session_key(ctx, token, &claimed);
    if (ctx_failed(ctx))
        return ctx->error.code;
    if ((c = thin_out(ctx, p->card->id)) != OK || (c = user_store_session_put(ctx, stored.key, s)) != OK)
        return c;
    c = user_store_logged_in(ctx, p, new_hash, device,
                             user_security_body(ctx, p->card->id, "login", "", s->id), &ok);
    if (c != OK || !ok) {
        user_sessions_end_these(ctx, p->card->id, &stored, 1);
        return c != OK
                   ? c
                   : fail(ctx, ABORTED, tr_mark("Your account has changed this very moment. Log in again."));
    }
    reply->token = token;
    reply->session = s;
    reply->card = p->card;
    return OK;
}

enum code user_service_log_in(struct ctx *ctx, const Pb__LogInRequest *req, Pb__LogInReply *reply) {
    struct person *p;
    enum code c;

    comes_from(ctx, req->ip);
    if (!text_is_empty(req->user_agent))
        ctx->user_agent = req->user_agent;
    if ((c = find_login(ctx, req->login, &p)) != OK ||
        (c = user_password_verify(ctx, p, req->login, req->password, NULL)) != OK)
        return c;
    if (p->erase_ms != 0)
        return user_restore_offer(ctx, p, reply);
    if ((c = may_enter(ctx, p)) != OK)
        return c;
    return open_session(ctx, p, req->password, reply);
}

/* ---- sessions as they are used */

/* The session behind a token, NULL when there is none. */
static enum code session_of(struct ctx *ctx, const char *token, struct stored_session *ret,
                            Pb__UserCard **ret_card) {
    int64_t claimed = 0;
    enum code c;

    *ret = (struct stored_session){.key = session_key(ctx, token, &claimed)};
    *ret_card = NULL;
    if (ret->key == NULL)
        return OK;
    if ((c = user_store_session(ctx, ret->key, claimed, &ret->session, &ret->raw, ret_card)) != OK)
        return c;
    if (ret->session != NULL && ret->session->user_id != claimed)
        ret->session = NULL;
    return OK;
}

/* Lets a session in use live on, and notes once a day that its member was here. */
static enum code touch(struct ctx *ctx, const struct stored_session *stored) {
    Pb__Session next = *stored->session;
    int64_t now = clock_now_ms();
    enum code c;

    if (now - stored->session->seen_ms < TOUCH_EVERY_MS)
        return OK;
    next.seen_ms = now;
    if (!text_is_empty(ctx->ip))
        next.ip = ctx->ip;
    if ((c = user_store_session_touch(ctx, stored->key, stored->raw, &next)) != OK)
        return c;
    if (now / DAY_MS == stored->session->seen_ms / DAY_MS)
        return OK;
    return user_store_seen(ctx, next.user_id);
}

enum code user_service_verify_session(struct ctx *ctx, const Pb__VerifySessionRequest *req,
                                      Pb__VerifySessionReply *reply) {
    struct stored_session stored;
    Pb__UserCard *card, **cards;
    size_t n = 0;
    enum code c = session_of(ctx, req->token, &stored, &card);

    if (c != OK)
        return c;
    if (stored.session != NULL && card == NULL) {
        if ((c = user_store_cards(ctx, &stored.session->user_id, 1, &cards, &n)) != OK)
            return c;
        card = n == 1 ? cards[0] : NULL;
        user_store_cards_fill(ctx, cards, n);
    }
    if (stored.session == NULL || card == NULL || card->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(ctx, UNAUTHENTICATED, tr_mark("Log in to go on."));
    reply->session = stored.session;
    reply->card = card;
    return touch(ctx, &stored);
}

enum code user_service_log_out(struct ctx *ctx, const Pb__TokenRequest *req, Pb__Empty *reply) {
    struct stored_session stored;
    Pb__UserCard *card;
    enum code c = session_of(ctx, req->token, &stored, &card);

    (void)reply;
    comes_from(ctx, req->ip);
    if (c != OK || stored.session == NULL)
        return c;
    if ((c = user_sessions_end_these(ctx, stored.session->user_id, &stored, 1)) != OK)
        return c;
    return user_store_security(
        ctx, stored.session->user_id,
        user_security_body(ctx, stored.session->user_id, "logout", "", stored.session->id));
}
