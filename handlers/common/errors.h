/* Errors as answers: a page, JSON or plain words, from the one struct error. Needs no server. */
#ifndef DEEPLINK_COMMON_ERRORS_H
#define DEEPLINK_COMMON_ERRORS_H

#include "fcgi/request.h"

/* Writes req->ctx.error as the answer; the app's show_error hook. */
void error_show(struct request *req);

#endif
