#include "handlers/common/forms.h"

#include <string.h>

#include "fcgi/base/text.h"
#include "fcgi/router.h"
#include "handlers/common/page.h"

struct buf *form_html(struct request *req) {
    int status = ctx_failed(&req->ctx) ? error_http_status(&req->ctx.error) : 200;

    return respond(req, status, "text/html; charset=utf-8");
}

bool form_refused(const struct request *req) {
    return ctx_failed(&req->ctx) && req->ctx.error.fields != NULL;
}

bool form_is_fetch(const struct request *req) {
    const char *with = request_header(req, "X-Requested-With");

    return with != NULL && strcmp(with, "fetch") == 0;
}

static bool declares_return(const struct route *route) {
    for (const struct field *f = route->fields; f != NULL && f->name != NULL; f++)
        if (strcmp(f->name, "return_to") == 0)
            return true;
    return false;
}

enum code form_go_back(struct request *req, const char *otherwise, const char *notice) {
    const char *back = declares_return(req->route) ? field_text(req, "return_to") : "";

    if (notice != NULL)
        page_notice_next(req, notice);
    return respond_redirect(req, text_is_empty(back) ? otherwise : back);
}
