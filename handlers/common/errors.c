#include "handlers/common/errors.h"

#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/router.h"
#include "gen/templates.h"
#include "handlers/common/api_error.h"
#include "handlers/common/forms.h"
#include "handlers/common/page.h"
#include "handlers/common/views.h"

/* Addresses that only programs ask for, also where there is nothing. */
static bool for_programs(const char *path) {
    static const char *const begin[] = {"/api/",           "/oauth/token",  "/oauth/revoke",
                                        "/oauth/userinfo", "/.well-known/", "/nodeinfo/"};

    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        if (text_starts(path, begin[i]))
            return true;
    return false;
}

static bool wants_json(const struct request *req) {
    const char *accept = request_header(req, "Accept");

    if (for_programs(req->path) || (req->route != NULL && req->route->face == FACE_JSON))
        return true;
    return accept != NULL && strstr(accept, "json") != NULL && strstr(accept, "text/html") == NULL;
}

/* A script asks, which has no use for a page. */
static bool is_for_script(const struct request *req) {
    const char *accept = request_header(req, "Accept");

    return form_is_fetch(req) || (accept != NULL && strcmp(accept, "text/event-stream") == 0);
}

static void show_page(struct request *req, int status) {
    const struct error *e = &req->ctx.error;
    struct error_view v = {
        .status = status, .text = tr(req->ctx.lang, e->text), .retry_after = e->retry_after};
    struct page *page = page_new(req, PLACE_NONE, NULL);

    page->noindex = true;
    tpl_error_page(respond(req, status, "text/html; charset=utf-8"), page, &v);
}

/* To the log-in page and back; what was about to be sent by a form is not kept, so it comes back to the
 * form's page. */
static void ask_to_log_in(struct request *req) {
    struct buf to;
    const char *back = req->method == METHOD_GET ? req->path : "/";

    buf_init(&to, req->ctx.arena, 4096);
    buf_puts(&to, "/login?return_to=");
    buf_url(&to, back, strlen(back));
    if (req->method == METHOD_GET && req->query_string[0] != '\0') {
        buf_puts(&to, "%3F");
        buf_url(&to, req->query_string, strlen(req->query_string));
    }
    respond_redirect(req, buf_str(&to));
}

void error_show(struct request *req) {
    const struct error *e = &req->ctx.error;
    int status = error_http_status(e);

    if (e->retry_after > 0)
        respond_header(req, "Retry-After", arena_printf(req->ctx.arena, "%d", e->retry_after));
    else if (status == 503)
        respond_header(req, "Retry-After", "5");
    if (wants_json(req))
        api_error_show(req, status);
    else if (is_for_script(req))
        buf_puts(respond(req, status, "text/plain; charset=utf-8"), tr(req->ctx.lang, e->text));
    else if (e->code == UNAUTHENTICATED)
        ask_to_log_in(req);
    else
        show_page(req, status);
}
