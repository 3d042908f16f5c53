/* Leaving: deleting one's account, and coming back while there is time. */
#include <string.h>

#include "fcgi/config.h"
#include "gen/stubs.h"
#include "gen/templates.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/common/session.h"
#include "handlers/user/pages.h"
#include "handlers/user/view.h"

enum code user_page_delete(struct request *req) {
    struct delete_account_view v = {.days = req->ctx.env->config->delete_grace_days};

    tpl_user_delete(form_html(req),
                    page_new(req, PLACE_SETTINGS, tr(req->ctx.lang, tr_mark("Delete your account"))), &v);
    return OK;
}

enum code user_page_delete_send(struct request *req) {
    Pb__RequestDeletionRequest ask = PB__REQUEST_DELETION_REQUEST__INIT;
    const Pb__RequestDeletionReply *reply;
    enum code c;

    ask.actor_id = ask.user_id = req->ctx.viewer_id;
    ask.password = field_text(req, "password");
    c = user_request_deletion(&req->ctx, &ask, &reply);
    if (c == PRECONDITION || c == EXHAUSTED || (c != OK && form_refused(req)))
        return user_page_delete(req);
    if (c != OK)
        return c;
    session_cookie_clear(req);
    return form_go_back(req, "/", reply->erase_ms > 0 ? "account-deleted" : NULL);
}

enum code user_page_restore(struct request *req) {
    Pb__TokenRequest ask = PB__TOKEN_REQUEST__INIT;
    struct restore_view v = {.token = req->args[0]};
    struct page *page;
    enum code c;

    ask.token = req->args[0];
    if ((c = user_peek_deletion(&req->ctx, &ask, &v.account)) != OK)
        return c;
    page = page_new(req, PLACE_NONE, tr(req->ctx.lang, tr_mark("Restore your account?")));
    page->noindex = true;
    tpl_user_restore(form_html(req), page, &v);
    return OK;
}

enum code user_page_restore_send(struct request *req) {
    Pb__TokenRequest ask = PB__TOKEN_REQUEST__INIT;
    enum code c;

    ask.token = req->args[0];
    ask.ip = req->ctx.ip;
    if ((c = user_cancel_deletion(&req->ctx, &ask, NULL)) != OK)
        return c;
    return form_go_back(req, "/login", "account-restored");
}
