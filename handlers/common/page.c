#include "handlers/common/page.h"

#include <inttypes.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/base/clock.h"
#include "fcgi/base/crypto.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/format.h"

#define NOTICE_COOKIE "note"
#define BELL_MOST 99

/* What has just been done, by the code in the cookie. */
static const struct {
    const char *code, *text;
} notices[] = {
    {"saved", tr_mark("Saved.")},
    {"picture", tr_mark("The picture is here. It is shown as soon as it is prepared.")},
    {"picture-gone", tr_mark("The picture is removed.")},
    {"posted", tr_mark("Your post is out.")},
    {"edited", tr_mark("Your changes are out.")},
    {"deleted", tr_mark("The post is deleted.")},
    {"file-deleted", tr_mark("The file is deleted.")},
    {"file-retried", tr_mark("The file is being prepared again.")},
    {"logged-out", tr_mark("You are logged out.")},
    {"confirm-sent",
     tr_mark("If that address needs confirming, a message is on its way. Follow the link in it.")},
    {"confirmed", tr_mark("Your e-mail address is confirmed. You can log in now.")},
    {"confirmed-pending",
     tr_mark("Your e-mail address is confirmed. An administrator will look at your request.")},
    {"email-changed", tr_mark("Your new e-mail address is confirmed.")},
    {"email-sent",
     tr_mark("We sent a message to the new address. It takes effect when you follow the link in it.")},
    {"reset-sent", tr_mark("If there is an account with that address, a message with a link is on its way.")},
    {"reset-done", tr_mark("Your password is changed. Log in with the new one.")},
    {"password-changed", tr_mark("Your password is changed. All other devices are logged out.")},
    {"session-ended", tr_mark("That device is logged out.")},
    {"sessions-ended", tr_mark("All other devices are logged out.")},
    {"followed", tr_mark("You follow this member now.")},
    {"requested", tr_mark("Your request to follow is sent.")},
    {"unfollowed", tr_mark("You no longer follow this member.")},
    {"tag-followed", tr_mark("Public posts with this tag come into your home now.")},
    {"tag-unfollowed", tr_mark("You no longer follow this tag.")},
    {"list-made", tr_mark("The list is there. Choose who is on it.")},
    {"list-deleted", tr_mark("The list is gone.")},
    {"listed", tr_mark("This member is on the list now.")},
    {"unlisted", tr_mark("This member is no longer on the list.")},
    {"blocked", tr_mark("This member is blocked. Neither of you sees the other.")},
    {"unblocked", tr_mark("This member is no longer blocked.")},
    {"muted", tr_mark("You won't see this member's posts in your timelines.")},
    {"unmuted", tr_mark("This member is no longer muted.")},
    {"accepted", tr_mark("The request is accepted.")},
    {"rejected", tr_mark("The request is declined.")},
    {"removed", tr_mark("This member no longer follows you.")},
    {"approved", tr_mark("The member is approved and has been told.")},
    {"refused", tr_mark("The sign-up is refused.")},
    {"suspended", tr_mark("The member is suspended and logged out everywhere.")},
    {"restored", tr_mark("The member is back.")},
    {"role", tr_mark("The role is changed.")},
    {"role-made", tr_mark("The role is there. Give it to members on their list.")},
    {"role-changed", tr_mark("The role is changed for everybody who has it.")},
    {"role-deleted", tr_mark("The role is gone.")},
    {"account-deleted",
     tr_mark("Your account is deleted. If you change your mind, log in: there is some time left.")},
    {"account-restored", tr_mark("Your account is back. Log in to go on.")},
    {"invited", tr_mark("The invite link is ready to be shared.")},
    {"liked", tr_mark("You like this post.")},
    {"unliked", tr_mark("You no longer like this post.")},
    {"reposted", tr_mark("You reposted this post.")},
    {"unreposted", tr_mark("Your repost is gone.")},
    {"bookmarked", tr_mark("Bookmarked.")},
    {"unbookmarked", tr_mark("The bookmark is gone.")},
    {"pinned", tr_mark("The post is pinned to your profile.")},
    {"unpinned", tr_mark("The post is no longer pinned.")},
    {"access-ended", tr_mark("That access is ended.")},
    {"revoked", tr_mark("The invite link no longer works.")},
    {"pinged", tr_mark("A test call is on its way. Reload to see what came of it.")},
    {"webhook-gone", tr_mark("The webhook is removed.")},
    {"all-read", tr_mark("Everything is marked as read.")},
    {"dismissed", tr_mark("Taken away.")},
};

static const char *take_notice(struct request *req) {
    const char *code = request_cookie(req, NOTICE_COOKIE);

    if (code == NULL)
        return NULL;
    respond_cookie(req, NOTICE_COOKIE, "", -1);
    for (size_t i = 0; i < sizeof notices / sizeof *notices; i++)
        if (strcmp(notices[i].code, code) == 0)
            return tr(req->ctx.lang, notices[i].text);
    return NULL;
}

void page_notice_next(struct request *req, const char *code) { respond_cookie(req, NOTICE_COOKIE, code, 60); }

static const char *theme_of(const Pb__Session *s) {
    return s == NULL || text_is_empty(s->theme) ? "auto" : s->theme;
}

/* Not while a server is down: then every page would ask for it in vain. */
static void ring(struct request *req, struct page *p) {
    if (p->viewer != NULL && (!ctx_failed(&req->ctx) || error_http_status(&req->ctx.error) < 500))
        bell_get(&req->ctx, &p->bell);
}

struct page *page_new(struct request *req, enum place place, const char *title) {
    struct page *p = arena_one(req->ctx.arena, struct page);
    const struct config *config = req->ctx.env->config;

    p->arena = req->ctx.arena;
    p->lang = req->ctx.lang;
    p->lang_tag = i18n_code(p->lang);
    p->rtl = strcmp(i18n_dir(p->lang), "rtl") == 0;
    p->site_name = config->site_name;
    p->site_description = tr(p->lang, config->site_description); /* ours is, others stay as they are */
    p->base_url = config->base_url;
    p->theme = theme_of(req->session.session);
    p->viewer = req->session.card;
    p->permissions = req->ctx.permissions;
    p->csrf = req->session.csrf != NULL ? req->session.csrf : "";
    p->path = req->path;
    p->here = req->query_string[0] == '\0' || req->method == METHOD_POST
                  ? req->path
                  : arena_printf(req->ctx.arena, "%s?%s", req->path, req->query_string);
    p->request_id = req->ctx.request_id;
    p->registration = config->registration;
    p->place = place;
    p->title = title;
    p->notice = take_notice(req);
    p->now_ms = clock_now_ms();
    ring(req, p);
    p->error = ctx_failed(&req->ctx) ? &req->ctx.error : NULL;
    p->req = req;
    return p;
}

const char *page_field_error(const struct page *page, const char *field) {
    const struct field_error *f = page->error != NULL ? page->error->fields : NULL;

    for (; f != NULL; f = f->next)
        if (strcmp(f->field, field) == 0)
            return f->text;
    return NULL;
}

const char *page_typed(const struct page *page, const char *field, const char *otherwise) {
    return page->error != NULL || page->again ? field_typed(page->req, field) : otherwise;
}

struct safe_url url_user(const struct page *page, const Pb__UserCard *u) {
    return (struct safe_url){arena_printf(page->arena, "/@%s", u->handle)};
}

struct safe_url url_user_tab(const struct page *page, const Pb__UserCard *u, const char *tab) {
    return (struct safe_url){arena_printf(page->arena, "/@%s/%s", u->handle, tab)};
}

struct safe_url url_post(const struct page *page, const char *handle, int64_t id) {
    return (struct safe_url){arena_printf(page->arena, "/@%s/%" PRId64, handle, id)};
}

const char *avatar_class(int64_t id) {
    static const char *const classes[] = {"c0", "c1", "c2", "c3", "c4",  "c5",
                                          "c6", "c7", "c8", "c9", "c10", "c11"};
    uint64_t h = (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15); /* Fibonacci hashing: neighbours differ */

    return classes[(h >> 32) % (sizeof classes / sizeof *classes)];
}

/* How many bytes the first code point takes. */
static size_t first_letter(const char *s) {
    unsigned char c = (unsigned char)*s;

    return c == 0 ? 0 : c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

const char *avatar_initials(const struct page *page, const Pb__UserCard *u) {
    const char *name = text_is_empty(u->name) ? u->handle : u->name, *last = strrchr(name, ' ');
    char out[9];
    size_t n = first_letter(name), m = 0;

    memcpy(out, name, n);
    if (last != NULL && (m = first_letter(last + 1)) > 0)
        memcpy(out + n, last + 1, m);
    out[n + m] = '\0';
    for (size_t i = 0; i < n + m; i++)
        if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
    return arena_strdup(page->arena, out);
}

const char *time_iso(const struct page *page, int64_t ms) { return clock_iso(page->arena, ms); }

const char *time_short(const struct page *page, int64_t ms) {
    return format_ago(page->arena, page->lang, ms, page->now_ms);
}

const char *time_long(const struct page *page, int64_t ms) {
    return format_moment(page->arena, page->lang, ms);
}

const char *count_short(const struct page *page, int64_t n) {
    return n > 0 ? format_count(page->arena, page->lang, n) : "";
}

const char *bell_words(const struct page *page) {
    return page->bell.unread > BELL_MOST ? "99+" : arena_printf(page->arena, "%" PRId64, page->bell.unread);
}

const char *form_key(const struct page *page) { return crypto_token(page->arena, 9); }

bool page_may(const struct page *page, uint64_t permission) {
    return (page->permissions & permission) == permission;
}
