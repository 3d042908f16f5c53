/* What pages with forms share: answering with HTML, showing a form again, going back. */
#ifndef DEEPLINK_COMMON_FORMS_H
#define DEEPLINK_COMMON_FORMS_H

#include <stdbool.h>

#include "fcgi/request.h"

/* The body of an HTML answer: status 200, or that of the recorded failure when a form is shown again. */
struct buf *form_html(struct request *req);

/* Whether a service's refusal belongs beside the form: it names a field. Then the form is shown again; else
 * the failure goes on its way. */
bool form_refused(const struct request *req);

/* Asked by our script, which wants the changed fragment instead of a redirect. */
bool form_is_fetch(const struct request *req);

/* 303 to the field return_to, or else to `otherwise`, with a notice for that page (NULL: none). */
enum code form_go_back(struct request *req, const char *otherwise, const char *notice);

#endif
