/* Generated pictures, the directory, and the page about the site. */
#include <inttypes.h>
#include <string.h>

#include "fcgi/base/text.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/members.h"
#include "handlers/common/models.h"
#include "handlers/common/page.h"
#include "handlers/user/pages.h"
#include "handlers/user/service.h"
#include "handlers/user/view.h"

#define DIRECTORY_LIMIT 40

/* ---- Pictures */

static enum code show_picture(struct request *req, void (*template)(struct buf *, const struct page *,
                                                                    const struct picture_view *)) {
    struct picture_view v;
    enum code c = card_by_handle(&req->ctx, req->args[0], &v.user);

    if (c != OK)
        return c;
    if (v.user->state != PB__ACCOUNT_STATE__STATE_ACTIVE)
        return fail(&req->ctx, NOT_FOUND, tr_mark("There is no member of this name. Check the spelling."));
    respond_header(req, "Cache-Control", "public, max-age=3600");
    template(respond(req, 200, "image/svg+xml"), page_new(req, PLACE_NONE, NULL), &v);
    respond_etag(req);
    return OK;
}

enum code user_page_avatar(struct request *req) { return show_picture(req, tpl_user_avatar); }

enum code user_page_banner(struct request *req) { return show_picture(req, tpl_user_banner); }

/* ---- Directory and about */

static const char *directory_url(struct request *req, const struct directory_view *v, int64_t before) {
    struct buf url;

    buf_init(&url, req->ctx.arena, 2048);
    buf_printf(&url, "/directory?order=%s&q=", v->order);
    buf_url(&url, v->q, strlen(v->q));
    if (before != 0)
        buf_printf(&url, "&before=%" PRId64, before);
    return buf_str(&url);
}

enum code user_page_directory(struct request *req) {
    struct ctx *ctx = &req->ctx;
    Pb__DirectoryRequest ask = PB__DIRECTORY_REQUEST__INIT;
    const Pb__UsersPage *found;
    struct directory_view v = {.q = field_text(req, "q"), .order = field_text(req, "order")};
    struct member_row *rows;
    int64_t *ids;
    enum code c;

    if (text_is_empty(v.order))
        v.order = "active";
    ask.query = v.q;
    ask.order = v.order;
    ask.before = field_int(req, "before");
    ask.limit = DIRECTORY_LIMIT;
    if ((c = user_list_directory(ctx, &ask, &found)) != OK)
        return c;
    ids = arena_many(ctx->arena, int64_t, found->n_users);
    for (size_t i = 0; i < found->n_users; i++)
        ids[i] = found->users[i]->id;
    if ((c = member_rows(ctx, ids, found->n_users, &rows, &v.members.n)) != OK)
        return c;
    v.members.rows = rows;
    if (found->next != 0)
        v.members.pager.older = directory_url(req, &v, found->next);
    if (ask.before != 0)
        v.members.pager.newer = directory_url(req, &v, 0);
    tpl_user_directory(form_html(req), page_new(req, PLACE_NETWORK, tr(ctx->lang, tr_mark("People"))), &v);
    return OK;
}

enum code user_page_about(struct request *req) {
    struct user_site site;
    struct about_view v = {0};
    enum code c = user_service_site(&req->ctx, &site);

    if (c != OK)
        return c;
    v.members = site.members;
    v.staff = site.staff;
    v.n_staff = site.n_staff;
    v.rules = user_view_rules;
    v.n_rules = USER_RULES;
    tpl_user_about(form_html(req), page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("About"))), &v);
    return OK;
}
