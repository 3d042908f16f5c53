/* What request.c needs of response.c, beside what handlers use. */
#ifndef DEEPLINK_RESPONSE_H
#define DEEPLINK_RESPONSE_H

#include "fcgi/request.h"

/* An empty answer: 200, HTML. */
void response_init(struct request *req);

/* Forgets what has been answered so far but for cookies: for an error that takes its place. */
void response_restart(struct request *req);

/* The header block as CGI wants it (RFC 3875 section 6), with the blank line: status, type, length, standard
 * headers. */
void response_head(struct request *req, struct buf *out);

/* Whether the body is sent: not for HEAD, 204, 304. */
bool response_has_body(const struct request *req);

/* Sends header block and body as FastCGI records (FastCGI 1.0 sections 5.3 and 5.5) with as few system calls
 * as the kernel allows, ends the request. false when the gateway has gone. */
bool response_send(struct request *req, int fd, int fcgi_id);

#endif
