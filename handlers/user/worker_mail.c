/* The mails of the user service. A link's token is made here, when the mail is sent: nothing that waits to be
 * sent holds a secret. A mail tried again gets a new token; the older one stays good, in case that the mail
 * did go out. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/format.h"
#include "fcgi/i18n.h"
#include "handlers/common/device.h"
#include "handlers/common/letter.h"
#include "handlers/user/rules.h"
#include "handlers/user/service_shared.h"
#include "handlers/user/worker.h"

#define PER_HOUR 5 /* mails of a kind that strangers can have sent to one address */

/* A text in the letter's language with one name filled in; NULL: none. */
static const char *fill(const struct letter *l, const char *text, const char *name, const char *value) {
    return tr_fill(l->ctx->arena, l->lang, text, name, value, NULL);
}

static void say(struct letter *l, const char *text, const char *name, const char *value) {
    letter_say(l, fill(l, text, name, value));
}

static const char *site(const struct letter *l) { return l->ctx->env->config->site_name; }

static struct letter letter_for(struct ctx *ctx, enum letter_kind kind, const struct mail_job *job,
                                const char *name) {
    return letter_new(ctx, kind, arena_printf(ctx->arena, "user-%lld", (long long)job->id), job->email, name,
                      job->language);
}

/* A link with a new token: base + /confirm/ or /reset/ + token. */
static enum code link_new(struct letter *l, int64_t user_id, const char *purpose, const char *path) {
    char *token = crypto_token(l->ctx->arena, 32);
    unsigned char hash[CRYPTO_HASH_BYTES];
    enum code c;

    crypto_digest(hash, token, strlen(token));
    c = user_store_link_new(l->ctx, hash, user_id, purpose, l->to,
                            clock_now_ms() + (int64_t)LINK_HOURS * 3600 * 1000);
    l->view.url = letter_url(l, arena_printf(l->ctx->arena, "%s%s", path, token));
    l->view.hours = arena_printf(l->ctx->arena, "%d", LINK_HOURS);
    return c;
}

/* ---- to those who sign up */

/* To an address that nobody has confirmed. It greets by the handle: a name is free text, and strangers are
 * not to send theirs through us. */
static enum code send_confirm(struct ctx *ctx, const struct mail_job *job, int64_t user_id,
                              const char *handle) {
    struct letter l = letter_for(ctx, LETTER_CONFIRM, job, handle);
    enum code c = link_new(&l, user_id, "signup", "/confirm/");

    if (c != OK)
        return c;
    say(&l,
        tr_mark("somebody, we hope you, signed up at {site} with this address. To "
                "confirm it, open:"),
        "site", site(&l));
    letter_say(&l, l.view.url);
    say(&l,
        tr_mark("The link works for {hours} hours. If it was not you, do nothing: "
                "without the confirmation no account comes about."),
        "hours", l.view.hours);
    return letter_send(&l, fill(&l, tr_mark("Confirm your e-mail address for {site}"), "site", site(&l)));
}

/* To the owner of an address that somebody typed who should not, or who forgot. */
static enum code send_taken(struct ctx *ctx, const struct mail_job *job, const struct person *owner) {
    struct letter l = letter_for(ctx, LETTER_PLAIN, job, owner->card->name);

    say(&l,
        tr_mark("somebody, perhaps you, typed this address to open an account at "
                "{site}."),
        "site", site(&l));
    say(&l, tr_mark("You have one already: @{handle}."), "handle", owner->card->handle);
    say(&l, tr_mark("To log in, or to choose a new password if you forgot yours, open:"), NULL, NULL);
    letter_say(&l, letter_url(&l, "/login"));
    letter_say(&l, letter_url(&l, "/reset"));
    say(&l, tr_mark("If it was not you, do nothing: your account stays as it is."), NULL, NULL);
    return letter_send(&l, fill(&l, tr_mark("You have an account at {site} already"), "site", site(&l)));
}

static bool is_owner(const struct person *p) {
    return p != NULL && p->card->state != PB__ACCOUNT_STATE__STATE_UNCONFIRMED;
}

static enum code mail_confirm(struct ctx *ctx, const struct mail_job *job) {
    struct person *owner;
    enum code c;

    if (job->state != PB__ACCOUNT_STATE__STATE_UNCONFIRMED)
        return OK;
    if ((c = user_store_person_by_email(ctx, job->email, &owner)) != OK)
        return c;
    return is_owner(owner) ? send_taken(ctx, job, owner) : send_confirm(ctx, job, job->user_id, job->handle);
}

static enum code mail_resend(struct ctx *ctx, const struct mail_job *job) {
    struct person *p;
    enum code c = user_store_person_by_email(ctx, job->email, &p);

    if (c != OK || p == NULL)
        return c;
    return is_owner(p) ? send_taken(ctx, job, p) : send_confirm(ctx, job, p->card->id, p->card->handle);
}

static enum code mail_reset(struct ctx *ctx, const struct mail_job *job) {
    struct letter l;
    struct person *p;
    enum code c = user_store_person_by_email(ctx, job->email, &p);

    if (c != OK || p == NULL)
        return c;
    if (!is_owner(p))
        return send_confirm(ctx, job, p->card->id, p->card->handle);
    l = letter_for(ctx, LETTER_RESET, job, p->card->name);
    if ((c = link_new(&l, p->card->id, "reset", "/reset/")) != OK)
        return c;
    l.view.ip = job->ip;
    say(&l,
        tr_mark("somebody asked for a new password for your account. If that was you, "
                "choose it here:"),
        NULL, NULL);
    letter_say(&l, l.view.url);
    say(&l,
        tr_mark("The link works once, for {hours} hours. If it was not you, do nothing:"
                " your password stays as it is."),
        "hours", l.view.hours);
    if (!text_is_empty(job->ip))
        say(&l, tr_mark("It was asked for from {ip}."), "ip", job->ip);
    return letter_send(&l, fill(&l, tr_mark("A new password for {site}"), "site", site(&l)));
}

/* ---- about changes of an account */

static enum code mail_email(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_EMAIL_CHANGE, job, job->name);
    struct person *owner;
    enum code c;

    if (strcasecmp(job->new_email, job->email) != 0)
        return OK; /* another one was asked for since */
    if ((c = user_store_person_by_email(ctx, job->email, &owner)) != OK)
        return c;
    if (is_owner(owner) && owner->card->id != job->user_id)
        return send_taken(ctx, job, owner);
    if ((c = link_new(&l, job->user_id, "email", "/confirm/")) != OK)
        return c;
    l.view.email = job->email;
    say(&l,
        tr_mark("you want to use {email} for your account. To confirm that it is yours,"
                " open:"),
        "email", job->email);
    letter_say(&l, l.view.url);
    say(&l,
        tr_mark("The link works for {hours} hours. Until then, the old address stays. "
                "If it was not you, do nothing."),
        "hours", l.view.hours);
    return letter_send(&l, fill(&l, tr_mark("Confirm your new address for {site}"), "site", site(&l)));
}

static enum code mail_email_asked(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_PLAIN, job, job->name);

    say(&l,
        tr_mark("somebody who knows your password wants to use {email} for your account"
                " from now on. It takes effect when the new address is confirmed."),
        "email", job->detail);
    if (!text_is_empty(job->ip))
        say(&l, tr_mark("It was asked for from {ip}."), "ip", job->ip);
    say(&l, tr_mark("If it was not you, choose a new password now:"), NULL, NULL);
    letter_say(&l, letter_url(&l, "/reset"));
    return letter_send(
        &l, fill(&l, tr_mark("Your e-mail address at {site} is about to change"), "site", site(&l)));
}

static enum code mail_email_changed(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_EMAIL_CHANGED, job, job->name);

    l.view.email = job->detail;
    l.view.url = letter_url(&l, "/reset");
    say(&l, tr_mark("the address of your account is now {email}."), "email", job->detail);
    say(&l,
        tr_mark("If it was not you, answer this mail or write to the administrators at "
                "once."),
        NULL, NULL);
    return letter_send(&l, fill(&l, tr_mark("Your e-mail address at {site} has changed"), "site", site(&l)));
}

static enum code mail_password(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_PASSWORD_CHANGED, job, job->name);

    l.view.url = letter_url(&l, "/reset");
    say(&l,
        tr_mark("the password of your account has been changed, and all other sessions "
                "have ended."),
        NULL, NULL);
    say(&l, tr_mark("If it was not you, choose a new one now:"), NULL, NULL);
    letter_say(&l, l.view.url);
    return letter_send(&l, fill(&l, tr_mark("Your password at {site} has changed"), "site", site(&l)));
}

static enum code mail_device(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_SIGN_IN, job, job->name);

    l.view.device = device_words(ctx->arena, l.lang, job->detail);
    l.view.ip = job->ip;
    l.view.when = arena_printf(ctx->arena, "%s UTC", format_moment(ctx->arena, l.lang, job->created_ms));
    l.view.url = letter_url(&l, "/settings/sessions");
    say(&l,
        tr_mark("somebody logged in to your account from a device we had not seen "
                "before:"),
        NULL, NULL);
    letter_say(&l, arena_printf(ctx->arena, "%s\n%s\n%s", l.view.device, l.view.ip, l.view.when));
    say(&l,
        tr_mark("If it was you, all is well. If not, end that session and change your "
                "password:"),
        NULL, NULL);
    letter_say(&l, l.view.url);
    return letter_send(
        &l, fill(&l, tr_mark("A new device logged in to your account at {site}"), "site", site(&l)));
}

/* ---- from administrators */

static enum code mail_approved(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_APPROVED, job, job->name);

    l.view.url = letter_url(&l, "/login");
    say(&l, tr_mark("your account at {site} is open. Welcome."), "site", site(&l));
    letter_say(&l, l.view.url);
    return letter_send(&l, fill(&l, tr_mark("Welcome to {site}"), "site", site(&l)));
}

static enum code mail_rejected(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_REJECTED, job, job->name);

    l.view.note = job->detail;
    say(&l, tr_mark("we can not open an account for you at {site}."), "site", site(&l));
    letter_say(&l, job->detail);
    return letter_send(&l, fill(&l, tr_mark("Your request to join {site}"), "site", site(&l)));
}

static enum code mail_suspended(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_SUSPENDED, job, job->name);

    l.view.note = job->detail;
    say(&l,
        tr_mark("your account at {site} has been suspended by an administrator. You can"
                " not log in, and your profile and posts are hidden."),
        "site", site(&l));
    letter_say(&l, job->detail);
    return letter_send(&l, fill(&l, tr_mark("Your account at {site} is suspended"), "site", site(&l)));
}

/* ---- about leaving */

static enum code mail_delete_asked(struct ctx *ctx, const struct mail_job *job) {
    struct letter l = letter_for(ctx, LETTER_PLAIN, job, job->name);
    const char *when = format_moment(ctx->arena, l.lang, strtoll(job->detail, NULL, 10));

    say(&l, tr_mark("your account at {site} is deleted. Nobody sees it or what you wrote any more."), "site",
        site(&l));
    say(&l,
        tr_mark(
            "On {when} UTC everything of it will be erased for good. Until then you can bring it back: log in "
            "as always, and say so."),
        "when", when);
    letter_say(&l, letter_url(&l, "/login"));
    say(&l, tr_mark("If it was not you, do so now, and choose a new password."), NULL, NULL);
    return letter_send(&l, fill(&l, tr_mark("Your account at {site} is deleted"), "site", site(&l)));
}

static const struct {
    const char *kind;
    enum code (*send)(struct ctx *ctx, const struct mail_job *job);
    bool by_strangers; /* anybody can have it sent: so not often to one address */
} kinds[] = {
    {"confirm", mail_confirm, true},
    {"resend", mail_resend, true},
    {"reset", mail_reset, true},
    {"email", mail_email, true},
    {"email-asked", mail_email_asked, false},
    {"email-changed", mail_email_changed, false},
    {"password", mail_password, false},
    {"device", mail_device, false},
    {"approved", mail_approved, false},
    {"rejected", mail_rejected, false},
    {"suspended", mail_suspended, false},
    {"delete-asked", mail_delete_asked, false},
};

enum code user_mail_send(struct ctx *ctx, const struct mail_job *job) {
    bool allowed = true;
    enum code c;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].kind, job->kind) != 0)
            continue;
        if (kinds[i].by_strangers &&
            (c = user_store_mail_allowed(ctx, job->kind, job->email, job->id, PER_HOUR, &allowed)) != OK)
            return c;
        return allowed ? kinds[i].send(ctx, job) : OK;
    }
    return fail_detail(ctx, INTERNAL, "Something went wrong on our side. Try again.", "no such mail: %s",
                       job->kind);
}
