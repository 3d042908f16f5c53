#include "handlers/user/worker_links.h"

#include <string.h>
#include <strings.h>

#include "fcgi/base/clock.h"
#include "fcgi/base/id.h"
#include "fcgi/base/text.h"
#include "fcgi/config.h"
#include "fcgi/drivers/fetch_page.h"
#include "fcgi/drivers/fetch_place.h"
#include "fcgi/lane.h"
#include "fcgi/log.h"
#include "handlers/services.h"
#include "handlers/user/service_shared.h"
#include "handlers/user/store_links.h"

#define LOOK_MS 1000
#define HOUR_MS INT64_C(3600000)
#define HTTPS "https" /* all the way: by http anybody on it could have written the page */
#define WEEK_MS (7 * 24 * HOUR_MS)
#define ATTEMPTS 3 /* without an answer, an hour between them; then it counts as not linking back */

/* ---- Which links there are */

enum code user_links_events(struct ctx *ctx, const struct event *events, size_t n) {
    int64_t *ids = arena_many(ctx->arena, int64_t, n);
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (strcmp(events[i].type, "user.changed") == 0 || strcmp(events[i].type, "user.state_changed") == 0)
            ids[k++] = events[i].key;
    return user_store_links_sync(ctx, ids, k);
}

/* ---- Whether one links back */

/* Handles are the same in either case; all else of an address is not. */
static bool is_profile(struct ctx *ctx, const char *url, const char *handle) {
    const char *profile =
        fetch_url(ctx, arena_printf(ctx->arena, "%s/@%s", ctx->env->config->base_url, handle));
    size_t n;

    if (url == NULL || profile == NULL)
        return false;
    n = strlen(profile) - strlen(handle);
    return strncmp(url, profile, n) == 0 && strcasecmp(url + n, handle) == 0;
}

/* A page of another host than the one that is shown proves nothing: anybody may have a redirect made. */
static bool links_back(struct ctx *ctx, const struct link_job *job, const struct fetch_page *page) {
    const struct markup *m = &page->markup;
    const char *url = page->reply.url, *base = m->base[0] != '\0' ? fetch_url_in(ctx, url, m->base) : url;

    if (base == NULL || strcmp(fetch_host(ctx, url), fetch_host(ctx, job->url)) != 0)
        return false;
    for (size_t i = 0; i < m->n_me; i++)
        if (is_profile(ctx, fetch_url_in(ctx, base, m->me[i]), job->handle))
            return true;
    return false;
}

/* ---- Looking */

struct look {
    struct ctx *ctx;
    struct flight *flight;
    const struct link_job *job;
};

static enum code note(const struct look *l, enum code asked, bool back) {
    struct ctx *ctx = l->ctx;
    int64_t now_ms = clock_now_ms();
    bool news;
    enum code c;

    if (asked == CANCELLED)
        return user_store_link_later(ctx, l->job, now_ms);
    if (fetch_may_pass(asked) && l->job->attempts < ATTEMPTS)
        return user_store_link_later(ctx, l->job, now_ms + HOUR_MS);
    if ((c = user_store_link_checked(ctx, l->job, back, now_ms + WEEK_MS, &news)) == OK && news)
        user_publish(ctx, l->job->user);
    return c;
}

/* What can't be noted now is looked at again when the lease is over. */
static void land(const struct look *l, enum code asked, bool back) {
    struct ctx *ctx = l->ctx;
    enum code c = note(l, asked, back);

    if (c != OK)
        log_warn(ctx, "it can't be noted what came of a profile's link", "user=%lld cause=%s",
                 (long long)l->job->user, ctx->error.detail != NULL ? ctx->error.detail : code_name(c));
    flight_over(l->flight);
}

static void page_came(void *arg, enum code c, const struct fetch_page *page) {
    const struct look *l = arg;
    struct ctx *ctx = l->ctx;

    if (c != OK)
        log_info(ctx, "a profile's link was not looked at", "user=%lld cause=%s", (long long)l->job->user,
                 ctx->error.detail != NULL ? ctx->error.detail : code_name(c));
    fail_clear(ctx);
    land(l, c, c == OK && links_back(ctx, l->job, page));
}

/* What is not by https is not asked, and one that has ended the process each time neither. */
static enum code begin(struct look *l) {
    if (l->job->attempts > ATTEMPTS || !text_starts(l->job->url, HTTPS "://")) {
        land(l, OK, false);
        return OK;
    }
    return fetch_page_begin(l->ctx, &(struct fetch_page_request){
                                        .url = l->job->url, .schemes = HTTPS, .done = page_came, .arg = l});
}

static enum code take(struct flight *f, bool *ret_due) {
    struct link_job *job;
    struct look *l;
    enum code c = user_store_link_take(&f->ctx, id_next(), &job);

    *ret_due = c == OK && job != NULL;
    if (!*ret_due)
        return c;
    l = arena_one(f->ctx.arena, struct look);
    *l = (struct look){&f->ctx, f, job};
    return begin(l);
}

static struct lane lane = {.take = take, .step = fetch_pages_step, .look_ms = LOOK_MS};

enum code user_links_run(struct ctx *ctx, int64_t *ret_wait_ms) { return lane_run(&lane, ctx, ret_wait_ms); }

/* What is under way is begun anew by the next process. */
static void finish(struct ctx *ctx) {
    (void)ctx;
    fetch_pages_stop();
}

const struct timer user_timers[] = {
    {.name = "user-links",
     .service = SVC_USER,
     .process = TIMER_FETCH,
     .run = user_links_run,
     .finish = finish},
    {0},
};
