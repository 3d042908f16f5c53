#include "fcgi/drivers/fetch_page.h"

#include <poll.h>

#define PAGE_MAX MARKUP_MAX
#define PAGE_MS 10000
#define NAP_MS 5

/* A look at a page; in its context's arena. */
struct look {
    struct look *next; /* of those that are being read */
    struct ctx *ctx;
    struct fetch_page_request req;
    struct fetch_page page;
    struct markup_reading reading;
};

static struct fetches *fetches; /* of this process */
static struct look *read_now;

static enum code ready(struct ctx *ctx) {
    if (fetches == NULL)
        fetches = fetches_open();
    return fetches != NULL
               ? OK
               : fail_detail(ctx, INTERNAL, "Something went wrong on our side.", "fetch: no memory");
}

static void over(struct look *l, enum code code) { l->req.done(l->req.arg, code, &l->page); }

static void fetched(void *arg, enum code code, const struct fetch_reply *reply) {
    struct look *l = arg;
    if (code == OK) {
        l->page.reply = *reply;
        code = markup_begin(l->ctx, reply->body, reply->n, reply->charset, &l->reading);
    }
    if (code != OK) {
        over(l, code);
        return;
    }
    l->next = read_now;
    read_now = l;
}

enum code fetch_page_begin(struct ctx *ctx, const struct fetch_page_request *req) {
    static const char *const types[] = {"text/html", "application/xhtml+xml", NULL};
    struct look *l = arena_one(ctx->arena, struct look);
    *l = (struct look){.ctx = ctx, .req = *req};
    return fetch_file_begin(ctx, &(struct fetch_request){.url = req->url,
                                                         .schemes = req->schemes,
                                                         .accept = "text/html,application/xhtml+xml",
                                                         .types = types,
                                                         .max = PAGE_MAX,
                                                         .cut = true,
                                                         .timeout_ms = PAGE_MS,
                                                         .done = fetched,
                                                         .arg = l});
}

enum code fetch_file_begin(struct ctx *ctx, const struct fetch_request *req) {
    enum code c = ready(ctx);
    if (c == OK)
        fetch_begin(ctx, fetches, req);
    return c;
}

/* Those whose child has said all. */
static void end_readings(void) {
    for (struct look **at = &read_now; *at != NULL;) {
        struct look *l = *at;
        if (!markup_is_over(&l->reading)) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        over(l, markup_end(l->ctx, &l->reading, &l->page.markup)); /* its memory may be gone afterwards */
    }
}

void fetch_pages_step(int wait_ms) {
    int nap_ms = read_now != NULL && wait_ms > NAP_MS ? NAP_MS : wait_ms;
    if (fetches == NULL)
        return;
    if (fetch_step(fetches, nap_ms) == 0 && read_now != NULL)
        poll(&(struct pollfd){read_now->reading.child.out, POLLIN, 0}, 1, nap_ms);
    end_readings();
}

void fetch_pages_stop(void) {
    if (fetches != NULL)
        fetches_stop(fetches);
    while (read_now != NULL) {
        struct look *l = read_now;
        read_now = l->next;
        if (markup_end(l->ctx, &l->reading, &l->page.markup) != OK)
            fail_clear(l->ctx);
        over(l, fail_detail(l->ctx, CANCELLED, "This page can't be read.", "markup: stopped"));
    }
}
