/* CSRF: every form brings a token that only this browser can know (a MAC over its session or pre-session
 * cookie), and a browser that says where a request comes from (Sec-Fetch-Site, Origin) must say "from here".
 * OWASP CSRF cheat sheet: signed double submit. */
#ifndef DEEPLINK_COMMON_CSRF_H
#define DEEPLINK_COMMON_CSRF_H

#include "fcgi/request.h"

/* The token that forms of this answer must carry. "" for anonymous pages that are kept for nginx (they have
 * no forms). For others who are not signed in it sets the pre-session cookie. */
const char *csrf_token(struct request *req);

/* Checks the field `csrf` or the header X-CSRF-Token: DENIED with words that say how to go on. */
enum code csrf_check(struct request *req);

#endif
