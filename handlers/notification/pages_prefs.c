/* How one wants to be told; and the way out of mails, which works signed out. */
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/common/vapid.h"
#include "handlers/notification/pages_deliver.h"
#include "handlers/notification/rules_prefs.h"
#include "handlers/notification/rules_words.h"
#include "handlers/notification/view_deliver.h"

static const char *const words[PREFS_KINDS] = {
    [PREFS_MENTION] = tr_mark("Somebody mentions you"),
    [PREFS_COMMENT] = tr_mark("Somebody comments on your post"),
    [PREFS_LIKE] = tr_mark("Somebody likes your post"),
    [PREFS_REPOST] = tr_mark("Somebody reposts your post"),
    [PREFS_FOLLOW] = tr_mark("Somebody follows you"),
    [PREFS_FOLLOW_REQUEST] = tr_mark("Somebody asks to follow you"),
    [PREFS_FOLLOW_ACCEPTED] = tr_mark("Your request to follow is accepted"),
    [PREFS_EDIT] = tr_mark("A post that you reposted is edited"),
    [PREFS_SIGN_IN] = tr_mark("A new device logs in to your account"),
    [PREFS_MODERATION] = tr_mark("A moderator acts on your account"),
    [PREFS_POST] = tr_mark("Somebody whose posts you want to be told of writes one"),
};

/* ---- showing */

static struct ways_row row_of(struct request *req, const Pb__KindPreferences *k, int kind) {
    struct arena *a = req->ctx.arena;

    return (struct ways_row){.kind = k->kind,
                             .words = tr(req->ctx.lang, words[kind]),
                             .app_field = arena_printf(a, "app_%s", k->kind),
                             .push_field = arena_printf(a, "push_%s", k->kind),
                             .mail_field = arena_printf(a, "mail_%s", k->kind),
                             .app = k->in_app,
                             .push = k->push,
                             .mail = k->email    ? "now"
                                     : k->digest ? "daily"
                                                 : "no",
                             .may_mail = prefs_may_mail(kind)};
}

/* When the form is shown again: as it was ticked. */
static void as_typed(const struct request *req, struct ways_row *row) {
    const char *mail = params_get(&req->form, row->mail_field);

    row->app = params_get(&req->form, row->app_field) != NULL;
    row->push = params_get(&req->form, row->push_field) != NULL;
    if (mail != NULL)
        row->mail = mail;
}

static const char *const *hours_of(struct arena *a) {
    const char **hours = arena_many(a, const char *, 24);

    for (int i = 0; i < 24; i++)
        hours[i] = arena_printf(a, "%d", i);
    return hours;
}

static struct preferences_view view_of(struct request *req, const Pb__Preferences *p) {
    struct arena *a = req->ctx.arena;
    struct ways_row *rows = arena_many(a, struct ways_row, p->n_kinds);
    struct preferences_view v = {
        .rows = rows, .quiet = p->quiet, .zone = p->zone, .unsaved = p->version == 1};

    for (size_t i = 0; i < p->n_kinds; i++) {
        int kind = prefs_kind_of(p->kinds[i]->kind);

        if (kind < 0)
            continue;
        rows[v.n] = row_of(req, p->kinds[i], kind);
        if (req->method == METHOD_POST)
            as_typed(req, &rows[v.n]);
        v.n++;
    }
    if (req->method == METHOD_POST)
        v.quiet = params_get(&req->form, "quiet") != NULL;
    v.from = words_clock(a, p->quiet_from);
    v.to = words_clock(a, p->quiet_to);
    v.hour_cap = arena_printf(a, "%d", p->hour_cap);
    v.day_cap = arena_printf(a, "%d", p->day_cap);
    v.digest_hour = arena_printf(a, "%d", p->digest_hour);
    v.hours = hours_of(a);
    return v;
}

static enum code read_prefs(struct ctx *ctx, const Pb__Preferences **ret) {
    Pb__PreferencesRequest ask = PB__PREFERENCES_REQUEST__INIT;

    ask.user_id = ctx->viewer_id;
    return notification_get_preferences(ctx, &ask, ret);
}

enum code notification_page_prefs(struct request *req) {
    struct ctx *ctx = &req->ctx;
    struct error wrong = ctx->error;
    const Pb__Preferences *p;
    struct preferences_view v;
    enum code c;

    fail_clear(ctx);
    if ((c = read_prefs(ctx, &p)) != OK)
        return c;
    v = view_of(req, p);
    if ((c = vapid_public_key(ctx, &v.server_key)) != OK)
        return c;
    ctx->error = wrong;
    tpl_notification_settings(form_html(req),
                              page_new(req, PLACE_SETTINGS, tr(ctx->lang, tr_mark("Notifications"))), &v);
    return OK;
}

/* ---- saving */

static Pb__KindPreferences *ticked(struct request *req, int kind) {
    struct arena *a = req->ctx.arena;
    const char *name = prefs_kind_name(kind);
    const char *mail = params_get(&req->form, arena_printf(a, "mail_%s", name));
    Pb__KindPreferences *k = arena_one(a, Pb__KindPreferences);

    pb__kind_preferences__init(k);
    k->kind = name;
    k->in_app = params_get(&req->form, arena_printf(a, "app_%s", name)) != NULL;
    k->push = params_get(&req->form, arena_printf(a, "push_%s", name)) != NULL;
    k->email = mail != NULL && strcmp(mail, "now") == 0;
    k->digest = mail != NULL && strcmp(mail, "daily") == 0;
    return k;
}

static int32_t clock_of(struct request *req, const char *field) {
    int minutes;

    return words_minutes(field_text(req, field), &minutes) ? minutes
                                                           : -1; /* which the service refuses by name */
}

enum code notification_page_prefs_send(struct request *req) {
    Pb__PutPreferencesRequest ask = PB__PUT_PREFERENCES_REQUEST__INIT;
    Pb__Preferences p = PB__PREFERENCES__INIT;
    enum code c;

    p.user_id = req->ctx.viewer_id;
    p.kinds = arena_many(req->ctx.arena, Pb__KindPreferences *, PREFS_KINDS);
    for (int i = 0; i < PREFS_KINDS; i++)
        p.kinds[p.n_kinds++] = ticked(req, i);
    p.quiet = field_bool(req, "quiet");
    p.quiet_from = clock_of(req, "quiet_from");
    p.quiet_to = clock_of(req, "quiet_to");
    p.zone = field_text(req, "time_zone");
    p.hour_cap = (int32_t)field_int(req, "hour_cap");
    p.day_cap = (int32_t)field_int(req, "day_cap");
    p.digest_hour = (int32_t)field_int(req, "digest_hour");
    ask.preferences = &p;
    if ((c = notification_put_preferences(&req->ctx, &ask, NULL)) != OK)
        return form_refused(req) ? notification_page_prefs(req) : c;
    return form_go_back(req, "/settings/notifications", "saved");
}

/* ---- out of mails */

static enum code show_unsubscribe(struct request *req, const Pb__Unsubscription *what, bool done) {
    struct unsubscribe_view v = {req->args[0], strcmp(what->channel, "digest") == 0, done};
    struct page *page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Get no more of these mails")));

    page->noindex = true;
    tpl_notification_unsubscribe(form_html(req), page, &v);
    return OK;
}

enum code notification_page_unsubscribe(struct request *req) {
    Pb__UnsubscribeToken ask = PB__UNSUBSCRIBE_TOKEN__INIT;
    const Pb__Unsubscription *what;
    enum code c;

    ask.token = req->args[0];
    c = notification_get_unsubscription(&req->ctx, &ask, &what);
    return c != OK ? c : show_unsubscribe(req, what, false);
}

/* Asked by the button of the page, and by mail programs without any page (RFC 8058). */
enum code notification_page_unsubscribe_send(struct request *req) {
    Pb__UnsubscribeToken ask = PB__UNSUBSCRIBE_TOKEN__INIT;
    const Pb__Unsubscription *what;
    enum code c;

    ask.token = req->args[0];
    c = notification_unsubscribe(&req->ctx, &ask, &what);
    return c != OK ? c : show_unsubscribe(req, what, true);
}
