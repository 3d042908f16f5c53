/* HTML pages of other sites and what they say of themselves: fetched (fetch.h), then read by a child that is
 * locked in (markup.h). Several go on side by side; all that a process fetches is known here, so that one
 * timer's calls go on in another one's turn. */
#ifndef DEEPLINK_DRIVERS_FETCH_PAGE_H
#define DEEPLINK_DRIVERS_FETCH_PAGE_H

#include "fcgi/drivers/fetch.h"
#include "fcgi/drivers/markup.h"

struct fetch_page {
    struct fetch_reply reply;
    struct markup markup;
};

struct fetch_page_request {
    const char *url;
    const char *schemes; /* "https", or "http,https": see fetch.h */
    /* Runs once, within fetch_pages_step() or fetch_pages_stop(); may begin other calls. Codes are those of
     * fetch.h and markup.h, and recorded in the call's context. */
    void (*done)(void *arg, enum code code, const struct fetch_page *page);
    void *arg;
};

/* Begins to look at a page. What the request points to, and ctx with its arena, live until `done`. INTERNAL:
 * there is no memory, and no call. */
enum code fetch_page_begin(struct ctx *ctx, const struct fetch_page_request *req);

/* The same for anything else that is fetched. */
enum code fetch_file_begin(struct ctx *ctx, const struct fetch_request *req);

/* Lets all of them go on; waits at most wait_ms for something to happen. */
void fetch_pages_step(int wait_ms);

/* Ends all of them: CANCELLED. */
void fetch_pages_stop(void);

#endif
