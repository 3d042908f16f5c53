#include "handlers/common/letter.h"

#include "fcgi/base/buf.h"
#include "fcgi/base/clock.h"
#include "fcgi/config.h"
#include "fcgi/drivers/mail.h"
#include "fcgi/i18n.h"
#include "gen/templates.h"

#define MAIL_MAX 65536

typedef void mail_template(struct buf *out, const struct page *page, const struct mail_view *v);

static mail_template *const templates[LETTER_KINDS] = {
    [LETTER_CONFIRM] = tpl_mail_confirm,
    [LETTER_RESET] = tpl_mail_reset,
    [LETTER_EMAIL_CHANGE] = tpl_mail_email_change,
    [LETTER_EMAIL_CHANGED] = tpl_mail_email_changed,
    [LETTER_PASSWORD_CHANGED] = tpl_mail_password_changed,
    [LETTER_SIGN_IN] = tpl_mail_sign_in,
    [LETTER_APPROVED] = tpl_mail_approved,
    [LETTER_REJECTED] = tpl_mail_rejected,
    [LETTER_SUSPENDED] = tpl_mail_suspended,
    [LETTER_ACTIVITY] = tpl_mail_activity,
};

struct letter letter_new(struct ctx *ctx, enum letter_kind kind, const char *id, const char *to,
                         const char *name, const char *language) {
    struct letter l = {.ctx = ctx, .kind = kind, .id = id, .to = to, .lang = i18n_find(language)};

    if (l.lang < 0)
        l.lang = 0;
    l.view.name = name;
    letter_say(&l, tr_fill(ctx->arena, l.lang, "Hello {name},", "name", name, NULL));
    return l;
}

void letter_say(struct letter *l, const char *text) {
    if (!is_empty(text) && l->n < LETTER_PARAGRAPHS)
        l->paragraphs[l->n++] = text;
}

const char *letter_url(const struct letter *l, const char *path) {
    return arena_printf(l->ctx->arena, "%s%s", l->ctx->env->config->base_url, path);
}

/* What a template needs of a page: nobody asks for this one. */
static struct page *page_of(const struct letter *l, const char *subject) {
    struct page *p = arena_one(l->ctx->arena, struct page);

    p->arena = l->ctx->arena;
    p->lang = l->lang;
    p->lang_tag = i18n_code(l->lang);
    p->rtl = same(i18n_dir(l->lang), "rtl");
    p->site_name = l->ctx->env->config->site_name;
    p->base_url = l->ctx->env->config->base_url;
    p->now_ms = clock_now_ms();
    p->title = subject;
    return p;
}

static const char *plain(const struct letter *l, const struct page *page) {
    struct buf out;

    buf_init(&out, l->ctx->arena, MAIL_MAX);
    for (size_t i = 0; i < l->n; i++)
        buf_printf(&out, "%s\n\n", l->paragraphs[i]);
    buf_printf(&out, "-- \n%s\n%s\n",
               tr_fill(l->ctx->arena, l->lang, "Sent by {site}.", "site", page->site_name, NULL),
               page->base_url);
    return buf_str(&out);
}

enum code letter_send(struct letter *l, const char *subject) {
    struct page *page = page_of(l, subject);
    struct mail_message m = {.to = l->to,
                             .subject = subject,
                             .text = plain(l, page),
                             .id = l->id,
                             .unsubscribe = l->unsubscribe,
                             .before = l->before,
                             .arg = l->arg};
    struct buf html;

    buf_init(&html, l->ctx->arena, MAIL_MAX);
    if (templates[l->kind] != NULL) {
        templates[l->kind](&html, page, &l->view);
        m.html = buf_str(&html);
    }
    if (l->ctx->env->mail == NULL) /* `deeplink doctor` says why */
        return fail_retry(l->ctx, UNAVAILABLE, 60, "Mail can't be sent: its settings are wrong.");
    return mail_send(l->ctx, l->ctx->env->mail, &m);
}
